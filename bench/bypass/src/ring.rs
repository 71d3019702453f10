//! In one process: the engine with one worker, on `net_ring` (what the generator's thread sends comes back on its receive side) and on `net_pcap`.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portreeve_bench::pcap::Writer;
use portreeve_capture::dpdk::{self, Device, DpdkConfig};
use portreeve_capture::scheduling::{self, Policy};
use portreeve_engine::{EngineConfig, Input, Inputs, Mode, Monitor, Waiting};
use portreeve_flow::TrackerConfig;

use crate::apart::Cores;
use crate::conversations::{Conversations, FRAME, WRITTEN};
use crate::generator::{Generator, Order};
use crate::quiet::Look;
use crate::trial::{self, Found, LINE_RATE, Sum, Trial};
use crate::{Outcome, fail, say, stops, wire};

/// The generator's core and the worker's.
pub const CPUS: [usize; 2] = [0, 1];
/// Memory for flows: what each takes, and half as much again.
const MEMORY_PER_FLOW: usize = 256 * 3 / 2;
/// Conversations in the file that is lent over and over, and the packets of each.
const FILE_CONVERSATIONS: u32 = 10_000;
const FILE_ROUNDS: usize = 2;
/// How long the core is looked at for stops: as long as the trials at the line's rate take.
const LOOK: Duration = Duration::from_secs(20);
/// EAL's memory, MiB: taken at once, since huge pages that come later cost a trial.
const EAL_MEMORY: u32 = 256;
/// Places of a ring that outlasts the stops of a virtual machine's processor, which no card's queue has to: 1.1 ms of 10 GbE's packet rate. What is lost there too
/// the worker lost by itself. Rings between processes have as many.
pub const LONG_RING: u16 = 16_384;

/// Measures and prints it all.
///
/// # Errors
/// No huge pages, no drivers, a worker that failed.
pub fn table(seconds: f64) -> Outcome<()> {
    wire::prepare(&eal())?;
    let holds = Duration::from_secs_f64(f64::from(dpdk::DEFAULT_DESCRIPTORS) / LINE_RATE);
    let stops = stops::look(CPUS[1], LOOK, holds);
    let mut cores = Cores::new(CPUS);
    let mut ring = |wire, flows, places| ring(&mut cores, wire, flows, places, seconds);
    let rows = [
        ring("wire0", 100_000, dpdk::DEFAULT_DESCRIPTORS)?,
        ring("wire1", 1_000_000, dpdk::DEFAULT_DESCRIPTORS)?,
        ring("wire2", 100_000, LONG_RING)?,
    ];
    let file = pcap("net_pcap0", seconds)?;
    println!(
        "One worker on one core in poll mode, flow accounting with TCP health, 64-byte packets, from a generator thread on the other core (net_ring):"
    );
    println!(
        "{:>8} {:>7} {:>14} {:>12} {:>10} {:>16} {:>12} {:>9} {:>14} {:>10} {:>15} {:>14}",
        "flows",
        "places",
        "offered, Mpps",
        "packets",
        "lost",
        "trials lossless",
        "others, away",
        "repeated",
        "cores' way, ns",
        "busy, ns",
        "lossless, Mpps",
        "reached, Mpps"
    );
    for row in &rows {
        let line = &row.line;
        println!(
            "{:>8} {:>7} {:>14.2} {:>12} {:>10} {:>16} {:>12} {:>9} {:>14.0} {:>10.1} {:>15.2} {:>14.2}",
            row.flows,
            row.places,
            line.offered as f64 / line.seconds.max(1e-9) / 1e6,
            line.offered,
            line.lost,
            format!("{} of {}", line.lossless, line.trials),
            format!("{} of {}", line.away, line.trials - line.lossless),
            line.repeated,
            line.way.max(row.lossless.way).max(row.reached.way),
            row.busy,
            row.lossless.rate / 1e6,
            row.reached.rate / 1e6,
        );
    }
    println!(
        "The worker's core alone, which only read its counter for {:.0} s, was stopped for longer than a ring of {} places holds ({} µs) {} times, for {} µs at the longest.",
        stops.looked.as_secs_f64(),
        dpdk::DEFAULT_DESCRIPTORS,
        holds.as_micros(),
        stops.long,
        stops.longest.as_micros()
    );
    println!(
        "net_pcap infinite_rx=1, {FILE_CONVERSATIONS} flows, nothing can be lost: {:.1} ns of CPU time a packet ({:.2} Mpps); the file repeats itself, so that its data are retransmissions\n",
        file,
        1e3 / file
    );
    Ok(())
}

struct Row {
    flows: u32,
    /// Of the ring.
    places: u16,
    /// At 10 GbE's rate.
    line: Sum,
    /// Nanoseconds of the worker's time a packet, rounds that found nothing left out.
    busy: f64,
    /// The highest rate without loss.
    lossless: Found,
    /// When the generator offered all it could.
    reached: Found,
}

fn eal() -> DpdkConfig {
    DpdkConfig {
        memory: Some(EAL_MEMORY),
        may_do_without_huge_pages: false,
        ..DpdkConfig::default()
    }
}

