//! PostgreSQL: how a connection begins, and the way to TLS. What is asked and answered is not read.
//!
//! A client begins with a length and a number: the version (3.0), or a request for TLS or GSSAPI, or for a running query to be cancelled (its protocol, "Message Formats").
//! The server answers a request with one letter: `S` or `G` for yes, and then TLS begins, or `N`, and the client begins anew.

#[cfg(test)]
mod tests;

use crate::bytes::Reader;
use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use crate::registry;

/// PostgreSQL.
pub(crate) static POSTGRESQL: Protocol = Protocol {
    name: "postgresql",
    transports: Transports::Tcp,
    ports: &[5432],
    detect,
    session: |_| Box::new(Postgresql),
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
    Session,
    Cancel,
    Request,
}

fn start(bytes: &[u8]) -> Option<Start> {
    let mut reader = Reader::new(bytes);
    let (length, code) = (reader.u32()?, reader.u32()?);
    match (code, length) {
        (VERSION_3, 9..=LONGEST) => Some(Start::Session),
        (CANCEL, 16) => Some(Start::Cancel),
        (TLS | GSSAPI, 8) => Some(Start::Request),
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

struct Postgresql;

impl Session for Postgresql {
    fn start(&mut self, peer: Peer) -> Want {
        match peer {
            Peer::Client => Want::Bytes(8),
            Peer::Server => Want::Bytes(1),
        }
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match (peer, unit) {
            (Peer::Client, unit) if start(unit) == Some(Start::Request) => return Want::Bytes(8),
            (Peer::Server, b"S") => match registry::by_name("ssl") {
                Some(tls) => context.hand_over(tls),
                None => context.done(),
            },
            (Peer::Server, b"N") => return Want::Bytes(1),
            _ => context.done(),
        }
        Want::Nothing
    }
}
