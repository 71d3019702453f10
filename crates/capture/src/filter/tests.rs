//! The machine against libpcap's own, and the tag in its place.

use super::*;
use crate::frame::ChecksumStatus;
use portreeve_packet::VlanTag;

// SAFETY: as pcap.h declares it.
unsafe extern "C" {
    fn bpf_filter(program: *const BpfInstruction, packet: *const u8, wire: u32, len: u32) -> u32;
}

const EXPRESSIONS: &[&str] = &[
    "",
    "tcp",
    "udp port 53",
    "tcp port 443 and host 192.0.2.7",
    "ip6 and ip6[6] = 6 or ip6 and len > 90",
    "vlan and udp",
    "vlan 5 and ip",
    "vlan and vlan and tcp",
    "greater 100",
    "less 70",
    "len >= 60 and len <= 90",
    "ip[2:2] - ((ip[0]&0xf)<<2) - ((tcp[12]&0xf0)>>2) > 0",
    "ether proto 0x88a8 or arp",
    "net 192.0.0.0/8 and not icmp",
    "portrange 1000-2000 or sctp",
    "ether[0] & 1 != 0 and ip[16] >= 224",
    "pppoes",
    "ip[6:2] & 0x1fff = 0 and tcp dst port 443",
    "(tcp[8:4] % 7 = 3) or (udp[4:2] * 3 > 200) or (ip[8] / 2 < 5)",
    "ether[20:4] ^ 0x55 > 1000 or ether[14] << 3 = 0x28 or (ether[15] | 4) = 4",
];

fn frame(data: &[u8], wire_len: u32) -> Frame<'_> {
    Frame {
        data,
        wire_len,
        timestamp: 0,
        link: LinkType::Ethernet,
        interface: 0,
        vlan: None,
        rx_hash: None,
        checksum: ChecksumStatus::Unknown,
    }
}

/// A plausible frame: random bytes, with the fields that filters look at set to what they look for.
fn plausible(state: &mut u64) -> Vec<u8> {
    let mut random = || {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    };
    let length = 10 + (random() % 120) as usize;
    let mut data: Vec<u8> = (0..length).map(|_| random() as u8).collect();
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(slot) = data.get_mut(at..at + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    };
    let mut at = 12;
    for _ in 0..random() % 3 {
        put(at, &[0x81, 0, 0, (random() % 8) as u8]);
        at += 4;
    }
    let kinds: [[u8; 2]; 6] = [
        [8, 0],
        [8, 0],
        [0x86, 0xdd],
        [8, 6],
        [0x88, 0x47],
        [0x88, 0x64],
    ];
    put(at, &kinds[(random() % 6) as usize]);
    put(at + 2, &[0x45, 0]);
    put(at + 8, &[0, 0]);
    let protocol = [6, 17, 1, 132][(random() % 4) as usize];
    put(at + 11, &[protocol]);
    if random().is_multiple_of(3) {
        put(at + 2, &[0x60]);
        put(at + 8, &[protocol]);
    }
    put(at + 14, &[192, 0, 2, 7]);
    put(at + 22, &[4, (random() % 256) as u8]);
    put(
        at + 24,
        if random().is_multiple_of(2) {
            &[1, 187]
        } else {
            &[0, 53]
        },
    );
    data
}

#[test]
fn the_machine_agrees_with_libpcap() {
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for expression in EXPRESSIONS {
        let filter = Filter::compile(expression, LinkType::Ethernet, 262_144).unwrap();
        let mut accepted = 0;
        for round in 0..2000 {
            let data = plausible(&mut state);
            let wire = data.len() as u32 + if round % 4 == 0 { 30 } else { 0 };
            // SAFETY: a sound program and a packet of the length told.
            let theirs = unsafe {
                bpf_filter(
                    filter.program.as_ptr(),
                    data.as_ptr(),
                    wire,
                    data.len() as u32,
                )
            };
            let ours = filter.matches(&frame(&data, wire));
            assert_eq!(ours, theirs != 0, "{expression} on {data:02x?}");
            accepted += u32::from(ours);
        }
        assert!(
            accepted > 0,
            "{expression} was never true: it tests nothing"
        );
    }
}

#[test]
fn a_tag_that_was_taken_out_is_seen() {
    let mut state = 42;
    for expression in EXPRESSIONS {
        let filter = Filter::compile(expression, LinkType::Ethernet, 262_144).unwrap();
        for _ in 0..500 {
            let stripped = plausible(&mut state);
            let mut whole = stripped.clone();
            let vlan = VlanTag {
                tpid: 0x8100,
                tci: 0x2005,
            };
            if whole.len() >= 12 {
                whole.splice(12..12, [0x81, 0x00, 0x20, 0x05]);
            }
            let with_tag = filter.matches(&frame(&whole, whole.len() as u32));
            let without = Frame {
                vlan: Some(vlan),
                ..frame(&stripped, whole.len() as u32 - 4)
            };
            assert_eq!(
                filter.matches(&without),
                with_tag,
                "{expression} on {whole:02x?}"
            );
        }
    }
}

#[test]
fn mistakes_are_told_in_libpcaps_words() {
    let error = Filter::compile("tcp prot 80", LinkType::Ethernet, 65535).unwrap_err();
    assert!(error.to_string().contains("syntax error"), "{error}");
    assert!(Filter::compile("tcp\0", LinkType::Ethernet, 65535).is_err());
    assert!(Filter::compile("ether host 1:2:3:4:5:6", LinkType::RawIp, 65535).is_err());
}

#[test]
fn each_link_type_has_its_own_program() {
    let mut set = FilterSet::new("tcp port 80", LinkType::Ethernet, 65535).unwrap();
    let ip = [
        &[
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x10, 0, 0, 80,
        ][..],
        &[0; 16],
    ]
    .concat();
    let ethernet = [&[2; 12][..], &[8, 0], &ip].concat();
    assert!(set.matches(&frame(&ethernet, 54)));
    assert!(!set.matches(&frame(&ip, 40)));
    let raw = Frame {
        link: LinkType::RawIp,
        ..frame(&ip, 40)
    };
    assert!(set.matches(&raw));
    let mut set = FilterSet::new("ether host 2:2:2:2:2:2", LinkType::Ethernet, 65535).unwrap();
    assert!(set.matches(&frame(&ethernet, 54)));
    assert!(!set.matches(&raw));
    assert_eq!(set.without_program().collect::<Vec<_>>(), [LinkType::RawIp]);
}

#[test]
fn expressions_come_from_files_with_comments() {
    let path = std::env::temp_dir().join(format!("portreeve-filter-{}", std::process::id()));
    std::fs::write(&path, "# web\ntcp port 80 # and\n\n  or tcp port 443\n").unwrap();
    let expression = expression_from_file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(expression, "tcp port 80\nor tcp port 443");
    assert!(Filter::compile(&expression, LinkType::Ethernet, 65535).is_ok());
}
