//! What all flows of a tracker share: side pools, counters, oddities.

use std::io;
use std::net::IpAddr;

use portreeve_record::{Record, RecordSink, SourceId, Uid, Weird, When};

use crate::again::Again;
use crate::config::{Prefix, SECOND};
use crate::counters::FlowCounters;
use crate::hash::{self, KeyWords};
use crate::memory::Memory;
use crate::pool::{Holes, Loss, LossSide, Pool, Rare, Snapshot};
use crate::slot::{Cold, Hot, cold_flags};
use crate::uid::Uids;
use crate::weird::WeirdKind;

/// `weird` records kept until the sink can have them: what one packet can cause, and then some.
const PENDING: usize = 16;

/// What all flows of a tracker share.
pub(crate) struct Shared {
    pub(crate) loss: Pool<Loss>,
    pub(crate) holes: Pool<Holes>,
    pub(crate) rare: Pool<Rare>,
    pub(crate) snapshots: Pool<Snapshot>,
    pub(crate) counters: FlowCounters,
    pub(crate) uids: Uids,
    pub(crate) again: Again,
    /// Acknowledgements of new data between established sides, and those of data never seen: since the tracker was made.
    pub(crate) acks: u64,
    pub(crate) gaps: u64,
    /// The source of the views at hand.
    pub(crate) source: SourceId,
    /// The networks that are ours.
    pub(crate) local_nets: Box<[Prefix]>,
    weirds_per_second: u32,
    weird_second: i64,
    weirds_this_second: u32,
    pending: [Option<Weird>; PENDING],
    pending_len: usize,
}

impl Shared {
    /// Pools of the given numbers of entries: losses, holes, rare facts, snapshots.
    pub(crate) fn new(
        entries: [usize; 4],
        memory: &mut Memory,
        uids: Uids,
        again: Again,
        weirds_per_second: u32,
    ) -> io::Result<Shared> {
        Ok(Shared {
            loss: Pool::new(entries[0], memory)?,
            holes: Pool::new(entries[1], memory)?,
            rare: Pool::new(entries[2], memory)?,
            snapshots: Pool::new(entries[3], memory)?,
            counters: FlowCounters::default(),
            uids,
            again,
            acks: 0,
            gaps: 0,
            source: SourceId::default(),
            local_nets: Box::default(),
            weirds_per_second,
            weird_second: i64::MIN,
            weirds_this_second: 0,
            pending: [None; PENDING],
            pending_len: 0,
        })
    }

    /// Whether an address is in our networks; `None` if none are configured.
    pub(crate) fn is_local(&self, addr: IpAddr) -> Option<bool> {
        if self.local_nets.is_empty() {
            return None;
        }
        Some(self.local_nets.iter().any(|net| net.contains(addr)))
    }

    pub(crate) fn pool_bytes(&self) -> usize {
        self.loss.bytes() + self.holes.bytes() + self.rare.bytes() + self.snapshots.bytes()
    }

    /// One sender's losses, made if there are none yet; `None` (counted) if there is no room.
    pub(crate) fn loss_of(&mut self, cold: &mut Cold, side: usize) -> Option<&mut LossSide> {
        if cold.loss == 0 {
            match self.loss.take() {
                Some(number) => cold.loss = number,
                None => self.counters.pool_full += 1,
            }
        }
        self.loss
            .get_mut(cold.loss)
            .map(|loss| &mut loss.sides[side])
    }

    /// A flow's rare facts, made if there are none yet; `None` (counted) if there is no room.
    pub(crate) fn rare_of(&mut self, cold: &mut Cold) -> Option<&mut Rare> {
        if cold.rare == 0 {
            match self.rare.take() {
                Some(number) => cold.rare = number,
                None => self.counters.pool_full += 1,
            }
        }
        self.rare.get_mut(cold.rare)
    }

    /// Gives back everything a flow has in the pools.
    pub(crate) fn give_back(&mut self, cold: &mut Cold) {
        if let Some(loss) = self.loss.get(cold.loss) {
            for side in loss.sides {
                self.holes.give(side.holes);
            }
            self.loss.give(cold.loss);
        }
        if let Some(rare) = self.rare.get(cold.rare) {
            self.snapshots.give(rare.snapshot);
            self.rare.give(cold.rare);
        }
        cold.loss = 0;
        cold.rare = 0;
    }

    /// Something odd in a flow.
    pub(crate) fn weird(&mut self, kind: WeirdKind, hot: &Hot, cold: &mut Cold, ts: i64) {
        cold.set_to(cold_flags::DID_WEIRD, true);
        if self.may_report(kind, ts) {
            let weird = Weird {
                ts,
                uid: Some(self.uids.of(&hot.key, cold.start, cold.again())),
                endpoints: Some(endpoints(&hot.key, hot.state.orig() == 1)),
                name: kind.name(),
                addl: None,
                source: self.source,
            };
            self.report(weird);
        }
    }

    /// Something odd in a packet that belongs to no flow; `flip`: the high endpoint sent it.
    pub(crate) fn weird_packet(
        &mut self,
        kind: WeirdKind,
        key: Option<(&KeyWords, bool)>,
        ts: i64,
        addl: Option<u64>,
    ) {
        if self.may_report(kind, ts) {
            let weird = Weird {
                ts,
                uid: None::<Uid>,
                endpoints: key.map(|(words, flip)| endpoints(words, flip)),
                name: kind.name(),
                addl,
                source: self.source,
            };
            self.report(weird);
        }
    }

    fn may_report(&mut self, kind: WeirdKind, ts: i64) -> bool {
        self.counters.weirds[kind as usize] += 1;
        let second = ts.div_euclid(SECOND);
        if second != self.weird_second {
            self.weird_second = second;
            self.weirds_this_second = 0;
        }
        if self.weirds_this_second >= self.weirds_per_second || self.pending_len == PENDING {
            self.counters.weirds_suppressed += 1;
            return false;
        }
        self.weirds_this_second += 1;
        true
    }

    fn report(&mut self, weird: Weird) {
        if let Some(place) = self.pending.get_mut(self.pending_len) {
            *place = Some(weird);
            self.pending_len += 1;
        }
    }

    /// Hands the pending `weird` records to the sink.
    #[inline(always)]
    pub(crate) fn flush(&mut self, sink: &mut impl RecordSink) {
        if self.pending_len != 0 {
            self.flush_all(sink);
        }
    }

    #[cold]
    fn flush_all(&mut self, sink: &mut impl RecordSink) {
        for place in &mut self.pending[..self.pending_len] {
            if let Some(weird) = place.take() {
                let when = When::packet(weird.ts);
                sink.emit(Record::Weird(weird), when);
            }
        }
        self.pending_len = 0;
    }
}

type Ends = (std::net::IpAddr, u16, std::net::IpAddr, u16);

/// Originator and responder of a key.
pub(crate) fn endpoints(words: &KeyWords, high_is_orig: bool) -> Ends {
    let key = hash::key(words);
    if high_is_orig {
        (key.high_ip(), key.high_port, key.low_ip(), key.low_port)
    } else {
        (key.low_ip(), key.low_port, key.high_ip(), key.high_port)
    }
}
