//! A run under load, to be looked at from outside: which system calls do its workers make, and how often do they allocate?
//! `bench/harness/tests/quiet.rs` runs it under strace.
//!
//! Prints, a line each: `worker THREAD ALLOCATIONS` for each thread that took frames, and `window BEGIN END FRAMES`: the time (seconds since 1970) in which
//! allocations were counted, and the frames analysed in it.
#![allow(clippy::print_stdout)] // What it finds goes to standard output.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use portreeve_capture::source::{Armed, Fetch, Source, SourceInfo, Wake};
use portreeve_capture::{CaptureError, MemoryCapture, MemorySource, SourceCounters};
use portreeve_engine::{EngineConfig, Input, Inputs, Mode, Monitor, Waiting};
use portreeve_flow::TrackerConfig;
use portreeve_record::RecordFeed;

/// Threads that can be told apart.
const THREADS: usize = 4;
/// Conversations of a round; they are over before the next.
const FLOWS: u16 = 2000;
/// Between two rounds: longer than any conversation idles.
const BETWEEN: i64 = 30_000_000_000;

/// The system's allocator, counting for the threads that take frames.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
static NAMES: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.load(Ordering::Relaxed)
            && let Some(count) = ALLOCATIONS.get(PLACE.get())
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tells which thread it is called on.
struct Marked {
    source: MemorySource,
    place: usize,
}

impl Source for Marked {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        if PLACE.get() != self.place {
            PLACE.set(self.place);
            // SAFETY: no memory is passed.
            let thread = unsafe { libc::syscall(libc::SYS_gettid) };
            if let Some(name) = NAMES.get(self.place) {
                name.store(thread.unsigned_abs(), Ordering::Relaxed);
            }
        }
        self.source.next_burst()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError> {
        self.source.wait(timeout)
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        self.source.arm()
    }

    fn counters(&mut self) -> SourceCounters {
        self.source.counters()
    }

    fn stop(&mut self) {
        self.source.stop();
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| arguments.get(at).map_or("", String::as_str);
    let mode = match word(0) {
        "poll" => Mode::Poll,
        "interrupt" => Mode::Interrupt,
        _ => Mode::Adaptive,
    };
    let workers = word(1).parse().unwrap_or(1);
    let seconds = word(2).parse().unwrap_or(2);
    match run(mode, workers, Duration::from_secs(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "error: {error}\nusage: portreeve-busy poll|interrupt|adaptive WORKERS SECONDS"
            );
            ExitCode::FAILURE
        }
    }
}

/// Nanoseconds since 1970-01-01 UTC.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as i64)
}

fn run(mode: Mode, workers: usize, window: Duration) -> Result<(), Box<dyn Error>> {
    let mut tracker = TrackerConfig::default();
    tracker.memory = 32 << 20;
    tracker.prefault = true;
    tracker.timeouts.udp_idle = BETWEEN / 3;
    let mut config = EngineConfig::new(tracker);
    config.outputs = vec!["counted".to_owned()];
    config.waiting = Waiting {
        mode,
        ..Waiting::default()
    };
    let inputs = (0..workers).map(|place| {
        let source = MemoryCapture::from_frames(frames(place as u8)).into_source();
        let source = source.repeat(u64::MAX, BETWEEN).bursts_of(8).live();
        let source = Box::new(Marked { source, place });
        vec![Input {
            source,
            filter: None,
        }]
    });
    let mut monitor = Monitor::start(config, Inputs::PerWorker(inputs.collect()))?;
    let mut feeds = monitor.take_feeds();
    let mut records = 0u64;
    let mut pass = |time: Duration| {
        let begin = SystemTime::now();
        while begin.elapsed().unwrap_or(time) < time {
            for feed in &mut feeds {
                feed.drain(&mut |_record| {
                    records += 1;
                });
                feed.wait(Duration::from_millis(5));
            }
            // Somebody looks at the talkers.
            drop(monitor.snapshot().talkers);
        }
    };
    pass(Duration::from_millis(500));
    let analysed = || monitor.snapshot().ledger.frames.analysed;
    let (begin, before) = (now(), analysed());
    COUNTS.store(true, Ordering::Relaxed);
    pass(window);
    COUNTS.store(false, Ordering::Relaxed);
    let (end, after) = (now(), analysed());
    monitor.abandon();
    let report = monitor.join();
    if !report.panicked.is_empty() {
        return Err(format!("{:?} panicked", report.panicked).into());
    }
    for (name, count) in NAMES.iter().zip(&ALLOCATIONS).take(workers) {
        let (name, count) = (name.load(Ordering::Relaxed), count.load(Ordering::Relaxed));
        println!("worker {name} {count}");
    }
    println!("records {records}");
    println!(
        "window {:.6} {:.6} {}",
        begin as f64 / 1e9,
        end as f64 / 1e9,
        after - before
    );
    Ok(())
}

/// A round: conversations of four packets each, in UDP and so quickly over. With several workers, many of them are at home with another.
fn frames(place: u8) -> Vec<(i64, Vec<u8>)> {
    let begin = now();
    let mut frames = Vec::new();
    for flow in 0..FLOWS {
        let client = [10, place, (flow >> 8) as u8, flow as u8];
        for packet in 0..4i64 {
            let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
            frame.extend([0x45, 0, 0, 46, 0, packet as u8, 0, 0, 64, 17, 0, 0]);
            frame.extend(client);
            frame.extend([192, 0, 2, 1]);
            frame.extend((40_000 + flow % 1000).to_be_bytes());
            frame.extend([0, 53, 0, 26, 0, 0]);
            frame.resize(60, 0x55);
            frames.push((begin + packet * 1000, frame));
        }
    }
    frames
}
