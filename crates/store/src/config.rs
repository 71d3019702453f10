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
    /// Memory, bytes, for all that the store does: records that are not on disk yet, making Parquet of them, sums, merging of files. Less than
    /// [`StoreConfig::LEAST_MEMORY`] counts as that.
    pub memory: u64,
    /// What is kept.
    pub retention: Retention,
    /// Whether `community_id` is stored: 20 bytes a record that can be worked out again.
    pub community_id: bool,
    /// Whether roll-ups are made.
    pub rollups: bool,
}

impl StoreConfig {
    /// The least memory that a store needs, bytes.
    pub const LEAST_MEMORY: u64 = 32 << 20;

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

    /// Bytes of one segment in memory. Never so many that a column's texts had no offsets of 31 bits.
    #[must_use]
    pub(crate) fn segment_bytes(&self) -> usize {
        self.part(1, 10).clamp(1 << 20, 1 << 29)
    }

    /// Bytes of all segments in memory: one that fills, one that waits, one that is written, and room for them to grow into. What Parquet makes of that which is
    /// written comes on top.
    #[must_use]
    pub(crate) fn held_bytes(&self) -> usize {
        self.part(4, 10)
    }

    /// Memory for making Parquet of one of them, bytes.
    #[must_use]
    pub(crate) fn seal_bytes(&self) -> usize {
        self.part(1, 10)
    }

    /// Bytes of the sums that are not written yet.
    #[must_use]
    pub(crate) fn sums_bytes(&self) -> usize {
        self.part(2, 10)
    }

    /// Memory for merging files, bytes.
    #[must_use]
    pub(crate) fn merge_bytes(&self) -> usize {
        self.part(3, 10)
    }

    /// A part of what is left when every table has its columns, and each thread what it works with.
    fn part(&self, many: u64, of: u64) -> usize {
        const FIXED: u64 = 14 << 20;
        let memory = self.memory.max(Self::LEAST_MEMORY) - FIXED;
        usize::try_from(memory / of * many).unwrap_or(usize::MAX)
    }
}
