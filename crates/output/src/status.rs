//! What an output says of itself while it runs: counters and state, readable by any thread without locks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The least time between two reports to people.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Why a record was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The destination refused it: disk full, or any other error of writing.
    WriteError,
    /// The reader of the stream went away (a pipe was closed).
    Closed,
    /// The run ended and the deadline for writing what was queued was over.
    Shutdown,
    /// More records of the program's own were put in than the output took out.
    QueueFull,
}

impl DropReason {
    /// Every reason, in the order of their discriminants.
    pub const ALL: &[DropReason] = &[
        DropReason::WriteError,
        DropReason::Closed,
        DropReason::Shutdown,
        DropReason::QueueFull,
    ];

    /// The reason's name in ledgers and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DropReason::WriteError => "write_error",
            DropReason::Closed => "closed",
            DropReason::Shutdown => "shutdown",
            DropReason::QueueFull => "queue_full",
        }
    }
}

const REASONS: usize = 4;
const _: () = assert!(DropReason::ALL.len() == REASONS);

/// How an output fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputState {
    /// It writes.
    #[default]
    Ok,
    /// Its destination refuses; it tries again with the records that come.
    Recovering,
    /// Its destination is gone for good (end of a pipe): nothing more will be written.
    Closed,
}

impl OutputState {
    /// The state's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OutputState::Ok => "ok",
            OutputState::Recovering => "recovering",
            OutputState::Closed => "closed",
        }
    }
}

/// An output's counters at one moment. Records that the output was given, and those that were made for it of several, are in exactly one of `written`,
/// `dropped`, `unwanted`, `taken_in`, or in its buffer still: `produced + made = written + dropped + unwanted + taken_in + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputCounters {
    /// Records handed to the operating system whole.
    pub written: u64,
    /// Records lost, by reason, in the order of [`DropReason::ALL`].
    pub dropped: [u64; REASONS],
    /// Records of logs that this output is configured not to write.
    pub unwanted: u64,
    /// Records made for this output: facts that span conversations, and what the program itself has to tell.
    pub made: u64,
    /// Records that were not written as they came: repetitions, and parts of records that were made.
    pub taken_in: u64,
    /// Bytes written, before compression.
    pub bytes: u64,
    /// Times a write, a rotation or a compression failed.
    pub errors: u64,
    /// Files rotated.
    pub files_rotated: u64,
    /// Rotated files removed because of their age or the total size.
    pub files_removed: u64,
}

impl OutputCounters {
    /// Records lost for `reason`.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Records lost for any reason.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Records that left the queue one way or the other.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.written + self.unwanted + self.taken_in + self.dropped_total()
    }
}

/// The live counters and state of an output: written by the output, read by anyone.
#[derive(Debug, Default)]
pub struct OutputStatus {
    written: AtomicU64,
    dropped: [AtomicU64; REASONS],
    unwanted: AtomicU64,
    made: AtomicU64,
    taken_in: AtomicU64,
    bytes: AtomicU64,
    errors: AtomicU64,
    files_rotated: AtomicU64,
    files_removed: AtomicU64,
    state: AtomicU8,
    /// Not counters: text for people, read seldom.
    reports: Mutex<Reports>,
}

/// What people are told, at most once in [`REPORT_EVERY`].
#[derive(Debug, Default)]
struct Reports {
    last_error: Option<String>,
    pending: Option<String>,
    /// Reports that gave way to a later one.
    suppressed: u64,
    told: Option<Instant>,
}

impl Reports {
    fn put(&mut self, text: String) {
        if self.pending.replace(text).is_some() {
            self.suppressed += 1;
        }
    }
}

impl OutputStatus {
    /// The counters now. Each is exact; read while the output runs, they may be of moments a few records apart.
    #[must_use]
    pub fn counters(&self) -> OutputCounters {
        OutputCounters {
            written: self.written.load(Relaxed),
            dropped: std::array::from_fn(|i| self.dropped[i].load(Relaxed)),
            unwanted: self.unwanted.load(Relaxed),
            made: self.made.load(Relaxed),
            taken_in: self.taken_in.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            errors: self.errors.load(Relaxed),
            files_rotated: self.files_rotated.load(Relaxed),
            files_removed: self.files_removed.load(Relaxed),
        }
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> OutputState {
        match self.state.load(Relaxed) {
            0 => OutputState::Ok,
            1 => OutputState::Recovering,
            _ => OutputState::Closed,
        }
    }

    /// What went wrong last, on which object, for people; kept when the output has recovered.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.reports
            .lock()
            .map_or(None, |reports| reports.last_error.clone())
    }

    /// News for standard error or the log, if there is any and the last was told long enough ago: what went
    /// wrong, or that it went right again. For one caller, a few times a second.
    #[must_use]
    pub fn take_report(&self) -> Option<String> {
        let mut reports = self.reports.lock().ok()?;
        if reports
            .told
            .is_some_and(|told| told.elapsed() < REPORT_EVERY)
        {
            return None;
        }
        let mut text = reports.pending.take()?;
        reports.told = Some(Instant::now());
        let more = std::mem::take(&mut reports.suppressed);
        if more > 0 {
            text.push_str(&format!(" (and {more} more since the last report)"));
        }
        Some(text)
    }

    /// Counts records written whole, and their bytes.
    pub fn add_written(&self, records: u64, bytes: u64) {
        self.written.fetch_add(records, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts bytes that are no records: header lines.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts records lost; none is not counted.
    pub fn add_dropped(&self, reason: DropReason, records: u64) {
        self.dropped[reason as usize].fetch_add(records, Relaxed);
    }

    /// Counts a record that this output does not write.
    pub fn add_unwanted(&self) {
        self.unwanted.fetch_add(1, Relaxed);
    }

    /// Counts a record made out of others.
    pub fn add_made(&self) {
        self.made.fetch_add(1, Relaxed);
    }

    /// Counts a record that is not written as it came.
    pub fn add_taken_in(&self) {
        self.taken_in.fetch_add(1, Relaxed);
    }

    /// Counts a file rotated.
    pub fn add_rotated(&self) {
        self.files_rotated.fetch_add(1, Relaxed);
    }

    /// Counts files removed by retention.
    pub fn add_removed(&self, files: u64) {
        self.files_removed.fetch_add(files, Relaxed);
    }

    /// Sets the state; what is closed stays closed.
    pub fn set_state(&self, state: OutputState) {
        if self.state() != OutputState::Closed {
            self.state.store(state as u8, Relaxed);
        }
    }

    /// Notes and counts an error.
    pub fn error(&self, text: String) {
        self.errors.fetch_add(1, Relaxed);
        if let Ok(mut reports) = self.reports.lock() {
            reports.last_error = Some(text.clone());
            reports.put(text);
        }
    }

    /// Says that an error is over.
    pub fn recovered(&self, text: String) {
        if let Ok(mut reports) = self.reports.lock() {
            reports.put(text);
        }
    }
}
