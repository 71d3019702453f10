//! Whatever the bytes are: no panic, an end, and frames that lie within what was read.

mod common;

use std::io::{self, Read};

use common::{frames, pcap};
use portreeve_capture::{CaptureError, Fetch, FileSource, Source};
use proptest::prelude::*;

/// Gives its bytes in pieces of a given size.
struct Pieces(io::Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(self.1);
        self.0.read(&mut buffer[..size])
    }
}

/// Frames (time, wire length, digest of the bytes) and the errors of a capture read in pieces.
fn digest(bytes: &[u8], piece: usize) -> (Vec<(i64, u32, u64)>, Vec<String>) {
    let (mut got, mut errors) = (Vec::new(), Vec::new());
    let reader = Pieces(io::Cursor::new(bytes.to_vec()), piece);
    let mut source = match FileSource::from_reader("bytes", reader) {
        Ok(source) => source,
        Err(error) => return (got, vec![error.to_string()]),
    };
    loop {
        match source.next_burst() {
            Ok(Fetch::Frames(burst)) => {
                for frame in burst.frames() {
                    assert!(frame.data.len() <= frame.wire_len as usize);
                    let sum = frame.data.iter().fold(0u64, |sum, byte| {
                        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
                    });
                    got.push((frame.timestamp, frame.wire_len, sum));
                }
            }
            Ok(Fetch::End) => break,
            Ok(Fetch::Empty) => {}
            Err(error) => {
                if let CaptureError::Damaged { offset, .. } = &error {
                    assert!(
                        *offset <= bytes.len() as u64 * 1100,
                        "an offset behind the end"
                    );
                }
                errors.push(error.to_string());
            }
        }
    }
    assert!(errors.len() <= 1, "one file, one end: {errors:?}");
    assert_eq!(source.counters().delivered, got.len() as u64);
    (got, errors)
}

/// A sound capture of either format.
fn sound(format: bool) -> Vec<u8> {
    let all = frames(30, 1_700_000_000_000_000_000, 1_000_003);
    let classic = pcap(&all);
    if format {
        return classic;
    }
    let folder = common::Folder::new("hostile");
    let (from, to) = (folder.file("a.pcap", &classic), folder.path("a.pcapng"));
    let mut writer =
        portreeve_capture::CaptureWriter::new(portreeve_capture::WriteOptions::new(&to)).unwrap();
    let mut source = FileSource::open([from]).unwrap();
    while let Fetch::Frames(burst) = source.next_burst().unwrap() {
        burst.frames().for_each(|frame| writer.write(&frame));
    }
    writer.finish();
    std::fs::read(to).unwrap()
}

#[test]
fn a_file_that_ends_behind_the_head_of_a_block_tells_the_same_however_it_is_read() {
    let bytes = sound(false);
    // Every place within two blocks; one is eight bytes behind the beginning of one.
    for cut in bytes.len() - 2500..bytes.len() {
        let whole = digest(&bytes[..cut], usize::MAX);
        for piece in [1, 3, 8, 12, 100, 387] {
            assert_eq!(
                digest(&bytes[..cut], piece),
                whole,
                "{cut} in pieces of {piece}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_captures_end_and_do_not_depend_on_how_they_are_read(
        format in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        piece in 1usize..5000,
    ) {
        let mut bytes = sound(format);
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let whole = digest(&bytes, usize::MAX);
        prop_assert_eq!(&digest(&bytes, piece), &whole);
    }

    #[test]
    fn any_bytes_behind_a_header_end(
        head in prop::sample::select(vec![
            &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..],
            &[0xa1, 0xb2, 0xcd, 0x34, 0, 2, 0, 3],
            &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0],
            &[0x1f, 0x8b, 8, 0],
            &[0x28, 0xb5, 0x2f, 0xfd],
            &[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82],
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..2000),
        piece in 1usize..3000,
    ) {
        let bytes = [head, &rest].concat();
        let _ = digest(&bytes, piece);
    }
}
