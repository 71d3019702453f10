//! Columns of several values a row. Few logs have any, and few rows of those.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, Int64Builder, ListBuilder, StringBuilder, UInt64Builder,
};
use arrow::datatypes::Field;
use portreeve_record::Value;
use portreeve_record::field::Storage;
use portreeve_record::value::Items;

use super::as_text;
use crate::schema::written_type;

/// What an element takes beside its text.
const ELEMENT: usize = 8;

enum Builder {
    Texts(ListBuilder<StringBuilder>),
    Intervals(ListBuilder<Int64Builder>),
    Counts(ListBuilder<UInt64Builder>),
}

/// Lists, a slot for each row up to the last that has one.
pub(super) struct Lists {
    builder: Builder,
    bytes: usize,
}

impl Lists {
    /// Lists of what a column of that storage type has; `None` if it has no lists.
    pub fn new(storage: Storage) -> Option<Self> {
        let element = |storage| Field::new("element", written_type(storage), true);
        let builder = match storage {
            Storage::Texts | Storage::Ips => Builder::Texts(
                ListBuilder::new(StringBuilder::new()).with_field(element(Storage::Text)),
            ),
            Storage::DurationsNs => Builder::Intervals(
                ListBuilder::new(Int64Builder::new()).with_field(element(Storage::DurationNs)),
            ),
            Storage::U64s => Builder::Counts(
                ListBuilder::new(UInt64Builder::new()).with_field(element(Storage::U64)),
            ),
            _ => return None,
        };
        Some(Lists { builder, bytes: 0 })
    }

    fn pad(&mut self, rows: usize) {
        match &mut self.builder {
            Builder::Texts(builder) => (builder.len()..rows).for_each(|_| builder.append(false)),
            Builder::Intervals(builder) => {
                (builder.len()..rows).for_each(|_| builder.append(false));
            }
            Builder::Counts(builder) => (builder.len()..rows).for_each(|_| builder.append(false)),
        }
    }

    /// The elements of `row`, which is behind all that have any; how many bytes they have. Those of another type are none: the schema gives each field one, and a test goes through them all.
    #[inline(never)]
    pub fn push(&mut self, row: usize, items: &Items<'_>) -> usize {
        self.pad(row);
        let mut bytes = items.len() * ELEMENT;
        match (&mut self.builder, items) {
            (Builder::Intervals(builder), Items::Intervals(items)) => {
                builder.values().append_slice(items);
                builder.append(true);
            }
            (Builder::Counts(builder), Items::Counts(items)) => {
                builder.values().append_slice(items);
                builder.append(true);
            }
            (Builder::Texts(builder), items) => {
                bytes += texts(builder.values(), items);
                builder.append(true);
            }
            _ => {}
        }
        self.bytes += bytes;
        bytes
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        match &self.builder {
            Builder::Texts(builder) => builder.is_empty(),
            Builder::Intervals(builder) => builder.is_empty(),
            Builder::Counts(builder) => builder.is_empty(),
        }
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory, with room that is not used, about: builders double, and tell not of all that they have.
    pub fn held(&self) -> usize {
        let rows = match &self.builder {
            Builder::Texts(builder) => builder.len(),
            Builder::Intervals(builder) => builder.len(),
            Builder::Counts(builder) => builder.len(),
        };
        2 * (self.bytes + rows * ELEMENT)
    }

    /// Takes the lists of so many rows out.
    pub fn take(&mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        self.bytes = 0;
        match &mut self.builder {
            Builder::Texts(builder) => Arc::new(builder.finish()),
            Builder::Intervals(builder) => Arc::new(builder.finish()),
            Builder::Counts(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Appends what is text of these; how many bytes it has.
fn texts(values: &mut StringBuilder, items: &Items<'_>) -> usize {
    let mut bytes = 0;
    let mut each = |value: &Value<'_>| {
        as_text(value, |text| {
            values.append_value(text);
            bytes += text.len();
        });
    };
    match items {
        Items::Uids(uids) => uids.iter().for_each(|uid| each(&Value::Uid(*uid))),
        Items::Fuids(fuids) => fuids
            .iter()
            .for_each(|fuid| each(&Value::Str(&fuid.to_string()))),
        Items::Strs(strs) => strs.iter().for_each(|text| each(&Value::Str(text))),
        Items::Texts(texts) => texts.iter().for_each(|text| each(&Value::Str(text))),
        Items::Addrs(addresses) => addresses
            .iter()
            .for_each(|address| each(&Value::Addr(*address))),
        _ => {}
    }
    bytes
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use portreeve_record::{Fuid, Uid};

    use super::*;

    #[test]
    fn every_kind_of_elements_is_there() {
        let fuids = [
            Fuid::new(Uid([1, 2, 3]), false, 0),
            Fuid::new(Uid([1, 2, 3]), true, 1),
        ];
        let names = ["one".into(), "two".into()];
        let addresses = ["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        let uids = [Uid([1, 2, 3])];
        let mut lists = Lists::new(Storage::Texts).unwrap();
        for (row, items) in [
            Items::Fuids(&fuids),
            Items::Texts(&names),
            Items::Addrs(&addresses),
            Items::Strs(&["x"]),
            Items::Uids(&uids),
            Items::Strs(&[]),
        ]
        .iter()
        .enumerate()
        {
            // A row without any between two.
            lists.push(2 * row, items);
        }
        let array = lists.take(12);
        let array = array.as_list::<i32>();
        let told = |row: usize| -> Vec<String> {
            let row = array.value(row);
            let row = row.as_string::<i32>();
            row.iter().flatten().map(str::to_owned).collect()
        };
        assert_eq!(told(0), fuids.map(|fuid| fuid.to_string()));
        assert_eq!(told(2), ["one", "two"]);
        assert_eq!(told(4), ["10.0.0.1", "::1"]);
        assert_eq!(
            (told(6), told(8)),
            (vec!["x".to_owned()], vec![uids[0].to_string()])
        );
        assert!(array.is_valid(10) && told(10).is_empty());
        assert!((0..6).all(|row| array.is_null(2 * row + 1)));
    }
}
