//! The fast path: Ethernet with at most one VLAN tag, an IP header without options, TCP or UDP, nothing unusual.
//!
//! Nearly all frames are such. Whatever else it meets it leaves to the general path, which gives the same answer for
//! these frames too (a property test holds the two together). Fields go straight from the frame to the slot of
//! the view, so that little has to be kept in registers; a slot that is given up half written is no view.

use crate::bytes::be16;
use crate::decode::{DecodeOptions, FrameBytes};
use crate::key::FlowKey;
use crate::link::ethertype;
use crate::network::Datagram;
use crate::transport::{checksum, protocol, tcp};
use crate::tunnel;
use crate::view::{TcpFlags, Tunnel, View, ViewFlags, Views};

/// Length of an Ethernet header in bytes.
const ETHERNET: usize = 14;
/// Length of a VLAN tag in bytes.
const TAG: usize = 4;
/// Bytes of a segment that must have been captured: TCP's header without options, or UDP's and some payload. One length is tested with the IP header's.
const SEGMENT: usize = tcp::MIN_HEADER;

/// Decodes an Ethernet frame if it is of the usual kind; `false`: there is no new view.
#[inline(always)]
pub(crate) fn ethernet(frame: &FrameBytes<'_>, options: &DecodeOptions, views: &mut Views) -> bool {
    let Some(head) = frame.data.first_chunk::<{ ETHERNET + TAG }>() else {
        return false;
    };
    let vlan = frame.vlan.map_or(0, |tag| tag.tci);
    // The kind as it stands in the frame: what is commonest is asked for first, and turned round by nobody.
    let kind = u16::from_ne_bytes([head[12], head[13]]);
    if kind != ethertype::VLAN.to_be() {
        return ip(frame, options, views, kind, ETHERNET, vlan);
    }
    if frame.vlan.is_some() {
        return false;
    }
    let (tci, kind) = (
        be16(head[14], head[15]),
        u16::from_ne_bytes([head[16], head[17]]),
    );
    ip(frame, options, views, kind, ETHERNET + TAG, tci)
}

/// `kind` is in the byte order of the wire.
#[inline(always)]
fn ip(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    views: &mut Views,
    kind: u16,
    at: usize,
    tci: u16,
) -> bool {
    let Some(packet) = frame.data.get(at..) else {
        return false;
    };
    let Some((view, count)) = views.slot() else {
        return false;
    };
    let done = if kind == ethertype::IPV4.to_be() {
        ipv4(frame, options, view, packet, at)
    } else {
        kind == ethertype::IPV6.to_be() && ipv6(frame, options, view, packet, at)
    };
    if !done {
        return false;
    }
    view.key.vlan = if options.key.vlan { tci & 0x0fff } else { 0 };
    view.key.inner_vlan = 0;
    view.timestamp = frame.timestamp;
    view.frame = frame.index;
    *count += 1;
    true
}

#[inline(always)]
fn ipv4(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    view: &mut View,
    packet: &[u8],
    at: usize,
) -> bool {
    const HEADER: usize = 20;
    let Some((head, behind)) = packet.split_first_chunk::<{ HEADER + SEGMENT }>() else {
        return false;
    };
    let Some((head, segment)) = head.split_first_chunk::<HEADER>() else {
        return false;
    };
    let total = usize::from(be16(head[2], head[3]));
    let fragment = u16::from_ne_bytes([head[6], head[7]]) & 0x3fff_u16.to_be();
    // No options, no fragment, and all of it on the wire.
    if head[0] != 0x45 || fragment != 0 || total + at > frame.wire_len as usize || total < 28 {
        return false;
    }
    let bounds = (at + HEADER, total - HEADER);
    let Some(ports) = transport(view, (4, head[9]), segment, behind, bounds) else {
        return false;
    };
    let source = u32::from_be_bytes([head[12], head[13], head[14], head[15]]);
    let destination = u32::from_be_bytes([head[16], head[17], head[18], head[19]]);
    // An endpoint is one number, so that their order needs no branch.
    let from = u64::from(source) << 16 | u64::from(ports >> 16);
    let to = u64::from(destination) << 16 | u64::from(ports & 0xffff);
    let (low, high) = (from.min(to), from.max(to));
    view.flags.0 |= u32::from(from > to) * ViewFlags::HIGH_TO_LOW.0;
    view.key.low_addr = wide(low);
    view.key.high_addr = wide(high);
    view.key.low_port = low as u16;
    view.key.high_port = high as u16;
    view.ip_len = total as u32;
    view.ip_id = u32::from(be16(head[4], head[5]));
    view.ttl = head[8];
    view.tos = head[1];
    if options.verify_checksums {
        if !checksum::ipv4_header(head) {
            view.flags.set(ViewFlags::BAD_IP_CHECKSUM);
        }
        if !frame.checksum_trusted {
            verify(frame.data, view, at + HEADER, at + total);
        }
    }
    true
}

/// The address of an endpoint that is an IPv4 address and a port.
#[inline(always)]
fn wide(endpoint: u64) -> [u8; 16] {
    (0xffff_u128 << 32 | u128::from(endpoint >> 16)).to_be_bytes()
}

