//! Any bytes as a capture file: no panic, an end, and every frame readable. Read in one piece and in small ones, it is the same.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use portreeve_capture::{Fetch, FileSource, Source};

/// Gives its bytes in pieces.
struct Pieces(io::Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(self.1);
        self.0.read(&mut buffer[..size])
    }
}

/// More decompressed bytes than this are not waited for.
const MAX_BYTES: u64 = 4 << 20;

/// Frames, and a digest of all that is told of them.
fn digest(bytes: &[u8], piece: usize) -> (u64, u64) {
    let (mut frames, mut sum, mut read) = (0, 0u64, 0);
    let reader = Pieces(io::Cursor::new(bytes.to_vec()), piece);
    let Ok(mut source) = FileSource::from_reader("fuzz", reader) else {
        return (0, 0);
    };
    let mut add = |value: u64| sum = sum.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(value);
    loop {
        match source.next_burst() {
            Ok(Fetch::Frames(burst)) => {
                for frame in burst.frames() {
                    assert!(frame.data.len() <= frame.wire_len as usize);
                    frames += 1;
                    read += frame.data.len() as u64 + 16;
                    add(frame.timestamp.cast_unsigned());
                    add(u64::from(frame.wire_len));
                    frame.data.iter().for_each(|byte| add(u64::from(*byte)));
                }
                if read > MAX_BYTES {
                    return (0, 0);
                }
            }
            Ok(Fetch::Empty) => {}
            Ok(Fetch::End) => return (frames, sum),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = digest(bytes, usize::MAX);
    // How much a decompressor gives before it finds damage depends on how much it is given.
    let plain = matches!(
        bytes,
        [0xa1, ..] | [_, _, _, 0xa1, ..] | [0x0a, 0x0d, 0x0d, 0x0a, ..]
    );
    if plain {
        assert_eq!(digest(bytes, 17), whole);
    }
});
