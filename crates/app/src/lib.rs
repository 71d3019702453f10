//! What conversations are about: application protocols, from bytes to records.
//!
//! # The way of a packet of a flow that is watched
//!
//! ```text
//!  Tracker ──▶ Stage (a Watcher) ── slot ──▶ Conversation
//!                                               │ TCP: Stream ×2, in order again, copied only where it is not
//!                                               │ UDP: the datagram
//!                                               ▼
//!                              which protocol? ── Protocol::detect, content first
//!                                               ▼
//!                              Session: whole units in, what it wants next out ──▶ records
//! ```
//!
//! A flow whose protocol needs no more bytes, or that is none we know, leaves for good: one bit of its state is cleared, and its packets go the tracker's quick way.
//!
//! # Units
//!
//! A [`Session`] never sees half a message. It says what it wants next of each peer ([`Want`]): so many bytes, a line, nothing of the next so many bytes; and
//! gets exactly that. Where the unit lies in one segment it is lent from the frame; else what came of it is held until the rest is there. So
//! segmentation is nothing a protocol could get wrong, bytes are looked at once, and the one place that buffers is bounded here.
//!
//! # To add a protocol
//!
//! One folder: a [`Protocol`] (name, ports, detection), a [`Session`], tests; a page in docs/. One line in [`registry`], by which the fuzz target `applications` has it too. Its record is one file in
//! `portreeve-record`. Sessions are kept small (at most [`SESSION_BYTES`]) and take nothing from a peer's word without a bound.
//!
//! # Bounds
//!
//! Conversations that are open at a time: a fixed number of places, made at start. Bytes held (units, segments out of order): one account for all, [`budget::Budget`], and a bound for each
//! ([`MAX_UNIT`], [`stream::MAX_HELD`]). Who finds no place is not looked into, counted; it is a flow like any other.
//! A session is one allocation, when its protocol is found; a record is a few. Packets that only go on make none.
#![forbid(unsafe_code)]

pub mod ber;
pub mod budget;
pub mod bytes;
pub mod context;
pub mod file;
pub mod products;
pub mod protocol;
pub mod registry;
pub mod stage;
pub mod stream;
pub mod subscribe;
pub mod testing;
pub mod text;
pub mod tls;

mod conversation;
mod dce_rpc;
mod dhcp;
mod dhcpv6;
mod dnp3;
mod dns;
mod encrypted_dns;
mod fragments;
mod ftp;
mod gssapi;
mod http;
mod http2;
mod imap;
mod inbox;
mod irc;
mod kerberos;
mod ldap;
mod mime;
mod modbus;
mod mqtt;
mod mysql;
mod named;
mod ntlm;
mod ntp;
mod pieces;
mod pop3;
mod postgresql;
mod quic;
mod radius;
mod rdp;
mod redis;
mod rtp;
mod s7comm;
mod seen;
mod services;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod socks;
mod ssh;
mod stun;
mod syslog;
mod talk;
mod tftp;
mod utf16;
mod xmpp;

pub use bytes::Reader;
pub use context::{Context, Facts};
pub use file::Hashes;
pub use inbox::MAX_UNIT;
pub use products::Products;
pub use protocol::{Peer, Probe, Protocol, Session, Transport, Transports, Verdict, Want};
pub use registry::{Applications, UnknownProtocol};
pub use stage::{Frames, Stage, StageConfig, StageCounters};
pub use subscribe::StreamSubscriber;

/// The most a session's own structure may take, bytes: asserted where sessions are made.
pub const SESSION_BYTES: usize = 512;
