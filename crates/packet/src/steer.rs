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
//! h = (a ^ b ^ p ^ protocol) * 0x9E3779B1 (mod 2^32);  h ^= h >> 15
//! worker = h % workers
//! ```
//!
//! A frame's home is that of its outermost conversation. A tunnel is steered by its addresses alone (VXLAN and Geneve choose another
//! outer port for each direction), so that what it carries is at one worker both ways, and with it the tunnel itself, whose
//! uid the inner conversations name. Every fragment of a
//! datagram, the first one too, is steered without ports: one worker (the fragments' home) sees them all,
//! learns the ports from the first, and hands each on to the conversation's own home.

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

/// The steering hash of a fragment: addresses and protocol only.
#[inline]
#[must_use]
pub fn fragment_hash(key: &FlowKey) -> u32 {
    mix(addresses(key) ^ u32::from(key.protocol))
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

    #[test]
    fn both_directions_have_one_home() {
        let (a, b) = ((mapped([10, 0, 0, 1]), 4321), (mapped([192, 0, 2, 7]), 443));
        assert_eq!(
            hash(&FlowKey::new(a, b, 6, 4).0),
            hash(&FlowKey::new(b, a, 6, 4).0)
        );
    }
}
