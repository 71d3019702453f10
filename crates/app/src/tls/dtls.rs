//! TLS over datagrams (RFC 6347, RFC 9147): several records in one datagram, and messages in fragments that say where they belong.
//!
//! ```text
//!  record    type 1 · version 2 · epoch 2 · number 6 · length 2 · fragment
//!  fragment  type 1 · length of the message 3 · number of the message 2 · offset 3 · length 3 · bytes
//! ```
//!
//! Version 1.3 encrypts records under a shorter header, whose first bits are 001.

use super::fragments::MAX_MESSAGE;
use super::handshake::{Handshake, content};
use super::hello::Carrier;
use super::messages;
use crate::Reader;
use crate::context::Context;
use crate::pieces::Pieces;
use crate::protocol::{self, Peer, Want};

/// Messages of one side that are put together at a time.
const MAX_PARTIAL: usize = 4;
/// Datagrams that are none of DTLS (media keyed by it, STUN beside it) before nothing more is expected.
const MAX_STRANGE: u16 = 64;
/// The type of a record with a connection identifier (RFC 9146).
const WITH_CID: u8 = 25;
/// The type of version 1.3's acknowledgements.
const ACK: u8 = 26;

/// A record with the long header.
struct Record<'a> {
    kind: u8,
    epoch: u16,
    data: &'a [u8],
}

fn record<'a>(reader: &mut Reader<'a>) -> Option<Record<'a>> {
    let kind = reader.u8()?;
    let version = reader.u16()?;
    if !(content::CHANGE_CIPHER_SPEC..=ACK).contains(&kind)
        || !matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100)
    {
        return None;
    }
    let epoch = reader.u16()?;
    reader.take(6)?;
    let data = if kind == WITH_CID {
        reader.take(reader.len())?
    } else {
        reader.vec16()?
    };
    Some(Record { kind, epoch, data })
}

/// A piece of a message.
struct Fragment<'a> {
    kind: u8,
    len: usize,
    number: u16,
    offset: usize,
    data: &'a [u8],
}

fn fragment<'a>(reader: &mut Reader<'a>) -> Option<Fragment<'a>> {
    let kind = reader.u8()?;
    let len = reader.u24()? as usize;
    let number = reader.u16()?;
    let offset = reader.u24()? as usize;
    let data = reader.vec24()?;
    (offset + data.len() <= len).then_some(Fragment {
        kind,
        len,
        number,
        offset,
        data,
    })
}

/// Whose hello a datagram begins with.
pub(super) fn hello_of(datagram: &[u8]) -> Option<Peer> {
    let mut reader = Reader::new(datagram);
    let first = record(&mut reader)?;
    if first.kind != content::HANDSHAKE || first.epoch != 0 {
        return None;
    }
    let fragment = fragment(&mut Reader::new(first.data))?;
    let version = Reader::new(fragment.data).u16();
    let is_version = |v| matches!(v, 0xfeff | 0xfefd | 0xfefc | 0x0100);
    if fragment.offset == 0 && !version.is_some_and(is_version) {
        return None;
    }
    match fragment.kind {
        messages::CLIENT_HELLO => Some(Peer::Client),
        // The server's hello, or that it wants a cookie first.
        messages::SERVER_HELLO | 3 => Some(Peer::Server),
        _ => None,
    }
}

/// A message of which something has not come.
#[derive(Debug)]
struct Partial {
    number: u16,
    kind: u8,
    len: usize,
    body: Pieces,
}

#[derive(Debug, Default)]
struct Side {
    partial: Vec<Partial>,
    /// Messages that were whole once: a bit for each number up to 63. What comes again was lost on its way.
    done: u64,
}

/// A conversation of DTLS.
#[derive(Debug)]
pub(super) struct Session {
    handshake: Handshake,
    sides: [Side; 2],
    strange: u16,
}

impl Session {
    pub(super) fn new() -> Session {
        Session {
            handshake: Handshake::new(Carrier::Dtls),
            sides: Default::default(),
            strange: 0,
        }
    }

    /// Whether the handshake is over.
    fn records(&mut self, peer: Peer, datagram: &[u8], context: &mut Context<'_>) -> bool {
        let mut reader = Reader::new(datagram);
        while let Some(&first) = reader.rest().first() {
            // The short header of version 1.3: what is behind it is encrypted, to the datagram's end for all we know.
            if first & 0xe0 == 0x20 && self.handshake.findings.any() {
                self.handshake.encrypts(peer);
                return self.handshake.encrypted_record(peer);
            }
            let Some(record) = record(&mut reader) else {
                self.strange += 1;
                return self.strange >= MAX_STRANGE;
            };
            let ciphered = record.epoch > 0 || record.kind == WITH_CID;
            if ciphered {
                self.handshake.encrypts(peer);
            }
            if ciphered || self.handshake.is_encrypted(peer, record.kind) {
                if self.handshake.encrypted_record(peer) {
                    return true;
                }
            } else if record.kind == content::HANDSHAKE {
                self.fragments(peer, record.data, context);
            } else {
                self.handshake
                    .clear_record(peer, record.kind, record.data, context);
            }
        }
        false
    }

    fn fragments(&mut self, peer: Peer, data: &[u8], context: &mut Context<'_>) {
        let mut reader = Reader::new(data);
        while let Some(fragment) = fragment(&mut reader) {
            let side = &mut self.sides[peer.index()];
            let bit = 1u64.checked_shl(fragment.number.into()).unwrap_or(0);
            if side.done & bit != 0 || fragment.len > MAX_MESSAGE {
                continue;
            }
            if fragment.data.len() == fragment.len {
                side.done |= bit;
                self.handshake
                    .message(peer, fragment.kind, fragment.data, context);
            } else if let Some(whole) = side.add(&fragment) {
                side.done |= bit;
                self.handshake
                    .message(peer, whole.kind, whole.body.ready(), context);
            }
        }
    }
}

impl Side {
    /// Adds a piece to its message: they may come in any order, and more than once (RFC 6347 section 4.2.3). The message, if it is whole now.
    fn add(&mut self, fragment: &Fragment<'_>) -> Option<Partial> {
        let found = self.partial.iter().position(|partial| {
            (partial.number, partial.kind, partial.len)
                == (fragment.number, fragment.kind, fragment.len)
        });
        let at = match found {
            Some(at) => at,
            None => {
                if self.partial.len() == MAX_PARTIAL {
                    self.partial.remove(0);
                }
                self.partial.push(Partial {
                    number: fragment.number,
                    kind: fragment.kind,
                    len: fragment.len,
                    body: Pieces::default(),
                });
                self.partial.len() - 1
            }
        };
        let partial = self.partial.get_mut(at)?;
        partial.body.take(fragment.offset as u64, fragment.data);
        (partial.body.ready().len() == partial.len).then(|| self.partial.swap_remove(at))
    }
}

impl protocol::Session for Session {
    fn start(&mut self, _peer: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, peer: Peer, datagram: &[u8], context: &mut Context<'_>) -> Want {
        if self.records(peer, datagram, context) {
            context.done();
        }
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for side in 0..2 {
            for partial in std::mem::take(&mut self.sides[side].partial) {
                self.handshake
                    .broken_message(partial.kind, partial.body.ready(), context);
            }
        }
        self.handshake.findings.write(context);
    }
}
