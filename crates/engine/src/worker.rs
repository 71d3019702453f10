//! A worker: one core, its sources, its flows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use portreeve_capture::{Fetch, Source};

use crate::counters::Cell;
use crate::lane::LaneIn;
use crate::pipeline::{Arrival, Pipeline};
use crate::shared::Shared;
use crate::strategy::{News, Step, Strategy};

/// How often a live source's own counters are read: each reading is a system call.
pub(crate) const READ_COUNTERS: Duration = Duration::from_millis(100);
/// How often a worker whose time comes from a file looks at the clock on the wall, which its rates are shown by.
const LOOK_AT_WALL: Duration = Duration::from_millis(10);
/// The books are published so often under load, and before every sleep: they are some hundred words, as much as a few packets' work.
pub(crate) const PUBLISH: Duration = Duration::from_micros(100);
/// Without packets a live worker's time is this far behind the clock on the wall, so that packets still in the ring are not late.
pub(crate) const WALL_CLOCK_LAG: i64 = 1_000_000_000;
/// A pipe with nothing in it is slept on by its own means, and the lanes are looked at between.
const PIPE_SLEEP: Duration = Duration::from_millis(2);
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
    pub(crate) strategy: Strategy,
    /// The longest one sleep.
    pub(crate) longest_sleep: Duration,
    /// Time passes without packets.
    pub(crate) live: bool,
    /// Its records are put in order with those of others.
    pub(crate) in_order: bool,
    /// Of the live settings it has.
    pub(crate) settings_version: u64,
}

/// When a worker last did what it does now and then.
struct Books {
    counters_read: Instant,
    published: Instant,
}

