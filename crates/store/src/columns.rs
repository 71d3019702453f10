//! Rows on their way into columns.
//!
//! One [`Columns`] for each table: a column for each field, by its storage type. Values come in the order of the table, from the
//! same [`Visitor`] that the dialects use. What is unset costs nothing: a column ends at its last value, and what is behind is null.
//!
//! Texts that come again and again (names, addresses) are kept once, with a number for each row. Where the rows go straight into Parquet that is
//! what is handed on, since Parquet wants the same; in open segments addresses are plain texts, which is their type everywhere else.

mod lists;
mod numbers;
mod texts;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, TimestampNanosecondArray, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use portreeve_output::text::{self, ROOM};
use portreeve_record::field::Storage;
use portreeve_record::{Info, Value, Visitor};

use crate::schema::{adapt, written_type};
use lists::Lists;
use numbers::Numbers;
use texts::{Addresses, Texts, Words};

/// A text longer than this is cut: a column's batch has offsets of 31 bits, and nobody reads more of one value.
const MOST_TEXT: usize = 64 * 1024;
/// Rows between two looks at how much memory the columns take; texts, which may be long, are counted as they come.
const MEASURED_EVERY: usize = 256;
/// The field that may be left out.
const LEFT_OUT: &str = "community_id";

enum Column {
    Bool(Numbers<bool>),
    U8(Numbers<u8>),
    U16(Numbers<u16>),
    U32(Numbers<u32>),
    U64(Numbers<u64>),
    I64(Numbers<i64>),
    F64(Numbers<f64>),
    Time(Numbers<i64>),
    Text(Texts),
    Name(Words),
    Address(Addresses),
    Lists(Lists),
}

impl Column {
    fn new(storage: Storage) -> Self {
        match storage {
            Storage::Bool => Column::Bool(Numbers::default()),
            Storage::U8 => Column::U8(Numbers::default()),
            Storage::U16 => Column::U16(Numbers::default()),
            Storage::U32 => Column::U32(Numbers::default()),
            Storage::U64 => Column::U64(Numbers::default()),
            Storage::I64 | Storage::DurationNs => Column::I64(Numbers::default()),
            Storage::F64 => Column::F64(Numbers::default()),
            Storage::TimeNs => Column::Time(Numbers::default()),
            Storage::Name => Column::Name(Words::new()),
            Storage::Ip => Column::Address(Addresses::new()),
            Storage::Text => Column::Text(Texts::new()),
            lists => match Lists::new(lists) {
                Some(lists) => Column::Lists(lists),
                None => Column::Text(Texts::new()),
            },
        }
    }

    /// Bytes of memory.
    fn bytes(&self) -> usize {
        match self {
            Column::Bool(column) => column.bytes(),
            Column::U8(column) => column.bytes(),
            Column::U16(column) => column.bytes(),
            Column::U32(column) => column.bytes(),
            Column::U64(column) => column.bytes(),
            Column::I64(column) | Column::Time(column) => column.bytes(),
            Column::F64(column) => column.bytes(),
            Column::Text(column) => column.bytes(),
            Column::Name(column) => column.bytes(),
            Column::Address(column) => column.bytes(),
            Column::Lists(column) => column.bytes(),
        }
    }

    /// Bytes of memory, with room that is not used.
    fn held(&self) -> usize {
        match self {
            Column::Bool(column) => column.held(),
            Column::U8(column) => column.held(),
            Column::U16(column) => column.held(),
            Column::U32(column) => column.held(),
            Column::U64(column) => column.held(),
            Column::I64(column) | Column::Time(column) => column.held(),
            Column::F64(column) => column.held(),
            Column::Text(column) => column.held(),
            Column::Name(column) => column.held(),
            Column::Address(column) => column.held(),
            Column::Lists(column) => column.held(),
        }
    }

