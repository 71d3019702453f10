//! What holds for any bytes at all.

mod common;

use common::*;
use portreeve_packet::decode::decode_general;
use portreeve_packet::limits::MAX_VIEWS_PER_FRAME;
use portreeve_packet::{
    DecodeOptions, FrameBytes, KeyContext, LinkType, Outcome, View, ViewFlags, Views, VlanTag,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything a caller may rely on, of one frame's views.
fn check(frame: &FrameBytes<'_>, outcome: Outcome, views: &Views) {
    match outcome {
        Outcome::Analysed(count) => {
            assert!(count > 0 && usize::from(count) <= MAX_VIEWS_PER_FRAME);
            assert_eq!(usize::from(count), views.len());
        }
        _ => assert!(views.is_empty()),
    }
    for (i, view) in views.as_slice().iter().enumerate() {
        let end = view.payload_offset as usize + view.payload_captured as usize;
        assert!(end <= frame.data.len(), "{view:?}");
        assert!(view.payload_captured <= view.payload_len, "{view:?}");
        assert!(view.payload_len <= view.ip_len, "{view:?}");
        assert_eq!(view.flags.has(ViewFlags::HAS_PARENT), i > 0);
        assert!(matches!(view.key.version, 4 | 6));
        let ordered =
            (view.key.low_addr, view.key.low_port) <= (view.key.high_addr, view.key.high_port);
        assert!(ordered || view.flags.has(ViewFlags::ONE_WAY));
        let both = ViewFlags(ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0);
        assert!(!view.flags.has(both));
        assert_eq!((view.frame, view.timestamp), (frame.index, frame.timestamp));
    }
    for quote in views.quotes() {
        let of = &views.as_slice()[usize::from(quote.view)];
        assert!(of.flags.has(ViewFlags::QUOTES));
    }
}

fn bits(view: &View) -> String {
    format!("{view:?}")
}

/// Decodes by both paths, which have to agree, and checks what came out.
fn both(frame: &FrameBytes<'_>, options: DecodeOptions) {
    let (outcome, views) = run(frame, options);
    check(frame, outcome, &views);
    let mut general = Box::<Views>::default();
    let other = decode_general(frame, &options, &mut general);
    assert_eq!(outcome, other);
    let of = |views: &Views| views.as_slice().iter().map(bits).collect::<Vec<_>>();
    assert_eq!(of(&views), of(&general));
}

fn any_link() -> impl Strategy<Value = LinkType> {
    (0u32..300).prop_map(LinkType::from_number)
}

fn any_options() -> impl Strategy<Value = DecodeOptions> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(verify_checksums, vlan, tunnel)| {
        DecodeOptions {
            verify_checksums,
            key: KeyContext { vlan, tunnel },
        }
    })
}

/// Headers that nest, each with plausible content, so that random bytes reach deep.
fn nested() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        (any::<u16>(), any::<u16>(), vec(any::<u8>(), 0..40))
            .prop_map(|(a, b, p)| (17, udp(a, b, &p))),
        (
            any::<u16>(),
            0usize..10,
            vec(any::<u8>(), 40),
            vec(any::<u8>(), 0..40)
        )
            .prop_map(|(a, n, o, p)| (6, tcp(a, 80, &o[..n * 4], &p))),
        (any::<u8>(), vec(any::<u8>(), 0..80)),
    ];
    let packet = (any::<bool>(), any::<bool>(), any::<u16>(), leaf).prop_map(
        |(six, part, f, (number, p))| match (six, part) {
            (true, false) => ipv6(number, &p),
            (true, true) => {
                let [high, low] = f.to_be_bytes();
                ipv6(44, &cat(&[&[number, 0, high, low, 0, 0, 0, 9], &p]))
            }
            (false, false) => ipv4(number, &p),
            (false, true) => ipv4_with(number, f, &[], &p),
        },
    );
    packet.prop_recursive(6, 4096, 1, |inner| {
        (inner, 0..18u8, any::<[u8; 12]>()).prop_map(|(packet, way, r)| wrap(&packet, way, r))
    })
}

