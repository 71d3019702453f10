//! The application stage of one worker: [`Stage`], which watches the tracker's flows.

use std::sync::Arc;

use portreeve_flow::{Findings, Flow, Watcher, prefetch_all};
use portreeve_packet::{View, ViewFlags};
use portreeve_record::RecordSink;

use crate::budget::Budget;
use crate::context::Limits;
use crate::conversation::{Conversation, Env};
use crate::file::Hashes;
use crate::fragments::Datagrams;
use crate::products::Products;
use crate::protocol::Transport;
use crate::registry::{self, Applications};
use crate::seen::Seen;
use crate::services::Texts;
use crate::stream::{Overlap, Segment};
use crate::subscribe::StreamSubscriber;

/// The frames of the burst at hand.
pub trait Frames {
    /// The captured bytes of a frame, by its number in the burst.
    fn bytes(&self, frame: u16) -> &[u8];
}

/// No frames: time goes on without packets.
impl Frames for () {
    fn bytes(&self, _: u16) -> &[u8] {
        &[]
    }
}

/// What a stage is made with.
#[derive(Clone, Debug)]
pub struct StageConfig {
    /// Flows that its tracker has places for.
    pub flows: usize,
    /// Its memory, bytes: half is for conversations that are looked into, half for what is held of them.
    pub memory: usize,
    /// Which copy of a byte counts.
    pub overlap: Overlap,
    /// The protocols that are looked for.
    pub protocols: Applications,
    /// The products behind names.
    pub products: Arc<Products>,
    /// `weird` records a second.
    pub weirds_per_second: u32,
    /// The hashes of files that are asked for.
    pub hashes: Hashes,
}

/// What a stage counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounters {
    /// Flows that were looked into.
    pub opened: u64,
    /// Of them, those open now.
    pub open: u64,
    /// Of them, those whose protocol was found.
    pub recognised: u64,
    /// Flows that were not looked into because all places were taken.
    pub refused: u64,
    /// Flows that were not looked into because the worker had too much to do.
    pub shed: u64,
    /// Flows that there was no room for any more while they were looked into.
    pub given_up: u64,
    /// TCP segments that no window of their stream reaches: not looked into.
    pub outside_window: u64,
    /// Datagrams put together of their fragments.
    pub datagrams_whole: u64,
    /// Fragmented datagrams let go of: fragments overlapped or never came, or there was no room.
    pub datagrams_given_up: u64,
    /// Records written.
    pub records: u64,
    /// Odd things noticed, and those of them that were not written.
    pub weirds: u64,
    /// See `weirds`.
    pub weirds_suppressed: u64,
    /// Bytes held now.
    pub held: u64,
}

/// What an index entry says: nothing yet, which conversation, or what was found.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    const FOUND: u32 = 1 << 31;

    fn open(place: u32) -> Entry {
        Entry(place + 1)
    }

    /// The texts' number, and the product's, which is below 2^15.
    fn found(text: u16, product: u16) -> Entry {
        Entry(Self::FOUND | u32::from(product & 0x7fff) << 16 | u32::from(text))
    }

    fn place(self) -> Option<u32> {
        (self.0 & Self::FOUND == 0)
            .then(|| self.0.checked_sub(1))
            .flatten()
    }

    /// The numbers of the text and of the product: 0 for none.
    fn numbers(self) -> (u16, u16) {
        if self.0 & Self::FOUND == 0 {
            (0, 0)
        } else {
            (self.0 as u16, (self.0 >> 16) as u16 & 0x7fff)
        }
    }
}

/// The entries of all slots. Words, since the system has zeroed ones without anybody writing them.
struct Index(Vec<u32>);

impl Index {
    /// Of so many slots, nothing yet in any.
    fn new(slots: usize) -> Index {
        Index(vec![0; slots])
    }

    #[inline]
    fn get(&self, slot: u32) -> Option<Entry> {
        self.0.get(slot as usize).map(|word| Entry(*word))
    }

    #[inline]
    fn set(&mut self, slot: u32, entry: Entry) {
        if let Some(word) = self.0.get_mut(slot as usize) {
            *word = entry.0;
        }
    }

    /// Asks memory for entries that will be needed.
    fn prefetch(&self, slots: &[u32]) {
        let words = slots.iter().filter_map(|&slot| self.0.get(slot as usize));
        words.for_each(prefetch_all);
    }
}

