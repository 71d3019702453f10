//! IMAP, mail read where it is (RFC 9051).
//!
//! The server greets with `* OK`; each command begins with a tag that its reply repeats. `STARTTLS` makes what is behind its reply TLS (section 6.2.1). Nothing else
//! is wanted: once the client says who it is the flow is left alone.

#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use crate::talk::{begins_with, command, first_line};
use crate::{Context, registry};

/// The protocol.
pub static IMAP: Protocol = Protocol {
    name: "imap",
    transports: Transports::Tcp,
    ports: &[143],
    detect,
    session: |_| Box::<Imap>::default(),
};

/// The longest line.
const MAX_LINE: usize = 1024;
/// The longest tag that is waited for.
const MAX_TAG: usize = 32;
/// So many commands a client may say before it asks for TLS.
const MAX_COMMANDS: u8 = 8;
const GREETINGS: [&[u8]; 3] = [b"* OK", b"* PREAUTH", b"* BYE"];
/// Commands that say nothing of who the client is.
const BEFORE: [&[u8]; 3] = [b"CAPABILITY", b"NOOP", b"ID"];
/// Commands that a client may begin with.
const COMMANDS: [&[u8]; 6] = [
    b"CAPABILITY",
    b"LOGIN",
    b"AUTHENTICATE",
    b"STARTTLS",
    b"NOOP",
    b"ID",
];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        for greeting in GREETINGS {
            match begins_with(server, greeting) {
                Some(true) => return Verdict::Yes(peer),
                Some(false) => {}
                None => more |= !server.is_empty(),
            }
        }
        // Where the greeting was missed.
        if probe.on(IMAP.ports) && !client.is_empty() {
            match first_line(client) {
                Some(line)
                    if COMMANDS
                        .iter()
                        .any(|word| tagged(line).1.eq_ignore_ascii_case(word)) =>
                {
                    return Verdict::Yes(peer);
                }
                Some(_) => {}
                None => more = true,
            }
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

/// A line's tag and the word behind it.
fn tagged(line: &[u8]) -> (&[u8], &[u8]) {
    let (tag, rest) = command(line);
    (tag, command(rest).0)
}

#[derive(Default)]
struct Imap {
    commands: u8,
    /// The tag of the command that asks for TLS.
    asked: Option<Box<[u8]>>,
}

impl Session for Imap {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_LINE)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let (tag, word) = tagged(unit);
        if peer == Peer::Client {
            self.commands += 1;
            if word.eq_ignore_ascii_case(b"STARTTLS") && tag.len() <= MAX_TAG {
                self.asked = Some(tag.into());
                context.want(Peer::Server, Want::Line(MAX_LINE));
            } else if self.commands >= MAX_COMMANDS
                || !BEFORE.iter().any(|known| word.eq_ignore_ascii_case(known))
            {
                context.done();
            }
        } else if self.asked.as_deref() == Some(tag) {
            self.asked = None;
            if word.eq_ignore_ascii_case(b"OK") {
                match registry::by_name("ssl") {
                    Some(ssl) => context.hand_over(ssl),
                    None => context.done(),
                }
            }
        }
        if peer == Peer::Server && self.asked.is_none() {
            // Nobody waits for a reply: whatever it says goes by.
            return Want::Any;
        }
        Want::Line(MAX_LINE)
    }
}
