//! Public captures against an independent reading of them.
//!
//! The table is tshark 4.0's answer, without reassembly: frames, IP headers, and the number and payload bytes of TCP segments
//! and UDP datagrams, inner ones included. None of these captures quotes packets in ICMP errors, which tshark counts too.

mod common;

use std::path::{Path, PathBuf};

use common::run;
use portreeve_packet::decode::decode_general;
use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, Outcome, Views};

/// Frames, views, TCP segments and their payload bytes, UDP datagrams and theirs.
type Counts = [u64; 6];

const TRUTH: &[(&str, Counts)] = &[
    (
        "tcpdump/pcap/tests__erspan-type-i-4.pcap",
        [119, 208, 0, 0, 0, 0],
    ),
    ("zeek/pcap/erspanII.pcap", [4, 8, 0, 0, 0, 0]),
    (
        "zeek/pcap/tunnels__gre-aruba.pcap",
        [2407, 4814, 2407, 22049, 0, 0],
    ),
    (
        "zeek/pcap/tunnels__geneve-many-options.pcap",
        [10, 20, 10, 658, 10, 2174],
    ),
    (
        "suricata-verify/pcap/tests__geneve-decoder__input.pcap",
        [10, 18, 0, 0, 10, 948],
    ),
    ("flowtest/pcap/pcap__vxlan.pcap", [8, 16, 0, 0, 8, 848]),
    (
        "zeek/pcap/tunnels__vxlan-triple-v2.pcap",
        [1, 4, 0, 0, 4, 416],
    ),
    (
        "tcpdump/pcap/tests__nsh-over-vxlan-gpe.pcap",
        [1, 2, 0, 0, 2, 68],
    ),
    (
        "ndpi/pcap/default__pcap__4in6tunnel.pcap",
        [4, 8, 4, 1596, 0, 0],
    ),
    (
        "ndpi/pcap/default__pcap__teredo.pcap",
        [24, 48, 0, 0, 24, 1566],
    ),
    (
        "zeek/pcap/tunnels__gtp__gtp8_teredo.pcap",
        [10, 30, 0, 0, 20, 1532],
    ),
    (
        "ndpi/pcap/default__pcap__capwap.pcap",
        [422, 408, 0, 0, 402, 83335],
    ),
    ("zeek/pcap/llc.pcap", [1333, 1333, 1333, 0, 0, 0]),
    (
        "ndpi/pcap/default__pcap__BGP_redist.pcap",
        [2, 2, 2, 230, 0, 0],
    ),
    (
        "mercury/pcap/smb.pcap",
        [3328, 3320, 3276, 133_890, 42, 5426],
    ),
    ("mercury/pcap/sll2_tls.pcap", [1, 1, 1, 517, 0, 0]),
];

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("*** PORTREEVE_CORPUS is not set: public captures are NOT decoded ***");
    }
    folder
}

/// Calls `each` with every frame of a classic pcap file, as far as it is sound.
fn frames(path: &Path, mut each: impl FnMut(&FrameBytes<'_>)) {
    let bytes = std::fs::read(path).unwrap();
    let Some((head, mut rest)) = bytes.split_first_chunk::<24>() else {
        return;
    };
    let little = match head[..4] {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => true,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => false,
        _ => return,
    };
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap();
        if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    };
    let link = LinkType::from_number(word(&head[20..24]) & 0xffff);
    while let Some((record, behind)) = rest.split_first_chunk::<16>() {
        let Some(data) = behind.get(..word(&record[8..12]) as usize) else {
            return;
        };
        rest = &behind[data.len()..];
        each(&FrameBytes {
            data,
            wire_len: word(&record[12..16]).max(data.len() as u32),
            timestamp: i64::from(word(&record[..4])),
            link,
            vlan: None,
            checksum_trusted: false,
            index: 0,
        });
    }
}

#[test]
fn views_are_those_that_tshark_sees() {
    let Some(corpus) = corpus() else { return };
    for (path, expected) in TRUTH {
        let mut counts: Counts = [0; 6];
        frames(&corpus.join(path), |frame| {
            counts[0] += 1;
            let (_, views) = run(frame, DecodeOptions::default());
            for view in views.as_slice() {
                counts[1] += 1;
                let at = match view.key.protocol {
                    6 => 2,
                    17 => 4,
                    _ => continue,
                };
                counts[at] += 1;
                counts[at + 1] += u64::from(view.payload_len);
            }
        });
        assert_eq!(counts, *expected, "{path}");
    }
}

#[test]
fn both_paths_agree_on_every_frame() {
    let Some(corpus) = corpus() else { return };
    let options = DecodeOptions {
        verify_checksums: true,
        ..Default::default()
    };
    let mut general = Box::<Views>::default();
    let (mut all, mut analysed) = (0u64, 0u64);
    for set in std::fs::read_dir(corpus).unwrap() {
        let Ok(files) = std::fs::read_dir(set.unwrap().path().join("pcap")) else {
            continue;
        };
        for file in files {
            frames(&file.unwrap().path(), |frame| {
                let (outcome, views) = run(frame, options);
                general.clear();
                assert_eq!(outcome, decode_general(frame, &options, &mut general));
                for (one, other) in views.as_slice().iter().zip(general.as_slice()) {
                    assert_eq!(format!("{one:?}"), format!("{other:?}"));
                }
                all += 1;
                analysed += u64::from(matches!(outcome, Outcome::Analysed(_)));
            });
        }
    }
    assert!(
        analysed * 10 > all * 9,
        "{analysed} of {all} frames analysed"
    );
}
