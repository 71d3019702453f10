//! pcapng: the conformance files, and what they do not hold.

mod common;

use std::path::PathBuf;

use common::{Folder, drain};
use portreeve_capture::{CaptureError, FileSource, Source};

/// A file of blocks in one byte order.
#[derive(Clone)]
struct Blocks {
    big: bool,
    bytes: Vec<u8>,
}

impl Blocks {
    fn new(big: bool) -> Blocks {
        let mut blocks = Blocks {
            big,
            bytes: Vec::new(),
        };
        blocks.section();
        blocks
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn u64(&self, value: u64) -> [u8; 8] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32(padded as u32 + 12);
        self.bytes.extend(self.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(length);
    }

    fn section(&mut self) {
        let body = [
            &self.u32(0x1a2b_3c4d)[..],
            &self.u16(1),
            &self.u16(0),
            &[0xff; 8],
        ]
        .concat();
        self.block(0x0a0d_0d0a, &body);
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut out = [&self.u16(code)[..], &self.u16(value.len() as u16), value].concat();
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn interface(&mut self, link: u16, options: &[(u16, Vec<u8>)]) {
        let mut body = [&self.u16(link)[..], &[0; 2], &self.u32(0)].concat();
        for (code, value) in options {
            body.extend(self.option(*code, value));
        }
        body.extend([0; 4]);
        self.block(1, &body);
    }

    fn packet(&mut self, interface: u32, units: u64, data: &[u8], options: &[(u16, Vec<u8>)]) {
        let length = data.len() as u32;
        let mut body: Vec<u8> = [
            interface,
            (units >> 32) as u32,
            units as u32,
            length,
            length,
        ]
        .iter()
        .flat_map(|word| self.u32(*word))
        .collect();
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        for (code, value) in options {
            body.extend(self.option(*code, value));
        }
        self.block(6, &body);
    }
}

#[test]
fn interfaces_times_and_losses_are_read_in_both_byte_orders() {
    for big in [false, true] {
        let folder = Folder::new(if big { "ng-be" } else { "ng-le" });
        let mut file = Blocks::new(big);
        let offset = file.u64(100).to_vec();
        file.interface(
            1,
            &[(2, b"eth0".to_vec()), (3, b"uplink".to_vec()), (9, vec![9])],
        );
        file.interface(101, &[(9, vec![0x80 | 10]), (14, offset)]);
        file.packet(
            0,
            1_700_000_000_123_456_789,
            &[1; 61],
            &[(4, file.u64(7).to_vec())],
        );
        file.block(0x0bad, &[9; 400]);
        file.packet(1, 2048 + 512, &[2; 30], &[]);
        // A simple packet block: the time of the one before.
        let simple = [&file.u32(90)[..], &[3; 90]].concat();
        file.block(3, &simple);
        // The old packet block, with a count of losses.
        let mut old = [file.u16(0), file.u16(5)].concat();
        for word in [0u32, 5, 20, 1500] {
            old.extend(file.u32(word));
        }
        old.extend([4; 20]);
        file.block(2, &old);
        // Statistics of interface 1: 3 dropped by the interface, 4 by the system.
        let mut statistics = [file.u32(1), [0; 4], [0; 4]].concat();
        statistics.extend(file.option(5, &file.u64(3)));
        statistics.extend(file.option(7, &file.u64(4)));
        file.block(5, &statistics);
        // A second section in the other byte order, in which eth0 has another number.
        let mut second = Blocks::new(!big);
        second.interface(1, &[]);
        second.interface(1, &[(2, b"eth0".to_vec()), (3, b"uplink".to_vec())]);
        second.packet(1, 1_000_000, &[5; 44], &[]);
        file.bytes.extend(&second.bytes);

        let path = folder.file("a.pcapng", &file.bytes);
        let mut source = FileSource::open([&path]).unwrap();
        let (got, errors) = drain(&mut source);
        assert!(errors.is_empty(), "{errors:?}");
        let got: Vec<_> = got
            .iter()
            .map(|frame| {
                (
                    frame.timestamp,
                    frame.data[0],
                    frame.data.len(),
                    frame.wire_len,
                    frame.link,
                )
            })
            .collect();
        assert_eq!(
            got,
            [
                (1_700_000_000_123_456_789, 1, 61, 61, 1),
                (102_500_000_000, 2, 30, 30, 101),
                (102_500_000_000, 3, 90, 90, 1),
                (5, 4, 20, 1500, 1),
                (1_000_000_000, 5, 44, 44, 1),
            ]
        );
        let names: Vec<_> = source
            .interfaces()
            .iter()
            .map(|i| i.name.as_str())
            .collect();
        assert_eq!(names, ["eth0", "", ""]);
        let counters = source.counters();
        assert_eq!(counters.nic_missed, Some(3));
        // Interface 0 has no statistics: its packets' own counts, 7 and 5, stand in for them.
        assert_eq!(counters.kernel_drops, Some(4 + 7 + 5));
        assert_eq!((counters.delivered, counters.wire), (5, None));
    }
}

type Damage = fn(&mut Blocks);

#[test]
fn damage_is_told_with_the_blocks_offset() {
    let folder = Folder::new("ng-damage");
    let mut sound = Blocks::new(false);
    sound.interface(1, &[]);
    sound.packet(0, 1, &[1; 60], &[]);
    let end = sound.bytes.len();
    let damage: [(&str, Damage); 7] = [
        ("unknown interface", |file| file.packet(9, 1, &[1; 60], &[])),
        ("no multiple of 4", |file| {
            file.bytes.extend([6, 0, 0, 0, 61, 0, 0, 0, 0, 0, 0, 0]);
        }),
        ("shorter than a block", |file| {
            file.bytes.extend([6, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
        }),
        ("trailing length", |file| {
            file.packet(0, 1, &[1; 60], &[]);
            let last = file.bytes.len() - 4;
            file.bytes[last] ^= 4;
        }),
        ("captured more than the block", |file| {
            let at = file.bytes.len();
            file.packet(0, 1, &[1; 60], &[]);
            file.bytes[at + 20] = 200;
        }),
        ("cut", |file| {
            file.packet(0, 1, &[1; 60], &[]);
            file.bytes.truncate(file.bytes.len() - 5);
        }),
        ("an unknown block of 3 GiB", |file| {
            file.bytes.extend([0xad, 0x0b, 0, 0, 0, 0, 0, 0xc0]);
            file.bytes.resize(file.bytes.len() + 5000, 0);
        }),
    ];
    for (what, make) in damage {
        let mut file = sound.clone();
        make(&mut file);
        let path = folder.file("a.pcapng", &file.bytes);
        let (got, errors) = drain(&mut FileSource::open([&path]).unwrap());
        assert_eq!(got.len(), 1, "{what}");
        match errors.as_slice() {
            [CaptureError::Damaged { offset, .. }] => assert_eq!(*offset, end as u64, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_frame_longer_than_any_network_has_is_cut_and_the_rest_passed_over() {
    let folder = Folder::new("ng-long");
    let mut file = Blocks::new(false);
    // USBPcap: 3 MB in one transfer.
    file.interface(249, &[]);
    file.packet(0, 1, &vec![7; 3_000_000], &[]);
    file.packet(0, 2, &[8; 60], &[]);
    let (got, errors) = drain(&mut FileSource::open([folder.file("a", &file.bytes)]).unwrap());
    assert!(errors.is_empty(), "{errors:?}");
    let lengths: Vec<_> = got
        .iter()
        .map(|frame| (frame.data.len(), frame.wire_len))
        .collect();
    assert_eq!(lengths, [(256 * 1024, 3_000_000), (60, 60)]);
}

#[test]
fn conformance_files_have_the_packets_of_their_block_listings() {
    let Some(folder) = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from) else {
        eprintln!("*** PORTREEVE_CORPUS is not set: the pcapng conformance files did NOT run ***");
        return;
    };
    let listings = folder.join("pcapng-gen/expected");
    let mut files = 0;
    for entry in std::fs::read_dir(listings).unwrap() {
        let listing = entry.unwrap().path();
        let text = std::fs::read_to_string(&listing).unwrap();
        let count = |kind: &str| {
            text.lines()
                .filter_map(|line| line.trim().strip_prefix(kind)?.trim().parse::<usize>().ok())
                .sum::<usize>()
        };
        let expected = count("EPB:") + count("SPB:") + count("PB:");
        let name = listing.file_stem().unwrap().to_string_lossy().into_owned();
        let path = folder.join(format!("pcapng-gen/pcap/{name}.pcapng"));
        let (got, errors) = drain(&mut FileSource::open([&path]).unwrap());
        assert_eq!(
            (got.len(), errors.len()),
            (expected, 0),
            "{name}: {errors:?}"
        );
        files += 1;
    }
    assert!(files >= 25, "{files}");
}
