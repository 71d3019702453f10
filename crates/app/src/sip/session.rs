//! A flow's messages: each response finds its request.

use portreeve_record::app::sip::Sip as Record;

use super::message::{Kind, Message};
use crate::context::Context;
use crate::protocol::{Peer, Session, Transport, Want};
use crate::text::line;

/// The most requests that wait for their final response; the oldest is written as it is.
const MAX_PENDING: usize = 32;
/// The longest line.
const MAX_LINE: usize = 8192;
/// The most lines that are no message's beginning, one after another, before the stream is given up.
const MAX_STRAY: u8 = 16;

/// A request.
struct Pending {
    record: Record,
    /// Whether a response to it was written.
    answered: bool,
}

/// What of one final response is remembered, so that the same again is not another.
#[derive(PartialEq, Eq)]
struct Final {
    call_id: Option<Box<str>>,
    seq: Option<Box<str>>,
    status: Option<u16>,
}

#[derive(Default)]
pub(super) struct Sip {
    /// What comes in, by peer (TCP).
    coming: [Option<Box<Message>>; 2],
    stray: [u8; 2],
    pending: Vec<Pending>,
    last_final: Option<Box<Final>>,
}

impl Session for Sip {
    fn start(&mut self, _: Peer) -> Want {
        Want::Line(MAX_LINE)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match context.transport() {
            Transport::Udp => {
                self.datagram(unit, context);
                Want::Any
            }
            Transport::Tcp => self.line(peer, line(unit), context),
        }
    }

    fn skipped(&mut self, _: Peer, _: &mut Context<'_>) -> Want {
        Want::Line(MAX_LINE)
    }

    fn gap(&mut self, peer: Peer, _: &[u8], _: u64, context: &mut Context<'_>) -> Want {
        // What was said of the message counts; the next one that begins is found by its first line.
        if let Some(message) = self.coming[peer.index()].take() {
            self.whole(*message, context);
        }
        self.stray[peer.index()] = 0;
        Want::Line(MAX_LINE)
    }

    fn closed(&mut self, peer: Peer, _: &[u8], context: &mut Context<'_>) {
        if let Some(message) = self.coming[peer.index()].take() {
            self.whole(*message, context);
        }
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for pending in std::mem::take(&mut self.pending) {
            if !pending.answered {
                context.emit(pending.record);
            }
        }
    }
}

impl Sip {
    fn datagram(&mut self, unit: &[u8], context: &mut Context<'_>) {
        let mut lines = unit
            .split(|&byte| byte == b'\n')
            .map(line)
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .skip_while(|line| line.is_empty());
        let Some(first) = lines.next() else {
            return;
        };
        // Signs of life are zeros, too.
        let Some(mut message) = Message::begin(first) else {
            if unit.iter().any(|&byte| byte != 0) {
                context.weird("bad_SIP_request");
            }
            return;
        };
        let ended = lines.any(|line| message.line(line));
        if !ended {
            message.line(b"");
        }
        self.whole(message, context);
    }

    fn line(&mut self, peer: Peer, line: &[u8], context: &mut Context<'_>) -> Want {
        let coming = &mut self.coming[peer.index()];
        let Some(mut message) = coming.take() else {
            *coming = Message::begin(line).map(Box::new);
            let stray = &mut self.stray[peer.index()];
            *stray = match coming {
                None if !line.is_empty() => *stray + 1,
                _ => 0,
            };
            if *stray > MAX_STRAY {
                context.weird("bad_SIP_request");
                return Want::Nothing;
            }
            return Want::Line(MAX_LINE);
        };
        if !message.line(line) {
            *coming = Some(message);
            return Want::Line(MAX_LINE);
        }
        let body = message.body_len;
        self.whole(*message, context);
        if body == 0 {
            Want::Line(MAX_LINE)
        } else {
            Want::Skip(body)
        }
    }

    /// A message's head is whole.
    fn whole(&mut self, message: Message, context: &mut Context<'_>) {
        let now = context.now();
        let mut record = message.record;
        record.head = context.head(now);
        let of_same = |pending: &Pending| {
            pending.record.call_id == record.call_id && pending.record.seq == record.seq
        };
        let at = self.pending.iter().position(of_same);
        match message.kind {
            // The same request again.
            Kind::Request if at.is_some() => {}
            // Nobody answers it.
            Kind::Request if record.method.as_deref() == Some("ACK") => context.emit(record),
            Kind::Request => {
                if self.pending.len() >= MAX_PENDING {
                    let oldest = self.pending.remove(0);
                    if !oldest.answered {
                        context.emit(oldest.record);
                    }
                }
                record.trans_depth = self.pending.len() as u64;
                self.pending.push(Pending {
                    record,
                    answered: false,
                });
            }
            Kind::Response => self.response(at, record, context),
        }
    }

    fn response(&mut self, at: Option<usize>, record: Record, context: &mut Context<'_>) {
        let status = record.status_code;
        let provisional = status.is_some_and(|code| (100..200).contains(&code));
        if !provisional {
            let this = Final {
                call_id: record.call_id.clone(),
                seq: record.seq.clone(),
                status,
            };
            if at.is_none() && self.last_final.as_deref() == Some(&this) {
                return;
            }
            self.last_final = Some(Box::new(this));
        }
        let Some(at) = at else {
            return context.emit(record);
        };
        let Some(pending) = self.pending.get_mut(at) else {
            return;
        };
        pending.answered = true;
        let request = if provisional {
            pending.record.clone()
        } else {
            self.pending.remove(at).record
        };
        context.emit(Record {
            response_from: record.response_from,
            response_to: record.response_to,
            response_path: record.response_path,
            status_code: record.status_code,
            status_msg: record.status_msg,
            warning: record.warning,
            response_body_len: record.response_body_len,
            content_type: record.content_type,
            ..request
        });
    }
}
