//! Steering: which worker a conversation belongs to.
//!
//! The steering hash is symmetric and so simple that a classic BPF program computes the same value
//! in the kernel (`PACKET_FANOUT_CBPF`), so that frames arrive at home and the hand-over mesh stays
//! empty. It is not the flow table's hash, which is seeded and strong.
//!
//! ```text
//! a = xor of the four (IPv4: one) 32-bit big-endian words of the source address
//! b = the same of the destination address
//! p = source port xor destination port (0 for fragments, protocols without ports, and UDP to or from a port of TUNNEL_PORTS)
//! protocol: 17 for fragments
//! h = (a ^ b ^ p ^ protocol) * 0x9E3779B1 (mod 2^32);  h ^= h >> 15
//! worker = h % workers
//! ```
//!
//! A frame's home is that of its outermost conversation. A tunnel is steered by its addresses alone (VXLAN and Geneve choose another
//! outer port for each direction), so that what it carries is at one worker both ways, and with it the tunnel itself, whose
//! uid the inner conversations name. Every fragment of a
//! datagram, the first one too, is steered by its addresses alone: one worker (the fragments' home) sees them all,
//! learns the ports from the first, and hands each on to the conversation's own home. What comes before the first
//! waits for it there. Of which protocol the datagram is, only the first knows as well where extension headers stand behind the fragment
//! header: all fragments are steered as UDP's, so that those of tunnels are at home where they arrive.
//!
//! # NICs
//!
//! A NIC spreads frames over its queues by another hash, Toeplitz, whose key we choose: [`TOEPLITZ_KEY`] repeated. Every 16 bits of the input
//! then meet the same bits of the key, so that the hash is a function of the exclusive or of all 16-bit words of the addresses and ports: symmetric, and
//! found with two table look-ups. [`Spreading::Toeplitz`] makes that hash decide the home, so that frames are at home where they arrive.

use crate::key::FlowKey;
use crate::tunnel;
use crate::view::{View, ViewFlags};

/// UDP ports of tunnels: datagrams to or from them are steered by their addresses alone.
pub const TUNNEL_PORTS: [u16; 10] = tunnel::PORTS;

/// The multiplier of the steering hash (2^32 divided by the golden ratio, made odd).
pub const MULTIPLIER: u32 = 0x9E37_79B1;

/// The steering hash of a conversation, ports included.
#[inline]
#[must_use]
pub fn hash(key: &FlowKey) -> u32 {
    let ports = match key.protocol {
        17 if tunnel::is_port(key.low_port) || tunnel::is_port(key.high_port) => 0,
        6 | 17 | 132 | 136 => u32::from(key.low_port ^ key.high_port),
        _ => 0,
    };
    mix(addresses(key) ^ ports ^ u32::from(key.protocol))
}

/// The protocol that all fragments are steered by.
pub const FRAGMENT_PROTOCOL: u8 = 17;

/// The steering hash of a fragment: addresses only.
#[inline]
#[must_use]
pub fn fragment_hash(key: &FlowKey) -> u32 {
    mix(addresses(key) ^ u32::from(FRAGMENT_PROTOCOL))
}

/// The steering hash of a view, by [`hash`] or, for any fragment, by [`fragment_hash`].
#[inline]
#[must_use]
pub fn view_hash(view: &View) -> u32 {
    let fragment = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;
    if view.flags.0 & fragment != 0 {
        fragment_hash(&view.key)
    } else {
        hash(&view.key)
    }
}

/// The worker, of `workers`, that a steering hash selects.
#[inline]
#[must_use]
pub fn worker(hash: u32, workers: usize) -> usize {
    if workers < 2 {
        0
    } else {
        hash as usize % workers
    }
}

/// What decides a conversation's home. All workers of a run have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spreading {
    /// The steering hash, which the kernel's fanout program and our own readers compute.
    #[default]
    Steering,
    /// A NIC's Toeplitz hash with [`TOEPLITZ_KEY`].
    Toeplitz {
        /// Entries of the NIC's table from hash to queue; entry i leads to queue i modulo the queues. A power of two.
        entries: u16,
        /// Of which protocols the NIC hashes the ports.
        ports: PortsHashed,
    },
}

/// Protocols whose ports a NIC hashes; of all others, and of fragments, it hashes the addresses alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortsHashed {
    /// TCP's.
    pub tcp: bool,
    /// UDP's.
    pub udp: bool,
    /// SCTP's.
    pub sctp: bool,
}

/// The key of the Toeplitz hash, to be repeated to the length that the NIC takes, in network order (Woo and Park, "Scalable TCP session monitoring with
/// symmetric receive-side scaling").
pub const TOEPLITZ_KEY: u16 = 0x6d5a;

impl Spreading {
    /// The hash of a conversation, ports included.
    #[inline]
    #[must_use]
    pub fn hash(self, key: &FlowKey) -> u32 {
        let Spreading::Toeplitz { ports, .. } = self else {
            return hash(key);
        };
        let hashed = match key.protocol {
            6 => ports.tcp,
            // Both directions of a tunnel have other ports; what it carries has to stay together.
            17 => ports.udp && !tunnel::is_port(key.low_port) && !tunnel::is_port(key.high_port),
            132 => ports.sctp,
            _ => false,
        };
        let ports = if hashed {
            key.low_port ^ key.high_port
        } else {
            0
        };
        toeplitz(fold(addresses(key)) ^ ports)
    }

