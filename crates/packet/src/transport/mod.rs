//! The transport layer: ports, payload bounds and, from them, the view.

pub(crate) mod checksum;
pub(crate) mod icmp;
pub(crate) mod tcp;

use crate::bytes::{be16, u16_at};
use crate::decode::{DecodeOptions, FrameBytes};
use crate::general::Carried;
use crate::key::{Direction, FlowKey};
use crate::layer::Layer;
use crate::network::{self, Datagram};
use crate::tunnel;
use crate::view::{Quote, View, ViewFlags, Views};

/// IP protocol numbers (IANA "Protocol Numbers").
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const IPV4: u8 = 4;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const IPV6: u8 = 41;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const ETHERIP: u8 = 97;
    pub(crate) const L2TP: u8 = 115;
    pub(crate) const SCTP: u8 = 132;
    pub(crate) const UDP_LITE: u8 = 136;
    pub(crate) const MPLS: u8 = 137;
    pub(crate) const ETHERNET: u8 = 143;
}

/// A transport header and payload: what was captured, and its length on the wire.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// The captured bytes from the transport header on.
    pub(crate) bytes: &'a [u8],
    /// The length on the wire in bytes.
    pub(crate) wire: usize,
    /// Not all of it is here (fragments, a mirror that cut it off): lengths in the header may point behind `wire`.
    pub(crate) fragment: bool,
}

/// What a transport header said.
#[derive(Clone, Copy, Default)]
pub(crate) struct Transport {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    /// Length of the header in bytes.
    pub(crate) header: usize,
    /// Length of header and payload on the wire in bytes.
    pub(crate) length: usize,
    /// Both directions have keys of their own.
    pub(crate) one_way: bool,
}

/// Makes the view of a packet and says what the packet carries further in.
pub(crate) fn view(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    layer: &Layer,
    datagram: &Datagram,
    views: &mut Views,
) -> Option<Carried> {
    let mut view = View {
        timestamp: frame.timestamp,
        ip_len: clamp(datagram.ip_len),
        ip_id: datagram.ip_id,
        flags: datagram.flags,
        fragment_offset: datagram.fragment_offset,
        frame: frame.index,
        tcp_window_scale: 255,
        ttl: datagram.ttl,
        tos: datagram.tos,
        tunnel: layer.tunnel,
        ..View::default()
    };
    if layer.has_parent {
        view.flags.set(ViewFlags::HAS_PARENT);
    }
    let later = datagram.flags.has(ViewFlags::LATER_FRAGMENT);
    let captured_end = datagram
        .captured_end
        .max(datagram.start.min(frame.data.len()));
    let segment = Segment {
        bytes: frame.data.get(datagram.start..captured_end).unwrap_or(&[]),
        wire: datagram.wire_end.saturating_sub(datagram.start),
        fragment: datagram.is_fragment() || datagram.goes_on || layer.fragmented,
    };
    let transport = if later {
        Transport {
            length: segment.wire,
            ..Transport::default()
        }
    } else {
        read(datagram.protocol, segment, &mut view)
    };
    let header = transport.header.min(transport.length);
    let payload_at = datagram.start.saturating_add(header);
    let payload_end = datagram.start.saturating_add(transport.length);
    let captured_payload_end = payload_end.min(captured_end);
    view.payload_len = clamp(transport.length - header);
    view.payload_offset = clamp(payload_at.min(captured_end));
    view.payload_captured = clamp(captured_payload_end.saturating_sub(payload_at));
    if datagram.is_fragment() {
        view.fragment_protocol = datagram.fragment_protocol;
        let head = payload_at.saturating_sub(datagram.fragment_start);
        view.fragment_head = u16::try_from(head).unwrap_or(u16::MAX);
    }

    let (mut key, direction) = key(datagram, &transport);
    layer.put_context(&mut key, options);
    view.key = key;
    if direction == Direction::HighToLow {
        view.flags.set(ViewFlags::HIGH_TO_LOW);
    }
    if transport.one_way {
        view.flags.set(ViewFlags::ONE_WAY);
    }
    if options.verify_checksums
        && !frame.checksum_trusted
        && !segment.fragment
        && segment.bytes.len() == segment.wire
        && datagram.plain_addresses
        && !checksum::transport(datagram, segment.bytes)
    {
        view.flags.set(ViewFlags::BAD_TRANSPORT_CHECKSUM);
    }
    let inner = Layer {
        at: payload_at,
        captured_end: captured_payload_end,
        wire_end: payload_end,
        vlan: 0,
        inner_vlan: 0,
        has_parent: true,
        fragmented: segment.fragment,
        ..*layer
    };
    if icmp::quotes(datagram.protocol, view.icmp_type) && !later {
        let quote = quote(frame.data, options, layer, inner, views.len());
        if quote.is_some_and(|quote| views.push_quote(quote)) {
            view.flags.set(ViewFlags::QUOTES);
        }
    }
    let broken = ViewFlags::MALFORMED_TRANSPORT.0 | ViewFlags::TRUNCATED_TRANSPORT.0;
    let sound = view.flags.0 & broken == 0;
    if !views.push(view) || later || !sound {
        return None;
    }
    tunnel::carried(frame.data, inner, datagram, &transport)
}

