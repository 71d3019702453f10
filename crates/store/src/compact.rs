//! Many small files into one large: which, and how.
//!
//! Files of one table and day that were made one after the other become one. Row groups that are large already are copied as they are; the rows of
//! smaller ones are merged by time. What columns one has and another lacks are null in its rows; where types differ, that of the latest counts.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::file::metadata::ParquetMetaData;

use crate::error::StoreError;
use crate::guard::caught;
use crate::layout::{Layout, Listing, Sealed};
use crate::merge::{Fault, Part, merge_rows, rows_of_group};
use crate::parquet_file::{self, Writer};

/// A file that has so many bytes is large enough, and left alone.
const LARGE: u64 = 128 << 20;
/// Files that are merged at once, at most.
const MOST_FILES: usize = 32;
/// What each of them takes of memory meanwhile, about: what it says of itself, and the times that are next.
const FILE_BYTES: usize = 1 << 20;
/// Files that are worth it on the latest day; those of days before are merged when there are two.
const FEW: usize = 8;

/// Files that are merged at once within so much memory; at least as many as are worth it.
pub(crate) fn most_files(memory: usize) -> usize {
    (memory / FILE_BYTES).clamp(FEW, MOST_FILES)
}

/// The runs of files that are to be merged now, `most` in each.
pub(crate) fn runs(listing: &Listing, most: usize) -> Vec<Vec<Sealed>> {
    // What is made of an open segment has an earlier number than a merged file would claim: those before it only.
    let mut open: HashMap<&str, u64> = HashMap::new();
    for segment in &listing.open {
        let first = open.entry(&segment.table).or_insert(u64::MAX);
        *first = (*first).min(segment.segment);
    }
    let mut days: BTreeMap<(&str, &str), Vec<&Sealed>> = BTreeMap::new();
    for file in &listing.sealed {
        let before = open.get(file.table.as_str()).copied().unwrap_or(u64::MAX);
        if file.last < before {
            days.entry((&file.table, &file.date))
                .or_default()
                .push(file);
        }
    }
    let mut latest: HashMap<&str, &str> = HashMap::new();
    for (table, date) in days.keys() {
        let last = latest.entry(table).or_insert(date);
        *last = (*last).max(date);
    }
    let mut runs = Vec::new();
    for ((table, date), mut files) in days {
        files.sort_by_key(|file| file.first);
        let past = latest.get(table).is_some_and(|latest| *latest > date);
        if let Some(run) = pick(&files, if past { 2 } else { FEW }, most) {
            runs.push(run);
        }
    }
    runs
}

/// The first run of neighbours that is worth the work: enough of them, and none so large that it would be copied for the sake of a few
/// crumbs, unless there are many.
fn pick(files: &[&Sealed], least: usize, most: usize) -> Option<Vec<Sealed>> {
    for from in 0..files.len() {
        let (mut to, mut bytes, mut largest) = (from, 0, 0);
        while let Some(file) = files.get(to)
            && file.bytes < LARGE
            && to - from < most
            && bytes < 2 * LARGE
        {
            bytes += file.bytes;
            largest = largest.max(file.bytes);
            to += 1;
        }
        let count = to - from;
        if count >= least && (largest <= 4 * (bytes - largest) || count == most) {
            return Some(files[from..to].iter().map(|file| (*file).clone()).collect());
        }
    }
    None
}

/// How it went.
pub(crate) enum Compacted {
    /// The new file is in its place.
    Done,
    /// There was no time left; nothing has changed.
    Stopped,
    /// One of the files is not as it was written, or cannot be read.
    Damaged(PathBuf, StoreError),
}

