//! A worker: one core, its sources, its flows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use portreeve_capture::{Fetch, Source, Wake};

use crate::config::Idle;
use crate::counters::Cell;
use crate::lane::LaneIn;
use crate::pipeline::{Arrival, Pipeline};
use crate::shared::Shared;

/// How often a live source's own counters are read: each reading is a system call.
const READ_COUNTERS: Duration = Duration::from_millis(100);
/// Without packets a live worker's time is this far behind the clock on the wall, so that packets still in the ring are not late.
const WALL_CLOCK_LAG: i64 = 1_000_000_000;
/// With frames handed in by other workers the sleep is short: nobody wakes a worker for them.
const MESH_SLEEP: Duration = Duration::from_millis(2);
/// Hand-overs taken between two bursts of the own sources.
const PARCELS_A_ROUND: usize = 8;

/// One worker, ready to run on its thread.
pub(crate) struct Worker {
    pub(crate) sources: Vec<Option<Box<dyn Source>>>,
    /// Lanes from the reader or from other workers.
    pub(crate) inward: Vec<LaneIn>,
    pub(crate) pipeline: Pipeline,
    pub(crate) cell: Arc<Cell>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) idle: Idle,
    /// Time passes without packets.
    pub(crate) live: bool,
    /// Of the live settings it has.
    pub(crate) settings_version: u64,
}

impl Worker {
    /// Runs until its sources end or a stop has drained them, then ends its flows.
    pub(crate) fn run(mut self) {
        let mut stopped = false;
        let mut idle_since: Option<Instant> = None;
        let mut counters_read = Instant::now();
        self.pipeline.counters.source_count = self.sources.len() as u64;
        self.read_source_counters();
        loop {
            if !stopped && (self.shared.stopping() || self.pipeline.gate.is_done()) {
                stopped = true;
                // What stands in a file was not taken from anyone: there is nothing to drain.
                if !self.live && self.inward.is_empty() {
                    break;
                }
                for source in self.sources.iter_mut().flatten() {
                    source.stop();
                }
            }
            self.take_over_settings();
            let found = self.poll_sources() | self.poll_lanes();
            let more_due = self.pipeline.advance();
            let now = Instant::now();
            if self.live && now.duration_since(counters_read) >= READ_COUNTERS {
                counters_read = now;
                self.read_source_counters();
                self.tick();
            } else if !self.live && self.pipeline.counters.bursts.is_multiple_of(256) {
                self.tick();
            }
            self.publish();
            if self.shared.abandoned() {
                break;
            }
            if found {
                idle_since = None;
                continue;
            }
            self.pipeline.flush_lanes();
            let ended = self.sources.iter().all(Option::is_none);
            if ended || (stopped && !self.live) {
                break;
            }
            if !more_due {
                let since = *idle_since.get_or_insert(now);
                if now.duration_since(since) >= self.idle.spin {
                    self.sleep();
                } else {
                    std::hint::spin_loop();
                }
            }
        }
        self.last_hand_overs();
        self.read_source_counters();
        self.sources.clear();
        let last = self.shared.last_time.load(Ordering::Acquire);
        if last != i64::MIN {
            self.pipeline.clock.catch_up(last);
        }
        self.pipeline.finish();
        self.publish();
        self.shared.running.fetch_sub(1, Ordering::AcqRel);
    }

    fn take_over_settings(&mut self) {
        let version = self.shared.settings_version.load(Ordering::Acquire);
        if version != self.settings_version {
            self.settings_version = version;
            if let Some(settings) = self.shared.settings() {
                self.pipeline.tracker.set_timeouts(settings.timeouts);
                self.pipeline.tracker.set_local_nets(settings.local_nets);
            }
        }
    }

    fn poll_sources(&mut self) -> bool {
        let mut found = false;
        for (index, slot) in self.sources.iter_mut().enumerate() {
            let Some(source) = slot else { continue };
            match source.next_burst() {
                Ok(Fetch::Frames(burst)) => {
                    found = true;
                    self.pipeline.views.source = index as u16;
                    self.pipeline.take(&burst, Arrival::Source(index as u16));
                }
                Ok(Fetch::Empty) => continue,
                Ok(Fetch::End) => {
                    if let Some(account) = self.pipeline.counters.sources.get_mut(index) {
                        *account = source.counters();
                    }
                    *slot = None;
                    continue;
                }
                Err(error) => {
                    found = true;
                    let name = source.info().name.clone();
                    self.shared.report(&name, error);
                }
            }
            if let Some(position) = slot.as_ref().and_then(|source| source.position()) {
                self.shared.position.store(position, Ordering::Relaxed);
            }
        }
        found
    }

    fn poll_lanes(&mut self) -> bool {
        let mut found = false;
        for lane in &mut self.inward {
            for _ in 0..PARCELS_A_ROUND {
                let Some(parcel) = lane.receive() else { break };
                found = true;
                if let Some(now) = parcel.now {
                    self.pipeline.clock.observe(now);
                }
                if !parcel.batch.is_empty() {
                    let arrival = Arrival::HandedIn {
                        notes: parcel.notes,
                    };
                    self.pipeline.take(&parcel.batch.burst(), arrival);
                }
                lane.give_back(parcel.batch);
            }
        }
        found
    }

    /// After the own sources ended: frames may still come from others.
    fn last_hand_overs(&mut self) {
        self.pipeline.flush_lanes();
        self.pipeline.mesh.clear();
        self.pipeline.gate.tap = None;
        self.shared.senders.fetch_sub(1, Ordering::AcqRel);
        while !self.shared.abandoned() {
            let all_sent = self.shared.senders.load(Ordering::Acquire) == 0;
            let found = self.poll_lanes();
            self.pipeline.advance();
            self.publish();
            // In this order: what was sent before the last sender went is seen.
            if all_sent && !found && self.inward.iter().all(LaneIn::is_finished) {
                break;
            }
            if !found {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    }

    fn sleep(&mut self) {
        let before = Instant::now();
        let mut timeout = self.idle.sleep;
        if !self.inward.is_empty() {
            timeout = timeout.min(MESH_SLEEP);
        }
        let sources = self.sources.iter().flatten().count();
        if sources == 0 {
            std::thread::sleep(timeout.min(Duration::from_micros(100)));
        }
        for source in self.sources.iter_mut().flatten() {
            match source.wait(timeout / sources as u32) {
                Ok(Wake::Ready) => break,
                Ok(Wake::TimedOut) => {}
                Err(error) => {
                    let name = source.info().name.clone();
                    self.shared.report(&name, error);
                    // Its own next burst tells that it has ended; do not spin on it meanwhile.
                    std::thread::sleep(timeout / sources as u32);
                }
            }
        }
        self.pipeline.counters.sleeps += 1;
        self.pipeline.counters.sleep_ns += before.elapsed().as_nanos() as u64;
    }

    /// What the clock on the wall decides: the time without packets, the rates shown.
    fn tick(&mut self) {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall = since_epoch.map_or(0, |since| since.as_nanos() as i64);
        if self.live {
            self.pipeline.clock.observe(wall - WALL_CLOCK_LAG);
        }
        if let Some(tallies) = &mut self.pipeline.tallies {
            tallies.tick(wall);
        }
    }

    fn read_source_counters(&mut self) {
        let accounts = self.pipeline.counters.sources.iter_mut();
        for (account, source) in accounts.zip(&mut self.sources) {
            if let Some(source) = source {
                *account = source.counters();
            }
        }
    }

    fn publish(&mut self) {
        self.pipeline.settle();
        self.cell.publish(&self.pipeline.counters);
    }
}
