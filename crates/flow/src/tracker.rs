//! The door of the room: [`Tracker`].

mod burst;
mod ending;
mod fragments;
mod settings;
mod showing;
mod whole;

use portreeve_packet::{FlowKey, View, Views};
use portreeve_record::{RecordSink, When};

use crate::again::Again;
use crate::clock::Clock;
use crate::config::TrackerConfig;
use crate::counters::{FlowCounters, MemoryReport};
use crate::error::FlowError;
use crate::fragments::Fragments;
use crate::hash::{self, Seeds};
use crate::layout::{HEAP, Layout};
use crate::memory::{Memory, Wish};
use crate::ports::PortSet;
use crate::shared::Shared;
use crate::slot::Class;
use crate::table::{NONE, Table};
use crate::uid::Uids;
use crate::watch::{Out, Watcher};

/// Slots looked at for each call of [`Tracker::advance`].
const ADVANCE_BATCHES: usize = 64;
/// Slots looked at for each burst: more than a burst of new flows makes.
const BURST_BATCHES: usize = 8;
/// Slots emptied for each call of [`Tracker::drain`].
const DRAIN: u32 = 4096;
/// Of the slot so far behind the one that is emptied the bucket line is fetched.
const DRAIN_AHEAD: u32 = 8;

/// One worker's flows.
///
/// ```
/// use portreeve_flow::{Tracker, TrackerConfig};
/// use portreeve_packet::{FlowKey, View, Views, key::mapped};
/// use portreeve_record::Record;
///
/// let mut tracker = Tracker::new(TrackerConfig::default())?;
/// let mut views = Views::default();
/// let (key, _) = FlowKey::new((mapped([10, 0, 0, 1]), 5353), (mapped([10, 0, 0, 2]), 53), 17, 4);
/// views.push(View { key, timestamp: 1_000_000_000, ip_len: 60, payload_len: 32, ..View::default() });
/// let mut records = Vec::new();
/// tracker.process(&mut views, &mut records);
/// tracker.finish(&mut records);
/// assert!(matches!(&records[..], [Record::Conn(conn)] if conn.orig.pkts == 1 && conn.orig.ip_bytes == 60));
/// # Ok::<(), portreeve_flow::FlowError>(())
/// ```
pub struct Tracker {
    table: Table,
    shared: Shared,
    fragments: Fragments,
    ports: PortSet,
    config: TrackerConfig,
    clock: Clock,
    /// The bits in which two times differ that are far enough apart for something to be due.
    far: i64,
    /// Idle times by class.
    idle: [i64; Class::ALL.len()],
    /// The timeouts were changed: the next update of a flow may be later than they say.
    retimed: bool,
    loss_since: Option<i64>,
    loss_next: i64,
    loss_before: (u64, u64),
    drained: u32,
    ahead: burst::Ahead,
    notes: showing::Notes,
    page_size: Option<usize>,
    /// All of its memory.
    bytes: usize,
}

impl Tracker {
    /// A tracker with all its memory.
    ///
    /// # Errors
    /// [`FlowError`] if the budget is too small or the system gives no memory.
    pub fn new(config: TrackerConfig) -> Result<Tracker, FlowError> {
        let layout = Layout::of(config.memory)?;
        let wish = Wish {
            huge: config.huge_pages,
            node: config.node,
            prefault: config.prefault,
        };
        let failed = |error| FlowError::Memory {
            bytes: config.memory,
            error,
        };
        let mut memory = Memory::new(layout.area, wish).map_err(failed)?;
        let seeds = Seeds::new(config.hash_seed);
        let table = Table::new(layout.flows, seeds, &mut memory).map_err(failed)?;
        let again = Again::new(layout.ended, &mut memory).map_err(failed)?;
        let fragments = Fragments::new(
            layout.datagrams,
            Seeds::new(!config.hash_seed),
            config.timeouts.fragment,
            &mut memory,
        )
        .map_err(failed)?;
        // Last, so that what nobody touches lies together.
        let mut shared = Shared::new(
            layout.pools,
            &mut memory,
            Uids::new(config.uid_seed),
            again,
            config.weirds_per_second,
        )
        .map_err(failed)?;
        shared.local_nets = config.local_nets.clone().into_boxed_slice();
        let (idle, far) = settings::idle_times(&config.timeouts);
        Ok(Tracker {
            page_size: memory.page_size(),
            bytes: memory.bytes() + HEAP,
            far,
            idle,
            retimed: false,
            ports: config.server_ports.clone(),
            table,
            shared,
            fragments,
            clock: Clock::default(),
            loss_since: None,
            loss_next: i64::MAX,
            loss_before: (0, 0),
            drained: 0,
            ahead: burst::Ahead::NOTHING,
            notes: showing::Notes::NONE,
            config,
        })
    }

