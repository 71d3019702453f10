//! IRC, chat (RFC 2812).
//!
//! Lines: perhaps `:` and who says it, a command, its arguments; the last may have blanks in it if a `:` stands before it. A client says its name (`NICK`) and who it is (`USER`), then
//! goes to channels (`JOIN`). Files are offered in messages to others, marked with a control character (DCC): sender and receiver have a connection of their own.

mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use crate::talk::{begins_with, first_line};
use message::Message;

/// The protocol.
pub static IRC: Protocol = Protocol {
    name: "irc",
    transports: Transports::Tcp,
    ports: &[6666, 6667, 6668, 6669],
    detect,
    session: |_| Box::<session::Session>::default(),
};

/// What a client may begin with.
const COMMANDS: [&[u8]; 5] = [b"NICK", b"USER", b"PASS", b"CAP", b"STARTTLS"];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        match is_client(client, probe) {
            Some(true) => return Verdict::Yes(peer),
            Some(false) => continue,
            None => {}
        }
        match is_server(server) {
            Some(true) => return Verdict::Yes(peer),
            Some(false) => continue,
            None => more |= !(client.is_empty() && server.is_empty()),
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Whether a client of IRC speaks so; `None` while it has said too little. `USER` and `PASS` are commands of other protocols too.
fn is_client(bytes: &[u8], probe: &Probe<'_>) -> Option<bool> {
    let possible = COMMANDS
        .iter()
        .any(|word| begins_with(bytes, word) != Some(false));
    if !possible {
        return Some(false);
    }
    let line = first_line(bytes)?;
    let message = Message::of(line);
    let count = message.arguments().count();
    let known = match message.command {
        b"NICK" => count >= 1,
        b"USER" => count >= 4,
        b"CAP" => matches!(message.arguments().next(), Some(b"LS" | b"REQ" | b"END")),
        b"STARTTLS" => probe.on(IRC.ports),
        b"PASS" => {
            let rest = bytes
                .get(line.len()..)
                .unwrap_or_default()
                .trim_ascii_start();
            if begins_with(rest, b"NICK")? {
                return Some(true);
            }
            probe.on(IRC.ports)
        }
        _ => false,
    };
    Some(known)
}

/// Whether a server of IRC speaks so: `:name NOTICE …` or `NOTICE AUTH :…`.
fn is_server(bytes: &[u8]) -> Option<bool> {
    if !(bytes.is_empty()
        || bytes.starts_with(b":")
        || begins_with(bytes, b"NOTICE") != Some(false))
    {
        return Some(false);
    }
    let message = Message::of(first_line(bytes)?);
    let number = message.command.len() == 3 && message.command.iter().all(u8::is_ascii_digit);
    Some(message.command == b"NOTICE" || message.from_server && number)
}
