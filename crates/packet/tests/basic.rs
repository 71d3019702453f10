//! Ethernet, VLAN, IPv4, IPv6, TCP, UDP: what nearly every packet is.

mod common;

use common::*;
use portreeve_packet::key::mapped;
use portreeve_packet::{
    DecodeOptions, KeyContext, LinkType, Outcome, Undecodable, ViewFlags, VlanTag,
};

const ETH: LinkType = LinkType::Ethernet;
const TIMESTAMP: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6];

#[test]
fn the_checksum_of_a_datagram_is_in_its_view() {
    let mut datagram = udp(9, 8, &[7; 20]);
    datagram[6..8].copy_from_slice(&[0xab, 0xcd]);
    // The short way, and the long one by a fragment.
    let mut packet = ipv4(17, &datagram);
    assert_eq!(view(ETH, &ethernet(0x0800, &packet)).tcp_window, 0xabcd);
    packet[6] = 0x20;
    assert_eq!(view(ETH, &ethernet(0x0800, &packet)).tcp_window, 0xabcd);
    let echo = [8, 0, 0x12, 0x34, 0, 1, 0, 1];
    let echo = view(ETH, &ethernet(0x0800, &ipv4(1, &echo)));
    assert_eq!(echo.tcp_window, 0x1234);
}

#[test]
fn a_tcp_segment_over_ipv4() {
    let data = ethernet(0x0800, &ipv4(6, &tcp(443, 50000, &TIMESTAMP, b"hello")));
    let view = view(ETH, &data);
    assert_eq!(payload(&view, &data), b"hello");
    assert_eq!((view.ip_len, view.payload_len), (20 + 32 + 5, 5));
    assert_eq!(
        (view.tcp_seq, view.tcp_ack, view.tcp_window),
        (1000, 2000, 0x2000)
    );
    assert_eq!((view.tcp_tsval, view.tcp_tsecr), (5, 6));
    assert!(view.flags.has(ViewFlags::TCP_TIMESTAMP));
    assert!(view.tcp_flags.ack() && !view.tcp_flags.syn());
    assert_eq!(view.key.low_addr, mapped(A4));
    assert_eq!((view.key.low_port, view.key.high_port), (443, 50000));
    assert_eq!((view.key.protocol, view.key.version, view.ttl), (6, 4, 64));
    assert_eq!(
        (view.ip_id, view.frame, view.tcp_window_scale),
        (0x1234, 7, 255)
    );
    assert!(!view.high_to_low());
}

#[test]
fn ethernet_padding_is_no_payload() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, &[], b"")));
    data.resize(60, 0xaa);
    assert_eq!(view(ETH, &data).payload_len, 0);
    let mut data = ethernet(0x86dd, &ipv6(17, &udp(1, 2, b"x")));
    data.resize(90, 0xaa);
    let view = view(ETH, &data);
    assert_eq!(
        (view.payload_len, view.payload_captured, view.ip_len),
        (1, 1, 49)
    );
}

#[test]
fn syn_options_are_read_in_any_order() {
    // RFC 9293 MSS, RFC 2018 SACK permitted, RFC 7323 timestamp and window scale, as Linux sends them.
    let options = [
        2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
    ];
    let view = view(ETH, &ethernet(0x86dd, &ipv6(6, &tcp(1, 2, &options, b""))));
    assert_eq!(
        (view.tcp_mss, view.tcp_window_scale, view.tcp_tsval),
        (1460, 7, 0x0102_0304)
    );
    assert!(view.flags.has(ViewFlags::TCP_SACK_PERMITTED));
    assert!(!view.flags.has(ViewFlags::TCP_SACK));
}

#[test]
fn both_directions_have_one_key() {
    let there = view(ETH, &ethernet(0x0800, &ipv4(17, &udp(9, 8, b""))));
    let mut back = ipv4(17, &udp(8, 9, b""));
    let (a, b) = (back[12..16].to_vec(), back[16..20].to_vec());
    back[12..16].copy_from_slice(&b);
    back[16..20].copy_from_slice(&a);
    let back = view(ETH, &ethernet(0x0800, &back));
    assert_eq!(there.key, back.key);
    assert!(!there.high_to_low() && back.high_to_low());
}

#[test]
fn vlan_tags_are_in_the_key_outermost_first() {
    let packet = ipv4(17, &udp(1, 2, b""));
    let one = ethernet(0x8100, &vlan(0x2064, 0x0800, &packet));
    assert_eq!(
        (view(ETH, &one).key.vlan, view(ETH, &one).key.inner_vlan),
        (100, 0)
    );
    let two = ethernet(0x88a8, &vlan(5, 0x8100, &vlan(100, 0x0800, &packet)));
    assert_eq!(
        (view(ETH, &two).key.vlan, view(ETH, &two).key.inner_vlan),
        (5, 100)
    );

    // Taken out by the NIC: outside of what is still there.
    let mut taken = frame(ETH, &one);
    taken.vlan = Some(VlanTag {
        tpid: 0x88a8,
        tci: 0xe007,
    });
    let (_, views) = run(&taken, DecodeOptions::default());
    let key = views.as_slice()[0].key;
    assert_eq!((key.vlan, key.inner_vlan), (7, 100));

    let context = KeyContext {
        vlan: false,
        tunnel: true,
    };
    let (_, views) = run(
        &taken,
        DecodeOptions {
            key: context,
            ..Default::default()
        },
    );
    let key = views.as_slice()[0].key;
    assert_eq!((key.vlan, key.inner_vlan), (0, 0));
}

