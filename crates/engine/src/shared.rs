//! What the threads of one run share: flags to read, cells to publish in. Nothing here is written per packet by two threads.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portreeve_capture::CaptureError;

use crate::config::LiveSettings;
use crate::rest::Rest;
use crate::strategy::{Bell, Mode, Waiting};

const MODES: [Mode; 3] = [Mode::Poll, Mode::Interrupt, Mode::Adaptive];

/// Flags and cells of a run.
pub(crate) struct Shared {
    /// Take nothing new in, drain, finish.
    stop: AtomicBool,
    /// Stop waiting for anything. In an [`Arc`] of its own: sinks hold it.
    pub(crate) abandon: Arc<AtomicBool>,
    /// Threads that may still hand frames over.
    senders: AtomicUsize,
    /// Threads that have not finished.
    pub(crate) running: AtomicUsize,
    /// Bytes of the file that were read.
    pub(crate) position: AtomicU64,
    /// The reader's last time, written before its lanes close; `i64::MIN`: none.
    pub(crate) last_time: AtomicI64,
    /// How many times the live settings were changed: what a worker looks at between two bursts.
    settings_version: AtomicU64,
    /// How workers wait: [`Waiting`]'s mode as its place in [`MODES`], and its nanoseconds.
    mode: AtomicU8,
    spin: AtomicU64,
    spin_max: AtomicU64,
    /// The doorbells of all threads.
    bells: Vec<Arc<Bell>>,
    /// Who sleeps.
    pub(crate) rest: Arc<Rest>,
    /// The latest live settings; locked by whoever changes them, and by a worker only when the version is new.
    settings: Mutex<Option<LiveSettings>>,
    /// What went wrong with sources; rare, and never on the way of a packet.
    errors: Mutex<Vec<(String, CaptureError)>>,
    /// What sources have to tell; as rare.
    notices: Mutex<Vec<String>>,
}

impl Shared {
    /// For so many threads as there are bells.
    pub(crate) fn new(bells: Vec<Arc<Bell>>, waiting: Waiting, rest: Rest) -> Self {
        let threads = bells.len();
        let shared = Shared {
            mode: AtomicU8::new(0),
            spin: AtomicU64::new(0),
            spin_max: AtomicU64::new(0),
            bells,
            rest: Arc::new(rest),
            stop: AtomicBool::new(false),
            abandon: Arc::new(AtomicBool::new(false)),
            senders: AtomicUsize::new(threads),
            running: AtomicUsize::new(threads),
            position: AtomicU64::new(0),
            last_time: AtomicI64::new(i64::MIN),
            settings_version: AtomicU64::new(0),
            settings: Mutex::new(None),
            errors: Mutex::new(Vec::new()),
            notices: Mutex::new(Vec::new()),
        };
        shared.put(waiting);
        shared
    }

    fn put(&self, waiting: Waiting) {
        let mode = MODES.iter().position(|mode| *mode == waiting.mode);
        self.mode
            .store(mode.unwrap_or_default() as u8, Ordering::Relaxed);
        for (word, time) in [
            (&self.spin, waiting.spin),
            (&self.spin_max, waiting.spin_max),
        ] {
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            word.store(nanoseconds, Ordering::Relaxed);
        }
    }

    /// How workers are to wait.
    pub(crate) fn waiting(&self) -> Waiting {
        let mode = MODES.get(usize::from(self.mode.load(Ordering::Relaxed)));
        let time = |word: &AtomicU64| Duration::from_nanos(word.load(Ordering::Relaxed));
        Waiting {
            mode: mode.copied().unwrap_or_default(),
            spin: time(&self.spin),
            spin_max: time(&self.spin_max),
        }
    }

    /// Has workers wait otherwise from now on.
    pub(crate) fn wait_by(&self, waiting: Waiting) {
        self.put(waiting);
        self.settings_version.fetch_add(1, Ordering::Release);
        self.ring_all();
    }

    /// How often the live settings were changed: what a worker looks at between two bursts.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.settings_version.load(Ordering::Acquire)
    }

    /// Wakes every thread that sleeps, after something was changed that it must see.
    pub(crate) fn ring_all(&self) {
        for bell in &self.bells {
            bell.ring();
        }
    }

    /// A thread hands nothing over any more; its lanes are closed.
    pub(crate) fn sent_all(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ring_all();
        }
    }

    /// Whether nobody hands anything over any more.
    pub(crate) fn all_sent(&self) -> bool {
        self.senders.load(Ordering::Acquire) == 0
    }

    /// Asks for the end: take nothing new in, drain.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ring_all();
    }

    /// Asks for the end at once.
    pub(crate) fn ask_to_abandon(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.abandon.store(true, Ordering::Relaxed);
        self.ring_all();
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn abandoned(&self) -> bool {
        self.abandon.load(Ordering::Relaxed)
    }

    pub(crate) fn change(&self, settings: LiveSettings) {
        if let Ok(mut latest) = self.settings.lock() {
            self.put(settings.waiting);
            *latest = Some(settings);
        }
        self.settings_version.fetch_add(1, Ordering::Release);
        self.ring_all();
    }

    pub(crate) fn settings(&self) -> Option<LiveSettings> {
        self.settings.lock().ok()?.clone()
    }

    pub(crate) fn report(&self, source: &str, error: CaptureError) {
        if let Ok(mut errors) = self.errors.lock() {
            errors.push((source.to_owned(), error));
        }
    }

    pub(crate) fn tell(&self, lines: Vec<String>) {
        if !lines.is_empty()
            && let Ok(mut notices) = self.notices.lock()
        {
            notices.extend(lines);
        }
    }

    pub(crate) fn take_notices(&self) -> Vec<String> {
        self.notices
            .lock()
            .map(|mut notices| std::mem::take(&mut *notices))
            .unwrap_or_default()
    }

    pub(crate) fn take_errors(&self) -> Vec<(String, CaptureError)> {
        self.errors
            .lock()
            .map(|mut errors| std::mem::take(&mut *errors))
            .unwrap_or_default()
    }
}
