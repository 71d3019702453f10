//! The thread of an output: takes records from its feed until there are no more.
//!
//! One thread an output, one ring a worker and output: a slow output costs only its own records. Where facts are joined, each output has a joiner of its
//! own in front of it, on the same thread: nothing is shared, and no worker waits for it.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use portreeve_record::{Joiner, Record, RecordContext, RecordFeed};

use crate::config::OutputConfig;
use crate::joined::Joined;
use crate::output::Output;
use crate::status::{DropReason, OutputCounters, OutputStatus};

/// How long the thread sleeps at most when nothing comes.
const WAIT: Duration = Duration::from_millis(100);
/// How often an output learns the time, and at least how often it is flushed.
const TICK: Duration = Duration::from_millis(200);
/// An output is flushed earlier when nothing has come for so long. Not at once: under load the ring is found empty hundreds of times a second, and each
/// flush is a system call for every file.
const QUIET: Duration = Duration::from_millis(20);
/// How long an output that missed its deadline gets to count what it leaves behind.
const GRACE: Duration = Duration::from_millis(200);

/// Records of the program's own that may wait for an output: there are few of them.
const INSERTED: usize = 1024;

/// What other threads ask of an output's thread.
#[derive(Default)]
struct Requests {
    reopen: AtomicBool,
    /// There is something in `changed`.
    changing: AtomicBool,
    /// What the output is to become.
    changed: Mutex<Option<OutputConfig>>,
    /// Write no more; count what is queued as lost.
    abandon: AtomicBool,
    /// There is something in `inserted`: all that the thread looks at mostly.
    pending: AtomicBool,
    /// Records that come from no worker.
    inserted: Mutex<VecDeque<Record>>,
}

impl Requests {
    /// Has the output become what it was asked to.
    fn change(&self, output: &mut dyn Output) {
        if !self.changing.swap(false, Acquire) {
            return;
        }
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = changed.take();
        drop(changed);
        if let Some(config) = wanted {
            output.change(&config);
        }
    }

    /// Writes what was put in by hand.
    fn write_inserted(&self, output: &mut dyn Output, context: &RecordContext) {
        if !self.pending.load(Relaxed) {
            return;
        }
        let mut inserted = self.inserted.lock().unwrap_or_else(PoisonError::into_inner);
        self.pending.store(false, Relaxed);
        let records = std::mem::take(&mut *inserted);
        drop(inserted);
        for record in records {
            output.write(&record, context);
        }
    }
}

/// A running output.
pub struct OutputHandle {
    name: String,
    status: Arc<OutputStatus>,
    requests: Arc<Requests>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

/// How an output's shut-down went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The final counters (of this moment, if `stuck`).
    pub counters: OutputCounters,
    /// The deadline came first: what was queued then is counted under [`DropReason::Shutdown`].
    pub timed_out: bool,
    /// The thread hangs in a write that does not return (a pipe nobody reads) and was left behind: what it held is in no account.
    pub stuck: bool,
}

/// Starts the thread that drives `output` from `feed`.
///
/// # Errors
///
/// When the operating system refuses a thread.
pub fn spawn(
    output: Box<dyn Output>,
    feed: Box<dyn RecordFeed>,
    context: Arc<RecordContext>,
) -> io::Result<OutputHandle> {
    start(output, feed, context)
}

/// The same, with `joiner` between the feed and the output: what it makes is written, what it takes in is not, and both are counted.
///
/// # Errors
///
/// When the operating system refuses a thread.
pub fn spawn_joined(
    output: Box<dyn Output>,
    joiner: Box<dyn Joiner>,
    feed: Box<dyn RecordFeed>,
    context: Arc<RecordContext>,
) -> io::Result<OutputHandle> {
    let output = Joined::new(output, joiner, RecordContext::clone(&context));
    start(Box::new(output), feed, context)
}

