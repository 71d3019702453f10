//! Dialects: how a record is spelt.
//!
//! A [`Formatter`] appends whole lines to a buffer. It allocates nothing once its buffer has grown to size.
//!
//! A dialect is a [`Visitor`](portreeve_record::Visitor): the compiler makes straight code of it and the schema's table for
//! each kind of record, in which keys are constants. What both JSON dialects leave out: fields without a value,
//! and counters of Portreeve's own that are 0. A counter of ours that is not there is 0.

mod eve;
mod zeek_json;
mod zeek_tsv;

use std::time::SystemTime;

use portreeve_record::schema::{Log, logs};
use portreeve_record::{Record, RecordContext};

use crate::draft::{self, Draft, Page};
use crate::text::TimeFormat;

/// The spellings there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Zeek's JSON: one object a line, unset fields left out.
    #[default]
    ZeekJson,
    /// Zeek's tab-separated columns with header lines.
    ZeekTsv,
    /// Suricata's EVE JSON.
    Eve,
}

impl Dialect {
    /// The dialect's name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::ZeekJson => "zeek-json",
            Dialect::ZeekTsv => "zeek-tsv",
            Dialect::Eve => "eve",
        }
    }

    /// Name of the file that takes the records of the log `path`, without its ending: Zeek keeps one file a log,
    /// EVE has all in one.
    #[must_use]
    pub fn stem(self, path: &'static str) -> &'static str {
        match self {
            Dialect::ZeekJson | Dialect::ZeekTsv => path,
            Dialect::Eve => "eve",
        }
    }

    /// Ending of its files, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Dialect::ZeekJson | Dialect::ZeekTsv => "log",
            Dialect::Eve => "json",
        }
    }
}

/// Spells records in one dialect.
pub struct Formatter {
    dialect: Dialect,
    time: TimeFormat,
    with_path: bool,
    logs: Vec<Log>,
    page: Page,
}

impl Formatter {
    /// A formatter. `with_path`: each Zeek JSON line begins with `_path`, the name of its log (for streams that mix logs).
    #[must_use]
    pub fn new(dialect: Dialect, time: TimeFormat, with_path: bool) -> Self {
        Formatter {
            dialect,
            time,
            with_path,
            logs: logs(),
            page: draft::page(),
        }
    }

    /// The dialect it writes.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Appends the record as one line, newline included.
    pub fn record(&mut self, out: &mut Vec<u8>, record: &Record, context: &RecordContext) {
        let draft = Draft::new(&mut self.page, out);
        match self.dialect {
            Dialect::ZeekJson => {
                zeek_json::record(draft, record, context, self.time, self.with_path);
            }
            Dialect::ZeekTsv => zeek_tsv::record(draft, record, context, self.time),
            Dialect::Eve => eve::record(draft, record, context, self.time),
        }
    }

    /// Appends the lines that begin a file of the log `path`, if the dialect has any.
    pub fn header(&self, out: &mut Vec<u8>, path: &str, opened: SystemTime) {
        if self.dialect == Dialect::ZeekTsv
            && let Some(log) = self.logs.iter().find(|log| log.path == path)
        {
            zeek_tsv::header(out, log, opened);
        }
    }

    /// Appends the lines that end a file, if the dialect has any.
    pub fn footer(&self, out: &mut Vec<u8>, closed: SystemTime) {
        if self.dialect == Dialect::ZeekTsv {
            zeek_tsv::footer(out, closed);
        }
    }
}
