//! Whether a conversation is TLS: by the header of its first record and the beginning of the hello within.

use super::{dtls, v2};
use crate::Reader;
use crate::protocol::{Peer, Probe, Verdict};

/// The record's type of the handshake.
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
/// Type, length and version of a hello: what is looked at of it.
const HELLO_HEAD: usize = 6;
/// The most records that the head of a hello is looked for in: one byte in each, and an alert before them.
const MAX_RECORDS: usize = HELLO_HEAD + 1;
/// The shortest hello: version, random bytes, empty lists.
const MIN_HELLO: usize = 38;
/// The longest that is believed.
const MAX_HELLO: usize = 1 << 17;

/// What one side's bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// A client's hello.
    Client,
    /// A server's hello.
    Server,
    /// May become one.
    Prefix,
    Other,
}

/// The detector for streams.
pub(super) fn stream(probe: &Probe<'_>) -> Verdict {
    verdict(probe, look)
}

/// The detector for datagrams.
pub(super) fn datagram(probe: &Probe<'_>) -> Verdict {
    verdict(probe, |bytes| match dtls::hello_of(bytes) {
        Some(Peer::Client) => Look::Client,
        Some(Peer::Server) => Look::Server,
        None => Look::Other,
    })
}

fn verdict(probe: &Probe<'_>, look: impl Fn(&[u8]) -> Look) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        if bytes.is_empty() {
            continue;
        }
        match look(bytes) {
            Look::Client => return Verdict::Yes(peer),
            Look::Server => return Verdict::Yes(peer.other()),
            Look::Prefix => more = true,
            Look::Other => {}
        }
    }
    if more || (probe.orig.is_empty() && probe.resp.is_empty()) {
        Verdict::More
    } else {
        Verdict::No
    }
}

/// Looks at the beginning of a stream.
fn look(bytes: &[u8]) -> Look {
    match bytes.first() {
        Some(&(HANDSHAKE | ALERT)) => {}
        Some(first) if first & 0x80 != 0 => {
            return match v2::is_client_hello(bytes) {
                Some(true) => Look::Client,
                Some(false) => Look::Other,
                None => Look::Prefix,
            };
        }
        _ => return Look::Other,
    }
    let mut reader = Reader::new(bytes);
    let (mut head, mut have) = ([0; HELLO_HEAD], 0);
    for _ in 0..MAX_RECORDS {
        let Some(kind) = reader.u8() else {
            return Look::Prefix;
        };
        let (major, minor) = (reader.u8(), reader.u8());
        if major.is_some_and(|major| major != 3) || minor.is_some_and(|minor| minor > 4) {
            return Look::Other;
        }
        let Some(len) = reader.u16() else {
            return Look::Prefix;
        };
        match kind {
            HANDSHAKE if len > 0 => {}
            // A warning before the hello: the name is not known.
            ALERT if len == 2 && have == 0 => {
                if reader.take(2).is_none() {
                    return Look::Prefix;
                }
                continue;
            }
            _ => return Look::Other,
        }
        let fragment = reader.rest().get(..len.into()).unwrap_or(reader.rest());
        for (place, byte) in head.iter_mut().skip(have).zip(fragment) {
            *place = *byte;
            have += 1;
        }
        let known = head.get(..have).unwrap_or_default();
        match hello(known) {
            Some(look) => return look,
            None if fragment.len() < len.into() => return Look::Prefix,
            None => {}
        }
        if reader.take(len.into()).is_none() {
            return Look::Prefix;
        }
    }
    Look::Other
}

/// Which hello begins so; `None` while it may be either.
fn hello(head: &[u8]) -> Option<Look> {
    let kind = *head.first()?;
    let look = match kind {
        1 => Look::Client,
        2 => Look::Server,
        _ => return Some(Look::Other),
    };
    let mut reader = Reader::new(head.get(1..)?);
    let len = reader.u24()? as usize;
    if !(MIN_HELLO..=MAX_HELLO).contains(&len) {
        return Some(Look::Other);
    }
    let major = reader.u8()?;
    if major != 3 && !(major == 0x7f && look == Look::Server) {
        return Some(Look::Other);
    }
    reader.u8()?;
    Some(look)
}
