//! DHCP for IPv6 (RFC 8415): hosts that are given addresses, routers that are given prefixes.
//!
//! A message is its type, an identifier of 24 bits, and options, each with 16 bits of code and of length. Options hold options: an
//! identity association holds addresses. A relay wraps the client's message, as an option, in a message of its own, and a second relay wraps that.

mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use message::Message;

/// DHCPv6.
pub static DHCPV6: Protocol = Protocol {
    name: "dhcpv6",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: |_| Box::new(session::Dhcpv6::default()),
};

const CLIENT: u16 = 546;
const SERVER: u16 = 547;
const PORTS: &[u16] = &[CLIENT, SERVER];

/// There is no mark in the content: the port, a known type, options that fill the message, and somebody's identifier among them.
fn detect(probe: &Probe<'_>) -> Verdict {
    if !probe.on(PORTS) {
        return Verdict::No;
    }
    for (bytes, peer) in probe.as_client() {
        let Some(message) = Message::parse(bytes) else {
            continue;
        };
        if message.is_plausible() {
            return Verdict::Yes(if message.is_from_client() {
                peer
            } else {
                peer.other()
            });
        }
    }
    Verdict::No
}
