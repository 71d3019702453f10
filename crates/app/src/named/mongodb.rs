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
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        more |= short(bytes);
        match sender(bytes, probe) {
            Some(Peer::Client) => return Verdict::Yes(peer),
            Some(Peer::Server) => return Verdict::Yes(peer.other()),
            None => {}
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Whether this may be the beginning of a header that is not whole yet.
fn short(bytes: &[u8]) -> bool {
    let length = Reader::new(bytes).u32_le();
    let may_be = length.is_none_or(|length| (HEADER + 4..=LONGEST).contains(&length));
    (1..HEADER as usize).contains(&bytes.len()) && may_be
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
