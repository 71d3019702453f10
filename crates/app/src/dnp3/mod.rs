//! DNP3 (IEEE 1815): outstations of electricity and water that are asked and told.
//!
//! Three layers. A frame begins with `05 64`, a length, who it is from and for, and a checksum; its data comes in blocks of 16 bytes, each with a checksum.
//! The first byte of the data says whether a fragment of a message begins here; then come a control byte and the function code, and of a response 16 indications.

mod frame;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transport, Transports, Verdict};

/// DNP3.
pub static DNP3: Protocol = Protocol {
    name: "dnp3",
    transports: Transports::Both,
    ports: PORTS,
    detect,
    session: |_| Box::new(session::Dnp3::default()),
};

const PORTS: &[u16] = &[20_000];

/// The first two bytes and the header's checksum are mark enough; the header's highest bit of control says who sent it.
fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        if let Some(header) = frame::Header::parse(bytes) {
            // On its port it is plain who the outstation is.
            let port = |port| PORTS.contains(&port);
            return Verdict::Yes(match (port(probe.orig_p), port(probe.resp_p)) {
                (false, true) => Peer::Client,
                (true, false) => Peer::Server,
                _ if header.from_master => peer,
                _ => peer.other(),
            });
        }
        let begin = bytes.get(..2).unwrap_or(bytes);
        let begins = !begin.is_empty() && frame::START.starts_with(begin);
        more |= probe.transport == Transport::Tcp && begins && bytes.len() < frame::HEADER;
    }
    if more { Verdict::More } else { Verdict::No }
}
