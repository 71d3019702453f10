//! One flow's application state: its streams, what is held of a unit, and the session.

mod calls;
mod detection;
#[cfg(test)]
mod tests;

use portreeve_flow::prefetch_all;
use portreeve_record::RecordSink;

use crate::SESSION_BYTES;
use crate::budget::Budget;
use crate::context::{Facts, Limits};
use crate::inbox::{self, Inbox, Next};
use crate::products::Products;
use crate::protocol::{Peer, Protocol, Session, Transport, Want};
use crate::registry::Applications;
use crate::seen::Seen;
use crate::services::Services;
use crate::stream::{Fate, Overlap, Piece, Segment, Stream};
use crate::subscribe::SUBSCRIBED;

/// A session that wants nothing at all this often in a row, and yet something, goes round in circles.
const MAX_EMPTY: u8 = 32;

/// What is around a conversation while it is called.
pub(crate) struct Env<'a> {
    pub(crate) now: i64,
    /// When the first byte of the unit at hand came: it may have waited for others.
    pub(crate) since: i64,
    pub(crate) facts: &'a dyn Facts,
    pub(crate) sink: &'a mut dyn RecordSink,
    pub(crate) limits: &'a mut Limits,
    pub(crate) budget: &'a Budget,
    pub(crate) overlap: Overlap,
    pub(crate) products: &'a Products,
    pub(crate) seen: &'a mut Seen,
    /// The datagram at hand is not whole.
    pub(crate) truncated: bool,
}

/// Where a conversation stands.
enum Phase {
    /// Which protocol it is is not known.
    Detecting {
        candidates: Applications,
        packets: u16,
        /// Who was first to say something: 0 the originator, 1 the responder.
        first: u8,
        /// When.
        since: i64,
    },
    Running(Running),
    /// Nothing more is wanted.
    Over,
}

impl Phase {
    /// Nothing has come yet.
    fn detecting(candidates: Applications) -> Phase {
        Phase::Detecting {
            candidates,
            packets: 0,
            first: 0,
            since: 0,
        }
    }
}

struct Running {
    protocol: &'static Protocol,
    session: Box<dyn Session>,
}

/// One flow's application state.
pub(crate) struct Conversation {
    transport: Transport,
    phase: Phase,
    /// By sender: 0 the originator, 1 the responder. TCP only.
    streams: [Stream; 2],
    inboxes: [Inbox; 2],
    client_is_orig: bool,
    /// The protocols it may be.
    applications: Applications,
    services: Services,
    /// The number of the product, or 0.
    product: u16,
    empty_units: u8,
    /// How often the protocol was looked for anew.
    looks_anew: u8,
    /// How many files client and server have begun to send.
    files: [u32; 2],
    /// The side of whose bytes something else is wanted now than when they came.
    changed: Option<u8>,
    /// The session of a subscriber: it gets everything that comes here, and has an order of its own.
    beside: Option<Box<Conversation>>,
}

impl Conversation {
    pub(crate) fn new(transport: Transport, applications: Applications) -> Conversation {
        Conversation {
            transport,
            phase: Phase::detecting(applications),
            applications,
            streams: Default::default(),
            inboxes: Default::default(),
            client_is_orig: true,
            services: Services::default(),
            product: 0,
            empty_units: 0,
            looks_anew: 0,
            files: [0; 2],
            changed: None,
            beside: None,
        }
    }

    /// Has a subscriber's session run beside it.
    pub(crate) fn subscribe(&mut self, session: Box<dyn Session>) {
        let mut beside = Conversation::new(self.transport, Applications::default());
        beside.run_session(&SUBSCRIBED, session);
        self.beside = Some(Box::new(beside));
    }

    /// Calls `with` on the subscriber's part, and lets it go when it is over.
    #[inline]
    fn beside(&mut self, with: impl FnOnce(&mut Conversation)) {
        if let Some(beside) = &mut self.beside {
            with(beside);
            if beside.is_over() {
                self.beside = None;
            }
        }
    }

    /// One whose protocol is known.
    pub(crate) fn of(protocol: &'static Protocol, transport: Transport) -> Conversation {
        let mut conversation = Conversation::new(transport, Applications::default());
        conversation.start(protocol, Peer::Client);
        conversation
    }

    /// The protocols found.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// The product behind it, in the table of products; 0 for none.
    pub(crate) fn product(&self) -> u16 {
        self.product
    }

