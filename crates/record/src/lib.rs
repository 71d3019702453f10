//! The schema: every record that Portreeve can emit, each field described once.
//!
//! Workers make records ([`Record`], plain values without heap memory for `conn`), send them through SPSC rings, and
//! the output side turns them into Zeek's logs, EVE and the rest by the schema. Zeek's names are the
//! native names; what Portreeve adds stands behind Zeek's own fields and is documented as an addition.
//!
//! Time is `i64` nanoseconds since 1970-01-01 UTC; intervals are `i64` nanoseconds; byte counts are bytes on the wire.
#![forbid(unsafe_code)]

pub mod app;
pub mod ascii;
pub mod community_id;
pub mod conn;
pub mod context;
pub mod facts;
pub mod feed;
pub mod field;
pub mod history;
pub mod join;
pub mod key;
pub mod proto;
pub mod schema;
pub mod sink;
pub mod uid;
pub mod value;
pub mod weird;

pub use app::{App, Head};
pub use ascii::Ascii;
pub use context::{Name, RecordContext};
pub use facts::Facts;
pub use feed::RecordFeed;
pub use field::Info;
pub use join::{Fate, Joiner};
pub use key::Key;
pub use schema::Visitor;
pub use value::Value;

pub use conn::{Conn, ConnState, EndReason, Side};
pub use history::History;
pub use sink::{RecordSink, When};
pub use uid::{Fuid, Uid};
pub use weird::{CaptureLoss, Weird};

/// Which of the run's sources (interfaces, files) a record came from: an index into the run's list of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceId(pub u16);

/// One record of any kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A flow that ended, with its totals.
    Conn(Conn),
    /// A flow that goes on, with what was added since the last update: the counters are deltas, `ts` and `duration` are of the interval.
    ConnUpdate(Conn),
    /// Something odd in the traffic.
    Weird(Weird),
    /// How much of what was acknowledged was never seen, for one interval.
    CaptureLoss(CaptureLoss),
    /// What a conversation is about.
    App(App),
}

impl Record {
    /// The name of the log this record belongs to (Zeek's `_path`).
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self {
            Record::Conn(_) => "conn",
            Record::ConnUpdate(_) => "conn_update",
            Record::Weird(_) => "weird",
            Record::CaptureLoss(_) => "capture_loss",
            Record::App(app) => app.path(),
        }
    }
}
