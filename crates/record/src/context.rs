//! What a record's text needs and the record itself does not carry.

use std::fmt;

use crate::SourceId;
use crate::facts::Facts;
use crate::value::Value;

/// A name out of the configuration or the command line. Whether anything in it needs escaping is found out once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Name {
    text: Box<str>,
    plain: bool,
}

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        let bytes = text.as_bytes();
        let plain = bytes
            .first()
            .is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'/')
            && bytes
                .iter()
                .all(|&b| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b));
        Name {
            text: text.into_boxed_str(),
            plain,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl<'a> From<&'a Name> for Value<'a> {
    #[inline]
    fn from(name: &'a Name) -> Self {
        if name.plain {
            Value::Word(&name.text)
        } else {
            Value::Str(&name.text)
        }
    }
}

impl<'a> From<Option<&'a Name>> for Value<'a> {
    #[inline]
    fn from(name: Option<&'a Name>) -> Self {
        name.map_or(Value::Unset, Value::from)
    }
}

/// The names that stand behind the numbers in records; one per run, handed to every formatter. An output that joins facts has a copy of its own,
/// which also says what is known of the record at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordContext {
    sensor: Name,
    sources: Vec<Name>,
    facts: Option<Box<Facts>>,
}

impl RecordContext {
    /// A context for `sensor`, and the run's `sources` (interfaces, files) in the order of their [`SourceId`]s.
    #[must_use]
    pub fn new(sensor: impl Into<String>, sources: Vec<String>) -> Self {
        RecordContext {
            sensor: Name::from(sensor.into()),
            sources: sources.into_iter().map(Name::from).collect(),
            facts: None,
        }
    }

    /// Name of this sensor, written into every record.
    #[inline]
    #[must_use]
    pub fn sensor(&self) -> &Name {
        &self.sensor
    }

    /// The name of a source; `None` if the run has no such source.
    #[inline]
    #[must_use]
    pub fn source(&self, id: SourceId) -> Option<&Name> {
        self.sources.get(usize::from(id.0))
    }

    /// What is known of the record at hand; `None` if nothing is joined.
    #[inline]
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_deref()
    }

    /// The same, to be filled in. Its room is made once.
    pub fn facts_mut(&mut self) -> &mut Facts {
        self.facts.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_escaping_are_known() {
        let plain = |text: &str| Name::from(text.to_owned()).plain;
        for text in ["eth0", "sensor-1", "dpdk:0000:3b:00.0", "/tmp/a.pcap"] {
            assert!(plain(text), "{text}");
        }
        for text in [
            "", "-", "(empty)", "a\tb", "a\"b", "a\\b", "a,b", "é", "a\u{7f}",
        ] {
            assert!(!plain(text), "{text:?}");
        }
    }
}