/// One worker's application stage.
pub struct Stage {
    /// By the tracker's slots: memory that nobody touches before its flow comes.
    index: Index,
    places: Vec<Option<Conversation>>,
    free: Vec<u32>,
    texts: Texts,
    budget: Budget,
    /// Datagrams in fragments, with an account of their own: they take no room from what comes whole.
    datagrams: Datagrams,
    limits: Limits,
    overlap: Overlap,
    /// The protocols looked for over TCP and UDP.
    protocols: [Applications; 2],
    most_places: usize,
    products: Arc<Products>,
    seen: Seen,
    subscriber: Option<Box<dyn StreamSubscriber>>,
    shedding: bool,
    counters: StageCounters,
}

/// Bytes that an open conversation is counted with: its place, and a session.
const CONVERSATION_BYTES: usize = size_of::<Option<Conversation>>() + 256;

/// From so many open conversations on they are fetched before they are needed: fewer stay in the caches.
const MANY_OPEN: u64 = 256;

/// One in so many bytes that may be held is for fragments.
const FRAGMENTS_SHARE: usize = 16;

impl Stage {
    /// Bytes of the place of an open conversation, and of what leads to it; what it holds beside that comes on top.
    pub const PLACE_BYTES: usize =
        size_of::<Option<Conversation>>() + size_of::<Entry>() + size_of::<u32>();

    /// A stage with all its places.
    #[must_use]
    pub fn new(config: &StageConfig) -> Stage {
        // The index comes first; of the rest, half is for places.
        let half = config
            .memory
            .saturating_sub(config.flows * size_of::<Entry>())
            / 2;
        let places = (half / CONVERSATION_BYTES).clamp(1, config.flows.max(1));
        registry::make_ready();
        Stage {
            index: Index::new(config.flows),
            // Reserved now, and touched when it is needed.
            places: Vec::with_capacity(places),
            free: Vec::with_capacity(places),
            most_places: places,
            products: Arc::clone(&config.products),
            protocols: [Transport::Tcp, Transport::Udp].map(|t| config.protocols.over(t)),
            texts: Texts::default(),
            budget: Budget::new(half - half / FRAGMENTS_SHARE),
            datagrams: Datagrams::new(half / FRAGMENTS_SHARE),
            limits: Limits::new(config.weirds_per_second, config.hashes),
            seen: Seen::default(),
            subscriber: None,
            overlap: config.overlap,
            shedding: false,
            counters: StageCounters::default(),
        }
    }

    /// The same, with somebody who wants to see what is said in conversations.
    #[must_use]
    pub fn subscribed(mut self, subscriber: Option<Box<dyn StreamSubscriber>>) -> Stage {
        self.subscriber = subscriber;
        self
    }

    /// The stage, with the frames of a burst to look into.
    pub fn over<'a, F: Frames>(&'a mut self, frames: &'a F) -> Watching<'a, F> {
        Watching {
            stage: self,
            frames,
        }
    }