    /// An ICMP error quoted a packet of this conversation.
    fn annotate_flow(&mut self, key: &FlowKey, view: &View) {
        let words = hash::words(key);
        let hash = self.table.hash(&words);
        let slot = self.table.find(&words, hash, NONE);
        if slot == NONE {
            self.shared.counters.quotes_unmatched += 1;
            return;
        }
        let cold = &mut self.table.cold[slot as usize];
        if let Some(rare) = self.shared.rare_of(cold) {
            rare.icmp_errors = rare.icmp_errors.saturating_add(1);
            rare.icmp_type = view.icmp_type;
            rare.icmp_code = view.icmp_code;
        }
    }

    /// Only notes in the flows that the ICMP errors among `views` quote that there were errors: another tracker counts the errors themselves.
    pub fn annotate(&mut self, views: &Views) {
        for quote in views.quotes() {
            if let Some(view) = views.as_slice().get(usize::from(quote.view)) {
                self.annotate_flow(&quote.key, view);
            }
        }
    }

    /// Time passes: expires what is due, a bounded amount of work a call. `now` is nanoseconds since 1970-01-01 UTC. Returns whether more is due.
    pub fn advance(&mut self, now: i64, sink: &mut impl RecordSink) -> bool {
        self.advance_watched(now, &mut (), sink)
    }

    /// [`Tracker::advance`], with somebody who watches.
    pub fn advance_watched(
        &mut self,
        now: i64,
        watcher: &mut impl Watcher,
        sink: &mut impl RecordSink,
    ) -> bool {
        self.clock.tell(now);
        self.expire(now, ADVANCE_BATCHES, &mut Out::new(watcher, sink))
    }

    /// The end, a bounded amount of work a call: ends some flows; whether there are more. For sinks that cannot take everything at once.
    pub fn drain(&mut self, sink: &mut impl RecordSink) -> bool {
        self.drain_watched(&mut (), sink)
    }

    /// [`Tracker::drain`], with somebody who watches.
    pub fn drain_watched(
        &mut self,
        watcher: &mut impl Watcher,
        sink: &mut impl RecordSink,
    ) -> bool {
        let sink = &mut Out::new(watcher, sink);
        for _ in 0..DRAIN {
            let Some(slot) = self.table.next_used(self.drained) else {
                self.finish_rest(sink);
                return false;
            };
            self.drained = slot + 1;
            self.table.prefetch_bucket_of(slot + DRAIN_AHEAD);
            let when = When::end(self.table.cold[slot as usize].start);
            self.end(slot, self.reason_at_end(slot), when, sink);
        }
        true
    }

    /// The end: every flow is emitted and the table is empty.
    pub fn finish(&mut self, sink: &mut impl RecordSink) {
        while self.drain(sink) {}
    }

    fn finish_rest(&mut self, sink: &mut Out<'_, impl Watcher, impl RecordSink>) {
        self.drained = 0;
        self.fragments.finish();
        self.shared.counters.fragments_held = 0;
        let lost = self.fragments.take_lost();
        let now = self.clock.now().unwrap_or_default();
        if lost > 0 {
            self.lost_fragments(lost, now, sink);
        }
        if self.shared.acks > self.loss_before.1 && self.config.capture_loss_interval > 0 {
            self.emit_loss(now, sink);
        }
        self.loss_since = None;
    }

    /// What was counted since the tracker was made.
    #[must_use]
    pub fn counters(&self) -> &FlowCounters {
        &self.shared.counters
    }

    /// What the memory is made of.
    #[must_use]
    pub fn memory(&self) -> MemoryReport {
        let mut report = MemoryReport {
            capacity: self.table.capacity(),
            buckets: self.table.bucket_bytes(),
            hot: self.table.hot.bytes(),
            cold: self.table.cold.bytes() + self.table.wheel.bytes(),
            pools: self.shared.pool_bytes(),
            fixed: 0,
            page_size: self.page_size,
        };
        report.fixed = self.bytes - report.total();
        report
    }
}
