//! TCP (RFC 9293) and the options that flows want to know.

use super::{Segment, Transport, ports};
use crate::bytes::{be16, u32_at};
use crate::view::{TcpFlags, View, ViewFlags};

/// Length of a header without options in bytes.
pub(crate) const MIN_HEADER: usize = 20;

/// Reads a header, as much of it as was captured.
pub(super) fn read(segment: Segment<'_>, view: &mut View) -> Transport {
    let bytes = segment.bytes;
    let mut transport = ports(segment, MIN_HEADER, view);
    view.tcp_seq = u32_at(bytes, 4).unwrap_or(0);
    view.tcp_ack = u32_at(bytes, 8).unwrap_or(0);
    let Some(&offset) = bytes.get(12) else {
        return transport;
    };
    view.tcp_flags = TcpFlags(bytes.get(13).copied().unwrap_or(0));
    if let [high, low] = bytes.get(14..16).unwrap_or(&[]) {
        view.tcp_window = be16(*high, *low);
    }
    let header = usize::from(offset >> 4) * 4;
    if header < MIN_HEADER || (header > segment.wire && !segment.fragment) {
        view.flags.set(ViewFlags::MALFORMED_TRANSPORT);
        return transport;
    }
    transport.header = header;
    if header > bytes.len() {
        view.flags.set(ViewFlags::TRUNCATED_TRANSPORT);
    }
    if let Some(found) = bytes.get(MIN_HEADER..header.min(bytes.len())) {
        options(found, view);
    }
    transport
}

/// Option kinds (IANA "TCP Option Kind Numbers").
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMP: u8 = 8;
}

/// Reads options into the view. A length that does not fit ends the reading.
#[inline(always)]
pub(crate) fn options(bytes: &[u8], view: &mut View) {
    // What nearly every segment of an established connection has, and nothing else (RFC 7323 appendix A).
    const USUAL: u32 = u32::from_be_bytes([kind::NOP, kind::NOP, kind::TIMESTAMP, 10]);
    if let Ok([m, n, o, p, a, b, c, d, e, f, g, h]) = <&[u8; 12]>::try_from(bytes)
        && u32::from_be_bytes([*m, *n, *o, *p]) == USUAL
    {
        view.tcp_tsval = u32::from_be_bytes([*a, *b, *c, *d]);
        view.tcp_tsecr = u32::from_be_bytes([*e, *f, *g, *h]);
        view.flags.set(ViewFlags::TCP_TIMESTAMP);
        return;
    }
    any_options(bytes, view);
}

/// Reads options of any kind in any order.
#[inline(never)]
fn any_options(bytes: &[u8], view: &mut View) {
    let mut rest = bytes;
    // Every turn takes at least one of at most 40 bytes.
    while let [number, tail @ ..] = rest {
        match *number {
            kind::END => return,
            kind::NOP => {
                rest = tail;
                continue;
            }
            _ => {}
        }
        let [length, ..] = tail else {
            return;
        };
        let length = usize::from(*length);
        let (Some(option), Some(behind)) = (rest.get(2..length), rest.get(length..)) else {
            return;
        };
        option_value(*number, option, view);
        rest = behind;
    }
}

/// Notes one option's value, if it has the length that its kind has.
fn option_value(number: u8, value: &[u8], view: &mut View) {
    match (number, value) {
        (kind::MSS, [high, low]) => view.tcp_mss = be16(*high, *low),
        (kind::WINDOW_SCALE, [shift]) => view.tcp_window_scale = *shift,
        (kind::SACK_PERMITTED, []) => view.flags.set(ViewFlags::TCP_SACK_PERMITTED),
        (kind::SACK, [_, ..]) if value.len().is_multiple_of(8) => {
            view.flags.set(ViewFlags::TCP_SACK);
        }
        (kind::TIMESTAMP, [a, b, c, d, e, f, g, h]) => {
            view.tcp_tsval = u32::from_be_bytes([*a, *b, *c, *d]);
            view.tcp_tsecr = u32::from_be_bytes([*e, *f, *g, *h]);
            view.flags.set(ViewFlags::TCP_TIMESTAMP);
        }
        _ => {}
    }
}
