//! What it costs to know what conversations are about: the same packets with the application stage and without, in turn.

use std::io;
use std::path::Path;

use portreeve_app::{Stage, StageCounters};
use portreeve_packet::LinkType;

use crate::clock::median;
use crate::handshake::{Extensions, Handshakes};
use crate::held;
use crate::replay::load;
use crate::subject::{Cost, Subject};
use crate::synthetic::MEMORY_PER_FLOW;

/// Memory for the application stage, bytes.
const MEMORY: usize = 512 << 20;

/// Plain flow accounting and applications over the same packets.
#[derive(Default)]
struct Pair {
    plain: Vec<Cost>,
    with: Vec<Cost>,
}

impl Pair {
    fn add(&mut self, plain: Cost, with: Cost) {
        self.plain.push(plain);
        self.with.push(with);
    }

    /// Prints both, stage by stage, and their ratio: the median of the rounds' ratios.
    fn print(&self, title: &str) {
        let ratios = self.plain.iter().zip(&self.with);
        let ratios: Vec<f64> = ratios
            .map(|(plain, with)| with.total / plain.total)
            .collect();
        for (name, costs) in [("flows", &self.plain), ("applications", &self.with)] {
            let column =
                |pick: fn(&Cost) -> f64| median(&costs.iter().map(pick).collect::<Vec<_>>());
            println!(
                "{title:<32} {name:<13} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {}",
                column(|cost| cost.total),
                column(|cost| cost.decode),
                column(|cost| cost.flow),
                column(|cost| cost.advance),
                if name == "flows" {
                    String::new()
                } else {
                    format!("{:>8.2} times", median(&ratios))
                },
            );
        }
    }

    fn head() {
        println!(
            "{:<32} {:<13} {:>8} {:>8} {:>8} {:>8}",
            "", "ns a packet", "total", "decode", "flow+app", "expiry"
        );
    }
}

fn subject(link: LinkType, flows: usize) -> io::Result<Subject> {
    Ok(Subject::new(flows * MEMORY_PER_FLOW)
        .map_err(io::Error::other)?
        .of_file(link))
}

/// Measures and prints: a capture file's packets from memory, each round with empty tables.
///
/// # Errors
/// The file cannot be read; want of memory.
pub fn replay(path: &Path, rounds: usize) -> io::Result<()> {
    let (packets, link) = load(path)?;
    let count = packets.descriptors().len();
    let flows = 1 << 20;
    let (mut pair, mut found, mut opened) = (Pair::default(), StageCounters::default(), 0);
    for round in 0..=rounds {
        let mut plain = subject(link, flows)?;
        let plain_cost = plain.pass::<true>(&packets);
        opened = plain.counters().opened;
        drop(plain);
        let mut with = subject(link, flows)?.with_applications(MEMORY);
        let with_cost = with.pass::<true>(&packets);
        found = with.conversations();
        if round > 0 {
            pair.add(plain_cost, with_cost);
        }
    }
    println!(
        "{} from memory, one core, checksums verified: {count} packets of {:.0} bytes, {opened} flows: one every {:.0} packets",
        path.display(),
        packets.wire_bytes() as f64 / count as f64,
        count as f64 / opened.max(1) as f64,
    );
    Pair::head();
    pair.print("");
    println!(
        "{} conversations looked into, {} recognised, {} records; {} refused, {} given up",
        found.opened, found.recognised, found.records, found.refused, found.given_up
    );
    Ok(())
}

/// Measures and prints: made-up TLS 1.3, 64-byte data packets, a handshake every 200 packets and what comes behind it; then the memory of open handshakes.
///
/// # Errors
/// Want of memory.
pub fn handshakes(rounds: usize) -> io::Result<()> {
    println!(
        "Made-up TLS 1.3, {CONVERSATIONS} conversations, data in frames of 64 bytes, medians of {rounds} rounds in turn:"
    );
    let (whole, behind) = every_so_many(Extensions::Listed, rounds)?;
    whole.print("a handshake every 200 packets");
    behind.print("behind the handshakes");
    let (whole, _) = every_so_many(Extensions::Shuffled, rounds)?;
    whole.print("extensions shuffled");
    let open = open_handshakes()?;
    println!("memory of an open handshake: {open:.0} bytes more than a plain flow's");
    Ok(())
}

const CONVERSATIONS: u32 = 10_000;
const PACKETS: u32 = 200;

/// Whole conversations, and what comes behind their handshakes.
fn every_so_many(order: Extensions, rounds: usize) -> io::Result<(Pair, Pair)> {
    let made = Handshakes::new(CONVERSATIONS, PACKETS, order)?;
    let memory = 2 * CONVERSATIONS as usize * MEMORY_PER_FLOW;
    let (mut whole, mut behind) = (Pair::default(), Pair::default());
    let counts = [&made.handshakes, &made.data].map(|packets| packets.descriptors().len() as f64);
    for round in 0..=rounds {
        let mut costs = Vec::new();
        for applications in [false, true] {
            let mut subject = Subject::new(memory).map_err(io::Error::other)?;
            if applications {
                subject = subject.with_applications(MEMORY);
            }
            let opening = subject.pass::<true>(&made.handshakes);
            let data = subject.pass::<true>(&made.data);
            costs.push((mean([opening, data], counts), data));
        }
        if let ([plain, with], true) = (costs.as_slice(), round > 0) {
            whole.add(plain.0, with.0);
            behind.add(plain.1, with.1);
        }
    }
    Ok((whole, behind))
}

/// Memory that each conversation takes while its handshake is open, beyond what its flow does: the client has said its hello, the server not yet.
fn open_handshakes() -> io::Result<f64> {
    const CONVERSATIONS: u32 = 50_000;
    /// SYN, SYN-ACK, ACK and the client's hello.
    const PACKETS: usize = 4;
    let made = Handshakes::new(CONVERSATIONS, 0, Extensions::Shuffled)?;
    let flows = 2 * CONVERSATIONS as usize;
    let subject = Subject::new(flows * MEMORY_PER_FLOW).map_err(io::Error::other)?;
    let mut subject = subject.with_applications(MEMORY);
    let held = held::during(|| {
        subject.pass_first::<false>(&made.handshakes, PACKETS * CONVERSATIONS as usize);
    });
    // Its place was there before, as the flow's was.
    Ok(held as f64 / f64::from(CONVERSATIONS) + Stage::PLACE_BYTES as f64)
}

/// The mean of two passes' costs, by their packets.
fn mean(costs: [Cost; 2], counts: [f64; 2]) -> Cost {
    let of = |pick: fn(&Cost) -> f64| {
        (pick(&costs[0]) * counts[0] + pick(&costs[1]) * counts[1]) / (counts[0] + counts[1])
    };
    Cost {
        total: of(|cost| cost.total),
        decode: of(|cost| cost.decode),
        flow: of(|cost| cost.flow),
        advance: of(|cost| cost.advance),
    }
}
