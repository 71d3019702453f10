//! Rows of several files into one, by time.
//!
//! Each file is in order already. A row group is formed from the times alone: which rows of which files it has, a run of each file's. Then it is made
//! column by column, so that memory has one column of one row group at a time, however many files there are and however many columns they have.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int32Builder, StringArray,
    StringBuilder, TimestampNanosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimestampNanosecondType};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;

use crate::error::StoreError;
use crate::guard::caught;
use crate::parquet_file::{Writer, rows_within};
use crate::schema::written_type;
use portreeve_record::field::Storage;

/// Times of each file that are in memory.
const TIMES: usize = 4096;
/// A column of a row group stands in memory as it was read from each file, as one, in order, and encoded; a dictionary grows meanwhile, and has an index; and
/// the rest is for pages and times.
const COPIES: usize = 12;

/// A file's fault, or the disk's.
pub(crate) enum Fault {
    File(PathBuf, StoreError),
    Disk(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Disk(error)
    }
}

/// One of the files, and how far it has been read.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    times: ParquetRecordBatchReader,
    /// The next times, and the place of the first that was not taken.
    next: TimestampNanosecondArray,
    at: usize,
    /// Rows of the row groups before.
    taken: usize,
    /// Rows of the row group that is formed.
    here: usize,
}

impl Part {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        caught(|| Self::try_open(path, file))
            .map_err(StoreError::content(path))?
            .map_err(StoreError::parquet(path))
    }

    fn try_open(path: &Path, file: File) -> Result<Self, ParquetError> {
        let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        // Texts that the file has in a dictionary are read as such: they are written so again.
        let groups = plain.metadata().row_groups();
        let fields = plain.schema().fields().iter().enumerate();
        let fields: Vec<Field> = fields
            .map(|(place, field)| {
                let coded = field.data_type() == &DataType::Utf8
                    && plain.parquet_schema().columns().len() == plain.schema().fields().len()
                    && groups.iter().all(|group| {
                        let column = group.columns().get(place);
                        column.is_some_and(|column| column.dictionary_page_offset().is_some())
                    });
                let field = Field::clone(field);
                if coded {
                    field.with_data_type(written_type(Storage::Name))
                } else {
                    field
                }
            })
            .collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options)?;
        let ts = metadata.schema().index_of("ts")?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), [ts]);
        let times =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone())
                .with_projection(mask)
                .with_batch_size(TIMES)
                .build()?;
        Ok(Part {
            path: path.to_owned(),
            file,
            metadata,
            times,
            next: TimestampNanosecondArray::new_null(0),
            at: 0,
            taken: 0,
            here: 0,
        })
    }

    /// Its columns, texts as texts.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.metadata.schema().fields().iter().map(|field| {
            let field = Field::clone(field);
            match field.data_type() {
                DataType::Dictionary(..) => field.with_data_type(DataType::Utf8),
                _ => field,
            }
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The time of its next row, if there is one.
    fn time(&mut self) -> Result<Option<i64>, Fault> {
        while self.at == self.next.len() {
            let Some(batch) = caught(|| self.times.next()).map_err(|what| self.broken(what))?
            else {
                return Ok(None);
            };
            let batch = batch.map_err(|error| self.fault(error))?;
            let times = batch
                .column(0)
                .as_primitive_opt::<TimestampNanosecondType>();
            self.next = match times {
                Some(times) => times.clone(),
                None => {
                    let what = ArrowError::SchemaError("ts is no time".into());
                    return Err(self.fault(what));
                }
            };
            self.at = 0;
        }
        Ok(Some(self.next.value(self.at)))
    }

    fn fault(&self, error: ArrowError) -> Fault {
        Fault::File(self.path.clone(), StoreError::arrow(&self.path)(error))
    }

    fn broken(&self, what: String) -> Fault {
        Fault::File(self.path.clone(), StoreError::content(&self.path)(what))
    }

    /// A column of its rows in the row group that is formed; `None`: it has no such column.
    fn column(&self, name: &str) -> Result<Option<ArrayRef>, Fault> {
        let Ok(place) = self.metadata.schema().index_of(name) else {
            return Ok(None);
        };
        let read = || -> Result<ArrayRef, ArrowError> {
            // The row groups that have these rows.
            let (mut first, mut from) = (0, self.taken);
            let groups = self.metadata.metadata().row_groups();
            let rows = |group: usize| usize::try_from(groups[group].num_rows()).unwrap_or(0);
            while first < groups.len() && from >= rows(first) {
                from -= rows(first);
                first += 1;
            }
            let (mut end, mut all) = (first, 0);
            while end < groups.len() && all < from + self.here {
                all = rows(end).saturating_add(all);
                end += 1;
            }
            let behind = all.saturating_sub(from + self.here);
            let selection = RowSelection::from(vec![
                RowSelector::skip(from),
                RowSelector::select(self.here),
                RowSelector::skip(behind),
            ]);
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), [place]);
            let file = self.file.try_clone()?;
            let reader =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                    .with_projection(mask)
                    .with_row_groups((first..end).collect())
                    .with_row_selection(selection)
                    .with_batch_size(self.here)
                    .build()?;
            let parts: Vec<ArrayRef> = reader
                .map(|batch| batch.map(|batch| Arc::clone(batch.column(0))))
                .collect::<Result<_, _>>()?;
            let column = together(&parts)?;
            if column.len() == self.here {
                Ok(column)
            } else {
                let what = format!("{name} has other rows than ts");
                Err(ArrowError::ParquetError(what))
            }
        };
        caught(read)
            .map_err(|what| self.broken(what))?
            .map(Some)
            .map_err(|error| self.fault(error))
    }
}

