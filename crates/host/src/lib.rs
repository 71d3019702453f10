//! What this machine is: cores, NICs, drivers, huge pages; and how to change it.
//!
//! Linux says all of it in files below `/sys` and `/proc`. Everything here reads and writes them through a [`Root`], which is `/`
//! in operation and a made-up tree in tests: no test needs the hardware that it is about. What has no file (ring sizes, offloads,
//! addresses) comes from `portreeve-interfaces`.
//!
//! - [`cpus`]: which cores there are, what they share, which of them are kept free for us.
//! - [`pci`]: the functions on the PCI bus, and which of them are NICs.
//! - [`usage`]: what an interface is needed for, so that nobody cuts off his own branch.
//! - [`modules`]: kernel modules: there, to be had, or what to install.
//! - [`nics`]: the NICs, and what Portreeve could do with each.
//! - [`bind`]: handing a NIC to a user-space driver and giving it back.
//! - [`hugepages`]: the reserve of huge pages: how large it is, and making it larger, now and at each boot.
//! - [`doctor`]: everything on this machine that costs packets, and the way to change it and back.
#![forbid(unsafe_code)]

pub mod bind;
pub mod cpus;
pub mod doctor;
pub mod hugepages;
pub mod modules;
pub mod nics;
pub mod pci;
mod root;
mod state;
pub mod usage;

pub use root::{Kernel, Ran, Root};
