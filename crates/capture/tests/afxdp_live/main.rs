//! The AF_XDP source on veth pairs in namespaces.
#![cfg(target_os = "linux")]

mod counts;
mod helpers;
mod life;
mod loans;
mod refusals;
