//! What `make bench-instructions` counts: each stage over a fixed, small trace, exactly the same on every run and machine.
//!
//! Under callgrind, which collects only inside [`decode_stage`] or [`flow_stage`], the instructions of a stage come out exact.

use std::io;

use portreeve_app::Stage;
use portreeve_floor::{Descriptor, Packets};
use portreeve_flow::{Tracker, TrackerConfig};
use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, Views, decode};

use crate::handshake::{Extensions, Handshakes};
use crate::shape::{Mix, Popularity, Shape};
use crate::spelling::{self, DIALECTS};
use crate::subject::{BURST, Counted, Lent, stage};
use crate::traffic::Traffic;

/// Flows of a trace: few, so that setting it up is quick; instructions do not depend on caches.
const FLOWS: u32 = 1000;
const FRAMES: usize = 20_000;

/// The traces by name: established flows of small packets, of IMIX, and flows that open; conversations of TLS with a handshake every 200 packets, with the
/// application stage (`tls`) and without it (`tls-flows`), and what comes behind the handshakes, with it (`behind`).
pub const TRACES: [&str; 6] = ["small", "imix", "opening", "tls", "tls-flows", "behind"];
/// Conversations of TLS in a trace, and packets of each.
const CONVERSATIONS: u32 = 100;
const PACKETS: u32 = 200;
/// Memory for the application stage, bytes.
const STAGE_MEMORY: usize = 8 << 20;

#[inline(always)]
fn decode_burst(
    packets: &Packets,
    burst: &[Descriptor],
    options: &DecodeOptions,
    views: &mut Views,
) {
    views.clear();
    for (index, descriptor) in burst.iter().enumerate() {
        let frame = FrameBytes {
            data: packets.bytes(descriptor),
            wire_len: descriptor.wire.into(),
            timestamp: descriptor.time,
            link: LinkType::Ethernet,
            vlan: None,
            checksum_trusted: true,
            index: index as u16,
        };
        std::hint::black_box(decode(&frame, options, views));
    }
}

#[inline(always)]
fn flow_burst(tracker: &mut Tracker, now: i64, views: &mut Views, sink: &mut Counted) {
    tracker.process(views, sink);
    tracker.advance(now, sink);
}

/// Decodes a burst: what callgrind collects for the decode stage.
#[inline(never)]
pub fn decode_stage(
    packets: &Packets,
    burst: &[Descriptor],
    options: &DecodeOptions,
    views: &mut Views,
) {
    decode_burst(packets, burst, options, views);
}

/// Takes a burst's views to their flows, and lets time pass: what callgrind collects for the flow stage.
#[inline(never)]
pub fn flow_stage(tracker: &mut Tracker, now: i64, views: &mut Views, sink: &mut Counted) {
    flow_burst(tracker, now, views, sink);
}

/// [`flow_stage`] with the application stage.
#[inline(never)]
pub fn application_stage(
    tracker: &mut Tracker,
    stage: &mut Stage,
    frames: &Lent<'_>,
    now: i64,
    views: &mut Views,
    sink: &mut Counted,
) {
    tracker.process_watched(views, &mut stage.over(frames), sink);
    tracker.advance_watched(now, &mut stage.over(&()), sink);
}

/// The stages' own state: one worker's.
struct Stages {
    tracker: Tracker,
    applications: Option<Stage>,
    options: DecodeOptions,
    views: Box<Views>,
    sink: Counted,
}

impl Stages {
    fn new() -> io::Result<Stages> {
        let mut config = TrackerConfig::default();
        config.memory = 8 << 20;
        config.hash_seed = 1;
        Ok(Stages {
            tracker: Tracker::new(config).map_err(io::Error::other)?,
            applications: None,
            options: DecodeOptions::default(),
            views: Box::default(),
            sink: Counted::default(),
        })
    }

    /// Runs the stages so that callgrind collects them.
    fn counted(&mut self, packets: &Packets) {
        for burst in packets.descriptors().chunks(BURST) {
            decode_stage(packets, burst, &self.options, &mut self.views);
            let now = burst.last().map_or(0, |last| last.time);
            let (tracker, views, sink) = (&mut self.tracker, &mut self.views, &mut self.sink);
            match &mut self.applications {
                Some(stage) => {
                    let frames = Lent { packets, burst };
                    application_stage(tracker, stage, &frames, now, views, sink);
                }
                None => flow_stage(tracker, now, views, sink),
            }
        }
    }

    /// Runs them so that it does not.
    fn uncounted(&mut self, packets: &Packets) {
        for burst in packets.descriptors().chunks(BURST) {
            decode_burst(packets, burst, &self.options, &mut self.views);
            let now = burst.last().map_or(0, |last| last.time);
            let (tracker, views, sink) = (&mut self.tracker, &mut self.views, &mut self.sink);
            match &mut self.applications {
                Some(stage) => {
                    let frames = Lent { packets, burst };
                    tracker.process_watched(views, &mut stage.over(&frames), sink);
                    tracker.advance_watched(now, &mut stage.over(&()), sink);
                }
                None => flow_burst(tracker, now, views, sink),
            }
        }
    }
}

/// Runs a trace, or spells records if it is a dialect's name; returns how many packets it has, and by how much `allocations` grew in the stages.
///
/// For the traces of established flows, their openings come first and are not counted.
///
/// # Errors
/// No such trace; want of memory.
pub fn run(trace: &str, allocations: fn() -> u64) -> io::Result<(u64, u64)> {
    if DIALECTS.iter().any(|dialect| dialect.name() == trace) {
        return spelling::run(trace, allocations);
    }
    let mix = match trace {
        "tls" | "tls-flows" | "behind" => return conversations(trace, allocations),
        "small" | "opening" => Mix::Small,
        "imix" => Mix::Imix,
        _ => {
            return Err(io::Error::other(format!(
                "no trace {trace}; there are: {}, and the dialects",
                TRACES.join(", ")
            )));
        }
    };
    let shape = Shape {
        mix,
        popularity: Popularity::Zipf,
        flows: FLOWS,
        seed: 1,
        partition: 0,
    };
    let mut stages = Stages::new()?;
    let traffic = Traffic::new(shape, FRAMES)?;
    let (mut packets, mut allocated) = (0, 0);
    let mut counted = |stages: &mut Stages, of: &Packets| {
        let before = allocations();
        stages.counted(of);
        allocated += allocations() - before;
        packets += of.descriptors().len() as u64;
    };
    if trace == "opening" {
        traffic.open(|opening| counted(&mut stages, opening))?;
    } else {
        traffic.open(|opening| stages.uncounted(opening))?;
        counted(&mut stages, traffic.packets());
    }
    Ok((packets, allocated))
}

/// Conversations of TLS; what [`run`] returns.
fn conversations(trace: &str, allocations: fn() -> u64) -> io::Result<(u64, u64)> {
    let made = Handshakes::new(CONVERSATIONS, PACKETS, Extensions::Listed)?;
    let mut stages = Stages::new()?;
    if trace != "tls-flows" {
        stages.applications = Some(stage(stages.tracker.memory().capacity, STAGE_MEMORY));
    }
    let mut packets = made.data.descriptors().len() as u64;
    if trace == "behind" {
        stages.uncounted(&made.handshakes);
    } else {
        packets += made.handshakes.descriptors().len() as u64;
        stages.counted(&made.handshakes);
    }
    let before = allocations();
    stages.counted(&made.data);
    Ok((packets, allocations() - before))
}
