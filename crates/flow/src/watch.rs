//! Whoever looks into the packets of flows: the application stage, behind a trait, so that this room knows nothing of applications.
//!
//! ```text
//! begin ──▶ does it want the flow? ──▶ packet, packet … until it has enough ──▶ end, always
//!             (one bit of the flow's state: packets of flows that nobody wants to see go the quick way)
//! ```
//!
//! Packets are shown when all of their burst are counted, those of one well-known port behind one another: the code of flows and that of each protocol drive each other
//! out of the first-level instruction cache. Of one flow they come in their order, before anything else is told of it.

use std::net::IpAddr;

use portreeve_packet::View;
use portreeve_record::{Head, Record, RecordSink, SourceId, Uid, When};

use crate::shared::{Shared, endpoints};
use crate::slot::{Cold, Hot, tcp_state};

/// What an application stage found out about a flow, for its `conn` record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The protocols, as Zeek writes them in `service`: several with commas between them.
    pub service: Option<&'static str>,
    /// The product behind it.
    pub app: Option<&'static str>,
}

/// Who watches packets of flows.
///
/// Slots are numbers below [`crate::MemoryReport::capacity`]; one is some flow's from [`Watcher::begin`] to [`Watcher::end`].
pub trait Watcher {
    /// Whether it ever wants a packet: where not, nothing is asked of packets on its behalf.
    const WATCHES: bool = true;

    /// A flow begins in `slot`. Whether its packets are wanted.
    fn begin(&mut self, slot: u32, ip_proto: u8) -> bool;

    /// A packet of a wanted flow, after it was counted, as were others of its burst; not copies of packets, not what is corrupt. Whether more are wanted: if not,
    /// those of its burst may come all the same. Later fragments come too (their views have no ports), but those of TCP.
    fn packet(
        &mut self,
        slot: u32,
        view: &View,
        flow: &Flow<'_>,
        sink: &mut impl RecordSink,
    ) -> bool;

    /// Packets of the flows in these slots will be shown now, in this order: what is known of them may be asked of memory.
    fn soon(&mut self, _slots: &[u32]) {}

    /// A later fragment that came before the first of its datagram: which flow it is of is not known yet.
    fn early_fragment(&mut self, _view: &View) {}

    /// What is known of the flow in `slot`, which goes on.
    fn findings(&self, slot: u32) -> Findings;

    /// The flow in `slot` is over, wanted to the last or not; its record comes after this.
    fn end(&mut self, slot: u32, flow: &Flow<'_>, sink: &mut impl RecordSink) -> Findings;
}

/// Nobody watches.
impl Watcher for () {
    const WATCHES: bool = false;

    #[inline(always)]
    fn begin(&mut self, _: u32, _: u8) -> bool {
        false
    }

    #[inline(always)]
    fn packet(&mut self, _: u32, _: &View, _: &Flow<'_>, _: &mut impl RecordSink) -> bool {
        false
    }

    #[inline(always)]
    fn findings(&self, _: u32) -> Findings {
        Findings::default()
    }

    #[inline(always)]
    fn end(&mut self, _: u32, _: &Flow<'_>, _: &mut impl RecordSink) -> Findings {
        Findings::default()
    }
}

/// Where everything goes that leaves a tracker.
pub(crate) struct Out<'a, W, S> {
    pub(crate) watcher: &'a mut W,
    pub(crate) records: &'a mut S,
}

impl<'a, W: Watcher, S: RecordSink> Out<'a, W, S> {
    pub(crate) fn new(watcher: &'a mut W, records: &'a mut S) -> Self {
        Out { watcher, records }
    }
}

impl<W, S: RecordSink> RecordSink for Out<'_, W, S> {
    #[inline]
    fn emit(&mut self, record: Record, when: When) {
        self.records.emit(record, when);
    }
}

/// What is said of a flow that ends, whenever it was heard, is said when it ends.
pub(crate) struct AtItsEnd<'a, S> {
    pub(crate) records: &'a mut S,
    pub(crate) when: When,
}

impl<S: RecordSink> RecordSink for AtItsEnd<'_, S> {
    #[inline]
    fn emit(&mut self, record: Record, _: When) {
        self.records.emit(record, self.when);
    }
}

/// What the tracker knows of a flow, for whoever watches it.
pub struct Flow<'a> {
    hot: &'a Hot,
    cold: &'a Cold,
    shared: &'a Shared,
}

impl<'a> Flow<'a> {
    pub(crate) fn new(hot: &'a Hot, cold: &'a Cold, shared: &'a Shared) -> Self {
        Flow { hot, cold, shared }
    }

    /// Its identifier. (A hash: worked out when asked for.)
    #[must_use]
    pub fn uid(&self) -> Uid {
        let again = self.cold.again();
        self.shared.uids.of(&self.hot.key, self.cold.start, again)
    }

    /// Its first packet's time, nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn start(&self) -> i64 {
        self.cold.start
    }

    /// Its last packet's time.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.hot.last
    }

    /// Whether the key's high endpoint is the originator.
    #[must_use]
    pub fn high_is_orig(&self) -> bool {
        self.hot.state.orig() == 1
    }

    /// Originator and responder: address and port.
    #[must_use]
    pub fn endpoints(&self) -> (IpAddr, u16, IpAddr, u16) {
        endpoints(&self.hot.key, self.high_is_orig())
    }

    /// Sequence number of the first byte that originator and responder send or sent, as far as it is known (0 for the originator, 1 for the responder). TCP only.
    #[must_use]
    pub fn first_seq(&self, responder: usize) -> Option<u32> {
        let side = if responder == 0 {
            self.hot.state.orig()
        } else {
            1 - self.hot.state.orig()
        };
        (self.hot.state.tcp(side) != tcp_state::INACTIVE)
            .then(|| self.cold.sides[side].isn.wrapping_add(1))
    }

    /// Whether an address is in the networks that are ours; `None` if none are configured.
    #[must_use]
    pub fn is_local(&self, addr: IpAddr) -> Option<bool> {
        self.shared.is_local(addr)
    }

    /// IP protocol number.
    #[must_use]
    pub fn ip_proto(&self) -> u8 {
        crate::hash::key(&self.hot.key).protocol
    }

    /// What a record of this flow begins with, for something that was seen at `ts`.
    #[must_use]
    pub fn head(&self, ts: i64) -> Head {
        let (orig_h, orig_p, resp_h, resp_p) = self.endpoints();
        Head {
            ts,
            uid: self.uid(),
            orig_h,
            orig_p,
            resp_h,
            resp_p,
            ip_proto: self.ip_proto(),
            source: SourceId(self.cold.source),
        }
    }
}
