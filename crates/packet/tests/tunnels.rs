//! Tunnels: the outer packet is a view, and what it carries another.

mod common;

use common::*;
use portreeve_packet::limits::MAX_VIEWS_PER_FRAME;
use portreeve_packet::{DecodeOptions, KeyContext, LinkType, Tunnel, View, ViewFlags};

const RAW: LinkType = LinkType::RawIp;

/// An inner packet that is easy to recognise.
fn inner4() -> Vec<u8> {
    ipv4(17, &udp(7, 9, b"inner"))
}

fn inner6() -> Vec<u8> {
    ipv6(6, &tcp(7, 9, &[], b"inner"))
}

/// Decodes, demands exactly an outer and an inner view, and gives the inner one.
fn inner(packet: &[u8], tunnel: Tunnel) -> View {
    let views = views(RAW, packet);
    assert_eq!(views.len(), 2, "{tunnel:?} {views:#?}");
    assert!(!views[0].flags.has(ViewFlags::HAS_PARENT));
    assert!(views[1].flags.has(ViewFlags::HAS_PARENT));
    assert_eq!((views[0].tunnel, views[0].key.tunnel), (Tunnel::None, 0));
    assert_eq!(views[1].tunnel, tunnel);
    assert_ne!(views[1].key.tunnel, 0);
    assert_eq!(payload(&views[1], packet), b"inner", "{tunnel:?}");
    assert_eq!(views[1].payload_len, 5);
    views[1]
}

fn gre(flags: u16, protocol: u16, rest: &[&[u8]]) -> Vec<u8> {
    let head = cat(&[&flags.to_be_bytes(), &protocol.to_be_bytes()]);
    ipv4(47, &cat(&[&head, &rest.concat()]))
}

#[test]
fn ip_in_ip_in_all_four_combinations() {
    // RFC 2003, 4213, 2473.
    for outer in [ipv4, ipv6] {
        inner(&outer(4, &inner4()), Tunnel::IpInIp);
        inner(&outer(41, &inner6()), Tunnel::IpInIp);
    }
    // RFC 3056: 6to4 addresses.
    let mut packet = inner6();
    packet[8..10].copy_from_slice(&[0x20, 0x02]);
    inner(&ipv4(41, &packet), Tunnel::SixToFour);
}

#[test]
fn the_outer_packet_of_a_tunnel_over_ip_is_a_flow_without_ports() {
    let outer = views(RAW, &ipv6(4, &inner4()))[0];
    assert_eq!(
        (outer.key.protocol, outer.key.low_port, outer.key.high_port),
        (4, 0, 0)
    );
    assert_eq!(outer.payload_len as usize, inner4().len());
}

#[test]
fn gre_with_each_optional_field() {
    let (p4, p6) = (inner4(), inner6());
    inner(&gre(0, 0x0800, &[&p4]), Tunnel::Gre);
    inner(&gre(0x8000, 0x86dd, &[&[0; 4], &p6]), Tunnel::Gre);
    inner(&gre(0x2000, 0x0800, &[&[0, 0, 0, 9], &p4]), Tunnel::Gre);
    inner(&gre(0xb000, 0x0800, &[&[0; 12], &p4]), Tunnel::Gre);
    // RFC 1701: source route entries, the last one empty.
    inner(
        &gre(
            0x4000,
            0x0800,
            &[&[0; 4], &[8, 0, 0, 4, 1, 2, 3, 4], &[0; 4], &p4],
        ),
        Tunnel::Gre,
    );
    inner(&gre(0, 0x6558, &[&ethernet(0x0800, &p4)]), Tunnel::Gre);
    inner(&gre(0, 0x8847, &[&[0, 1, 1, 64], &p4]), Tunnel::Gre);
}

