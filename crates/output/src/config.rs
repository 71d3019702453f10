//! What an output is to do: plain values, read from arguments and the configuration file elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use crate::dialect::Dialect;
use crate::text::TimeFormat;

/// How rotated files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not.
    #[default]
    None,
    /// gzip (RFC 1952), ending `.gz`.
    Gzip,
    /// Zstandard (RFC 8878), ending `.zst`.
    Zstd,
}

impl Compression {
    /// What it adds to a file's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        }
    }
}

/// When files are rotated, and what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Rotate at each multiple of this time since 1970 UTC: `3600 s` rotates on the hour. `None`: never by time.
    pub every: Option<Duration>,
    /// Rotate a file that has reached this many bytes. `None`: never by size.
    pub size: Option<u64>,
    /// How rotated files are compressed.
    pub compress: Compression,
    /// Remove rotated files that were begun longer ago than this. `None`: keep them.
    pub keep_for: Option<Duration>,
    /// Remove the oldest rotated files while all together have more bytes than this. `None`: keep them.
    pub keep_size: Option<u64>,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputConfig {
    /// Its name: unique in a run; in ledgers and metrics.
    pub name: String,
    /// Where records go.
    pub destination: Destination,
    /// How they are spelt.
    pub dialect: Dialect,
    /// How moments are spelt.
    pub time: TimeFormat,
    /// Which logs it takes (`conn`, `weird` …); empty: all.
    pub logs: Vec<String>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere: nobody wants them, for now.
    Nowhere,
    /// Standard output.
    Stdout,
    /// A folder with one file a log.
    Directory {
        /// The folder; made if it is not there.
        path: PathBuf,
        /// Its files' lives.
        rotation: Rotation,
    },
}

impl Default for OutputConfig {
    fn default() -> Self {
        OutputConfig {
            name: "stdout".into(),
            destination: Destination::Stdout,
            dialect: Dialect::default(),
            time: TimeFormat::default(),
            logs: Vec::new(),
        }
    }
}