impl Worker {
    /// Runs until its sources end or a stop has drained them, then ends its flows.
    pub(crate) fn run(mut self) {
        self.strategy.settle_in();
        self.pipeline.counters.source_count = self.sources.len() as u64;
        if self.live {
            let sources = self.sources.iter().flatten().map(Box::as_ref);
            self.strategy.watch(sources, &mut self.pipeline.counters);
        }
        self.read_source_counters();
        self.publish();
        let now = Instant::now();
        let mut books = Books {
            counters_read: now,
            published: now,
        };
        // A stop was asked for; what live sources still have is taken in.
        let mut stopped = false;
        // The own sources have ended; others may still hand frames over.
        let mut closing = false;
        while !self.shared.abandoned() {
            if !stopped && (self.shared.stopping() || self.pipeline.gate.is_done()) {
                stopped = true;
                self.strategy.stop_watching();
                for source in self.sources.iter_mut().flatten() {
                    source.stop();
                }
            }
            self.take_over_settings();
            // In this order: what was sent before the last sender went is seen.
            let all_sent = closing && self.shared.all_sent();
            // What stands in a file was not taken from anyone: after a stop there is nothing to drain.
            let ended = closing || (stopped && !self.live);
            let found = (!ended && self.poll_sources()) | self.poll_lanes();
            let more_due = self.pipeline.advance();
            let busy = found | more_due;
            if busy {
                self.shared.rest.rouse();
            }
            let round = self.strategy.round(busy, &mut self.pipeline.counters);
            if let Some(now) = round {
                self.keep_books(&mut books, now);
            }
            if found {
                continue;
            }
            self.pipeline.flush_lanes();
            if !closing && (ended || self.sources.iter().all(Option::is_none)) {
                closing = true;
                self.close_lanes();
                continue;
            }
            if all_sent && self.inward.iter().all(LaneIn::is_finished) {
                break;
            }
            let Some(now) = round.filter(|_| !more_due) else {
                continue;
            };
            match self.strategy.next_step(now) {
                Step::Pause => std::hint::spin_loop(),
                Step::Yield => std::thread::yield_now(),
                Step::Sleep => self.sleep(&mut books, now, stopped, closing),
            }
        }
        if !closing {
            self.close_lanes();
        }
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

    /// What is done now and then.
    fn keep_books(&mut self, books: &mut Books, now: Instant) {
        let every = if self.live {
            READ_COUNTERS
        } else {
            LOOK_AT_WALL
        };
        if now.duration_since(books.counters_read) >= every {
            books.counters_read = now;
            if self.live {
                self.read_source_counters();
            }
            self.tick();
        }
        if now.duration_since(books.published) >= PUBLISH {
            books.published = now;
            self.publish();
        }
    }

    /// The own sources have ended: nothing is handed over from here any more.
    fn close_lanes(&mut self) {
        self.pipeline.let_go_of_all();
        self.pipeline.flush_lanes();
        self.pipeline.mesh.clear();
        self.pipeline.gate.tap = None;
        self.shared.sent_all();
    }

    fn sleep(&mut self, books: &mut Books, now: Instant, stopped: bool, closing: bool) {
        self.pipeline.settle();
        let counters = &mut self.pipeline.counters;
        if !self.live
            && let Some(source) = self.sources.iter_mut().flatten().next()
        {
            self.cell.publish(counters);
            let most = if self.inward.is_empty() {
                self.longest_sleep
            } else {
                PIPE_SLEEP
            };
            let waited = self.strategy.wait(source.as_mut(), most, counters);
            if let Err(error) = waited {
                let name = source.info().name.clone();
                self.shared.report(&name, error);
                // Its own next burst tells that it has ended; do not spin on it meanwhile.
                std::thread::sleep(most);
            }
            return;
        }
        let news = News {
            lanes: &self.inward,
            shared: &self.shared,
            stopped,
            closing,
            settings_version: self.settings_version,
            most: self.longest_sleep,
        };
        self.shared.rest.worker_sleeps();
        self.strategy
            .sleep(&mut self.sources, counters, &self.cell, &news);
        self.shared.rest.worker_wakes();
        books.published = now;
    }

    fn take_over_settings(&mut self) {
        let version = self.shared.version();
        if version != self.settings_version {
            self.settings_version = version;
            if self.live {
                self.strategy.wait_by(self.shared.waiting());
            }
            if let Some(settings) = self.shared.settings() {
                self.pipeline.tracker.set_timeouts(settings.timeouts);
                self.pipeline.tracker.set_local_nets(settings.local_nets);
                if let Some(tallies) = &mut self.pipeline.tallies {
                    tallies.ways.ours = settings.ours;
                }
                let gate = &mut self.pipeline.gate;
                gate.take_filter(settings.filter, &mut self.sources, &self.shared);
            }
        }
    }

    fn poll_sources(&mut self) -> bool {
        let mut found = false;
        let mut first = self.strategy.awaits_first();
        for (index, slot) in self.sources.iter_mut().enumerate() {
            let Some(source) = slot else { continue };
            let timed = first && source.stamps_on_arrival();
            match source.next_burst() {
                Ok(Fetch::Frames(burst)) => {
                    found = true;
                    if timed && let Some(frame) = burst.frame(0) {
                        let late = wall_clock().saturating_sub(frame.timestamp).max(0);
                        let counters = &mut self.pipeline.counters;
                        self.strategy.first_frame(late.unsigned_abs(), counters);
                    }
                    first = false;
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
                if self.strategy.awaits_first() {
                    self.strategy.first_parcel(&mut self.pipeline.counters);
                }
                self.pipeline.views.source = parcel.source;
                let arrival = Arrival::HandedIn {
                    notes: parcel.notes,
                };
                if self.in_order {
                    let burst = parcel.batch.burst();
                    self.pipeline.take_in_order(&burst, arrival, parcel.now);
                } else {
                    if let Some(now) = parcel.now {
                        self.pipeline.clock.observe(now);
                    }
                    if !parcel.batch.is_empty() {
                        self.pipeline.take(&parcel.batch.burst(), arrival);
                    }
                }
                lane.give_back(parcel.batch);
            }
        }
        found
    }

    /// What the clock on the wall decides: the time without packets, the rates shown.
    fn tick(&mut self) {
        let wall = wall_clock();
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
                self.shared.tell(source.notices());
            }
        }
    }

    fn publish(&mut self) {
        self.pipeline.settle();
        self.cell.publish(&self.pipeline.counters);
    }
}

/// Nanoseconds since 1970-01-01 UTC by the clock on the wall.
pub(crate) fn wall_clock() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_nanos() as i64)
}
