//! Datagrams and segments in fragments: in any order, sent again, behind extension headers.

mod common;

use common::by_hand::{A, F, MILLI, S, START, run};
use portreeve_flow::TrackerConfig;
use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, View, Views, decode};
use portreeve_record::{Conn, Record};

const HOSTS: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];
const UDP: u8 = 17;

/// An IPv4 packet; `fragment` is its flags and offset.
fn ipv4(from: usize, id: u16, protocol: u8, fragment: u16, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + data.len() as u16).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(HOSTS[from]);
    packet.extend(HOSTS[1 - from]);
    packet.extend(data);
    packet
}

/// Fragments, in order, of up to `size` bytes.
fn cut(data: &[u8], size: usize, packet: impl Fn(u16, bool, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let last = data.len().div_ceil(size) - 1;
    let parts = data.chunks(size).enumerate();
    parts
        .map(|(n, part)| packet((n * size / 8) as u16, n < last, part))
        .collect()
}

fn in_ipv4(from: usize, id: u16, protocol: u8, data: &[u8], size: usize) -> Vec<Vec<u8>> {
    cut(data, size, |offset, more, part| {
        ipv4(from, id, protocol, offset | u16::from(more) << 13, part)
    })
}

fn in_ipv6(id: u32, next: u8, data: &[u8], size: usize) -> Vec<Vec<u8>> {
    cut(data, size, |offset, more, part| {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((8 + part.len() as u16).to_be_bytes());
        packet.extend([44, 64]);
        for host in HOSTS {
            packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            packet.extend(host);
        }
        packet.extend([next, 0]);
        packet.extend((offset << 3 | u16::from(more)).to_be_bytes());
        packet.extend(id.to_be_bytes());
        packet.extend(part);
        packet
    })
}

fn udp(payload: usize) -> Vec<u8> {
    let mut data = vec![0x9c, 0x40, 0x9c, 0x41];
    data.extend((8 + payload as u16).to_be_bytes());
    data.resize(8 + payload, 0x55);
    data[6] = 0;
    data[7] = 0;
    data
}

/// A TCP segment whose payload is `len` bytes.
fn tcp(from: usize, flags: u8, seq: u32, ack: u32, len: usize) -> Vec<u8> {
    let ports = [[0x9c, 0x40], [0x9c, 0x41]];
    let mut data = [ports[from], ports[1 - from]].concat();
    data.extend(seq.to_be_bytes());
    data.extend(ack.to_be_bytes());
    data.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    data.resize(20 + len, 0x55);
    data
}

/// A conversation, packet by packet.
#[derive(Default)]
struct Tcp {
    packets: Vec<Vec<u8>>,
    id: u16,
}

impl Tcp {
    /// With its handshake; the originator's payload begins with `seq`.
    fn new(seq: u32) -> Tcp {
        Tcp::default()
            .whole(0, &tcp(0, S, seq.wrapping_sub(1), 0, 0))
            .whole(1, &tcp(1, S | A, 500, seq, 0))
            .whole(0, &tcp(0, A, seq, 501, 0))
    }

    fn whole(mut self, from: usize, segment: &[u8]) -> Tcp {
        self.id += 1;
        self.packets.push(ipv4(from, self.id, 6, 0, segment));
        self
    }

    /// From the originator, in fragments of up to 504 bytes that come in this order.
    fn cut(mut self, order: &[usize], segment: &[u8]) -> Tcp {
        self.id += 1;
        let fragments = in_ipv4(0, self.id, 6, segment, 504);
        assert_eq!(fragments.len(), order.len());
        self.packets
            .extend(order.iter().map(|&n| fragments[n].clone()));
        self
    }

    /// The responder has everything up to here.
    fn acknowledged(self, seq: u32) -> Tcp {
        self.whole(1, &tcp(1, A, 501, seq, 0))
    }

    /// Payload of the originator, what of it was missed and sent again, its fragments, and the history.
    fn end(self) -> (Option<u64>, u64, u32, u32, String) {
        let conn = one(&self.packets);
        let orig = conn.orig;
        assert_eq!(conn.resp.bytes, Some(0));
        (
            orig.bytes,
            orig.missed_bytes,
            orig.retransmits,
            orig.fragments,
            conn.history.as_str().to_owned(),
        )
    }
}

/// The packets as the tracker sees them, a millisecond apart.
fn views(packets: &[Vec<u8>]) -> Vec<View> {
    let mut all = Vec::new();
    let mut views = Views::default();
    for (n, packet) in packets.iter().enumerate() {
        let frame = FrameBytes {
            data: packet,
            wire_len: packet.len() as u32,
            timestamp: START + n as i64 * MILLI,
            link: LinkType::RawIp,
            vlan: None,
            checksum_trusted: true,
            index: 0,
        };
        views.clear();
        decode(&frame, &DecodeOptions::default(), &mut views);
        all.extend_from_slice(views.as_slice());
    }
    all
}

/// The conversations, once no fragment is left over, and whether anything was odd.
fn conns(packets: &[Vec<u8>]) -> Vec<Conn> {
    let (records, counters) = run(TrackerConfig::default(), &views(packets), 64);
    let weird = records.iter().find(|r| matches!(r, Record::Weird(_)));
    assert!(weird.is_none(), "{weird:?}");
    assert_eq!(
        (counters.fragments_unmatched, counters.fragments_held),
        (0, 0)
    );
    common::conns(&records)
}

fn one(packets: &[Vec<u8>]) -> Conn {
    let conns = conns(packets);
    assert_eq!(conns.len(), 1, "{conns:#?}");
    conns[0]
}

/// All orders of three.
fn orders(packets: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let order = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    assert_eq!(packets.len(), 3);
    let of = |order: [usize; 3]| order.map(|n| packets[n].clone()).to_vec();
    order.map(of).to_vec()
}

#[test]
fn headers_before_the_transport_are_the_firsts_alone() {
    // Destination options with four bytes of padding (RFC 8200 section 4.6); an authentication header (RFC 4302).
    let behind_options = [vec![UDP, 0, 1, 4, 0, 0, 0, 0], udp(3000)].concat();
    let mut authentication = vec![UDP, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    authentication.resize(24, 0);
    let authenticated = [authentication, udp(3000)].concat();
    // Behind each a packet that is whole, so that the conversation lasts a while: of one moment Zeek does not tell the bytes.
    let after = |packets: Vec<Vec<u8>>| match packets[0][0] >> 4 {
        4 => (packets, in_ipv4(0, 10, UDP, &udp(10), 1480)),
        _ => (packets, in_ipv6(6, UDP, &udp(10), 1400)),
    };
    for (packets, whole) in [
        in_ipv6(5, 60, &behind_options, 1400),
        in_ipv6(5, 51, &authenticated, 1400),
        in_ipv4(0, 9, 51, &authenticated, 1480),
        in_ipv6(5, UDP, &udp(3000), 1400),
        in_ipv4(0, 9, UDP, &udp(3000), 1480),
    ]
    .map(after)
    {
        for packets in orders(&packets) {
            let packets = [&packets[..], &whole].concat();
            let conn = one(&packets);
            let ip_bytes = packets.iter().map(|packet| packet.len() as u64).sum();
            assert_eq!(
                (conn.orig_p, conn.orig.pkts, conn.orig.fragments),
                (40_000, 2, 3)
            );
            assert_eq!(
                (conn.orig.ip_bytes, conn.orig.bytes),
                (ip_bytes, Some(3010))
            );
        }
    }
}

#[test]
fn protocols_of_ipv4_have_identifications_of_their_own() {
    let mut ping = vec![8, 0, 0, 0, 0, 1, 0, 1];
    ping.resize(1000, 0);
    let (ping, datagram) = (
        in_ipv4(0, 7, 1, &ping, 800),
        in_ipv4(0, 7, UDP, &udp(1500), 800),
    );
    let conns = conns(&[&ping[..1], &datagram[..1], &ping[1..], &datagram[1..]].concat());
    let mut sizes: Vec<_> = conns.iter().map(|conn| conn.orig.bytes).collect();
    sizes.sort();
    assert_eq!(sizes, [Some(992), Some(1500)]);
}

#[test]
fn a_segment_is_one_whatever_the_order_of_its_fragments() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        // The last one across the end of sequence space.
        for seq in [1001, u32::MAX - 800, u32::MAX - 1900, u32::MAX] {
            let at = |n: u32| seq.wrapping_add(n);
            let found = Tcp::new(seq)
                .whole(0, &tcp(0, A, seq, 501, 1000))
                .acknowledged(at(1000))
                .cut(&order, &tcp(0, A, at(1000), 501, 1400))
                .acknowledged(at(2400))
                .whole(0, &tcp(0, A, at(2400), 501, 100))
                .acknowledged(at(2500))
                .end();
            assert_eq!(
                found,
                (Some(2500), 0, 0, 3, "ShADa".into()),
                "{order:?} {seq}"
            );
        }
    }
}

