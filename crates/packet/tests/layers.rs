//! Link layers, IPv6 extension headers, fragments, and the transports that are not TCP or UDP.

mod common;

use common::*;
use portreeve_packet::{DecodeOptions, LinkType, Outcome, Undecodable, ViewFlags, Views, decode};

const RAW: LinkType = LinkType::RawIp;
const ETH: LinkType = LinkType::Ethernet;

fn packet() -> Vec<u8> {
    ipv4(17, &udp(7, 9, b"inner"))
}

/// Decodes and demands the packet made by [`packet`].
fn finds(link: LinkType, data: &[u8]) {
    let view = view(link, data);
    assert_eq!(payload(&view, data), b"inner", "{link:?}");
    assert_eq!((view.key.low_port, view.key.high_port), (7, 9));
}

fn outcome(link: LinkType, data: &[u8]) -> Outcome {
    run(&frame(link, data), DecodeOptions::default()).0
}

#[test]
fn ethernet_with_llc_and_snap() {
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet()]);
    let mut data = ethernet(snap.len() as u16, &snap);
    finds(ETH, &data);
    // Padding behind the length does not count.
    data.extend([0; 20]);
    finds(ETH, &data);
    finds(ETH, &ethernet(0x8100, &vlan(3, snap.len() as u16, &snap)));
    finds(ETH, &ethernet(36, &cat(&[&[6, 6, 3], &packet()])));
}

#[test]
fn tags_that_are_no_vlans() {
    let p = packet();
    let inner = ethernet(0x0800, &p);
    // IEEE 802.1ah, 802.1BR, VN-Tag, Cisco metadata, FabricPath, MACsec that only authenticates.
    finds(ETH, &ethernet(0x88e7, &cat(&[&[0; 4], &inner])));
    finds(ETH, &ethernet(0x893f, &cat(&[&[0; 6], &[8, 0], &p])));
    finds(ETH, &ethernet(0x8926, &cat(&[&[0; 4], &[8, 0], &p])));
    finds(
        ETH,
        &ethernet(0x8909, &cat(&[&[1, 1, 0, 1, 0, 5], &[8, 0], &p])),
    );
    finds(ETH, &ethernet(0x8903, &cat(&[&[0, 0x20], &inner])));
    finds(
        ETH,
        &ethernet(0x88e5, &cat(&[&[0x20, 0], &[0; 12], &[8, 0], &p, &[7; 16]])),
    );
    let encrypted = ethernet(0x88e5, &cat(&[&[0x2c, 0], &[0; 12], &[8, 0], &p]));
    assert_eq!(outcome(ETH, &encrypted), Outcome::NotIp(0x88e5));
    let fddi = cat(&[&[0x50], &[0; 12], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &p]);
    finds(LinkType::Fddi, &fddi);
}

#[test]
fn mpls_carries_ip_or_ethernet_with_or_without_control_word() {
    let labels = [0, 1, 0, 64, 0, 2, 1, 64];
    let frame = ethernet(0x0800, &packet());
    finds(ETH, &ethernet(0x8847, &cat(&[&labels, &packet()])));
    finds(ETH, &ethernet(0x8848, &cat(&[&labels, &[0; 4], &frame])));
    finds(ETH, &ethernet(0x8847, &cat(&[&labels, &frame])));
    // A destination address that begins like an IPv4 or IPv6 header.
    for first in [0x45, 0x60] {
        let mut frame = frame.clone();
        frame[0] = first;
        finds(ETH, &ethernet(0x8847, &cat(&[&labels, &frame])));
    }
    // RFC 4385 section 5: an associated channel is not user data.
    let oam = ethernet(0x8847, &cat(&[&labels, &[0x10, 0, 0, 0x21], &packet()]));
    assert_eq!(outcome(ETH, &oam), Outcome::NotIp(0x8847));
    let endless = ethernet(0x8847, &[0; 200]);
    assert_eq!(
        outcome(ETH, &endless),
        Outcome::Undecodable(Undecodable::TooManyLinkTags)
    );
}

#[test]
fn a_stack_of_tags_ends() {
    let mut data = vec![2; 12];
    for _ in 0..40 {
        data.extend([0x81, 0, 0, 5]);
    }
    assert_eq!(
        outcome(ETH, &data),
        Outcome::Undecodable(Undecodable::TooManyLinkTags)
    );
}

