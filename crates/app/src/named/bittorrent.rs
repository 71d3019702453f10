//! `BitTorrent`: its peers' handshake (BEP 3), and the messages of its distributed hash table (BEP 5).

use crate::protocol::{Probe, Protocol, Transport, Transports, Verdict};

/// `BitTorrent`.
pub(crate) static BITTORRENT: Protocol = Protocol {
    name: "bittorrent",
    transports: Transports::Both,
    ports: &[],
    detect,
    session: super::session,
};

const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";
/// A query, a response and an error, each a dictionary whose keys are sorted.
const TABLE: [&[u8]; 3] = [b"d1:ad2:id20:", b"d1:rd2:id20:", b"d1:eli20"];

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        let whole = match probe.transport {
            Transport::Tcp => bytes.starts_with(HANDSHAKE),
            Transport::Udp => TABLE.iter().any(|mark| bytes.starts_with(mark)),
        };
        if whole {
            return Verdict::Yes(peer);
        }
        if probe.transport == Transport::Tcp && !bytes.is_empty() && HANDSHAKE.starts_with(bytes) {
            return Verdict::More;
        }
    }
    Verdict::No
}
