//! SMTP, mail handed over (RFC 5321; the message itself: RFC 5322).
//!
//! The server greets with `220`, the client says who it is (`EHLO`), then for each message whom it is from (`MAIL`), whom it is for (`RCPT`, as often as needed), and
//! `DATA`; on the server's `354` the message follows, line by line, up to a line with a dot alone. Each command has one reply, in order, so that many
//! commands may be on the way at a time (pipelining, RFC 2920). Instead of `DATA` the message may come in pieces whose sizes are said before (`BDAT`, RFC 3030). `STARTTLS`
//! makes everything behind its reply TLS (RFC 3207).

mod address;
mod envelope;
mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use crate::talk::{begins_with, first_line, has, reply};

/// The protocol.
pub static SMTP: Protocol = Protocol {
    name: "smtp",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::<session::Session>::default(),
};

const PORTS: &[u16] = &[25, 587, 2525];
/// What only a client of SMTP says; the last two where the beginning was missed.
const COMMANDS: [&[u8]; 3] = [b"EHLO", b"HELO", b"LHLO"];
const MARKS: [&[u8]; 2] = [b"MAIL FROM:", b"RCPT TO:"];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        match is_client(client) {
            Some(true) => return Verdict::Yes(peer),
            Some(false) => continue,
            None => {}
        }
        match is_server(server, probe) {
            Some(true) => return Verdict::Yes(peer),
            Some(false) => continue,
            None => {}
        }
        more |= !(client.is_empty() && server.is_empty());
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Whether a client of SMTP speaks so; `None` while it has said too little.
fn is_client(bytes: &[u8]) -> Option<bool> {
    let mut open = false;
    for command in COMMANDS {
        match begins_with(bytes, command) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => open = true,
        }
    }
    for mark in MARKS {
        let len = mark.len().min(bytes.len());
        if bytes
            .get(..len)
            .is_some_and(|start| start.eq_ignore_ascii_case(&mark[..len]))
        {
            if len == mark.len() {
                return Some(true);
            }
            open = true;
        }
    }
    if open { None } else { Some(false) }
}

/// Whether a server of SMTP speaks so; `None` while it has said too little, or what servers of other protocols say too.
fn is_server(bytes: &[u8], probe: &Probe<'_>) -> Option<bool> {
    if bytes.len() < 4 {
        let digits = bytes.iter().all(u8::is_ascii_digit);
        return if digits { None } else { Some(false) };
    }
    let greeting =
        reply(bytes.get(..4)?).is_some_and(|reply| matches!(reply.code, 220 | 421 | 554));
    let Some(line) = first_line(bytes) else {
        return if greeting { None } else { Some(false) };
    };
    let Some(answer) = reply(line) else {
        return Some(false);
    };
    if greeting && has(answer.text, b"SMTP") || probe.on(PORTS) {
        return Some(true);
    }
    if greeting { None } else { Some(false) }
}
