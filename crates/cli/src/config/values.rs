//! The types of configuration values: how each is written, read and shown.
//!
//! The command line and the configuration file share them, so that `--memory 2GiB` and
//! `memory = "2GiB"` are read by the same code and refused with the same words.

mod basic;
mod network;
mod processors;
mod protocol;
mod rate;
mod size;
mod time;
mod words;

use std::fmt;
use std::str::FromStr;

pub use network::{Listen, parse_net};
pub use processors::{CpuList, Workers};
pub use protocol::ProtocolName;
pub use rate::{BitRate, PacketRate};
pub use size::{ByteSize, Percent};
pub use time::Interval;
pub use words::{
    AnswerFormat, Checksums, Compression, Direction, FileHash, Format, Hosts, HugePages, Overlap,
    Scheduling, Time, WaitMode, XdpMode, ZeroCopy,
};

/// A value that a configuration key can have.
pub trait Setting: Sized {
    /// What the reference page calls the type, with an example where the form is not obvious.
    fn kind() -> String;

    /// Reads it from the file.
    ///
    /// # Errors
    /// A sentence for the user: what was expected.
    fn from_toml(value: &toml::Value) -> Result<Self, String>;

    /// Writes it as the file has it.
    fn to_toml(&self) -> toml::Value;
}

/// Reads a value that is text in the file, by its `FromStr`.
fn text<T: FromStr>(value: &toml::Value, expected: &str) -> Result<T, String>
where
    T::Err: fmt::Display,
{
    match value {
        toml::Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
        other => Err(format!("expected {expected}, found {other}")),
    }
}

/// Splits `12.5MiB` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    Some((number, unit.trim()))
}
