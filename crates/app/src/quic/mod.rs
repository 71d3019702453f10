//! QUIC: connections over UDP, encrypted but for their first packets (RFC 9000, RFC 9001; version 2: RFC 9369; what all versions have in common: RFC 8999).
//!
//! The client's and the server's hello are in Initial packets. Those are protected with keys made of the identifier that the client chose for the
//! server in its first packet, and a salt that everybody knows: so they can be opened ([`protection`]), the pieces of the hellos in their CRYPTO
//! frames put in order ([`crypto`]), and the server's name, the application protocols and the fingerprints read, as in TLS over TCP. All that follows is
//! out of reach, but for the kinds of packets, which the history tells.
//!
//! ```text
//!  client                                  server
//!   Initial[CRYPTO[ClientHello]]   ──▶
//!                                  ◀──      Initial[ACK, CRYPTO[ServerHello]] Handshake[…]      one datagram
//!   Initial[ACK] Handshake[…]      ──▶
//!   short header                   ◀──▶     short header                                        of no interest any more
//! ```
//!
//! A server may ask for proof first (Retry): the client begins again, with another identifier, other keys, and the same hello. Or it does not speak the
//! version (Version Negotiation).
//!
//! Google's versions before TLS 1.3 are recognised too, and the server's name is read where it is in the clear or can be opened.

mod connection;
mod crypto;
mod frame;
mod google;
mod packet;
mod protection;
mod session;
mod tls;
mod version;

#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};
use packet::{Kind, Long};

/// QUIC.
pub(crate) static QUIC: Protocol = Protocol {
    name: "quic",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: |_| Box::<session::Quic>::default(),
};

/// HTTP/3, DNS, and where DNS was before.
const PORTS: &[u16] = &[443, 853, 784, 8853];

/// The least that a client's first datagram has (RFC 9000 section 14.1).
const MIN_FIRST: usize = 1200;
/// The least bytes of the identifier that a client makes up (RFC 9000 section 7.2).
const MIN_FIRST_ID: usize = 8;

fn detect(probe: &Probe<'_>) -> Verdict {
    let ports = [probe.orig_p, probe.resp_p];
    for ((datagram, place), [own, other]) in probe
        .as_client()
        .into_iter()
        .zip([ports, [ports[1], ports[0]]])
    {
        let Some(speaker) = speaker(datagram) else {
            continue;
        };
        // Who speaks first is the client, but where the ports say that it was seen from the middle on.
        let by_port = PORTS.contains(&own) && !PORTS.contains(&other);
        let first = probe.orig.is_empty() || probe.resp.is_empty();
        let speaker = match speaker {
            Some(peer) => peer,
            None if by_port => Peer::Server,
            None if first => Peer::Client,
            None => place,
        };
        return Verdict::Yes(match place {
            Peer::Client => speaker,
            Peer::Server => speaker.other(),
        });
    }
    Verdict::No
}

/// Whether a datagram begins with a long header of a version that we know, or of those that are there to be refused; and who sends such, where only one peer does.
fn speaker(datagram: &[u8]) -> Option<Option<Peer>> {
    let &first = datagram.first()?;
    if first & 0x80 == 0 {
        if packet::google_old(datagram).is_some_and(|long| has_hello(&long)) {
            return Some(Some(Peer::Client));
        }
        return google::is_rejection(datagram).then_some(Some(Peer::Server));
    }
    let (long, _) = packet::long(datagram, false)?;
    let known = long.version.generation().is_some();
    match long.kind {
        Kind::Initial { .. } | Kind::Retry | Kind::ZeroRtt | Kind::Handshake if !known => {
            let first = datagram.len() >= MIN_FIRST && long.dcid.len() >= MIN_FIRST_ID;
            first.then_some(Some(Peer::Client))
        }
        Kind::Initial { .. } | Kind::Handshake => Some(None),
        Kind::Clear(_) => Some(has_hello(&long).then_some(Peer::Client)),
        Kind::ZeroRtt => Some(Some(Peer::Client)),
        Kind::Retry => Some(Some(Peer::Server)),
        Kind::VersionNegotiation => packet::versions(datagram, &long)?
            .any(|version| version.generation().is_some())
            .then_some(Some(Peer::Server)),
        Kind::Unknown => None,
    }
}

/// Whether one of Google's old packets begins a connection: its header alone is too short a mark.
fn has_hello(long: &Long<'_>) -> bool {
    matches!(long.kind, Kind::Clear(frames) if google::hello(frames).is_some())
}
