//! The thread that keeps the store in order: makes few large files of many small ones, deletes what is too old or too much.
//!
//! It touches only what is Parquet already; nobody waits for it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use portreeve_output::OutputStatus;

use crate::compact::{self, Compacted};
use crate::config::Retention;
use crate::error::StoreError;
use crate::guard::caught;
use crate::layout::{Layout, Listing, Sealed, nanoseconds};
use crate::schema::{TableKind, tables};
use crate::sealer::{set_aside, trash};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// How long a file that was replaced stays for readers that began before.
const TRASH_FOR: Duration = Duration::from_secs(120);
/// What an earlier run left in the trash stays so many times longer: its age is by a clock that may have stepped.
const BY_WALL: u32 = 10;
/// Between a new file's arrival and the going of those it was made of: longer than a listing takes, so that none misses both.
const OVERLAP: Duration = Duration::from_millis(200);

/// The thread.
pub(crate) struct Keeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub fn start(
        layout: Layout,
        status: Arc<OutputStatus>,
        retention: Arc<Mutex<Retention>>,
        memory: usize,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut work = Work::new(layout, status, retention, memory);
        let thread = Builder::new().name("store-keep".into()).spawn({
            let stop = Arc::clone(&stop);
            move || {
                while !stop.load(Relaxed) {
                    if let Err(what) = caught(|| work.pass(SystemTime::now(), &stop)) {
                        work.status
                            .error(format!("store: files are not in order: {what}"));
                    }
                    std::thread::park_timeout(EVERY);
                }
            }
        })?;
        Ok(Keeper {
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it, after the step that it is at.
    pub fn stop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is done each time.
pub(crate) struct Work {
    layout: Layout,
    status: Arc<OutputStatus>,
    retention: Arc<Mutex<Retention>>,
    /// Bytes for merging files.
    memory: usize,
    rollups: Vec<&'static str>,
    /// Runs of files that cannot be merged though each of them can be read: said once, and left alone until they are others.
    refused: HashSet<Vec<PathBuf>>,
    /// What is in the trash, and since when: by a clock that does not step.
    trashed: HashMap<PathBuf, Instant>,
}

impl Work {
    pub fn new(
        layout: Layout,
        status: Arc<OutputStatus>,
        retention: Arc<Mutex<Retention>>,
        memory: usize,
    ) -> Self {
        Work {
            layout,
            status,
            retention,
            memory,
            rollups: tables()
                .iter()
                .filter(|table| table.kind == TableKind::Rollup)
                .map(|table| table.name)
                .collect(),
            refused: HashSet::new(),
            trashed: HashMap::new(),
        }
    }

    /// One look at everything.
    pub fn pass(&mut self, now: SystemTime, stop: &AtomicBool) {
        let result = self.list().and_then(|listing| {
            // What is gone is merged with nothing.
            let gone = self.retire(&listing, now)?;
            let left = if gone == 0 { listing } else { self.list()? };
            self.compact(&left, stop)
        });
        if let Err(error) = result {
            self.status.error(error.to_string());
        }
        self.empty_trash(TRASH_FOR);
    }

    fn list(&self) -> Result<Listing, StoreError> {
        let listed = self.layout.list();
        listed.map_err(StoreError::io("list", self.layout.root()))
    }

    /// Deletes what is too old, and the oldest of what is too much: how many files.
    fn retire(&self, listing: &Listing, now: SystemTime) -> Result<u64, StoreError> {
        // A clock that stepped far ahead must not empty the store: no record is older than what came last makes it.
        let retention = *self
            .retention
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let came = |file: &Sealed| file.max.max(file.stored);
        let newest = listing.sealed.iter().map(came).max();
        let wall = nanoseconds(now);
        let now = newest.unwrap_or(wall).min(wall);
        let mut kept: Vec<&Sealed> = Vec::new();
        let mut removed = 0;
        for file in &listing.sealed {
            let keep = if self.is_rollup(file) {
                retention.keep_rollups_for
            } else {
                retention.keep_for
            };
            let oldest = keep.map_or(i64::MIN, |keep| {
                now.saturating_sub(i64::try_from(keep.as_nanos()).unwrap_or(i64::MAX))
            });
            // What was read from an old capture is as old as its file: it would be gone at once.
            if came(file) < oldest {
                trash(&self.layout, &file.path)?;
                removed += 1;
            } else {
                kept.push(file);
            }
        }
        if let Some(most) = retention.keep_size {
            kept.sort_by_key(|file| (self.is_rollup(file), file.max, file.first));
            let mut total: u64 = kept.iter().map(|file| file.bytes).sum();
            for file in kept {
                if total <= most {
                    break;
                }
                trash(&self.layout, &file.path)?;
                total -= file.bytes;
                removed += 1;
            }
        }
        self.status.add_removed(removed);
        Ok(removed)
    }

    fn is_rollup(&self, file: &Sealed) -> bool {
        self.rollups.contains(&file.table.as_str())
    }

    fn compact(&mut self, listing: &Listing, stop: &AtomicBool) -> Result<(), StoreError> {
        let paths =
            |run: &[Sealed]| -> Vec<PathBuf> { run.iter().map(|file| file.path.clone()).collect() };
        let runs = compact::runs(listing, compact::most_files(self.memory));
        self.refused
            .retain(|refused| runs.iter().any(|run| paths(run) == *refused));
        for run in runs {
            if self.refused.contains(&paths(&run)) {
                continue;
            }
            if stop.load(Relaxed) {
                return Ok(());
            }
            match compact::merge(&self.layout, &run, self.memory, stop) {
                // The others may be well.
                Err(error) if error.is_content() => {
                    self.status.error(error.to_string());
                    self.refused.insert(paths(&run));
                }
                Err(error) => return Err(error),
                Ok(Compacted::Done) => {
                    std::thread::sleep(OVERLAP);
                    for file in &run {
                        trash(&self.layout, &file.path)?;
                    }
                }
                Ok(Compacted::Stopped) => return Ok(()),
                Ok(Compacted::Damaged(path, error)) => {
                    if set_aside(&self.layout, &path) {
                        self.status.error(format!(
                            "{error}: it was set aside in {}",
                            self.layout.damaged().display()
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Deletes what has been in the trash for so long, by what this run has seen; what an earlier run left, by the wall clock, which may step: a good deal later.
    pub fn empty_trash(&mut self, longer_than: Duration) {
        let by_wall = SystemTime::now()
            .checked_sub(longer_than * BY_WALL)
            .map_or(i64::MIN, nanoseconds);
        let left_by_others = |path: &Path| {
            let moved = fs::symlink_metadata(path);
            moved.is_ok_and(|file| file.ctime().saturating_mul(1_000_000_000) < by_wall)
        };
        let there: Vec<PathBuf> = fs::read_dir(self.layout.trash())
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        self.trashed.retain(|path, _| there.contains(path));
        for path in there {
            let since = self
                .trashed
                .entry(path.clone())
                .or_insert_with(Instant::now);
            if since.elapsed() >= longer_than || left_by_others(&path) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use arrow::array::{ArrayRef, Float64Array, ListArray, RecordBatch, TimestampNanosecondArray};
    use arrow::datatypes::Int64Type;

    use super::*;
    use crate::layout::DAY;
    use crate::parquet_file;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A store with a file of `conn` and one of `rollup_1h` for each of the ten days from 20000 days after 1970 on.
    fn store(name: &str) -> (Folder, Layout) {
        let path =
            std::env::temp_dir().join(format!("portreeve-keeper-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let layout = Layout::new(&path);
        layout.create().unwrap();
        for day in 0..10 {
            for (i, table) in ["conn", "rollup_1h"].into_iter().enumerate() {
                let ts = TimestampNanosecondArray::from(vec![(20_000 + day) * DAY; 100])
                    .with_timezone("UTC");
                let batch = RecordBatch::try_from_iter([("ts", Arc::new(ts) as _)]).unwrap();
                let segment = day as u64 * 2 + i as u64 + 1;
                let sealed =
                    parquet_file::seal(&layout, table, segment, &[batch], 1 << 30).unwrap();
                fs::File::options()
                    .write(true)
                    .open(&sealed[0].path)
                    .and_then(|file| file.set_modified(after_days(20_000 + day as u64)))
                    .unwrap();
            }
        }
        (Folder(path), layout)
    }

    fn days(layout: &Layout, table: &str) -> usize {
        let listing = layout.list().unwrap();
        listing
            .sealed
            .iter()
            .filter(|file| file.table == table)
            .count()
    }

    fn work(layout: &Layout, change: impl FnOnce(&mut Retention)) -> Work {
        let mut retention = Retention::default();
        change(&mut retention);
        let retention = Arc::new(Mutex::new(retention));
        Work::new(layout.clone(), Arc::default(), retention, 0)
    }

    fn after_days(days: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(days * 86_400)
    }

    #[test]
    fn records_and_roll_ups_have_their_own_ages() {
        let (_folder, layout) = store("age");
        let mut work = work(&layout, |config| {
            config.keep_for = Some(Duration::from_secs(3 * 86_400));
            config.keep_rollups_for = Some(Duration::from_secs(6 * 86_400));
        });
        work.pass(after_days(20_009), &AtomicBool::new(false));
        assert_eq!((days(&layout, "conn"), days(&layout, "rollup_1h")), (4, 7));
        assert_eq!(work.status.counters().files_removed, 9);
        assert_eq!(work.status.counters().errors, 0);
        // Those that read on find them for a while.
        assert_eq!(fs::read_dir(layout.trash()).unwrap().count(), 9);
        work.empty_trash(Duration::ZERO);
        assert_eq!(fs::read_dir(layout.trash()).unwrap().count(), 0);
    }

    /// Short runs, each of which leaves some: none of them is there when their time is over.
    #[test]
    fn what_earlier_runs_left_in_the_trash_goes_too() {
        let (_folder, layout) = store("left");
        let path = layout.trash().join("left-by-another-run");
        fs::write(&path, "x").unwrap();
        let mut work = work(&layout, |_| {});
        // A second of the wall clock is the least that a change time shows.
        work.empty_trash(Duration::from_secs(3600));
        assert!(path.exists());
        std::thread::sleep(Duration::from_millis(2100));
        let mut later = Work::new(layout.clone(), Arc::default(), Arc::default(), 0);
        later.empty_trash(Duration::from_millis(100));
        assert!(!path.exists());
    }

    #[test]
    fn what_is_read_from_an_old_capture_is_kept_from_then_on() {
        let (_folder, layout) = store("old");
        let ts = TimestampNanosecondArray::from(vec![5]).with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([("ts", Arc::new(ts) as _)]).unwrap();
        parquet_file::seal(&layout, "conn", 99, &[batch], 1 << 30).unwrap();
        let mut work = work(&layout, |config| {
            config.keep_for = Some(Duration::from_secs(30 * 86_400));
        });
        work.pass(after_days(20_009), &AtomicBool::new(false));
        assert_eq!(days(&layout, "conn"), 11);
    }

    #[test]
    fn files_that_cannot_be_merged_are_told_once_until_they_are_others() {
        let (_folder, layout) = store("refused");
        let ts = |day: i64| -> ArrayRef {
            let ts = TimestampNanosecondArray::from(vec![day * DAY; 3]);
            Arc::new(ts.with_timezone("UTC"))
        };
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some([Some(1)]); 3]);
        let (lists, reals): (ArrayRef, ArrayRef) =
            (Arc::new(lists), Arc::new(Float64Array::from(vec![1.5; 3])));
        let put = |segment, column: &ArrayRef, day| {
            let columns = [("ts", ts(day)), ("x", Arc::clone(column))];
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            parquet_file::seal(&layout, "dns", segment, &[batch], 1 << 30).unwrap();
        };
        // What is a list becomes no number, as the type of the latest would have it.
        put(90, &lists, 20_000);
        put(91, &reals, 20_000);
        // A later day, so that two are enough to be merged.
        put(92, &lists, 20_001);
        let mut work = work(&layout, |_| ());
        let mut errors_after_pass = || {
            work.pass(after_days(20_009), &AtomicBool::new(false));
            work.status.counters().errors
        };
        assert_eq!((errors_after_pass(), errors_after_pass()), (1, 1));
        put(93, &reals, 20_000);
        assert_eq!((errors_after_pass(), errors_after_pass()), (2, 2));
        assert_eq!(days(&layout, "dns"), 4);
    }

    #[test]
    fn a_clock_that_steps_ahead_does_not_empty_the_store() {
        let (_folder, layout) = store("ahead");
        let mut work = work(&layout, |config| {
            config.keep_for = Some(Duration::from_secs(30 * 86_400));
        });
        work.pass(after_days(50_000), &AtomicBool::new(false));
        work.pass(UNIX_EPOCH, &AtomicBool::new(false));
        assert_eq!(days(&layout, "conn"), 10);
    }

    #[test]
    fn the_oldest_go_when_there_is_too_much_and_roll_ups_last() {
        let (_folder, layout) = store("size");
        let total: u64 = layout
            .list()
            .unwrap()
            .sealed
            .iter()
            .map(|file| file.bytes)
            .sum();
        let mut work = work(&layout, |config| config.keep_size = Some(total * 7 / 10));
        work.pass(after_days(20_009), &AtomicBool::new(false));
        assert_eq!((days(&layout, "conn"), days(&layout, "rollup_1h")), (4, 10));
        let listing = layout.list().unwrap();
        let oldest = listing
            .sealed
            .iter()
            .filter(|file| file.table == "conn")
            .map(|file| file.min)
            .min();
        assert_eq!(oldest, Some(20_006 * DAY));
    }
}
