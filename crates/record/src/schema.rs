//! The schema itself: the tables of fields, one per record type.
//!
//! ```text
//! conn.rs: one line a field ──▶ Info { name, kind, eve, storage, ipfix, keys, doc … } => value
//!                                        │
//!        ┌───────────┬─────────┬─────────┼──────────────┬───────────────────────────┐
//!     Zeek JSON   Zeek TSV    EVE   Arrow types   ClickHouse DDL   IPFIX   docs/reference-records.md
//! ```
//!
//! To add a field, add it to the record's struct and one entry to its table. Tests fail if a dialect does not write it.
//!
//! A table is a list of [`Info`]s, and a function that takes a [`Visitor`] through them in order. The compiler makes of it,
//! for each dialect, straight code in which what is said of a field is constant: its key, whether it may be
//! left out, where it goes. So one table costs no more at run time than a formatter written out by hand.

/// Makes of a table `NAME: Record, |record, context| info => value; …` the list of its [`Info`]s and the record's `visit`.
macro_rules! fields {
    ($(#[$doc:meta])* $name:ident: $record:ty, |$r:ident, $x:ident| $($info:expr => $value:expr;)*) => {
        $(#[$doc])*
        pub static $name: &[$crate::field::Info] = &[$($info),*];

        impl $record {
            /// Takes `visitor` through the record's fields, in the order of the table.
            #[inline(always)]
            pub fn visit<'a>(&'a self, $x: &'a $crate::RecordContext, visitor: &mut impl $crate::Visitor) {
                let $r = self;
                $({
                    const FIELD: &$crate::field::Info = &$info;
                    if visitor.wants(FIELD) {
                        let value: $crate::Value<'a> = if FIELD.tcp && !$r.is_tcp() {
                            $crate::Value::Unset
                        } else {
                            $value
                        };
                        visitor.field(FIELD, value);
                    }
                })*
            }
        }
    };
}

mod capture_loss;
mod conn;
mod weird;

pub use capture_loss::CAPTURE_LOSS;
pub use conn::CONN;
pub use weird::WEIRD;

use crate::Record;
use crate::app::App;
use crate::context::RecordContext;
use crate::field::Info;
use crate::value::Value;

/// What a dialect does with the fields of a record.
pub trait Visitor {
    /// Whether it wants this field at all. What is not wanted is not worked out.
    #[inline(always)]
    fn wants(&self, _field: &'static Info) -> bool {
        true
    }

    /// Takes one field: what is said of it, and its value. Declared `inline(always)`, it is compiled apart for each
    /// field, and what it asks of `field` is known then; what it does should be little, and the rest functions of their own.
    fn field(&mut self, field: &'static Info, value: Value<'_>);
}

/// What is said of one log and its fields.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its name: Zeek's `path`.
    pub path: &'static str,
    /// What its records are, in a sentence or two.
    pub doc: &'static str,
    /// Its fields, in order.
    pub fields: Vec<Info>,
}

/// Every log there is.
#[must_use]
pub fn logs() -> Vec<Log> {
    let mut logs = vec![
        Log {
            path: "conn",
            doc: "One conversation, written once when it ends, with its totals.",
            fields: CONN.to_vec(),
        },
        Log {
            path: "conn_update",
            doc: "A conversation that goes on, at each active timeout. The counters are what was added since the last update, `ts` and `duration` are of that interval; `uid` is the same as in `conn`.",
            fields: CONN.to_vec(),
        },
        Log {
            path: "weird",
            doc: "Something odd in the traffic. These are samples: the counters of the loss ledger are complete.",
            fields: WEIRD.to_vec(),
        },
        Log {
            path: "capture_loss",
            doc: "How much of the TCP data that was acknowledged was never seen, for one interval: loss before Portreeve.",
            fields: CAPTURE_LOSS.to_vec(),
        },
    ];
    logs.extend(crate::app::logs());
    logs
}

impl App {
    /// Takes `visitor` through the record's fields. One piece of code a dialect, whatever the log.
    #[inline(never)]
    pub fn visit(&self, context: &RecordContext, visitor: &mut impl Visitor) {
        self.record().fields(context, &mut |fields, values| {
            for (field, value) in fields.iter().zip(values) {
                if visitor.wants(field) {
                    visitor.field(field, *value);
                }
            }
        });
    }
}

impl Record {
    /// Takes `visitor` through the record's fields, in the order of its table.
    #[inline(always)]
    pub fn visit(&self, context: &RecordContext, visitor: &mut impl Visitor) {
        match self {
            Record::Conn(conn) | Record::ConnUpdate(conn) => conn.visit(context, visitor),
            Record::Weird(weird) => weird.visit(context, visitor),
            Record::CaptureLoss(loss) => loss.visit(context, visitor),
            Record::App(app) => app.visit(context, visitor),
        }
    }

    /// Hands every field of the record to `each`, in the order of its table: what is said of it, and its value.
    /// For where speed does not matter; dialects bring a [`Visitor`].
    pub fn each_field(&self, context: &RecordContext, each: impl FnMut(&'static Info, Value<'_>)) {
        struct Each<F>(F);

        impl<F: FnMut(&'static Info, Value<'_>)> Visitor for Each<F> {
            fn field(&mut self, field: &'static Info, value: Value<'_>) {
                (self.0)(field, value);
            }
        }

        self.visit(context, &mut Each(each));
    }
}