/// Reads the transport header of a protocol; those without one have all of the segment as payload.
fn read(number: u8, segment: Segment<'_>, view: &mut View) -> Transport {
    match number {
        protocol::TCP => tcp::read(segment, view),
        protocol::UDP | protocol::UDP_LITE => udp(number, segment, view),
        protocol::ICMP | protocol::ICMPV6 => icmp::read(number, segment, view),
        protocol::SCTP => sctp(segment, view),
        _ => Transport {
            length: segment.wire,
            ..Transport::default()
        },
    }
}

/// UDP (RFC 768) and UDP-Lite (RFC 3828, whose third field is the checksum's coverage).
fn udp(number: u8, segment: Segment<'_>, view: &mut View) -> Transport {
    let mut transport = ports(segment, 8, view);
    view.tcp_window = u16_at(segment.bytes, 6).unwrap_or(0);
    let field = u16_at(segment.bytes, 4).map_or(0, usize::from);
    // A length of 0 is a jumbogram's or an offload's.
    if number == protocol::UDP && field != 0 {
        if field < 8 {
            view.flags.set(ViewFlags::MALFORMED_TRANSPORT);
        } else {
            transport.length = field.min(segment.wire);
        }
    }
    transport
}

/// SCTP (RFC 9260): the common header.
fn sctp(segment: Segment<'_>, view: &mut View) -> Transport {
    let transport = ports(segment, 12, view);
    view.tcp_seq = crate::bytes::u32_at(segment.bytes, 4).unwrap_or(0);
    transport
}

/// The two ports that a header of `header` bytes begins with, and the flags if it is not all there.
pub(crate) fn ports(segment: Segment<'_>, header: usize, view: &mut View) -> Transport {
    if segment.wire < header && !segment.fragment {
        view.flags.set(ViewFlags::MALFORMED_TRANSPORT);
    } else if segment.bytes.len() < header {
        view.flags.set(ViewFlags::TRUNCATED_TRANSPORT);
    }
    let (source_port, destination_port) = match segment.bytes {
        [a, b, c, d, ..] => (be16(*a, *b), be16(*c, *d)),
        _ => (0, 0),
    };
    Transport {
        source_port,
        destination_port,
        header,
        length: segment.wire,
        one_way: false,
    }
}

/// The flow key of a packet, without context, and the packet's direction in it.
fn key(datagram: &Datagram, transport: &Transport) -> (FlowKey, Direction) {
    let source = (datagram.source, transport.source_port);
    let destination = (datagram.destination, transport.destination_port);
    let (mut key, direction) =
        FlowKey::new(source, destination, datagram.protocol, datagram.version);
    if transport.one_way && direction == Direction::HighToLow {
        // Type and code can be equal numbers: in numeric order, opposite messages would share a key.
        std::mem::swap(&mut key.low_addr, &mut key.high_addr);
        std::mem::swap(&mut key.low_port, &mut key.high_port);
        return (key, Direction::LowToHigh);
    }
    (key, direction)
}

/// The conversation that the packet quoted at `quoted` belongs to; none if the quotation is too short to tell.
fn quote(
    data: &[u8],
    options: &DecodeOptions,
    context: &Layer,
    quoted: Layer,
    view: usize,
) -> Option<Quote> {
    // The quotation is mostly shorter than the packet whose lengths it states.
    let quoted = Layer {
        fragmented: true,
        ..quoted
    };
    let datagram = network::read(data, &quoted, false).ok()?;
    if datagram.flags.has(ViewFlags::LATER_FRAGMENT) {
        return None;
    }
    let bytes = data.get(datagram.start..datagram.captured_end)?;
    let mut scratch = View::default();
    let segment = Segment {
        bytes,
        wire: bytes.len(),
        fragment: true,
    };
    if bytes.len() < 4 && has_ports(datagram.protocol) {
        return None;
    }
    let transport = read(datagram.protocol, segment, &mut scratch);
    let (mut key, direction) = key(&datagram, &transport);
    context.put_context(&mut key, options);
    Some(Quote {
        view: view as u16,
        high_to_low: direction == Direction::HighToLow,
        key,
    })
}

/// Whether the key of this protocol's packets needs the first bytes of their transport header.
fn has_ports(number: u8) -> bool {
    use protocol as p;
    matches!(
        number,
        p::ICMP | p::TCP | p::UDP | p::ICMPV6 | p::SCTP | p::UDP_LITE
    )
}

/// A length as views have it. No frame is longer than 4 GiB.
fn clamp(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
