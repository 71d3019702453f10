//! The little of BER (X.690) that SNMP uses: tags of one byte, lengths that are said.

use crate::bytes::Reader;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// RFC 2578's `TimeTicks`.
pub(super) const TIME_TICKS: u8 = 0x43;

/// The next element: its tag and its content.
pub(super) fn element<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let mut ahead = *reader;
    let tag = ahead.u8()?;
    let first = ahead.u8()?;
    let len = match first {
        0..=0x7f => u64::from(first),
        // More than four bytes of length are more than there is.
        0x81..=0x84 => unsigned(ahead.take(usize::from(first & 0x7f))?)?,
        _ => return None,
    };
    let content = ahead.take(usize::try_from(len).ok()?)?;
    *reader = ahead;
    Some((tag, content))
}

/// The next element's content, if it has that tag.
pub(super) fn expect<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<&'a [u8]> {
    let mut ahead = *reader;
    let (found, content) = element(&mut ahead)?;
    if found != tag {
        return None;
    }
    *reader = ahead;
    Some(content)
}

/// An unsigned number of at most eight bytes.
pub(super) fn unsigned(content: &[u8]) -> Option<u64> {
    let significant = match content {
        [0, rest @ ..] => rest,
        all => all,
    };
    if content.is_empty() || significant.len() > 8 {
        return None;
    }
    let shift = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
    Some(significant.iter().fold(0, shift))
}
