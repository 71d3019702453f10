//! DHCP for IPv4 (RFC 2131, options RFC 2132): hosts that are given their addresses.
//!
//! A message has the form of BOOTP's (RFC 951): 236 bytes at fixed places, a magic number, and options, each a code, a length and a value. The
//! type of the message is an option too (53). A client without an address asks from 0.0.0.0 of everybody, and a server may answer everybody;
//! so one transaction (`xid`) may be in two flows, with a record in each.

mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use message::Message;

/// DHCP.
pub static DHCP: Protocol = Protocol {
    name: "dhcp",
    transports: Transports::Udp,
    ports: &[67, 68, 4011],
    detect,
    session: |_| Box::new(session::Dhcp::default()),
};

/// The magic number at its place is mark enough. Who plays which part is in the first byte.
fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        if let Some(message) = Message::parse(bytes) {
            return Verdict::Yes(if message.from_client {
                peer
            } else {
                peer.other()
            });
        }
    }
    Verdict::No
}

/// A hardware address as Zeek writes it: six bytes, or eight where the last two are not zero. Nothing for other lengths.
pub(crate) fn mac(bytes: &[u8]) -> Option<Box<str>> {
    let shown = match bytes {
        [_, _, _, _, _, _] | [_, _, _, _, _, _, 0, 0, ..] => bytes.get(..6)?,
        _ => bytes.get(..8)?,
    };
    let pairs: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":").into())
}
