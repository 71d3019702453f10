//! ICMP and ICMPv6: ports as Zeek makes them, and the packets that errors quote.

mod common;

use common::*;
use portreeve_packet::{DecodeOptions, LinkType, View, ViewFlags};

fn icmp(kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    cat(&[&[kind, code, 0, 0, 0, 0, 0, 0], rest])
}

fn ports_from_source(view: &View) -> (u16, u16) {
    let ports = (view.key.low_port, view.key.high_port);
    if view.high_to_low() {
        (ports.1, ports.0)
    } else {
        ports
    }
}

/// Swaps the addresses of an IPv4 packet.
fn answer(mut packet: Vec<u8>) -> Vec<u8> {
    let (a, b) = packet[12..20].split_at_mut(4);
    a.swap_with_slice(b);
    packet
}

#[test]
fn a_request_and_its_answer_share_a_key() {
    for (request, reply) in [(8u8, 0u8), (13, 14), (17, 18), (10, 9)] {
        let there = view(LinkType::RawIp, &ipv4(1, &icmp(request, 0, b"abc")));
        let back = view(LinkType::RawIp, &answer(ipv4(1, &icmp(reply, 0, b"abc"))));
        assert_eq!(there.key, back.key);
        assert_ne!(there.high_to_low(), back.high_to_low());
        assert_eq!(
            ports_from_source(&there),
            (u16::from(request), u16::from(reply))
        );
        assert!(!there.flags.has(ViewFlags::ONE_WAY));
        assert_eq!(there.payload_len, 3);
    }
    for (request, reply) in [(128u8, 129u16), (135, 136), (133, 134), (130, 131)] {
        let there = view(LinkType::RawIp, &ipv6(58, &icmp(request, 0, b"")));
        assert_eq!(ports_from_source(&there), (u16::from(request), reply));
        assert_eq!((there.icmp_type, there.key.protocol), (request, 58));
    }
}

#[test]
fn one_way_messages_of_both_directions_have_keys_of_their_own() {
    // Type 3, code 3: the ports are equal, so that numeric order alone would give both one key.
    let there = view(LinkType::RawIp, &ipv4(1, &icmp(3, 3, b"")));
    let back = view(LinkType::RawIp, &answer(ipv4(1, &icmp(3, 3, b""))));
    assert!(there.flags.has(ViewFlags::ONE_WAY) && back.flags.has(ViewFlags::ONE_WAY));
    assert_ne!(there.key, back.key);
    assert_eq!(ports_from_source(&there), (3, 3));
}

#[test]
fn an_error_quotes_the_conversation_it_is_about() {
    // The router's host was sent this, and quotes its header and 8 bytes (RFC 792).
    let original = answer(ipv4(17, &udp(5353, 40000, &[0; 500])));
    let flow = view(LinkType::RawIp, &original);
    let data = ipv4(1, &icmp(3, 3, &original[..28]));
    let (_, views) = run(&frame(LinkType::RawIp, &data), DecodeOptions::default());
    assert!(views.as_slice()[0].flags.has(ViewFlags::QUOTES));
    let quote = views.quotes()[0];
    assert_eq!(quote.key, flow.key);
    assert_eq!(quote.high_to_low, flow.high_to_low());
    assert_eq!(quote.view, 0);
}

#[test]
fn a_quoted_echo_has_its_own_mapping_and_the_errors_vlan() {
    let echo = ipv6(58, &icmp(128, 0, b"abcdefgh"));
    let error = ipv6(58, &icmp(3, 0, &echo));
    let data = ethernet(0x8100, &vlan(9, 0x86dd, &error));
    let (_, views) = run(&frame(LinkType::Ethernet, &data), DecodeOptions::default());
    let quote = views.quotes()[0];
    assert_eq!(
        (quote.key.low_port, quote.key.high_port, quote.key.vlan),
        (128, 129, 9)
    );
}

#[test]
fn a_quotation_too_short_to_tell_is_none() {
    let original = ipv4(6, &tcp(1, 2, &[], b""));
    for length in [0, 1, 19, 20, 23] {
        let data = ipv4(1, &icmp(11, 0, &original[..length]));
        let (_, views) = run(&frame(LinkType::RawIp, &data), DecodeOptions::default());
        assert!(views.quotes().is_empty(), "{length}");
        assert_eq!(views.len(), 1);
    }
    // A later fragment has no ports.
    let data = ipv4(1, &icmp(11, 0, &ipv4_with(17, 5, &[], &[1; 30])));
    let (_, views) = run(&frame(LinkType::RawIp, &data), DecodeOptions::default());
    assert!(views.quotes().is_empty());
}
