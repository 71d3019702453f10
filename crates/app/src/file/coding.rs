//! Content that is compressed on its way (RFC 9110 section 8.4.1): gzip (RFC 1952) and deflate, with zlib's frame (RFC 1950) or without.

use std::sync::Arc;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags as flag};

use super::kind;

/// The most files of a worker that are decompressed at a time: each takes some 43 KiB. Those beyond have no hash.
const MAX_AT_A_TIME: usize = 256;
/// How far a reference may reach back (RFC 1951 section 2).
const WINDOW: usize = 32 << 10;
/// The most bytes of a header of gzip, with the names and notes in it.
const MAX_HEADER: usize = 1024;
/// What comes out may be so many times what went in, and so much more: beyond that it is made to cost time.
const MAX_RATIO: u64 = 100;
const MAX_MORE: u64 = 1 << 20;

/// How content is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    None,
    Gzip,
    Deflate,
    /// In some way that is not undone here, or several.
    Other,
}

impl Coding {
    /// What a Content-Encoding says.
    pub(crate) fn of(value: &[u8]) -> Coding {
        let is = |name: &[u8]| value.trim_ascii().eq_ignore_ascii_case(name);
        if is(b"identity") || is(b"") {
            Coding::None
        } else if is(b"gzip") || is(b"x-gzip") {
            Coding::Gzip
        } else if is(b"deflate") {
            Coding::Deflate
        } else {
            Coding::Other
        }
    }

    /// How long the frame at the front is, and what the decompressor is to know of it. `None` if it is none or not all there.
    fn frame(self, bytes: &[u8]) -> Option<(usize, u32)> {
        match self {
            Coding::Gzip => Some((gzip_header(bytes)?, 0)),
            Coding::Deflate => {
                let zlib = flag::TINFL_FLAG_PARSE_ZLIB_HEADER | flag::TINFL_FLAG_IGNORE_ADLER32;
                let &[first, second, ..] = bytes else {
                    return None;
                };
                let check = u16::from_be_bytes([first, second]) % 31;
                Some((
                    0,
                    if first & 15 == 8 && check == 0 {
                        zlib
                    } else {
                        0
                    },
                ))
            }
            Coding::None | Coding::Other => None,
        }
    }

    /// The type of what is compressed, by the first bytes that come out of `prefix`.
    pub(super) fn kind(self, prefix: &[u8]) -> Option<&'static str> {
        if self == Coding::None {
            return kind::of(prefix);
        }
        let (header, frame) = self.frame(prefix)?;
        let mut out = [0; kind::PREFIX];
        let flags = frame
            | flag::TINFL_FLAG_HAS_MORE_INPUT
            | flag::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let mut state = DecompressorOxide::new();
        let (_, _, len) = decompress(&mut state, prefix.get(header..)?, &mut out, 0, flags);
        kind::of(out.get(..len)?)
    }
}

/// The length of a header of gzip (RFC 1952 section 2.3); `None` if it is none or not all there.
fn gzip_header(bytes: &[u8]) -> Option<usize> {
    const MAGIC: &[u8] = &[0x1f, 0x8b, 8];
    const CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let mut reader = crate::Reader::new(bytes);
    if reader.take(3)? != MAGIC {
        return None;
    }
    let flags = reader.u8()?;
    reader.take(6)?;
    if flags & EXTRA != 0 {
        let len = reader.u16_le()?;
        reader.take(len.into())?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            while reader.u8()? != 0 {}
        }
    }
    if flags & CRC != 0 {
        reader.take(2)?;
    }
    Some(bytes.len() - reader.rest().len())
}

/// How many files of a worker are decompressed.
#[derive(Debug, Default)]
pub(crate) struct Inflaters(Arc<()>);

/// It cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undone;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    Body {
        flags: u32,
    },
    /// What is behind it: a checksum and a length.
    Trailer {
        left: usize,
    },
}

/// Undoes a compression, as bytes come.
pub(super) struct Inflater {
    coding: Coding,
    stage: Stage,
    header: Vec<u8>,
    state: Box<DecompressorOxide>,
    window: Box<[u8]>,
    at: usize,
    /// Bytes that went in and came out.
    passed: [u64; 2],
    _place: Arc<()>,
}

impl Inflater {
    /// One for content of this coding; `None` if there are too many, or it is not one that can be undone.
    pub(super) fn new(coding: Coding, all: &Inflaters) -> Option<Inflater> {
        let known = matches!(coding, Coding::Gzip | Coding::Deflate);
        if !known || Arc::strong_count(&all.0) > MAX_AT_A_TIME {
            return None;
        }
        Some(Inflater {
            coding,
            stage: Stage::Header,
            header: Vec::new(),
            state: Box::default(),
            window: vec![0; WINDOW].into(),
            at: 0,
            passed: [0; 2],
            _place: Arc::clone(&all.0),
        })
    }

