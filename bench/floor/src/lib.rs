//! The floor: the least that any flow monitor must do for a packet, as fast as it can be done.
//!
//! For each packet it reads the headers, hashes the 5-tuple, finds the flow (both directions are one), and adds two counters
//! and a time. Nothing else: no TCP, no expiry, no tunnels, no fragments, no errors. Portreeve is measured against it, on the
//! same packets in the same memory in the same run, so that the ratio says how much everything else costs, whatever the machine.
//!
//! ```text
//! Packets (memory + descriptors) ──▶ 64 at a time: parse, hash, prefetch ──▶ find, count
//! ```
//!
//! A flow is one cache line in an open-addressing table at a load of at most one quarter, on huge pages where they can be had.

pub mod memory;
pub mod packets;
mod parse;
mod table;

pub use memory::HugeMemory;
pub use packets::{Descriptor, Packets, SLOT};
pub use table::{Floor, Totals};
