//! HTTP/2 in clear (RFC 9113): with prior knowledge, or after an upgrade from HTTP/1.1.
//!
//! The same requests and responses as HTTP/1.1's, each in a stream of its own, cut into frames that are told apart by a number. Fields are written in HPACK
//! ([`hpack`]), which needs all of them read in order; content ([`frame::DATA`]) is a file, and skipped but for its first bytes unless
//! hashes are asked for.
//!
//! Its records are those of HTTP/1.1, with version 2.

mod frame;
mod hpack;
mod huffman;
mod session;
mod streams;

#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};
use frame::{Frame, PREFACE, SETTINGS};

/// HTTP/2 in clear.
pub static HTTP2: Protocol = Protocol {
    name: "http2",
    transports: Transports::Tcp,
    ports: &[],
    detect,
    session: |_| Box::new(session::Session::default()),
};

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut verdict = Verdict::No;
    for (bytes, as_client) in probe.as_client() {
        let front = bytes.get(..PREFACE.len()).unwrap_or(bytes);
        if front == PREFACE {
            return Verdict::Yes(as_client);
        }
        if PREFACE.starts_with(front) {
            verdict = Verdict::More;
        }
        // A server whose client was not seen: it begins with its settings (RFC 9113 section 3.4).
        match begins_with_settings(bytes) {
            Verdict::Yes(_) => return Verdict::Yes(as_client.other()),
            Verdict::More => verdict = Verdict::More,
            Verdict::No => {}
        }
    }
    verdict
}

/// Whether bytes begin with a frame of settings, each of which RFC 9113 or 8441 or 9218 names.
fn begins_with_settings(bytes: &[u8]) -> Verdict {
    const MOST: usize = 16;
    const ONE: usize = 6;
    // Length, type, flags, stream: all but the length's last byte are known.
    const MARK: &[(usize, u8)] = &[
        (0, 0),
        (1, 0),
        (3, SETTINGS),
        (4, 0),
        (5, 0),
        (6, 0),
        (7, 0),
        (8, 0),
    ];
    let differs = |&(at, byte): &(usize, u8)| bytes.get(at).is_some_and(|there| *there != byte);
    if MARK.iter().any(differs) {
        return Verdict::No;
    }
    let Some((frame, payload)) = Frame::split(bytes) else {
        return Verdict::More;
    };
    if frame.len == 0 || frame.len > MOST * ONE || !frame.len.is_multiple_of(ONE) {
        return Verdict::No;
    }
    let settings = payload.get(..frame.len).unwrap_or(payload);
    let known = |setting: &[u8]| matches!(setting, [0, 1..=9, ..]);
    if !settings.chunks_exact(ONE).all(known) {
        Verdict::No
    } else if settings.len() < frame.len {
        Verdict::More
    } else {
        Verdict::Yes(Peer::Server)
    }
}