#[test]
fn lengths_are_those_of_the_wire_when_the_capture_is_short() {
    let data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, &[], &[0; 1000])));
    for captured in [14 + 20, 14 + 20 + 3, 14 + 20 + 19, 14 + 40, 14 + 40 + 100] {
        let mut short = frame(ETH, &data[..captured]);
        short.wire_len = data.len() as u32;
        let (outcome, views) = run(&short, DecodeOptions::default());
        assert_eq!(outcome, Outcome::Analysed(1), "{captured}");
        let view = views.as_slice()[0];
        assert_eq!((view.ip_len, view.payload_len), (1040, 1000));
        assert_eq!(view.payload_captured as usize, captured.saturating_sub(54));
        let cut = view.flags.has(ViewFlags::TRUNCATED_TRANSPORT);
        assert_eq!(cut, captured < 54, "{captured}");
    }
    let mut short = frame(ETH, &data[..30]);
    short.wire_len = data.len() as u32;
    let (outcome, _) = run(&short, DecodeOptions::default());
    assert_eq!(outcome, Outcome::Undecodable(Undecodable::TruncatedIp));
}

#[test]
fn a_total_length_of_zero_is_the_wires() {
    // Segmentation offload: the kernel captures one huge packet and leaves the length to the NIC.
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, &[], &[0; 2000])));
    data[16..18].copy_from_slice(&[0, 0]);
    assert_eq!(view(ETH, &data).payload_len, 2000);
    // And one beyond the wire is cut to it.
    data[16..18].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(view(ETH, &data).payload_len, 2000);
}

#[test]
fn what_is_not_ip_says_what_it_is() {
    let arp = ethernet(0x0806, &[0; 28]);
    assert_eq!(
        run(&frame(ETH, &arp), DecodeOptions::default()).0,
        Outcome::NotIp(0x0806)
    );
    let stp = ethernet(38, &[0x42, 0x42, 0x03, 0, 0, 0]);
    assert_eq!(
        run(&frame(ETH, &stp), DecodeOptions::default()).0,
        Outcome::NotIp(0x4242)
    );
    let short = [0; 9];
    let mut short = frame(ETH, &short);
    short.wire_len = 60;
    assert_eq!(
        run(&short, DecodeOptions::default()).0,
        Outcome::Undecodable(Undecodable::TruncatedLink)
    );
    let other = frame(LinkType::Other(147), &arp);
    assert_eq!(
        run(&other, DecodeOptions::default()).0,
        Outcome::Undecodable(Undecodable::UnknownLinkType)
    );
}

#[test]
fn checksums_are_verified_when_asked() {
    let verify = DecodeOptions {
        verify_checksums: true,
        ..Default::default()
    };
    let pseudo = |length: u16| sum(&[&A4, &B4, &[0, 6], &length.to_be_bytes()]);
    let mut segment = tcp(1, 2, &[], b"hello");
    let complete = !sum(&[&segment, &pseudo(25).to_be_bytes()]);
    let flags = |check: u16, segment: &mut Vec<u8>| {
        segment[16..18].copy_from_slice(&check.to_be_bytes());
        let data = ethernet(0x0800, &ipv4(6, segment));
        run(&frame(ETH, &data), verify).1.as_slice()[0].flags
    };
    let bad = ViewFlags::BAD_TRANSPORT_CHECKSUM;
    assert!(!flags(complete, &mut segment).has(bad));
    assert!(flags(complete ^ 0x0400, &mut segment).has(bad));
    // A partial sum, left for the NIC to complete, with the length and without.
    assert!(!flags(pseudo(25), &mut segment).has(bad));
    assert!(!flags(pseudo(0), &mut segment).has(bad));

    let mut data = ethernet(0x0800, &ipv4(17, &udp(1, 2, b"no checksum")));
    assert_eq!(
        run(&frame(ETH, &data), verify).1.as_slice()[0].flags,
        ViewFlags(0)
    );
    data[14 + 8] = 63;
    let flags = run(&frame(ETH, &data), verify).1.as_slice()[0].flags;
    assert!(flags.has(ViewFlags::BAD_IP_CHECKSUM));

    // Over IPv6 only a tunnel may go without (RFC 6935).
    for (port, sound) in [(2, false), (4789, true), (6635, true)] {
        let data = ethernet(0x86dd, &ipv6(17, &udp(1, port, b"no checksum")));
        let flags = run(&frame(ETH, &data), verify).1.as_slice()[0].flags;
        assert_eq!(!flags.has(bad), sound, "{port}");
    }
}
