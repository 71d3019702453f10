//! Rows to Parquet: sorted by time, encoded column by column, compressed; and back.
//!
//! Encodings are chosen by what a column holds. Hashes (`uid`, `community_id`) are all different: a dictionary would be one more copy of them, and
//! lengths between them would be noise for the compressor, so they stand as lengths and bytes apart. Times are sorted, and intervals are all different: deltas, bit-packed. All
//! else repeats itself more or less: a dictionary, whose indices are runs or few bits, and Parquet's plain values where that grows too large. Most of it the crate's own module `chunk` makes,
//! with sums that tell flipped bits.
//!
//! A conn record of mixed traffic takes 70 bytes, 21 of them `community_id` and 13 `uid`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, FieldRef, Int32Type, SchemaRef, TimestampNanosecondType};
use arrow::downcast_primitive_array;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnDescPtr, ColumnPath};

use crate::chunk::Chunks;
use crate::error::StoreError;
use crate::guard::caught;
use crate::layout::{DAY, Layout, Sealed, date};
use crate::sum::{self, Summed, Verdict};

/// Rows of a row group: what is pruned by its statistics and read by one thread.
pub(crate) const ROW_GROUP: usize = 131_072;

/// Rows that are decoded at a time to see whether they can be.
const DECODED_AT_ONCE: usize = 8192;

/// A row group has so many rows at least, however long they are.
const LEAST_ROWS: usize = 4096;

/// A column of a row group that is made of a segment stands in memory as its rows are in order, in a dictionary with an index, as it is without one, and compressed.
const COPIES: usize = 6;

/// Days that one segment is divided into at most; records of further days stand with those of the last.
const MOST_DAYS: usize = 64;

/// Zstandard's level: the third saves one byte in sixty and costs a tenth of the time of everything.
const LEVEL: i32 = 1;

/// Columns of which every value is another.
const HASHES: [&str; 3] = ["uid", "community_id", "fingerprint"];

fn level() -> ZstdLevel {
    ZstdLevel::try_new(LEVEL).unwrap_or_default()
}

fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(format!("portreeve {}", env!("CARGO_PKG_VERSION")));
    for field in schema.fields() {
        // The name is one part of the path, dots or not.
        let path = ColumnPath::new(vec![field.name().clone()]);
        match field.data_type() {
            DataType::Timestamp(..) | DataType::Int64 => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            DataType::Utf8 if HASHES.contains(&field.name().as_str()) => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY);
            }
            _ => {}
        }
    }
    properties.build()
}

/// A Parquet file that is being written, not yet where it belongs.
pub(crate) struct Writer {
    file: SerializedFileWriter<Summed>,
    library: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    chunks: Chunks,
    groups: usize,
    path: PathBuf,
}