    /// Whether flows that begin are not looked into, since the worker has too much to do.
    pub fn shed(&mut self, yes: bool) {
        self.shedding = yes;
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> StageCounters {
        StageCounters {
            given_up: self.limits.given_up,
            outside_window: self.limits.outside_window,
            datagrams_whole: self.datagrams.counters().whole,
            datagrams_given_up: self.datagrams.counters().given_up,
            records: self.limits.records,
            weirds: self.limits.weirds,
            weirds_suppressed: self.limits.weirds_suppressed,
            held: self.budget.held() as u64,
            ..self.counters
        }
    }

    /// Calls `with` on the conversation at `place` and gives its place back when it is over. Whether it goes on.
    fn with(
        &mut self,
        slot: u32,
        place: u32,
        env: &mut EnvParts<'_>,
        with: impl FnOnce(&mut Conversation, &mut Env<'_>),
    ) -> bool {
        let Some(Some(conversation)) = self.places.get_mut(place as usize) else {
            return false;
        };
        let mut env = Env {
            now: env.now,
            since: env.now,
            facts: env.flow,
            sink: env.sink,
            limits: &mut self.limits,
            budget: &self.budget,
            overlap: self.overlap,
            products: &self.products,
            seen: &mut self.seen,
            truncated: env.truncated,
        };
        with(conversation, &mut env);
        if !conversation.is_over() {
            return true;
        }
        let text = self.texts.number(conversation.services());
        let product = conversation.product();
        self.counters.recognised += u64::from(text != 0);
        self.counters.open -= 1;
        self.free.push(place);
        if let Some(place) = self.places.get_mut(place as usize) {
            *place = None;
        }
        self.index.set(slot, Entry::found(text, product));
        false
    }

    /// The conversation of a flow, begun if there is none yet; `None` if it is not to be.
    fn place(&mut self, slot: u32, transport: Transport, flow: &Flow<'_>) -> Option<u32> {
        let entry = self.index.get(slot)?;
        if let Some(place) = entry.place() {
            return Some(place);
        }
        if entry != Entry::default() {
            return None;
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.places.len() < self.most_places => {
                self.places.push(None);
                (self.places.len() - 1) as u32
            }
            None => {
                self.counters.refused += 1;
                return None;
            }
        };
        self.index.set(slot, Entry::open(place));
        let mut conversation = Conversation::new(transport, self.protocols[transport as usize]);
        if let Some(subscriber) = &mut self.subscriber
            && let Some(session) = subscriber.begin(flow, transport)
        {
            conversation.subscribe(session);
        }
        if transport == Transport::Tcp {
            for side in 0..2 {
                if let Some(seq) = flow.first_seq(side) {
                    conversation.begins_at(side, seq);
                }
            }
        }
        *self.places.get_mut(place as usize)? = Some(conversation);
        self.counters.opened += 1;
        self.counters.open += 1;
        Some(place)
    }
}

impl Stage {
    /// A datagram that was put together, or what there is of it. Whether more packets of its flow are wanted.
    fn datagram(&mut self, slot: u32, from: usize, payload: &[u8], env: &mut EnvParts<'_>) -> bool {
        let Some(place) = self.place(slot, Transport::Udp, env.flow) else {
            return false;
        };
        self.with(slot, place, env, |conversation, env| {
            conversation.datagram(from, payload, env);
        })
    }

    /// The flow is over: of its datagrams that never were whole, the first fragments are looked into.
    fn unfinished(&mut self, slot: u32, env: &mut EnvParts<'_>) {
        while let Some((first, high_to_low)) = self.datagrams.first_of(slot) {
            env.truncated = true;
            let from = usize::from(high_to_low != env.flow.high_is_orig());
            self.datagram(slot, from, &first, env);
        }
        env.truncated = false;
    }
}

/// What a packet brings along.
struct EnvParts<'a> {
    now: i64,
    flow: &'a Flow<'a>,
    sink: &'a mut dyn RecordSink,
    /// It is a datagram of which not all is there.
    truncated: bool,
}

/// A stage while a burst is at hand.
pub struct Watching<'a, F> {
    stage: &'a mut Stage,
    frames: &'a F,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Either kind of fragment.
const FRAGMENT: u32 = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;

/// What was captured of a view's payload.
#[inline]
fn payload<'a>(frames: &'a impl Frames, view: &View) -> &'a [u8] {
    let begin = view.payload_offset as usize;
    let end = begin.saturating_add(view.payload_captured as usize);
    frames.bytes(view.frame).get(begin..end).unwrap_or_default()
}

impl<F: Frames> Watching<'_, F> {
    /// A fragment of a datagram. Whether more packets are wanted.
    #[cold]
    fn fragment(
        &mut self,
        slot: u32,
        view: &View,
        flow: &Flow<'_>,
        sink: &mut impl RecordSink,
    ) -> bool {
        let payload = payload(self.frames, view);
        let whole = self.stage.datagrams.take(view, Some(slot), payload);
        // With a first fragment that the capture cuts there is nothing to wait for.
        let cut = view.payload_captured < view.payload_len;
        let first = cut && view.flags.has(ViewFlags::FIRST_FRAGMENT);
        let datagram = match &whole {
            Some(whole) => whole.as_slice(),
            None if first => payload,
            None => return true,
        };
        let from = usize::from(view.high_to_low() != flow.high_is_orig());
        let mut env = EnvParts {
            now: view.timestamp,
            flow,
            sink,
            truncated: first,
        };
        self.stage.datagram(slot, from, datagram, &mut env)
    }
}

