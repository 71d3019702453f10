//! SSDP, how devices of UPnP find each other: a request or response in HTTP's form in one datagram (`UPnP` Device Architecture 2.0, section 1).

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use crate::talk;

/// SSDP.
pub(crate) static SSDP: Protocol = Protocol {
    name: "ssdp",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[1900];
const REQUESTS: [&[u8]; 2] = [b"M-SEARCH * HTTP/1.", b"NOTIFY * HTTP/1."];
/// An answer comes from the port that was asked, or says what service it is of.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n";

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        if REQUESTS.iter().any(|request| bytes.starts_with(request)) {
            return Verdict::Yes(peer);
        }
        let answer = bytes.starts_with(ANSWER);
        if answer && (probe.on(PORTS) || talk::has(bytes, b"\nUSN:")) {
            return Verdict::Yes(peer.other());
        }
    }
    Verdict::No
}
