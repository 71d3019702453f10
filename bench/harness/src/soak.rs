//! Resident memory over a long run.

use std::io;

use crate::clock::resident_bytes;
use crate::shape::{Mix, Popularity, Shape};
use crate::subject::Subject;
use crate::synthetic::MEMORY_PER_FLOW;
use crate::traffic::Traffic;

/// Runs `packets` packets of 100 thousand flows and prints how much resident memory grew from a tenth of the way to the end.
///
/// # Errors
/// Want of memory, or growth over a tenth of a percent and a mebibyte.
pub fn run(packets: u64) -> io::Result<()> {
    let flows = 100_000;
    let shape = Shape {
        mix: Mix::Small,
        popularity: Popularity::Zipf,
        flows,
        seed: 1,
        partition: 0,
    };
    let mut traffic = Traffic::new(shape, 1 << 20)?;
    let memory = (flows as usize * MEMORY_PER_FLOW).max(8 << 20);
    let mut subject = Subject::new(memory).map_err(io::Error::other)?;
    traffic.open(|opening| {
        subject.pass::<false>(opening);
    })?;
    let (mut done, mut early) = (0, None);
    while done < packets {
        subject.pass::<false>(traffic.packets());
        traffic.next_pass();
        done += traffic.packets().descriptors().len() as u64;
        if done >= packets / 10 && early.is_none() {
            early = Some(resident_bytes());
        }
    }
    let (early, late) = (early.unwrap_or_default(), resident_bytes());
    let growth = late as i64 - early as i64;
    println!(
        "resident memory: {:.1} MB after {} M packets, {:.1} MB after {} M: {growth:+} bytes; {} flows active, {} ended, {} records",
        early as f64 / 1e6,
        packets / 10_000_000,
        late as f64 / 1e6,
        done / 1_000_000,
        subject.counters().active,
        subject.counters().ended_total(),
        subject.records(),
    );
    if growth > (early / 1000).max(1 << 20) as i64 {
        return Err(io::Error::other("resident memory grows"));
    }
    Ok(())
}
