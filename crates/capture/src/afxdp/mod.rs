//! A Linux interface through AF_XDP: the kernel's driver, around its stack.
//!
//! A small program (`program.rs`, twenty instructions) runs in the driver for every frame and sends it to the socket of its receive queue. The frame
//! is then in memory that is mapped here: written by the NIC itself (zero-copy) or copied once by the kernel. What is sent to a socket does not go on
//! to the kernel: this takes an interface away from the host, as DPDK does, but leaves it its driver.
//!
//! ```text
//!             fill ring: chunks to be filled
//!   ┌────────────────────────────────────────────────┐
//!   ▼                                                │
//! driver ─▶ program ─▶ chunk ─▶ receive ring ─▶ burst ┴▶ batch (on loan) ─▶ take_back
//!              │
//!              └─▶ no socket, or gate shut: on to the kernel
//! ```
//!
//! # No false drops, and nothing left behind
//!
//! The program has a gate for each queue, a word that it shares with us. It is attached with the gates shut, and until they are opened every frame
//! goes where it always went. [`crate::Source::stop`] shuts them, waits for the frames that processors are still busy with, and then everything that was
//! redirected is in the ring or was dropped: the books close exactly. The program hangs on a descriptor (`bpf_link`): however we end, the
//! kernel takes it off.
//!
//! # Accounts
//!
//! The program counts what it redirects, the socket's statistics (`XDP_STATISTICS`) what the kernel then had no room for. What neither has (a socket
//! that lost its queue) is the difference and counted as dropped by the kernel. The hot path makes no system call; reading the books makes one for each queue.
//!
//! # What is seen
//!
//! Received frames only, as the driver has them. VLAN tags are in the frame, unless the NIC took them out: XDP has them as metadata that not every
//! driver offers, so it is better to let them be (`ethtool -K eth0 rxvlan off`). A frame of several chunks (jumbo, or joined by the kernel in generic mode) is
//! copied into one piece. Times are the burst's: the clock is read once for up to 64 frames.

mod attach;
mod config;
mod ledger;
mod open;
mod program;
mod queue;
mod rings;
mod source;
mod sys;
mod umem;

pub use config::{AfXdpConfig, MAX_FRAMES, MAX_RING, Mode, ZeroCopy};
pub use open::in_use;
pub use source::AfXdpSource;
