//! `-w`: the packets that passed the filter, into capture files, on a thread of its own.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portreeve_capture::write::{CaptureWriter, WriteCounters, WriteOptions};
use portreeve_engine::PacketFeed;

use crate::args::OutputArgs;
use crate::exit::Failure;

/// How often the writer learns the time, and writes what waits.
const TICK: Duration = Duration::from_secs(1);

/// What the flags ask for, if they do.
///
/// # Errors
/// Rotation of standard output, or a count of files that do not rotate.
pub fn options(args: &OutputArgs) -> Result<Option<WriteOptions>, Failure> {
    let Some(path) = &args.write else {
        return Ok(None);
    };
    let mut made = WriteOptions::new(path);
    made.rotate_bytes = args.rotate_size.map(|size| size.0);
    made.rotate_time = args.rotate_seconds.map(Duration::from_secs);
    made.files = args.rotate_count.map(u64::from);
    let rotates = made.rotate_bytes.is_some() || made.rotate_time.is_some();
    if is_stdout(&made) && rotates {
        return Err(Failure::usage(
            "standard output cannot be rotated; leave -C and -G out",
        ));
    }
    if made.files.is_some() && !rotates {
        return Err(Failure::usage(
            "-W counts the files of -C or -G; give one of them",
        ));
    }
    Ok(Some(made))
}

/// Whether the packets go to standard output.
#[must_use]
pub fn is_stdout(options: &WriteOptions) -> bool {
    options.path == Path::new("-")
}

/// What the writer has done so far; anyone may read it.
#[derive(Debug, Default)]
pub struct Progress {
    counters: Mutex<WriteCounters>,
    errors: Mutex<Vec<String>>,
    complete: AtomicBool,
    failing: AtomicBool,
}

impl Progress {
    /// All the files asked for are written: nothing more is wanted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// The last that was tried could not be written.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    fn give_up(&self) {
        self.failing.store(true, Ordering::Relaxed);
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.push("-w: nobody takes the packets any more; what is not written is lost".into());
    }

    /// The accounts of the packets that came here, which are `queued`.
    #[must_use]
    pub fn account(&self, queued: u64) -> [(&'static str, u64); 4] {
        let counters = self.counters();
        let settled = counters.written + counters.refused + counters.lost;
        [
            ("written", counters.written),
            (
                "refused: of another link type, or one too many",
                counters.refused,
            ),
            ("lost: write error", counters.lost),
            ("not written yet", queued.saturating_sub(settled)),
        ]
    }

    /// Packets that are in no file though they were wanted.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let counters = self.counters();
        // After the last file nothing more was wanted.
        let refused = if self.is_complete() {
            0
        } else {
            counters.refused
        };
        counters.lost + counters.waiting + refused
    }

    /// What went wrong since this was last asked.
    #[must_use]
    pub fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counters(&self) -> WriteCounters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, writer: &mut CaptureWriter) {
        let now = writer.counters();
        let before = std::mem::replace(
            &mut *self.counters.lock().unwrap_or_else(PoisonError::into_inner),
            now,
        );
        if now.errors > before.errors {
            self.failing.store(true, Ordering::Relaxed);
        } else if now.written > before.written {
            self.failing.store(false, Ordering::Relaxed);
        }
        self.complete.store(writer.is_complete(), Ordering::Relaxed);
        if let Some(error) = writer.take_error() {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            errors.push(error.to_string());
        }
    }
}

/// A running writer.
pub struct Handle {
    /// Its counters and errors.
    pub progress: Arc<Progress>,
    thread: JoinHandle<()>,
}

impl Handle {
    /// Whether all is written, or the writer broke down.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// The end of a writer that is finished; another is left behind, with what it has not written.
    ///
    /// # Errors
    /// The writer broke down.
    pub fn finish(self) -> Result<Arc<Progress>, Failure> {
        if !self.thread.is_finished() {
            self.progress.give_up();
            return Ok(self.progress);
        }
        match self.thread.join() {
            Ok(()) => Ok(self.progress),
            Err(_) => Err(Failure::failed(
                "the packet writer broke down: a fault of Portreeve's; please report it",
            )),
        }
    }
}

/// Writes what comes from `feed`, on a thread of its own.
///
/// # Errors
/// The system refused a thread.
pub fn start(mut writer: CaptureWriter, mut feed: PacketFeed) -> io::Result<Handle> {
    let progress: Arc<Progress> = Arc::default();
    let shared = Arc::clone(&progress);
    let thread = std::thread::Builder::new()
        .name("packets".into())
        .spawn(move || {
            let mut ticked = Instant::now();
            // The time of the newest packet and when it came: a file's rotation goes by its packets, not by our clock.
            let (mut newest, mut came) = (0_i64, Instant::now());
            let mut second = 0;
            while !feed.is_finished() {
                let taken = feed.drain(&mut |frame| {
                    if frame.timestamp > newest {
                        newest = frame.timestamp;
                        // To the second, as -G is given.
                        if newest / 1_000_000_000 > second {
                            second = newest / 1_000_000_000;
                            writer.tick(newest);
                        }
                    }
                    writer.write(frame);
                });
                if taken > 0 {
                    came = Instant::now();
                } else {
                    feed.wait(Duration::from_millis(20));
                }
                if ticked.elapsed() >= TICK && newest > 0 {
                    ticked = Instant::now();
                    writer.tick(newest.saturating_add(came.elapsed().as_nanos() as i64));
                    shared.update(&mut writer);
                }
            }
            let complete = writer.is_complete();
            writer.finish();
            shared.update(&mut writer);
            shared.complete.store(complete, Ordering::Relaxed);
        })?;
    Ok(Handle { progress, thread })
}