/// One layer around an IP packet; `r` fills the fields that may be anything.
fn wrap(packet: &[u8], way: u8, r: [u8; 12]) -> Vec<u8> {
    let kind: u16 = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let number = if packet[0] >> 4 == 4 { 4 } else { 41 };
    let frame = ethernet(kind, packet);
    let kind = kind.to_be_bytes();
    match way {
        0 => ipv4(number, packet),
        1 => ipv6(number, packet),
        2 => ipv4(47, &cat(&[&[0, 0], &kind, packet])),
        3 => ipv4(47, &cat(&[&[0x20, 0, 0x65, 0x58], &r[..4], &frame])),
        4 => ipv4(47, &cat(&[&[0x10, 0, 0x88, 0xbe], &r, &frame])),
        5 => ipv6(
            47,
            &cat(&[&[0x10, 0, 0x22, 0xeb], &r[..4], &[0x20], &r[..11], &frame]),
        ),
        6 => ipv4(17, &udp(9, 4789, &cat(&[&[8, 0, 0, 0], &r[..4], &frame]))),
        7 => ipv6(
            17,
            &udp(9, 4790, &cat(&[&[12, 0, 0, r[0] & 7], &r[..4], &frame])),
        ),
        8 => ipv4(
            17,
            &udp(9, 6081, &cat(&[&[0, 0, 0x65, 0x58], &r[..4], &frame])),
        ),
        9 => {
            let length = (packet.len() as u16).to_be_bytes();
            ipv4(
                17,
                &udp(9, 2152, &cat(&[&[0x30, 255], &length, &r[..4], packet])),
            )
        }
        10 => ipv4(17, &udp(9, 3544, packet)),
        11 => ipv4(
            17,
            &udp(
                9,
                1701,
                &cat(&[&[0, 2], &r[..4], &[0xff, 3, 0, 0x21], packet]),
            ),
        ),
        12 => ipv6(115, &cat(&[&[1], &r[..3], &frame])),
        13 => ipv4(17, &udp(9, 5247, &cat(&[&[0, 16, 2, 0], &r[..4], &frame]))),
        14 => ipv4(1, &cat(&[&[3, 3], &r[..6], packet])),
        15 => ipv6(60, &cat(&[&[number, 0], &r[..6], packet])),
        16 => ipv4(17, &udp(9, 9, packet)),
        _ => ipv4(
            47,
            &cat(&[&[0, 0, 0x89, 0x4f], &[0, 2, 1, 3, 0, 0, 0, 0], &frame]),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_of_any_link(
        link in any_link(), data in vec(any::<u8>(), 0..200), more in 0u32..100, options in any_options(),
        tci in proptest::option::of(any::<u16>()),
    ) {
        let mut frame = frame(link, &data);
        frame.wire_len += more;
        frame.vlan = tci.map(|tci| VlanTag { tpid: 0x8100, tci });
        both(&frame, options);
    }

    #[test]
    fn nested_packets_cut_and_damaged(
        packet in nested(), link in 0..4u8, keep in any::<u16>(), trailer in 0usize..20,
        damage in vec((any::<u16>(), any::<u8>()), 0..3), options in any_options(),
    ) {
        let kind = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        let mut data = match link {
            0 => ethernet(kind, &packet),
            1 => ethernet(0x8100, &vlan(keep, kind, &packet)),
            2 => ethernet(0x8847, &cat(&[&[0, 1, 1, 64], &packet])),
            _ => ethernet(0x8864, &cat(&[&[0x11, 0, 0, 1, 0, 0, 0, 0x21], &packet])),
        };
        data.resize(data.len() + trailer, 0);
        both(&frame(LinkType::Ethernet, &data), options);
        for (at, value) in damage {
            let at = usize::from(at) % data.len();
            data[at] = value;
        }
        let mut short = frame(LinkType::Ethernet, &data);
        short.data = &data[..data.len().min(usize::from(keep) % 300)];
        both(&short, options);
        both(&frame(LinkType::Ethernet, &data), options);
    }
}
