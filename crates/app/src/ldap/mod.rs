//! LDAP (RFC 4511): questions to directories, over TCP 389 (the global catalogue on 3268) and, for finding domain controllers ([MS-ADTS] section 6.3.3), UDP.
//!
//! Messages are BER; each begins with a number that its answers repeat. Entries that a search finds are counted, not read. With STARTTLS the rest is TLS's. Where
//! a bind agreed on SASL's own protection what follows is no LDAP to look at, and the conversation ends for us.
//!
//! Recognised by a message's frame: a sequence of number and operation, with what the operation must begin with.

mod filter;
mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Session, Transport, Transports, Verdict};

/// LDAP over TCP.
pub static LDAP_TCP: Protocol = Protocol {
    name: "ldap_tcp",
    transports: Transports::Tcp,
    ports: &[389, 3268],
    detect,
    session,
};

/// LDAP over UDP.
pub static LDAP_UDP: Protocol = Protocol {
    name: "ldap_udp",
    transports: Transports::Udp,
    ports: &[389],
    detect,
    session,
};

fn session(_transport: Transport) -> Box<dyn Session> {
    Box::<session::Ldap>::default()
}

/// So many bytes tell.
const TELLING: usize = 24;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, role) in probe.as_client() {
        if bytes.is_empty() {
            continue;
        }
        if bytes.first() != Some(&crate::ber::SEQUENCE) {
            return Verdict::No;
        }
        match message::begins(bytes) {
            Some(begins) if begins.is_request => return Verdict::Yes(role),
            Some(_) => return Verdict::Yes(role.other()),
            None if probe.transport == Transport::Tcp && bytes.len() < TELLING => more = true,
            None => return Verdict::No,
        }
    }
    if more { Verdict::More } else { Verdict::No }
}