#[test]
fn ppp_and_pppoe() {
    let p = packet();
    let length = ((p.len() + 2) as u16).to_be_bytes();
    let session = cat(&[&[0x11, 0, 0, 1], &length, &[0, 0x21], &p, &[0xee; 9]]);
    finds(ETH, &ethernet(0x8864, &session));
    finds(LinkType::PppEther, &session);
    finds(LinkType::Ppp, &cat(&[&[0xff, 3, 0, 0x21], &p]));
    finds(LinkType::Ppp, &cat(&[&[0xff, 3, 0x21], &p]));
    finds(LinkType::Ppp, &cat(&[&[0x21], &p]));
    finds(LinkType::Ppp, &cat(&[&[0x0f, 0, 8, 0], &p]));
    finds(
        LinkType::PppWithDirection,
        &cat(&[&[0, 0xff, 3, 0, 0x21], &p]),
    );
    assert_eq!(
        outcome(LinkType::Ppp, &[0xff, 3, 0xc0, 0x21, 1]),
        Outcome::NotIp(0xc021)
    );
    assert_eq!(
        outcome(ETH, &ethernet(0x8863, &[0; 40])),
        Outcome::NotIp(0x8863)
    );
}

#[test]
fn serial_lines() {
    let p = packet();
    finds(LinkType::CiscoHdlc, &cat(&[&[0x0f, 0, 8, 0], &p]));
    finds(LinkType::FrameRelay, &cat(&[&[0x18, 0x41, 3, 0xcc], &p]));
    finds(
        LinkType::FrameRelay,
        &cat(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &p]),
    );
    finds(LinkType::FrameRelay, &cat(&[&[0x18, 0x41, 8, 0], &p]));
    finds(
        LinkType::MultilinkFrameRelay,
        &cat(&[&[0xc0, 0, 0x18, 0x41, 3, 0xcc], &p]),
    );
    finds(LinkType::Slip, &cat(&[&[0; 16], &p]));
}

#[test]
fn pseudo_headers_of_operating_systems() {
    let p = packet();
    for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
        finds(LinkType::Null, &cat(&[&family, &p]));
    }
    for family in [[30, 0, 0, 0], [0, 0, 0, 24], [28, 0, 0, 0], [10, 0, 0, 0]] {
        let six = cat(&[&family, &ipv6(17, &udp(7, 9, b"inner"))]);
        finds(LinkType::Null, &six);
    }
    finds(LinkType::LinuxSll, &cat(&[&[0; 14], &[8, 0], &p]));
    finds(
        LinkType::LinuxSll,
        &cat(&[&[0; 14], &[0x81, 0], &vlan(4, 0x0800, &p)]),
    );
    finds(LinkType::LinuxSll2, &cat(&[&[8, 0], &[0; 18], &p]));
    let ethernet = ethernet(0x0800, &p);
    finds(
        LinkType::Ppi,
        &cat(&[&[0, 0, 12, 0, 1, 0, 0, 0, 9, 9, 9, 9], &ethernet]),
    );
    let head = cat(&[&[20, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &[0; 8]]);
    finds(LinkType::Pktap, &cat(&[&head, &ethernet]));
    finds(LinkType::Ipnet, &cat(&[&[0; 24], &p]));
    // Attributes: a hook, then the packet.
    let length = ((4 + p.len()) as u16).to_le_bytes();
    let log = cat(&[
        &[2, 0, 0, 0],
        &[6, 0, 1, 0, 1, 2, 0, 0],
        &length,
        &[9, 0],
        &p,
    ]);
    finds(LinkType::Nflog, &log);
}

#[test]
fn wireless_data_frames() {
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet()]);
    let plain = cat(&[&[0x08, 0x01], &[0; 22], &snap]);
    finds(LinkType::Ieee80211, &plain);
    finds(
        LinkType::Ieee80211,
        &cat(&[&[0x88, 0x02], &[0; 22], &[0, 0], &snap]),
    );
    finds(
        LinkType::Ieee80211,
        &cat(&[&[0x88, 0x03], &[0; 28], &[0, 0], &snap]),
    );
    // Radiotap: a timer, flags that announce a checksum, and the checksum.
    let tap = [0, 0, 17, 0, 3, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x10];
    finds(LinkType::Ieee80211Radiotap, &cat(&[&tap, &plain, &[9; 4]]));
    // Flags that announce padding behind the MAC header.
    let tap = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
    let padded = cat(&[&tap, &[0x88, 0x02], &[0; 22], &[0, 0], &[0, 0], &snap]);
    finds(LinkType::Ieee80211Radiotap, &padded);
    // The first of an aggregate.
    let length = (snap.len() as u16).to_be_bytes();
    let aggregate = cat(&[
        &[0x88, 0x02],
        &[0; 22],
        &[0x80, 0],
        &[0; 12],
        &length,
        &snap,
        &[1; 40],
    ]);
    finds(LinkType::Ieee80211, &aggregate);
    for (kind, flags) in [(0x80, 0), (0xd4, 0), (0x48, 1), (0x08, 0x41)] {
        let data = cat(&[&[kind, flags], &[0; 22], &snap]);
        assert!(matches!(
            outcome(LinkType::Ieee80211, &data),
            Outcome::NotIp(_)
        ));
    }
}

