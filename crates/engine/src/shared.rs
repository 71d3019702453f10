//! What the threads of one run share: flags to read, cells to publish in. Nothing here is written per packet by two threads.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use portreeve_capture::CaptureError;

use crate::config::LiveSettings;

/// Flags and cells of a run.
pub(crate) struct Shared {
    /// Take nothing new in, drain, finish.
    pub(crate) stop: AtomicBool,
    /// Stop waiting for anything. In an [`Arc`] of its own: sinks hold it.
    pub(crate) abandon: Arc<AtomicBool>,
    /// Threads that may still hand frames over.
    pub(crate) senders: AtomicUsize,
    /// Threads that have not finished.
    pub(crate) running: AtomicUsize,
    /// Bytes of the file that were read.
    pub(crate) position: AtomicU64,
    /// The reader's last time, written before its lanes close; `i64::MIN`: none.
    pub(crate) last_time: AtomicI64,
    /// How many times the live settings were changed: what a worker looks at between two bursts.
    pub(crate) settings_version: AtomicU64,
    /// The latest live settings; locked by whoever changes them, and by a worker only when the version is new.
    settings: Mutex<Option<LiveSettings>>,
    /// What went wrong with sources; rare, and never on the way of a packet.
    errors: Mutex<Vec<(String, CaptureError)>>,
}

impl Shared {
    pub(crate) fn new(threads: usize) -> Self {
        Shared {
            stop: AtomicBool::new(false),
            abandon: Arc::new(AtomicBool::new(false)),
            senders: AtomicUsize::new(threads),
            running: AtomicUsize::new(threads),
            position: AtomicU64::new(0),
            last_time: AtomicI64::new(i64::MIN),
            settings_version: AtomicU64::new(0),
            settings: Mutex::new(None),
            errors: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn abandoned(&self) -> bool {
        self.abandon.load(Ordering::Relaxed)
    }

    pub(crate) fn change(&self, settings: LiveSettings) {
        if let Ok(mut latest) = self.settings.lock() {
            *latest = Some(settings);
            self.settings_version.fetch_add(1, Ordering::Release);
        }
    }

    pub(crate) fn settings(&self) -> Option<LiveSettings> {
        self.settings.lock().ok()?.clone()
    }

    pub(crate) fn report(&self, source: &str, error: CaptureError) {
        if let Ok(mut errors) = self.errors.lock() {
            errors.push((source.to_owned(), error));
        }
    }

    pub(crate) fn take_errors(&self) -> Vec<(String, CaptureError)> {
        self.errors
            .lock()
            .map(|mut errors| std::mem::take(&mut *errors))
            .unwrap_or_default()
    }
}
