//! Kerberos 5 (RFC 4120): who asks for tickets to which services, over UDP and TCP 88, and who shows them, in GSS-API tokens of other protocols
//! ([`crate::gssapi`]).
//!
//! Messages are DER; each begins with a tag of its own. Over TCP four bytes before it say how long it is (RFC 4120 section 7.2.2). Recognised by tag, version and
//! kind of message, which must agree.

mod exchange;
mod message;
mod session;
#[cfg(test)]
mod tests;

pub use exchange::Exchange;

use crate::protocol::{Probe, Protocol, Session, Transport, Transports, Verdict};

/// Kerberos over UDP.
pub static KRB: Protocol = Protocol {
    name: "krb",
    transports: Transports::Udp,
    ports: &[88],
    detect,
    session,
};

/// Kerberos over TCP: Zeek calls it by a name of its own.
pub static KRB_TCP: Protocol = Protocol {
    name: "krb_tcp",
    transports: Transports::Tcp,
    ports: &[88],
    detect,
    session,
};

fn session(_transport: Transport) -> Box<dyn Session> {
    Box::<session::Kerberos>::default()
}

/// Bytes of a stream before each message.
const PREFIX: usize = 4;
/// So many bytes tell.
const TELLING: usize = 32;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = probe.transport == Transport::Tcp
        && probe.on(KRB.ports)
        && (probe.orig.is_empty() || probe.resp.is_empty());
    for (bytes, role) in probe.as_client() {
        if bytes.is_empty() {
            continue;
        }
        let message = match probe.transport {
            Transport::Udp => bytes,
            // Messages of 16 MB and more there are none.
            Transport::Tcp if bytes.first() != Some(&0) => return Verdict::No,
            Transport::Tcp => bytes.get(PREFIX..).unwrap_or_default(),
        };
        match message::kind(message) {
            Some(kind) if kind.is_request() => return Verdict::Yes(role),
            Some(_) => return Verdict::Yes(role.other()),
            None => {
                let may_be = message
                    .first()
                    .is_none_or(|tag| message::KINDS.contains(tag));
                if probe.transport == Transport::Udp || !may_be || message.len() >= TELLING {
                    return Verdict::No;
                }
                more = true;
            }
        }
    }
    if more { Verdict::More } else { Verdict::No }
}
