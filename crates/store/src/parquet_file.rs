//! Rows to Parquet: sorted by time, encoded column by column, compressed; and back.
//!
//! Encodings are chosen by what a column holds. Hashes (`uid`, `community_id`) are all different: a dictionary would be one more copy of them, and
//! lengths between them would be noise for the compressor, so they stand as lengths and bytes apart. Times are sorted: deltas, bit-packed. All else
//! repeats itself more or less: a dictionary, whose indices are runs or few bits, and Parquet's plain values where that grows too large.
//!
//! A conn record of mixed traffic takes 70 bytes, 21 of them `community_id` and 13 `uid`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{SortOptions, concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef, TimestampNanosecondType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::StoreError;
use crate::layout::{DAY, Layout, Sealed, date};

/// Rows of a row group: what is pruned by its statistics and read by one thread.
pub(crate) const ROW_GROUP: usize = 131_072;

/// Days that one segment is divided into at most; records of further days stand with those of the last.
const MOST_DAYS: usize = 64;

/// Zstandard's level: the next ones cost more time than they save room (a per cent or two).
const LEVEL: i32 = 3;

/// Columns of which every value is another.
const HASHES: [&str; 3] = ["uid", "community_id", "fingerprint"];

fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(LEVEL).unwrap_or_default(),
        ))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(format!("portreeve {}", env!("CARGO_PKG_VERSION")));
    for field in schema.fields() {
        // The name is one part of the path, dots or not.
        let path = ColumnPath::new(vec![field.name().clone()]);
        match field.data_type() {
            DataType::Timestamp(..) => {
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
    writer: ArrowWriter<File>,
    path: std::path::PathBuf,
}

impl Writer {
    pub fn create(path: &Path, schema: &SchemaRef) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(StoreError::io("create", path))?;
        // Without Arrow's own copy of the schema: it would say "dictionary" where any reader should see texts, and be longer than many a file.
        let options = ArrowWriterOptions::new()
            .with_properties(properties(schema))
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(schema), options)
            .map_err(StoreError::parquet(path))?;
        Ok(Writer {
            writer,
            path: path.to_owned(),
        })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.writer
            .write(batch)
            .map_err(StoreError::parquet(&self.path))
    }

    /// Ends the file and makes it durable; its size.
    pub fn finish(self) -> Result<u64, StoreError> {
        let file = self
            .writer
            .into_inner()
            .map_err(StoreError::parquet(&self.path))?;
        file.sync_all()
            .and_then(|()| file.metadata())
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

/// The same rows in the order of their times.
fn sorted(batch: RecordBatch, path: &Path) -> Result<RecordBatch, StoreError> {
    let Some(column) = batch.column_by_name("ts") else {
        return Err(StoreError::Content {
            path: path.to_owned(),
            what: "rows without ts".into(),
        });
    };
    if times(&batch).is_some_and(<[i64]>::is_sorted) {
        return Ok(batch);
    }
    sort_to_indices(column, Some(SortOptions::default()), None)
        .and_then(|indices| take_record_batch(&batch, &indices))
        .map_err(StoreError::arrow(path))
}

/// Makes Parquet of a segment's rows: one file for each day, all of them finished before the first is put where it belongs.
///
/// # Errors
/// The disk, or rows that cannot be. Nothing is left behind but temporary files.
pub(crate) fn seal(
    layout: &Layout,
    table: &str,
    segment: u64,
    batches: &[RecordBatch],
) -> Result<Vec<Sealed>, StoreError> {
    let Some(schema) = batches.first().map(RecordBatch::schema) else {
        return Ok(Vec::new());
    };
    let name = layout.tmp().join(format!("{table}-{segment:010}"));
    let rows = sorted(
        concat_batches(&schema, batches).map_err(StoreError::arrow(&name))?,
        &name,
    )?;
    let times = times(&rows).unwrap_or_default();
    let mut days: Vec<(i64, usize, usize)> = Vec::new();
    for (row, time) in times.iter().enumerate() {
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
            min: times[*from],
            max: times[*to - 1],
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
        writer.write(&rows.slice(*from, to - from))?;
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

/// Reads a file's rows, so many at a time.
pub(crate) fn read(path: &Path, rows: usize) -> Result<ParquetRecordBatchReader, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(StoreError::parquet(path))?
        .with_batch_size(rows)
        .build()
        .map_err(StoreError::parquet(path))
}
