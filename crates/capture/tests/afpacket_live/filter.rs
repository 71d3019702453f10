//! Filters: what they reject is counted, wherever they run.

use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource, Direction, FilterPlace};
use portreeve_capture::filter::Filter;
use portreeve_capture::{Source, SourceCounters};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_packet::LinkType;

use crate::helpers::{A, B, balanced, config, finish, take};

/// Every packet the tests send, each once.
fn mixture() -> Vec<Vec<u8>> {
    let six = |last| {
        let mut address = [0; 16];
        (address[0], address[15]) = (0xfd, last);
        address
    };
    let mut packets = Vec::new();
    for n in 0..50u16 {
        packets.push(Packet::udp4(A, B, 1000 + n, 53).build(60 + usize::from(n)));
        packets.push(
            Packet::tcp4(A, B, 1000 + n, 443)
                .flags(0x10 | (n as u8 & 2))
                .build(80),
        );
        packets.push(
            Packet::tcp4(B, A, 443, 1000 + n)
                .flags(0x02)
                .vlan(10 + n % 3)
                .build(90),
        );
        packets.push(Packet::udp4(A, B, n, 53).vlan(7).vlan(11).build(90));
        packets.push(Packet::tcp6(six(1), six(2), n, 443).build(100));
        packets.push(Packet::udp4(A, B, n, 53).fragment(0x2000 | n).build(100));
        packets.push(Packet::udp4(A, B, n, 53).protocol(132).build(100));
        packets.push(Packet::ethertype(0x0806).build(60));
    }
    packets
}

const EXPRESSIONS: [&str; 14] = [
    "tcp",
    "udp port 53",
    "tcp port 443 and host 10.0.0.1",
    "tcp[tcpflags] & tcp-syn != 0",
    "vlan",
    "vlan 11",
    "vlan 7 and vlan 11 and udp",
    "vlan and tcp[tcpflags] & tcp-syn != 0",
    "ip and not vlan",
    "ip6",
    "len > 90",
    "ip[6:2] & 0x1fff != 0",
    "ether dst 02:00:00:00:00:02 and arp",
    "portrange 1000-1010 or sctp",
];

fn run(
    place: FilterPlace,
    expression: &str,
    packets: &[Vec<u8>],
) -> (Vec<Vec<u8>>, SourceCounters, String) {
    let filter = Filter::compile(expression, LinkType::Ethernet, 65535).expect("compiles");
    let mut source = AfPacketSource::open(&AfPacketConfig {
        filter: Some(filter),
        filter_place: place,
        ..config()
    })
    .expect("opens");
    Sender::open(Lab::TX).send(packets, packets.len() as u64);
    balanced(&source.counters());
    source.stop();
    let mut frames = Vec::new();
    take(
        &mut source,
        |frame| frames.push(frame.data.to_vec()),
        u64::MAX,
    );
    let counters = finish(&mut source);
    (frames, counters, source.info().description.clone())
}

#[test]
fn the_kernel_rejects_what_user_space_rejects_and_both_count_it() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let packets = mixture();
        for expression in EXPRESSIONS {
            let (in_kernel, kernel, description) = run(FilterPlace::Auto, expression, &packets);
            assert!(
                description.contains("which counts"),
                "{expression}: {description}"
            );
            let (in_user, user, _) = run(FilterPlace::UserSpace, expression, &packets);
            assert_eq!(in_kernel.len(), in_user.len(), "{expression}");
            assert!(in_kernel == in_user, "{expression}");
            assert!(
                !in_kernel.is_empty() && in_kernel.len() < packets.len(),
                "{expression}"
            );
            let rejected = (packets.len() - in_kernel.len()) as u64;
            for counters in [kernel, user] {
                assert_eq!(counters.wire, Some(packets.len() as u64), "{expression}");
                assert_eq!(counters.filtered, Some(rejected), "{expression}");
                assert_eq!(counters.delivered, in_kernel.len() as u64, "{expression}");
            }
        }
    });
}

