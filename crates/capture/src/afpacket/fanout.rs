//! Spreading an interface's frames over several sockets so that each conversation arrives at its home.
//!
//! The kernel runs a classic BPF program on each frame and gives it to socket `result % sockets`. The program
//! computes `portreeve_packet::steer`, so that the worker that the frame arrives at is the one that the engine would hand it to.
//! What it does not look into (long chains of IPv6 extension headers) arrives by its addresses and is handed over.

use portreeve_packet::LinkType;
use portreeve_packet::steer::{FRAGMENT_PROTOCOL, MULTIPLIER, TUNNEL_PORTS};

use crate::bpf::BpfInstruction;

use super::assemble::{Assembler, Label, Size};

/// Loads relative to the link-layer header (`SKF_LL_OFF`): in a fanout program the frame's own
/// offset 0 is the network header of received frames and the link-layer header of sent ones.
const LINK: u32 = (-0x20_0000i32).cast_unsigned();
/// Loads relative to the network header (`SKF_NET_OFF`).
const NETWORK: u32 = (-0x10_0000i32).cast_unsigned();
/// The ethertype as the kernel knows it (`SKF_AD_PROTOCOL`).
const PROTOCOL: u32 = (-0x1000i32).cast_unsigned();

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const TAGS: [u32; 2] = [0x8100, 0x88a8];
/// Protocols whose header begins with two ports: TCP, UDP, SCTP, UDP-Lite.
const WITH_PORTS: [u32; 4] = [6, 17, 132, 136];
const UDP: u32 = 17;
/// VLAN tags in the frame that are stepped over.
const MAX_TAGS: u32 = 2;

/// Scratch words.
const BASE: u32 = 0;
const UPPER: u32 = 1;
const SUM: u32 = 2;
const TEMPORARY: u32 = 3;

/// The steering program for frames of this link type; `None` for `link`: the kernel takes the header off.
pub(super) fn program(link: Option<LinkType>) -> Option<Vec<BpfInstruction>> {
    let mut a = Assembler::default();
    let (v4, v6) = (a.label(), a.label());
    let origin = match link {
        Some(LinkType::Ethernet) => {
            let dispatch = a.label();
            for tags in 0..=MAX_TAGS {
                a.load_x(14 + 4 * tags);
                a.load(Size::Half, LINK.wrapping_add(12 + 4 * tags));
                if tags < MAX_TAGS {
                    let next = a.label();
                    for tag in TAGS {
                        a.if_equal(tag, next);
                    }
                    a.jump(dispatch);
                    a.place(next);
                }
            }
            a.place(dispatch);
            a.if_equal(ETHERTYPE_IPV4, v4);
            a.if_equal(ETHERTYPE_IPV6, v6);
            LINK
        }
        Some(LinkType::RawIp) => {
            a.load_x(0);
            a.load(Size::Byte, LINK);
            a.shift_right(4);
            a.if_equal(4, v4);
            a.if_equal(6, v6);
            LINK
        }
        None => {
            a.load_x(0);
            a.load(Size::Word, PROTOCOL);
            a.if_equal(ETHERTYPE_IPV4, v4);
            a.if_equal(ETHERTYPE_IPV6, v6);
            NETWORK
        }
        Some(_) => return None,
    };
    // Not IP: worker 0.
    a.give(0);

    let (ports, portless, mix) = (a.label(), a.label(), a.label());
    a.place(v4);
    a.store_x(BASE);
    a.load_indexed(Size::Byte, origin.wrapping_add(9));
    a.store(UPPER);
    a.store(SUM);
    for address in [12, 16] {
        fold(&mut a, origin.wrapping_add(address));
    }
    a.load_indexed(Size::Half, origin.wrapping_add(6));
    // More fragments, or an offset.
    let fragment = a.label();
    a.if_any(0x3fff, fragment);
    a.load_indexed(Size::Byte, origin);
    a.and(0x0f);
    a.shift_left(2);
    a.add_x();
    a.store(BASE);
    a.load_memory(UPPER);
    for protocol in WITH_PORTS {
        a.if_equal(protocol, ports);
    }
    a.jump(portless);
    a.place(fragment);
    // SUM has the protocol in it, and a fragment's is steered by another.
    a.load_x(u32::from(FRAGMENT_PROTOCOL));
    a.load_memory(UPPER);
    a.xor_x();
    a.store(UPPER);
    mix_protocol(&mut a);
    a.jump(portless);

    a.place(v6);
    version_6(&mut a, origin, ports, portless);

    a.place(ports);
    let not_a_tunnel = a.label();
    a.load_x_memory(BASE);
    a.load_memory(UPPER);
    a.if_not_equal(UDP, not_a_tunnel);
    for side in [0, 2] {
        a.load_indexed(Size::Half, origin.wrapping_add(side));
        for port in TUNNEL_PORTS {
            a.if_equal(u32::from(port), portless);
        }
    }
    a.place(not_a_tunnel);
    a.load_indexed(Size::Half, origin);
    a.store(TEMPORARY);
    a.load_indexed(Size::Half, origin.wrapping_add(2));
    a.load_x_memory(TEMPORARY);
    a.xor_x();
    a.load_x_memory(SUM);
    a.xor_x();
    a.jump(mix);
    a.place(portless);
    a.load_memory(SUM);
    a.place(mix);
    a.multiply(MULTIPLIER);
    a.store(TEMPORARY);
    a.shift_right(15);
    a.load_x_memory(TEMPORARY);
    a.xor_x();
    a.give_a();
    a.finish()
}

