//! Records as JSON objects, times in whole units.

use std::collections::HashMap;

use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::field::Kind;
use portreeve_record::schema::logs;
use portreeve_record::{Record, RecordContext};
use serde_json::{Map, Number, Value};

/// Spells records as lines of JSON, and makes objects of the lines.
pub(crate) struct Spelling {
    formatter: Formatter,
    /// By log: the members that are times, and in what unit they are to be.
    times: HashMap<&'static str, Vec<(&'static str, Unit)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A moment: milliseconds.
    Milliseconds,
    /// An interval, or several: nanoseconds.
    Nanoseconds,
}

impl Spelling {
    pub(crate) fn new() -> Self {
        let unit = |kind| match kind {
            Kind::Time => Some(Unit::Milliseconds),
            Kind::Interval | Kind::VecInterval => Some(Unit::Nanoseconds),
            _ => None,
        };
        let of = |log: portreeve_record::schema::Log| {
            let fields = log.fields.iter();
            let times = fields.filter_map(|field| Some((field.name, unit(field.kind)?)));
            (log.path, times.collect())
        };
        Spelling {
            formatter: Formatter::new(Dialect::ZeekJson, TimeFormat::EpochNs, false),
            times: logs().into_iter().map(of).collect(),
        }
    }

    /// The record as one line into `line`, which is emptied first.
    pub(crate) fn line(&mut self, line: &mut Vec<u8>, record: &Record, context: &RecordContext) {
        line.clear();
        self.formatter.record(line, record, context);
    }

    /// The object that `line`, of the log `path`, is.
    pub(crate) fn object(&self, path: &str, line: &[u8]) -> Map<String, Value> {
        let mut object: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
        for (name, unit) in self.times.get(path).into_iter().flatten() {
            if let Some(value) = object.get_mut(*name) {
                in_whole_units(value, *unit);
            }
        }
        object
    }
}

fn in_whole_units(value: &mut Value, unit: Unit) {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| in_whole_units(value, unit)),
        Value::Number(number) => {
            let factor = match unit {
                Unit::Milliseconds => 1e3,
                Unit::Nanoseconds => 1e9,
            };
            let whole = (number.as_f64().unwrap_or(0.0) * factor).round();
            *number = Number::from(whole as i64);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::Conn;

    #[test]
    fn times_are_milliseconds_and_intervals_nanoseconds() {
        let mut spelling = Spelling::new();
        let conn = Record::Conn(Conn {
            ts: 1_700_000_000_123_456_789,
            duration: Some(1_500_000_001),
            ..Conn::default()
        });
        let mut line = Vec::new();
        spelling.line(
            &mut line,
            &conn,
            &RecordContext::new("s", vec!["eth9".into()]),
        );
        let object = spelling.object("conn", &line);
        assert_eq!(object["ts"], 1_700_000_000_123_i64);
        assert_eq!(object["duration"], 1_500_000_001_i64);
        assert_eq!(object["id.orig_h"], "0.0.0.0");
        assert_eq!(object["source"], "eth9");
        assert!(!object.contains_key("icmp_errors"));
    }
}
