//! WireGuard: a type, three bytes of zero, and messages of fixed lengths (its protocol, section 5.4: "Messages").

use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// WireGuard.
pub(crate) static WIREGUARD: Protocol = Protocol {
    name: "wireguard",
    transports: Transports::Udp,
    ports: &[51_820],
    detect,
    session: super::session,
};

/// Types and lengths of the initiation, the response, and the cookie's reply.
const INITIATION: (u8, usize) = (1, 148);
const ANSWERS: [(u8, usize); 2] = [(2, 92), (3, 64)];

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        let [kind, 0, 0, 0, ..] = bytes else {
            continue;
        };
        let message = (*kind, bytes.len());
        if message == INITIATION {
            return Verdict::Yes(peer);
        }
        if ANSWERS.contains(&message) {
            return Verdict::Yes(peer.other());
        }
    }
    Verdict::No
}
