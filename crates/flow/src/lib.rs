//! Packets to flows: keys, the table, expiry, TCP state and health.
//!
//! [`Tracker`] takes the views of a burst and gives records. It knows nothing of threads, sockets or clocks: time comes with the
//! packets and through [`Tracker::advance`].
//!
//! # How a burst goes through
//!
//! ```text
//! Views ──▶ hash, fetch bucket lines ──▶ read tags, fetch slots ──▶ update in order ──▶ records
//!     while the burst is decoded: look_ahead (hash, buckets, table)     │
//!                                                                       ├─ fast: next segment, next datagram: two cache lines
//!                                                                       └─ whole: tcp + health, other, fragments
//! then: packets of watched flows, noted till now, by port (tracker/showing) ──▶ Watcher ──▶ records
//! then: slots whose second has come (wheel) ──▶ over? ──▶ records (emit)
//! ```
//!
//! # Memory
//!
//! Everything is mapped at start from one budget ([`TrackerConfig::memory`]), in one area on huge pages if they can be had, and never grows:
//!
//! | bytes a flow | what |
//! | --- | --- |
//! | 128 | the hot slot: the two cache lines that a packet touches |
//! | 96 | the cold slot: its beginning, its end, what goes wrong |
//! | 9.1 | its share of a bucket line |
//! | 8 | links of the timing wheel |
//! | 7.8 | its share of the side pools, for what few flows need |
//!
//! That is 249; with what does not depend on the number of flows (fragments, flows that ended lately, the wheel's lists, the ports, the tracker itself), a budget of
//! 256 bytes a flow holds that many flows, from ten thousand on. [`Tracker::memory`] says what was got.
//!
//! # When the table is full
//!
//! A new flow takes the place of the one that would have ended soonest of those that may go: closed, unanswered, half open. A flow
//! that was answered and goes on is never evicted: then the new one is refused. Both are counted.
//!
//! # Semantics
//!
//! Those of Zeek: states, history, who began, when a flow is over, byte counts by sequence numbers, missed bytes. What differs:
//! packets with a wrong checksum count in `pkts` and `ip_bytes` (they were on the wire) though nothing in them is believed;
//! payload that the capture cut off counts as seen; fragments are not reassembled but follow their first: a
//! datagram is one packet, with the bytes of all its fragments; bytes of other protocols are counted. Round trips are measured by
//! acknowledgement numbers, not by TCP timestamps (RFC 7323).

pub mod config;
pub mod counters;
pub mod error;
pub mod ports;
pub mod tracker;
pub mod watch;
pub mod weird;

mod again;
mod buckets;
mod clock;
mod emit;
mod fast;
mod fragments;
mod hash;
mod health;
mod layout;
mod letters;
mod memory;
mod other;
mod pool;
mod recognise;
mod shared;
mod slot;
mod table;
mod tcp;
mod tcp_states;
mod ticks;
mod tunnels;
mod uid;
mod wheel;

pub use config::{Prefix, Timeouts, TrackerConfig};
pub use counters::{FlowCounters, MemoryReport};
pub use error::FlowError;
pub use memory::prefetch_all;
pub use ports::PortSet;
pub use tracker::Tracker;
pub use watch::{Findings, Flow, Watcher};
pub use weird::WeirdKind;
