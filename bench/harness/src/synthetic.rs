//! One core, made-up traffic: Portreeve and the floor over the same packets in the same memory, in turn.

use std::io;

use portreeve_floor::Floor;

use crate::clock::{available_bytes, median, resident_bytes, thread_cpu_ns};
use crate::shape::{Mix, Popularity, Shape};
use crate::subject::Subject;
use crate::traffic::Traffic;

/// Memory given to the flow stage for each flow, bytes: what a concurrent flow may take, and no more. All of them fit in; of a million there is room for 3 % more.
pub const MEMORY_PER_FLOW: usize = 256;

/// What was measured of one shape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Nanoseconds a packet: Portreeve in all, by CPU time; the medians of all rounds.
    pub total: f64,
    /// Decode.
    pub decode: f64,
    /// Flow accounting.
    pub flow: f64,
    /// Expiry.
    pub advance: f64,
    /// The floor, by CPU time.
    pub floor: f64,
    /// The median of the rounds' ratios: the floor's time divided by Portreeve's.
    pub ratio: f64,
    /// Bytes on the wire a packet, FCS, preamble and gap included.
    pub wire: f64,
    /// Resident memory that each concurrent flow took, bytes.
    pub resident_per_flow: f64,
    /// The tracker's own account of the same.
    pub reported_per_flow: f64,
    /// Flows in the table at the end.
    pub active: u64,
    /// Flows that were evicted or refused: 0, or the row is not what it says.
    pub lost: u64,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of floor and Portreeve.
    pub rounds: usize,
    /// The least packets in a pass.
    pub least: usize,
    /// Packets in a pass for each flow, where that is more.
    pub per_flow: usize,
}

impl Effort {
    /// Packets in a pass over this many flows.
    #[must_use]
    pub fn frames(&self, flows: u32) -> usize {
        (flows as usize * self.per_flow).clamp(self.least, 16 << 20)
    }
}

/// CPU time of a pass of the floor, nanoseconds a packet.
pub fn floor_pass(floor: &mut Floor, traffic: &Traffic) -> f64 {
    let begin = thread_cpu_ns();
    std::hint::black_box(floor.run(traffic.packets()));
    (thread_cpu_ns() - begin) as f64 / traffic.packets().descriptors().len().max(1) as f64
}

/// Memory that a shape takes in all, bytes, roughly.
fn needed(shape: &Shape, frames: usize) -> u64 {
    let slot = if shape.mix == Mix::Small { 64 } else { 512 };
    (frames * (slot + 16 + 8 + 8) + shape.flows as usize * (MEMORY_PER_FLOW + 512 + 16)) as u64
}

/// Measures one shape.
///
/// # Errors
/// Want of memory.
pub fn measure(shape: Shape, effort: Effort) -> io::Result<Row> {
    let frames = effort.frames(shape.flows);
    if needed(&shape, frames) > available_bytes() {
        return Err(io::Error::other(format!(
            "left out: it needs {} MB",
            needed(&shape, frames) >> 20
        )));
    }
    let mut traffic = Traffic::new(shape, frames)?;
    let mut floor = Floor::new(shape.flows as usize)?;
    traffic.open(|packets| {
        floor.run(packets);
    })?;
    let before = resident_bytes();
    let memory = shape.flows as usize * MEMORY_PER_FLOW;
    let mut subject = Subject::new(memory).map_err(io::Error::other)?;
    traffic.open(|packets| {
        subject.pass::<false>(packets);
    })?;
    let resident = resident_bytes().saturating_sub(before);

    // One round to warm up, not counted.
    let (mut floors, mut costs) = (Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let floor_ns = floor_pass(&mut floor, &traffic);
        let cost = subject.pass::<true>(traffic.packets());
        if round > 0 {
            floors.push(floor_ns);
            costs.push(cost);
        }
        traffic.next_pass();
    }
    let column = |pick: fn(&crate::subject::Cost) -> f64| {
        median(&costs.iter().map(pick).collect::<Vec<_>>())
    };
    let ratios: Vec<f64> = floors
        .iter()
        .zip(&costs)
        .map(|(floor, cost)| floor / cost.total)
        .collect();
    let counters = subject.counters();
    let report = subject.memory();
    Ok(Row {
        total: column(|cost| cost.total),
        decode: column(|cost| cost.decode),
        flow: column(|cost| cost.flow),
        advance: column(|cost| cost.advance),
        floor: median(&floors),
        ratio: median(&ratios),
        wire: traffic.wire_bytes() as f64 / frames as f64,
        resident_per_flow: resident as f64 / f64::from(shape.flows),
        reported_per_flow: report.bytes_per_flow(),
        active: counters.active,
        lost: counters.evicted() + counters.refused + subject.undecoded(),
    })
}

/// Measures all shapes that `wanted` lets through and prints the table.
///
/// # Errors
/// None but those of standard output.
pub fn table(effort: Effort, wanted: impl Fn(&Shape) -> bool) -> io::Result<()> {
    println!(
        "One core, from memory to finished flow accounting, TCP health on. ns: CPU time a packet; floor and portreeve in turn, medians of {} rounds.",
        effort.rounds
    );
    println!(
        "{:<18} {:>7} {:>8} | {:>7} {:>7} {:>7} {:>7} | {:>7} {:>6} | {:>8} {:>8}  notes",
        "traffic",
        "Mpps",
        "Gbit/s",
        "total",
        "decode",
        "flow",
        "expiry",
        "floor",
        "ratio",
        "B/flow",
        "reserved"
    );
    for mix in [Mix::Small, Mix::Imix] {
        for flows in [10_000, 1_000_000, 8_000_000] {
            for popularity in [Popularity::Uniform, Popularity::Zipf] {
                let shape = Shape {
                    mix,
                    popularity,
                    flows,
                    seed: 1,
                    partition: 0,
                };
                if !wanted(&shape) {
                    continue;
                }
                match measure(shape, effort) {
                    Ok(row) => print_row(&shape, &row),
                    Err(error) => println!("{:<18} {error}", shape.name()),
                }
            }
        }
    }
    println!(
        "ratio: the floor's time divided by Portreeve's (1 would be the floor itself). B/flow: resident memory gained, for each flow; reserved: set aside for each flow that fits."
    );
    Ok(())
}

fn print_row(shape: &Shape, row: &Row) {
    let mpps = 1000.0 / row.total;
    let mut notes = String::new();
    if row.lost > 0 {
        notes = format!("{} evicted, refused or undecoded", row.lost);
    }
    if row.active != u64::from(shape.flows) {
        notes += &format!(" {} flows active", row.active);
    }
    println!(
        "{:<18} {:>7.2} {:>8.1} | {:>7.1} {:>7.1} {:>7.1} {:>7.1} | {:>7.1} {:>6.2} | {:>8.0} {:>8.0}  {notes}",
        shape.name(),
        mpps,
        mpps * row.wire * 8.0 / 1000.0,
        row.total,
        row.decode,
        row.flow,
        row.advance,
        row.floor,
        row.ratio,
        row.resident_per_flow,
        row.reported_per_flow,
    );
}
