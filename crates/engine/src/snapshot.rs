//! What a run looks like at one moment, for screens, the control socket and metrics.

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::talkers::Talkers;

/// One worker at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerState {
    /// Its thread's name.
    pub name: String,
    /// The core it owns.
    pub cpu: usize,
    /// Whether it could be pinned to it.
    pub pinned: bool,
    /// Frames delivered to it.
    pub frames: u64,
    /// Flows it has now.
    pub flows: u64,
    /// Nanoseconds it has slept, of `uptime_ns`.
    pub sleep_ns: u64,
    /// Times it slept.
    pub sleeps: u64,
}

/// The memory for flows, of all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowMemory {
    /// Flows that fit.
    pub capacity: usize,
    /// Bytes in all.
    pub bytes: usize,
    /// Page size in bytes; `None`: transparent huge pages were asked for.
    pub page_size: Option<usize>,
}

/// A run at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Nanoseconds since the start.
    pub uptime_ns: u64,
    /// Nanoseconds since 1970-01-01 UTC of the newest packet, if there was one.
    pub newest_packet: Option<i64>,
    /// All accounts.
    pub ledger: Ledger,
    /// The top talkers of about the last second.
    pub talkers: Talkers,
    /// The workers.
    pub workers: Vec<WorkerState>,
    /// The flow tables.
    pub flow_memory: FlowMemory,
    /// Bytes read of a file, and its size where that is known.
    pub position: Option<(u64, Option<u64>)>,
    /// All threads have finished.
    pub finished: bool,
}
