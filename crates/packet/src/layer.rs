//! Where decoding stands: a position in the frame and the context collected on the way to it.

use crate::decode::{DecodeOptions, FrameBytes};
use crate::key::FlowKey;
use crate::outcome::{Outcome, Undecodable};
use crate::view::Tunnel;

/// Why decoding of a layer ended without a view; the frame's outcome if it has none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// See [`Outcome::NotIp`].
    NotIp(u16),
    /// See [`Outcome::Undecodable`].
    Undecodable(Undecodable),
}

impl Stop {
    /// A link-layer header that contradicts itself.
    pub(crate) const MALFORMED_LINK: Stop = Stop::Undecodable(Undecodable::MalformedLink);

    /// The outcome of a frame in which nothing else was found.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Stop::NotIp(number) => Outcome::NotIp(number),
            Stop::Undecodable(reason) => Outcome::Undecodable(reason),
        }
    }
}

/// A position in a frame, the bounds of the layer that begins there, and its context.
///
/// All three positions are offsets from the frame's first byte. The capture is a prefix of what was on the
/// wire, so one offset serves both; `wire_end` may lie behind `captured_end` and behind `data`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    /// The next byte to read.
    pub(crate) at: usize,
    /// Where the captured part of the layer ends; never behind the end of the captured frame.
    pub(crate) captured_end: usize,
    /// Where the layer ended on the wire.
    pub(crate) wire_end: usize,
    /// Outer VLAN ID, or 0.
    pub(crate) vlan: u16,
    /// Inner VLAN ID, or 0.
    pub(crate) inner_vlan: u16,
    /// The digest for [`FlowKey::tunnel`].
    pub(crate) digest: u32,
    /// The innermost tunnel the layer was carried in.
    pub(crate) tunnel: Tunnel,
    /// A view was made of the tunnel that the layer was carried in.
    pub(crate) has_parent: bool,
    /// The layer began in the first fragment of a datagram and goes on in others, or a mirror cut it off: its own lengths
    /// may point behind `wire_end`.
    pub(crate) fragmented: bool,
}

impl Layer {
    /// The whole of a frame.
    pub(crate) fn outermost(frame: &FrameBytes<'_>) -> Layer {
        let mut layer = Layer {
            at: 0,
            captured_end: frame.data.len(),
            wire_end: (frame.wire_len as usize).max(frame.data.len()),
            vlan: 0,
            inner_vlan: 0,
            digest: 0,
            tunnel: Tunnel::None,
            has_parent: false,
            fragmented: false,
        };
        if let Some(tag) = frame.vlan {
            layer.push_vlan(tag.tci);
        }
        layer
    }

    /// The `N` bytes at the layer's position, of which the position then stands behind.
    ///
    /// # Errors
    /// [`Undecodable::MalformedLink`] if there were fewer on the wire, [`Undecodable::TruncatedLink`] if
    /// fewer were captured.
    #[inline]
    pub(crate) fn take<'a, const N: usize>(&mut self, data: &'a [u8]) -> Result<&'a [u8; N], Stop> {
        let bytes = self.peek(data)?;
        self.at += N;
        Ok(bytes)
    }

    /// As [`Layer::take`], without moving.
    #[inline]
    pub(crate) fn peek<'a, const N: usize>(&self, data: &'a [u8]) -> Result<&'a [u8; N], Stop> {
        let found = data
            .get(self.at..self.captured_end)
            .and_then(|rest| rest.first_chunk());
        found.ok_or_else(|| self.short(self.at.saturating_add(N)))
    }

    /// Moves over `count` bytes, captured or not.
    ///
    /// # Errors
    /// As [`Layer::take`].
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) -> Result<(), Stop> {
        let end = self.at.saturating_add(count);
        if end > self.captured_end {
            return Err(self.short(end));
        }
        self.at = end;
        Ok(())
    }

    /// Which error it is that the capture does not reach to `end`.
    #[cold]
    fn short(&self, end: usize) -> Stop {
        Stop::Undecodable(if end > self.wire_end && !self.fragmented {
            Undecodable::MalformedLink
        } else {
            Undecodable::TruncatedLink
        })
    }

    /// The captured bytes from the layer's position on.
    #[inline]
    pub(crate) fn rest<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        data.get(self.at..self.captured_end).unwrap_or(&[])
    }

    /// How many bytes of the layer were on the wire from its position on.
    #[inline]
    pub(crate) fn wire_rest(&self) -> usize {
        self.wire_end.saturating_sub(self.at)
    }

    /// The layer holds only `length` bytes from its position on; what follows is padding or a trailer.
    #[inline]
    pub(crate) fn limit(&mut self, length: usize) {
        let end = self.at.saturating_add(length);
        self.wire_end = self.wire_end.min(end);
        self.captured_end = self.captured_end.min(end);
    }

    /// Notes a VLAN tag further in than those noted before. VLAN 0 is a priority tag, no VLAN.
    #[inline]
    pub(crate) fn push_vlan(&mut self, tci: u16) {
        let id = tci & 0x0fff;
        if self.vlan == 0 {
            self.vlan = id;
        } else if self.inner_vlan == 0 {
            self.inner_vlan = id;
        }
    }

    /// Steps into a tunnel: `identifier` is what of the tunnel's own tells conversations apart and
    /// is the same in both directions, or 0.
    pub(crate) fn enter(&mut self, tunnel: Tunnel, identifier: u32) {
        self.tunnel = tunnel;
        let kind = u32::from(tunnel as u8);
        let mut digest = (self.digest.rotate_left(9) ^ kind).wrapping_mul(0x9E37_79B1);
        digest = (digest ^ (digest >> 15) ^ identifier).wrapping_mul(0x85EB_CA77);
        digest ^= digest >> 13;
        self.digest = digest.max(1);
    }

    /// The parts of the key that come from the context.
    #[inline]
    pub(crate) fn put_context(&self, key: &mut FlowKey, options: &DecodeOptions) {
        if options.key.vlan {
            key.vlan = self.vlan;
            key.inner_vlan = self.inner_vlan;
        }
        if options.key.tunnel {
            key.tunnel = self.digest;
        }
    }
}
