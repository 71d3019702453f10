//! Rows on their way into columns.
//!
//! One [`Columns`] for each table: a builder for each field, by its storage type. Values come in the order of the table, from the
//! same [`Visitor`] that the dialects use.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, PrimitiveBuilder,
    RecordBatch, StringBuilder, StringDictionaryBuilder, TimestampNanosecondBuilder, UInt8Builder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{ArrowPrimitiveType, Field, Int32Type, SchemaRef};
use arrow::error::ArrowError;
use portreeve_output::text::{self, ROOM};
use portreeve_record::field::Storage;
use portreeve_record::value::Items;
use portreeve_record::{Info, Value, Visitor};

use crate::schema::written_type;

/// Bytes that every value is taken to have beside its text: validity, offset or number.
const VALUE_BYTES: usize = 8;

/// A text longer than this is cut: a column's batch has offsets of 31 bits, and nobody reads more of one value.
const MOST_TEXT: usize = 64 * 1024;

enum Column {
    Bool(BooleanBuilder),
    U8(UInt8Builder),
    U16(UInt16Builder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    I64(Int64Builder),
    F64(Float64Builder),
    Time(TimestampNanosecondBuilder),
    Text(StringBuilder),
    Name(StringDictionaryBuilder<Int32Type>),
    Texts(ListBuilder<StringBuilder>),
    I64s(ListBuilder<Int64Builder>),
    U64s(ListBuilder<UInt64Builder>),
}

impl Column {
    fn new(storage: Storage) -> Self {
        let element = |storage| Field::new("element", written_type(storage), true);
        match storage {
            Storage::Bool => Column::Bool(BooleanBuilder::new()),
            Storage::U8 => Column::U8(UInt8Builder::new()),
            Storage::U16 => Column::U16(UInt16Builder::new()),
            Storage::U32 => Column::U32(UInt32Builder::new()),
            Storage::U64 => Column::U64(UInt64Builder::new()),
            Storage::I64 | Storage::DurationNs => Column::I64(Int64Builder::new()),
            Storage::F64 => Column::F64(Float64Builder::new()),
            Storage::TimeNs => Column::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            Storage::Name => Column::Name(StringDictionaryBuilder::new()),
            Storage::Texts | Storage::Ips => Column::Texts(
                ListBuilder::new(StringBuilder::new()).with_field(element(Storage::Text)),
            ),
            Storage::DurationsNs => Column::I64s(
                ListBuilder::new(Int64Builder::new()).with_field(element(Storage::DurationNs)),
            ),
            Storage::U64s => Column::U64s(
                ListBuilder::new(UInt64Builder::new()).with_field(element(Storage::U64)),
            ),
            _ => Column::Text(StringBuilder::new()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Bool(builder) => Arc::new(builder.finish()),
            Column::U8(builder) => Arc::new(builder.finish()),
            Column::U16(builder) => Arc::new(builder.finish()),
            Column::U32(builder) => Arc::new(builder.finish()),
            Column::U64(builder) => Arc::new(builder.finish()),
            Column::I64(builder) => Arc::new(builder.finish()),
            Column::F64(builder) => Arc::new(builder.finish()),
            Column::Time(builder) => Arc::new(builder.finish()),
            Column::Text(builder) => Arc::new(builder.finish()),
            Column::Name(builder) => Arc::new(builder.finish()),
            Column::Texts(builder) => Arc::new(builder.finish()),
            Column::I64s(builder) => Arc::new(builder.finish()),
            Column::U64s(builder) => Arc::new(builder.finish()),
        }
    }

    /// Appends a value and says how many bytes of text it has. What does not fit the column's type is null: the schema gives each field one
    /// kind, and a test goes through them all.
    #[inline(always)]
    fn push(&mut self, value: &Value<'_>) -> usize {
        match self {
            Column::Bool(builder) => builder.append_option(match *value {
                Value::Bool(bool) => Some(bool),
                _ => None,
            }),
            Column::U8(builder) => number(builder, value),
            Column::U16(builder) => number(builder, value),
            Column::U32(builder) => number(builder, value),
            Column::U64(builder) => builder.append_option(unsigned(value)),
            Column::I64(builder) => builder.append_option(match *value {
                Value::Interval(number) | Value::Int(number) | Value::Time(number) => Some(number),
                Value::Count(number) => i64::try_from(number).ok(),
                _ => None,
            }),
            Column::F64(builder) => builder.append_option(match *value {
                Value::Double(number) => Some(number),
                _ => None,
            }),
            Column::Time(builder) => builder.append_option(match *value {
                Value::Time(at) => Some(at),
                _ => None,
            }),
            Column::Text(builder) => return textual(builder, value),
            Column::Name(builder) => {
                as_text(value, |text| match text {
                    // A text that does not fit the dictionary any more (2^31 different ones) is null.
                    Some(text) => {
                        if builder.append(text).is_err() {
                            builder.append_null();
                        }
                    }
                    None => builder.append_null(),
                });
            }
            Column::Texts(builder) => return texts(builder, value),
            Column::I64s(builder) => match *value {
                Value::Set(Items::Intervals(items)) => {
                    builder.values().append_slice(items);
                    builder.append(true);
                    return items.len() * 8;
                }
                _ => builder.append(false),
            },
            Column::U64s(builder) => match *value {
                Value::Set(Items::Counts(items)) => {
                    builder.values().append_slice(items);
                    builder.append(true);
                    return items.len() * 8;
                }
                _ => builder.append(false),
            },
        }
        0
    }
}

fn unsigned(value: &Value<'_>) -> Option<u64> {
    match *value {
        Value::Count(number) => Some(number),
        Value::Port(port) => Some(port.into()),
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

#[inline(always)]
fn number<T>(builder: &mut PrimitiveBuilder<T>, value: &Value<'_>)
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<u64>,
{
    builder.append_option(unsigned(value).and_then(|number| T::Native::try_from(number).ok()));
}

/// As much of a text as is stored.
fn cut(text: &str) -> &str {
    if text.len() <= MOST_TEXT {
        return text;
    }
    let mut end = MOST_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Hands the value as text to `take`, `None` if it is unset or none.
#[inline(always)]
fn as_text<T>(value: &Value<'_>, take: impl FnOnce(Option<&str>) -> T) -> T {
    match value {
        Value::Str(text) | Value::Word(text) => take(Some(cut(text))),
        Value::Letters(letters) => take(std::str::from_utf8(letters).ok()),
        Value::Uid(uid) => take(std::str::from_utf8(&uid.text()).ok()),
        Value::Text(text) => take(Some(text.as_str())),
        Value::Addr(address) => {
            let mut room = [0; ROOM];
            let len = text::address(&mut room, *address);
            take(std::str::from_utf8(room.get(..len).unwrap_or_default()).ok())
        }
        _ => take(None),
    }
}

#[inline(always)]
fn textual(builder: &mut StringBuilder, value: &Value<'_>) -> usize {
    as_text(value, |text| {
        builder.append_option(text);
        text.map_or(0, str::len)
    })
}

#[inline(never)]
fn texts(builder: &mut ListBuilder<StringBuilder>, value: &Value<'_>) -> usize {
    let Value::Set(items) = value else {
        builder.append(false);
        return 0;
    };
    let mut bytes = 0;
    let values = builder.values();
    let mut each = |value: &Value<'_>| bytes += VALUE_BYTES + textual(values, value);
    match items {
        Items::Uids(uids) => uids.iter().for_each(|uid| each(&Value::Uid(*uid))),
        Items::Strs(strs) => strs.iter().for_each(|text| each(&Value::Str(text))),
        Items::Texts(texts) => texts.iter().for_each(|text| each(&Value::Str(text))),
        Items::Addrs(addresses) => addresses
            .iter()
            .for_each(|address| each(&Value::Addr(*address))),
        _ => {}
    }
    builder.append(true);
    bytes
}

/// The rows of one table that are in memory.
pub(crate) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// The column that the next value goes to.
    at: usize,
    rows: usize,
    bytes: usize,
    /// A field that is left null, to save its bytes.
    left_out: Option<&'static str>,
}

impl Columns {
    /// No rows yet.
    pub fn new(fields: &[Info], schema: SchemaRef, left_out: Option<&'static str>) -> Self {
        Columns {
            schema,
            columns: fields
                .iter()
                .map(|info| Column::new(info.storage))
                .collect(),
            at: 0,
            rows: 0,
            bytes: 0,
            left_out,
        }
    }

    /// Rows that are in.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes they have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of the next column of the row.
    #[inline(always)]
    pub fn push(&mut self, value: &Value<'_>) {
        if let Some(column) = self.columns.get_mut(self.at) {
            self.bytes += column.push(value) + VALUE_BYTES;
        }
        self.at += 1;
    }

    /// The row is whole.
    pub fn end_row(&mut self) {
        // A record that lacks its last fields has them null: a row is whole or it is not there.
        while self.at < self.columns.len() {
            self.push(&Value::Unset);
        }
        self.at = 0;
        self.rows += 1;
    }

    /// Takes all rows out.
    ///
    /// # Errors
    /// Columns that do not make a batch: a fault of this crate's.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new(
            Arc::clone(&self.schema),
            self.columns.iter_mut().map(Column::finish).collect(),
        )
    }
}

impl Visitor for Columns {
    #[inline(always)]
    fn field(&mut self, field: &'static Info, value: Value<'_>) {
        if self.left_out == Some(field.name) {
            self.push(&Value::Unset);
        } else {
            self.push(&value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use arrow::array::Array;
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use portreeve_record::schema::CONN;
    use portreeve_record::{Conn, Record, RecordContext, Uid};

    use super::*;
    use crate::schema::tables;

    #[test]
    fn a_record_s_values_are_those_of_the_schema() {
        let table = tables().swap_remove(0);
        let mut columns = Columns::new(CONN, table.schema(), None);
        let mut conn = Conn {
            ts: 1_300_475_167_096_535_123,
            uid: Uid([1, 2, 3]),
            orig_h: "2001:db8::1".parse::<IpAddr>().unwrap(),
            orig_p: 53,
            ip_proto: 6,
            service: Some("dns"),
            duration: Some(12_345),
            vlan: Some(7),
            tunnel_parent: Some(Uid([0, 0, 1])),
            ..Conn::default()
        };
        conn.history.push(b'S');
        conn.orig.retransmits = 9;
        let context = RecordContext::new("here", vec!["eth0".into()]);
        let record = Record::Conn(conn);
        for _ in 0..2 {
            record.visit(&context, &mut columns);
            columns.end_row();
        }
        assert_eq!(columns.rows(), 2);
        let batch = columns.take().unwrap();
        assert_eq!((batch.num_rows(), columns.rows()), (2, 0));
        let options = FormatOptions::default().with_null("-");
        let told = |name: &str| {
            let column = batch.column_by_name(name).unwrap();
            ArrayFormatter::try_new(column, &options)
                .unwrap()
                .value(1)
                .to_string()
        };
        for (name, value) in [
            ("ts", "2011-03-18T19:06:07.096535123Z"),
            ("uid", conn.uid.to_string().as_str()),
            ("id.orig_h", "2001:db8::1"),
            ("id.orig_p", "53"),
            ("proto", "tcp"),
            ("service", "dns"),
            ("duration", "12345"),
            ("orig_bytes", "-"),
            ("history", "S"),
            ("vlan", "7"),
            ("sensor", "here"),
            ("source", "eth0"),
            ("orig_retransmits", "9"),
            ("tunnel_parents", "[C00000000000000001]"),
            ("syn_rtt", "-"),
        ] {
            assert_eq!(told(name), value, "{name}");
        }
        assert!(batch.column_by_name("local_orig").unwrap().is_null(0));
    }
}
