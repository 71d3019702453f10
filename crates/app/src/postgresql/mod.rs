//! PostgreSQL: who logs in, what is asked, and what comes of it.
//!
//! A client begins with a length and a number: the version (3.0), or a request for TLS or GSSAPI, or for a running query to be cancelled (its protocol, "Message Formats").
//! The server answers a request with one letter: `S` or `G` for yes, and then TLS begins, or `N`, and the client begins anew. Behind that each message has a letter for its kind
//! and its length. Proofs of who one is are not looked at, nor are the values of rows.

mod session;
#[cfg(test)]
mod tests;

use crate::bytes::Reader;
use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// PostgreSQL.
pub(crate) static POSTGRESQL: Protocol = Protocol {
    name: "postgresql",
    transports: Transports::Tcp,
    ports: &[5432],
    detect,
    session: |_| Box::<session::Session>::default(),
};

const VERSION_3: u32 = 3 << 16;
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSSAPI: u32 = 80_877_104;
/// The longest start-up message that servers take.
const LONGEST: u32 = 10_000;

/// What a client begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// A session, of whose message so many bytes follow.
    Session(usize),
    Cancel,
    /// For TLS, or for GSSAPI.
    Request(&'static str),
}

fn start(bytes: &[u8]) -> Option<Start> {
    let mut reader = Reader::new(bytes);
    let (length, code) = (reader.u32()?, reader.u32()?);
    match (code, length) {
        (VERSION_3, 9..=LONGEST) => Some(Start::Session(length as usize - 8)),
        (CANCEL, 16) => Some(Start::Cancel),
        (TLS, 8) => Some(Start::Request("ssl_request")),
        (GSSAPI, 8) => Some(Start::Request("gss_request")),
        _ => None,
    }
}

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        if start(bytes).is_some() {
            return Verdict::Yes(peer);
        }
        // Its first two bytes are zeros: a length below 10,000.
        if (1..8).contains(&bytes.len()) && bytes.iter().take(2).all(|byte| *byte == 0) {
            return Verdict::More;
        }
    }
    Verdict::No
}