#[test]
fn gre_of_some_makers() {
    let frame = ethernet(0x0800, &inner4());
    // MikroTik's Ethernet over IP, as its tunnels begin: length, then the tunnel's number, little-endian.
    let length = (frame.len() as u16).to_be_bytes();
    let one = inner(
        &gre(0x2001, 0x6400, &[&length, &[1, 0], &frame, &[9; 6]]),
        Tunnel::Gre,
    );
    let two = inner(
        &gre(0x2001, 0x6400, &[&length, &[2, 0], &frame]),
        Tunnel::Gre,
    );
    assert_ne!(one.key, two.key);
    // Aruba's: an 802.11 frame.
    let radio = [0x88, 0x01]
        .iter()
        .copied()
        .chain([0; 24])
        .collect::<Vec<u8>>();
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    inner(&gre(0, 0x8200, &[&radio, &snap, &inner4()]), Tunnel::Gre);
    // Web cache redirection, with its header and without.
    inner(&gre(0, 0x883e, &[&[0; 4], &inner4()]), Tunnel::Gre);
    inner(&gre(0, 0x883e, &[&inner4()]), Tunnel::Gre);
}

#[test]
fn pptp_carries_ppp_and_acknowledgements_carry_nothing() {
    let ppp = cat(&[&[0xff, 3, 0, 0x21], &inner4()]);
    let length = (ppp.len() as u16).to_be_bytes();
    inner(
        &gre(0x3001, 0x880b, &[&length, &[0, 5], &[0; 4], &ppp]),
        Tunnel::Pptp,
    );
    inner(
        &gre(0x3081, 0x880b, &[&length, &[0, 5], &[0; 8], &ppp]),
        Tunnel::Pptp,
    );
    // The protocol field compressed to one byte (RFC 1661 section 6.5).
    let short = cat(&[&[0x21], &inner4()]);
    let length = (short.len() as u16).to_be_bytes();
    inner(
        &gre(0x3001, 0x880b, &[&length, &[0, 5], &[0; 4], &short]),
        Tunnel::Pptp,
    );
    assert_eq!(
        views(RAW, &gre(0x2081, 0x880b, &[&[0, 0, 0, 5], &[0; 4]])).len(),
        1
    );
}

#[test]
fn erspan_of_all_three_types() {
    let frame = ethernet(0x8100, &vlan(12, 0x0800, &inner4()));
    let one = inner(&gre(0, 0x88be, &[&frame]), Tunnel::Erspan);
    assert_eq!(one.key.vlan, 12);
    let two = [0x10, 0, 0, 1, 0, 0, 0, 0];
    inner(
        &gre(0x1000, 0x88be, &[&[0; 4], &two, &frame]),
        Tunnel::Erspan,
    );
    let mut three = [0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    inner(
        &gre(0x1000, 0x22eb, &[&[0; 4], &three, &frame]),
        Tunnel::Erspan,
    );
    three[11] = 1;
    inner(
        &gre(0x1000, 0x22eb, &[&[0; 4], &three, &[0; 8], &frame]),
        Tunnel::Erspan,
    );
}

#[test]
fn identifiers_that_are_the_same_in_both_directions_tell_flows_apart() {
    let frame = ethernet(0x0800, &inner4());
    let nvgre = |id: u8| {
        inner(
            &gre(0x2000, 0x6558, &[&[0, 0, id, 0x77], &frame]),
            Tunnel::Nvgre,
        )
    };
    let vxlan = |id: u8, port: u16| {
        let head = [8, 0, 0, 0, 0, 0, id, 0];
        inner(
            &ipv4(17, &udp(55555, port, &cat(&[&head, &frame]))),
            Tunnel::Vxlan,
        )
    };
    assert_eq!(nvgre(1).key, nvgre(1).key);
    assert_ne!(nvgre(1).key, nvgre(2).key);
    assert_ne!(vxlan(1, 4789).key, vxlan(2, 4789).key);
    assert_ne!(vxlan(1, 4789).key, nvgre(1).key);
    assert_eq!(vxlan(1, 4789).key, vxlan(1, 8472).key);

    let head = [8, 0, 0, 0, 0, 0, 5, 0];
    let packet = ipv4(17, &udp(55555, 4789, &cat(&[&head, &frame])));
    let key = KeyContext {
        vlan: true,
        tunnel: false,
    };
    let options = DecodeOptions {
        key,
        ..Default::default()
    };
    let (_, views) = run(&common::frame(RAW, &packet), options);
    assert_eq!(views.as_slice()[1].key.tunnel, 0);
    assert_eq!(views.as_slice()[1].tunnel, Tunnel::Vxlan);
}

#[test]
fn vlan_tags_belong_to_the_packet_they_were_on() {
    let frame = ethernet(0x8100, &vlan(20, 0x0800, &inner4()));
    let tunnel = ipv4(
        17,
        &udp(1, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &frame])),
    );
    let data = ethernet(0x8100, &vlan(10, 0x0800, &tunnel));
    let views = views(LinkType::Ethernet, &data);
    assert_eq!((views[0].key.vlan, views[1].key.vlan), (10, 20));
}

