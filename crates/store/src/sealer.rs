//! The thread that makes Parquet of full segments, so that records are taken meanwhile.
//!
//! One segment is made while one waits; who has a third waits too. What the disk refuses is tried again every second: the segment stays
//! where it is, in memory or open on disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arrow::array::RecordBatch;
use portreeve_output::{DropReason, OutputState, OutputStatus};

use crate::error::StoreError;
use crate::guard::caught;
use crate::layout::Layout;
use crate::parquet_file;
use crate::segment;

/// Time between two tries.
const RETRY: Duration = Duration::from_secs(1);

/// A segment that is full.
pub(crate) struct Job {
    pub table: String,
    pub segment: u64,
    /// Its open file, if it has one.
    pub open: Option<PathBuf>,
    /// Rows that are not in that file.
    pub tail: Vec<RecordBatch>,
    /// Records that the ledger hears of when the tail is written: none for roll-ups.
    pub records: u64,
    /// Bytes of memory, about, when its file has been read.
    pub bytes: usize,
}

/// The thread.
pub(crate) struct Sealer {
    jobs: Option<SyncSender<Job>>,
    /// Nobody waits any more: what is refused once is given up.
    hurry: Arc<AtomicBool>,
    /// The disk refuses.
    failing: Arc<AtomicBool>,
    /// Bytes of memory of what was handed over and is not Parquet yet.
    held: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Sealer {
    /// Starts the thread; it first makes Parquet of `left`, what a run before left open.
    /// It has so much memory beside the segments themselves, about.
    pub fn start(
        layout: Layout,
        status: Arc<OutputStatus>,
        left: Vec<Job>,
        memory: usize,
    ) -> io::Result<Self> {
        let (jobs, work) = sync_channel(1);
        let hurry = Arc::new(AtomicBool::new(false));
        let failing = Arc::new(AtomicBool::new(false));
        let held = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            layout,
            memory,
            status,
            hurry: Arc::clone(&hurry),
            failing: Arc::clone(&failing),
            held: Arc::clone(&held),
        };
        let thread = Builder::new()
            .name("store-seal".into())
            .spawn(move || worker.run(left, &work))?;
        Ok(Sealer {
            jobs: Some(jobs),
            hurry,
            failing,
            held,
            thread: Some(thread),
        })
    }

    /// Hands a segment over; gives it back if two are on their way already.
    pub fn seal(&self, job: Job) -> Result<(), Job> {
        let bytes = job.bytes;
        match &self.jobs {
            Some(jobs) => jobs.try_send(job).map_err(|error| match error {
                TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
            })?,
            None => return Err(job),
        }
        // The other thread may have been faster: it wraps around for that moment.
        self.held.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Bytes of memory of what was handed over and is not Parquet yet.
    pub fn held(&self) -> usize {
        usize::try_from(self.held.load(Relaxed).cast_signed()).unwrap_or(0)
    }

    /// Hands a segment over, and waits until there is room for it.
    pub fn seal_at_last(&self, job: Job) -> Result<(), Job> {
        match &self.jobs {
            Some(jobs) => {
                self.held.fetch_add(job.bytes, Relaxed);
                jobs.send(job).map_err(|error| error.0)
            }
            None => Err(job),
        }
    }

    /// Whether the disk refuses what it is given.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// From now on nothing is tried for long.
    pub fn hurry(&self) {
        self.hurry.store(true, Relaxed);
    }

    /// Waits until all is written.
    pub fn finish(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told so on standard error.
            let _ = thread.join();
        }
    }
}

struct Worker {
    layout: Layout,
    /// Bytes, for what a segment's Parquet takes while it is made.
    memory: usize,
    status: Arc<OutputStatus>,
    hurry: Arc<AtomicBool>,
    failing: Arc<AtomicBool>,
    held: Arc<AtomicUsize>,
}