impl Writer {
    pub fn create(path: &Path, schema: &SchemaRef) -> Result<Self, StoreError> {
        let file = Summed::create(path).map_err(StoreError::io("create", path))?;
        // Without Arrow's own copy of the schema: it would say "dictionary" where any reader should see texts, and be longer than many a file.
        let options = ArrowWriterOptions::new()
            .with_properties(properties(schema))
            .with_skip_arrow_metadata(true);
        let (file, library) = ArrowWriter::try_new_with_options(file, Arc::clone(schema), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(StoreError::parquet(path))?;
        Ok(Writer {
            file,
            library,
            schema: Arc::clone(schema),
            chunks: Chunks::new(level()).map_err(StoreError::io("write", path))?,
            groups: 0,
            path: path.to_owned(),
        })
    }

    /// Makes one row group of these rows, in this order, of columns that are asked for one after the other, so that memory has one of them at a time. Those that repeat
    /// themselves go a shorter way.
    ///
    /// # Errors
    /// The disk, or what a column is refused with.
    pub fn write_group<E: From<StoreError>>(
        &mut self,
        rows: &UInt32Array,
        mut column: impl FnMut(usize) -> Result<ArrayRef, E>,
    ) -> Result<(), E> {
        let path = &self.path;
        let fault = |error| E::from(StoreError::parquet(path)(error));
        // Each column has one leaf: there are no structures.
        let writers = self
            .library
            .create_column_writers(self.groups)
            .map_err(fault)?;
        let leaves = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group().map_err(fault)?;
        let fields = self.schema.fields().iter().enumerate();
        for ((place, field), (leaf, writer)) in fields.zip(leaves.iter().zip(writers)) {
            let column = column(place)?;
            append(
                &mut group,
                &mut self.chunks,
                field,
                (leaf, writer),
                &column,
                rows,
            )
            .map_err(fault)?;
        }
        group.close().map_err(fault)?;
        self.groups += 1;
        Ok(())
    }

    /// Whether a file has the columns of this one.
    pub fn has_columns_of(&self, metadata: &ParquetMetaData) -> bool {
        let (ours, theirs) = (
            self.file.schema_descr().columns(),
            metadata.file_metadata().schema_descr().columns(),
        );
        ours == theirs
    }

    /// Takes all row groups of another file over as they are, encoded and compressed. It must have the columns of this one.
    pub fn copy(&mut self, file: &File, metadata: &ParquetMetaData) -> Result<(), StoreError> {
        self.groups += metadata.num_row_groups();
        let path = self.path.clone();
        caught(|| self.copy_groups(file, metadata))
            .map_err(StoreError::content(&path))?
            .map_err(StoreError::parquet(&path))
    }

    fn copy_groups(&mut self, file: &File, metadata: &ParquetMetaData) -> Result<(), ParquetError> {
        for (place, from) in metadata.row_groups().iter().enumerate() {
            let offsets = metadata.offset_index().and_then(|index| index.get(place));
            let mut group = self.file.next_row_group()?;
            for (place, column) in from.columns().iter().enumerate() {
                let close = ColumnCloseResult {
                    bytes_written: column.compressed_size().unsigned_abs(),
                    rows_written: from.num_rows().unsigned_abs(),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: None,
                    offset_index: offsets.and_then(|offsets| offsets.get(place)).cloned(),
                };
                group.append_column(file, close)?;
            }
            group.close()?;
        }
        Ok(())
    }

    /// Ends the file and makes it durable; its size.
    pub fn finish(mut self) -> Result<u64, StoreError> {
        self.file.append_key_value_metadata(sum::note());
        let file = self
            .file
            .into_inner()
            .map_err(StoreError::parquet(&self.path))?;
        file.settle()
            .and_then(|file| file.sync_all().and_then(|()| file.metadata()))
            .map(|meta| meta.len())
            .map_err(StoreError::io("write", &self.path))
    }
}

/// Puts a finished file where it belongs, durably.
pub(crate) fn put(tmp: &Path, place: &Path) -> Result<(), StoreError> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(StoreError::io("make", folder))?;
        fs::rename(tmp, place).map_err(StoreError::io("rename", tmp))?;
        // Without it the name may be missing after a power cut, though the content is there.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// The times of a batch.
pub(crate) fn times(batch: &RecordBatch) -> Option<&[i64]> {
    let column = batch.column_by_name("ts")?;
    let times = column.as_primitive_opt::<TimestampNanosecondType>()?;
    Some(times.values())
}

/// The order of the times: each with its row, counted through the batches; those of one time as they came.
fn order(batches: &[RecordBatch], path: &Path) -> Result<Vec<(i64, u32)>, StoreError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut order: Vec<(i64, u32)> = Vec::with_capacity(rows);
    for batch in batches {
        let Some(times) = times(batch) else {
            return Err(StoreError::Content {
                path: path.to_owned(),
                what: "rows without ts".into(),
            });
        };
        let next = order.len() as u32;
        order.extend(times.iter().copied().zip(next..));
    }
    if !order.is_sorted() {
        order.sort_unstable();
    }
    Ok(order)
}

/// Appends these rows of a column to a row group.
fn append(
    group: &mut SerializedRowGroupWriter<'_, Summed>,
    chunks: &mut Chunks,
    field: &FieldRef,
    (leaf, mut writer): (&ColumnDescPtr, ArrowColumnWriter),
    column: &ArrayRef,
    rows: &UInt32Array,
) -> Result<(), ParquetError> {
    if HASHES.contains(&field.name().as_str())
        && let Some(chunk) = chunks.hashes(leaf, column, rows)?
    {
        return group.append_column(&chunk.bytes, chunk.close);
    }
    let column = in_order(column, rows)?;
    match chunks.make(leaf, &column)? {
        Some(chunk) => group.append_column(&chunk.bytes, chunk.close),
        None => {
            for leaf in compute_leaves(field, &column)? {
                writer.write(&leaf)?;
            }
            writer.close()?.append_to_row_group(group)
        }
    }
}