#[test]
fn the_extension_header_chain_is_followed_to_its_end() {
    let last = udp(7, 9, b"inner");
    // Hop-by-hop, destination, routing, authentication (24 bytes), mobility, HIP, shim6, destination.
    let hop = |next: u8| vec![next, 0, 1, 4, 0, 0, 0, 0];
    let mut ah = vec![135, 4, 0, 0];
    ah.extend([0; 20]);
    let chain = cat(&[
        &hop(60),
        &[43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &hop(51),
        &ah,
        &hop(139),
        &hop(140),
        &hop(60),
        &hop(17),
        &last,
    ]);
    finds(RAW, &ipv6(0, &chain));
    assert_eq!(
        view(RAW, &ipv6(0, &chain)).ip_len as usize,
        40 + chain.len()
    );
    // ESP ends it (RFC 4303); so does a mobility message (RFC 6275 section 6.1.1).
    assert_eq!(
        view(RAW, &ipv6(60, &cat(&[&hop(50), &[7; 40]])))
            .key
            .protocol,
        50
    );
    assert_eq!(view(RAW, &ipv6(135, &hop(59))).key.protocol, 135);
    assert_eq!(view(RAW, &ipv6(59, b"")).payload_len, 0);
    // IPv4 has the authentication header too (RFC 4302).
    let mut ah = vec![17, 4, 0, 0];
    ah.extend([0; 20]);
    finds(RAW, &ipv4(51, &cat(&[&ah, &last])));
    let endless: Vec<u8> = (0..40).flat_map(|_| hop(60)).collect();
    let malformed = Outcome::Undecodable(Undecodable::MalformedExtensionHeaders);
    assert_eq!(outcome(RAW, &ipv6(60, &endless)), malformed);
    assert_eq!(
        outcome(RAW, &ipv6(60, &[17, 9, 0, 0, 0, 0, 0, 0])),
        malformed
    );
}

#[test]
fn fragments_of_both_versions() {
    let segment = udp(7, 9, &[1; 64]);
    let first = view(RAW, &ipv4_with(17, 0x2000, &[], &segment[..32]));
    assert!(
        first.flags.has(ViewFlags::FIRST_FRAGMENT) && first.flags.has(ViewFlags::MORE_FRAGMENTS)
    );
    assert_eq!((first.key.low_port, first.key.high_port), (7, 9));
    assert_eq!(
        (
            first.payload_len,
            first.flags.has(ViewFlags::MALFORMED_TRANSPORT)
        ),
        (24, false)
    );
    let later = view(RAW, &ipv4_with(17, 4, &[], &segment[32..]));
    assert!(later.flags.has(ViewFlags::LATER_FRAGMENT));
    assert!(!later.flags.has(ViewFlags::MORE_FRAGMENTS));
    assert_eq!(
        (later.key.low_port, later.fragment_offset, later.ip_id),
        (0, 4, 0x1234)
    );
    assert_eq!(later.payload_len, 40);

    let header = |field: u16| {
        let [high, low] = field.to_be_bytes();
        [17, 0, high, low, 0, 0, 0x56, 0x78]
    };
    let first = view(RAW, &ipv6(44, &cat(&[&header(1), &segment[..32]])));
    assert!(first.flags.has(ViewFlags::FIRST_FRAGMENT));
    assert_eq!((first.ip_id, first.key.low_port), (0x5678, 7));
    let later = view(RAW, &ipv6(44, &cat(&[&header(4 << 3), &segment[32..]])));
    assert!(later.flags.has(ViewFlags::LATER_FRAGMENT));
    assert_eq!((later.fragment_offset, later.key.protocol), (4, 17));
    // RFC 6946: an atomic fragment is a whole packet.
    let atomic = view(RAW, &ipv6(44, &cat(&[&header(0), &segment])));
    assert_eq!((atomic.flags, atomic.payload_len), (ViewFlags(0), 64));
}

#[test]
fn what_a_datagrams_fragments_share() {
    // Of IPv4 the protocol of its header, which is an authentication header's here; what stands before the payload is in the first alone.
    let segment = udp(7, 9, &[1; 64]);
    let authentication = [17, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let authenticated = cat(&[&authentication, &[0; 12], &segment]);
    let first = view(RAW, &ipv4_with(51, 0x2000, &[], &authenticated[..64]));
    let later = view(RAW, &ipv4_with(51, 8, &[], &authenticated[64..]));
    assert_eq!((first.key.protocol, first.key.low_port), (17, 7));
    assert_eq!((first.fragment_protocol, later.fragment_protocol), (51, 51));
    assert_eq!((first.fragment_head, first.payload_len), (24 + 8, 32));
    // Options of IPv4 are in every fragment.
    let first = view(RAW, &ipv4_with(17, 0x2000, &[1; 8], &segment[..32]));
    assert_eq!((first.fragment_protocol, first.fragment_head), (17, 8));
    // Of IPv6 none: the header behind the fragment header is the first's alone.
    let options = cat(&[&[17, 0, 1, 4, 0, 0, 0, 0], &segment]);
    let header = |field: u8| [60, 0, 0, field, 0, 0, 0x56, 0x78];
    let first = view(RAW, &ipv6(44, &cat(&[&header(1), &options[..32]])));
    let later = view(RAW, &ipv6(44, &cat(&[&header(4 << 3), &options[32..]])));
    assert_eq!((first.key.protocol, later.key.protocol), (17, 60));
    assert_eq!((first.fragment_protocol, later.fragment_protocol), (0, 0));
    assert_eq!((first.fragment_head, first.payload_len), (8 + 8, 16));
    // And of what is no fragment.
    assert_eq!(view(RAW, &packet()).fragment_protocol, 0);
}

/// Views are written where others stood before: nothing of those may be left.
#[test]
fn a_view_has_nothing_of_the_one_that_stood_there() {
    let segment = udp(7, 9, &[1; 64]);
    let fragment = ethernet(0x0800, &ipv4_with(17, 0x2000, &[], &segment[..32]));
    let mut views = Box::<Views>::default();
    for plain in [
        ethernet(0x0800, &ipv4(6, &tcp(7, 9, &[], b"x"))),
        ethernet(0x86dd, &ipv6(17, &udp(7, 9, b"a datagram of some length"))),
    ] {
        for data in [&fragment, &plain] {
            views.clear();
            decode(&frame(ETH, data), &DecodeOptions::default(), &mut views);
        }
        let fresh = view(ETH, &plain);
        assert_eq!(format!("{:?}", views.as_slice()), format!("{:?}", [fresh]));
    }
}

#[test]
fn a_jumbogram_has_its_length_in_an_option() {
    // RFC 2675: payload length 0, and the jumbo payload option.
    let segment = tcp(7, 9, &[], &[1; 70_000]);
    let length = ((segment.len() + 8) as u32).to_be_bytes();
    let mut data = ipv6(0, &cat(&[&[6, 0, 0xc2, 4], &length, &segment]));
    data[4..6].copy_from_slice(&[0, 0]);
    data.extend([0; 6]);
    let view = view(RAW, &data);
    assert_eq!(
        (view.payload_len, view.ip_len as usize),
        (70_000, 48 + segment.len())
    );
}

#[test]
fn other_transports() {
    let sctp = cat(&[&[0, 7, 0, 9, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0], b"chunks"]);
    let view1 = view(RAW, &ipv4(132, &sctp));
    assert_eq!(
        (view1.key.low_port, view1.tcp_seq, view1.payload_len),
        (7, 0xdead_beef, 6)
    );
    // RFC 3828: the third field is the coverage, not the length.
    let mut lite = udp(7, 9, b"inner");
    lite[4..6].copy_from_slice(&[0, 8]);
    finds(RAW, &ipv4(136, &lite));
    let igmp = view(RAW, &ipv4(2, &[0x16, 0, 0, 0, 224, 0, 0, 1]));
    assert_eq!(
        (igmp.key.protocol, igmp.key.low_port, igmp.payload_len),
        (2, 0, 8)
    );
    let options = view(
        RAW,
        &ipv4_with(17, 0, &[0x94, 4, 0, 0], &udp(7, 9, b"inner")),
    );
    assert_eq!((options.payload_len, options.ip_len), (5, 37));
}

#[test]
fn transports_that_contradict_themselves_are_still_views() {
    let malformed = ViewFlags::MALFORMED_TRANSPORT;
    let mut segment = tcp(7, 9, &[], b"abc");
    segment[12] = 0x40;
    let short = view(RAW, &ipv4(6, &segment));
    assert!(short.flags.has(malformed));
    assert_eq!(short.key.low_port, 7);
    segment[12] = 0xf0;
    assert!(view(RAW, &ipv4(6, &segment)).flags.has(malformed));
    let mut datagram = udp(7, 9, b"abc");
    datagram[5] = 7;
    assert!(view(RAW, &ipv4(17, &datagram)).flags.has(malformed));
    assert!(view(RAW, &ipv4(17, &[0, 7])).flags.has(malformed));
}