/// SUM ^= the word at X + `offset`, with X = BASE before and after.
fn fold(a: &mut Assembler, offset: u32) {
    a.load_indexed(Size::Word, offset);
    a.load_x_memory(SUM);
    a.xor_x();
    a.store(SUM);
    a.load_x_memory(BASE);
}

/// The IPv6 half: addresses, one hop-by-hop, routing or destination header, a fragment header.
fn version_6(a: &mut Assembler, origin: u32, ports: Label, portless: Label) {
    let (skip, after_skip, fragment, upper) = (a.label(), a.label(), a.label(), a.label());
    let no_ports = a.label();
    a.store_x(BASE);
    a.load_x(0);
    a.store_x(SUM);
    a.load_x_memory(BASE);
    for address in (8..40).step_by(4) {
        fold(a, origin.wrapping_add(address));
    }
    a.load_indexed(Size::Byte, origin.wrapping_add(6));
    a.store(UPPER);
    a.load_memory(BASE);
    a.add(40);
    a.store(BASE);
    a.load_x_memory(BASE);
    a.load_memory(UPPER);
    for header in [0, 43, 60] {
        a.if_equal(header, skip);
    }
    a.jump(after_skip);

    a.place(skip);
    a.load_indexed(Size::Byte, origin);
    a.store(UPPER);
    // (length + 1) units of eight bytes (RFC 8200 section 4).
    a.load_indexed(Size::Byte, origin.wrapping_add(1));
    a.add(1);
    a.shift_left(3);
    a.add_x();
    a.store(BASE);
    a.load_x_memory(BASE);
    a.load_memory(UPPER);

    a.place(after_skip);
    a.if_not_equal(44, upper);
    a.load_indexed(Size::Byte, origin);
    a.store(UPPER);
    a.load_indexed(Size::Half, origin.wrapping_add(2));
    a.if_any(0xfff9, fragment);
    // Atomic: a whole datagram behind a fragment header (RFC 6946).
    a.load_memory(BASE);
    a.add(8);
    a.store(BASE);
    a.load_memory(UPPER);

    a.place(upper);
    mix_protocol(a);
    for protocol in WITH_PORTS {
        a.if_equal(protocol, ports);
    }
    a.jump(no_ports);
    a.place(fragment);
    a.load_x(u32::from(FRAGMENT_PROTOCOL));
    a.store_x(UPPER);
    mix_protocol(a);
    a.place(no_ports);
    a.jump(portless);
}

/// SUM ^= UPPER; A = UPPER.
fn mix_protocol(a: &mut Assembler) {
    a.load_memory(UPPER);
    a.load_x_memory(SUM);
    a.xor_x();
    a.store(SUM);
    a.load_memory(UPPER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_program_where_ip_can_be_found() {
        for link in [None, Some(LinkType::Ethernet), Some(LinkType::RawIp)] {
            let program = program(link).expect("assembles");
            assert!(program.len() < 256, "{}", program.len());
        }
        assert_eq!(program(Some(LinkType::Ieee80211Radiotap)), None);
    }
}