impl Worker {
    fn run(&self, left: Vec<Job>, work: &Receiver<Job>) {
        for job in left {
            self.seal(&job);
        }
        loop {
            match work.recv_timeout(Duration::from_secs(3600)) {
                Ok(job) => {
                    self.seal(&job);
                    let bytes = job.bytes;
                    drop(job);
                    self.held.fetch_sub(bytes, Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn seal(&self, job: &Job) {
        let mut failed = false;
        loop {
            match self.try_attempt(job) {
                Ok(bytes) => {
                    self.status.add_written(job.records, bytes);
                    self.failing.store(false, Relaxed);
                    if failed {
                        self.status.set_state(OutputState::Ok);
                        self.status
                            .recovered(format!("{}: writes again", self.layout.root().display()));
                    }
                    return;
                }
                Err(error) => {
                    parquet_file::clear(&self.layout, &job.table, job.segment);
                    self.status.error(error.to_string());
                    // Rows that cannot be Parquet will not be later either; their open file is kept aside.
                    if error.is_content() {
                        if let Some(open) = &job.open {
                            set_aside(&self.layout, open);
                        }
                        self.status.add_dropped(DropReason::WriteError, job.records);
                        return;
                    }
                    failed = true;
                    self.failing.store(true, Relaxed);
                    self.status.set_state(OutputState::Recovering);
                    if self.hurry.load(Relaxed) {
                        self.status.add_dropped(DropReason::WriteError, job.records);
                        return;
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    fn try_attempt(&self, job: &Job) -> Result<u64, StoreError> {
        let place = job.open.clone();
        let place = place.unwrap_or_else(|| self.layout.root().join(&job.table));
        caught(|| self.attempt(job)).map_err(StoreError::content(&place))?
    }

    fn attempt(&self, job: &Job) -> Result<u64, StoreError> {
        let mut batches = Vec::new();
        if let Some(open) = &job.open {
            let file = File::open(open).map_err(StoreError::io("open", open))?;
            let content = segment::read(&file).map_err(StoreError::io("read", open))?;
            if let Some(damage) = content.damage {
                let kept = self
                    .layout
                    .damaged()
                    .join(open.file_name().unwrap_or_default());
                // As much as there is room for: it is for people.
                let _ = fs::copy(open, &kept);
                self.status.error(format!(
                    "{}: damaged ({damage}); what could be read is stored, a copy is in {}",
                    open.display(),
                    kept.display()
                ));
            }
            batches = content.batches;
        }
        batches.extend(job.tail.iter().cloned());
        let (table, segment) = (&job.table, job.segment);
        let sealed = parquet_file::seal(&self.layout, table, segment, &batches, self.memory)?;
        if let Some(open) = &job.open {
            fs::remove_file(open).map_err(StoreError::io("remove", open))?;
        }
        Ok(sealed.iter().map(|file| file.bytes).sum())
    }
}

/// Moves a file out of the way, for people to look at.
pub(crate) fn set_aside(layout: &Layout, path: &std::path::Path) -> bool {
    let name = layout.trashed(path);
    let place = layout.damaged().join(name.file_name().unwrap_or_default());
    fs::rename(path, place).is_ok()
}

/// What a run before left open, as work to be done first; and a word on it.
pub(crate) fn left_open(layout: &Layout) -> Result<(Vec<Job>, Vec<String>), StoreError> {
    let listing = layout
        .list()
        .map_err(StoreError::io("list", layout.root()))?;
    let mut notes = Vec::new();
    for file in &listing.superseded {
        trash(layout, &file.path)?;
    }
    let wanted: HashMap<PathBuf, ()> = listing
        .open
        .iter()
        .map(|open| (open.path.clone(), ()))
        .collect();
    for open in layout
        .list_open()
        .map_err(StoreError::io("list", layout.open()))?
    {
        // Already Parquet: the run ended between the two.
        if !wanted.contains_key(&open.path) {
            fs::remove_file(&open.path).map_err(StoreError::io("remove", &open.path))?;
        }
    }
    for file in &listing.sealed {
        if !parquet_file::looks_whole(&file.path).unwrap_or(true) && set_aside(layout, &file.path) {
            notes.push(format!(
                "store: {} is damaged; it was set aside in {}",
                file.path.display(),
                layout.damaged().display()
            ));
        }
    }
    let mut open = listing.open;
    open.sort_by_key(|open| open.segment);
    let jobs = open.into_iter().map(|open| Job {
        table: open.table,
        segment: open.segment,
        open: Some(open.path),
        tail: Vec::new(),
        records: 0,
        bytes: 0,
    });
    Ok((jobs.collect(), notes))
}

/// Takes a file out of the store; readers that began before find it in the trash for a while.
pub(crate) fn trash(layout: &Layout, path: &std::path::Path) -> Result<(), StoreError> {
    fs::rename(path, layout.trashed(path)).map_err(StoreError::io("move", path))
}
