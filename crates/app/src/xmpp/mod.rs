//! XMPP (Jabber): streams of XML (RFC 6120), and the way to TLS. What is said is not read.
//!
//! Both sides begin with the header of a stream, which names its namespace (section 4.2). A client that asks for TLS with `<starttls/>` and is answered
//! `<proceed/>` begins TLS behind it (section 5.4.2).

#[cfg(test)]
mod tests;

use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use crate::{registry, talk};

/// XMPP.
pub(crate) static XMPP: Protocol = Protocol {
    name: "xmpp",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::new(Xmpp::default()),
};

const PORTS: &[u16] = &[5222, 5269];
/// What stands in the middle of a stream, and at its end.
const STANZAS: [&[u8]; 4] = [b"<iq ", b"<message ", b"<presence", b"</stream:stream>"];
/// What a stream's header may begin with.
const BEGINNINGS: [&[u8]; 2] = [b"<stream:stream", b"<?xml"];
/// The namespace of streams, of which each header must say that it is in it (RFC 6120 section 4.8.1).
const NAMESPACE: &[u8] = b"http://etherx.jabber.org/streams";
/// A header is known within so many bytes.
const MAX_HEADER: usize = 512;
/// So many bytes of both sides are looked into before TLS is no longer waited for.
const MAX_BYTES: usize = 16 << 10;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, as_client) in probe.as_client() {
        let start = bytes.trim_ascii_start();
        if probe.on(PORTS) && STANZAS.iter().any(|word| start.starts_with(word)) {
            let of_client = PORTS.contains(&probe.resp_p);
            return Verdict::Yes(if of_client {
                Peer::Client
            } else {
                Peer::Server
            });
        }
        more |= probe.on(PORTS)
            && !start.is_empty()
            && STANZAS.iter().any(|word| word.starts_with(start));
        if !BEGINNINGS.iter().any(|word| common(start, word)) {
            continue;
        }
        if let Some(header) = header(start) {
            if !talk::has(header, NAMESPACE) {
                continue;
            }
            // Only who accepts a stream gives it an identifier (RFC 6120 section 4.7.3).
            let accepts = talk::has(header, b" id=");
            return Verdict::Yes(if accepts {
                as_client.other()
            } else {
                as_client
            });
        }
        more |= !start.is_empty() && start.len() < MAX_HEADER;
    }
    if more { Verdict::More } else { Verdict::No }
}

/// The header of a stream, if it is whole.
fn header(bytes: &[u8]) -> Option<&[u8]> {
    let tag = b"<stream:stream";
    let from = bytes.windows(tag.len()).position(|window| window == tag)?;
    let header = bytes.get(from..)?;
    let end = header.iter().position(|byte| *byte == b'>')?;
    header.get(..end)
}

/// Whether one begins with the other.
fn common(bytes: &[u8], word: &[u8]) -> bool {
    let length = bytes.len().min(word.len());
    length > 0 && bytes.get(..length) == word.get(..length)
}

/// Finds the end of an element by the beginning of its tag, over the pieces it comes in.
struct Element {
    begins: &'static [u8],
    matched: usize,
}

impl Element {
    fn new(begins: &'static [u8]) -> Element {
        Element { begins, matched: 0 }
    }

    /// Whether the element's end is within this piece.
    fn ends_in(&mut self, piece: &[u8]) -> bool {
        for &byte in piece {
            if self.matched == self.begins.len() {
                if byte == b'>' {
                    return true;
                }
            } else if self.begins.get(self.matched) == Some(&byte) {
                self.matched += 1;
            } else {
                self.matched = usize::from(byte == b'<');
            }
        }
        false
    }
}

struct Xmpp {
    asks: Element,
    proceeds: Element,
    asked: bool,
    seen: usize,
}

impl Default for Xmpp {
    fn default() -> Self {
        Xmpp {
            asks: Element::new(b"<starttls"),
            proceeds: Element::new(b"<proceed"),
            asked: false,
            seen: 0,
        }
    }
}

impl Session for Xmpp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        self.seen += unit.len();
        match peer {
            Peer::Client => self.asked |= self.asks.ends_in(unit),
            Peer::Server if self.proceeds.ends_in(unit) && self.asked => {
                match registry::by_name("ssl") {
                    Some(tls) => context.hand_over(tls),
                    None => context.done(),
                }
                return Want::Any;
            }
            Peer::Server => {}
        }
        if self.seen >= MAX_BYTES {
            context.done();
        }
        Want::Any
    }
}
