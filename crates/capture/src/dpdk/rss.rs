//! Spreading over queues so that both directions of a conversation meet in one, and the proof that the NIC does it.
//!
//! The NIC gets the key that makes its Toeplitz hash symmetric ([`portreeve_packet::steer`]), and a table that leads entry i to queue i modulo the
//! queues. Then the engine knows from a frame's addresses and ports which queue it belongs to. Whether the NIC thinks so too is verified on the
//! frames that arrive: of short bursts, and of some of the others, the first frame's hash is computed again and compared with the NIC's, and with the queue it came by. What a NIC
//! spreads otherwise is not lost: the engine hands it to its home, which costs a copy, and says so.

use portreeve_dpdk_sys as sys;
use portreeve_packet::steer::{PortsHashed, Spreading, TOEPLITZ_KEY, toeplitz};

/// What most NICs take, in bytes, should a driver not say.
const USUAL_KEY: usize = 40;
/// Of so many bursts one is looked at, if they are long: then there is work to do.
const EVERY: u32 = 16;
/// Shorter bursts than this are all looked at: a quiet port shall not take hours until the verdict is spoken.
const LONG: usize = 16;
/// So many frames are compared, then the verdict is spoken.
const COMPARED: u32 = 1000;
/// Frames that may differ: a hundredth. NICs have their own views of some packets (options, encapsulations).
const MAY_DIFFER: u32 = COMPARED / 100;

/// The key for a NIC that takes keys of so many bytes.
pub(super) fn key(size: usize) -> Vec<u8> {
    let size = if size == 0 { USUAL_KEY } else { size };
    let bytes = TOEPLITZ_KEY.to_be_bytes();
    bytes.iter().copied().cycle().take(size).collect()
}

/// Sets the table from hash to queue; how frames are spread from here on. `None` if the driver lets nobody set it.
pub(super) fn spread(port: u16, info: &sys::pr_port_info, queues: u16) -> Option<Spreading> {
    let entries = info.reta_size;
    // SAFETY: the port is started.
    let set = unsafe { sys::pr_spread(port, entries, queues) } == 0;
    let hashed = |protocol: u32| u32::from(info.ports_hashed) & protocol != 0;
    (set && entries.is_power_of_two()).then_some(Spreading::Toeplitz {
        entries,
        ports: PortsHashed {
            tcp: hashed(sys::PR_PORTS_TCP),
            udp: hashed(sys::PR_PORTS_UDP),
            sctp: hashed(sys::PR_PORTS_SCTP),
        },
    })
}

/// What was found out of a NIC's spreading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It spreads as it was told.
    Right,
    /// It computes another hash.
    OtherHash,
    /// It computes the hash, and leads it to another queue.
    OtherQueue,
}

/// Compares what a NIC did with what it was told to.
#[derive(Debug)]
pub(super) struct Verifier {
    entries: u32,
    queues: u32,
    queue: u32,
    bursts: u32,
    compared: u32,
    other_hash: u32,
    other_queue: u32,
    done: bool,
}

impl Verifier {
    /// For the source of `queue`, of so many.
    pub(super) fn new(spreading: Spreading, queue: u16, queues: usize) -> Verifier {
        let entries = match spreading {
            Spreading::Toeplitz { entries, .. } => u32::from(entries),
            Spreading::Steering => 0,
        };
        Verifier {
            entries,
            queues: queues as u32,
            queue: queue.into(),
            bursts: 0,
            compared: 0,
            other_hash: 0,
            other_queue: 0,
            done: entries == 0 || queues < 2,
        }
    }

    /// Whether the first frame of this burst of so many is to be looked at.
    #[inline]
    pub(super) fn is_due(&mut self, frames: usize) -> bool {
        if self.done {
            return false;
        }
        self.bursts = self.bursts.wrapping_add(1);
        frames < LONG || self.bursts.is_multiple_of(EVERY)
    }

    /// Looks at a frame with the NIC's hash of it, if it handed that over. Once, when enough were compared, the verdict.
    #[cold]
    pub(super) fn look(&mut self, frame: &[u8], hash: Option<u32>) -> Option<Verdict> {
        let inputs = inputs(frame)?;
        // Some NICs hash the ports of fewer protocols than they say: both readings are symmetric.
        let fits = |words: &u16| {
            let computed = toeplitz(*words);
            hash.is_none_or(|hash| hash == computed)
        };
        let leads_here =
            |words: &u16| toeplitz(*words) % self.entries.max(1) % self.queues.max(1) == self.queue;
        self.compared += 1;
        if !inputs.iter().any(fits) {
            self.other_hash += 1;
        } else if !inputs.iter().any(|words| fits(words) && leads_here(words)) {
            self.other_queue += 1;
        }
        if self.compared < COMPARED {
            return None;
        }
        self.done = true;
        Some(if self.other_hash > MAY_DIFFER {
            Verdict::OtherHash
        } else if self.other_queue > MAY_DIFFER {
            Verdict::OtherQueue
        } else {
            Verdict::Right
        })
    }
}