#[test]
fn vlan_tags_are_given_back() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = AfPacketSource::open(&config()).expect("opens");
        let packets = [
            Packet::udp4(A, B, 1, 2).tag(0x8100, 0x6005).build(80),
            Packet::udp4(A, B, 1, 2).tag(0x88a8, 7).vlan(9).build(80),
        ];
        Sender::open(Lab::TX).send(&packets, 2);
        let mut seen = Vec::new();
        take(
            &mut source,
            |frame| {
                // Wherever the outer tag is, with it the frame is what was sent.
                let mut whole = frame.data.to_vec();
                if let Some(tag) = frame.vlan {
                    let [a, b] = tag.tpid.to_be_bytes();
                    let [c, d] = tag.tci.to_be_bytes();
                    whole.splice(12..12, [a, b, c, d]);
                }
                seen.push(whole);
            },
            2,
        );
        assert_eq!(seen, packets);
    });
}

#[test]
fn a_snap_length_cuts_and_the_wire_length_stays() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let filter = Filter::compile("udp", LinkType::Ethernet, 65535).expect("compiles");
        for filter in [None, Some(filter)] {
            let mut source = AfPacketSource::open(&AfPacketConfig {
                snap_length: Some(64),
                filter,
                ..config()
            })
            .expect("opens");
            Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(1000)], 5);
            let taken = take(
                &mut source,
                |frame| assert_eq!((frame.data.len(), frame.wire_len), (64, 1000)),
                5,
            );
            assert_eq!(taken, 5);
            finish(&mut source);
        }
    });
}

#[test]
fn directions_are_told_apart() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        for (direction, received, sent) in [
            (Direction::In, 3, 0),
            (Direction::Out, 0, 2),
            (Direction::InOut, 3, 2),
        ] {
            let mut source = AfPacketSource::open(&AfPacketConfig {
                direction,
                ..config()
            })
            .expect("opens");
            Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(60)], 3);
            Sender::open(Lab::RX).send(&[Packet::udp4(B, A, 2, 1).build(60)], 2);
            source.stop();
            let (mut to_b, mut to_a) = (0, 0);
            take(
                &mut source,
                |frame| {
                    if frame.data[33] == 2 {
                        to_b += 1;
                    } else {
                        to_a += 1;
                    }
                },
                u64::MAX,
            );
            assert_eq!((to_b, to_a), (received, sent), "{direction:?}");
            assert_eq!(finish(&mut source).wire, Some(received + sent));
        }
    });
}

#[test]
fn under_overload_filtered_dropped_and_delivered_add_up() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut sources = AfPacketSource::open_fanout(
            &AfPacketConfig {
                filter: Some(Filter::compile("tcp", LinkType::Ethernet, 65535).expect("compiles")),
                block_size: 128 << 10,
                blocks: 2,
                ..config()
            },
            2,
        )
        .expect("opens");
        let mut packets = Vec::new();
        for port in 0..100 {
            packets.push(Packet::tcp4(A, B, port, 443).build(1000));
            packets.push(Packet::udp4(A, B, port, 443).build(1000));
        }
        Sender::open(Lab::TX).send(&packets, 10_000);
        let (mut wire, mut filtered, mut dropped, mut delivered) = (0, 0, 0, 0);
        for source in &mut sources {
            let counters = finish(source);
            wire += counters.wire.expect("known");
            filtered += counters.filtered.expect("known");
            dropped += counters.kernel_drops.expect("known");
            delivered += counters.delivered;
        }
        assert_eq!((wire, filtered), (10_000, 5_000));
        assert_eq!(dropped + delivered, 5_000);
        assert!(dropped > 1_000 && delivered > 100, "{dropped} {delivered}");
    });
}

#[test]
fn a_filter_for_another_link_type_is_refused() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let error = AfPacketSource::open(&AfPacketConfig {
            filter: Some(Filter::compile("tcp", LinkType::RawIp, 65535).expect("compiles")),
            ..config()
        });
        let text = error.err().expect("refused").to_string();
        assert!(
            text.contains("RawIp") && text.contains("Ethernet"),
            "{text}"
        );
    });
}
