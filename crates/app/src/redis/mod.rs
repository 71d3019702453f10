//! Redis: a store of keys and values, on TCP 6379.
//!
//! A command is an array of texts, each with its length before it, or a line of words (its protocol, RESP, "Inline commands"). A reply is a value of RESP: a line, a number, a text, or
//! an array of values. Replies come in the order of the commands; what is published to who has subscribed comes between them.
//!
//! Recognised by an array of texts on any port; on its own by a line that begins with a command, or a reply, too.

mod command;
mod reply;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// Redis.
pub(crate) static REDIS: Protocol = Protocol {
    name: "redis",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::<session::Session>::default(),
};

const PORTS: &[u16] = &[6379];
/// The most digits of a number of texts, or of a length.
const MAX_DIGITS: usize = 6;
/// The longest line that is waited for on the port to tell the protocol.
const LONGEST: usize = 512;
/// What a client may begin with in a line.
const INLINE: [&[u8]; 14] = [
    b"PING", b"SET", b"GET", b"AUTH", b"SELECT", b"INFO", b"HELLO", b"CLIENT", b"COMMAND",
    b"CONFIG", b"INCR", b"KEYS", b"MONITOR", b"QUIT",
];

fn detect(probe: &Probe<'_>) -> Verdict {
    let on_port = probe.on(PORTS);
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        // A server's reply looks like a command: on the port the port says who is who.
        let peer = if on_port {
            let turned = PORTS.contains(&probe.orig_p) && !PORTS.contains(&probe.resp_p);
            if turned { Peer::Server } else { Peer::Client }
        } else {
            peer
        };
        match (
            texts(bytes),
            if on_port { line(bytes) } else { Some(false) },
        ) {
            (Some(true), _) | (_, Some(true)) => return Verdict::Yes(peer),
            (None, _) | (_, None) => more |= !bytes.is_empty(),
            (Some(false), Some(false)) => {}
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Whether an array of texts begins here: `*2`, CR LF, `$4`, CR LF; `None` if that is not to be told yet.
fn texts(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes;
    for mark in [b'*', b'$'] {
        let (first, behind) = rest.split_first()?;
        if *first != mark {
            return Some(false);
        }
        let digits = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        let behind_digits = behind.get(digits..).unwrap_or_default();
        if digits > MAX_DIGITS || (digits == 0 && !behind_digits.is_empty()) {
            return Some(false);
        }
        match behind_digits {
            [b'\r', b'\n', next @ ..] => rest = next,
            [] | [b'\r'] => return None,
            _ => return Some(false),
        }
    }
    Some(true)
}

/// Whether a line begins here that is a command or a reply; `None` if that is not to be told yet: a line of other words may be a command that we do not know, and the reply tells.
fn line(bytes: &[u8]) -> Option<bool> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let line = bytes.get(..end.unwrap_or(bytes.len()))?;
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if !line.iter().all(printable) || line.len() > LONGEST {
        return Some(false);
    }
    end?;
    let (kind, rest) = line.split_first()?;
    let number = || number(crate::text::line(rest)).is_some();
    let reply = match kind {
        b'+' | b'-' => true,
        b':' | b'*' | b'$' | b'%' | b'~' | b'|' | b'>' => number(),
        _ => false,
    };
    let mut words = line.split(u8::is_ascii_whitespace);
    let word = words.next().unwrap_or_default();
    let is = |command: &&[u8]| command.eq_ignore_ascii_case(word);
    (reply || INLINE.iter().any(is)).then_some(true)
}

/// A whole number, as RESP writes it.
fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
