//! MQTT (versions 3.1, 3.1.1 and 5.0): clients that publish messages under topics, and get those of the topics they subscribed to.
//!
//! A packet is a byte with its type and flags, a length of up to four bytes of seven bits, and what the type says. A client begins with CONNECT, where the
//! protocol's name is.

mod packet;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// MQTT.
pub static MQTT: Protocol = Protocol {
    name: "mqtt",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::new(session::Mqtt::default()),
};

const PORTS: &[u16] = &[1883];

/// A CONNECT with the protocol's name; of a broker alone, on its port, what answers one.
fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        match packet::begins_with_connect(bytes) {
            Some(true) => return Verdict::Yes(peer),
            Some(false) => {}
            None => more |= !bytes.is_empty(),
        }
        let answers = matches!(bytes, [0x20, 2, 0 | 1, 0..=5, ..]);
        if answers && probe.on(PORTS) {
            return Verdict::Yes(match peer {
                Peer::Client => Peer::Server,
                Peer::Server => Peer::Client,
            });
        }
        more |= probe.on(PORTS) && matches!(bytes, [0x20] | [0x20, 2] | [0x20, 2, 0 | 1]);
    }
    if more { Verdict::More } else { Verdict::No }
}
