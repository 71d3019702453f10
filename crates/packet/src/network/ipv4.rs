//! IPv4 (RFC 791).

use super::{Datagram, MALFORMED, at_ip, stated};
use crate::bytes::be16;
use crate::key::mapped;
use crate::layer::{Layer, Stop};
use crate::network::ipv6;
use crate::transport::checksum;
use crate::view::ViewFlags;

/// The more-fragments bit of the flags and fragment-offset field.
pub(crate) const MORE_FRAGMENTS: u16 = 0x2000;
/// The offset bits of that field.
pub(crate) const OFFSET: u16 = 0x1fff;

/// Reads an IPv4 header.
pub(super) fn read(data: &[u8], layer: &Layer, verify: bool) -> Result<Datagram, Stop> {
    let head: &[u8; 20] = layer.peek(data).map_err(at_ip)?;
    let header = usize::from(head[0] & 0x0f) * 4;
    if header < 20 {
        return Err(MALFORMED);
    }
    let (ip_len, goes_on) = total_length(be16(head[2], head[3]), header, layer)?;
    let fragment = be16(head[6], head[7]);
    let mut flags = ViewFlags::default();
    if fragment & OFFSET != 0 {
        flags.set(ViewFlags::LATER_FRAGMENT);
    } else if fragment & MORE_FRAGMENTS != 0 {
        flags.set(ViewFlags::FIRST_FRAGMENT);
    }
    if fragment & MORE_FRAGMENTS != 0 {
        flags.set(ViewFlags::MORE_FRAGMENTS);
    }
    let wire_end = layer.at.saturating_add(ip_len);
    let captured_end = layer.captured_end.min(wire_end);
    let start = layer.at + header;
    if verify
        && let Some(whole) = data.get(layer.at..start.min(captured_end))
        && whole.len() == header
        && !checksum::ipv4_header(whole)
    {
        flags.set(ViewFlags::BAD_IP_CHECKSUM);
    }
    let mut datagram = Datagram {
        source: mapped([head[12], head[13], head[14], head[15]]),
        destination: mapped([head[16], head[17], head[18], head[19]]),
        version: 4,
        protocol: head[9],
        ttl: head[8],
        tos: head[1],
        ip_id: u32::from(be16(head[4], head[5])),
        flags,
        fragment_offset: fragment & OFFSET,
        fragment_protocol: head[9],
        fragment_start: start,
        ip_len,
        goes_on,
        start,
        captured_end,
        wire_end,
        // With a source route left to go, the pseudo-header has another destination (RFC 1122 section 4.1.3.5).
        plain_addresses: header == 20,
    };
    if datagram.protocol == ipv6::next_header::AUTHENTICATION && fragment & OFFSET == 0 {
        ipv6::follow(data, &mut datagram)?;
    }
    Ok(datagram)
}

/// The packet's length on the wire, and whether it goes on behind what carries it. A total length of 0 is written by segmentation offload, and the wire
/// decides.
fn total_length(total: u16, header: usize, layer: &Layer) -> Result<(usize, bool), Stop> {
    let (length, goes_on) = match usize::from(total) {
        0 => (layer.wire_rest(), false),
        total => stated(total, layer),
    };
    if length < header {
        Err(MALFORMED)
    } else {
        Ok((length, goes_on))
    }
}