#[test]
fn a_segment_sent_again_in_fragments_is_counted_once() {
    for order in [[0, 1, 2], [2, 1, 0]] {
        let segment = tcp(0, A, 2001, 501, 1400);
        let twice = Tcp::new(1001)
            .whole(0, &tcp(0, A, 1001, 501, 1000))
            .cut(&[0, 1, 2], &segment)
            .cut(&order, &segment);
        let last = Tcp {
            packets: twice.packets.clone(),
            ..twice
        }
        .cut(&order, &segment)
        .acknowledged(3401);
        assert_eq!(last.end(), (Some(2400), 0, 2, 9, "ShADTa".into()));
        let more = twice
            .whole(0, &tcp(0, A, 3401, 501, 100))
            .acknowledged(3501);
        assert_eq!(more.end(), (Some(2500), 0, 1, 6, "ShADTa".into()));
    }
}

#[test]
fn a_hole_is_filled_by_all_fragments_of_what_fills_it() {
    for order in [[0, 1, 2], [2, 1, 0]] {
        let found = Tcp::new(1001)
            .whole(0, &tcp(0, A, 1001, 501, 1000))
            .whole(0, &tcp(0, A, 3401, 501, 100))
            .cut(&order, &tcp(0, A, 2001, 501, 1400))
            .acknowledged(3501)
            .end();
        assert_eq!(found.1, 0, "{found:?}");
        assert_eq!(found.0, Some(2500));
    }
}

#[test]
fn a_fin_is_behind_all_fragments_of_its_segment() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let found = Tcp::new(1001)
            .cut(&order, &tcp(0, F | A, 1001, 501, 1400))
            .end();
        assert_eq!(found, (Some(1400), 0, 0, 3, "ShAF".into()), "{order:?}");
    }
}
