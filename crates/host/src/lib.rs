//! What this machine is: cores, NICs, drivers, huge pages; and how to change it.
//!
//! Linux says all of it in files below `/sys` and `/proc`. Everything here reads and writes them through a [`Root`], which is `/`
//! in operation and a made-up tree in tests: no test needs the hardware that it is about.
//!
//! - [`cpus`]: which cores there are, what they share, which of them are kept free for us.
#![forbid(unsafe_code)]

pub mod cpus;
mod root;

pub use root::Root;