/// Rows of a row group, so that a column which takes so many bytes for `all` rows takes no more of the memory than there is for it, with `copies` of it there at a time.
pub(crate) fn rows_within(memory: usize, copies: usize, largest: usize, all: usize) -> usize {
    // Numbers have eight bytes however few the file has for them.
    let each = (largest / all.max(1)).max(8);
    (memory / copies / each).clamp(LEAST_ROWS, ROW_GROUP)
}

/// Bytes of the column that has most, and rows, of all batches.
fn largest(batches: &[RecordBatch]) -> (usize, usize) {
    let columns = batches.first().map_or(0, RecordBatch::num_columns);
    let bytes = |place| -> usize {
        // What of the buffers is this column's: a batch that was read has one for all.
        let of = |batch: &RecordBatch| batch.column(place).to_data().get_slice_memory_size();
        batches.iter().map(|batch| of(batch).unwrap_or(0)).sum()
    };
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    ((0..columns).map(bytes).max().unwrap_or(0), rows)
}

/// Writes a row group of these rows, counted through the batches, in this order.
fn seal_group(
    writer: &mut Writer,
    batches: &[RecordBatch],
    rows: &[(i64, u32)],
    tmp: &Path,
) -> Result<(), StoreError> {
    let rows = rows.iter().map(|(_, row)| *row);
    if let [batch] = batches {
        let rows = UInt32Array::from_iter_values(rows);
        return writer.write_group(&rows, |place| Ok(Arc::clone(batch.column(place))));
    }
    let ends = batches.iter().scan(0, |end, batch| {
        *end += batch.num_rows();
        Some(*end)
    });
    let ends: Vec<usize> = ends.collect();
    let place = |row: u32| {
        let row = row as usize;
        let batch = ends.partition_point(|end| *end <= row);
        (
            batch,
            row - batch.checked_sub(1).map_or(0, |before| ends[before]),
        )
    };
    let places: Vec<(usize, usize)> = rows.map(place).collect();
    let as_they_are = UInt32Array::from_iter_values(0..places.len() as u32);
    writer.write_group(&as_they_are, |column| {
        let parts = batches.iter().map(|batch| batch.column(column).as_ref());
        interleave(&parts.collect::<Vec<_>>(), &places).map_err(StoreError::arrow(tmp))
    })
}

/// Whether these are all of so many rows, one after the other.
fn are_all(rows: &UInt32Array, of: usize) -> bool {
    rows.len() == of
        && rows
            .values()
            .iter()
            .zip(0..)
            .all(|(row, place)| *row == place)
}

