//! Workers: placement, the poll loop, rings, snapshots and the loss ledger.
//!
//! # The flow of a packet
//!
//! ```text
//!            one worker, one core, one flow table
//!  Source ──▶ gate ──▶ decode ──▶ home? ──▶ Tracker::process ──▶ Outlet ══▶ Feed (one per output)
//!             filter    Views       │ no                            SPSC rings
//!             count                 ╘══▶ lane (copy) ══▶ another worker
//! ```
//!
//! A source that several workers share (a file, a live interface with one queue) has a reader in front: `Reader` ══▶ lanes (by reference where that can
//! be) ══▶ workers. Other live interfaces have one queue (one [`portreeve_capture::Source`]) for each worker.
//!
//! # Who writes what
//!
//! No word of memory is written by two threads on a packet's way. Records, batches of frames and talker samples travel
//! through single-producer single-consumer rings; counters are published whole, once a
//! burst, under a sequence counter ([`counters::Cell`]), so that what anyone reads is one moment and adds up
//! ([`ledger::Ledger`]). Live, a full ring costs the record or the hand-over, counted; a file waits.
//!
//! # In which order records come
//!
//! One worker's come as it makes them. Of several, live: as they lie, worker by worker. Of a file that several share: by the time of the packets that made them (`order`, the worker's
//! side; `merge`, the feed's), so that what is joined of them does not depend on how many workers there are, or which was quick.
//!
//! # Subscribers
//!
//! [`subscribe`]: a user of the library sees packets, streams and records on the worker that has them.
//!
//! # Waiting
//!
//! [`strategy`]: a live worker polls while there is load and sleeps, on all its sources and its doorbell at once, when there is none. Outputs look at their rings
//! every few milliseconds, and rest while all workers sleep (`rest`).
//!
//! # Stopping
//!
//! [`Monitor::stop`]: sources let nothing new in, workers drain their rings, take the last hand-overs, end every
//! flow and close their record rings; outputs drain those. [`Monitor::abandon`] leaves at once and counts the rest as dropped.
#![forbid(unsafe_code)]

pub mod bins;
pub mod clock;
pub mod config;
pub mod control;
pub mod counters;
pub mod directions;
mod early;
pub mod feed;
mod home;
mod in_line;
mod lane;
pub mod ledger;
mod merge;
mod monitor;
mod order;
pub mod packets;
mod pipeline;
pub mod placement;
pub mod queues;
mod reader;
mod rest;
mod shared;
mod sink;
pub mod snapshot;
pub mod strategy;
pub mod subscribe;
pub mod talkers;
mod worker;

pub use config::{AppConfig, EngineConfig, FrameFilter, Input, Inputs, LiveSettings, NewFilter};
pub use control::Control;
pub use feed::Feed;
pub use ledger::Ledger;
pub use monitor::{EngineError, FinalReport, LostByOutput, Monitor};
pub use packets::PacketFeed;
pub use snapshot::Snapshot;
pub use strategy::{Mode, Scheduling, Waiting};
pub use subscribe::{Subscriber, Subscribers};
