//! Tables and their Arrow schemas, as the schema of records has them.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use portreeve_record::Info;
use portreeve_record::field::Storage;
use portreeve_record::schema::{Log, logs};

use crate::rollup;

/// What a table is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Records, as they came.
    Records,
    /// Sums over records.
    Rollup,
}

/// One table of the store.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name: the log's.
    pub name: &'static str,
    /// What its rows are, in a sentence.
    pub doc: &'static str,
    /// Records or sums.
    pub kind: TableKind,
    /// Its columns.
    pub fields: Vec<Info>,
}

impl Table {
    fn of_log(log: Log) -> Table {
        Table {
            name: log.path,
            doc: log.doc,
            kind: TableKind::Records,
            fields: log.fields,
        }
    }

    /// The schema that its rows have while they are collected and in open segments.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.fields.iter().map(written).collect::<Vec<_>>(),
        ))
    }
}

/// Every table there is: one for each log, and the roll-ups.
#[must_use]
pub fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = logs().into_iter().map(Table::of_log).collect();
    tables.extend(rollup::tables());
    tables
}

/// The rows under another schema: columns that they lack are null, those of another type are cast.
///
/// # Errors
/// A column's type cannot become the other.
pub fn adapt(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => cast(column, field.data_type()),
        });
    // Without columns (`count(*)`) the number of rows is all there is.
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns.collect::<Result<_, _>>()?,
        &options,
    )
}

/// A column while rows are collected. All may be null: a file of tomorrow may lack what one of today has.
fn written(info: &Info) -> Field {
    Field::new(info.name, written_type(info.storage), true)
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", item, true)))
}

/// The Arrow type of a storage type while rows are collected. In Parquet dictionaries are texts again, with Parquet's own dictionary.
#[must_use]
pub(crate) fn written_type(storage: Storage) -> DataType {
    match storage {
        Storage::Bool => DataType::Boolean,
        Storage::U8 => DataType::UInt8,
        Storage::U16 => DataType::UInt16,
        Storage::U32 => DataType::UInt32,
        Storage::U64 => DataType::UInt64,
        Storage::I64 | Storage::DurationNs => DataType::Int64,
        Storage::F64 => DataType::Float64,
        Storage::TimeNs => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Storage::Name => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Storage::Texts | Storage::Ips => list_of(DataType::Utf8),
        Storage::DurationsNs => list_of(DataType::Int64),
        Storage::U64s => list_of(DataType::UInt64),
        // Addresses and texts, and whatever is told as text.
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_s_words_are_the_types() {
        for table in tables() {
            for info in &table.fields {
                let made = match written_type(info.storage) {
                    DataType::Timestamp(..) => "Timestamp(Nanosecond, UTC)".to_owned(),
                    DataType::Dictionary(..) => "Dictionary(Int32, Utf8)".to_owned(),
                    DataType::List(item) => format!("List({})", item.data_type()),
                    plain => plain.to_string(),
                };
                assert_eq!(made, info.storage.arrow(), "{}.{}", table.name, info.name);
            }
        }
    }

    #[test]
    fn names_are_not_told_twice_and_every_table_has_a_time_first() {
        let all = tables();
        for table in &all {
            assert_eq!(table.fields[0].name, "ts", "{}", table.name);
            assert_eq!(
                all.iter().filter(|other| other.name == table.name).count(),
                1
            );
            let mut names: Vec<&str> = table.fields.iter().map(|info| info.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", table.name);
        }
    }
}
