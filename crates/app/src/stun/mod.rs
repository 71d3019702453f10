//! STUN (RFC 8489; RFC 3489 before it) and TURN (RFC 8656): how two behind NATs find each other.
//!
//! A message has a magic number at bytes 4 to 7 and says its length. Messages of RFC 3489 lack the number, and are known on STUN's port by their types,
//! lengths and attributes. What follows in the flow is mostly something else: the first datagram that is no
//! message of STUN is looked at anew (DTLS, RTP). Over TCP nothing is looked at after the first message.

#[cfg(test)]
mod tests;

use crate::bytes::Reader;
use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transport, Transports, Verdict, Want};

/// STUN.
pub static STUN: Protocol = Protocol {
    name: "stun",
    transports: Transports::Both,
    ports: PORTS,
    detect,
    session: |_| Box::new(Stun { messages: 0 }),
};

const PORTS: &[u16] = &[3478, 3479, 3480, 5349];
const HEADER: usize = 20;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Bits of the type that say it is a response, or an indication.
const RESPONSE: u16 = 0x100;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        let Some(kind) = kind(bytes, probe) else {
            let cut = probe.transport == Transport::Tcp && bytes.len() < HEADER;
            more |= cut && !bytes.is_empty() && may_begin(bytes);
            continue;
        };
        return Verdict::Yes(if kind & RESPONSE == 0 {
            peer
        } else {
            peer.other()
        });
    }
    if more { Verdict::More } else { Verdict::No }
}

/// A message's type, if it is one.
fn kind(bytes: &[u8], probe: &Probe<'_>) -> Option<u16> {
    let mut reader = Reader::new(bytes);
    let kind = reader.u16()?;
    let len = usize::from(reader.u16()?);
    if kind & 0xc000 != 0 || len % 4 != 0 {
        return None;
    }
    let magic = reader.array::<4>()? == MAGIC;
    reader.take(HEADER - 8)?;
    let fills = reader.len() == len;
    let known = match probe.transport {
        Transport::Tcp => magic,
        // Behind it there may be padding.
        Transport::Udp if magic => len <= reader.len(),
        // RFC 3489 section 11.1: binding and shared secret, each asked, answered, refused.
        Transport::Udp => {
            let types = [0x001, 0x101, 0x111, 0x002, 0x102, 0x112];
            probe.on(PORTS) && fills && types.contains(&kind) && attributes_fill(reader)
        }
    };
    known.then_some(kind)
}

fn attributes_fill(mut reader: Reader<'_>) -> bool {
    while !reader.is_empty() {
        if reader.u16().is_none() || reader.vec16().is_none() {
            return false;
        }
    }
    true
}

/// Whether a stream that begins so may yet be a message.
fn may_begin(bytes: &[u8]) -> bool {
    let type_fits = bytes.first().is_some_and(|byte| byte & 0xc0 == 0);
    let len_fits = bytes.get(3).is_none_or(|byte| byte % 4 == 0);
    let magic = bytes.iter().skip(4).zip(MAGIC).all(|(&byte, m)| byte == m);
    // Two bytes of text would fit many.
    let binary = bytes.first().is_some_and(|byte| *byte <= 1);
    type_fits && len_fits && magic && binary
}

/// Messages that something else is waited for.
const MAX_MESSAGES: u8 = 32;

struct Stun {
    messages: u8,
}

/// Whether a datagram is a message of STUN, or a piece of a TURN channel, whose first two bits are 01 (RFC 8656 section 12).
fn is_stun(datagram: &[u8]) -> bool {
    let magic = datagram.get(4..8).is_some_and(|bytes| bytes == MAGIC);
    match datagram.first() {
        Some(0..=0x3f) => magic,
        Some(0x40..=0x7f) => true,
        _ => false,
    }
}

impl Session for Stun {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        self.messages += 1;
        if context.transport() == Transport::Tcp || self.messages > MAX_MESSAGES {
            context.done();
        } else if self.messages > 1 && !is_stun(unit) {
            context.detect_again();
        }
        Want::Any
    }
}
