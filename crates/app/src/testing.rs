//! For tests of protocols: a conversation that is played, without packets around it.
//!
//! ```
//! use portreeve_app::Transport;
//! use portreeve_app::testing::Play;
//!
//! let mut play = Play::new(Transport::Udp, 50_000, 53);
//! play.orig(b"not DNS").resp(b"neither");
//! assert!(play.finish().records.is_empty());
//! ```

use std::net::IpAddr;

use portreeve_record::{Head, Record, SourceId, Uid};

use crate::budget::Budget;
use crate::context::{Facts, Limits};
use crate::conversation::{Conversation, Env};
use crate::file::Hashes;
use crate::products::Products;
use crate::protocol::{Protocol, Session, Transport};
use crate::registry::Applications;
use crate::seen::Seen;
use crate::services::Texts;
use crate::stream::{Overlap, Segment};

/// What came of a conversation.
#[derive(Debug)]
pub struct Outcome {
    /// Its records, in the order they were made.
    pub records: Vec<Record>,
    /// What the flow is named after.
    pub service: Option<&'static str>,
}

/// A conversation that is played. Each packet is a millisecond behind the one before.
pub struct Play {
    conversation: Conversation,
    transport: Transport,
    head: Head,
    now: i64,
    sent: [u32; 2],
    overlap: Overlap,
    step: i64,
    truncated: bool,
    records: Vec<Record>,
    limits: Limits,
    budget: Budget,
    products: Products,
    seen: Seen,
}

struct Fixed(Head);

impl Facts for Fixed {
    fn head(&self, ts: i64) -> Head {
        Head { ts, ..self.0 }
    }

    fn ports(&self) -> [u16; 2] {
        [self.0.orig_p, self.0.resp_p]
    }

    fn is_local(&self, _: IpAddr) -> Option<bool> {
        None
    }
}

/// Time between packets, nanoseconds.
pub const STEP: i64 = 1_000_000;
/// Sequence number of the first byte of each stream: so near the end of the numbers that they begin anew.
const FIRST_SEQ: u32 = u32::MAX - 9;
/// Time of the first packet.
pub const START: i64 = 1_700_000_000_000_000_000;

impl Play {
    /// A conversation between these ports.
    #[must_use]
    pub fn new(transport: Transport, orig_p: u16, resp_p: u16) -> Play {
        Play {
            conversation: Conversation::new(transport, Applications::default().over(transport)),
            transport,
            head: Head {
                ts: 0,
                uid: Uid([1, 2, 3]),
                orig_h: [192, 0, 2, 1].into(),
                orig_p,
                resp_h: [192, 0, 2, 2].into(),
                resp_p,
                ip_proto: if transport == Transport::Tcp { 6 } else { 17 },
                source: SourceId(0),
            },
            now: START - STEP,
            sent: [0; 2],
            overlap: Overlap::First,
            step: STEP,
            truncated: false,
            records: Vec::new(),
            limits: Limits::new(1000, Hashes::default()),
            budget: Budget::new(16 << 20),
            products: Products::read("").unwrap_or_default(),
            seen: Seen::default(),
        }
    }

    /// The same, and known to be `protocol`: nothing is looked for.
    #[must_use]
    pub fn of(protocol: &'static Protocol, transport: Transport, orig_p: u16, resp_p: u16) -> Play {
        let mut play = Play::new(transport, orig_p, resp_p);
        play.conversation = Conversation::of(protocol, transport);
        play
    }

    /// A subscriber's session runs beside what is found.
    #[must_use]
    pub fn subscribed(mut self, session: Box<dyn Session>) -> Play {
        self.conversation.subscribe(session);
        self
    }

    /// The same, and these hashes of files are asked for.
    #[must_use]
    pub fn hashing(mut self, hashes: Hashes) -> Play {
        self.limits.hashes = hashes;
        self
    }