impl<F: Frames> Watching<'_, F> {
    /// Whether a TCP packet tells its conversation nothing but that it goes on: an acknowledgement only, or more of what nobody looks at. The frame is not touched.
    #[inline]
    fn is_quiet(&mut self, place: u32, from: usize, view: &View) -> bool {
        let flags = view.tcp_flags;
        if flags.syn() || flags.fin() || flags.rst() {
            return false;
        }
        let Some(Some(conversation)) = self.stage.places.get_mut(place as usize) else {
            return false;
        };
        if view.payload_len == 0 {
            conversation.is_at(from, view.tcp_seq);
            return conversation.knows_all_of_peer(from);
        }
        let captured = view.payload_captured as usize;
        conversation.passes(from, view.tcp_seq, view.payload_len, captured)
    }
}

impl<F: Frames> Watcher for Watching<'_, F> {
    fn begin(&mut self, slot: u32, ip_proto: u8) -> bool {
        self.stage.index.set(slot, Entry::default());
        let carries = matches!(ip_proto, TCP | UDP);
        if carries && self.stage.shedding {
            self.stage.counters.shed += 1;
            return false;
        }
        carries
    }

    fn soon(&mut self, slots: &[u32]) {
        let Stage { index, places, .. } = &*self.stage;
        if self.stage.counters.open < MANY_OPEN {
            return;
        }
        index.prefetch(slots);
        let entries = || slots.iter().filter_map(|&slot| index.get(slot));
        let open = || entries().filter_map(|entry| places.get(entry.place()? as usize));
        open().for_each(prefetch_all);
        open().flatten().for_each(Conversation::prefetch);
    }

    fn packet(
        &mut self,
        slot: u32,
        view: &View,
        flow: &Flow<'_>,
        sink: &mut impl RecordSink,
    ) -> bool {
        let transport = if view.key.protocol == TCP {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        if transport == Transport::Udp && view.flags.0 & FRAGMENT != 0 {
            return self.fragment(slot, view, flow, sink);
        }
        let known = self.stage.index.get(slot).and_then(Entry::place);
        let place = match known {
            Some(place) => place,
            // Until there is something to read there is nothing to keep: a flood of SYNs takes no places.
            None if view.payload_len == 0 => return true,
            None => match self.stage.place(slot, transport, flow) {
                Some(place) => place,
                None => return false,
            },
        };
        let from = usize::from(view.high_to_low() != flow.high_is_orig());
        if transport == Transport::Tcp && self.is_quiet(place, from, view) {
            return true;
        }
        let payload = payload(self.frames, view);
        let mut env = EnvParts {
            now: view.timestamp,
            flow,
            sink,
            truncated: view.payload_captured < view.payload_len,
        };
        self.stage.with(slot, place, &mut env, |conversation, env| {
            if transport == Transport::Udp {
                if !payload.is_empty() {
                    conversation.datagram(from, payload, env);
                }
                return;
            }
            let flags = view.tcp_flags;
            if flags.ack() {
                conversation.acknowledged(from, view.tcp_ack, env);
            }
            let seq = view.tcp_seq.wrapping_add(u32::from(flags.syn()));
            if view.payload_len > 0 && !flags.rst() {
                let segment = Segment {
                    seq,
                    payload,
                    wire_len: view.payload_len,
                };
                conversation.segment(from, segment, env);
            }
            if flags.fin() {
                conversation.fin(from, seq.wrapping_add(view.payload_len), env);
            }
        })
    }

    #[cold]
    fn early_fragment(&mut self, view: &View) {
        if view.key.protocol == UDP && !self.stage.shedding {
            let payload = payload(self.frames, view);
            // Its first is missing: it makes nothing whole.
            let _ = self.stage.datagrams.take(view, None, payload);
        }
    }

    fn findings(&self, slot: u32) -> Findings {
        let Some(entry) = self.stage.index.get(slot) else {
            return Findings::default();
        };
        let (text, product) = entry.numbers();
        Findings {
            service: self.stage.texts.text(text),
            app: self.stage.products.name(product),
        }
    }

    fn end(&mut self, slot: u32, flow: &Flow<'_>, sink: &mut impl RecordSink) -> Findings {
        let mut env = EnvParts {
            now: flow.last(),
            flow,
            sink,
            truncated: false,
        };
        self.stage.unfinished(slot, &mut env);
        let open = self.stage.index.get(slot).and_then(Entry::place);
        if let Some(place) = open {
            self.stage.with(slot, place, &mut env, |conversation, env| {
                conversation.end(env);
            });
        }
        let findings = self.findings(slot);
        self.stage.index.set(slot, Entry::default());
        findings
    }
}
