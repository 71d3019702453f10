//! What can be chosen when a packet socket is opened.

use std::time::Duration;

use crate::filter::Filter;

/// Which frames are taken, as `tcpdump -Q`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Received ones only.
    In,
    /// Sent ones only.
    Out,
    /// Both. On a loopback interface, where each frame is sent and then received, only the latter.
    #[default]
    InOut,
}

/// Where a filter runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterPlace {
    /// In the kernel if it can be there, whole or as a first sieve; else in user space.
    #[default]
    Auto,
    /// In user space: every frame is copied into the ring first, and every rejection is counted without further privileges.
    UserSpace,
}

/// How an AF_PACKET source is opened.
#[derive(Clone, Debug)]
pub struct AfPacketConfig {
    /// The interface's name, or `any` for all of them, present and future, with cooked headers.
    pub interface: String,
    /// Bytes of a ring block; rounded up to a power of two of at least 128 KiB.
    pub block_size: usize,
    /// Ring blocks for each source; at least two. Halved until the kernel grants them.
    pub blocks: usize,
    /// After this time the kernel hands over a block that is not full: the longest a frame waits in an idle ring, in
    /// milliseconds.
    pub retire_timeout: Duration,
    /// Ask the interface for frames that are not addressed to it.
    pub promiscuous: bool,
    /// What is delivered at all, compiled for [`super::link_type`] of the interface.
    pub filter: Option<Filter>,
    /// Where the filter runs.
    pub filter_place: FilterPlace,
    /// Sent frames, received frames or both.
    pub direction: Direction,
    /// The most bytes kept of a frame; what is cut off stays in its length on the wire. `None`: all.
    pub snap_length: Option<u32>,
    /// Have the kernel hash every frame (it computes what the NIC did not), for [`crate::Frame::rx_hash`].
    pub rx_hash: bool,
    /// Ask for the NIC's own timestamps where it has them. They are the NIC's clock: UTC only if something keeps it so.
    pub hardware_timestamps: bool,
}

/// The most a ring may take of the kernel's memory for one source, in bytes.
pub const MAX_RING: usize = 2 << 30;

impl AfPacketConfig {
    /// The defaults for an interface: promiscuous, both directions, whole frames, 64 blocks of 1 MiB, 64 ms.
    #[must_use]
    pub fn new(interface: impl Into<String>) -> Self {
        AfPacketConfig {
            interface: interface.into(),
            block_size: 1 << 20,
            blocks: 64,
            retire_timeout: Duration::from_millis(64),
            promiscuous: true,
            filter: None,
            filter_place: FilterPlace::Auto,
            direction: Direction::InOut,
            snap_length: None,
            rx_hash: false,
            hardware_timestamps: false,
        }
    }
}
