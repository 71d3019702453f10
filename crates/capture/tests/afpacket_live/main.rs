//! The AF_PACKET source on veth pairs in namespaces.
#![cfg(target_os = "linux")]

mod counts;
mod fanout;
mod filter;
mod helpers;
mod life;
mod privileges;
