//! RFB, the protocol of VNC: a server begins with twelve bytes, `RFB 003.008` and a line's end (RFC 6143 section 7.1.1).

use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// RFB.
pub(crate) static RFB: Protocol = Protocol {
    name: "rfb",
    transports: Transports::Tcp,
    ports: &[5900, 5901],
    detect,
    session: super::session,
};

const BEGINNING: &[u8] = b"RFB 00";
const LENGTH: usize = 12;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    // The client answers with the same words: who speaks first is the server.
    for (bytes, peer) in probe.as_client().into_iter().rev() {
        let beginning = bytes.len().min(BEGINNING.len());
        if bytes.get(..beginning) != BEGINNING.get(..beginning) {
            continue;
        }
        match bytes.get(LENGTH - 1) {
            Some(b'\n') => return Verdict::Yes(peer.other()),
            Some(_) => {}
            None => more |= !bytes.is_empty(),
        }
    }
    if more { Verdict::More } else { Verdict::No }
}