fn start(
    output: Box<dyn Output>,
    feed: Box<dyn RecordFeed>,
    context: Arc<RecordContext>,
) -> io::Result<OutputHandle> {
    let name = output.name().to_owned();
    let status = Arc::clone(output.status());
    let requests = Arc::new(Requests::default());
    let (finished, done) = sync_channel(1);
    let thread = Builder::new().name(format!("out-{name}")).spawn({
        let requests = Arc::clone(&requests);
        move || run(output, feed, &context, &requests, &finished)
    })?;
    Ok(OutputHandle {
        name,
        status,
        requests,
        done,
        thread,
    })
}

fn run(
    mut output: Box<dyn Output>,
    mut feed: Box<dyn RecordFeed>,
    context: &RecordContext,
    requests: &Requests,
    finished: &SyncSender<()>,
) {
    let status = Arc::clone(output.status());
    let mut last_tick = Instant::now();
    // Since when nothing has come, as long as something waits to be flushed.
    let mut unflushed: Option<Instant> = None;
    output.tick(SystemTime::now());
    loop {
        if requests.reopen.swap(false, Relaxed) {
            output.reopen();
        }
        // What was put in before it was asked to change is of before.
        requests.write_inserted(&mut *output, context);
        requests.change(&mut *output);
        let drained = feed.drain(&mut |record| {
            if requests.abandon.load(Relaxed) {
                status.add_dropped(DropReason::Shutdown, 1);
            } else {
                output.write(record, context);
            }
        });
        let due = last_tick.elapsed() >= TICK;
        if due {
            last_tick = Instant::now();
            output.tick(SystemTime::now());
        }
        if drained > 0 {
            unflushed = Some(Instant::now());
        }
        if due || unflushed.is_some_and(|since| drained == 0 && since.elapsed() >= QUIET) {
            output.flush();
            unflushed = None;
        }
        if drained == 0 {
            // Abandoned and drained: the producers may live on, but the caller no longer waits for them.
            if feed.is_finished() || requests.abandon.load(Relaxed) {
                break;
            }
            feed.wait(unflushed.map_or(WAIT, |since| QUIET.saturating_sub(since.elapsed())));
        }
    }
    requests.write_inserted(&mut *output, context);
    output.finish();
    // Nobody listens any more if the caller gave up.
    let _ = finished.send(());
}

impl OutputHandle {
    /// The output's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its counters and state.
    #[must_use]
    pub fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    /// Its counters now.
    #[must_use]
    pub fn counters(&self) -> OutputCounters {
        self.status.counters()
    }

    /// Asks it to open its files again (HUP).
    pub fn reopen(&self) {
        self.requests.reopen.store(true, Relaxed);
    }

    /// Asks it to become what `config` describes ([`Output::change`]): its thread does it, between two records.
    pub fn change(&self, config: OutputConfig) {
        let requests = &self.requests;
        let mut changed = requests
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *changed = Some(config);
        requests.changing.store(true, Release);
    }

    /// Gives it a record that comes from no worker, as one that was made here.
    pub fn insert(&self, record: Record) {
        self.status.add_made();
        let requests = &self.requests;
        let mut inserted = requests
            .inserted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if inserted.len() < INSERTED {
            inserted.push_back(record);
            requests.pending.store(true, Relaxed);
        } else {
            self.status.add_dropped(DropReason::QueueFull, 1);
        }
    }

    /// Waits until all is written; call it when the producers have ended. At the deadline what is queued is counted as lost instead.
    #[must_use]
    pub fn finish(self, deadline: Instant) -> Finished {
        let left = deadline.saturating_duration_since(Instant::now());
        // A thread that panicked has hung up: that is not a time-out.
        let timed_out = matches!(
            self.done.recv_timeout(left),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        );
        if timed_out {
            self.requests.abandon.store(true, Relaxed);
            if matches!(
                self.done.recv_timeout(GRACE),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            ) {
                return Finished {
                    counters: self.status.counters(),
                    timed_out,
                    stuck: true,
                };
            }
        }
        let stuck = self.thread.join().is_err();
        Finished {
            counters: self.status.counters(),
            timed_out,
            stuck,
        }
    }
}
