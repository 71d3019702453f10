//! Bytes to layers: one captured frame in, the flow-level views it holds out.
//!
//! # What goes in, what comes out
//!
//! [`decode()`] takes a frame (its captured bytes, its link type, its length on the wire) and appends
//! one [`View`] to a [`Views`] for every conversation the frame belongs to. A plain TCP segment
//! yields one view; a VXLAN packet yields the outer UDP view and, behind it, the inner one, marked
//! [`ViewFlags::HAS_PARENT`]. The returned [`Outcome`] puts the *frame* (never a layer) in exactly
//! one account: analysed, not IP, or undecodable for a [`Undecodable`] reason.
//!
//! ```text
//! FrameBytes ──▶ link ──▶ (VLAN, MPLS, PPPoE …) ──▶ IP ──▶ extension headers ──▶ transport ──▶ View
//!                  ▲                                             │ tunnel payload
//!                  └─────────────────────────────────────────────┘ (at most MAX_TUNNELS deep)
//! ```
//!
//! # What is followed
//!
//! | layer | what |
//! | --- | --- |
//! | link | Ethernet II, 802.3 with LLC and SNAP, VLAN and other tags, MPLS (also pseudowires), PPPoE, PPP, Cisco HDLC, Frame Relay, 802.11, FDDI, cooked and loopback headers |
//! | network | IPv4 with options, IPv6 with its extension headers, fragments (each a view; the first one has the ports) |
//! | transport | TCP with options, UDP, UDP-Lite, SCTP, ICMP and ICMPv6 with the packet they quote; all others without ports |
//! | tunnel | IP in IP, 6to4, Teredo, GRE, PPTP, NVGRE, ERSPAN, EtherIP, MPLS, VXLAN, VXLAN-GPE, Geneve, GTP-U, L2TP, CAPWAP, NSH |
//!
//! Fragments are not put together here: of a tunnel packet that was fragmented, the first fragment shows the
//! inner headers, and the inner view's lengths are then the inner packet's own. Of an aggregate of 802.11
//! frames only the first is seen.
//!
//! There are two ways through the crate. The fast path takes plain TCP and UDP over Ethernet, which is nearly everything; the
//! general path takes any frame. They agree on every frame that both take.
//!
//! # Rules of the room
//!
//! No I/O, no clock, no allocation, no `unsafe`, no panic for any input. Every length is checked
//! where it is read and every loop is bounded by a named constant in [`limits`]. Lengths in a view
//! are lengths **on the wire** (from the IP header); what was captured of the payload is kept apart.
//! Integers are in host order.
#![forbid(unsafe_code)]

mod bytes;
pub mod decode;
mod fast;
mod general;
pub mod key;
mod layer;
pub mod limits;
pub mod link;
mod network;
pub mod outcome;
pub mod steer;
mod transport;
mod tunnel;
pub mod view;

pub use decode::{DecodeOptions, FrameBytes, KeyContext, decode};
pub use key::{Direction, FlowKey};
pub use link::{LinkType, VlanTag};
pub use outcome::{Outcome, Undecodable};
pub use view::{LookedAhead, Quote, TcpFlags, Tunnel, View, ViewFlags, Views};