    /// Whether nothing more is wanted, by a subscriber neither.
    pub(crate) fn is_over(&self) -> bool {
        self.is_ended() && self.beside.is_none()
    }

    /// Whether nothing more is wanted of the protocol that was looked for.
    fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Has its session fetched. Its own place was asked for before.
    pub(crate) fn prefetch(&self) {
        if let Phase::Running(running) = &self.phase {
            prefetch_all(&*running.session);
        }
    }

    /// Says where `from`'s stream begins: the sequence number of its first byte.
    pub(crate) fn begins_at(&mut self, from: usize, seq: u32) {
        self.streams[from & 1].syn(seq.wrapping_sub(1));
        self.beside(|beside| beside.begins_at(from, seq));
    }

    /// `from` sent a packet that carries nothing and has this sequence number: where its stream begins, if nothing has said so yet. What is missing before
    /// the first bytes that are seen is then a gap, and an answer is not taken for that to an earlier question.
    #[inline]
    pub(crate) fn is_at(&mut self, from: usize, seq: u32) {
        if !self.streams[from & 1].has_begun() {
            self.begins_at(from, seq);
        }
    }

    /// Whether a packet without payload that acknowledges what `from`'s peer sent tells nothing: the peer's bytes are in order, and its stream goes on.
    #[inline]
    pub(crate) fn knows_all_of_peer(&self, from: usize) -> bool {
        let beside = self.beside.as_ref();
        self.streams[1 - (from & 1)].is_even()
            && beside.is_none_or(|beside| beside.knows_all_of_peer(from))
    }

    /// Takes the next bytes of `from` if nobody looks at them and more of them are to come, as in the body of a transfer. Whether they were such.
    #[inline]
    pub(crate) fn passes(&mut self, from: usize, seq: u32, wire_len: u32, captured: usize) -> bool {
        let from = from & 1;
        let running = matches!(self.phase, Phase::Running(_)) && self.beside.is_none();
        if !running || !self.streams[1 - from].is_even() {
            return false;
        }
        let inbox = &mut self.inboxes[from];
        let want = match inbox.want {
            Want::Skip(left) if left > wire_len.into() => Want::Skip(match left {
                u64::MAX => left,
                _ => left - u64::from(wire_len),
            }),
            Want::Nothing => Want::Nothing,
            _ => return false,
        };
        if inbox.holds() || !self.streams[from].takes_next(seq, wire_len, captured) {
            return false;
        }
        inbox.skipped += u64::from(wire_len);
        inbox.want = want;
        true
    }

    /// `from` (0: the originator) sent a segment.
    pub(crate) fn segment(&mut self, from: usize, segment: Segment<'_>, env: &mut Env<'_>) {
        let from = from & 1;
        let outside = env.limits.outside_window;
        self.beside(|beside| beside.segment(from, segment, env));
        // A segment is counted once, whoever else looks at it.
        env.limits.outside_window = outside;
        if self.streams[from].takes_next(segment.seq, segment.wire_len, segment.payload.len()) {
            self.bytes(from, segment.payload, env);
            return self.after(true, from, env);
        }
        let mut stream = std::mem::take(&mut self.streams[from & 1]);
        let (budget, overlap) = (env.budget, env.overlap);
        let fate = stream.segment(segment, overlap, budget, &mut |piece| {
            self.piece(from, piece, env);
        });
        self.streams[from & 1] = stream;
        env.limits.outside_window += u64::from(fate == Fate::OutsideWindow);
        self.after(fate != Fate::NoRoom, from, env);
    }

    /// `from` acknowledged everything before `ack`.
    pub(crate) fn acknowledged(&mut self, from: usize, ack: u32, env: &mut Env<'_>) {
        if self.knows_all_of_peer(from) {
            return;
        }
        self.beside(|beside| beside.acknowledged(from, ack, env));
        let other = 1 - (from & 1);
        let mut stream = std::mem::take(&mut self.streams[other]);
        let budget = env.budget;
        stream.acknowledged(ack, budget, &mut |piece| self.piece(other, piece, env));
        self.streams[other] = stream;
        self.after(true, other, env);
    }

    /// `from` closes its stream, whose last byte is the one before `end`.
    pub(crate) fn fin(&mut self, from: usize, end: u32, env: &mut Env<'_>) {
        self.beside(|beside| beside.fin(from, end, env));
        self.streams[from & 1].fin(end);
        self.after(true, from, env);
    }

