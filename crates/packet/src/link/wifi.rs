//! IEEE 802.11 data frames, plain and behind radiotap.

use super::Link;
use crate::layer::{Layer, Stop};

/// The number by which frames without readable data are reported (Linux's ETH_P_80211_RAW).
const RAW: u16 = 0x0019;

/// A radiotap header: version, length and presence words, little-endian; of its fields only the flags matter.
pub(super) fn radiotap(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 8] = layer.peek(data)?;
    let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
    if header[0] != 0 || length < 8 {
        return Err(Stop::MALFORMED_LINK);
    }
    let flags = radiotap_flags(layer.rest(data)).unwrap_or(0);
    layer.skip(length)?;
    const HAS_FCS: u8 = 0x10;
    const PADDED: u8 = 0x20;
    if flags & HAS_FCS != 0 {
        layer.limit(layer.wire_rest().saturating_sub(4));
    }
    Ok(if flags & PADDED != 0 {
        Link::Ieee80211Padded
    } else {
        Link::Ieee80211
    })
}

/// The radiotap flags field, if present: the second field, behind an aligned 8-byte timer if that is present.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    const MAX_WORDS: usize = 8;
    let first = header.get(4)?;
    if first & 0x02 == 0 {
        return None;
    }
    let mut end = 4;
    for _ in 0..MAX_WORDS {
        let last = header.get(end + 3)?;
        end += 4;
        if last & 0x80 == 0 {
            let at = if first & 0x01 != 0 {
                end.next_multiple_of(8) + 8
            } else {
                end
            };
            return header.get(at).copied();
        }
    }
    None
}

/// The ways a MAC header is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As on the air.
    Plain,
    /// Padded to a multiple of 4 bytes.
    Padded,
    /// With the two bytes of its frame control and sequence fields swapped.
    Swapped,
}

/// The MAC header of a data frame. Management, control, protected and empty frames carry nothing readable.
///
/// Of an aggregate (A-MSDU) only the first subframe is followed.
pub(super) fn frame(data: &[u8], layer: &mut Layer, form: Form) -> Result<Link, Stop> {
    let control: &[u8; 2] = layer.peek(data)?;
    let [kind, flags] = match form {
        Form::Swapped => [control[1], control[0]],
        Form::Plain | Form::Padded => *control,
    };
    const TO_AND_FROM_DS: u8 = 0x03;
    const MORE_FRAGMENTS: u8 = 0x04;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    const NO_DATA: u8 = 0x40;
    const QOS: u8 = 0x80;
    if kind & 0x03 != 0 {
        return Err(Stop::MALFORMED_LINK);
    }
    if kind & 0x0c != 0x08 || kind & NO_DATA != 0 || flags & PROTECTED != 0 {
        return Err(Stop::NotIp(RAW));
    }
    let head: &[u8; 24] = layer.peek(data)?;
    // A later fragment begins somewhere inside its packet. Who swaps one field swaps this one too.
    let sequence = if form == Form::Swapped {
        head[23]
    } else {
        head[22]
    };
    if sequence & 0x0f != 0 {
        return Err(Stop::NotIp(RAW));
    }
    if flags & MORE_FRAGMENTS != 0 {
        layer.fragmented = true;
    }
    let mut length = 24;
    if flags & TO_AND_FROM_DS == TO_AND_FROM_DS {
        length += 6;
    }
    let mut aggregate = false;
    if kind & QOS != 0 {
        let qos = layer.rest(data).get(length).copied();
        aggregate = qos.is_some_and(|qos| qos & 0x80 != 0);
        length += if flags & ORDER != 0 { 6 } else { 2 };
    }
    if form == Form::Padded {
        length = usize::next_multiple_of(length, 4);
    }
    layer.skip(length)?;
    if aggregate {
        let subframe: &[u8; 14] = layer.take(data)?;
        layer.limit(usize::from(u16::from_be_bytes([
            subframe[12],
            subframe[13],
        ])));
    }
    Ok(Link::Llc)
}
