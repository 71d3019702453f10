//! The engine as it runs (worker thread, bursts from a source, ledger, record ring) against its bare stages, on the same packets.

use std::io;
use std::time::{Duration, SystemTime};

use portreeve_capture::memory::MemoryCapture;
use portreeve_capture::{ChecksumStatus, Frame};
use portreeve_engine::{EngineConfig, Input, Inputs, Monitor};
use portreeve_floor::{Descriptor, Packets};
use portreeve_flow::TrackerConfig;
use portreeve_packet::LinkType;

use crate::clock::{median, process_cpu_ns};
use crate::shape::{Mix, Popularity, Shape};
use crate::subject::Subject;
use crate::synthetic::MEMORY_PER_FLOW;
use crate::traffic::Traffic;

/// Measures and prints: openings of 1 M flows and two passes over them, by the engine and by the stages alone.
///
/// # Errors
/// Want of memory; what the engine said.
pub fn table(rounds: usize) -> io::Result<()> {
    let flows = 1_000_000;
    let shape = Shape {
        mix: Mix::Small,
        popularity: Popularity::Uniform,
        flows,
        seed: 1,
        partition: 0,
    };
    let memory = flows as usize * MEMORY_PER_FLOW;
    let (mut wholes, mut stages) = (Vec::new(), Vec::new());
    let mut count = 0;
    for _ in 0..rounds {
        let mut traffic = Traffic::new(shape, 2 * flows as usize)?;
        let mut capture = MemoryCapture::new();
        let mut subject = Subject::new(memory).map_err(io::Error::other)?;
        let mut total = 0.0;
        let mut take = |packets: &Packets| {
            add(&mut capture, packets);
            total += subject.pass::<false>(packets).total * packets.descriptors().len() as f64;
        };
        traffic.open(&mut take)?;
        for _ in 0..2 {
            take(traffic.packets());
            traffic.next_pass();
        }
        drop((subject, traffic));
        count = capture.len();
        stages.push(total / count as f64);
        wholes.push(run(capture, memory)? / count as f64);
    }
    let (whole, stage) = (median(&wholes), median(&stages));
    println!(
        "The whole engine, one worker, {count} packets from memory (64B, 1M flows, their openings included, as they end too): {whole:.1} ns a packet; its decode and flow stages alone: {stage:.1} ns"
    );
    Ok(())
}

/// Measures and prints what the engine adds to its stages while it runs: the same packets of established UDP flows again and again, in bursts of several
/// sizes; between two looks at the books, in the middle of the run, so that neither start nor end counts.
///
/// # Errors
/// Want of memory; what the engine said.
pub fn steady(rounds: usize) -> io::Result<()> {
    let shape = Shape {
        mix: Mix::Small,
        popularity: Popularity::Uniform,
        flows: 50_000,
        seed: 1,
        partition: 0,
    };
    let memory = 64 << 20;
    let traffic = Traffic::new(shape, 2 << 20)?;
    // Said again, TCP would be retransmissions.
    let all = traffic.packets();
    let udp = |d: &&Descriptor| all.bytes(d).get(23) == Some(&17);
    let chosen: Vec<&Descriptor> = all.descriptors().iter().filter(udp).collect();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_nanos() as i64);
    let mut packets = Packets::with_capacity(chosen.len(), chosen.len() * 64)?;
    for d in chosen {
        let bytes = all.bytes(d);
        // Of now, lest the clock on the wall, which a live worker follows, ends them all.
        packets.push(d.captured, d.wire, now, |to| to.copy_from_slice(bytes));
    }
    println!("The engine at work, 64B, 10k UDP flows, CPU time a packet:");
    println!("frames in a burst   engine ns   stages ns   difference");
    for burst in [64, 16, 4] {
        let (mut wholes, mut stages) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let subject = Subject::new(memory).map_err(io::Error::other)?;
            let mut subject = subject.bursts_of(burst);
            subject.pass::<false>(&packets);
            for _ in 0..3 {
                stages.push(subject.pass::<false>(&packets).total);
            }
            wholes.push(at_work(&packets, memory, burst)?);
        }
        let (whole, stage) = (median(&wholes), median(&stages));
        println!(
            "{burst:>17} {whole:>11.1} {stage:>11.1} {:>12.1}",
            whole - stage
        );
    }
    Ok(())
}

/// CPU time a packet of a run that goes on, nanoseconds.
fn at_work(packets: &Packets, memory: usize, burst: usize) -> io::Result<f64> {
    let mut capture = MemoryCapture::new();
    add(&mut capture, packets);
    let count = capture.len() as u64;
    let mut tracker = TrackerConfig::default();
    tracker.memory = memory;
    let mut config = EngineConfig::new(tracker);
    config.talkers = false;
    let input = Input {
        source: Box::new(capture.into_source().bursts_of(burst).live()),
        filter: None,
    };
    let inputs = Inputs::PerWorker(vec![vec![input]]);
    let monitor = Monitor::start(config, inputs).map_err(io::Error::other)?;
    let delivered = || monitor.snapshot().ledger.frames.delivered;
    while delivered() < 2 * count {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (begin, before) = (process_cpu_ns(), delivered());
    while delivered() < before + 6 * count {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (end, after) = (process_cpu_ns(), delivered());
    monitor.abandon();
    if !monitor.join().panicked.is_empty() {
        return Err(io::Error::other("a worker panicked"));
    }
    Ok((end - begin) as f64 / (after - before) as f64)
}

fn add(capture: &mut MemoryCapture, packets: &Packets) {
    for descriptor in packets.descriptors() {
        capture.push(&Frame {
            data: packets.bytes(descriptor),
            wire_len: descriptor.wire.into(),
            timestamp: descriptor.time,
            link: LinkType::Ethernet,
            interface: 0,
            vlan: None,
            rx_hash: None,
            checksum: ChecksumStatus::NotComputed,
        });
    }
}

/// CPU time of the process for a whole run, nanoseconds.
fn run(capture: MemoryCapture, memory: usize) -> io::Result<f64> {
    let mut tracker = TrackerConfig::default();
    tracker.memory = memory;
    let mut config = EngineConfig::new(tracker);
    config.talkers = false;
    let input = Input {
        source: Box::new(capture.into_source()),
        filter: None,
    };
    let begin = process_cpu_ns();
    let monitor =
        Monitor::start(config, Inputs::PerWorker(vec![vec![input]])).map_err(io::Error::other)?;
    while !monitor.is_finished() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let cpu = process_cpu_ns() - begin;
    let report = monitor.join();
    if !report.panicked.is_empty() {
        return Err(io::Error::other("a worker panicked"));
    }
    Ok(cpu as f64)
}
