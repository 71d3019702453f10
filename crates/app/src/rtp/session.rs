//! A flow's streams, as they begin.

use portreeve_record::app::rtp::Rtp as Record;

use super::packet::{Packet, is_rtcp};
use crate::context::Context;
use crate::protocol::{Peer, Session, Want};

/// So many packets of one source with numbers that go on make it certain.
pub(super) const CONFIRM: u64 = 4;
/// So many are looked at of each sender: some seconds of a voice. Then the flow costs nothing more.
const LOOKED_AT: u64 = 256;
/// The most packets of both sides that come to nothing: other sources, other protocols.
const MAX_OTHER: u32 = 256;
/// The furthest that a number may be ahead of the one before.
const MAX_AHEAD: u16 = 100;

const SECOND: i64 = 1_000_000_000;

/// A sender.
struct Sender {
    record: Record,
    rate: Option<i64>,
    /// Number of the first and the latest packet, counted on beyond 16 bits.
    first: u32,
    latest: u32,
    /// Arrival less timestamp of the latest packet, ticks.
    transit: i64,
    last_timestamp: u32,
    /// Timestamps, counted on beyond 32 bits from the first one.
    elapsed: i64,
    begun: i64,
    /// Sixteen times the jitter, ticks.
    jitter: i64,
}

#[derive(Default)]
pub(super) struct Rtp {
    senders: [Option<Box<Sender>>; 2],
    other: u32,
    written: bool,
}

impl Session for Rtp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let fits = match Packet::parse(unit) {
            Some(packet) => self.packet(peer, packet, context),
            None if is_rtcp(unit) => {
                context.also("rtcp");
                true
            }
            None => false,
        };
        if !fits {
            self.other += 1;
            if !self.is_certain() {
                context.not_mine();
                context.done();
                self.written = true;
            } else if self.other >= MAX_OTHER {
                context.done();
            }
        }
        let enough = |sender: &Option<Box<Sender>>| {
            sender.as_ref().is_some_and(|s| s.record.pkts >= LOOKED_AT)
        };
        let silent = |sender: &Option<Box<Sender>>| sender.is_none();
        if self.senders.iter().any(enough)
            && (self.senders.iter().all(enough) || self.senders.iter().any(silent))
        {
            context.done();
        }
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        if !self.is_certain() {
            context.not_mine();
            return;
        }
        for sender in std::mem::take(&mut self.senders).into_iter().flatten() {
            if sender.record.pkts >= CONFIRM {
                context.emit(sender.record());
            }
        }
    }
}

impl Rtp {
    fn is_certain(&self) -> bool {
        let mut senders = self.senders.iter().flatten();
        senders.any(|sender| sender.record.pkts >= CONFIRM)
    }

    /// Whether the packet goes with those before.
    fn packet(&mut self, peer: Peer, packet: Packet, context: &mut Context<'_>) -> bool {
        let now = context.now();
        match &mut self.senders[peer.index()] {
            Some(sender) => sender.packet(packet, now),
            none => {
                let mut sender = Sender::new(packet, now);
                sender.record.head = context.head(now);
                sender.record.from_orig = (peer == Peer::Client) == context.client_is_orig();
                *none = Some(Box::new(sender));
                true
            }
        }
    }
}

impl Sender {
    fn new(packet: Packet, now: i64) -> Sender {
        Sender {
            record: Record {
                ssrc: packet.ssrc,
                payload_type: packet.payload_type,
                pkts: 1,
                ..Record::default()
            },
            rate: packet.clock_rate(),
            first: packet.sequence.into(),
            latest: packet.sequence.into(),
            transit: 0,
            last_timestamp: packet.timestamp,
            elapsed: 0,
            begun: now,
            jitter: 0,
        }
    }

    fn packet(&mut self, packet: Packet, now: i64) -> bool {
        if packet.ssrc != self.record.ssrc {
            return false;
        }
        let ahead = packet.sequence.wrapping_sub(self.latest as u16);
        match ahead {
            // Late ones count, as they were missed before.
            0 => return true,
            1..=MAX_AHEAD => self.latest += u32::from(ahead),
            _ if ahead.wrapping_neg() <= MAX_AHEAD => {
                self.record.pkts += 1;
                return true;
            }
            _ => return false,
        }
        self.record.pkts += 1;
        // Signals between (RFC 4733) have types of their own, and clocks that go on alike.
        let step = packet.timestamp.wrapping_sub(self.last_timestamp) as i32;
        self.last_timestamp = packet.timestamp;
        self.elapsed += i64::from(step);
        if let Some(rate) = self.rate {
            // Section 6.4.1 and appendix A.8: all in ticks.
            let arrival = (now - self.begun).clamp(0, 3600 * SECOND) / 1000 * rate / 1_000_000;
            let transit = arrival - self.elapsed;
            let before = std::mem::replace(&mut self.transit, transit);
            self.jitter += (transit - before).abs() - ((self.jitter + 8) >> 4);
        }
        true
    }

    fn record(self) -> Record {
        let expected = u64::from(self.latest - self.first) + 1;
        let ticks = self.jitter >> 4;
        Record {
            lost: expected.saturating_sub(self.record.pkts),
            jitter: self.rate.map(|rate| ticks.saturating_mul(SECOND) / rate),
            ..self.record
        }
    }
}