    /// Whether no row has a value.
    fn is_empty(&self) -> bool {
        match self {
            Column::Bool(column) => column.is_empty(),
            Column::U8(column) => column.is_empty(),
            Column::U16(column) => column.is_empty(),
            Column::U32(column) => column.is_empty(),
            Column::U64(column) => column.is_empty(),
            Column::I64(column) | Column::Time(column) => column.is_empty(),
            Column::F64(column) => column.is_empty(),
            Column::Text(column) => column.is_empty(),
            Column::Name(column) => column.is_empty(),
            Column::Address(column) => column.is_empty(),
            Column::Lists(column) => column.is_empty(),
        }
    }

    /// Takes the values of so many rows out.
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Bool(column) => {
                let (values, nulls) = column.take(rows);
                Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls))
            }
            Column::U8(column) => primitive::<UInt8Type>(column, rows)?,
            Column::U16(column) => primitive::<UInt16Type>(column, rows)?,
            Column::U32(column) => primitive::<UInt32Type>(column, rows)?,
            Column::U64(column) => primitive::<UInt64Type>(column, rows)?,
            Column::I64(column) => primitive::<Int64Type>(column, rows)?,
            Column::F64(column) => primitive::<Float64Type>(column, rows)?,
            Column::Time(column) => {
                let (values, nulls) = column.take(rows);
                let times = TimestampNanosecondArray::try_new(values.into(), nulls)?;
                Arc::new(times.with_timezone("UTC"))
            }
            Column::Text(column) => Arc::new(column.take(rows)?),
            Column::Name(column) => column.take(rows)?,
            Column::Address(column) => column.take(rows)?,
            Column::Lists(column) => column.take(rows),
        })
    }

    /// The value of `row`, and how many bytes it has of what has no bound by its type. What does not fit the column's type is null: the schema gives
    /// each field one kind, and a test goes through them all.
    ///
    /// `storage` is what the column was made for: where it is known when this is compiled, so is what is done.
    #[inline(always)]
    fn push(&mut self, storage: Storage, row: usize, value: &Value<'_>) -> usize {
        match (storage, self) {
            (Storage::Bool, Column::Bool(column)) => {
                if let Value::Bool(value) = *value {
                    column.push(row, value);
                }
            }
            (Storage::U8, Column::U8(column)) => number(column, row, value),
            (Storage::U16, Column::U16(column)) => number(column, row, value),
            (Storage::U32, Column::U32(column)) => number(column, row, value),
            (Storage::U64, Column::U64(column)) => number(column, row, value),
            (Storage::I64 | Storage::DurationNs, Column::I64(column)) => match *value {
                Value::Interval(number) | Value::Int(number) | Value::Time(number) => {
                    column.push(row, number);
                }
                Value::Count(number) => {
                    if let Ok(number) = i64::try_from(number) {
                        column.push(row, number);
                    }
                }
                _ => {}
            },
            (Storage::F64, Column::F64(column)) => {
                if let Value::Double(number) = *value {
                    column.push(row, number);
                }
            }
            (Storage::TimeNs, Column::Time(column)) => {
                if let Value::Time(at) = *value {
                    column.push(row, at);
                }
            }
            (Storage::Ip, Column::Address(column)) => {
                if let Value::Addr(address) = *value {
                    column.push(row, address);
                }
            }
            (Storage::Name, Column::Name(column)) => {
                as_text(value, |text| column.push(row, text));
            }
            (_, Column::Lists(column)) => {
                if let Value::Set(items) = value {
                    return column.push(row, items);
                }
            }
            (_, Column::Text(column)) => {
                let mut bytes = 0;
                as_text(value, |text| {
                    column.push(row, text);
                    bytes = text.len();
                });
                return bytes;
            }
            _ => {}
        }
        0
    }
}

fn primitive<T: ArrowPrimitiveType>(
    column: &mut Numbers<T::Native>,
    rows: usize,
) -> Result<ArrayRef, ArrowError> {
    let (values, nulls) = column.take(rows);
    Ok(Arc::new(PrimitiveArray::<T>::try_new(
        values.into(),
        nulls,
    )?))
}

