//! What queries may take: plain values, read from the configuration elsewhere.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What queries may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryConfig {
    /// Threads that work on queries, all queries together.
    pub threads: usize,
    /// Memory for sorting, joining and grouping, all queries together, bytes.
    pub memory: usize,
    /// Bytes of files' footers that are kept.
    pub footers: usize,
    /// Where to spill what does not fit; the system's temporary folder if none is named.
    pub spill: Option<PathBuf>,
    /// Bytes that may be spilled at once, all queries together.
    pub most_spilled: u64,
    /// The command that answers one query in a process of its own (it calls [`crate::apart::serve`]), for
    /// [`History::start_apart`](crate::History::start_apart). Without one, such queries are answered in this process.
    #[serde(skip)]
    pub apart: Option<Vec<String>>,
}

impl Default for QueryConfig {
    fn default() -> Self {
        QueryConfig {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 512 << 20,
            footers: 64 << 20,
            spill: None,
            most_spilled: 16 << 30,
            apart: None,
        }
    }
}
