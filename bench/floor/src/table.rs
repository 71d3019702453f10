//! The floor's flow table and loop.

use std::io;

use crate::memory::HugeMemory;
use crate::packets::Packets;
use crate::parse::{Key, parse};

/// Packets per stage: enough that a line asked for in the first stage is there in the second.
const BATCH: usize = 64;

/// A flow: one cache line. All zero: free (no key has version 0).
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line {
    key: [u64; 5],
    packets: u64,
    bytes: u64,
    last: i64,
}

const _: () = assert!(size_of::<Line>() == 64);

/// What a run over packets counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets counted to a flow.
    pub counted: u64,
    /// Packets that are not IP, or whose flow had no room.
    pub ignored: u64,
}

/// The least flow monitor.
pub struct Floor {
    memory: HugeMemory,
    mask: usize,
    flows: usize,
}

impl Floor {
    /// A table for `flows` concurrent flows, at most a quarter full then: more memory (at least 256 bytes a flow), less time.
    ///
    /// # Errors
    /// What the system said when asked for the memory.
    pub fn new(flows: usize) -> io::Result<Self> {
        let lines = (flows.max(32) * 4).next_power_of_two();
        Ok(Floor {
            memory: HugeMemory::new(lines * size_of::<Line>())?,
            mask: lines - 1,
            flows: 0,
        })
    }

    /// How many flows there are.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows
    }

    /// The sums of all flows: packets and IP bytes.
    #[must_use]
    pub fn sums(&self) -> (u64, u64) {
        let lines = self.memory.as_ptr().cast::<Line>();
        (0..=self.mask)
            // SAFETY: `mask + 1` lines stand in the memory, 64-byte aligned, valid for any bytes.
            .map(|index| unsafe { &*lines.add(index) })
            .fold((0, 0), |sum, line| {
                (sum.0 + line.packets, sum.1 + line.bytes)
            })
    }

    /// Counts all of `packets`.
    pub fn run(&mut self, packets: &Packets) -> Totals {
        let mut totals = Totals::default();
        // The words of the keys apart: an IPv4 key's stand in the first two.
        let mut first = [0u64; BATCH];
        let mut second = [0u64; BATCH];
        let mut rest = [[0u64; 3]; BATCH];
        let mut homes = [0usize; BATCH];
        let mut lengths = [0u64; BATCH];
        let lines = self.memory.as_mut_ptr().cast::<Line>();
        let descriptors = packets.descriptors();
        for (number, burst) in descriptors.chunks(BATCH).enumerate() {
            let next = (number + 1) * BATCH;
            let next = &descriptors[next.min(descriptors.len())..];
            for (index, descriptor) in burst.iter().enumerate() {
                if let Some(ahead) = next.get(index) {
                    packets.prefetch(ahead);
                }
                let (key, length) = parse(packets.bytes(descriptor)).unwrap_or_default();
                let home = key.hash() as usize & self.mask;
                // SAFETY: `home` is at most `mask`, and that many lines and one stand in the memory.
                prefetch(unsafe { lines.add(home) });
                (homes[index], lengths[index]) = (home, length);
                (first[index], second[index]) = (key.words[0], key.words[1]);
                if !key.is_v4() {
                    rest[index] = [key.words[2], key.words[3], key.words[4]];
                }
            }
            // Those whose line is another flow's ask for the next line and come up again when the others are done, so that
            // no packet waits for memory alone.
            let mut waiting: [u8; BATCH] = std::array::from_fn(|index| index as u8);
            let mut count = burst.len();
            let mut probes = 0;
            while count > 0 {
                let mut again = 0;
                for turn in 0..count {
                    let index = usize::from(waiting[turn]);
                    if first[index] == 0 {
                        totals.ignored += 1;
                        continue;
                    }
                    // SAFETY: homes are masked; the memory is borrowed exclusively and no other reference into it lives.
                    let line = unsafe { &mut *lines.add(homes[index]) };
                    let v4 = Key::first_is_v4(first[index]);
                    let found = line.key[0] == first[index]
                        && line.key[1] == second[index]
                        && (v4 || line.key[2..] == rest[index]);
                    if !found {
                        if line.key[0] != 0 || self.flows * 8 >= self.mask * 7 {
                            let next = (homes[index] + 1) & self.mask;
                            // SAFETY: `next` is masked.
                            prefetch(unsafe { lines.add(next) });
                            homes[index] = next;
                            waiting[again] = index as u8;
                            again += 1;
                            continue;
                        }
                        (line.key[0], line.key[1]) = (first[index], second[index]);
                        if !v4 {
                            line.key[2..].copy_from_slice(&rest[index]);
                        }
                        self.flows += 1;
                    }
                    line.packets += 1;
                    line.bytes += lengths[index];
                    line.last = burst[index].time;
                    totals.counted += 1;
                }
                count = again;
                probes += 1;
                if probes > self.mask {
                    totals.ignored += count as u64;
                    break;
                }
            }
        }
        totals
    }
}

/// Asks for a cache line in the second-level cache, to which more can be on their way at a time than to the first.
#[inline]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see and faults for no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(source: [u8; 4], destination: [u8; 4], ports: (u16, u16)) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
        frame[16..18].copy_from_slice(&40u16.to_be_bytes());
        frame[23] = 6;
        frame[26..30].copy_from_slice(&source);
        frame[30..34].copy_from_slice(&destination);
        frame[34..36].copy_from_slice(&ports.0.to_be_bytes());
        frame[36..38].copy_from_slice(&ports.1.to_be_bytes());
        frame
    }

    fn packets(frames: &[Vec<u8>]) -> Packets {
        let mut packets = Packets::with_capacity(frames.len(), frames.len() * 128).unwrap();
        for frame in frames {
            assert!(packets.push(frame.len() as u16, 60, 1, |bytes| {
                bytes.copy_from_slice(frame);
            }));
        }
        packets
    }

    #[test]
    fn both_directions_are_one_flow() {
        let (a, b) = ([10, 0, 0, 1], [192, 0, 2, 1]);
        let mut floor = Floor::new(10).unwrap();
        let totals = floor.run(&packets(&[
            frame(a, b, (1000, 80)),
            frame(b, a, (80, 1000)),
            frame(a, b, (1001, 80)),
            vec![0; 60],
        ]));
        assert_eq!((totals.counted, totals.ignored), (3, 1));
        assert_eq!(floor.flows(), 2);
        assert_eq!(floor.sums(), (3, 120));
    }

    #[test]
    fn vlan_tags_and_ipv6_are_read() {
        let mut v6 = vec![0; 80];
        v6[12..16].copy_from_slice(&[0x81, 0, 0, 5]);
        v6[16..19].copy_from_slice(&[0x86, 0xdd, 0x60]);
        v6[22..24].copy_from_slice(&8u16.to_be_bytes());
        v6[24] = 17;
        v6[41] = 9;
        let mut floor = Floor::new(10).unwrap();
        assert_eq!(floor.run(&packets(&[v6.clone(), v6])).counted, 2);
        assert_eq!((floor.flows(), floor.sums()), (1, (2, 96)));
    }

    #[test]
    fn a_full_table_ignores_and_ends() {
        let frames: Vec<_> = (0..400)
            .map(|port| frame([10, 0, 0, 1], [10, 0, 0, 2], (port, 1)))
            .collect();
        let mut floor = Floor::new(1).unwrap();
        let totals = floor.run(&packets(&frames));
        assert_eq!(totals.counted + totals.ignored, 400);
        assert!(totals.counted < 128 && totals.ignored > 0);
    }
}