    /// Whether all of it has come out.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::Trailer { .. })
    }

    /// Hands what comes out of the next bytes to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8])) -> Result<(), Undone> {
        match self.stage {
            Stage::Header => {
                self.header.extend_from_slice(bytes);
                let Some((len, flags)) = self.coding.frame(&self.header) else {
                    let more = self.header.len() < MAX_HEADER;
                    return if more { Ok(()) } else { Err(Undone) };
                };
                self.stage = Stage::Body { flags };
                let header = std::mem::take(&mut self.header);
                self.body(header.get(len..).unwrap_or_default(), flags, out)
            }
            Stage::Body { flags } => self.body(bytes, flags, out),
            Stage::Trailer { left } => self.trailer(bytes, left),
        }
    }

    fn trailer(&mut self, bytes: &[u8], left: usize) -> Result<(), Undone> {
        // Behind the trailer there may be more of the same, which is not followed.
        let left = left.checked_sub(bytes.len()).ok_or(Undone)?;
        self.stage = Stage::Trailer { left };
        Ok(())
    }

    fn body(
        &mut self,
        mut bytes: &[u8],
        frame: u32,
        out: &mut impl FnMut(&[u8]),
    ) -> Result<(), Undone> {
        self.passed[0] += bytes.len() as u64;
        let flags = frame | flag::TINFL_FLAG_HAS_MORE_INPUT;
        loop {
            let (status, taken, put) =
                decompress(&mut self.state, bytes, &mut self.window, self.at, flags);
            out(self.window.get(self.at..self.at + put).unwrap_or_default());
            self.at = (self.at + put) % WINDOW;
            self.passed[1] += put as u64;
            if self.passed[1] > self.passed[0].saturating_mul(MAX_RATIO) + MAX_MORE {
                return Err(Undone);
            }
            bytes = bytes.get(taken..).unwrap_or_default();
            match status {
                TINFLStatus::NeedsMoreInput => return Ok(()),
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::Done => {
                    let left = if self.coding == Coding::Gzip { 8 } else { 4 };
                    return self.trailer(bytes, left);
                }
                _ => return Err(Undone),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello hello hello hello\n`, by gzip, with a name in its header, and by Python's zlib.
    const GZIP: &[u8] = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x02\xff\x6e\x61\x6d\x65\x00\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00\x00\x88\x59\x0b\x18\x00\x00\x00";
    const ZLIB: &[u8] = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00\x70\xbe\x08\xbb";
    const RAW: &[u8] = b"\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00";

    fn undone(coding: Coding, bytes: &[u8], size: usize) -> Option<Vec<u8>> {
        let mut inflater = Inflater::new(coding, &Inflaters::default())?;
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            let put = &mut |out: &[u8]| all.extend_from_slice(out);
            inflater.feed(piece, put).ok()?;
        }
        inflater.is_whole().then_some(all)
    }

    #[test]
    fn what_was_compressed_comes_out() {
        for (coding, bytes) in [
            (Coding::Gzip, GZIP),
            (Coding::Deflate, ZLIB),
            (Coding::Deflate, RAW),
        ] {
            for size in 1..=bytes.len() {
                let all = undone(coding, bytes, size).unwrap();
                assert_eq!(all, b"hello hello hello hello\n", "{size}");
            }
            assert_eq!(coding.kind(bytes), Some("text/plain"));
            for len in 0..bytes.len() / 2 {
                assert_eq!(undone(coding, &bytes[..len], 9), None);
                let _ = coding.kind(&bytes[..len]);
            }
        }
        let twice = [GZIP, GZIP].concat();
        assert_eq!(undone(Coding::Gzip, &twice, 100), None);
        assert_eq!(undone(Coding::Other, GZIP, 100), None);
    }

    #[test]
    fn what_is_made_to_cost_time_is_given_up() {
        let zeros = miniz_oxide::deflate::compress_to_vec(&vec![0; 64 << 20], 9);
        assert_eq!(undone(Coding::Deflate, &zeros, 1000), None);
        let fair = miniz_oxide::deflate::compress_to_vec(&vec![0; 100_000], 9);
        assert_eq!(undone(Coding::Deflate, &fair, 7), Some(vec![0; 100_000]));
    }

    #[test]
    fn there_are_only_so_many() {
        let all = Inflaters::default();
        let mut some: Vec<_> = (0..MAX_AT_A_TIME)
            .map(|_| Inflater::new(Coding::Gzip, &all).unwrap())
            .collect();
        assert!(Inflater::new(Coding::Gzip, &all).is_none());
        some.pop();
        assert!(Inflater::new(Coding::Gzip, &all).is_some());
    }
}
