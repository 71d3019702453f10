//! `alert`: a threshold on the monitor's own work that was passed.

use super::Head;
use super::head::{SENSOR, SOURCE, TS};
use crate::SourceId;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Double, Enum, Str, Time};
use crate::field::Storage;
use crate::value::Value;

/// A threshold that was passed, or is not passed any more. It comes from the program itself, not from a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alert {
    /// `ts` is when; the rest says nothing, but for a `source` that it is about.
    pub head: Head,
    /// What it is called in the configuration: `loss`, `link_down` …
    pub name: &'static str,
    /// `raised` or `cleared`.
    pub state: &'static str,
    /// `warning` or `critical`.
    pub severity: &'static str,
    /// Which interface, folder, output or worker.
    pub object: Option<Box<str>>,
    /// When the condition began to hold; nanoseconds since 1970-01-01 UTC.
    pub since: i64,
    /// The value.
    pub value: f64,
    /// The threshold.
    pub threshold: f64,
    /// What both are counted in.
    pub unit: &'static str,
    /// What is the matter, in a sentence.
    pub message: Box<str>,
}

impl Alert {
    /// A head that says when, and no conversation and no source.
    #[must_use]
    pub fn at(ts: i64) -> Head {
        Head {
            ts,
            source: SourceId(u16::MAX),
            ..Head::default()
        }
    }
}

app_log! {
    /// The fields of `alert`.
    ALERT: Alert, |a, x|
    TS => Value::Time(a.head.ts);
    Info::added("name", Enum, "portreeve_alert.name", Own(271), "What it is called in the configuration, such as `loss` or `link_down`.").stored(Storage::Name) => Value::Str(a.name);
    Info::added("state", Enum, "portreeve_alert.state", Own(272), "`raised`, or `cleared` when it is over.").stored(Storage::Name) => Value::Str(a.state);
    Info::added("severity", Enum, "portreeve_alert.severity", Own(273), "`warning`, or `critical` for what costs data.").stored(Storage::Name) => Value::Str(a.severity);
    Info::added("object", Str, "portreeve_alert.object", Own(274), "Which interface, folder, output or worker.").optional() => a.object.as_deref().map_or(Value::Unset, Value::Str);
    Info::added("since", Time, "portreeve_alert.since", Own(275), "When the condition began to hold.") => Value::Time(a.since);
    Info::added("value", Double, "portreeve_alert.value", Own(276), "The value, when it last was beyond the threshold.") => Value::Double(a.value);
    Info::added("threshold", Double, "portreeve_alert.threshold", Own(277), "The threshold.") => Value::Double(a.threshold);
    Info::added("unit", Enum, "portreeve_alert.unit", Own(278), "What both are counted in: `percent`, `bytes`, `bits_per_second`, `packets_per_second`, `count`.").stored(Storage::Name) => Value::Str(a.unit);
    Info::added("message", Str, "portreeve_alert.message", Own(279), "What is the matter, in a sentence.") => Value::Str(&a.message);
    SOURCE => x.source(a.head.source).into();
    SENSOR => x.sensor().into();
}
