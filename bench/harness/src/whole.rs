//! The engine as it runs (worker thread, bursts from a source, ledger, record ring) against its bare stages, on the same packets.

use std::io;
use std::time::Duration;

use portreeve_capture::memory::MemoryCapture;
use portreeve_capture::{ChecksumStatus, Frame};
use portreeve_engine::{EngineConfig, Input, Inputs, Monitor};
use portreeve_floor::Packets;
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
