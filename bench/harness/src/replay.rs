//! A capture file's packets from memory: no reading, no output.

use std::io;
use std::path::Path;

use portreeve_capture::file::FileSource;
use portreeve_capture::{Fetch, Source};
use portreeve_floor::{Floor, Packets};
use portreeve_packet::LinkType;

use crate::clock::{median, thread_cpu_ns};
use crate::subject::Subject;

/// Most packets taken from a file, and most bytes.
const MOST_PACKETS: usize = 4 << 20;
const MOST_BYTES: usize = 3 << 30;

/// Copies the first packets of a file into memory: those with the first packet's link type.
pub(crate) fn load(path: &Path) -> io::Result<(Packets, LinkType)> {
    let mut source = FileSource::open([path]).map_err(io::Error::other)?;
    let mut packets = Packets::with_capacity(MOST_PACKETS, MOST_BYTES)?;
    let mut link = None;
    loop {
        match source.next_burst().map_err(io::Error::other)? {
            Fetch::Frames(burst) => {
                for frame in burst.frames() {
                    let captured = u16::try_from(frame.data.len()).unwrap_or(u16::MAX);
                    let wire = u16::try_from(frame.wire_len).unwrap_or(u16::MAX);
                    if *link.get_or_insert(frame.link) == frame.link
                        && packets.descriptors().len() < MOST_PACKETS
                    {
                        packets.push(captured, wire, frame.timestamp, |bytes| {
                            bytes.copy_from_slice(&frame.data[..usize::from(captured)]);
                        });
                    }
                }
            }
            Fetch::End => break,
            Fetch::Empty => {}
        }
    }
    link.map(|link| (packets, link))
        .ok_or_else(|| io::Error::other(format!("{}: no packets", path.display())))
}

/// Measures and prints. Each round starts with an empty table: a file cannot be run through twice by the same one.
///
/// # Errors
/// The file cannot be read; want of memory.
pub fn table(path: &Path, rounds: usize) -> io::Result<()> {
    let (packets, link) = load(path)?;
    let count = packets.descriptors().len();
    let flows = 1 << 20;
    let (mut floors, mut costs, mut ratios, mut opened) = (vec![], vec![], vec![], 0);
    for round in 0..=rounds {
        let mut floor = Floor::new(flows)?;
        let mut subject = Subject::new(flows * crate::synthetic::MEMORY_PER_FLOW)
            .map_err(io::Error::other)?
            .of_file(link);
        let begin = thread_cpu_ns();
        let totals = floor.run(&packets);
        let of_floor = (thread_cpu_ns() - begin) as f64 / count as f64;
        let cost = subject.pass::<true>(&packets);
        opened = subject.counters().opened;
        std::hint::black_box(totals);
        if round > 0 {
            floors.push(of_floor);
            ratios.push(of_floor / cost.total);
            costs.push(cost);
        }
    }
    let column = |pick: fn(&crate::subject::Cost) -> f64| {
        median(&costs.iter().map(pick).collect::<Vec<_>>())
    };
    let total = column(|cost| cost.total);
    let mbytes = packets.wire_bytes() as f64 / count as f64;
    println!(
        "{} from memory, one core, checksums verified: {count} packets of {mbytes:.0} bytes, {opened} flows",
        path.display()
    );
    println!(
        "  {:.2} Mpps, {:.1} Gbit/s; {total:.1} ns a packet: decode {:.1}, flow {:.1}, expiry {:.1}; floor {:.1}, ratio {:.2}",
        1000.0 / total,
        mbytes * 8.0 / total,
        column(|cost| cost.decode),
        column(|cost| cost.flow),
        column(|cost| cost.advance),
        median(&floors),
        median(&ratios),
    );
    Ok(())
}
