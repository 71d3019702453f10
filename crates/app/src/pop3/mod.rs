//! POP3, mail fetched (RFC 1939).
//!
//! The server greets with `+OK`, each command has one reply that begins with `+OK` or `-ERR`. `STLS` makes what is behind its reply TLS (RFC 2595). Nothing else
//! is wanted: once the client says who it is the flow is left alone.

#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use crate::talk::{begins_with, command};
use crate::{Context, registry};

/// The protocol.
pub static POP3: Protocol = Protocol {
    name: "pop3",
    transports: Transports::Tcp,
    ports: &[110],
    detect,
    session: |_| Box::<Pop3>::default(),
};

/// The longest line.
const MAX_LINE: usize = 1024;
/// So many commands a client may say before it asks for TLS.
const MAX_COMMANDS: u8 = 8;
const COMMANDS: [&[u8]; 12] = [
    b"USER", b"PASS", b"CAPA", b"AUTH", b"APOP", b"STLS", b"QUIT", b"STAT", b"LIST", b"UIDL",
    b"RETR", b"NOOP",
];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        let asks = client.is_empty()
            || COMMANDS
                .iter()
                .any(|word| begins_with(client, word) != Some(false));
        // `+OK` is a reply in other protocols too, but not the first word.
        match begins_with(server, b"+OK") {
            // Alone on its line, as a server of Redis says it, it is not enough until the client has spoken.
            Some(true) if asks => {
                let greets = server.get(3) == Some(&b' ') || probe.on(POP3.ports);
                if greets || !client.is_empty() {
                    return Verdict::Yes(peer);
                }
                more = true;
            }
            Some(_) => {}
            None => more |= asks && !server.is_empty(),
        }
        if server.is_empty() && asks && !client.is_empty() && probe.on(POP3.ports) {
            more = true;
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

#[derive(Default)]
struct Pop3 {
    commands: u8,
    tls_asked: bool,
}

impl Session for Pop3 {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_LINE)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if peer == Peer::Client {
            let (word, argument) = command(unit);
            self.commands += 1;
            let before_tls = word.eq_ignore_ascii_case(b"CAPA")
                || word.eq_ignore_ascii_case(b"AUTH") && argument.is_empty();
            self.tls_asked = word.eq_ignore_ascii_case(b"STLS");
            if self.tls_asked {
                context.want(Peer::Server, Want::Line(MAX_LINE));
            }
            if !(self.tls_asked || before_tls && self.commands < MAX_COMMANDS) {
                context.done();
            }
        } else if self.tls_asked {
            if unit.starts_with(b"+OK") {
                match registry::by_name("ssl") {
                    Some(ssl) => context.hand_over(ssl),
                    None => context.done(),
                }
            } else if unit.starts_with(b"-ERR") {
                self.tls_asked = false;
            }
        }
        if peer == Peer::Server && !self.tls_asked {
            // Nobody waits for a reply: whatever it says goes by.
            return Want::Any;
        }
        Want::Line(MAX_LINE)
    }
}