#[inline(always)]
fn number<T: TryFrom<u64> + Copy + Default>(
    column: &mut Numbers<T>,
    row: usize,
    value: &Value<'_>,
) {
    let number = match *value {
        Value::Count(number) => Some(number),
        Value::Port(port) => Some(port.into()),
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    if let Some(number) = number.and_then(|number| T::try_from(number).ok()) {
        column.push(row, number);
    }
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

/// Hands the value as text to `take`, if it is one.
#[inline(always)]
fn as_text(value: &Value<'_>, take: impl FnOnce(&str)) {
    match value {
        Value::Str(text) | Value::Word(text) => take(cut(text)),
        Value::Letters(letters) => take(str::from_utf8(letters).unwrap_or_default()),
        Value::Uid(uid) => take(str::from_utf8(&uid.text()).unwrap_or_default()),
        Value::Text(text) => take(text.as_str()),
        Value::Addr(address) => {
            let mut room = [0; ROOM];
            let len = text::address(&mut room, *address);
            take(str::from_utf8(room.get(..len).unwrap_or_default()).unwrap_or_default());
        }
        _ => {}
    }
}

/// The rows of one table that are in memory.
pub(crate) struct Columns {
    schema: SchemaRef,
    /// The same with dictionaries where [`Columns::take_coded`] has them.
    coded: SchemaRef,
    columns: Vec<Column>,
    storage: Vec<Storage>,
    /// The place of the field that is not stored, to save its bytes.
    left_out: Option<usize>,
    /// The column that the next value goes to.
    at: usize,
    rows: usize,
    bytes: usize,
}

impl Columns {
    /// No rows yet. `left_out`: without community ID, where the table has one.
    pub fn new(fields: &[Info], schema: SchemaRef, left_out: bool) -> Self {
        let left_out = fields
            .iter()
            .position(|info| left_out && info.name == LEFT_OUT);
        let storage: Vec<Storage> = fields.iter().map(|info| info.storage).collect();
        Columns {
            coded: coded(&schema, &storage),
            schema,
            columns: storage
                .iter()
                .map(|storage| Column::new(*storage))
                .collect(),
            storage,
            left_out,
            at: 0,
            rows: 0,
            bytes: 0,
        }
    }

    /// Rows that are in.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that they hold, with room for rows to come.
    pub fn held(&self) -> usize {
        self.columns.iter().map(Column::held).sum()
    }

    /// Gives back the room for rows to come, where there are none.
    pub fn give_back(&mut self) {
        if self.rows == 0 {
            let storage = self.storage.iter();
            self.columns = storage.map(|storage| Column::new(*storage)).collect();
        }
    }

    /// The value of the next column of the row.
    pub fn push(&mut self, value: &Value<'_>) {
        if let (Some(column), Some(storage)) =
            (self.columns.get_mut(self.at), self.storage.get(self.at))
        {
            self.bytes += column.push(*storage, self.rows, value);
        }
        self.at += 1;
    }

    /// The row is whole: fields that the record lacks are null.
    #[inline]
    pub fn end_row(&mut self) {
        self.at = 0;
        self.rows += 1;
        if self.rows.is_multiple_of(MEASURED_EVERY) {
            self.measure();
        }
    }

    #[inline(never)]
    fn measure(&mut self) {
        self.bytes = self.columns.iter().map(Column::bytes).sum();
    }

    /// Takes all rows out, by the table's schema.
    ///
    /// # Errors
    /// Columns that do not make a batch: a fault of this crate's.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let batch = self.take_coded()?;
        adapt(&batch, &self.schema)
    }

    /// Takes all rows out as they are kept, on their way into Parquet: addresses as dictionaries.
    ///
    /// # Errors
    /// Columns that do not make a batch: a fault of this crate's.
    pub fn take_coded(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let mut arrays = Vec::with_capacity(self.columns.len());
        let mut nulls: HashMap<&DataType, ArrayRef> = HashMap::new();
        for (place, column) in self.columns.iter_mut().enumerate() {
            // What has no value at all need not be there to be null, once for all of a type.
            arrays.push(if self.left_out == Some(place) || column.is_empty() {
                let of = self.coded.field(place).data_type();
                let none = nulls.entry(of).or_insert_with(|| new_null_array(of, rows));
                Arc::clone(none)
            } else {
                column.take(rows)?
            });
        }
        RecordBatch::try_new(Arc::clone(&self.coded), arrays)
    }
}

/// The schema in which addresses are dictionaries.
fn coded(schema: &SchemaRef, storage: &[Storage]) -> SchemaRef {
    let fields = schema.fields().iter().zip(storage);
    let fields = fields.map(|(field, storage)| match storage {
        Storage::Ip => Field::clone(field).with_data_type(written_type(Storage::Name)),
        _ => Field::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Visitor for Columns {
    #[inline(always)]
    fn wants(&self, field: &'static Info) -> bool {
        // Of one field it is asked at run time, of all others when this is compiled.
        field.name != LEFT_OUT || self.left_out.is_none()
    }

    #[inline(always)]
    fn field(&mut self, field: &'static Info, value: Value<'_>) {
        if self.left_out == Some(self.at) {
            self.at += 1;
        }
        if !value.is_unset()
            && let Some(column) = self.columns.get_mut(self.at)
        {
            self.bytes += column.push(field.storage, self.rows, &value);
        }
        self.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use arrow::array::{Array, AsArray};
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use portreeve_record::schema::CONN;
    use portreeve_record::{Conn, Record, RecordContext, Uid};

    use super::*;
    use crate::schema::tables;

    #[test]
    fn a_record_s_values_are_those_of_the_schema() {
        let table = tables().swap_remove(0);
        let mut columns = Columns::new(CONN, table.schema(), false);
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

    #[test]
    fn addresses_are_the_same_coded_and_plain() {
        let table = tables().swap_remove(0);
        let mut columns = Columns::new(CONN, table.schema(), true);
        let context = RecordContext::new("here", vec![]);
        let addresses = [
            "10.0.0.1",
            "::ffff:10.0.0.1",
            "10.0.0.2",
            "10.0.0.1",
            "2001:db8::1",
        ];
        let fill = |columns: &mut Columns| {
            for address in addresses {
                let conn = Conn {
                    orig_h: address.parse().unwrap(),
                    ip_proto: 17,
                    ..Conn::default()
                };
                Record::Conn(conn).visit(&context, columns);
                columns.end_row();
            }
        };
        fill(&mut columns);
        let coded = columns.take_coded().unwrap();
        fill(&mut columns);
        let plain = columns.take().unwrap();
        assert_eq!(plain.schema(), table.schema());
        assert_eq!(adapt(&coded, &table.schema()).unwrap(), plain);
        let told = plain.column_by_name("id.orig_h").unwrap();
        let told: Vec<&str> = told.as_string::<i32>().iter().flatten().collect();
        assert_eq!(told, addresses);
        // Left out, and what stands behind it in its place.
        let nulls = |name: &str| plain.column_by_name(name).unwrap().null_count();
        assert_eq!(
            (nulls("community_id"), nulls("sensor"), nulls("syn_rtt")),
            (5, 0, 5)
        );
    }

    #[test]
    fn texts_are_counted_as_they_come() {
        let all = tables();
        let http = all.iter().find(|table| table.name == "http").unwrap();
        let mut columns = Columns::new(&http.fields, http.schema(), false);
        let text = "x".repeat(100_000);
        for info in &http.fields {
            columns.push(&match info.storage {
                Storage::Text => Value::Str(&text),
                _ => Value::Unset,
            });
        }
        columns.end_row();
        assert!(columns.bytes() > MOST_TEXT, "{}", columns.bytes());
    }

    #[test]
    fn names_that_are_nearly_alike_are_told_apart() {
        let mut words = texts::Words::new();
        let long = "a name that is longer than sixteen bytes";
        let names = [
            "a", "b", "ab", "ba", "abc", "abcd", "abcdefgh", "abcdefg", "h", "", long, "a",
        ];
        for (row, name) in names.iter().enumerate() {
            words.push(row, name);
        }
        let array = words.take(names.len()).unwrap();
        let array = array.as_dictionary::<arrow::datatypes::Int32Type>();
        assert_eq!(array.values().len(), names.len() - 1);
        let array = array.downcast_dict::<arrow::array::StringArray>().unwrap();
        let told: Vec<&str> = array.into_iter().flatten().collect();
        assert_eq!(told, names);
    }
}