/// All columns of all files: those of the latest first.
fn merged(schemas: &[SchemaRef]) -> SchemaRef {
    let mut fields: Vec<Field> = Vec::new();
    for schema in schemas.iter().rev() {
        for field in schema.fields() {
            if !fields.iter().any(|there| there.name() == field.name()) {
                fields.push(field.as_ref().clone().with_nullable(true));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

/// Merges files of one table and day into one, with so much memory, about.
///
/// # Errors
/// The disk, or rows that cannot be merged, of whichever file; nothing has changed then.
pub(crate) fn merge(
    layout: &Layout,
    files: &[Sealed],
    memory: usize,
    stop: &AtomicBool,
) -> Result<Compacted, StoreError> {
    let broken = |what| Err(Fault::Disk(StoreError::content(layout.root())(what)));
    match caught(|| try_merge(layout, files, memory, stop)).unwrap_or_else(broken) {
        Ok(done) => Ok(done),
        // One whose every byte is as it was written is not damaged, whatever is wrong.
        Err(Fault::File(path, error)) if error.is_content() && !is_sound(&path) => {
            Ok(Compacted::Damaged(path, error))
        }
        Err(Fault::File(_, error) | Fault::Disk(error)) => Err(error),
    }
}

fn try_merge(
    layout: &Layout,
    files: &[Sealed],
    memory: usize,
    stop: &AtomicBool,
) -> Result<Compacted, Fault> {
    let (Some(first), Some(last)) = (files.first(), files.last()) else {
        return Ok(Compacted::Stopped);
    };
    let mut parts = Vec::new();
    let mut sources = Vec::new();
    for file in files {
        let fault = |error| Fault::File(file.path.clone(), error);
        if stop.load(Relaxed) {
            return Ok(Compacted::Stopped);
        }
        // A bit that flipped must not be written once more, under new sums that say it is right.
        verify(&file.path).map_err(fault)?;
        parts.push(Part::open(&file.path).map_err(fault)?);
        sources.push(parquet_file::metadata(&file.path).map_err(fault)?);
    }
    let schemas: Vec<SchemaRef> = parts.iter().map(Part::schema).collect();
    let schema = merged(&schemas);
    let group = rows_of_group(sources.iter().map(|(_, metadata)| metadata), memory);
    let tmp = layout.tmp().join(format!(
        "{}-{:010}-{:010}",
        first.table, first.first, last.last
    ));
    let mut writer = Writer::create(&tmp, &schema)?;
    let mut small = Vec::new();
    for ((file, metadata), (part, of)) in sources.into_iter().zip(parts.into_iter().zip(files)) {
        if is_large(&metadata, group) && writer.has_columns_of(&metadata) {
            // What is said to be where nothing is, is the file's fault, not the disk's.
            writer
                .copy(&file, &metadata)
                .map_err(|error| Fault::File(of.path.clone(), error))?;
        } else {
            small.push(part);
        }
        if stop.load(Relaxed) {
            let _ = std::fs::remove_file(&tmp);
            return Ok(Compacted::Stopped);
        }
    }
    if !merge_rows(&mut writer, small, &schema, group, stop)? {
        let _ = std::fs::remove_file(&tmp);
        return Ok(Compacted::Stopped);
    }
    let bytes = writer.finish()?;
    let mut file = Sealed {
        min: files.iter().map(|file| file.min).min().unwrap_or(first.min),
        max: files.iter().map(|file| file.max).max().unwrap_or(first.max),
        last: last.last,
        part: 1,
        parts: 1,
        bytes,
        ..first.clone()
    };
    file.place(layout);
    parquet_file::put(&tmp, &file.path)?;
    Ok(Compacted::Done)
}

/// Looks at every byte of a file; whether it has a sum that says they are right.
fn verify(path: &Path) -> Result<bool, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    parquet_file::verify(path, &file)
}

fn is_sound(path: &Path) -> bool {
    verify(path).unwrap_or(false)
}

/// Whether the row groups are about as large as they may be, with so many rows.
fn is_large(metadata: &ParquetMetaData, group: usize) -> bool {
    let groups = metadata.num_row_groups() as i64;
    groups > 0 && metadata.file_metadata().num_rows() / groups >= group as i64 / 2
}

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow::array::{
        Array, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray,
        TimestampNanosecondArray, UInt16Array,
    };
    use arrow::datatypes::Int32Type;
    use parquet::file::metadata::RowGroupMetaData;

    use super::*;
    use crate::parquet_file::{ROW_GROUP, times as times_of};

    const MEMORY: usize = 64 << 20;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> (Self, Layout) {
            let path = std::env::temp_dir()
                .join(format!("portreeve-compact-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            let layout = Layout::new(&path);
            layout.create().unwrap();
            (Folder(path), layout)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn times(from: i64, step: i64, rows: i64) -> Arc<TimestampNanosecondArray> {
        let times = (0..rows).map(|i| from + i * step);
        Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
    }

    /// Segment `n` of a table with times that lie between those of the others.
    fn segment(layout: &Layout, n: u64) {
        let ids = (0..1000).map(|i| n as i32 * 10_000 + i);
        let batch = RecordBatch::try_from_iter([
            ("ts", times(n as i64, 10, 1000) as _),
            ("n", Arc::new(Int32Array::from_iter_values(ids)) as _),
        ])
        .unwrap();
        parquet_file::seal(layout, "conn", n, &[batch], 1 << 30).unwrap();
    }

    fn rows(listing: &Listing) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        for file in &listing.sealed {
            batches.extend(
                parquet_file::read(&file.path, 100_000)
                    .unwrap()
                    .map(Result::unwrap),
            );
        }
        batches
    }

    fn go() -> AtomicBool {
        AtomicBool::new(false)
    }

    #[test]
    fn small_files_become_one_with_the_same_rows_in_order() {
        let (_folder, layout) = Folder::new("merge");
        for n in 1..=9 {
            segment(&layout, n);
        }
        let before = layout.list().unwrap();
        let runs = runs(&before, MOST_FILES);
        assert_eq!((runs.len(), runs[0].len()), (1, 9));
        assert!(matches!(
            merge(&layout, &runs[0], MEMORY, &go()).unwrap(),
            Compacted::Done
        ));
        // Both are there for a moment; one counts.
        let after = layout.list().unwrap();
        assert_eq!((after.sealed.len(), after.superseded.len()), (1, 9));
        assert_eq!((after.sealed[0].first, after.sealed[0].last), (1, 9));
        let all = rows(&after);
        let mut ids = Vec::new();
        let mut last = i64::MIN;
        for batch in &all {
            for time in times_of(batch).unwrap() {
                assert!(*time >= last);
                last = *time;
            }
            ids.extend(
                batch
                    .column(1)
                    .as_primitive::<Int32Type>()
                    .values()
                    .to_vec(),
            );
        }
        ids.sort_unstable();
        let expected: Vec<i32> = (1..=9)
            .flat_map(|n| (0..1000).map(move |i| n * 10_000 + i))
            .collect();
        assert_eq!(ids, expected);
        assert!(super::runs(&after, MOST_FILES).is_empty());
    }

    #[test]
    fn files_of_other_times_have_their_own_columns() {
        let (_folder, layout) = Folder::new("evolve");
        let old = RecordBatch::try_from_iter([
            ("ts", times(0, 1, 10) as _),
            ("gone", Arc::new(StringArray::from(vec!["x"; 10])) as _),
            ("port", Arc::new(UInt16Array::from(vec![7; 10])) as _),
        ])
        .unwrap();
        let new = RecordBatch::try_from_iter([
            ("ts", times(5, 1, 10) as _),
            ("port", Arc::new(Int32Array::from(vec![8; 10])) as _),
            ("new", Arc::new(StringArray::from(vec!["y"; 10])) as _),
        ])
        .unwrap();
        parquet_file::seal(&layout, "conn", 1, &[old], 1 << 30).unwrap();
        parquet_file::seal(&layout, "conn", 2, &[new], 1 << 30).unwrap();
        let files = layout.list().unwrap().sealed;
        assert!(matches!(
            merge(&layout, &files, MEMORY, &go()).unwrap(),
            Compacted::Done
        ));
        let batch = rows(&layout.list().unwrap()).remove(0);
        assert_eq!(batch.num_rows(), 20);
        let nulls = |name: &str| batch.column_by_name(name).unwrap().null_count();
        assert_eq!((nulls("gone"), nulls("new"), nulls("port")), (10, 10, 0));
        let ports = batch.column_by_name("port").unwrap();
        let sum: i32 = ports.as_primitive::<Int32Type>().values().iter().sum();
        assert_eq!(sum, 150);
    }

    #[test]
    fn large_row_groups_are_copied_and_small_files_merged_beside_them() {
        let (_folder, layout) = Folder::new("copy");
        let large = i64::try_from(ROW_GROUP).unwrap();
        for (n, from, rows) in [(1, 0, large), (2, 5, 10), (3, 7, large), (4, 0, 20)] {
            let ids = Int32Array::from_iter_values((0..rows as i32).map(|i| n * 1_000_000 + i));
            let batch = RecordBatch::try_from_iter_with_nullable([
                ("ts", times(from, 3, rows) as _, true),
                ("n", Arc::new(ids) as _, true),
            ])
            .unwrap();
            parquet_file::seal(&layout, "conn", n as u64, &[batch], 1 << 30).unwrap();
        }
        let files = layout.list().unwrap().sealed;
        assert!(matches!(
            merge(&layout, &files, MEMORY, &go()).unwrap(),
            Compacted::Done
        ));
        let merged = layout.list().unwrap().sealed;
        assert_eq!(merged.len(), 1);
        assert_eq!((merged[0].min, merged[0].max), (0, 7 + 3 * (large - 1)));
        let (_, metadata) = parquet_file::metadata(&merged[0].path).unwrap();
        let groups: Vec<i64> = metadata
            .row_groups()
            .iter()
            .map(RowGroupMetaData::num_rows)
            .collect();
        assert_eq!(groups, [large, large, 30]);
        let mut ids: Vec<i32> = rows(&layout.list().unwrap())
            .iter()
            .flat_map(|batch| {
                batch
                    .column(1)
                    .as_primitive::<Int32Type>()
                    .values()
                    .to_vec()
            })
            .collect();
        // The small ones by time, which both have at 5 and 6: rows of the second between those of the fourth.
        assert_eq!(
            ids[2 * large as usize..][..4],
            [4_000_000, 4_000_001, 2_000_000, 4_000_002]
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len() as i64, 2 * large + 30);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let (_folder, layout) = Folder::new("damaged");
        segment(&layout, 1);
        segment(&layout, 2);
        let files = layout.list().unwrap().sealed;
        let mut bytes = fs::read(&files[0].path).unwrap();
        for byte in &mut bytes[10..2000] {
            *byte = 0xa5;
        }
        fs::write(&files[0].path, bytes).unwrap();
        match merge(&layout, &files, MEMORY, &go()).unwrap() {
            Compacted::Damaged(path, _) => assert_eq!(path, files[0].path),
            _ => panic!("a damaged file was merged"),
        }
        assert_eq!(layout.list().unwrap().sealed.len(), 2);
    }

    #[test]
    fn a_large_file_with_a_hole_is_named_and_not_copied() {
        let (_folder, layout) = Folder::new("hole");
        for n in 1..=2 {
            let rows = ROW_GROUP as i64;
            let ids = (0..rows as i32).map(|i| i.wrapping_mul(0x9e37_79b9_u32.cast_signed()));
            let batch = RecordBatch::try_from_iter_with_nullable([
                ("ts", times(n, 3, rows) as _, true),
                ("n", Arc::new(Int32Array::from_iter_values(ids)) as _, true),
            ])
            .unwrap();
            parquet_file::seal(&layout, "conn", n as u64, &[batch], 1 << 30).unwrap();
        }
        let files = layout.list().unwrap().sealed;
        // Its end is as it was, and what that says of the rest is not true any more.
        let mut bytes = fs::read(&files[1].path).unwrap();
        bytes.drain(1000..bytes.len() / 2);
        fs::write(&files[1].path, bytes).unwrap();
        match merge(&layout, &files, MEMORY, &go()).unwrap() {
            Compacted::Damaged(path, _) => assert_eq!(path, files[1].path),
            _ => panic!("a damaged file was copied"),
        }
        assert_eq!(layout.list().unwrap().sealed.len(), 2);
    }

    /// Two small files with columns of several kinds.
    fn two_small_files(layout: &Layout) -> Vec<Sealed> {
        let texts = |n: u64| (0..40).map(move |i| (i % 3 > 0).then(|| format!("text {n} {i}")));
        for n in 1..=2 {
            let names: DictionaryArray<Int32Type> =
                (0..40).map(|i| ["a", "b"].get(i % 3).copied()).collect();
            let batch = RecordBatch::try_from_iter_with_nullable([
                ("ts", times(n as i64, 3, 40) as _, true),
                ("name", Arc::new(names) as _, true),
                (
                    "text",
                    Arc::new(texts(n).collect::<StringArray>()) as _,
                    true,
                ),
            ])
            .unwrap();
            parquet_file::seal(layout, "conn", n, &[batch], 1 << 30).unwrap();
        }
        layout.list().unwrap().sealed
    }

    /// Flips bits in the second of two small files, one after the other, and merges both; how often it was named, and how often what it has was merged.
    fn flip_bits(layout: &Layout, files: &[Sealed]) -> (usize, usize) {
        let whole = fs::read(&files[1].path).unwrap();
        let (mut named, mut merged) = (0, 0);
        for at in 0..whole.len() {
            for bit in [0, 3, 7] {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                fs::write(&files[1].path, damaged).unwrap();
                match merge(layout, files, MEMORY, &go()) {
                    Ok(Compacted::Done) => {
                        merged += 1;
                        let after = layout.list().unwrap();
                        let made = after.sealed.iter().find(|file| file.last > file.first);
                        fs::remove_file(&made.unwrap().path).unwrap();
                    }
                    Ok(Compacted::Damaged(path, _)) => {
                        assert_eq!(path, files[1].path);
                        named += 1;
                    }
                    Ok(Compacted::Stopped) => panic!("nobody stopped it"),
                    Err(error) => assert!(error.is_content(), "{at}: {error}"),
                }
            }
        }
        (named, merged)
    }

    /// Whatever is wrong with a file of an earlier version, which has no sum, it is named or what it has is merged; the other one is there afterwards.
    #[test]
    fn flipped_bits_never_end_the_thread_that_merges() {
        let (_folder, layout) = Folder::new("flipped");
        let files = two_small_files(&layout);
        let mut without = fs::read(&files[1].path).unwrap();
        let key = crate::sum::KEY.as_bytes();
        let at = without.windows(key.len()).position(|there| there == key);
        without[at.unwrap()] ^= 1;
        fs::write(&files[1].path, without).unwrap();
        let (named, merged) = flip_bits(&layout, &files);
        assert!(named > 0 && merged > 0, "{named} named, {merged} merged");
    }

    /// No flipped bit is written once more under sums that say it is right. (Where it makes the sum look like something else, there is none to compare with.)
    #[test]
    fn flipped_bits_are_not_merged() {
        let (_folder, layout) = Folder::new("sums");
        let files = two_small_files(&layout);
        let (named, merged) = flip_bits(&layout, &files);
        assert!(
            named > 1000 && merged <= 3 * 15,
            "{named} named, {merged} merged"
        );
    }

    fn file(first: u64, bytes: u64) -> Sealed {
        Sealed {
            table: "conn".into(),
            date: "2026-11-26".into(),
            min: 0,
            max: 0,
            first,
            last: first,
            part: 1,
            parts: 1,
            path: PathBuf::new(),
            bytes,
            stored: 0,
        }
    }

    fn picked(bytes: &[u64], least: usize) -> Option<Vec<u64>> {
        let files: Vec<Sealed> = (1..).zip(bytes).map(|(n, bytes)| file(n, *bytes)).collect();
        let run = pick(&files.iter().collect::<Vec<_>>(), least, MOST_FILES)?;
        Some(run.iter().map(|file| file.first).collect())
    }

    #[test]
    fn large_files_are_not_copied_for_crumbs() {
        assert_eq!(picked(&[10; 7], FEW), None);
        assert_eq!(picked(&[10; 8], FEW), Some((1..=8).collect()));
        assert_eq!(picked(&[LARGE, 10, 10], 2), Some(vec![2, 3]));
        let mut one_large = vec![LARGE - 1];
        one_large.extend([10; 8]);
        assert_eq!(picked(&one_large, FEW), Some((2..=9).collect()));
        assert_eq!(picked(&[LARGE - 1, 10], 2), None);
        assert_eq!(picked(&[], 2), None);
    }

    #[test]
    fn memory_bounds_how_many_are_merged_at_once() {
        assert_eq!(most_files(0), FEW);
        assert_eq!(most_files(16 * FILE_BYTES), 16);
        assert_eq!(most_files(usize::MAX), MOST_FILES);
        let files: Vec<Sealed> = (1..=40).map(|n| file(n, 10)).collect();
        let listing = Listing {
            sealed: files,
            ..Listing::default()
        };
        assert_eq!(runs(&listing, 16)[0].len(), 16);
    }

    #[test]
    fn nothing_behind_an_open_segment_is_merged() {
        let listing = Listing {
            sealed: (1..=9).map(|n| file(n, 10)).collect(),
            open: vec![crate::layout::Open {
                table: "conn".into(),
                segment: 5,
                path: PathBuf::new(),
            }],
            ..Listing::default()
        };
        assert!(runs(&listing, MOST_FILES).is_empty());
    }
}