/// Rows of a row group, so that a column of it takes no more of the memory than there is for it.
pub(crate) fn rows_of_group<'a>(
    files: impl Iterator<Item = &'a parquet::file::metadata::ParquetMetaData>,
    memory: usize,
) -> usize {
    // Bytes of each column, decoded, about; and all rows.
    let mut columns: HashMap<&str, u64> = HashMap::new();
    let mut rows = 0_u64;
    for metadata in files {
        for group in metadata.row_groups() {
            rows = rows.saturating_add(group.num_rows().unsigned_abs());
            for column in group.columns() {
                let name = column.column_path().parts().first();
                let bytes = columns.entry(name.map_or("", String::as_str)).or_default();
                *bytes = bytes.saturating_add(column.uncompressed_size().unsigned_abs());
            }
        }
    }
    let largest = columns.into_values().max().unwrap_or(0);
    rows_within(memory, COPIES, largest as usize, rows as usize)
}

/// Writes the rows of these files by time, in row groups of so many rows; whether there was time for all.
pub(crate) fn merge_rows(
    writer: &mut Writer,
    mut parts: Vec<Part>,
    schema: &SchemaRef,
    group: usize,
    stop: &AtomicBool,
) -> Result<bool, Fault> {
    let mut heap = BinaryHeap::new();
    for (i, part) in parts.iter_mut().enumerate() {
        if let Some(time) = part.time()? {
            heap.push(Reverse((time, i)));
        }
    }
    // Each row's file, and the how-manieth of that file's rows here it is.
    let mut rows: Vec<(usize, usize)> = Vec::with_capacity(group);
    while let Some(Reverse((_, i))) = heap.pop() {
        let part = &mut parts[i];
        // As long as this file's rows are the earliest, they are taken in one go.
        let next = heap.peek().map(|Reverse((time, _))| *time);
        let time = loop {
            rows.push((i, part.here));
            part.here += 1;
            part.at += 1;
            match part.time()? {
                Some(time) if rows.len() < group && next.is_none_or(|next| time <= next) => {}
                other => break other,
            }
        };
        if let Some(time) = time {
            heap.push(Reverse((time, i)));
        }
        if rows.len() == group || heap.is_empty() {
            write_group(writer, &mut parts, &rows, schema)?;
            rows.clear();
            if stop.load(Relaxed) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn write_group(
    writer: &mut Writer,
    parts: &mut [Part],
    rows: &[(usize, usize)],
    schema: &SchemaRef,
) -> Result<(), Fault> {
    let mut first = Vec::with_capacity(parts.len());
    let mut all = 0;
    for part in parts.iter() {
        first.push(all);
        all += part.here;
    }
    let order = rows.iter().map(|(part, row)| (first[*part] + row) as u32);
    let order = UInt32Array::from_iter_values(order);
    writer.write_group(&order, |place| column(parts, schema.field(place)))?;
    for part in parts {
        part.taken += std::mem::take(&mut part.here);
    }
    Ok(())
}

/// A column of all files' rows in the row group, one file behind the other.
fn column(parts: &[Part], field: &Field) -> Result<ArrayRef, Fault> {
    let mut columns = Vec::new();
    for part in parts.iter().filter(|part| part.here > 0) {
        let column = part.column(field.name())?;
        columns.push((part, column));
    }
    // Texts of a dictionary stay so if all are.
    let coded = columns.iter().all(|(_, column)| {
        let of = column.as_ref().map(Array::data_type);
        of.is_none_or(|of| matches!(of, DataType::Dictionary(..)))
    });
    let of = if coded && field.data_type() == &DataType::Utf8 {
        &written_type(Storage::Name)
    } else {
        field.data_type()
    };
    let columns = columns.into_iter().map(|(part, column)| match column {
        None => Ok(new_null_array(of, part.here)),
        Some(column) if column.data_type() == of => Ok(column),
        Some(column) => cast(&column, of).map_err(|error| part.fault(error)),
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    together(&columns).map_err(|error| Fault::Disk(StoreError::arrow(field.name().as_ref())(error)))
}

/// Arrays as one. Dictionaries become one, in which each text is once.
fn together(parts: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
    if let [one] = parts {
        return Ok(Arc::clone(one));
    }
    let coded: Option<Vec<&DictionaryArray<Int32Type>>> = parts
        .iter()
        .map(|part| part.as_dictionary_opt::<Int32Type>())
        .collect();
    match coded {
        Some(parts) if !parts.is_empty() => one_dictionary(&parts),
        _ => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
    }
}

fn one_dictionary(parts: &[&DictionaryArray<Int32Type>]) -> Result<ArrayRef, ArrowError> {
    let mut places: HashMap<&str, i32> = HashMap::new();
    let mut texts = StringBuilder::new();
    let mut keys = Int32Builder::with_capacity(parts.iter().map(|part| Array::len(*part)).sum());
    for part in parts {
        let Some(own) = part.values().as_string_opt::<i32>() else {
            return Err(ArrowError::SchemaError("a dictionary of no texts".into()));
        };
        let mut known: Vec<Option<i32>> = vec![None; own.len()];
        for key in part.keys() {
            let place = key.and_then(|key| place(key, own, &mut known, &mut places, &mut texts));
            keys.append_option(place);
        }
    }
    let keys: Int32Array = keys.finish();
    let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(texts.finish()))?;
    Ok(Arc::new(array))
}

/// The place of one dictionary's text in that of all; a null has none.
fn place<'a>(
    key: i32,
    own: &'a StringArray,
    known: &mut [Option<i32>],
    places: &mut HashMap<&'a str, i32>,
    texts: &mut StringBuilder,
) -> Option<i32> {
    let key = usize::try_from(key).ok()?;
    let known = known.get_mut(key)?;
    if own.is_null(key) {
        return None;
    }
    if known.is_none() {
        let text = own.value(key);
        let next = i32::try_from(places.len()).unwrap_or(i32::MAX);
        let place = *places.entry(text).or_insert(next);
        if place == next {
            texts.append_value(text);
        }
        *known = Some(place);
    }
    *known
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListArray, RecordBatch, UInt64Array};
    use arrow::compute::{concat_batches, take_record_batch};
    use arrow::datatypes::Int64Type;
    use parquet::file::metadata::RowGroupMetaData;

    use super::*;
    use crate::parquet_file;

    /// Rows of one file: times that lie between those of the others, names of which some are its own, texts, lists, numbers; nulls among all.
    fn rows(file: usize, count: usize) -> RecordBatch {
        let row = |i: usize| i * 5 + file;
        let times = (0..count).map(|i| row(i) as i64);
        let times = TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC");
        let names: DictionaryArray<Int32Type> = (0..count)
            .map(|i| ["a", "b", ["c", "d", "e"][file % 3]].get(i % 4).copied())
            .collect();
        let texts = (0..count).map(|i| (i % 3 > 0).then(|| format!("text {}", row(i))));
        let lists = (0..count).map(|i| {
            let items = (0..i % 4).map(|item| Some((row(i) + item) as i64));
            (i % 5 > 0).then(|| items.collect::<Vec<_>>())
        });
        let numbers = (0..count).map(|i| (i % 7 > 0).then_some(row(i) as u64));
        RecordBatch::try_from_iter_with_nullable([
            ("ts", Arc::new(times) as ArrayRef, true),
            ("name", Arc::new(names) as ArrayRef, true),
            (
                "text",
                Arc::new(texts.collect::<StringArray>()) as ArrayRef,
                true,
            ),
            (
                "list",
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)) as ArrayRef,
                true,
            ),
            (
                "number",
                Arc::new(numbers.collect::<UInt64Array>()) as ArrayRef,
                true,
            ),
        ])
        .unwrap()
    }

    #[test]
    fn every_row_comes_once_by_time_in_groups_that_end_anywhere() {
        let folder = std::env::temp_dir().join(format!("portreeve-merge-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let counts = [1000, 1, 3000, 999, 2500];
        let paths: Vec<PathBuf> = (0..counts.len())
            .map(|file| folder.join(file.to_string()))
            .collect();
        for (file, path) in paths.iter().enumerate() {
            let batch = rows(file, counts[file]);
            let mut writer = Writer::create(path, &batch.schema()).unwrap();
            // In row groups of their own.
            for from in (0..counts[file]).step_by(700) {
                let order = from..counts[file].min(from + 700);
                let order = UInt32Array::from_iter_values(order.map(|row| row as u32));
                let column = |place| Ok::<_, StoreError>(Arc::clone(batch.column(place)));
                writer.write_group(&order, column).unwrap();
            }
            writer.finish().unwrap();
        }
        let parts: Vec<Part> = paths.iter().map(|path| Part::open(path).unwrap()).collect();
        let schema = parts[0].schema();
        let merged = folder.join("merged");
        let mut writer = Writer::create(&merged, &schema).unwrap();
        let done = merge_rows(&mut writer, parts, &schema, 1024, &AtomicBool::new(false));
        assert!(matches!(done, Ok(true)));
        writer.finish().unwrap();
        let (_, metadata) = parquet_file::metadata(&merged).unwrap();
        let groups = metadata.row_groups().iter().map(RowGroupMetaData::num_rows);
        let all: i64 = counts.iter().sum::<usize>() as i64;
        assert_eq!(groups.clone().sum::<i64>(), all);
        assert!(groups.take(7).all(|rows| rows == 1024));

        let found: Vec<RecordBatch> = parquet_file::read(&merged, 100_000)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let found = concat_batches(&found[0].schema(), &found).unwrap();
        let expected: Vec<RecordBatch> = counts
            .iter()
            .enumerate()
            .map(|(file, count)| {
                crate::schema::adapt(&rows(file, *count), &found.schema()).unwrap()
            })
            .collect();
        let expected = concat_batches(&found.schema(), &expected).unwrap();
        let times = parquet_file::times(&expected).unwrap();
        let mut order: Vec<u32> = (0..times.len() as u32).collect();
        order.sort_by_key(|row| times[*row as usize]);
        let expected = take_record_batch(&expected, &UInt32Array::from(order)).unwrap();
        assert_eq!(found, expected);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn long_columns_make_short_row_groups() {
        let none = std::iter::empty();
        assert_eq!(rows_of_group(none, 64 << 20), parquet_file::ROW_GROUP);
        let none = std::iter::empty();
        assert_eq!(rows_of_group(none, 0), 4096);
    }
}