    fn after(&mut self, fits: bool, from: usize, env: &mut Env<'_>) {
        if !fits {
            self.give_up(env);
        }
        if !self.is_ended() && self.streams[from & 1].is_closed() {
            self.closed(from, env);
        }
        // Whatever ended it: what is held of either side is nobody's now.
        if self.is_ended() {
            self.forget(env.budget);
        }
    }

    fn piece(&mut self, from: usize, piece: Piece<'_>, env: &mut Env<'_>) {
        match piece {
            Piece::Bytes(bytes) => self.bytes(from & 1, bytes, env),
            Piece::Gap(missing) => self.gap(from & 1, missing, env),
        }
    }

    /// A datagram.
    pub(crate) fn datagram(&mut self, from: usize, payload: &[u8], env: &mut Env<'_>) {
        let from = from & 1;
        self.beside(|beside| beside.datagram(from, payload, env));
        match &self.phase {
            Phase::Detecting { .. } => self.detect_datagram(from, payload, env),
            Phase::Running(_) => self.unit_of_datagram(from, payload, env),
            Phase::Over => {}
        }
        if self.is_ended() {
            self.forget(env.budget);
        }
    }

    fn unit_of_datagram(&mut self, from: usize, payload: &[u8], env: &mut Env<'_>) {
        if self.inboxes[from].want == Want::Nothing {
            return;
        }
        let peer = self.peer(from);
        let want = self.call(env, |session, context| session.unit(peer, payload, context));
        if let Some(want) = want {
            self.inboxes[from].want = want;
        }
        if matches!(self.phase, Phase::Detecting { .. }) {
            // The session has found that this datagram is something else.
            return self.detect_datagram(from, payload, env);
        }
        self.end_if_nothing_is_wanted(env);
    }

    /// The next bytes in order.
    fn bytes(&mut self, from: usize, bytes: &[u8], env: &mut Env<'_>) {
        match &mut self.phase {
            Phase::Detecting {
                packets,
                first,
                since,
                ..
            } => {
                if *packets == 0 {
                    (*first, *since) = (from as u8, env.now);
                }
                self.detect_stream(from, bytes, env);
            }
            Phase::Running(_) => self.deliver(from, bytes, env),
            Phase::Over => {}
        }
    }

    /// The protocol is known; the originator plays the part `orig`.
    fn start(&mut self, protocol: &'static Protocol, orig: Peer) {
        self.client_is_orig = orig == Peer::Client;
        self.run(protocol);
    }

    fn run(&mut self, protocol: &'static Protocol) {
        let session = (protocol.session)(self.transport);
        debug_assert!(size_of_val(&*session) <= SESSION_BYTES, "{}", protocol.name);
        self.services.add(protocol.name);
        self.run_session(protocol, session);
    }

    fn run_session(&mut self, protocol: &'static Protocol, mut session: Box<dyn Session>) {
        for from in 0..2 {
            let want = match self.transport {
                Transport::Tcp => session.start(self.peer(from)),
                Transport::Udp => Want::Any,
            };
            self.inboxes[from].want = want;
            self.inboxes[from].search_anew();
        }
        self.phase = Phase::Running(Running { protocol, session });
    }

    fn peer(&self, from: usize) -> Peer {
        if (from == 0) == self.client_is_orig {
            Peer::Client
        } else {
            Peer::Server
        }
    }

    /// Takes `input` of `from`: hands units to the session as long as there are whole ones, of the other side too if what is wanted of it has changed.
    fn deliver(&mut self, from: usize, input: &[u8], env: &mut Env<'_>) {
        self.units(from, input, env);
        while let Some(other) = self.changed.take().map(usize::from) {
            self.units(other, &[], env);
        }
        self.end_if_nothing_is_wanted(env);
    }