/// A worker with these sources, in poll mode, before ordinary threads on its core.
fn start(device: &str, flows: u32) -> Outcome<Monitor> {
    let named = Device::parse(device).map_err(|error| error.to_string())?;
    let mut ports = dpdk::open(&eal(), &[named], 1).map_err(|error| error.to_string())?;
    let Some(source) = ports.pop().and_then(|mut port| port.sources.pop()) else {
        return fail(format!("{device} has no queue"));
    };
    let mut tracker = TrackerConfig::default();
    tracker.memory = flows as usize * MEMORY_PER_FLOW + (8 << 20);
    tracker.prefault = true;
    let mut config = EngineConfig::new(tracker);
    config.cpus = vec![CPUS[1]];
    config.waiting = Waiting {
        mode: Mode::Poll,
        ..Waiting::default()
    };
    let input = Input {
        source: Box::new(source),
        filter: None,
    };
    // Threads inherit it. Where it is refused, a trial shows what the others took.
    let _ = scheduling::set(Policy::Fifo);
    let monitor = Monitor::start(config, Inputs::PerWorker(vec![vec![input]]));
    let _ = scheduling::set(Policy::Normal);
    monitor.map_err(|error| error.to_string())
}

fn stop(monitor: Monitor) -> Outcome<()> {
    monitor.abandon();
    let report = monitor.join();
    match report.panicked.first() {
        Some(name) => fail(format!("{name} panicked")),
        None => Ok(()),
    }
}

fn delivered(monitor: &Monitor) -> u64 {
    monitor.snapshot().ledger.frames.delivered
}

/// Frames delivered, once no more come.
fn settled(monitor: &Monitor) -> u64 {
    let mut before = delivered(monitor);
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let now = delivered(monitor);
        if now == before {
            return now;
        }
        before = now;
    }
}

fn busy(monitor: &Monitor) -> u64 {
    let workers = monitor.snapshot().workers;
    workers.iter().map(|worker| worker.waits.busy_ns).sum()
}

/// Times that a worker was away from its ring for longer than that holds out.
fn away(monitor: &Monitor) -> u64 {
    let workers = monitor.snapshot().workers;
    workers.iter().map(|worker| worker.waits.stalls).sum()
}

fn ring(cores: &mut Cores, wire: &str, flows: u32, places: u16, seconds: f64) -> Outcome<Row> {
    let device = wire::make(wire, places)?;
    let monitor = start(&device, flows)?;
    let conversations = Conversations::new(flows);
    let mut generator = Generator::new(&device, conversations, places, CPUS[0])?;
    generator.open();
    settled(&monitor);
    trial_check(&monitor, flows)?;
    let busy_ns = Cell::new(0.0);
    // Not counted: memory that is touched for the first time.
    generator.run(Order {
        rate: LINE_RATE,
        seconds: 1.0,
    });
    let mut run = |order: Order| -> Outcome<Trial> {
        let (before, busy_before) = (settled(&monitor), busy(&monitor));
        let away_before = away(&monitor);
        let look = Look::at(&CPUS, std::process::id());
        let sent = generator.run(order);
        let disturbance = Look::at(&CPUS, std::process::id()).since(&look);
        let received = settled(&monitor) - before;
        busy_ns.set((busy(&monitor) - busy_before) as f64 / received.max(1) as f64);
        Ok(Trial {
            sent,
            received,
            disturbance,
            away: away(&monitor) - away_before,
            ..Trial::default()
        })
    };
    let what = format!("net_ring, {flows} flows, {places} places");
    let order = |rate| Order { rate, seconds };
    let line = trial::repeatedly(cores, &what, order(LINE_RATE), &mut run)?;
    let busy = busy_ns.get();
    let reached = trial::reached(cores, &what, seconds, &mut run)?;
    let lossless = trial::search(cores, &what, seconds.min(1.0), &mut run)?;
    trial_check(&monitor, flows)?;
    drop(generator);
    stop(monitor)?;
    Ok(Row {
        flows,
        places,
        line,
        busy,
        lossless,
        reached,
    })
}

/// Whether the figures are of what they say: all flows are there still, and every packet was analysed.
fn trial_check(monitor: &Monitor, flows: u32) -> Outcome<()> {
    let ledger = monitor.snapshot().ledger;
    let (frames, of) = (&ledger.frames, &ledger.flows);
    if of.active != u64::from(flows) || of.refused > 0 || frames.analysed != frames.delivered {
        return fail(format!(
            "{} flows active, {} packets without a flow, {} packets of {} analysed: the figures would not be of {flows} flows",
            of.active, of.refused, frames.analysed, frames.delivered
        ));
    }
    Ok(())
}

/// Nanoseconds of CPU time a packet of a file that is lent over and over.
fn pcap(device: &str, seconds: f64) -> Outcome<f64> {
    let path = std::env::temp_dir().join(format!("portreeve-bypass-{}.pcap", std::process::id()));
    let _removed = Removed(path.clone());
    write(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let device = format!("{device},rx_pcap={},infinite_rx=1", path.display());
    let monitor = start(&device, FILE_CONVERSATIONS)?;
    std::thread::sleep(Duration::from_secs(1));
    let before = (busy(&monitor), delivered(&monitor));
    let look = Look::at(&CPUS, std::process::id());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let after = (busy(&monitor), delivered(&monitor));
    let disturbance = Look::at(&CPUS, std::process::id()).since(&look);
    stop(monitor)?;
    let packets = (after.1 - before.1).max(1);
    // The worker never finds nothing: all of its time, less what it stood in line for.
    let time = (after.0 - before.0).saturating_sub(disturbance.waited);
    say(&format!(
        "net_pcap, {FILE_CONVERSATIONS} flows: {packets} packets in {seconds} s; taken: {disturbance}"
    ));
    Ok(time as f64 / packets as f64)
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = Writer::create(path)?;
    let mut conversations = Conversations::new(FILE_CONVERSATIONS);
    let mut frame = [0u8; WRITTEN];
    for number in 0..FILE_ROUNDS * FILE_CONVERSATIONS as usize {
        conversations.next(&mut frame);
        file.write(1_700_000_000_000_000_000 + number as i64, &frame[..FRAME])?;
    }
    file.finish()
}

struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
