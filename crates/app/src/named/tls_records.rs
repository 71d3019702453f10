//! TLS and DTLS whose handshake was not seen: records of data in a connection that was under way when the capture began (RFC 8446 section 5.1, RFC 6347 section 4.1).

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};
use crate::tls;

/// TLS, from the middle.
pub(crate) static SSL: Protocol = Protocol {
    name: "ssl",
    transports: Transports::Tcp,
    ports: tls::SSL.ports,
    detect: stream,
    session: super::session,
};

/// DTLS, from the middle.
pub(crate) static DTLS: Protocol = Protocol {
    name: "dtls",
    transports: Transports::Udp,
    ports: tls::DTLS.ports,
    detect: datagram,
    session: super::session,
};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
/// What encryption makes of the shortest record, and of the longest (RFC 5246 section 6.2.3).
const ENCRYPTED: std::ops::RangeInclusive<u16> = 16..=(1 << 14) + 2048;
/// Two bytes, whatever the cipher adds to them.
const ENCRYPTED_ALERT: std::ops::RangeInclusive<u16> = 18..=80;

/// A record's type and length, if it can be one behind a handshake.
fn record(reader: &mut Reader<'_>) -> Option<(u8, u16)> {
    let [kind, 3, 1..=3] = reader.array()? else {
        return None;
    };
    let length = reader.u16()?;
    let fits = match kind {
        DATA | HANDSHAKE => ENCRYPTED.contains(&length),
        ALERT => ENCRYPTED_ALERT.contains(&length),
        CHANGE_CIPHER_SPEC => length == 1,
        _ => false,
    };
    fits.then_some((kind, length))
}

/// On a port of TLS one record is enough; elsewhere what has come must end with a record, or a second one begin behind the first.
/// What begins with a message of the handshake is for the one who reads it.
fn stream(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, as_client) in probe.as_client() {
        let mut reader = Reader::new(bytes);
        let Some((kind, length)) = record(&mut reader) else {
            continue;
        };
        if kind == HANDSHAKE {
            continue;
        }
        let behind = bytes.get(5 + usize::from(length)..);
        let sure = match behind {
            _ if probe.on(SSL.ports) && kind != CHANGE_CIPHER_SPEC => true,
            None => false,
            Some([]) => kind != CHANGE_CIPHER_SPEC,
            Some(behind) => record(&mut Reader::new(behind)).is_some(),
        };
        if sure {
            return Verdict::Yes(client(probe, SSL.ports, as_client));
        }
        more |= behind.is_none_or(|behind| behind.len() < 5);
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Who is the client: the other one of the side that has a server's port.
fn client(probe: &Probe<'_>, ports: &[u16], as_client: Peer) -> Peer {
    if ports.contains(&probe.resp_p) {
        Peer::Client
    } else if ports.contains(&probe.orig_p) {
        Peer::Server
    } else {
        as_client
    }
}

fn datagram(probe: &Probe<'_>) -> Verdict {
    for (bytes, as_client) in probe.as_client() {
        if encrypted(bytes).is_some() {
            return Verdict::Yes(client(probe, DTLS.ports, as_client));
        }
    }
    Verdict::No
}

/// Whether a datagram is nothing but encrypted records.
fn encrypted(bytes: &[u8]) -> Option<()> {
    let mut reader = Reader::new(bytes);
    loop {
        let [DATA | ALERT, 0xfe, 0xfd | 0xff] = reader.array()? else {
            return None;
        };
        let epoch = reader.u16()?;
        reader.take(6)?;
        let length = reader.u16()?;
        if epoch == 0 || !ENCRYPTED.contains(&length) {
            return None;
        }
        reader.take(length.into())?;
        if reader.is_empty() {
            return Some(());
        }
    }
}
