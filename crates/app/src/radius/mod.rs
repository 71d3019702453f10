//! RADIUS (RFC 2865; accounting RFC 2866; changes RFC 5176): somebody who wants in, and a server that decides.
//!
//! A message is a code, an identifier, a length, 16 bytes of authenticator, and attributes, each a type, a length and a value. A response has its request's
//! identifier. A challenge hands out a `State`, which the next request brings back: so one authentication may be several requests.

mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use message::Message;

/// RADIUS.
pub static RADIUS: Protocol = Protocol {
    name: "radius",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: |_| Box::new(session::Radius::default()),
};

const PORTS: &[u16] = &[1812, 1813, 1645, 1646, 3799];

/// There is no mark in the content: the port, a code there is, and a length that fits.
fn detect(probe: &Probe<'_>) -> Verdict {
    if !probe.on(PORTS) {
        return Verdict::No;
    }
    for (bytes, peer) in probe.as_client() {
        let Some(message) = Message::parse(bytes) else {
            continue;
        };
        if message.is_plausible() {
            return Verdict::Yes(if message.is_request() {
                peer
            } else {
                peer.other()
            });
        }
    }
    Verdict::No
}
