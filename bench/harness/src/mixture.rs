//! A large, realistic capture out of many small ones.
//!
//! Each small capture is replayed again and again, as if between other hosts, while others go on beside it: protocols, sizes and
//! conversations are real, only the addresses and the interleaving are made up.

use std::io;
use std::path::Path;

use portreeve_floor::{Packets, SLOT};

use crate::flow::internet_checksum;
use crate::pcap::{Writer, whole_frames};
use crate::random::{Random, mix};
use crate::subject::Subject;

/// Packets of one capture that are replayed before another is begun.
const LONGEST_REPLAY: usize = 20_000;
/// When the mixture begins, nanoseconds since 1970; a packet comes every microsecond.
const START: i64 = 1_700_000_000_000_000_000;

/// One replay of a capture.
#[derive(Clone, Copy)]
struct Stream {
    capture: usize,
    next: usize,
    /// Changes the addresses: the same way for both directions.
    disguise: u32,
}

/// Writes a mixture of about `bytes` bytes of frames to `out`, `streams` replays at a time. Returns how many packets.
///
/// # Errors
/// Those of the files; no usable capture.
pub fn write(captures: &[Vec<u8>], out: &Path, bytes: u64, streams: usize) -> io::Result<u64> {
    let captures: Vec<Vec<&[u8]>> = captures
        .iter()
        .map(|file| whole_frames(file))
        .filter(|frames| {
            let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
            !frames.is_empty() && bytes / frames.len() >= LEAST_MEAN
        })
        .collect();
    if captures.is_empty() {
        return Err(io::Error::other("no classic Ethernet captures to mix"));
    }
    let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
    let mut copies = 0u64;
    let mut fresh = |random: &mut Random| {
        copies += 1;
        Stream {
            capture: random.below(captures.len() as u64) as usize,
            next: 0,
            disguise: mix(copies) as u32 & 0x00ff_ffff,
        }
    };
    let mut active: Vec<Stream> = (0..streams.max(1)).map(|_| fresh(&mut random)).collect();
    let mut writer = Writer::create(out)?;
    let (mut written, mut packets) = (0u64, 0u64);
    let mut frame = Vec::with_capacity(9000);
    while written < bytes {
        let chosen = random.below(active.len() as u64) as usize;
        let stream = &mut active[chosen];
        let frames = &captures[stream.capture];
        frame.clear();
        frame.extend_from_slice(frames[stream.next]);
        disguise(&mut frame, stream.disguise);
        writer.write(START + packets as i64 * 1000, &frame)?;
        packets += 1;
        written += frame.len() as u64;
        stream.next += 1;
        if stream.next == frames.len() || stream.next > LONGEST_REPLAY {
            *stream = fresh(&mut random);
        }
    }
    writer.finish()?;
    Ok(packets)
}

/// Changes the low 24 bits of both addresses. Checksums follow: one that was right stays right.
fn disguise(frame: &mut [u8], by: u32) {
    let mut at = 12;
    let ethertype = |frame: &[u8], at: usize| {
        frame
            .get(at..at + 2)
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    while matches!(ethertype(frame, at), Some(0x8100 | 0x88a8)) {
        at += 4;
    }
    let kind = ethertype(frame, at);
    let Some(packet) = frame.get_mut(at + 2..) else {
        return;
    };
    let low_words: &[usize] = match (kind, packet.len()) {
        (Some(0x0800), 20..) => &[12, 16],
        (Some(0x86dd), 40..) => &[20, 36],
        _ => return,
    };
    let word_sum = |bytes: &[u8]| u32::from(!internet_checksum(bytes));
    let mut sums = 0u32;
    for word in low_words {
        let address = &mut packet[*word..*word + 4];
        // RFC 1624 equation 3: the old words come off, the new ones go on.
        sums += 0xffff - word_sum(address);
        for (byte, change) in address.iter_mut().zip(by.to_be_bytes()) {
            *byte ^= change;
        }
        sums += word_sum(address);
    }
    let addresses = if kind == Some(0x86dd) { 8..40 } else { 12..20 };
    let pseudo = word_sum(&packet[addresses]);
    let header = usize::from(packet[0] & 15) * 4;
    let (protocol, transport) = if kind == Some(0x86dd) {
        (packet[6], 40)
    } else {
        if header < 20 || packet.len() < header {
            return;
        }
        packet[10..12].fill(0);
        let sum = internet_checksum(&packet[..header]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        // Only a datagram's first fragment has a transport header.
        if packet[6] & 0x1f != 0 || packet[7] != 0 {
            return;
        }
        (packet[9], header)
    };
    let at = transport
        + match protocol {
            6 => 16,
            17 => 6,
            58 => 2,
            _ => return,
        };
    let ip_length = usize::from(u16::from_be_bytes(if kind == Some(0x86dd) {
        [packet[4], packet[5]]
    } else {
        [packet[2], packet[3]]
    }));
    let length = if kind == Some(0x86dd) {
        ip_length
    } else {
        ip_length.saturating_sub(header)
    };
    let Some(field) = packet.get_mut(at..at + 2) else {
        return;
    };
    let old = u16::from_be_bytes([field[0], field[1]]);
    if protocol == 17 && old == 0 {
        return;
    }
    // A capture taken before the NIC filled the checksum in holds the pseudo-header's sum there, not its complement.
    let partial = fold(u32::from(old) + sums);
    let whole = !fold(u32::from(!old) + sums);
    let new = if partial == fold(pseudo + u32::from(protocol) + length as u32) {
        partial
    } else {
        whole
    };
    field.copy_from_slice(&new.to_be_bytes());
}

/// A one's complement sum in 16 bits.
fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

/// The least mean length of a capture's frames, bytes: leaves out scans and the like, so that the mixture's mean is near 500.
const LEAST_MEAN: usize = 180;

/// The captures of the corpus (`PORTREEVE_CORPUS`) that can be mixed, in the order of its index: those with at least `least` packets a conversation.
///
/// # Errors
/// No corpus; want of memory.
pub fn corpus(least: u64) -> io::Result<Vec<Vec<u8>>> {
    let folder = std::env::var_os("PORTREEVE_CORPUS")
        .ok_or_else(|| io::Error::other("PORTREEVE_CORPUS is not set"))?;
    let folder = Path::new(&folder);
    let index = std::fs::read_to_string(folder.join("INDEX.tsv"))?;
    let captures = index
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').nth(1))
        .filter_map(|path| std::fs::read(folder.join(path)).ok());
    let mut chosen = Vec::new();
    for capture in captures {
        if least == 0 || packets_a_conversation(&capture)? >= least {
            chosen.push(capture);
        }
    }
    Ok(chosen)
}

/// Packets of a capture for each of its flows; 0 if none can be mixed.
fn packets_a_conversation(capture: &[u8]) -> io::Result<u64> {
    let frames = whole_frames(capture);
    let bytes = frames.iter().map(|frame| frame.len() + SLOT).sum();
    let mut packets = Packets::with_capacity(frames.len(), bytes)?;
    for (number, frame) in frames.iter().enumerate() {
        let len = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        let time = START + number as i64 * 1000;
        packets.push(len, len, time, |to| {
            to.copy_from_slice(&frame[..usize::from(len)]);
        });
    }
    let mut subject = Subject::new(1 << 20).map_err(io::Error::other)?;
    subject.pass::<false>(&packets);
    Ok(frames.len() as u64 / subject.counters().opened.max(1))
}
