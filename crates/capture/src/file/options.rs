//! The options of pcapng blocks: code, length, value, padded to 32 bits.

use super::limits::{MAX_NAME, MAX_OPTIONS};

const END: u16 = 0;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;
/// Frames lost between this packet and the one before it.
pub(crate) const EPB_DROPCOUNT: u16 = 4;
/// Frames that the interface dropped.
pub(crate) const ISB_IFDROP: u16 = 5;
/// Frames that the operating system dropped.
pub(crate) const ISB_OSDROP: u16 = 7;

/// The byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    #[inline]
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Endian::Little => u16::from_le_bytes(bytes),
            Endian::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Endian::Little => u64::from_le_bytes(bytes),
            Endian::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// The options in `bytes`, up to the end mark, the first that does not fit, or [`MAX_OPTIONS`].
pub(crate) fn each(bytes: &[u8], endian: Endian) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let ([c0, c1, l0, l1], tail) = rest.split_first_chunk::<4>()?;
        let code = endian.u16([*c0, *c1]);
        let length = usize::from(endian.u16([*l0, *l1]));
        let value = tail.get(..length)?;
        if code == END {
            return None;
        }
        rest = tail.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
    .take(MAX_OPTIONS)
}

/// What the options of an interface description block say.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceOptions {
    pub(crate) name: String,
    pub(crate) description: String,
    /// `if_tsresol`: a power of 10, or of 2 with the highest bit set.
    pub(crate) resolution: u8,
    /// `if_tsoffset`: seconds.
    pub(crate) offset: i64,
    /// Bytes of frame check sequence.
    pub(crate) fcs: u32,
}

/// Reads the options of an interface description block.
pub(crate) fn interface(bytes: &[u8], endian: Endian) -> InterfaceOptions {
    let mut found = InterfaceOptions {
        name: String::new(),
        description: String::new(),
        resolution: 6,
        offset: 0,
        fcs: 0,
    };
    for (code, value) in each(bytes, endian) {
        match (code, value) {
            (IF_NAME, value) => found.name = text(value),
            (IF_DESCRIPTION, value) => found.description = text(value),
            (IF_TSRESOL, [resolution, ..]) => found.resolution = *resolution,
            // In bits by the draft, in bytes by many a writer.
            (IF_FCSLEN, [16, ..] | [2, ..]) => found.fcs = 2,
            (IF_FCSLEN, [32, ..] | [4, ..]) => found.fcs = 4,
            (IF_TSOFFSET, value) => {
                if let Some(value) = value.first_chunk::<8>() {
                    found.offset = endian.u64(*value).cast_signed();
                }
            }
            _ => {}
        }
    }
    found
}

/// A name from a file: no longer than [`MAX_NAME`], without control characters.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..bytes.len().min(MAX_NAME)).unwrap_or_default();
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
