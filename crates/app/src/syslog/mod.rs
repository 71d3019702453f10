//! Syslog (RFC 3164, RFC 5424): what programs have to say, each message behind `<` a number `>`: eight times the facility, and the severity.
//!
//! Over UDP a datagram is a message (RFC 5426). Over TCP (RFC 6587) a message ends with its line, or its length stands before it. One that lacks the number
//! is logged as it is, as Zeek does, if it comes to syslog's port.

mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transport, Transports, Verdict};

/// Syslog.
pub static SYSLOG: Protocol = Protocol {
    name: "syslog",
    transports: Transports::Both,
    ports: &[PORT],
    detect,
    session: |_| Box::new(session::Syslog::default()),
};

const PORT: u16 = 514;
/// The highest priority: facility 23, severity 7.
const MAX_PRIORITY: u16 = 191;
/// Most digits of a length before a message.
const MAX_DIGITS: usize = 5;

/// The number before a message, and what follows it.
fn priority(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let inner = bytes.strip_prefix(b"<")?;
    let end = inner.iter().take(4).position(|&byte| byte == b'>')?;
    let (digits, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits
        .iter()
        .fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    Some((number, rest))
}

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        let message = match probe.transport {
            Transport::Udp => bytes,
            Transport::Tcp => {
                let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
                let len = digits.count();
                match bytes.get(len..) {
                    Some([b' ', rest @ ..]) if (1..=MAX_DIGITS).contains(&len) => rest,
                    _ => bytes,
                }
            }
        };
        match priority(message) {
            Some((number, [first, ..])) if number <= MAX_PRIORITY && is_text(*first) => {
                return Verdict::Yes(peer);
            }
            _ => {}
        }
    }
    let to_port = probe.resp_p == PORT;
    match probe.transport {
        Transport::Udp if to_port && probe.orig.first().is_some_and(|&byte| is_text(byte)) => {
            Verdict::Yes(Peer::Client)
        }
        Transport::Tcp if may_begin(probe.orig) && probe.resp.is_empty() => Verdict::More,
        _ => Verdict::No,
    }
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' ' || byte >= 0x80
}

/// Whether a stream that begins so may yet be one.
fn may_begin(bytes: &[u8]) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    match bytes {
        [b'<', rest @ ..] => match rest.strip_suffix(b">") {
            Some(inner) => (1..=3).contains(&inner.len()) && digits(inner),
            None => rest.len() <= 3 && digits(rest),
        },
        [b'1'..=b'9', ..] => {
            let len = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            match bytes.get(len..) {
                Some([]) => len <= MAX_DIGITS,
                Some([b' ']) => len <= MAX_DIGITS,
                Some([b' ', rest @ ..]) => {
                    len <= MAX_DIGITS && rest.starts_with(b"<") && may_begin(rest)
                }
                _ => false,
            }
        }
        _ => false,
    }
}
