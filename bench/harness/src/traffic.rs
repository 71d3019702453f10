//! The traffic: packets in memory that can be run through again and again without repeating themselves.
//!
//! A trace that is merely cycled would repeat its sequence numbers, and every packet of the second pass would be a
//! retransmission. So between two passes, outside of what is timed, [`Traffic::next_pass`] moves every packet on: sequence and
//! acknowledgement numbers by what its flow's ends sent during a pass, TCP timestamps and the packet's own time by a pass's
//! length, the IPv4 identification by a constant. A flow then goes on where it was.
//!
//! [`Traffic::open`] gives the handshakes of all flows, so that a measured pass meets established flows only.

use std::io;

use portreeve_floor::Packets;

use crate::flow::{Facts, State, internet_checksum};
use crate::random::{Random, Zipf};
use crate::shape::{Mix, Popularity, Shape};

/// When the openings are: nanoseconds since 1970-01-01 UTC. The first pass is ten seconds later.
pub const START: i64 = 1_700_000_000_000_000_000;
const FIRST_PASS: i64 = START + 10_000_000_000;
/// Bytes on the wire that are in no frame: FCS (4), preamble (8), gap (12).
pub const WIRE_OVERHEAD: u64 = 24;
/// Packets handed out at a time by [`Traffic::open`].
const OPENING_CHUNK: usize = 48 * 1024;

/// What one packet's numbers grow by with each pass.
#[derive(Clone, Copy, Debug, Default)]
struct Growth {
    seq: u32,
    ack: u32,
}

/// Packets of many established flows.
pub struct Traffic {
    shape: Shape,
    packets: Packets,
    growth: Vec<Growth>,
    pass_time: i64,
}

/// Time on a wire of 10 Gbit/s, nanoseconds.
fn wire_time(wire: u16) -> i64 {
    ((u64::from(wire) + WIRE_OVERHEAD) * 8 / 10) as i64
}

impl Traffic {
    /// One pass of `frames` packets of this shape.
    ///
    /// # Errors
    /// What the system said when asked for the memory.
    pub fn new(shape: Shape, frames: usize) -> io::Result<Traffic> {
        let mut random = Random::new(shape.seed);
        let flows = choose(&shape, frames, &mut random);
        // Slots of 64 bytes: a small frame takes one, an IMIX one seven at the mean (and a margin).
        let slots = match shape.mix {
            Mix::Small => 1,
            Mix::Imix => 8,
        };
        let mut packets = Packets::with_capacity(frames, (frames + 1024) * slots * 64)?;
        let mut states = vec![State::default(); shape.flows as usize];
        let mut senders = Vec::with_capacity(frames);
        let mut time = FIRST_PASS;
        for flow in &flows {
            let Some(state) = states.get_mut(*flow as usize) else {
                continue;
            };
            let facts = Facts::of(&shape, *flow);
            let packet = facts.next(&shape, state, random.bits() as u16, time);
            time += wire_time(packet.wire);
            if !packets.push(packet.wire, packet.wire, time, |bytes| packet.write(bytes)) {
                break;
            }
            senders.push(packet.sender);
        }
        let growth = flows
            .iter()
            .zip(&senders)
            .map(|(flow, sender)| {
                let sent = states[*flow as usize].sent;
                let own = *sender as usize;
                if Facts::of(&shape, *flow).udp {
                    Growth::default()
                } else {
                    Growth {
                        seq: sent[own],
                        ack: sent[1 - own],
                    }
                }
            })
            .collect();
        // Whole milliseconds, so that the packets' timestamp options keep pace exactly.
        let pass_time = (time - FIRST_PASS + 999_999) / 1_000_000 * 1_000_000;
        Ok(Traffic {
            shape,
            packets,
            growth,
            pass_time,
        })
    }

    /// The packets of the pass that it stands at.
    #[must_use]
    pub fn packets(&self) -> &Packets {
        &self.packets
    }

