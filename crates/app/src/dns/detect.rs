//! Which conversations are DNS.
//!
//! The header has no mark of its own. On its ports it is enough that the header says nothing impossible and that the first question can be read; elsewhere
//! a message must hold together to its last byte, with a name like a host's and a type that is asked for.

use super::message::{HEADER, Header, Question, Resource};
use super::name::Name;
use super::{LENGTH, MAX_QUESTIONS, NBNS_PORT, PORTS};
use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Transport, Verdict};

/// The most records that are walked through to find out whether a message holds together.
const MAX_WALK: usize = 64;

/// The most records of an ordinary message.
const PLAIN_RECORDS: usize = 4;

pub(super) fn detect(probe: &Probe<'_>) -> Verdict {
    let by_port = probe.on(PORTS);
    let nbns = probe.on(&[NBNS_PORT]);
    let mut verdict = Verdict::No;
    for (bytes, part) in probe.as_client() {
        if bytes.is_empty() {
            continue;
        }
        match (probe.transport, by_port) {
            (Transport::Udp, true) if could_be(bytes) => return Verdict::Yes(sender(bytes, part)),
            // Somebody tried the port with something else; what comes next may be DNS.
            (Transport::Udp, true) => verdict = Verdict::More,
            (Transport::Udp, false) if holds(bytes, nbns) => {
                return Verdict::Yes(sender(bytes, part));
            }
            (Transport::Udp, false) => {}
            (Transport::Tcp, _) => match stream(bytes, by_port) {
                Verdict::Yes(_) => {
                    let message = bytes.get(LENGTH..).unwrap_or_default();
                    return Verdict::Yes(sender(message, part));
                }
                Verdict::More => verdict = Verdict::More,
                Verdict::No => {}
            },
        }
    }
    verdict
}

/// The part that the originator plays, if `part` is the one it would play had a query been sent.
fn sender(message: &[u8], part: Peer) -> Peer {
    match Header::read(message) {
        Some(header) if header.is_reply() => part.other(),
        _ => part,
    }
}

/// The beginning of a stream: a length, and the message behind it as far as it is there.
fn stream(bytes: &[u8], by_port: bool) -> Verdict {
    let mut reader = Reader::new(bytes);
    let Some(length) = reader.u16().map(usize::from) else {
        return Verdict::More;
    };
    if length < HEADER {
        return Verdict::No;
    }
    let there = reader.rest();
    let message = there.get(..length).unwrap_or(there);
    let Some(header) = Header::read(message) else {
        // The number of questions stands behind identifier and flags, and says most.
        let questions = message.get(4..6).and_then(|bytes| Reader::new(bytes).u16());
        return match questions {
            Some(questions) if !(1..=MAX_QUESTIONS).contains(&questions) => Verdict::No,
            _ => Verdict::More,
        };
    };
    if !possible(&header) || !header.fits(length) || header.questions == 0 {
        return Verdict::No;
    }
    if message.len() == length {
        let fine = if by_port {
            could_be(message)
        } else {
            holds(message, false)
        };
        return if fine {
            Verdict::Yes(Peer::Client)
        } else {
            Verdict::No
        };
    }
    // The rest of the message is still on its way. A question that could be read is enough on DNS' port; elsewhere everything is waited for.
    let mut name = Name::new();
    match Question::read(message, HEADER, &mut name) {
        Ok((question, _)) if !usual(question) => Verdict::No,
        Ok(_) if by_port => Verdict::Yes(Peer::Client),
        Ok(_) if !host_like(name.as_bytes(), false) => Verdict::No,
        _ => Verdict::More,
    }
}

/// Whether nothing in the header is what no sender of DNS writes.
fn possible(header: &Header) -> bool {
    header.questions <= MAX_QUESTIONS
        && header.opcode() <= 9
        && (header.is_reply() || header.rcode() == 0)
        && (header.questions > 0 || header.is_reply() && header.records() > 0)
}

/// Whether a datagram on one of DNS' ports is DNS.
fn could_be(message: &[u8]) -> bool {
    let Some(header) = Header::read(message) else {
        return false;
    };
    if header.questions > MAX_QUESTIONS {
        return false;
    }
    let mut name = Name::new();
    match Question::read(message, HEADER, &mut name) {
        // A capture may hold only the beginning of its packets, and what the header counts is not all there.
        Ok((question, _)) if header.questions > 0 => {
            usual(question) || possible(&header) && header.fits(message.len())
        }
        _ => {
            let error = header.is_reply() && header.rcode() != 0 && header.records() == 0;
            (possible(&header) || error) && (header.fits(message.len()) || plain(&header))
        }
    }
}

/// Whether a header is that of the most ordinary message there is: then what it counts may be broken off.
fn plain(header: &Header) -> bool {
    header.questions == 1
        && header.opcode() == 0
        && header.rcode() == 0
        && header.z() & 4 == 0
        && header.records() <= PLAIN_RECORDS
}

/// Whether a datagram, or a message of a stream, on any port is DNS beyond doubt.
fn holds(message: &[u8], nbns: bool) -> bool {
    let Some(header) = Header::read(message) else {
        return false;
    };
    let reply = header.is_reply();
    if header.questions != 1
        || !matches!(header.opcode(), 0 | 4 | 5)
        || !possible(&header)
        || header.rcode() > 10
        || header.z() & 4 != 0
        || (!reply && (header.truncated() || header.recursion_available()))
        || (!reply && header.opcode() == 0 && header.answers > 0)
        || !header.fits(message.len())
    {
        return false;
    }
    let mut name = Name::new();
    let Ok((question, mut at)) = Question::read(message, HEADER, &mut name) else {
        return false;
    };
    if !usual(question) || !host_like(name.as_bytes(), nbns) {
        return false;
    }
    for _ in 0..header.records().min(MAX_WALK) {
        match Resource::read(message, at) {
            Ok((_, behind)) => at = behind,
            Err(_) => return false,
        }
    }
    header.records() > MAX_WALK || at == message.len()
}

/// Whether type and class are such as are asked for.
fn usual(question: Question) -> bool {
    let kind = matches!(question.kind, 1..=65 | 99..=109 | 249..=258 | 32768 | 32769);
    // The highest bit of mDNS asks for an answer to the asker alone.
    kind && matches!(question.class & 0x7fff, 1..=4 | 254 | 255)
}

/// Whether a name is of the letters that hosts and services have; the root only where the port speaks for it.
fn host_like(name: &[u8], root: bool) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.*/@=+".contains(byte);
    (root || !name.is_empty()) && name.iter().all(letter)
}
