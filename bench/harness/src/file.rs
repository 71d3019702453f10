//! What a run over a capture file costs, part by part: reading it, decoding, flows, and all of it with conn records as JSON.
//!
//! Each part is what its stages take alone, with those before it: what one more stage adds is the difference. The last is the engine as it runs with one worker,
//! its output on a thread of its own; CPU time is that of all threads.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portreeve_capture::file::FileSource;
use portreeve_capture::{Burst, Fetch, Source};
use portreeve_engine::{EngineConfig, Input, Inputs, Monitor};
use portreeve_flow::{Tracker, TrackerConfig};
use portreeve_output::{Dialect, StreamOutput, TimeFormat, spawn};
use portreeve_packet::{DecodeOptions, Views, decode};
use portreeve_record::RecordContext;

use crate::clock::{median, process_cpu_ns};
use crate::subject::Counted;

/// Memory for flows, as much as the program takes for a large file.
const MEMORY: usize = 1 << 30;

fn tracker_config() -> TrackerConfig {
    let mut config = TrackerConfig::default();
    config.memory = MEMORY;
    config
}

fn checked() -> DecodeOptions {
    DecodeOptions {
        verify_checksums: true,
        ..DecodeOptions::default()
    }
}

/// Shows every burst of a file to `each`; how many frames they were.
fn bursts(path: &Path, mut each: impl FnMut(&Burst<'_>)) -> io::Result<u64> {
    let mut source = FileSource::open([path]).map_err(io::Error::other)?;
    let mut frames = 0;
    loop {
        match source.next_burst().map_err(io::Error::other)? {
            Fetch::Frames(burst) => {
                frames += burst.len() as u64;
                each(&burst);
            }
            Fetch::End => return Ok(frames),
            Fetch::Empty => {}
        }
    }
}

/// Decodes a burst into `views`; `full` takes what is there when there is no more room, and at the end.
fn decode_burst(
    burst: &Burst<'_>,
    options: &DecodeOptions,
    views: &mut Views,
    mut full: impl FnMut(&mut Views),
) {
    for (index, frame) in burst.frames().enumerate() {
        if !views.has_room() {
            full(views);
            views.clear();
        }
        std::hint::black_box(decode(&frame.bytes(index as u16), options, views));
    }
    full(views);
    views.clear();
}

fn read(path: &Path) -> io::Result<u64> {
    bursts(path, |burst| {
        std::hint::black_box(burst);
    })
}

fn read_and_decode(path: &Path) -> io::Result<u64> {
    let (options, mut views) = (checked(), Box::<Views>::default());
    bursts(path, |burst| {
        decode_burst(burst, &options, &mut views, |views| {
            std::hint::black_box(views);
        });
    })
}

fn to_flows(path: &Path) -> io::Result<u64> {
    let (options, mut views) = (checked(), Box::<Views>::default());
    let mut tracker = Tracker::new(tracker_config()).map_err(io::Error::other)?;
    let mut sink = Counted::default();
    let frames = bursts(path, |burst| {
        decode_burst(burst, &options, &mut views, |views| {
            tracker.process(views, &mut sink);
        });
    })?;
    tracker.finish(&mut sink);
    Ok(frames)
}

fn to_records(path: &Path) -> io::Result<u64> {
    let mut config = EngineConfig::new(tracker_config());
    config.decode = checked();
    config.talkers = false;
    config.outputs = vec!["null".to_owned()];
    let source = Box::new(FileSource::open([path]).map_err(io::Error::other)?);
    let input = Input {
        source,
        filter: None,
    };
    let inputs = Inputs::PerWorker(vec![vec![input]]);
    let mut monitor = Monitor::start(config, inputs).map_err(io::Error::other)?;
    let context = RecordContext::new("bench", vec![path.display().to_string()]);
    let mut handles = Vec::new();
    for feed in monitor.take_feeds() {
        let stream = File::create("/dev/null")?;
        let output = StreamOutput::new("null", stream, Dialect::ZeekJson, TimeFormat::Epoch);
        let context = Arc::new(context.clone());
        handles.push(spawn(Box::new(output), Box::new(feed), context)?);
    }
    while !monitor.is_finished() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let frames = monitor.snapshot().ledger.frames.delivered;
    let report = monitor.join();
    for handle in handles {
        let _ = handle.finish(Instant::now() + Duration::from_secs(10));
    }
    if !report.panicked.is_empty() {
        return Err(io::Error::other("a worker panicked"));
    }
    Ok(frames)
}

/// A part of the way, and what goes it.
type Part = (&'static str, fn(&Path) -> io::Result<u64>);

const PARTS: [Part; 4] = [
    ("read", read),
    ("read, decode", read_and_decode),
    ("read, decode, flows", to_flows),
    ("the engine, records as JSON", to_records),
];

/// Measures and prints. The parts come up in turn, so that a busy machine slows down all of them.
///
/// # Errors
/// The file cannot be read; want of memory; what the engine said.
pub fn table(path: &Path, rounds: usize) -> io::Result<()> {
    let mut costs: [Vec<f64>; PARTS.len()] = Default::default();
    let mut packets = 0;
    for round in 0..=rounds {
        for ((_, run), costs) in PARTS.iter().zip(&mut costs) {
            let begin = process_cpu_ns();
            packets = run(path)?;
            let cost = (process_cpu_ns() - begin) as f64 / packets.max(1) as f64;
            // The first round only brings the file into the page cache.
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    println!(
        "{}, {packets} packets: CPU time a packet, checksums verified, medians of {rounds} rounds",
        path.display()
    );
    for ((name, _), costs) in PARTS.iter().zip(&costs) {
        println!("  {name:<28} {:>7.1} ns", median(costs));
    }
    Ok(())
}
