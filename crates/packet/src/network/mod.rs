//! The network layer: IPv4 and IPv6 headers, down to where the transport begins.

pub(crate) mod ipv4;
pub(crate) mod ipv6;

use crate::decode::{DecodeOptions, FrameBytes};
use crate::general::Carried;
use crate::layer::{Layer, Stop};
use crate::outcome::Undecodable;
use crate::transport;
use crate::view::{ViewFlags, Views};

/// What an IP header (and its extension headers) said. Positions are offsets from the frame's first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram {
    /// Source address as keys have it.
    pub(crate) source: [u8; 16],
    /// Destination address as keys have it.
    pub(crate) destination: [u8; 16],
    /// 4 or 6.
    pub(crate) version: u8,
    /// The protocol behind the last header that was followed.
    pub(crate) protocol: u8,
    /// Time to live or hop limit.
    pub(crate) ttl: u8,
    /// Type of service or traffic class.
    pub(crate) tos: u8,
    /// See [`crate::View::ip_id`].
    pub(crate) ip_id: u32,
    /// What is known of fragments and the header checksum.
    pub(crate) flags: ViewFlags,
    /// In units of 8 bytes.
    pub(crate) fragment_offset: u16,
    /// See [`crate::View::fragment_protocol`], but of every packet.
    pub(crate) fragment_protocol: u8,
    /// Where the part begins that is fragmented, if any is.
    pub(crate) fragment_start: usize,
    /// The whole packet on the wire in bytes, headers included.
    pub(crate) ip_len: usize,
    /// The packet is longer than what carries it: the rest is in other fragments of that, or was cut off by a mirror.
    pub(crate) goes_on: bool,
    /// Where the transport begins.
    pub(crate) start: usize,
    /// Where the captured part of the packet ends.
    pub(crate) captured_end: usize,
    /// Where the packet ended on the wire.
    pub(crate) wire_end: usize,
    /// The addresses are those of the transport checksum's pseudo-header (no source route, no home address).
    pub(crate) plain_addresses: bool,
}

impl Datagram {
    /// A datagram that is no fragment, all zero but its bounds.
    #[inline(always)]
    pub(crate) fn whole(start: usize, captured_end: usize, wire_end: usize) -> Datagram {
        Datagram {
            source: [0; 16],
            destination: [0; 16],
            version: 0,
            protocol: 0,
            ttl: 0,
            tos: 0,
            ip_id: 0,
            flags: ViewFlags::default(),
            fragment_offset: 0,
            fragment_protocol: 0,
            fragment_start: start,
            ip_len: 0,
            goes_on: false,
            start,
            captured_end,
            wire_end,
            plain_addresses: true,
        }
    }

    /// Whether this is part of a fragmented datagram.
    pub(crate) fn is_fragment(&self) -> bool {
        let any = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;
        self.flags.0 & any != 0
    }
}

/// Decodes the packet at `layer`'s position into a view, and says what it carries.
///
/// # Errors
/// Why there is no packet there.
pub(crate) fn decode(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    layer: Layer,
    views: &mut Views,
) -> Result<Option<Carried>, Stop> {
    let datagram = read(frame.data, &layer, options.verify_checksums)?;
    Ok(transport::view(frame, options, &layer, &datagram, views))
}

/// How long a packet is whose header states `length` bytes, and whether it goes on behind what carries it: in other fragments, or because a mirror cut it
/// off. Of others what is stated beyond the wire is not believed.
pub(crate) fn stated(length: usize, layer: &Layer) -> (usize, bool) {
    let room = layer.wire_rest();
    let goes_on = length > room && (layer.fragmented || layer.tunnel.mirrors());
    let length = if goes_on { length } else { length.min(room) };
    (length, goes_on)
}

/// Reads the IP header at `layer`'s position.
///
/// # Errors
/// Why there is none.
pub(crate) fn read(data: &[u8], layer: &Layer, verify: bool) -> Result<Datagram, Stop> {
    let first: &[u8; 1] = layer.peek(data).map_err(at_ip)?;
    match first[0] >> 4 {
        4 => ipv4::read(data, layer, verify),
        6 => ipv6::read(data, layer),
        _ => Err(MALFORMED),
    }
}

/// An IP header that contradicts itself.
pub(crate) const MALFORMED: Stop = Stop::Undecodable(Undecodable::MalformedIp);

/// The capture ends inside an IP header.
pub(crate) const TRUNCATED: Stop = Stop::Undecodable(Undecodable::TruncatedIp);

/// The error of a reading that went past a bound, when what was read is an IP header.
pub(crate) fn at_ip(stop: Stop) -> Stop {
    match stop {
        Stop::Undecodable(Undecodable::TruncatedLink) => TRUNCATED,
        _ => MALFORMED,
    }
}
