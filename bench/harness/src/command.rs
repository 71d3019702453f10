//! The command line of the harness; `make bench` is what people type.

use std::io;
use std::path::{Path, PathBuf};

use crate::flow::fill_checksum;
use crate::pcap::Writer;
use crate::shape::{Mix, Popularity, Shape};
use crate::synthetic::Effort;
use crate::traffic::Traffic;
use crate::{applications, file, mixture, peers, replay, soak, synthetic, threads, whole};

const USAGE: &str = "usage:
  portreeve-bench synthetic [quick] [WORDS]     one core, made-up traffic, against the floor; WORDS: 64B IMIX 10k 1M 8M uniform zipf
  portreeve-bench threads [N]                   N workers (2) on packets divided beforehand, against the floor
  portreeve-bench soak [MILLIONS]               resident memory over so many million packets (100)
  portreeve-bench whole                         the engine as it runs against its bare stages
  portreeve-bench steady                        the second part of that alone: what the engine adds while it runs
  portreeve-bench replay FILE                   a capture file's packets from memory, against the floor
  portreeve-bench file FILE                     a run over a capture file, part by part: reading, decoding, flows, records
  portreeve-bench applications [FILE]           what knowing the applications costs: made-up handshakes, a capture file's packets from memory
  portreeve-bench mixture OUT.pcap [MB] [N] [P] mix the corpus (PORTREEVE_CORPUS) into one capture; N replays at a time; P: only captures with
                                                at least so many packets a conversation
  portreeve-bench synthesize OUT.pcap [FLOWS]   made-up traffic as a capture
  portreeve-bench peers PORTREEVE FILE PACKETS  the program and its peers on a capture file";

/// Many rounds over passes that reach every flow several times.
const FULL: Effort = Effort {
    rounds: 7,
    least: 2 << 20,
    per_flow: 4,
};
/// The same in seconds instead of minutes.
const QUICK: Effort = Effort {
    rounds: 3,
    least: 1 << 20,
    per_flow: 2,
};

/// Does what `arguments` say.
///
/// # Errors
/// What went wrong, or how it is to be called.
pub fn run(arguments: &[String]) -> io::Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |at: usize, default: u64| -> io::Result<u64> {
        arguments.get(at).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| io::Error::other(format!("not a number: {text}\n{USAGE}")))
        })
    };
    match arguments.as_slice() {
        ["synthetic", words @ ..] => {
            let quick = words.contains(&"quick");
            let effort = if quick { QUICK } else { FULL };
            // Every other word is to be one of the shape's own.
            let mut wanted = words.iter().filter(|word| **word != "quick").peekable();
            if quick && wanted.peek().is_none() {
                return synthetic::table(effort, |shape| shape.flows == 1_000_000);
            }
            let wanted: Vec<_> = wanted.collect();
            synthetic::table(effort, |shape| {
                let name = shape.name();
                let own: Vec<&str> = name.split_whitespace().collect();
                wanted.iter().all(|word| own.contains(word))
            })
        }
        ["threads", ..] => threads::table(FULL, number(1, 2)? as usize),
        ["soak", ..] => soak::run(number(1, 100)? * 1_000_000),
        ["whole"] => {
            whole::table(3)?;
            println!();
            whole::steady(5)
        }
        ["steady"] => whole::steady(5),
        ["replay", file] => replay::table(Path::new(file), 5),
        ["file", path] => file::table(Path::new(path), 5),
        ["applications"] => applications::handshakes(5),
        ["applications", file] => applications::replay(Path::new(file), 5),
        ["mixture", out, ..] => {
            let packets = mixture::write(
                &mixture::corpus(number(4, 0)?)?,
                Path::new(out),
                number(2, 1500)? * 1_000_000,
                number(3, 2000)? as usize,
            )?;
            println!("{packets}");
            Ok(())
        }
        ["synthesize", out, ..] => synthesize(Path::new(out), number(2, 100_000)? as u32),
        ["peers", portreeve, file, packets] => {
            let packets = packets.parse().map_err(|_| io::Error::other(USAGE))?;
            peers::table(&PathBuf::from(portreeve), &PathBuf::from(file), packets, 3)
        }
        _ => Err(io::Error::other(USAGE)),
    }
}

/// IMIX traffic, openings and two passes, as a capture file.
fn synthesize(out: &Path, flows: u32) -> io::Result<()> {
    let shape = Shape {
        mix: Mix::Imix,
        popularity: Popularity::Zipf,
        flows,
        seed: 1,
        partition: 0,
    };
    let mut traffic = Traffic::new(shape, flows as usize * 10)?;
    let mut writer = Writer::create(out)?;
    let (mut packets, mut result, mut frame) = (0, Ok(()), Vec::new());
    let mut write = |all: &portreeve_floor::Packets| {
        for descriptor in all.descriptors() {
            packets += 1;
            frame.clear();
            frame.extend_from_slice(all.bytes(descriptor));
            fill_checksum(&mut frame);
            let written = writer.write(descriptor.time, &frame);
            if result.is_ok() {
                result = written;
            }
        }
    };
    traffic.open(&mut write)?;
    for _ in 0..2 {
        write(traffic.packets());
        traffic.next_pass();
    }
    result?;
    writer.finish()?;
    println!("{packets}");
    Ok(())
}
