//! What a run looks like at one moment, for screens, the control socket and metrics.

use serde::{Deserialize, Serialize};

use crate::bins::Peak;
use crate::directions::Directions;
use crate::ledger::Ledger;
use crate::placement::Layout;
use crate::queues::QueueState;
use crate::strategy::Waits;
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
    /// How it waits, and what it did with its time.
    #[serde(default)]
    pub waits: Waits,
    /// How long it wanted to run and the kernel let others have its core, nanoseconds; 0 where the kernel does not tell. It is within the times of `waits`:
    /// of polling, and of sleeping, where it was woken and had to wait for the core.
    #[serde(default)]
    pub in_line_ns: u64,
}

/// The memory for flows, of all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlowMemory {
    /// Flows that fit.
    pub capacity: usize,
    /// Bytes in all.
    pub bytes: usize,
    /// Bytes that looking into conversations may take beside that.
    #[serde(default)]
    pub application_bytes: usize,
}

/// Memory of one purpose on pages of one size, of the whole process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryArea {
    /// What it is for.
    pub name: String,
    /// Bytes.
    pub bytes: usize,
    /// What it stands on, in words: `2 MiB pages`.
    pub pages: String,
    /// Bytes of a page; 4096 for transparent huge pages, which may be more.
    pub page_size: usize,
    /// The NUMA node it is bound to.
    pub node: Option<usize>,
    /// The larger pages that it did not get, and the command that reserves them.
    pub missing: Option<String>,
}

impl MemoryArea {
    /// All areas that the process has now.
    #[must_use]
    pub fn all() -> Vec<MemoryArea> {
        let area = |report: portreeve_pages::AreaReport| MemoryArea {
            name: report.name.to_owned(),
            bytes: report.bytes,
            pages: report.page_size.to_string(),
            page_size: report.page_size.bytes(),
            node: report.node,
            missing: report.shortfall.map(|shortfall| shortfall.to_string()),
        };
        portreeve_pages::in_use().into_iter().map(area).collect()
    }
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
    /// Which way packets went.
    #[serde(default)]
    pub directions: Directions,
    /// The busiest milliseconds of the last seconds, oldest first; the last second is not over. Empty for files.
    #[serde(default)]
    pub peaks: Vec<Peak>,
    /// The workers.
    pub workers: Vec<WorkerState>,
    /// The receive queues of sources that have several.
    #[serde(default)]
    pub queues: Vec<QueueState>,
    /// The flow tables.
    pub flow_memory: FlowMemory,
    /// Which core each worker owns, and where the rest runs; `None`: on any (files).
    #[serde(default)]
    pub layout: Option<Layout>,
    /// What memory stands on, by purpose.
    pub memory: Vec<MemoryArea>,
    /// Bytes read of a file, and its size where that is known.
    pub position: Option<(u64, Option<u64>)>,
    /// All threads have finished.
    pub finished: bool,
}
