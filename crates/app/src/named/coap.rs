//! `CoAP`: a version, a type and the length of a token in the first byte, then a code (RFC 7252 section 3). Few bits are a mark: the port has to fit.

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// `CoAP`.
pub(crate) static COAP: Protocol = Protocol {
    name: "coap",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[5683];

fn detect(probe: &Probe<'_>) -> Verdict {
    if !probe.on(PORTS) {
        return Verdict::No;
    }
    for bytes in [probe.orig, probe.resp] {
        if is_message(bytes).is_some() {
            return Verdict::Yes(if PORTS.contains(&probe.resp_p) {
                Peer::Client
            } else {
                Peer::Server
            });
        }
    }
    Verdict::No
}

fn is_message(bytes: &[u8]) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let [first, code] = reader.array()?;
    reader.u16()?;
    let token = usize::from(first & 15);
    reader.take(token)?;
    // Version 1. Codes: empty, requests, and responses of the classes 2, 4 and 5.
    let code = matches!(code, 0..=7 | 0x40..=0x5f | 0x80..=0xbf);
    (first >> 6 == 1 && token <= 8 && code).then_some(())
}