    /// The hash of a fragment: addresses only.
    #[inline]
    #[must_use]
    pub fn fragment_hash(self, key: &FlowKey) -> u32 {
        match self {
            Spreading::Steering => fragment_hash(key),
            Spreading::Toeplitz { .. } => toeplitz(fold(addresses(key))),
        }
    }

    /// The worker, of `workers`, that a hash selects.
    #[inline]
    #[must_use]
    pub fn worker(self, hash: u32, workers: usize) -> usize {
        match self {
            Spreading::Steering => worker(hash, workers),
            Spreading::Toeplitz { entries, .. } => {
                worker(hash & u32::from(entries).saturating_sub(1), workers)
            }
        }
    }
}

/// The Toeplitz hash with the repeated [`TOEPLITZ_KEY`] of an input whose 16-bit words, in network order, have this exclusive or.
#[inline]
#[must_use]
pub fn toeplitz(words: u16) -> u32 {
    let [high, low] = words.to_be_bytes();
    let half = HIGH[usize::from(high)] ^ LOW[usize::from(low)];
    // The key's period is 16 bits: so is the hash's.
    u32::from(half) << 16 | u32::from(half)
}

/// What the bits of a word's high and low byte add to the hash.
const HIGH: [u16; 256] = contributions(0);
const LOW: [u16; 256] = contributions(8);

const fn contributions(first: u32) -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> (7 - bit) & 1 == 1 {
                table[byte] ^= TOEPLITZ_KEY.rotate_left(first + bit);
            }
            bit += 1;
        }
        byte += 1;
    }
    table
}

#[inline]
fn fold(x: u32) -> u16 {
    (x >> 16) as u16 ^ x as u16
}

#[inline]
fn addresses(key: &FlowKey) -> u32 {
    let fold = |a: &[u8; 16]| {
        let a = u128::from_be_bytes(*a);
        if key.version == 4 {
            return a as u32;
        }
        (a >> 96) as u32 ^ (a >> 64) as u32 ^ (a >> 32) as u32 ^ a as u32
    };
    fold(&key.low_addr) ^ fold(&key.high_addr)
}

#[inline]
fn mix(x: u32) -> u32 {
    let h = x.wrapping_mul(MULTIPLIER);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::mapped;

    #[test]
    fn a_tunnel_has_one_home_whatever_its_ports() {
        let (a, b) = (mapped([10, 0, 0, 1]), mapped([192, 0, 2, 7]));
        let out = FlowKey::new((a, 50_000), (b, 4789), 17, 4).0;
        let back = FlowKey::new((b, 61_234), (a, 4789), 17, 4).0;
        let tcp = FlowKey::new((a, 50_000), (b, 4789), 6, 4).0;
        assert_eq!(hash(&out), hash(&back));
        assert_eq!(hash(&out), fragment_hash(&out));
        assert_ne!(hash(&tcp), fragment_hash(&tcp));
    }

    /// The Toeplitz hash as NICs are documented to compute it, bit by bit.
    fn by_the_book(input: &[u8]) -> u32 {
        let key: Vec<u8> = TOEPLITZ_KEY
            .to_be_bytes()
            .iter()
            .copied()
            .cycle()
            .take(52)
            .collect();
        let bit = |bytes: &[u8], index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
        (0..input.len() * 8)
            .filter(|&index| bit(input, index) == 1)
            .map(|index| {
                (0..32).fold(0, |window, next| {
                    window << 1 | u32::from(bit(&key, index + next))
                })
            })
            .fold(0, |hash, window| hash ^ window)
    }

    #[test]
    fn the_nics_hash_is_found_without_its_bits() {
        let all = Spreading::Toeplitz {
            entries: 128,
            ports: PortsHashed {
                tcp: true,
                udp: true,
                sctp: true,
            },
        };
        let (a, b) = ([66, 9, 149, 187], [161, 142, 100, 80]);
        let input = [&a[..], &b, &2794u16.to_be_bytes(), &1766u16.to_be_bytes()].concat();
        let key = FlowKey::new((mapped(a), 2794), (mapped(b), 1766), 6, 4).0;
        assert_eq!(all.hash(&key), by_the_book(&input));
        assert_eq!(all.fragment_hash(&key), by_the_book(&input[..8]));
        let (a, b) = (
            [0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            [0xfe; 16],
        );
        let input = [&a[..], &b, &53u16.to_be_bytes(), &9999u16.to_be_bytes()].concat();
        let key = FlowKey::new((a, 53), (b, 9999), 17, 6).0;
        assert_eq!(all.hash(&key), by_the_book(&input));
        // The other direction, and a NIC that hashes no ports.
        let back = FlowKey::new((b, 9999), (a, 53), 17, 6).0;
        assert_eq!(all.hash(&back), all.hash(&key));
        let none = Spreading::Toeplitz {
            entries: 128,
            ports: PortsHashed::default(),
        };
        assert_eq!(none.hash(&key), by_the_book(&input[..32]));
        assert_eq!(
            all.worker(by_the_book(&input), 3),
            (by_the_book(&input) as usize % 128) % 3
        );
    }

    #[test]
    fn both_directions_have_one_home() {
        let (a, b) = ((mapped([10, 0, 0, 1]), 4321), (mapped([192, 0, 2, 7]), 443));
        assert_eq!(
            hash(&FlowKey::new(a, b, 6, 4).0),
            hash(&FlowKey::new(b, a, 6, 4).0)
        );
    }
}
