//! SSL 2.0's messages in the clear (draft-hickman-netscape-ssl-00): its hello was used long after it to offer newer versions (RFC 5246 appendix E.2).
//!
//! ```text
//!  record    length 2 (highest bit set: no padding) · type 1 · …
//!  ClientHello  1   version 2 · lengths of ciphers, session, challenge 2 each · ciphers of 3 bytes · session · challenge
//!  ServerHello  4   session hit 1 · type of certificate 1 · version 2 · lengths of certificate, ciphers, connection 2 each · …
//! ```

use crate::Reader;

/// Length of a record's header, and the type of its message.
pub(super) const HEAD: usize = 3;
const CLIENT_HELLO: u8 = 1;
const CLIENT_MASTER_KEY: u8 = 2;
const SERVER_HELLO: u8 = 4;
const VERSION: u16 = 2;

/// A message.
pub(super) enum Message<'a> {
    /// The client's hello; the session it wants to resume.
    ClientHello {
        session_id: &'a [u8],
    },
    /// The server's hello; the first of the ciphers that both know, and its certificate.
    ServerHello {
        cipher: Option<u32>,
        certificate: &'a [u8],
    },
    /// The client's key: from here on both encrypt.
    ClientMasterKey,
    Other,
}

/// Length of a record's payload, from the two bytes it begins with. `None` if they are no header without padding.
pub(super) fn payload_len(first: u8, second: u8) -> Option<usize> {
    (first & 0x80 != 0).then(|| usize::from(first & 0x7f) << 8 | usize::from(second))
}

/// Reads a message: its type and what is behind it.
pub(super) fn message(kind: u8, body: &[u8]) -> Message<'_> {
    let message = match kind {
        CLIENT_HELLO => client_hello(body),
        SERVER_HELLO => server_hello(body),
        CLIENT_MASTER_KEY => Some(Message::ClientMasterKey),
        _ => None,
    };
    message.unwrap_or(Message::Other)
}

fn client_hello(body: &[u8]) -> Option<Message<'_>> {
    let mut reader = Reader::new(body);
    let (_, ciphers, session, _) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    reader.take(ciphers.into())?;
    let session_id = reader.take(session.into())?;
    Some(Message::ClientHello { session_id })
}

fn server_hello(body: &[u8]) -> Option<Message<'_>> {
    let mut reader = Reader::new(body);
    let (_, _, version) = (reader.u8()?, reader.u8()?, reader.u16()?);
    let (certificate, _, _) = (reader.u16()?, reader.u16()?, reader.u16()?);
    let certificate = reader.take(certificate.into())?;
    (version == VERSION).then(|| Message::ServerHello {
        cipher: reader.u24(),
        certificate,
    })
}

/// Whether a stream begins with a client's hello; `None` while it may.
pub(super) fn is_client_hello(bytes: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(bytes);
    let first = reader.u8()?;
    if first & 0x80 == 0 {
        return Some(false);
    }
    let second = reader.u8()?;
    let len = payload_len(first, second).unwrap_or_default();
    if reader.u8()? != CLIENT_HELLO {
        return Some(false);
    }
    let major = reader.u8()?;
    let minor = reader.u8()?;
    if !matches!((major, minor), (0, 2) | (3, 0..=3)) {
        return Some(false);
    }
    let (ciphers, session, challenge) = (reader.u16()?, reader.u16()?, reader.u16()?);
    let fits = ciphers > 0
        && ciphers % 3 == 0
        && (session == 0 || session == 16)
        && (16..=32).contains(&challenge)
        && 9 + usize::from(ciphers) + usize::from(session) + usize::from(challenge) == len;
    Some(fits)
}
