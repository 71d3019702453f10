//! The benchmark harness: makes the traffic, runs Portreeve, the floor and the peers over it.
//!
//! `docs/benchmarks.md` says what is measured and how.
#![allow(clippy::print_stdout)] // What it measures goes to standard output.

pub mod applications;
pub mod clock;
pub mod command;
pub mod file;
mod flow;
pub mod gate;
pub mod handshake;
pub mod held;
pub mod mixture;
pub mod pcap;
pub mod peers;
pub mod random;
pub mod replay;
pub mod shape;
pub mod soak;
pub mod spelling;
pub mod subject;
pub mod synthetic;
pub mod threads;
pub mod traffic;
pub mod whole;

pub use shape::{Mix, Popularity, Shape};
pub use subject::Subject;
pub use traffic::Traffic;