    /// What it is like.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Bytes on the wire of a pass: frames, FCS, preambles and gaps.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        self.packets.wire_bytes() + self.packets.descriptors().len() as u64 * WIRE_OVERHEAD
    }

    /// Gives the packets that open all flows, in chunks, to `each`.
    ///
    /// # Errors
    /// What the system said when asked for a chunk's memory.
    pub fn open(&self, mut each: impl FnMut(&Packets)) -> io::Result<()> {
        let mut chunk = Packets::with_capacity(OPENING_CHUNK, OPENING_CHUNK * 128)?;
        let mut time = START;
        // All three packets of all flows take less than the ten seconds before the first pass.
        let step = (9_000_000_000 / (3 * i64::from(self.shape.flows.max(1)))).min(1000);
        for flow in 0..self.shape.flows {
            let facts = Facts::of(&self.shape, flow);
            let mut state = State::default();
            for number in 0..3 {
                let packet = facts.opening(&mut state, number, START);
                chunk.push(packet.wire, packet.wire, time, |bytes| packet.write(bytes));
                time += step;
            }
            if chunk.descriptors().len() + 3 > OPENING_CHUNK {
                each(&chunk);
                chunk.clear();
            }
        }
        each(&chunk);
        Ok(())
    }

    /// Moves every packet on by a pass.
    pub fn next_pass(&mut self) {
        let step = self.pass_time;
        let (memory, descriptors) = self.packets.parts_mut();
        for (descriptor, growth) in descriptors.iter_mut().zip(&self.growth) {
            descriptor.time += step;
            let start = descriptor.slot as usize * portreeve_floor::SLOT;
            if let Some(frame) = memory.get_mut(start..start + usize::from(descriptor.captured)) {
                move_on(frame, *growth, (step / 1_000_000) as u32);
            }
        }
    }
}

/// Moves one frame, as [`crate::flow`] writes them, on by a pass.
fn move_on(frame: &mut [u8], growth: Growth, milliseconds: u32) {
    let (protocol, transport) = if frame[12] == 0x08 {
        let id = u16::from_be_bytes([frame[18], frame[19]]).wrapping_add(0x2B67);
        frame[18..20].copy_from_slice(&id.to_be_bytes());
        frame[24..26].fill(0);
        let sum = internet_checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        (frame[23], 34)
    } else {
        (frame[20], 54)
    };
    if protocol != 6 {
        return;
    }
    add(frame, transport + 4, growth.seq);
    add(frame, transport + 8, growth.ack);
    // 32 bytes of header: the timestamp option, behind two bytes of padding.
    if frame[transport + 12] >> 4 == 8 {
        add(frame, transport + 24, milliseconds);
        add(frame, transport + 28, milliseconds);
    }
}

fn add(frame: &mut [u8], at: usize, growth: u32) {
    if let Some(field) = frame.get_mut(at..at + 4) {
        let value = u32::from_be_bytes([field[0], field[1], field[2], field[3]]);
        field.copy_from_slice(&value.wrapping_add(growth).to_be_bytes());
    }
}

/// Which flow each packet is of.
fn choose(shape: &Shape, frames: usize, random: &mut Random) -> Vec<u32> {
    let flows = shape.flows.max(1);
    match shape.popularity {
        Popularity::Uniform => {
            let mut chosen: Vec<u32> = (0..frames).map(|n| (n % flows as usize) as u32).collect();
            // Fisher and Yates.
            for last in (1..chosen.len()).rev() {
                chosen.swap(last, random.below(last as u64 + 1) as usize);
            }
            chosen
        }
        Popularity::Zipf => {
            let zipf = Zipf::new(flows as usize);
            (0..frames).map(|_| zipf.rank(random) as u32).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_floor::Floor;

    fn shape(mix: Mix, popularity: Popularity, flows: u32) -> Shape {
        Shape {
            mix,
            popularity,
            flows,
            seed: 7,
            partition: 0,
        }
    }

    #[test]
    fn every_flow_is_opened_and_no_packet_is_of_another() {
        for popularity in [Popularity::Uniform, Popularity::Zipf] {
            for mix in [Mix::Small, Mix::Imix] {
                let mut traffic = Traffic::new(shape(mix, popularity, 5000), 40_000).unwrap();
                assert_eq!(traffic.packets().descriptors().len(), 40_000);
                let mut floor = Floor::new(5000).unwrap();
                traffic
                    .open(|packets| assert_eq!(floor.run(packets).ignored, 0))
                    .unwrap();
                assert_eq!(floor.flows(), 5000);
                for _ in 0..3 {
                    assert_eq!(floor.run(traffic.packets()).counted, 40_000);
                    traffic.next_pass();
                }
                assert_eq!(floor.flows(), 5000);
            }
        }
    }

    #[test]
    fn frames_have_the_sizes_of_their_mix() {
        let small = Traffic::new(shape(Mix::Small, Popularity::Uniform, 100), 10_000).unwrap();
        assert!(small.packets().descriptors().iter().all(|d| d.wire == 60));
        let imix = Traffic::new(shape(Mix::Imix, Popularity::Uniform, 100), 12_000).unwrap();
        let mean = imix.packets().wire_bytes() as f64 / 12_000.0;
        assert!((350.0..375.0).contains(&mean), "{mean}");
    }
}