/// These rows of a column, in this order.
fn in_order(column: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef, ArrowError> {
    if are_all(rows, column.len()) {
        Ok(Arc::clone(column))
    } else if is_same(column) {
        Ok(column.slice(0, rows.len()))
    } else {
        take(column, rows, None)
    }
}

/// Whether all values are one, so that no order changes anything.
fn is_same(column: &ArrayRef) -> bool {
    fn same<T: PartialEq>(values: &[T]) -> bool {
        values
            .first()
            .is_none_or(|first| values.iter().all(|value| value == first))
    }
    if column.null_count() == column.len() {
        return true;
    }
    let column = column.as_ref();
    column.null_count() == 0
        && downcast_primitive_array!(
            column => same(column.values()),
            DataType::Dictionary(..) => column
                .as_dictionary_opt::<Int32Type>()
                .is_some_and(|column| same(column.keys().values())),
            _ => false
        )
}

/// Makes Parquet of a segment's rows, with so much memory beside them, about: one file for each day, all of them finished before the first is put where it belongs.
///
/// # Errors
/// The disk, or rows that cannot be. Nothing is left behind but temporary files.
pub(crate) fn seal(
    layout: &Layout,
    table: &str,
    segment: u64,
    batches: &[RecordBatch],
    memory: usize,
) -> Result<Vec<Sealed>, StoreError> {
    let Some(schema) = batches.first().map(RecordBatch::schema) else {
        return Ok(Vec::new());
    };
    let name = layout.tmp().join(format!("{table}-{segment:010}"));
    let order = order(batches, &name)?;
    let (largest, rows) = largest(batches);
    let at_once = rows_within(memory, COPIES, largest, rows);
    let mut days: Vec<(i64, usize, usize)> = Vec::new();
    for (row, (time, _)) in order.iter().enumerate() {
        let day = time.div_euclid(DAY);
        let full = days.len() == MOST_DAYS;
        match days.last_mut() {
            Some((last, _, end)) if *last == day || full => *end = row + 1,
            _ => days.push((day, row, row + 1)),
        }
    }
    let mut sealed = Vec::new();
    for (i, (day, from, to)) in days.iter().enumerate() {
        let mut file = Sealed {
            table: table.to_owned(),
            date: date(*day),
            min: order[*from].0,
            max: order[*to - 1].0,
            first: segment,
            last: segment,
            part: i as u32 + 1,
            parts: days.len() as u32,
            path: name.clone(),
            bytes: 0,
            stored: 0,
        };
        let tmp = layout.tmp().join(format!("{table}-{segment:010}-{i}"));
        let mut writer = Writer::create(&tmp, &schema)?;
        for group in order[*from..*to].chunks(at_once) {
            seal_group(&mut writer, batches, group, &tmp)?;
        }
        file.bytes = writer.finish()?;
        file.place(layout);
        sealed.push((tmp, file));
    }
    for (tmp, file) in &sealed {
        put(tmp, &file.path)?;
    }
    Ok(sealed.into_iter().map(|(_, file)| file).collect())
}

/// Removes what a failed [`seal`] left: it takes room that may be what is missing.
pub(crate) fn clear(layout: &Layout, table: &str, segment: u64) {
    for i in 0..MOST_DAYS {
        let tmp = layout.tmp().join(format!("{table}-{segment:010}-{i}"));
        if fs::remove_file(tmp).is_err() {
            break;
        }
    }
}

/// Whether a file ends as Parquet does, as far as a glance tells: its magic, and a footer that fits.
pub(crate) fn looks_whole(path: &Path) -> std::io::Result<bool> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut tail = [0; 8];
    let Some(at) = len.checked_sub(8) else {
        return Ok(false);
    };
    file.read_exact_at(&mut tail, at)?;
    let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    Ok(tail[4..] == *b"PAR1" && footer + 12 <= len)
}

/// Looks at every byte of a file; whether it has a sum to compare them with.
///
/// # Errors
/// The disk, or bytes that are not as they were written.
pub(crate) fn verify(path: &Path, file: &File) -> Result<bool, StoreError> {
    match sum::look(file).map_err(StoreError::io("read", path))? {
        Verdict::Right => Ok(true),
        Verdict::Missing => Ok(false),
        Verdict::Wrong => Err(StoreError::content(path)(
            "its bytes are not as they were written, by its sum".to_owned(),
        )),
    }
}

/// Decodes all of a file, as far as that tells anything.
///
/// # Errors
/// What cannot be decoded.
pub(crate) fn decode(path: &Path, file: File) -> Result<(), StoreError> {
    let decoded = caught(|| {
        for batch in rows(path, file, DECODED_AT_ONCE)? {
            batch.map_err(StoreError::arrow(path))?;
        }
        Ok(())
    });
    decoded.map_err(StoreError::content(path))?
}

fn rows(path: &Path, file: File, at_once: usize) -> Result<ParquetRecordBatchReader, StoreError> {
    ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(StoreError::parquet(path))?
        .with_batch_size(at_once)
        .build()
        .map_err(StoreError::parquet(path))
}

/// Reads a file's rows, so many at a time.
#[cfg(test)]
pub(crate) fn read(path: &Path, at_once: usize) -> Result<ParquetRecordBatchReader, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    rows(path, file, at_once)
}

/// What a file says of itself, its pages too.
pub(crate) fn metadata(path: &Path) -> Result<(File, ParquetMetaData), StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let reader = ParquetMetaDataReader::new().with_offset_index_policy(PageIndexPolicy::Optional);
    let metadata = caught(|| reader.parse_and_finish(&file))
        .map_err(StoreError::content(path))?
        .map_err(StoreError::parquet(path))?;
    Ok((file, metadata))
}

#[cfg(test)]
mod tests;