    fn call(&mut self, call: impl FnOnce(&mut Conversation, &mut Env<'_>)) {
        let mut env = Env {
            now: self.now,
            since: self.now,
            facts: &Fixed(self.head),
            sink: &mut self.records,
            limits: &mut self.limits,
            budget: &self.budget,
            overlap: self.overlap,
            products: &self.products,
            seen: &mut self.seen,
            truncated: self.truncated,
        };
        if !self.conversation.is_over() {
            call(&mut self.conversation, &mut env);
        }
    }

    fn send(&mut self, from: usize, payload: &[u8], wire_len: u32) -> &mut Self {
        self.now += self.step;
        let seq = self.sent[from];
        self.sent[from] = seq.wrapping_add(wire_len);
        let transport = self.transport;
        self.call(|conversation, env| match transport {
            Transport::Udp => conversation.datagram(from, payload, env),
            // As the stage does it.
            Transport::Tcp if conversation.passes(from, seq, wire_len, payload.len()) => {}
            Transport::Tcp => {
                let segment = Segment {
                    seq,
                    payload,
                    wire_len,
                };
                conversation.segment(from, segment, env);
            }
        });
        self
    }

    /// The originator sends this.
    pub fn orig(&mut self, payload: &[u8]) -> &mut Self {
        self.send(0, payload, payload.len() as u32)
    }

    /// The responder sends this.
    pub fn resp(&mut self, payload: &[u8]) -> &mut Self {
        self.send(1, payload, payload.len() as u32)
    }

    /// So many bytes of the originator were never seen.
    pub fn orig_gap(&mut self, bytes: u32) -> &mut Self {
        self.send(0, &[], bytes)
    }

    /// So many bytes of the responder were never seen.
    pub fn resp_gap(&mut self, bytes: u32) -> &mut Self {
        self.send(1, &[], bytes)
    }

    /// Which copy of a byte counts, from now on.
    pub fn overlap(&mut self, overlap: Overlap) -> &mut Self {
        self.overlap = overlap;
        self
    }

    /// Whether datagrams from now on are not whole.
    pub fn truncated(&mut self, yes: bool) -> &mut Self {
        self.truncated = yes;
        self
    }

    /// Time between packets from now on, nanoseconds.
    pub fn step(&mut self, step: i64) -> &mut Self {
        self.step = step;
        self
    }

    /// Both streams begin: what is sent by [`Play::segment`] has its place from here on.
    pub fn begin(&mut self) -> &mut Self {
        for from in 0..2 {
            self.conversation.begins_at(from, FIRST_SEQ);
            self.sent[from] = FIRST_SEQ;
        }
        self
    }

    /// `from` sends a segment whose first byte is the `offset`th of its stream. Only behind [`Play::begin`].
    pub fn segment(&mut self, from: From, offset: u32, payload: &[u8]) -> &mut Self {
        self.now += self.step;
        let segment = Segment {
            seq: FIRST_SEQ.wrapping_add(offset),
            payload,
            wire_len: payload.len() as u32,
        };
        self.call(|conversation, env| conversation.segment(from as usize, segment, env));
        self
    }

    /// `from` sends a packet that carries nothing, and then so many bytes that nobody sees.
    pub fn quiet(&mut self, from: From, unseen: u32) -> &mut Self {
        let seq = self.sent[from as usize];
        self.call(|conversation, _| conversation.is_at(from as usize, seq));
        self.sent[from as usize] = seq.wrapping_add(unseen);
        self
    }

    /// `from` closes its stream behind what it sent, by [`Play::orig`] and [`Play::resp`].
    pub fn close(&mut self, from: From) -> &mut Self {
        let end = self.sent[from as usize];
        self.call(|conversation, env| conversation.fin(from as usize, end, env));
        self
    }

    /// `from` acknowledges the first `bytes` bytes of the other side.
    pub fn acknowledge(&mut self, from: From, bytes: u32) -> &mut Self {
        let ack = FIRST_SEQ.wrapping_add(bytes);
        self.call(|conversation, env| conversation.acknowledged(from as usize, ack, env));
        self
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.budget.held()
    }

    /// The flow is over.
    pub fn finish(mut self) -> Outcome {
        self.call(Conversation::end);
        assert_eq!(self.budget.held(), 0, "bytes are still held");
        let mut texts = Texts::default();
        let number = texts.number(self.conversation.services());
        Outcome {
            records: self.records,
            service: texts.text(number),
        }
    }
}

/// Who sent a piece of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The originator.
    Orig,
    /// The responder.
    Resp,
}

/// Plays a script over TCP in each of several ways to cut it into segments: as it is, byte by byte, in pieces of several sizes. All must give what the first gives,
/// times apart: `same` compares. Returns what the first gave.
///
/// # Panics
/// If one gives something else.
pub fn play_cut(resp_p: u16, script: &[(From, &[u8])]) -> Outcome {
    play_cut_hashing(resp_p, Hashes::default(), script)
}

/// The same, and these hashes of files are asked for.
///
/// # Panics
/// The same.
pub fn play_cut_hashing(resp_p: u16, hashes: Hashes, script: &[(From, &[u8])]) -> Outcome {
    let outcome = |size: usize| {
        let mut play = Play::new(Transport::Tcp, 50_000, resp_p).hashing(hashes);
        for (from, bytes) in script {
            for piece in bytes.chunks(size) {
                match from {
                    From::Orig => play.orig(piece),
                    From::Resp => play.resp(piece),
                };
            }
        }
        play.finish()
    };
    let whole = outcome(usize::MAX);
    for size in [1, 2, 3, 7, 100, 1460] {
        let cut = outcome(size);
        assert_eq!(cut.service, whole.service, "in pieces of {size}");
        assert_eq!(
            cut.records.len(),
            whole.records.len(),
            "in pieces of {size}: {:#?}",
            cut.records
        );
        for (a, b) in cut.records.iter().zip(&whole.records) {
            assert_eq!(timeless(a), timeless(b), "in pieces of {size}");
        }
    }
    whole
}

/// A record's fields without moments and intervals, as text.
#[must_use]
pub fn timeless(record: &Record) -> String {
    use portreeve_record::{RecordContext, Value};
    let context = RecordContext::new("sensor", vec!["source".into()]);
    let mut text = record.path().to_owned();
    record.each_field(&context, |field, value| {
        if !matches!(value, Value::Time(_) | Value::Interval(_) | Value::Unset) {
            text.push_str(&format!(" {}={value:?}", field.name));
        }
    });
    text
}
