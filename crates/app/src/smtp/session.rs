//! The course of a connection.

use super::address;
use super::envelope::{Asked, Envelope};
use super::message::{Head, add};
use crate::file::PIECE;
use crate::mime::Entities;
use crate::talk::{command, reply};
use crate::text::text;
use crate::{Context, Peer, Want, registry};

/// The longest line of a command or reply: RFC 5321 section 4.5.3.1 asks for 512 bytes; extensions add to it.
const MAX_LINE: usize = 4096;

/// The protocol's name in the log of files.
const SOURCE: &str = "SMTP";

/// What the client sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sends {
    #[default]
    Commands,
    /// A message's headers, up to a dot alone.
    Headers,
    /// A message's body, up to a dot alone. `begins`: the next unit begins a line.
    Body { begins: bool },
    /// A piece of a message, of which so many bytes are left.
    Piece { left: u64, last: bool },
}

/// A session of SMTP.
#[derive(Default)]
pub(super) struct Session {
    sends: Sends,
    envelope: Envelope,
    head: Head,
    /// Whether the headers of the message at hand are over: in pieces they may end in any.
    headers_over: bool,
    /// Bytes of the client were missed within a message.
    gap: bool,
    /// What the message at hand is made of.
    entities: Option<Box<Entities>>,
    /// How many entities there were before it.
    depth: u64,
}

impl crate::Session for Session {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_LINE)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        self.envelope.begin(context);
        if peer == Peer::Server {
            self.reply(unit, context);
            return Want::Line(MAX_LINE);
        }
        match self.sends {
            Sends::Commands => self.command(unit, context),
            Sends::Headers | Sends::Body { .. } => self.message_line(unit, context),
            Sends::Piece { left, last } => self.piece(unit, left, last, context),
        }
    }

    fn gap(&mut self, peer: Peer, rest: &[u8], missing: u64, context: &mut Context<'_>) -> Want {
        self.envelope.forget_pending();
        if peer == Peer::Server {
            return Want::Line(MAX_LINE);
        }
        if let Some(entities) = &mut self.entities {
            entities.data(peer, rest, context);
            entities.gap(peer, missing, context);
        }
        match self.sends {
            Sends::Commands => {}
            Sends::Headers | Sends::Body { .. } => {
                self.sends = Sends::Body { begins: false };
                self.gap = true;
            }
            Sends::Piece { left, last } => {
                let left = left.saturating_sub(rest.len() as u64 + missing);
                self.headers_over = true;
                self.sends = Sends::Piece { left, last };
                return self.want_piece(left, last, context);
            }
        }
        Want::Line(MAX_LINE)
    }

    fn closed(&mut self, peer: Peer, rest: &[u8], context: &mut Context<'_>) {
        if !rest.is_empty() {
            let _ = self.unit(peer, rest, context);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.message_over(context);
        self.envelope.write(context);
    }
}

impl Session {
    fn command(&mut self, unit: &[u8], context: &mut Context<'_>) -> Want {
        let (word, argument) = command(unit);
        let mut upper = [0; 8];
        let known = upper.get_mut(..word.len());
        let word: &[u8] = known.map_or(b"", |known| {
            known.copy_from_slice(word);
            known.make_ascii_uppercase();
            known
        });
        let mut asked = Asked::Other;
        match word {
            b"HELO" | b"EHLO" | b"LHLO" => self.envelope.record.helo = Some(text(argument)),
            b"MAIL" if starts(argument, b"FROM:") => {
                self.envelope.another(context);
                self.begin_message();
                let mut people = address::people(argument.get(5..).unwrap_or_default());
                if let Some(first) = people.next() {
                    self.envelope.record.mailfrom = Some(first);
                }
                self.envelope.active = true;
            }
            b"RCPT" if starts(argument, b"TO:") => {
                let people = address::people(argument.get(3..).unwrap_or_default());
                add(&mut self.envelope.record.rcptto, people);
                self.envelope.active = true;
            }
            b"DATA" => {
                asked = Asked::Data;
                self.begin_message();
                self.begin_entities();
                self.sends = Sends::Headers;
            }
            b"BDAT" => {
                if let Some((size, last)) = piece_size(argument) {
                    self.envelope
                        .ask(if last { Asked::End } else { Asked::Other });
                    self.begin_entities();
                    self.sends = Sends::Piece { left: size, last };
                    return self.want_piece(size, last, context);
                }
            }
            b"RSET" => self.begin_message(),
            b"STARTTLS" => asked = Asked::StartTls,
            _ => {}
        }
        self.envelope.ask(asked);
        Want::Line(MAX_LINE)
    }

