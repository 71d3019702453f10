//! Whether what is written of a record can be read again, whatever somebody sent: by JSON's own reader, and by a TSV's header.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::UNIX_EPOCH;

use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::{Record, RecordContext};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Spells records in all dialects.
pub struct Spelling {
    formatters: [Formatter; 3],
    context: RecordContext,
    /// Columns of a log's lines, by its header.
    columns: HashMap<String, usize>,
    line: Vec<u8>,
}

impl Default for Spelling {
    fn default() -> Spelling {
        let formatter = |dialect| Formatter::new(dialect, TimeFormat::Epoch, true);
        Spelling {
            formatters: [Dialect::ZeekJson, Dialect::Eve, Dialect::ZeekTsv].map(formatter),
            context: RecordContext::new("sensor", vec!["source".into()]),
            columns: HashMap::new(),
            line: Vec::new(),
        }
    }
}

impl Spelling {
    /// Spells a record in each dialect, and reads it.
    ///
    /// # Panics
    /// If a line is not one line, or not what its dialect has: JSON with no key twice in an object, as many columns as the header names.
    pub fn check(&mut self, record: &Record) {
        for formatter in &mut self.formatters {
            self.line.clear();
            formatter.record(&mut self.line, record, &self.context);
            // EVE has no place for some records.
            let Some((b'\n', line)) = self.line.split_last() else {
                assert!(self.line.is_empty(), "no end of line: {record:?}");
                continue;
            };
            assert!(!line.contains(&b'\n'), "two lines: {record:?}");
            if formatter.dialect() == Dialect::ZeekTsv {
                let wanted = columns(&mut self.columns, formatter, record.path());
                let found = line.split(|byte| *byte == b'\t').count();
                assert_eq!(found, wanted, "columns of {record:?}");
            } else if let Err(error) = serde_json::from_slice::<Unique>(line) {
                let line = String::from_utf8_lossy(line);
                panic!("{error} in {line}");
            }
        }
    }
}

/// How many columns a log has, by the names in its header.
fn columns(known: &mut HashMap<String, usize>, formatter: &Formatter, path: &str) -> usize {
    if let Some(columns) = known.get(path) {
        return *columns;
    }
    let mut header = Vec::new();
    formatter.header(&mut header, path, UNIX_EPOCH);
    let header = String::from_utf8(header).expect("a header of text");
    let names = header.lines().find(|line| line.starts_with("#fields\t"));
    let columns = names.map_or(0, |line| line.split('\t').count() - 1);
    known.insert(path.to_owned(), columns);
    columns
}

/// JSON of any form, in which no object has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unique, D::Error> {
        deserializer.deserialize_any(Unique)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
        while seq.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Unique)) = map.next_entry::<String, Unique>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("{key:?} twice")));
            }
        }
        Ok(Unique)
    }
}
