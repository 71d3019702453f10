//! A Linux interface through AF_PACKET (packet(7)): no set-up, no driver, every kind of interface.
//!
//! The kernel copies each frame into a ring that is mapped into this process (TPACKET_V3) and hands over whole blocks; frames
//! are lent straight from there, and a block is given back once all its frames were lent and returned. The hot path makes no
//! system call.
//!
//! # No false drops
//!
//! A packet socket counts from the moment it is bound, long before anyone reads it, and goes on counting while its owner shuts down.
//! Here the socket begins with a filter that rejects every frame, which the kernel does not count; ring, binding and statistics are made ready behind
//! it, then the filter is replaced. [`crate::Source::stop`] is the inverse: rejecting filter, wait for the frames that processors
//! are still busy with, read the statistics one last time, drain the ring to exactly that count.

//!
//! # Filters
//!
//! What the socket filter rejects is in none of the kernel's statistics. So libpcap's classic program is translated to eBPF with a counter
//! of rejections, and with VLAN tags put back that the NIC took out: a filter means the same here, in user space and on a file, and
//! `filtered` is exact. Without `cap_bpf` the classic program sieves first, user space decides, and `filtered` is unknown.
//!
//! # Several workers
//!
//! [`AfPacketSource::open_fanout`] shares an interface among sources; a classic BPF program in the kernel computes
//! `portreeve_packet::steer`, so that both directions of a conversation arrive at the worker that is its home.
//!
//! # What is seen
//!
//! Frames as the host has them: behind receive offloads (GRO, LRO) and before transmit offloads, so that one frame may be several on
//! the wire; [`crate::interfaces::Offloads`] says whether. Sent frames are seen too ([`Direction`]); on a loopback interface each only once.

mod assemble;
mod config;
mod ebpf;
mod fanout;
mod filter;
mod kernel;
mod ledger;
mod open;
mod ring;
mod source;
mod sys;

pub use config::{AfPacketConfig, Direction, FilterPlace, MAX_RING};
pub use open::{MAX_SOURCES, link_type};
pub use source::AfPacketSource;
pub(crate) use sys::wait_for_packets_in_progress;
