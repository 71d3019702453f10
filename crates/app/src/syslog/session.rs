//! A flow's messages.

use portreeve_record::app::syslog::Syslog as Record;

use super::{MAX_DIGITS, priority};
use crate::MAX_UNIT;
use crate::context::Context;
use crate::protocol::{Peer, Session, Transport, Want};
use crate::text::{line, text};

/// The longest line.
const MAX_LINE: usize = 8192;

/// What comes next of a stream.
#[derive(Clone, Copy, Default)]
enum Next {
    /// The first byte of a message or of its length.
    #[default]
    First,
    /// A digit of the length, or its end.
    Length { so_far: usize, digits: usize },
    /// A message of a said length.
    Counted,
    /// A message up to its line's end, whose first byte was this.
    Line(u8),
}

#[derive(Default)]
pub(super) struct Syslog {
    next: Next,
}

impl Session for Syslog {
    fn start(&mut self, peer: Peer) -> Want {
        match peer {
            Peer::Client => Want::Bytes(1),
            Peer::Server => Want::Nothing,
        }
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if context.transport() == Transport::Udp {
            if peer == Peer::Client {
                log(unit, context);
            }
            return Want::Any;
        }
        let &[byte] = unit else {
            return self.message(unit, context);
        };
        match self.next {
            Next::First => self.first(byte),
            Next::Length { so_far, digits } => match byte {
                b'0'..=b'9' if digits < MAX_DIGITS => {
                    self.next = Next::Length {
                        so_far: so_far * 10 + usize::from(byte - b'0'),
                        digits: digits + 1,
                    };
                    Want::Bytes(1)
                }
                b' ' if (1..=MAX_UNIT).contains(&so_far) => {
                    self.next = Next::Counted;
                    Want::Bytes(so_far)
                }
                // It was no length: the line's rest is no message.
                _ => {
                    context.weird("syslog_malformed");
                    Want::Nothing
                }
            },
            Next::Counted | Next::Line(_) => self.message(unit, context),
        }
    }

    fn closed(&mut self, _: Peer, rest: &[u8], context: &mut Context<'_>) {
        // The last line may lack its end.
        if let Next::Line(first) = self.next {
            log_line(first, rest, context);
        }
    }
}

impl Syslog {
    fn first(&mut self, byte: u8) -> Want {
        match byte {
            // Between messages.
            b'\r' | b'\n' | 0 => Want::Bytes(1),
            b'1'..=b'9' => {
                self.next = Next::Length {
                    so_far: usize::from(byte - b'0'),
                    digits: 1,
                };
                Want::Bytes(1)
            }
            other => {
                self.next = Next::Line(other);
                Want::Line(MAX_LINE)
            }
        }
    }

    fn message(&mut self, unit: &[u8], context: &mut Context<'_>) -> Want {
        match std::mem::take(&mut self.next) {
            Next::Line(first) => log_line(first, unit, context),
            _ => log(unit, context),
        }
        Want::Bytes(1)
    }
}

fn log_line(first: u8, rest: &[u8], context: &mut Context<'_>) {
    let mut message = Vec::with_capacity(rest.len() + 1);
    message.push(first);
    message.extend_from_slice(rest);
    log(line(&message), context);
}

fn log(message: &[u8], context: &mut Context<'_>) {
    let (number, message) = match priority(message) {
        Some((number, rest)) => (Some(number), rest),
        None => (None, message),
    };
    let record = Record {
        head: context.head(context.now()),
        priority: number,
        message: text(message),
    };
    context.emit(record);
}