    /// Hands units out of what is held of `from` and `input` to the session, as long as there are whole ones.
    fn units(&mut self, from: usize, mut input: &[u8], env: &mut Env<'_>) {
        loop {
            let peer = self.peer(from);
            if !matches!(self.phase, Phase::Running(_)) {
                // A session that hands over to nobody in particular: what is there is looked at anew.
                if matches!(self.phase, Phase::Detecting { .. }) && !input.is_empty() {
                    self.bytes(from, input, env);
                }
                return;
            }
            let want = match self.inboxes[from].next(&mut input, env.now, env.budget) {
                Next::Held(len) => {
                    env.since = self.inboxes[from].since(env.now);
                    let held = self.inboxes[from].lend();
                    let unit = held.unit(len);
                    let want = self.call(env, |session, context| session.unit(peer, unit, context));
                    env.since = env.now;
                    self.inboxes[from].put_back(held, len, env.budget);
                    self.count_empty(len);
                    want
                }
                Next::Input(len) => {
                    let (unit, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
                    input = rest;
                    self.count_empty(len);
                    self.call(env, |session, context| {
                        let mut want = session.unit(peer, unit, context);
                        // Lines mostly come many at a time, and nothing is to be done between them.
                        while !context.has_requests()
                            && let Some(line) = inbox::line(&mut input, want)
                        {
                            want = session.unit(peer, line, context);
                        }
                        want
                    })
                }
                Next::Passed => {
                    self.count_empty(0);
                    self.call(env, |session, context| session.skipped(peer, context))
                }
                Next::NoRoom => return self.give_up(env),
                Next::Wait | Next::Passing | Next::Nothing => return,
            };
            if let Some(want) = want {
                if let Want::Skip(_) = want {
                    self.inboxes[from].skipped = 0;
                }
                self.inboxes[from].want = want;
            }
            if self.empty_units > MAX_EMPTY {
                return self.give_up(env);
            }
        }
    }

    fn count_empty(&mut self, len: usize) {
        self.empty_units = if len == 0 {
            self.empty_units.saturating_add(1)
        } else {
            0
        };
    }

    fn gap(&mut self, from: usize, missing: u64, env: &mut Env<'_>) {
        let inbox = &mut self.inboxes[from];
        match self.phase {
            Phase::Over => return,
            Phase::Detecting { .. } => {
                inbox.lost = true;
                return;
            }
            Phase::Running(_) => {}
        }
        let peer = self.peer(from);
        let inbox = &mut self.inboxes[from];
        let want = match inbox.want {
            Want::Nothing => return,
            Want::Skip(u64::MAX) => return,
            Want::Skip(left) if missing <= left => {
                inbox.want = Want::Skip(left - missing);
                return self.deliver(from, &[], env);
            }
            _ => {
                env.since = inbox.since(env.now);
                let rest = inbox.take(env.budget);
                let want = self.call(env, |session, context| {
                    session.gap(peer, &rest, missing, context)
                });
                env.since = env.now;
                want
            }
        };
        if let Some(want) = want {
            self.inboxes[from].want = want;
        }
        self.end_if_nothing_is_wanted(env);
    }

    fn closed(&mut self, from: usize, env: &mut Env<'_>) {
        let peer = self.peer(from);
        let inbox = &mut self.inboxes[from];
        if inbox.closed || !matches!(self.phase, Phase::Running(_)) {
            return;
        }
        inbox.closed = true;
        env.since = inbox.since(env.now);
        let rest = inbox.take(env.budget);
        inbox.want = match inbox.want {
            Want::Skip(left) => Want::Skip(left),
            _ => Want::Nothing,
        };
        self.call(env, |session, context| {
            session.closed(peer, &rest, context);
            Want::Nothing
        });
        env.since = env.now;
        self.inboxes[from].want = Want::Nothing;
        self.end_if_nothing_is_wanted(env);
    }

    /// The flow is over.
    pub(crate) fn end(&mut self, env: &mut Env<'_>) {
        if let Some(mut beside) = self.beside.take() {
            beside.end(env);
        }
        for from in 0..2 {
            let mut stream = std::mem::take(&mut self.streams[from]);
            let budget = env.budget;
            stream.finish(budget, &mut |piece| self.piece(from, piece, env));
            self.streams[from] = stream;
        }
        self.end_undecided(env);
        for from in 0..2 {
            self.closed(from, env);
        }
        self.over(env);
        self.forget(env.budget);
    }

    fn end_if_nothing_is_wanted(&mut self, env: &mut Env<'_>) {
        let nothing = self.inboxes.iter().all(|inbox| inbox.want == Want::Nothing);
        if nothing && matches!(self.phase, Phase::Running(_)) {
            self.over(env);
        }
    }

    /// There was no room for what it needs.
    fn give_up(&mut self, env: &mut Env<'_>) {
        env.limits.given_up += 1;
        self.over(env);
    }

    fn over(&mut self, env: &mut Env<'_>) {
        self.end_session(env);
        self.phase = Phase::Over;
    }

    fn forget(&mut self, budget: &Budget) {
        for stream in &mut self.streams {
            stream.clear(budget);
        }
        for inbox in &mut self.inboxes {
            inbox.clear(budget);
        }
    }
}
