//! IPv6 and its extension headers (RFC 8200).

use super::{Datagram, MALFORMED, TRUNCATED, at_ip, stated};
use crate::bytes::{array, be16, u32_at};
use crate::layer::{Layer, Stop};
use crate::limits::MAX_EXTENSION_HEADERS;
use crate::outcome::Undecodable;
use crate::view::ViewFlags;

/// Next-header values that are extension headers (IANA "IPv6 Extension Header Types").
pub(crate) mod next_header {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const AUTHENTICATION: u8 = 51;
    pub(crate) const NONE: u8 = 59;
    pub(crate) const DESTINATION: u8 = 60;
    pub(crate) const MOBILITY: u8 = 135;
    pub(crate) const HOST_IDENTITY: u8 = 139;
    pub(crate) const SHIM6: u8 = 140;
}

/// Reads an IPv6 header and follows its chain of extension headers.
pub(super) fn read(data: &[u8], layer: &Layer) -> Result<Datagram, Stop> {
    let head: &[u8; 40] = layer.peek(data).map_err(at_ip)?;
    let payload = usize::from(be16(head[4], head[5]));
    let room = layer.wire_rest();
    let (ip_len, goes_on) = match payload {
        0 => {
            let length = jumbo_length(data, layer, head[6]);
            (length.map_or(room, |length| length.min(room)), false)
        }
        _ => stated(payload + 40, layer),
    };
    if ip_len < 40 {
        return Err(MALFORMED);
    }
    let mut datagram = Datagram {
        source: *array(head, 8).unwrap_or(&[0; 16]),
        destination: *array(head, 24).unwrap_or(&[0; 16]),
        version: 6,
        protocol: head[6],
        ttl: head[7],
        tos: head[0] << 4 | head[1] >> 4,
        ip_id: 0,
        flags: ViewFlags::default(),
        fragment_offset: 0,
        fragment_protocol: 0,
        fragment_start: layer.at + 40,
        ip_len,
        goes_on,
        start: layer.at + 40,
        captured_end: layer.captured_end.min(layer.at + ip_len),
        wire_end: layer.at + ip_len,
        plain_addresses: true,
    };
    follow(data, &mut datagram)?;
    Ok(datagram)
}

/// The packet's length if a payload length of 0 means one: that of the jumbo payload option (RFC 2675), or 40 if nothing can follow.
fn jumbo_length(data: &[u8], layer: &Layer, next: u8) -> Option<usize> {
    const JUMBO: u8 = 0xc2;
    if next == next_header::NONE {
        return Some(40);
    }
    if next != next_header::HOP_BY_HOP {
        return None;
    }
    let header = layer.at + 40;
    let length = (usize::from(*data.get(header + 1)?) + 1) * 8;
    let end = (header + length).min(layer.captured_end);
    let mut at = header + 2;
    // Every turn moves on by at least one byte; the header has at most 2048.
    while at < end {
        match *data.get(at)? {
            0 => at += 1,
            JUMBO => return Some(u32_at(data, at + 2)? as usize + 40),
            _ => at += 2 + usize::from(*data.get(at + 1)?),
        }
    }
    None
}

/// Follows extension headers from `datagram.start` on, until the transport or a later fragment.
///
/// # Errors
/// [`Undecodable::MalformedExtensionHeaders`] if the chain leaves the packet or is too long,
/// [`Undecodable::TruncatedIp`] if the capture ends inside it.
pub(super) fn follow(data: &[u8], datagram: &mut Datagram) -> Result<(), Stop> {
    const MALFORMED_CHAIN: Stop = Stop::Undecodable(Undecodable::MalformedExtensionHeaders);
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let kind = datagram.protocol;
        if !is_extension(kind) {
            return Ok(());
        }
        let at = datagram.start;
        let captured = data.get(at..datagram.captured_end).unwrap_or(&[]);
        let short = |length: usize| {
            if at + length > datagram.wire_end {
                MALFORMED_CHAIN
            } else {
                TRUNCATED
            }
        };
        let head = captured.first_chunk::<8>().ok_or_else(|| short(8))?;
        let length = match kind {
            next_header::FRAGMENT => 8,
            // In units of 4 bytes, less 2 (RFC 4302 section 2.2).
            next_header::AUTHENTICATION => (usize::from(head[1]) + 2) * 4,
            _ => (usize::from(head[1]) + 1) * 8,
        };
        let header = captured.get(..length).ok_or_else(|| short(length))?;
        match kind {
            next_header::MOBILITY | next_header::HOST_IDENTITY | next_header::SHIM6
                if head[0] == next_header::NONE =>
            {
                // A message of its own: the protocol is this one.
                return Ok(());
            }
            next_header::ROUTING if head[3] != 0 => datagram.plain_addresses = false,
            next_header::DESTINATION if has_home_address(header) => {
                datagram.plain_addresses = false;
            }
            next_header::FRAGMENT => fragment(head, datagram),
            _ => {}
        }
        datagram.protocol = head[0];
        datagram.start = at + length;
        if kind == next_header::FRAGMENT {
            datagram.fragment_start = datagram.start;
        }
        if datagram.flags.has(ViewFlags::LATER_FRAGMENT) {
            return Ok(());
        }
    }
    Err(MALFORMED_CHAIN)
}

/// Whether a header with this number is followed.
fn is_extension(kind: u8) -> bool {
    use next_header as n;
    matches!(
        kind,
        n::HOP_BY_HOP
            | n::ROUTING
            | n::FRAGMENT
            | n::AUTHENTICATION
            | n::DESTINATION
            | n::MOBILITY
            | n::HOST_IDENTITY
            | n::SHIM6
    )
}

/// The fragment header (RFC 8200 section 4.5). One with offset 0 and no more to come makes an atomic
/// fragment (RFC 6946), which is a whole packet.
fn fragment(head: &[u8; 8], datagram: &mut Datagram) {
    let field = be16(head[2], head[3]);
    datagram.ip_id = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    datagram.fragment_offset = field >> 3;
    if field >> 3 != 0 {
        datagram.flags.set(ViewFlags::LATER_FRAGMENT);
    } else if field & 1 != 0 {
        datagram.flags.set(ViewFlags::FIRST_FRAGMENT);
    }
    if field & 1 != 0 {
        datagram.flags.set(ViewFlags::MORE_FRAGMENTS);
    }
}

/// Whether a destination options header holds the home address option (RFC 6275 section 6.3).
fn has_home_address(header: &[u8]) -> bool {
    const HOME_ADDRESS: u8 = 0xc9;
    let mut rest = header.get(2..).unwrap_or(&[]);
    while let [kind, tail @ ..] = rest {
        match (*kind, tail) {
            (HOME_ADDRESS, _) => return true,
            (0, _) => rest = tail,
            (_, [length, tail @ ..]) => rest = tail.get(usize::from(*length)..).unwrap_or(&[]),
            _ => return false,
        }
    }
    false
}