#[test]
fn vxlan_gpe_geneve_and_nsh() {
    let frame = ethernet(0x86dd, &inner6());
    let gpe = |next: u8, content: &[u8]| {
        let head = [0x0c, 0, 0, next, 0, 0, 5, 0];
        ipv4(17, &udp(1, 4790, &cat(&[&head, content])))
    };
    inner(&gpe(1, &inner4()), Tunnel::VxlanGpe);
    inner(&gpe(2, &inner6()), Tunnel::VxlanGpe);
    inner(&gpe(3, &frame), Tunnel::VxlanGpe);
    // RFC 8300: base header, service path, fixed-length context.
    let nsh = cat(&[&[0x0f, 0xc6, 1, 3], &[0; 20], &frame]);
    inner(&gpe(4, &nsh), Tunnel::Nsh);
    // RFC 8926, with 8 bytes of options.
    let head = [2, 0, 0x65, 0x58, 0, 0, 5, 0];
    inner(
        &ipv6(17, &udp(1, 6081, &cat(&[&head, &[0; 8], &frame]))),
        Tunnel::Geneve,
    );
    let head = [0, 0, 0x08, 0x00, 0, 0, 5, 0];
    inner(
        &ipv4(17, &udp(1, 6081, &cat(&[&head, &inner4()]))),
        Tunnel::Geneve,
    );
    // NSH on Ethernet has no outer conversation.
    let data = ethernet(0x894f, &cat(&[&[0, 2, 1, 1, 0, 0, 0, 0], &inner4()]));
    let view = view(LinkType::Ethernet, &data);
    assert_eq!(view.tunnel, Tunnel::Nsh);
    assert!(!view.flags.has(ViewFlags::HAS_PARENT));
}

#[test]
fn gtp_user_data_with_extension_headers() {
    let gtp = |flags: u8, kind: u8, optional: &[u8], content: &[u8]| {
        let length = ((optional.len() + content.len()) as u16).to_be_bytes();
        let head = cat(&[&[flags, kind], &length, &[0, 0, 0, 1], optional, content]);
        ipv4(17, &udp(2152, 2152, &head))
    };
    inner(&gtp(0x30, 255, &[], &inner4()), Tunnel::GtpU);
    inner(&gtp(0x32, 255, &[0, 1, 0, 0], &inner6()), Tunnel::GtpU);
    // 3GPP TS 38.415: a PDU session container (0x85), and behind it a PDCP number (0xc0).
    let two = [0, 0, 0, 0x85, 1, 0x10, 9, 0xc0, 1, 0, 1, 0];
    inner(&gtp(0x34, 255, &two, &inner4()), Tunnel::GtpU);
    // A length of zero would never end (section 5.2.1).
    assert_eq!(
        views(
            RAW,
            &gtp(0x34, 255, &[0, 0, 0, 0x85, 0, 0, 0, 0], &inner4())
        )
        .len(),
        1
    );
    // Echo requests carry nothing.
    assert_eq!(views(RAW, &gtp(0x32, 1, &[0, 1, 0, 0], &[])).len(), 1);
}

