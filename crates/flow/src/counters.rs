//! What a tracker counted: the flow side of the ledger.

use portreeve_record::EndReason;

use crate::weird::WeirdKind;

/// The flow side of the ledger. All counts are since the tracker was made.
///
/// The books: `opened = active + Σ ended`. A view is in exactly one of `tracked`, `refused`, `fragments_held` (moved to
/// `tracked` or to `fragments_unmatched` later) and `fragments_unmatched`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowCounters {
    /// Flows begun.
    pub opened: u64,
    /// Flows now in the table.
    pub active: u64,
    /// Flows ended, by [`EndReason`] (an index into [`EndReason::ALL`]; `Active` stays 0).
    pub ended: [u64; EndReason::ALL.len()],
    /// Views that belong to a flow.
    pub tracked: u64,
    /// Views whose flow found no place: the table was full of flows that must not go.
    pub refused: u64,
    /// Packets seen twice (mirror ports): counted in `tracked` too.
    pub duplicates: u64,
    /// Later fragments held until their first comes.
    pub fragments_held: u64,
    /// Later fragments whose first never came (or that could not be held): in no flow.
    pub fragments_unmatched: u64,
    /// ICMP errors that quoted a flow that is not in the table.
    pub quotes_unmatched: u64,
    /// Times a side pool was full, so that a flow's rarer facts were not kept.
    pub pool_full: u64,
    /// Timestamps so far from the ones around them that the clock did not follow.
    pub absurd_timestamps: u64,
    /// `conn_update` records emitted.
    pub updates: u64,
    /// Oddities by kind (an index into [`WeirdKind::ALL`]): complete, while `weird` records are samples.
    pub weirds: [u64; WeirdKind::ALL.len()],
    /// Oddities of which no `weird` record was made, because there were too many.
    pub weirds_suppressed: u64,
}

impl Default for FlowCounters {
    fn default() -> Self {
        FlowCounters {
            opened: 0,
            active: 0,
            ended: [0; EndReason::ALL.len()],
            tracked: 0,
            refused: 0,
            duplicates: 0,
            fragments_held: 0,
            fragments_unmatched: 0,
            quotes_unmatched: 0,
            pool_full: 0,
            absurd_timestamps: 0,
            updates: 0,
            weirds: [0; WeirdKind::ALL.len()],
            weirds_suppressed: 0,
        }
    }
}

impl FlowCounters {
    /// Flows that had to go because the table was full.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.ended[EndReason::Evicted as usize]
    }

    /// Flows ended, for whatever reason.
    #[must_use]
    pub fn ended_total(&self) -> u64 {
        self.ended.iter().sum()
    }

    /// Whether every flow is in exactly one account.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.opened == self.active + self.ended_total()
    }
}

/// What a tracker's memory is made of, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryReport {
    /// Flows that fit at the same time.
    pub capacity: usize,
    /// The bucket array.
    pub buckets: usize,
    /// What every packet of a flow touches.
    pub hot: usize,
    /// The rest of a flow's state, and its place in the timing wheel.
    pub cold: usize,
    /// Side pools: rarer facts.
    pub pools: usize,
    /// What grows little or not at all with the number of flows: fragments, flows that ended lately, the wheel's lists, the ports, the tracker
    /// itself, and what is left of the last page.
    pub fixed: usize,
    /// Size of the pages the kernel gave for the table, bytes: 4096, 2 MiB, 1 GiB. `None`: transparent huge pages were asked for.
    pub page_size: Option<usize>,
}

impl MemoryReport {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> usize {
        self.buckets + self.hot + self.cold + self.pools + self.fixed
    }

    /// Bytes for each flow that fits.
    #[must_use]
    pub fn bytes_per_flow(&self) -> f64 {
        self.total() as f64 / self.capacity.max(1) as f64
    }
}