/// The exclusive or of the 16-bit words that a NIC hashes of a TCP or UDP packet: with the ports, and without. `None` for anything else.
fn inputs(frame: &[u8]) -> Option<[u16; 2]> {
    let word = |offset: usize| -> Option<u16> {
        let bytes = frame.get(offset..offset + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let words = |from: usize, count: usize| {
        (0..count).try_fold(0, |sum, index| Some(sum ^ word(from + 2 * index)?))
    };
    let (kind, header) = match word(12)? {
        0x8100 => (word(16)?, 18),
        kind => (kind, 14),
    };
    let (addresses, protocol, ports) = match kind {
        0x0800 => {
            let length = usize::from(frame.get(header)? & 15) * 4;
            // Of a fragment the ports are not hashed, or not there.
            if word(header + 6)? & 0x3fff != 0 {
                return None;
            }
            (
                words(header + 12, 4)?,
                *frame.get(header + 9)?,
                header + length,
            )
        }
        0x86dd => (words(header + 8, 16)?, *frame.get(header + 6)?, header + 40),
        _ => return None,
    };
    if protocol != 6 && protocol != 17 {
        return None;
    }
    Some([addresses ^ words(ports, 2)?, addresses])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: u16) -> Vec<u8> {
        let mut frame = vec![0u8; 60];
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[14] = 0x45;
        frame[23] = 6;
        frame[26..30].copy_from_slice(&[10, 0, (n >> 8) as u8, n as u8]);
        frame[30..34].copy_from_slice(&[192, 0, 2, 1]);
        frame[34..38].copy_from_slice(&[0x9c, n as u8, 0, 80]);
        frame
    }

    fn verifier(queue: u16) -> Verifier {
        let ports = PortsHashed {
            tcp: true,
            ..PortsHashed::default()
        };
        Verifier::new(
            Spreading::Toeplitz {
                entries: 128,
                ports,
            },
            queue,
            2,
        )
    }

    /// What a NIC does with its frames: their hash, and whether they come by queue 0.
    fn verdict(nic: impl Fn(&[u8]) -> (Option<u32>, bool)) -> Option<Verdict> {
        let mut verifier = verifier(0);
        (0..10_000u16).find_map(|n| {
            let frame = frame(n);
            let (hash, ours) = nic(&frame);
            if ours {
                verifier.look(&frame, hash)
            } else {
                None
            }
        })
    }

    fn right(frame: &[u8]) -> u32 {
        toeplitz(inputs(frame).unwrap()[0])
    }

    #[test]
    fn a_nic_that_does_as_told_is_believed() {
        let nic = |frame: &[u8]| (Some(right(frame)), (right(frame) % 128).is_multiple_of(2));
        assert_eq!(verdict(nic), Some(Verdict::Right));
        // It may keep its hash for itself, and it may hash the addresses alone.
        assert_eq!(
            verdict(|frame| (None, right(frame).is_multiple_of(2))),
            Some(Verdict::Right)
        );
        let plain = |frame: &[u8]| toeplitz(inputs(frame).unwrap()[1]);
        assert_eq!(
            verdict(|frame| (Some(plain(frame)), plain(frame).is_multiple_of(2))),
            Some(Verdict::Right)
        );
    }

    #[test]
    fn a_nic_that_has_its_own_hash_or_table_is_found_out() {
        let nic = |frame: &[u8]| (Some(right(frame).wrapping_mul(77)), true);
        assert_eq!(verdict(nic), Some(Verdict::OtherHash));
        assert_eq!(
            verdict(|frame| (Some(right(frame)), true)),
            Some(Verdict::OtherQueue)
        );
    }

    #[test]
    fn short_bursts_are_all_looked_at_and_long_ones_seldom() {
        let mut verifier = verifier(0);
        assert!((0..100).all(|_| verifier.is_due(1)));
        let looks = (0..1600).filter(|_| verifier.is_due(64)).count();
        assert_eq!(looks, 100);
    }

    #[test]
    fn both_directions_have_one_input() {
        let there = frame(300);
        let mut back = there.clone();
        back[26..34].rotate_left(4);
        back[34..38].rotate_left(2);
        assert_eq!(inputs(&there), inputs(&back));
        assert_eq!(inputs(&there[..35]), None);
    }

    #[test]
    fn the_key_is_as_long_as_the_nic_takes_it() {
        assert_eq!(key(52).len(), 52);
        assert_eq!(key(0)[..4], [0x6d, 0x5a, 0x6d, 0x5a]);
        assert_eq!(key(0).len(), 40);
    }
}
