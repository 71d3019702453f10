//! Records to the outside.
//!
//! ```text
//! worker ─ SPSC ring ─▶ RecordFeed ─▶ thread of one output ─▶ Output::write ─▶ Formatter (dialect) ─▶ bytes
//! worker ─ SPSC ring ─▶      │              (driver)        │                         │
//!                            └ one ring for each            └ or Joined, where       stream · folder of logs
//!                              worker and output              facts are joined
//! ```
//!
//! In the JSON dialects fields without a value are left out, and so are Portreeve's own counters that are 0: a counter of
//! ours that is not there is 0. Zeek's own fields are written as Zeek writes them.
//!
//! A [`Dialect`] decides how a record is spelt (Zeek's JSON, Zeek's TSV, EVE); an [`Output`] decides where the bytes
//! go. [`spawn`] gives an output its thread and a handle. Outputs never fail: what they cannot write they
//! count, by reason, in their [`OutputStatus`], which anyone may read without locks.
#![forbid(unsafe_code)]

mod archive;
mod changing;
pub mod clock;
pub mod config;
pub mod dialect;
pub mod directory;
mod draft;
pub mod driver;
pub mod escape;
mod joined;
mod lines;
mod log_file;
mod names;
pub mod open;
pub mod output;
pub mod select;
pub mod status;
pub mod stream;
pub mod text;

pub use config::{Compression, Destination, OutputConfig, Rotation};
pub use dialect::{Dialect, Formatter};
pub use directory::DirectoryOutput;
pub use driver::{Finished, OutputHandle, spawn, spawn_joined};
pub use open::{OpenError, check, known_logs, open};
pub use output::Output;
pub use status::{DropReason, OutputCounters, OutputState, OutputStatus};
pub use stream::StreamOutput;
pub use text::TimeFormat;