    fn begin_message(&mut self) {
        self.head = Head::default();
        self.headers_over = false;
        self.gap = false;
        self.entities = None;
    }

    fn begin_entities(&mut self) {
        let depth = self.depth;
        self.entities
            .get_or_insert_with(|| Box::new(Entities::mail(SOURCE, depth)));
    }

    /// The message is over, or nothing more of it comes.
    fn message_over(&mut self, context: &mut Context<'_>) {
        self.head.end(&mut self.envelope.record);
        if let Some(mut entities) = self.entities.take() {
            let files = entities.end(Peer::Client, context);
            let fuids = files.into_iter().map(|file| file.fuid);
            self.envelope.record.fuids.extend(fuids);
            self.depth = entities.depth();
        }
    }

    /// A line of a message, or a part of one that is too long.
    fn message_line(&mut self, unit: &[u8], context: &mut Context<'_>) -> Want {
        let begins = match self.sends {
            Sends::Body { begins } => begins,
            _ => true,
        };
        if begins && matches!(unit, b".\r\n" | b".\n" | b".") {
            self.message_over(context);
            self.envelope.ended(context);
            self.envelope.ask(Asked::End);
            self.sends = Sends::Commands;
            return Want::Line(MAX_LINE);
        }
        if let Some(entities) = &mut self.entities {
            // A dot at the front of a line is one that was added (RFC 5321 section 4.5.2).
            let line = unit.strip_prefix(b".").filter(|_| begins).unwrap_or(unit);
            entities.data(Peer::Client, line, context);
        }
        if self.sends != Sends::Headers || self.head.piece(unit, &mut self.envelope.record) {
            let begins = unit.ends_with(b"\n");
            self.sends = Sends::Body { begins };
        }
        Want::Line(MAX_LINE)
    }

    fn want_piece(&mut self, left: u64, last: bool, context: &mut Context<'_>) -> Want {
        if left == 0 {
            self.piece_over(last, context);
            return Want::Line(MAX_LINE);
        }
        if self.headers_over {
            return Want::Bytes(usize::try_from(left).unwrap_or(PIECE).min(PIECE));
        }
        Want::Line(usize::try_from(left).unwrap_or(MAX_LINE).min(MAX_LINE))
    }

    fn piece(&mut self, unit: &[u8], left: u64, last: bool, context: &mut Context<'_>) -> Want {
        let left = left.saturating_sub(unit.len() as u64);
        if !self.headers_over {
            self.headers_over = self.head.piece(unit, &mut self.envelope.record);
        }
        if let Some(entities) = &mut self.entities {
            entities.data(Peer::Client, unit, context);
        }
        self.sends = Sends::Piece { left, last };
        self.want_piece(left, last, context)
    }

    fn piece_over(&mut self, last: bool, context: &mut Context<'_>) {
        self.sends = Sends::Commands;
        if last {
            self.message_over(context);
            self.envelope.ended(context);
            self.begin_message();
        }
    }

    fn reply(&mut self, unit: &[u8], context: &mut Context<'_>) {
        let Some(reply) = reply(unit) else {
            return;
        };
        let said = text(reply.text);
        self.envelope.said(format!("{} {said}", reply.code).into());
        let greets = matches!(reply.code, 220 | 421 | 554);
        if self.envelope.is_greeting(reply.goes_on) && greets || reply.goes_on {
            return;
        }
        let asked = self.envelope.answered();
        match asked {
            Some(Asked::Data) if reply.code >= 400 => {
                self.sends = Sends::Commands;
                self.entities = None;
            }
            Some(Asked::End) => self.envelope.message(context),
            Some(Asked::StartTls) if reply.code == 220 => {
                self.envelope.record.tls = true;
                self.envelope.active = true;
                match registry::by_name("ssl") {
                    Some(ssl) => context.hand_over(ssl),
                    None => context.done(),
                }
            }
            // The end of the message was among the bytes that were missed.
            None if self.gap && matches!(self.sends, Sends::Body { .. }) => {
                self.message_over(context);
                self.begin_message();
                self.sends = Sends::Commands;
                self.envelope.message(context);
            }
            _ => {}
        }
    }
}

fn starts(argument: &[u8], word: &[u8]) -> bool {
    argument
        .get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// `BDAT`'s argument: the size of the piece, and whether it is the last.
fn piece_size(argument: &[u8]) -> Option<(u64, bool)> {
    let mut words = argument
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let size = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let last = words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"));
    Some((size, last))
}
