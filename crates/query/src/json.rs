//! Answers as JSON values.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use serde_json::Value;

use crate::error::QueryError;
use crate::running::{Event, Running, Stats};

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds: see [`kind`].
    pub kind: &'static str,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a value for each column.
    pub rows: Vec<Vec<Value>>,
    /// How the query went.
    pub stats: Stats,
}

impl Table {
    /// The columns of a schema.
    #[must_use]
    pub fn columns_of(schema: &Schema) -> Vec<Column> {
        let column = |field: &datafusion::arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            kind: kind(field.data_type()),
        };
        schema.fields().iter().map(column).collect()
    }

    /// The rows of a batch.
    #[must_use]
    pub fn rows_of(batch: &RecordBatch) -> Vec<Vec<Value>> {
        let rows = 0..batch.num_rows();
        rows.map(|row| {
            let columns = batch.columns().iter();
            columns.map(|column| cell(column, row)).collect()
        })
        .collect()
    }
}

pub(crate) fn collect(mut running: Running) -> Result<Table, QueryError> {
    let mut table = Table {
        columns: Vec::new(),
        rows: Vec::new(),
        stats: Stats::default(),
    };
    while let Some(event) = running.next() {
        match event? {
            Event::Schema(schema) => table.columns = Table::columns_of(&schema),
            Event::Batch(batch) => table.rows.extend(Table::rows_of(&batch)),
            Event::Progress(_) => {}
            Event::Done(stats) => {
                table.stats = stats;
                return Ok(table);
            }
        }
    }
    Err(QueryError::broken_down())
}

/// What a column holds, in a word: `time`, `count`, `int`, `double`, `bool`, `string`, `list`, `other`.
#[must_use]
pub fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => "time",
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => "count",
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "int",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "double",
        DataType::Boolean => "bool",
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "string",
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "list",
        DataType::Dictionary(_, value) => kind(value),
        _ => "other",
    }
}

/// One value: numbers as numbers, times as RFC 3339 with nanoseconds and `Z`, lists as arrays, all else as text.
#[must_use]
pub fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|item| cell(&items, item)).collect()
        }
        DataType::Null => Value::Null,
        other => text(array, row, other),
    }
}

fn text(array: &ArrayRef, row: usize, data_type: &DataType) -> Value {
    let mut options = FormatOptions::default();
    if let DataType::Timestamp(unit, _) = data_type {
        options = options
            .with_timestamp_format(Some(digits(*unit)))
            .with_timestamp_tz_format(Some(digits(*unit)));
    }
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(row).to_string().into(),
        Err(_) => Value::Null,
    }
}

fn digits(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "%Y-%m-%dT%H:%M:%SZ",
        TimeUnit::Millisecond => "%Y-%m-%dT%H:%M:%S%.3fZ",
        TimeUnit::Microsecond => "%Y-%m-%dT%H:%M:%S%.6fZ",
        TimeUnit::Nanosecond => "%Y-%m-%dT%H:%M:%S%.9fZ",
    }
}
