//! `MongoDB`: messages with a header of four numbers, lowest byte first: length, request, answered request, operation.

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// `MongoDB`.
pub(crate) static MONGODB: Protocol = Protocol {
    name: "mongodb",
    transports: Transports::Tcp,
    ports: &[27_017, 27_018, 27_019],
    detect,
    session: super::session,
};

const HEADER: u32 = 16;
/// The longest message that servers take.
const LONGEST: u32 = 48_000_000;
const REPLY: u32 = 1;
const QUERY: u32 = 2004;
const COMPRESSED: u32 = 2012;
const MESSAGE: u32 = 2013;

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        match sender(bytes, probe) {
            Some(Peer::Client) => return Verdict::Yes(peer),
            Some(Peer::Server) => return Verdict::Yes(peer.other()),
            None => {}
        }
    }
    Verdict::No
}

/// Who sends a message that begins so.
fn sender(bytes: &[u8], probe: &Probe<'_>) -> Option<Peer> {
    let mut reader = Reader::new(bytes);
    let length = reader.u32_le()?;
    let _request = reader.u32_le()?;
    let answered = reader.u32_le()?;
    let operation = reader.u32_le()?;
    if !(HEADER + 4..=LONGEST).contains(&length) {
        return None;
    }
    // Of all operations 1 alone is like other things: the port has to fit.
    match (operation, answered) {
        (MESSAGE | COMPRESSED | QUERY, 0) => Some(Peer::Client),
        (MESSAGE | COMPRESSED, _) => Some(Peer::Server),
        (REPLY, 1..) if probe.on(MONGODB.ports) => Some(Peer::Server),
        _ => None,
    }
}