#[inline(always)]
fn ipv6(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    view: &mut View,
    packet: &[u8],
    at: usize,
) -> bool {
    const HEADER: usize = 40;
    let Some((head, behind)) = packet.split_first_chunk::<{ HEADER + SEGMENT }>() else {
        return false;
    };
    let Some((head, segment)) = head.split_first_chunk::<HEADER>() else {
        return false;
    };
    let payload = usize::from(be16(head[4], head[5]));
    if head[0] >> 4 != 6 || payload + HEADER + at > frame.wire_len as usize || payload < 8 {
        return false;
    }
    let (Some(source), Some(destination)) = (
        head.get(8..24).and_then(|b| b.first_chunk::<16>()),
        head.get(24..40).and_then(|b| b.first_chunk::<16>()),
    ) else {
        return false;
    };
    let bounds = (at + HEADER, payload);
    let Some(ports) = transport(view, (6, head[6]), segment, behind, bounds) else {
        return false;
    };
    let from = (u128::from_be_bytes(*source), ports >> 16);
    let to = (u128::from_be_bytes(*destination), ports & 0xffff);
    let reverse = from > to;
    let (low, high) = if reverse { (to, from) } else { (from, to) };
    view.flags.0 |= u32::from(reverse) * ViewFlags::HIGH_TO_LOW.0;
    view.key.low_addr = low.0.to_be_bytes();
    view.key.high_addr = high.0.to_be_bytes();
    view.key.low_port = low.1 as u16;
    view.key.high_port = high.1 as u16;
    view.ip_len = (payload + HEADER) as u32;
    view.ip_id = 0;
    view.ttl = head[7];
    view.tos = head[0] << 4 | head[1] >> 4;
    if options.verify_checksums && !frame.checksum_trusted {
        verify(frame.data, view, at + HEADER, at + HEADER + payload);
    }
    true
}

/// Reads a whole TCP or UDP header that has nothing unusual. `kind` is the IP version and the protocol; `head` begins the segment, `behind` is what was captured behind that;
/// `bounds` are where the segment begins in the frame and its length. Gives the source port in the high half and the destination port in the low half.
#[inline(always)]
fn transport(
    view: &mut View,
    kind: (u8, u8),
    head: &[u8],
    behind: &[u8],
    bounds: (usize, usize),
) -> Option<u32> {
    let head = head.first_chunk::<SEGMENT>()?;
    let (at, length) = bounds;
    match kind.1 {
        protocol::TCP => {
            let header = usize::from(head[12] >> 2 & 0x3c);
            if header < tcp::MIN_HEADER || header > length {
                return None;
            }
            view.tcp_seq = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
            view.tcp_ack = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
            view.tcp_window = be16(head[14], head[15]);
            clear(view, (kind.0, protocol::TCP), TcpFlags(head[13]));
            if header == tcp::MIN_HEADER {
                payload(
                    view,
                    at + tcp::MIN_HEADER,
                    length - tcp::MIN_HEADER,
                    behind.len(),
                );
            } else {
                let (options, behind) = behind.split_at_checked(header - tcp::MIN_HEADER)?;
                tcp::options(options, view);
                payload(view, at + header, length - header, behind.len());
            }
        }
        protocol::UDP => {
            let stated = usize::from(be16(head[4], head[5]));
            if stated < 8
                || stated > length
                || tunnel::is_port(be16(head[0], head[1]))
                || tunnel::is_port(be16(head[2], head[3]))
                || head[8..]
                    .first_chunk()
                    .is_some_and(|first| tunnel::teredo::may_begin(first, stated - 8))
            {
                return None;
            }
            view.tcp_seq = 0;
            view.tcp_ack = 0;
            view.tcp_window = be16(head[6], head[7]);
            clear(view, (kind.0, protocol::UDP), TcpFlags(0));
            payload(view, at + 8, stated - 8, behind.len() + SEGMENT - 8);
        }
        _ => return None,
    }
    Some(u32::from_be_bytes([head[0], head[1], head[2], head[3]]))
}

/// Writes what is the same in all views of this version and protocol, and what TCP's options say where there are none.
#[inline(always)]
fn clear(view: &mut View, kind: (u8, u8), flags: TcpFlags) {
    view.key.tunnel = 0;
    view.key.protocol = kind.1;
    view.key.version = kind.0;
    view.key.reserved = 0;
    view.tcp_tsval = 0;
    view.tcp_tsecr = 0;
    view.flags = ViewFlags(0);
    view.tcp_mss = 0;
    view.fragment_offset = 0;
    view.tunnel = Tunnel::None;
    view.icmp_type = 0;
    view.icmp_code = 0;
    view.fragment_protocol = 0;
    view.fragment_head = 0;
    view.tcp_flags = flags;
    view.tcp_window_scale = 255;
}

/// Writes the bounds of a payload; `captured` bytes were captured of it and of what follows it.
#[inline(always)]
fn payload(view: &mut View, at: usize, length: usize, captured: usize) {
    view.payload_offset = at as u32;
    view.payload_len = length as u32;
    view.payload_captured = length.min(captured) as u32;
}

/// Verifies the transport checksum of the segment from `start` to `end`, if it can be.
#[inline(never)]
fn verify(data: &[u8], view: &mut View, start: usize, end: usize) {
    let Some(segment) = data.get(start..end) else {
        return;
    };
    let FlowKey {
        low_addr,
        high_addr,
        protocol,
        version,
        ..
    } = view.key;
    // The sum is the same whichever of the addresses is the source.
    let datagram = Datagram {
        source: low_addr,
        destination: high_addr,
        version,
        protocol,
        ..Datagram::whole(start, end, end)
    };
    if !checksum::transport(&datagram, segment) {
        view.flags.set(ViewFlags::BAD_TRANSPORT_CHECKSUM);
    }
}
