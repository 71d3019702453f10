//! SQL over the store.
//!
//! ```text
//!   text of a filter ─▶ filter ─▶ WHERE …
//!                                   │
//!   SQL ─▶ names ─▶ History::start ─┴▶ DataFusion ─▶ scan (one for each table)
//!                        │                            ├─ Parquet files: pruned by the times in their names, then by their statistics
//!                        ▼                            └─ open segments: read as far as they are written
//!                     Running ─▶ Event: Schema, Batch…, Progress…, Done
//! ```
//!
//! **Blocking, with a runtime of its own.** DataFusion is asynchronous and has threads of its own; whoever asks has neither to know. A query runs on
//! a thread of its own and hands its batches over through a short channel: whoever reads slowly slows the query down, whoever drops
//! [`Running`] ends it.
//!
//! **Nothing is written, nobody waits.** Only what reads is let through: no DDL, no DML, no settings, no other files. The one that writes the store is not known here: a query
//! lists the files that count when it first looks at a table, and finds those that are replaced meanwhile in the trash.
//!
//! **Bounded.** Memory for sorting, joining and grouping is a budget ([`QueryConfig::memory`]); what exceeds it is spilled to disk, and where that
//! cannot be, the query fails with a sentence. How deep a query may nest is bounded before it is planned (depth). Not all memory is in that budget (a text function can make
//! gigabytes of nothing), and planning listens to nobody: what people write is therefore asked in a process of its own by whoever has packets to lose
//! ([`apart`], [`History::start_apart`]). Footers of files are kept, since they never change, up to [`QueryConfig::footers`] bytes.
#![forbid(unsafe_code)]

pub mod apart;
mod config;
mod depth;
mod error;
pub mod filter;
mod functions;
mod history;
mod json;
mod names;
mod running;
mod scan;
pub mod write;
mod yielding;

pub use config::QueryConfig;
pub use error::QueryError;
pub use history::{ColumnInfo, History, TableInfo};
pub use json::{Column, Table, cell, kind};
pub use running::{Ask, Ender, Event, Progress, Running, Stats};

/// Arrow, as the batches are made with it.
pub use datafusion::arrow;
