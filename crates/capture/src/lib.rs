//! Where packets come from: capture files and network interfaces behind one [`Source`].
//!
//! # The lending of frames
//!
//! A source lends frames in bursts. [`Source::next_burst`] returns a [`Burst`] that borrows the
//! source, so that no frame can outlive the memory it stands in: the next call gives the burst
//! back to the ring in one go. Nothing is copied.
//!
//! ```text
//! Source::next_burst ──▶ Burst<'_> ──▶ Frame<'_> … ──▶ (next call) the ring has them back
//!                           │
//!                           └─▶ Batch::push_shared / push_copy ──▶ SPSC ring ──▶ another thread
//! ```
//!
//! Frames that must cross threads go into a [`Batch`]: by reference, with a handle that keeps the
//! bytes alive, where the source has them in memory it can share (capture files, packet buffers); else copied into the batch's own
//! bounded buffer. Batches return to their owner by a return ring and are used again; packet buffers that left a burst so come
//! back as [`Loan`]s, which [`Source::take_back`] gives to the ring.
//!
//! # The capture side of the ledger
//!
//! [`Source::counters`] gives [`SourceCounters`]. What a source cannot know is `None`, unknown, never zero.
//!
//! `unsafe` is confined to this crate's rings, maps and frame descriptors; each use says why it is sound.

#[cfg(target_os = "linux")]
pub mod afpacket;
#[cfg(target_os = "linux")]
pub mod afxdp;
pub mod batch;
pub mod bpf;
pub mod burst;
pub mod counters;
pub mod cycles;
#[cfg(all(target_os = "linux", feature = "dpdk"))]
pub mod dpdk;
pub mod error;
pub mod file;
pub mod filter;
pub mod frame;
#[cfg(target_os = "linux")]
pub mod interfaces;
pub mod memory;
#[cfg(target_os = "linux")]
pub mod privileges;
#[cfg(target_os = "linux")]
pub mod scheduling;
#[cfg(target_os = "linux")]
pub mod sleep;
pub mod source;
#[cfg(target_os = "linux")]
pub mod wire;
pub mod write;

pub use batch::{Batch, BatchFull};
pub use bpf::BpfInstruction;
pub use burst::{Burst, Loan};
pub use counters::SourceCounters;
pub use cycles::cycles;
pub use error::CaptureError;
pub use file::{FileInterface, FileSource};
pub use filter::{Filter, FilterSet};
pub use frame::{ChecksumStatus, Frame};
pub use memory::{MemoryCapture, MemorySource};
#[cfg(target_os = "linux")]
pub use sleep::Sleeper;
pub use source::{Armed, Fetch, Source, SourceInfo, SourceKind, Wake};
pub use write::{CaptureWriter, WriteCounters, WriteOptions};
