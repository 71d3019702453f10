//! Records to Parquet on disk.
//!
//! ```text
//! ring ─▶ thread of the output                            thread store-seal                   thread store-keep
//!         Store::write ─▶ Columns ──(flush_every)──▶ open/TABLE-N.arrows
//!               │            │ full, or old                  │
//!               │            └────────── Job ───────────────▶│ sort by ts, divide by day
//!               ▼                                            ▼
//!            Rollups ─▶ Columns of rollup_… and hosts_…    TABLE/date=…/….parquet ──▶ few large files ─▶ trash ─▶ gone
//! ```
//!
//! **One schema.** The columns of a table are the fields of its log, in their order, under Zeek's names, by their storage types ([`schema`]).
//! Intervals are whole nanoseconds, addresses are texts: what any reader of Parquet shows without help.
//!
//! **What is on disk when.** A record waits in memory for [`StoreConfig::flush_every`] at most, then it is in the open segment, an Arrow IPC
//! stream whose tail may be torn. A segment that is full or old becomes Parquet: sorted, encoded, compressed, made durable, put in place by a rename. At a high rate
//! segments fill up before they are flushed, and nothing is written twice. `kill -9` costs what waits in memory and the segment that becomes Parquet without having been flushed.
//!
//! **No list of files** is kept: names tell which segments a file was made from, and from that follows what counts (`layout`).
//!
//! **Nobody waits for a reader**, and no reader for the one that writes: files never change once they have their name; those that are replaced stay in the
//! trash for a while, where a query that began before finds them.
//!
//! **Memory** is bounded by [`StoreConfig::memory`], everything counted: four tenths for segments that fill, wait and become Parquet, two for sums that are not
//! written yet, three for files that are merged, and what is left for what Parquet makes of them meanwhile. Tables share: when all together have too much, the largest becomes Parquet. A disk that is slow makes the output's ring wait; one that refuses costs the
//! records that find no room, counted as the ledger's `write_error`, until it takes what is held.
#![forbid(unsafe_code)]

mod catalog;
mod chunk;
mod columns;
mod compact;
mod config;
mod error;
mod guard;
mod keeper;
mod layout;
mod lock;
mod merge;
mod parquet_file;
mod rollup;
pub mod schema;
mod sealer;
mod segment;
mod store;
mod sum;
mod table;

pub use catalog::{Catalog, Checked, Files, OpenSegment, StoredFile};
pub use config::{Retention, SEGMENT_ROWS, StoreConfig};
pub use error::StoreError;
pub use rollup::TOP_HOSTS;
pub use store::Store;
