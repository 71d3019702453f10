//! The raw binding to libdpdk: what Portreeve uses of it, and nothing more.
//!
//! # How it is made
//!
//! `build.rs` asks `pkg-config` for libdpdk, compiles one small C file (`shim.c`) with the same flags, and lets bindgen write down the
//! signatures of the functions on a short list. No program is linked against a driver: EAL loads those when it starts.
//!
//! # Which releases
//!
//! 22.11 (Debian 12), 23.11 and 24.11. Three things keep one binding right for all of them:
//!
//! - Functions bound directly ([`rte_eal_init`], [`rte_pktmbuf_free_bulk`] …) have had the same signature in all of them.
//! - What is static inline, or a structure whose shape changed (`rte_eth_link` became a union in 24.11, `rte_eth_rss_conf` got its
//!   algorithm in 23.11, `struct rte_device` was hidden in 22.11), is behind a function of the shim, whose names begin with `pr_`.
//! - libdpdk's structures are opaque here. The few fields of an mbuf that a receiver needs are read by [`mbuf`] at offsets that the C
//!   compiler took from the headers installed.
//!
//! # What inlining would give
//!
//! Nothing: the functions of the shim that are on a packet's way are called once for a burst of up to 64.

#![allow(
    missing_docs,
    reason = "the generated part has none; libdpdk's own documentation is the reference"
)]
#![allow(non_camel_case_types, non_upper_case_globals, non_snake_case)]

#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    unsafe_op_in_unsafe_fn
)]
mod binding {
    include!(concat!(env!("OUT_DIR"), "/binding.rs"));
}

pub mod mbuf;

pub use binding::*;
