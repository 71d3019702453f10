//! Classic capture files, as the harness itself needs them: little-endian, microseconds or nanoseconds, Ethernet.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The longest frame that is taken from a file.
const LONGEST: usize = 9000;

/// Writes a capture file.
pub struct Writer {
    out: BufWriter<File>,
}

impl Writer {
    /// A new file, times in nanoseconds.
    ///
    /// # Errors
    /// Those of the file.
    pub fn create(path: &Path) -> io::Result<Writer> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        out.write_all(&0xa1b2_3c4d_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        out.write_all(&262_144u32.to_le_bytes())?;
        out.write_all(&1u32.to_le_bytes())?;
        Ok(Writer { out })
    }

    /// Appends a frame, seen at `time` nanoseconds since 1970.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&mut self, time: i64, frame: &[u8]) -> io::Result<()> {
        let length = frame.len() as u32;
        for field in [
            (time / 1_000_000_000) as u32,
            (time % 1_000_000_000) as u32,
            length,
            length,
        ] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(frame)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The frames of a classic Ethernet capture that were captured whole, up to any damage; nothing if it is another kind of file.
#[must_use]
pub fn whole_frames(file: &[u8]) -> Vec<&[u8]> {
    let word = |at: usize| {
        file.get(at..at + 4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    };
    let mut frames = Vec::new();
    if !matches!(word(0), Some(0xa1b2_c3d4 | 0xa1b2_3c4d))
        || word(20).map(|link| link & 0xffff) != Some(1)
    {
        return frames;
    }
    let mut at = 24;
    while let (Some(captured), Some(wire)) = (word(at + 8), word(at + 12)) {
        let length = captured as usize;
        let Some(frame) = file.get(at + 16..).and_then(|rest| rest.get(..length)) else {
            break;
        };
        if length > LONGEST {
            break;
        }
        if captured == wire && length >= 14 {
            frames.push(frame);
        }
        at += 16 + length;
    }
    frames
}
