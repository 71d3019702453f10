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

/// Decodes an Ethernet frame if it is of the usual kind; `false`: there is no new view.
#[inline(always)]
pub(crate) fn ethernet(frame: &FrameBytes<'_>, options: &DecodeOptions, views: &mut Views) -> bool {
    let Some(head) = frame.data.first_chunk::<{ ETHERNET + TAG }>() else {
        return false;
    };
    let kind = be16(head[12], head[13]);
    let vlan = frame.vlan.map_or(0, |tag| tag.tci);
    if kind != ethertype::VLAN {
        return ip(frame, options, views, kind, ETHERNET, vlan);
    }
    if frame.vlan.is_some() {
        return false;
    }
    let kind = be16(head[16], head[17]);
    ip(
        frame,
        options,
        views,
        kind,
        ETHERNET + TAG,
        be16(head[14], head[15]),
    )
}

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
    let done = match kind {
        ethertype::IPV4 => ipv4(frame, options, view, packet, at),
        ethertype::IPV6 => ipv6(frame, options, view, packet, at),
        _ => false,
    };
    if !done {
        return false;
    }
    view.key.vlan = if options.key.vlan { tci & 0x0fff } else { 0 };
    view.key.inner_vlan = 0;
    view.key.tunnel = 0;
    view.key.reserved = 0;
    view.timestamp = frame.timestamp;
    view.hash = 0;
    view.fragment_offset = 0;
    view.frame = frame.index;
    view.tunnel = Tunnel::None;
    view.icmp_type = 0;
    view.icmp_code = 0;
    view.reserved = 0;
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
    let Some((head, rest)) = packet.split_first_chunk::<20>() else {
        return false;
    };
    let total = usize::from(be16(head[2], head[3]));
    // No options, no fragment, and all of it on the wire.
    if head[0] != 0x45
        || be16(head[6], head[7]) & 0x3fff != 0
        || total + at > frame.wire_len as usize
        || total < 28
    {
        return false;
    }
    let Some(ports) = transport(view, head[9], rest, at + 20, total - 20) else {
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
    view.key.protocol = head[9];
    view.key.version = 4;
    view.ip_len = total as u32;
    view.ip_id = u32::from(be16(head[4], head[5]));
    view.ttl = head[8];
    view.tos = head[1];
    if options.verify_checksums {
        if !checksum::ipv4_header(head) {
            view.flags.set(ViewFlags::BAD_IP_CHECKSUM);
        }
        verify(frame, view, at + 20, at + total);
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
    let Some((head, rest)) = packet.split_first_chunk::<40>() else {
        return false;
    };
    let payload = usize::from(be16(head[4], head[5]));
    if head[0] >> 4 != 6 || payload + 40 + at > frame.wire_len as usize || payload < 8 {
        return false;
    }
    let (Some(source), Some(destination)) = (
        head.get(8..24).and_then(|b| b.first_chunk::<16>()),
        head.get(24..40).and_then(|b| b.first_chunk::<16>()),
    ) else {
        return false;
    };
    let Some(ports) = transport(view, head[6], rest, at + 40, payload) else {
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
    view.key.protocol = head[6];
    view.key.version = 6;
    view.ip_len = (payload + 40) as u32;
    view.ip_id = 0;
    view.ttl = head[7];
    view.tos = head[0] << 4 | head[1] >> 4;
    if options.verify_checksums {
        verify(frame, view, at + 40, at + 40 + payload);
    }
    true
}

/// Reads a whole TCP or UDP header that has nothing unusual, of a segment of `length` bytes that begins at `at`. Gives
/// the source port in the high half and the destination port in the low half.
#[inline(always)]
fn transport(view: &mut View, number: u8, bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    match number {
        protocol::TCP => {
            let head = bytes.first_chunk::<{ tcp::MIN_HEADER }>()?;
            let header = usize::from(head[12] >> 2 & 0x3c);
            if header < tcp::MIN_HEADER || header > length {
                return None;
            }
            view.tcp_seq = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
            view.tcp_ack = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
            view.tcp_window = be16(head[14], head[15]);
            view.tcp_flags = TcpFlags(head[13]);
            clear_options(view);
            if header > tcp::MIN_HEADER {
                tcp::options(bytes.get(tcp::MIN_HEADER..header)?, view);
            }
            payload(view, at + header, length - header, bytes.len() - header);
            Some(u32::from_be_bytes([head[0], head[1], head[2], head[3]]))
        }
        protocol::UDP => {
            let (head, behind) = bytes.split_first_chunk::<8>()?;
            let stated = usize::from(be16(head[4], head[5]));
            if stated < 8
                || stated > length
                || tunnel::is_port(be16(head[0], head[1]))
                || tunnel::is_port(be16(head[2], head[3]))
                || behind
                    .first_chunk()
                    .is_some_and(|first| tunnel::teredo::may_begin(first, stated - 8))
            {
                return None;
            }
            view.tcp_seq = 0;
            view.tcp_ack = 0;
            view.tcp_window = 0;
            view.tcp_flags = TcpFlags(0);
            clear_options(view);
            payload(view, at + 8, stated - 8, behind.len());
            Some(u32::from_be_bytes([head[0], head[1], head[2], head[3]]))
        }
        _ => None,
    }
}

/// What TCP's options say where there are none.
#[inline(always)]
fn clear_options(view: &mut View) {
    view.tcp_tsval = 0;
    view.tcp_tsecr = 0;
    view.flags = ViewFlags(0);
    view.tcp_mss = 0;
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
fn verify(frame: &FrameBytes<'_>, view: &mut View, start: usize, end: usize) {
    if frame.checksum_trusted {
        return;
    }
    let Some(segment) = frame.data.get(start..end) else {
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
