//! BGP: sixteen bytes of ones, a length and a type (RFC 4271 section 4.1).

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// BGP.
pub(crate) static BGP: Protocol = Protocol {
    name: "bgp",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[179];
const MARKER: [u8; 16] = [0xff; 16];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for bytes in [probe.orig, probe.resp] {
        let mut reader = Reader::new(bytes);
        if let (Some(MARKER), Some(19..=4096), Some(1..=5)) =
            (reader.array(), reader.u16(), reader.u8())
        {
            return Verdict::Yes(if PORTS.contains(&probe.orig_p) {
                Peer::Server
            } else {
                Peer::Client
            });
        }
        let beginning = bytes.len().min(MARKER.len());
        more |= (1..19).contains(&bytes.len()) && bytes.get(..beginning) == MARKER.get(..beginning);
    }
    if more { Verdict::More } else { Verdict::No }
}