#[test]
fn teredo_with_a_server_and_between_peers() {
    let mut packet = inner6();
    packet[8..12].copy_from_slice(&[0x20, 1, 0, 0]);
    let origin = [0, 0, 0x12, 0x34, 1, 2, 3, 4];
    let authentication = cat(&[&[0, 1, 0, 0], &[0; 9]]);
    inner(&ipv4(17, &udp(3544, 5000, &packet)), Tunnel::Teredo);
    inner(
        &ipv4(17, &udp(3544, 5000, &cat(&[&origin, &packet]))),
        Tunnel::Teredo,
    );
    let both = cat(&[&authentication, &origin, &packet]);
    inner(&ipv4(17, &udp(5000, 3544, &both)), Tunnel::Teredo);
    inner(&ipv4(17, &udp(5000, 5001, &packet)), Tunnel::Teredo);
    // Between peers, a packet that does not fill the datagram or has no Teredo address is none.
    assert_eq!(
        views(RAW, &ipv4(17, &udp(5000, 5001, &cat(&[&packet, &[0]])))).len(),
        1
    );
    assert_eq!(views(RAW, &ipv4(17, &udp(5000, 5001, &inner6()))).len(), 1);
}

#[test]
fn l2tp_of_both_versions() {
    let ppp = cat(&[&[0xff, 3, 0, 0x21], &inner4()]);
    let v2 = |head: &[u8], content: &[u8]| ipv4(17, &udp(1701, 1701, &cat(&[head, content])));
    inner(&v2(&[0, 2, 0, 1, 0, 2], &ppp), Tunnel::L2tp);
    let length = ((8 + ppp.len()) as u16).to_be_bytes();
    inner(
        &v2(&[0x40, 2, length[0], length[1], 0, 1, 0, 2], &ppp),
        Tunnel::L2tp,
    );
    inner(
        &v2(&[0x0a, 2, 0, 1, 0, 2, 0, 0, 0, 0, 0, 2, 9, 9], &ppp),
        Tunnel::L2tp,
    );
    assert_eq!(
        views(RAW, &v2(&[0xc8, 2, 0, 12, 0, 1, 0, 2], &ppp)).len(),
        1
    );
    // Version 3: cookies of 0, 4 and 8 bytes, and a sublayer header.
    let frame = ethernet(0x0800, &inner4());
    for cookie in [0, 4, 8, 12] {
        let session = cat(&[&[0, 0, 0, 9], &vec![0x5a; cookie], &frame]);
        inner(&ipv4(115, &session), Tunnel::L2tp);
        let over_udp = cat(&[&[0, 3, 0, 0], &session]);
        inner(&ipv6(17, &udp(1701, 1701, &over_udp)), Tunnel::L2tp);
    }
    assert_eq!(views(RAW, &ipv4(115, &cat(&[&[0; 4], &frame]))).len(), 1);
}

#[test]
fn capwap_data_of_both_kinds() {
    let capwap = |head: [u8; 8], content: &[u8]| ipv4(17, &udp(1, 5247, &cat(&[&head, content])));
    inner(
        &capwap([0, 16, 2, 0, 0, 0, 0, 0], &ethernet(0x0800, &inner4())),
        Tunnel::Capwap,
    );
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &inner4()]);
    for control in [[0x08, 0x01], [0x01, 0x08]] {
        let radio = cat(&[&control, &[0; 22], &snap]);
        inner(&capwap([0, 16, 3, 0, 0, 0, 0, 0], &radio), Tunnel::Capwap);
    }
    // DTLS.
    assert_eq!(
        views(RAW, &capwap([1, 0, 0, 0, 0, 0, 0, 0], &snap)).len(),
        1
    );
}

#[test]
fn nesting_ends() {
    let mut packet = inner4();
    for _ in 0..20 {
        packet = ipv4(4, &packet);
    }
    let views = views(RAW, &packet);
    assert_eq!(views.len(), MAX_VIEWS_PER_FRAME);
    let digests: std::collections::HashSet<_> = views.iter().map(|v| v.key.tunnel).collect();
    assert_eq!(
        digests.len(),
        views.len(),
        "each depth has a context of its own"
    );
}

#[test]
fn the_first_fragment_of_a_tunnel_packet_shows_what_it_carries() {
    let whole = ipv4(17, &udp(7, 9, &[1; 1000]));
    let part = ipv4_with(4, 0x2000, &[], &whole[..512]);
    let views = views(RAW, &part);
    assert!(views[0].flags.has(ViewFlags::FIRST_FRAGMENT));
    assert_eq!(views[0].ip_len, 532);
    // The inner packet's lengths are its own, though the rest comes in other fragments.
    assert_eq!((views[1].ip_len, views[1].payload_len), (1028, 1000));
    assert_eq!(views[1].payload_captured, 512 - 28);
    assert!(!views[1].flags.has(ViewFlags::FIRST_FRAGMENT));
    let later = ipv4_with(4, 64, &[], &whole[512..]);
    assert_eq!(common::views(RAW, &later).len(), 1);
}

