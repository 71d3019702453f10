//! The door of the room: [`decode()`].

use crate::fast;
use crate::general;
use crate::link::{LinkType, VlanTag};
use crate::outcome::Outcome;
use crate::view::Views;

/// A frame as decode takes it: borrowed bytes and what the source knows of them.
#[derive(Clone, Copy, Debug)]
pub struct FrameBytes<'a> {
    /// The captured bytes, from the link-layer header on.
    pub data: &'a [u8],
    /// Length of the frame on the wire in bytes, without FCS; at least `data.len()`.
    pub wire_len: u32,
    /// When it was seen: nanoseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// What the first byte is.
    pub link: LinkType,
    /// A VLAN tag that was taken out of `data`; it stands outside of any tag still in it.
    pub vlan: Option<VlanTag>,
    /// The source knows the transport checksum to be good, or not yet computed (offload): not to be verified.
    pub checksum_trusted: bool,
    /// Which frame of the burst this is; copied into its views.
    pub index: u16,
}

/// Which context becomes part of a flow's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyContext {
    /// VLAN IDs tell flows apart.
    pub vlan: bool,
    /// Tunnel kinds and identifiers tell flows apart.
    pub tunnel: bool,
}

impl Default for KeyContext {
    fn default() -> Self {
        KeyContext {
            vlan: true,
            tunnel: true,
        }
    }
}

/// How to decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Verify IPv4 header and transport checksums where the whole packet was captured.
    pub verify_checksums: bool,
    /// What goes into the keys.
    pub key: KeyContext,
}

/// Decodes one frame: appends its views, outermost first, and says which account the frame is in.
///
/// Call it only while [`Views::has_room`]; without room a frame's innermost views are lost.
#[inline(always)]
pub fn decode(frame: &FrameBytes<'_>, options: &DecodeOptions, views: &mut Views) -> Outcome {
    if frame.link == LinkType::Ethernet && fast::ethernet(frame, options, views) {
        return Outcome::Analysed(1);
    }
    // A copy: the caller's own can stay in registers, which is all that the fast path needs.
    general::decode(&{ *frame }, options, views)
}

/// [`decode`] by its general path alone: what tests hold the fast path to.
#[doc(hidden)]
pub fn decode_general(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    views: &mut Views,
) -> Outcome {
    general::decode(frame, options, views)
}
