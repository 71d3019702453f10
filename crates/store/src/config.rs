//! What a store is to do: plain values, read from the configuration elsewhere.

use std::path::PathBuf;
use std::time::Duration;

/// Rows of a segment at most: what is sorted and written at once, one row group of its Parquet file.
pub const SEGMENT_ROWS: usize = 262_144;

/// What is kept: all that changes while a store is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Records whose time is longer ago are deleted, file by file.
    pub keep_for: Option<Duration>,
    /// The same for roll-ups.
    pub keep_rollups_for: Option<Duration>,
    /// The oldest files are deleted when all together have more bytes.
    pub keep_size: Option<u64>,
}

/// How a store is written and what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The folder.
    pub path: PathBuf,
    /// How often what came in goes to the open segments: what a `kill -9` costs at most, and how long a record takes to be found.
    pub flush_every: Duration,
    /// How long a segment stays open at most, until it becomes Parquet.
    pub segment_every: Duration,
    /// Memory for records that are not on disk yet, bytes, and for making Parquet of them.
    pub memory: u64,
    /// What is kept.
    pub retention: Retention,
    /// Whether `community_id` is stored: 20 bytes a record that can be worked out again.
    pub community_id: bool,
    /// Whether roll-ups are made.
    pub rollups: bool,
}

impl StoreConfig {
    /// The store in that folder, as it is when nothing else is said.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        StoreConfig {
            path,
            flush_every: Duration::from_secs(1),
            segment_every: Duration::from_secs(300),
            memory: 256 << 20,
            retention: Retention {
                keep_for: Some(Duration::from_secs(30 * 86_400)),
                ..Retention::default()
            },
            community_id: true,
            rollups: true,
        }
    }

    /// Bytes of one segment in memory. Half of the budget holds the one that fills, the one that waits, the one that is written, and in place of a fourth
    /// a column of that in order, with what Parquet makes of it. Never so many that a column's texts had no offsets of 31 bits.
    #[must_use]
    pub(crate) fn segment_bytes(&self) -> usize {
        usize::try_from(self.memory / 8)
            .unwrap_or(usize::MAX)
            .clamp(1 << 20, 1 << 29)
    }

    /// Memory for merging files, bytes: the other half.
    #[must_use]
    pub(crate) fn merge_bytes(&self) -> u64 {
        self.memory / 2
    }
}