/// What a mirror cut off was on the wire that it mirrors: lengths are believed, and no checksum is asked of half a segment.
#[test]
fn a_mirror_may_cut_what_it_carries() {
    let verify = DecodeOptions {
        verify_checksums: true,
        ..DecodeOptions::default()
    };
    for (whole, kind) in [
        (ipv4(6, &tcp(7, 9, &[], &[1; 1000])), 0x0800),
        (ipv6(6, &tcp(7, 9, &[], &[1; 1000])), 0x86dd),
    ] {
        let cut = ethernet(kind, &whole[..100]);
        let vxlan = udp(1, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &cut]));
        let geneve = udp(1, 6081, &cat(&[&[0, 0, 0x65, 0x58, 0, 0, 5, 0], &cut]));
        let erspan = cat(&[
            &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1],
            &[0x10, 0, 4, 1, 0, 0, 0, 0],
            &cut,
        ]);
        for packet in [ipv4(17, &vxlan), ipv4(17, &geneve), ipv4(47, &erspan)] {
            let (_, views) = run(&frame(RAW, &packet), verify);
            let view = views.as_slice()[1];
            assert_eq!(view.ip_len as usize, whole.len(), "{view:?}");
            assert_eq!(view.payload_len, 1000);
            let headers = whole.len() - 1000;
            assert_eq!(view.payload_captured as usize, 100 - headers);
            let odd = ViewFlags::BAD_TRANSPORT_CHECKSUM.0
                | ViewFlags::TRUNCATED_TRANSPORT.0
                | ViewFlags::MALFORMED_TRANSPORT.0;
            assert_eq!(view.flags.0 & odd, 0, "{view:?}");
        }
        // Nobody mirrors through these: what is stated beyond the wire is not believed.
        let view = views(
            RAW,
            &ipv4(if kind == 0x0800 { 4 } else { 41 }, &whole[..100]),
        )[1];
        assert_eq!(view.ip_len, 100);
    }
    // Where nothing was cut, checksums are looked at as ever.
    let mut whole = ipv4(6, &tcp(7, 9, &[], &[1; 1000]));
    *whole.last_mut().unwrap() ^= 1;
    let frame_in = cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &whole)]);
    let packet = ipv4(17, &udp(1, 4789, &frame_in));
    let (_, views) = run(&frame(RAW, &packet), verify);
    assert!(
        views.as_slice()[1]
            .flags
            .has(ViewFlags::BAD_TRANSPORT_CHECKSUM)
    );
}

#[test]
fn a_port_that_only_the_sender_has_by_chance_is_no_tunnel() {
    let stack = [0, 1, 1, 64];
    let mpls = cat(&[&stack, &inner4()]);
    inner(&ipv4(17, &udp(50_000, 6635, &mpls)), Tunnel::Mpls);
    let labelled = cat(&[&stack, &[0; 4], &ethernet(0x0800, &inner4())]);
    inner(&ipv4(17, &udp(50_000, 6635, &labelled)), Tunnel::Mpls);
    let vxlan = cat(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &inner4())]);
    for (port, content) in [(6635, &mpls), (4789, &vxlan), (8472, &vxlan)] {
        assert_eq!(
            views(RAW, &ipv4(17, &udp(port, 443, content))).len(),
            1,
            "{port}"
        );
    }
    // Random bytes to the port: a label stack, and a nibble that says IP, and no packet that fits.
    let noise = cat(&[&stack, &[0x45, 0, 0, 30], &[0x5a; 200]]);
    assert_eq!(views(RAW, &ipv4(17, &udp(50_000, 6635, &noise))).len(), 1);
    // These answer from their own.
    let gtp = cat(&[&[0x30, 255, 0, inner4().len() as u8, 0, 0, 0, 1], &inner4()]);
    inner(&ipv4(17, &udp(2152, 50_000, &gtp)), Tunnel::GtpU);
}
