//! Commands on the way, and the record that is being made.

use std::collections::VecDeque;

use portreeve_record::app::smtp::Smtp;

use crate::Context;

/// The most commands that wait for their replies.
const MAX_PENDING: usize = 128;
/// The most messages that wait for the server's word.
const MAX_ENDED: usize = 8;

/// What a reply may be to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Data,
    /// The end of a message: the dot, or the last piece.
    End,
    StartTls,
    Other,
}

/// The message at hand, and what is on the way.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) record: Box<Smtp>,
    began: bool,
    /// Whether the client did something that is worth a record.
    pub(super) active: bool,
    /// Messages that the server had its word on.
    messages: u32,
    /// Messages that it has not yet.
    ended: VecDeque<Box<Smtp>>,
    pending: VecDeque<Asked>,
    greeted: bool,
}

impl Envelope {
    /// Makes sure that there is a record to write into.
    pub(super) fn begin(&mut self, context: &Context<'_>) {
        if self.began {
            return;
        }
        self.began = true;
        let head = context.head(context.now());
        let helo = self.record.helo.take();
        let path = if context.client_is_orig() {
            vec![head.resp_h, head.orig_h]
        } else {
            vec![head.orig_h, head.resp_h]
        };
        *self.record = Smtp {
            head,
            trans_depth: self.depth(),
            helo,
            path,
            ..Smtp::default()
        };
    }

    /// Which message it is. Where the server is not seen, no message is known to be handed over: Zeek's way to count.
    fn depth(&self) -> u32 {
        let waiting = if self.greeted {
            self.ended.len() as u32
        } else {
            0
        };
        self.messages + waiting + 1
    }

    /// The client has sent all of a message: its record waits for the server's word.
    pub(super) fn ended(&mut self, context: &mut Context<'_>) {
        if !std::mem::take(&mut self.active) {
            return;
        }
        let record = std::mem::take(&mut self.record);
        self.record.helo.clone_from(&record.helo);
        self.ended.push_back(record);
        self.began = false;
        self.begin(context);
        if self.ended.len() > MAX_ENDED {
            self.write_ended(context);
        }
    }

    fn write_ended(&mut self, context: &mut Context<'_>) -> bool {
        let Some(record) = self.ended.pop_front() else {
            return false;
        };
        context.emit(*record);
        true
    }

    /// The server had its word on a message.
    pub(super) fn message(&mut self, context: &mut Context<'_>) {
        self.messages += 1;
        if !self.write_ended(context) {
            self.write(context);
        }
        if !self.active && self.ended.is_empty() {
            self.began = false;
            self.begin(context);
        }
    }

    /// Writes the message at hand, if there is one, without the server's word on it.
    pub(super) fn write(&mut self, context: &mut Context<'_>) {
        self.ended(context);
        while self.write_ended(context) {}
        self.record.trans_depth = self.depth();
    }

    /// Another message begins: one before it that did not come to its end is written.
    pub(super) fn another(&mut self, context: &mut Context<'_>) {
        if self.active {
            self.write(context);
        }
    }

    /// The server said something.
    pub(super) fn said(&mut self, reply: Box<str>) {
        let record = self.ended.front_mut().unwrap_or(&mut self.record);
        record.last_reply = Some(reply);
    }

    /// Whether this is the server's first reply, or a further line of it.
    pub(super) fn is_greeting(&mut self, goes_on: bool) -> bool {
        if self.greeted {
            return false;
        }
        self.greeted = !goes_on;
        true
    }

    pub(super) fn ask(&mut self, what: Asked) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(what);
    }

    /// What the reply at hand is to, the last line of which has come.
    pub(super) fn answered(&mut self) -> Option<Asked> {
        self.pending.pop_front()
    }

    /// Commands or replies were missed: which reply is to which command is not known any more.
    pub(super) fn forget_pending(&mut self) {
        self.pending.clear();
    }
}
