//! How a thread waits for packets: by polling without end, by its receive interrupt, or by ever longer pauses.
//!
//! ```text
//!            frames                        frames
//!          ┌────────┐   nothing for `spin`   ┌───────────────────────────────────────────┐
//!          ▼        │                        │                                           │
//!        poll ──────┴────────▶ arm all ──▶ look again ──▶ one ppoll(2) on all ──▶ disarm ─┘
//!                               sources      ring, lanes    descriptors and the bell
//! ```
//!
//! - [`Mode::Poll`] never leaves the left side: the least delay, a core at 100 %.
//! - [`Mode::Interrupt`] sleeps when nothing came for a while, and polls while there is load: under load it is poll mode. The while is `spin`, and longer where sleeps turn
//!   out short and packets are many (`spin.rs`).
//! - [`Mode::Adaptive`] is for sources that wake nobody: it pauses, yields, then sleeps by the clock, never longer than the ring can take frames in
//!   meanwhile ([`portreeve_capture::Source::absorbs`]). In interrupt mode a source that says [`portreeve_capture::Armed::Timed`] is treated like that, and so is one whose
//!   wake-ups come again and again without frames.
//!
//! The order of the steps is in `doze.rs`, the doorbell of the lanes in `bell.rs`, what proves both in `model.rs`. Whether the sources were left alone for too long is seen in
//! `pulse.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portreeve_capture::{Armed, CaptureError, Sleeper, Source};
use serde::{Deserialize, Serialize};

use crate::counters::{Cell, MAX_SOURCES, WorkerCounters};
use crate::lane::LaneIn;
use crate::shared::Shared;

mod bell;
mod doze;
#[cfg(test)]
mod model;
mod pulse;
mod scheduling;
mod spin;
mod waits;

pub(crate) use bell::Bell;
pub use scheduling::{Scheduling, be_ordinary};
pub use waits::{Latency, SourceWait, Waits};

use doze::{Sleepy, doze};
use pulse::Pulse;
use spin::Spin;
use waits::Manner;

/// Rounds with frames between two looks at the clock: a look costs as much as a packet's headers.
const ROUNDS_A_LOOK: u32 = 16;
/// Shorter sleeps are not worth the system call: falling asleep and waking takes about as long.
const LEAST_NAP: Duration = Duration::from_micros(10);
/// Wake-ups in a row without a frame after which a source's interrupts are not believed until frames are found again.
const BARREN: u32 = 64;

/// How workers wait for packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They do not: they look without end.
    Poll,
    /// They sleep until the receive interrupt.
    #[default]
    Interrupt,
    /// They sleep by the clock.
    Adaptive,
}

impl Mode {
    /// Its name, as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Poll => "poll",
            Mode::Interrupt => "interrupt",
            Mode::Adaptive => "adaptive",
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How live workers wait; can be changed while they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// By what.
    pub mode: Mode,
    /// How long a worker polls empty sources before it sleeps: the least.
    pub spin: Duration,
    /// The most, in interrupt mode, where packets are many and sleeps turn out short. Not more than `spin`: it is always `spin`.
    pub spin_max: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Waiting {
            mode: Mode::default(),
            spin: Duration::from_micros(20),
            spin_max: Duration::from_millis(2),
        }
    }
}

/// What a thread that found nothing does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Looks again at once.
    Pause,
    /// Lets others have the core for a moment, if any want it.
    Yield,
    /// Sleeps.
    Sleep,
}

/// Rounds in a row that found nothing, and the sleeps between.
struct Pause {
    since: Instant,
    /// So much of it was polled.
    polled: Duration,
}

/// The strategy of one thread: what it does when it finds nothing, and the account of its time.
pub(crate) struct Strategy {
    waiting: Waiting,
    /// The longest one sleep.
    most: Duration,
    bell: Arc<Bell>,
    sleeper: Sleeper,
    /// Nothing is found.
    pause: Option<Pause>,
    spin: Spin,
    /// The next sleep by the clock.
    nap: Duration,
    /// The longest such sleep, while any source needs them.
    timed: Option<Duration>,
    /// Wake-ups in a row that brought nothing.
    barren: u32,
    /// Slept since frames were last looked for.
    woke: bool,
    /// The sleep was ended by the bell.
    rung: bool,
    /// Frames counted before the sleep.
    frames_before: u64,
    /// Until when time is accounted for.
    mark: Instant,
    pulse: Pulse,
    /// Something was found since.
    busy: bool,
    rounds: u32,
}

impl Strategy {
    pub(crate) fn new(waiting: Waiting, most: Duration, bell: Arc<Bell>) -> Self {
        Strategy {
            waiting,
            most,
            bell,
            sleeper: Sleeper::with_capacity(MAX_SOURCES + 1),
            pause: None,
            spin: Spin::new(waiting.spin, waiting.spin_max),
            nap: LEAST_NAP,
            timed: None,
            barren: 0,
            woke: false,
            rung: false,
            frames_before: 0,
            mark: Instant::now(),
            pulse: Pulse::default(),
            busy: false,
            rounds: 0,
        }
    }

    /// From now on it is counted when these sources, whose rings fill while nobody looks, are left alone for too long.
    pub(crate) fn watch<'a>(
        &mut self,
        sources: impl Iterator<Item = &'a dyn Source>,
        counters: &mut WorkerCounters,
    ) {
        if let Some(holds_out) = sources.map(Source::holds_out).min() {
            let most = self.pulse.watch(holds_out);
            counters.stall_limit_ns = most.map_or(0, |most| most.as_nanos() as u64);
        }
    }

    /// Nobody's ring fills any more.
    pub(crate) fn stop_watching(&mut self) {
        self.pulse.stop();
    }

    /// Waits otherwise from now on.
    pub(crate) fn wait_by(&mut self, waiting: Waiting) {
        if waiting != self.waiting {
            self.waiting = waiting;
            self.spin.set_bounds(waiting.spin, waiting.spin_max);
            self.pause = None;
        }
    }

    /// On the thread itself, before the first round: its pauses shall be as short as they are asked for.
    pub(crate) fn settle_in(&mut self) {
        // Where that is refused, sleeps by the clock last 50 µs longer.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        self.mark = Instant::now();
    }

    /// A round is over. The time, if it was looked at: after every round without frames, after some of those with.
    #[inline]
    pub(crate) fn round(&mut self, found: bool, counters: &mut WorkerCounters) -> Option<Instant> {
        if self.woke {
            self.after_wake(counters);
        }
        self.pulse.beat(counters);
        if found {
            self.busy = true;
            if let Some(pause) = self.pause.take() {
                self.spin.resume(pause.polled);
            }
            self.barren = 0;
            self.nap = LEAST_NAP;
            self.rounds = self.rounds.wrapping_add(1);
            if !self.rounds.is_multiple_of(ROUNDS_A_LOOK) {
                return None;
            }
        }
        let now = Instant::now();
        self.pulse.learn(now);
        self.account(now, counters);
        if !found && self.pause.is_none() {
            self.begin_pause(now, counters);
        }
        Some(now)
    }

    fn begin_pause(&mut self, now: Instant, counters: &mut WorkerCounters) {
        self.pause = Some(Pause {
            since: now,
            polled: Duration::ZERO,
        });
        self.spin.pause(counters.delivered + counters.handed_in);
        let limit = match self.waiting.mode {
            Mode::Poll => Duration::ZERO,
            _ if self.sleeps_by_interrupt() => self.spin.limit(),
            _ => self.waiting.spin,
        };
        counters.spin_limit_ns = limit.as_nanos() as u64;
    }

    /// Whether something ends this thread's sleeps, as far as is known.
    fn sleeps_by_interrupt(&self) -> bool {
        self.waiting.mode == Mode::Interrupt && self.timed.is_none()
    }

    fn account(&mut self, now: Instant, counters: &mut WorkerCounters) {
        let passed = now.duration_since(self.mark).as_nanos() as u64;
        if self.busy {
            counters.busy_ns += passed;
        } else {
            counters.spin_ns += passed;
        }
        self.mark = now;
        self.busy = false;
    }

    /// What to do after a round that found nothing, at its `now`.
    pub(crate) fn next_step(&mut self, now: Instant) -> Step {
        let by_interrupt = self.sleeps_by_interrupt();
        let Some(pause) = &mut self.pause else {
            return Step::Pause;
        };
        let idle = now.duration_since(pause.since);
        let spin = self.waiting.spin;
        match self.waiting.mode {
            Mode::Poll => Step::Pause,
            _ if by_interrupt && idle < self.spin.limit() => {
                pause.polled = idle;
                Step::Pause
            }
            _ if by_interrupt => Step::Sleep,
            _ if idle < spin => Step::Pause,
            // Nothing wakes this thread, and a fresh lull is often a short one.
            _ if idle < spin * 2 => Step::Yield,
            _ if self.timed.is_some_and(|most| most / 2 < LEAST_NAP) => Step::Yield,
            _ => Step::Sleep,
        }
    }

    /// Whether the first frame after a sleep is still to come.
    #[inline]
    pub(crate) fn awaits_first(&self) -> bool {
        self.woke
    }

    /// The first frame after a sleep was received `nanoseconds` ago.
    #[cold]
    pub(crate) fn first_frame(&mut self, nanoseconds: u64, counters: &mut WorkerCounters) {
        Latency::count(&mut counters.wake_latency, nanoseconds);
    }

    /// The first hand-over after a sleep: how long ago the bell was rung for it, if that woke us.
    pub(crate) fn first_parcel(&mut self, counters: &mut WorkerCounters) {
        if self.rung {
            self.rung = false;
            self.first_frame(self.bell.since_rung(), counters);
        }
    }

    #[cold]
    fn after_wake(&mut self, counters: &mut WorkerCounters) {
        self.woke = false;
        let found = counters.delivered + counters.handed_in - self.frames_before;
        counters.wake_frames += found;
        if let Some(pause) = self.pause.as_ref().filter(|_| self.sleeps_by_interrupt()) {
            let passed = self.mark.duration_since(pause.since);
            self.spin.slept(passed, found > 0);
        }
        if found == 0 {
            self.nap = self.nap.saturating_mul(2);
        }
    }

    /// Sleeps on one source, by its own means: for pipes.
    pub(crate) fn wait(
        &mut self,
        source: &mut dyn Source,
        most: Duration,
        counters: &mut WorkerCounters,
    ) -> Result<(), CaptureError> {
        let begin = Instant::now();
        self.account(begin, counters);
        let waited = source.wait(most);
        self.mark = Instant::now();
        counters.sleeps += 1;
        counters.sleep_ns += self.mark.duration_since(begin).as_nanos() as u64;
        waited.map(|_| ())
    }

    /// Sleeps: arms `sources`, looks at them and at what `news` looks at once more, publishes `counters` in `cell`, sleeps, wakes, disarms.
    pub(crate) fn sleep(
        &mut self,
        sources: &mut [Option<Box<dyn Source>>],
        counters: &mut WorkerCounters,
        cell: &Cell,
        news: &News<'_>,
    ) {
        let begin = Instant::now();
        self.account(begin, counters);
        self.frames_before = counters.delivered + counters.handed_in;
        let bell = Arc::clone(&self.bell);
        self.sleeper.clear();
        self.sleeper.add(bell.fd());
        let mut bed = Bed {
            sources,
            news,
            bell: &bell,
            sleeper: &mut self.sleeper,
            counters,
            cell,
            mode: self.waiting.mode,
            trusted: self.barren < BARREN,
            most: self.most.min(news.most),
            nap: self.nap,
            timed: None,
            armed: 0,
            ended_by: 0,
            rung: false,
        };
        let slept = doze(bell.flag(), &mut bed);
        let Bed {
            timed,
            ended_by,
            rung,
            ..
        } = bed;
        self.rung = rung;
        let end = Instant::now();
        self.mark = end;
        if !slept || timed.is_none() {
            // The sources were looked at, or wake whoever sleeps on them. A sleep by the clock is to be short enough.
            self.pulse.rest();
        }
        if !slept {
            counters.spin_ns += end.duration_since(begin).as_nanos() as u64;
            return;
        }
        self.timed = timed;
        self.woke = true;
        counters.sleeps += 1;
        counters.sleep_ns += end.duration_since(begin).as_nanos() as u64;
        if ended_by > 0 {
            counters.wakes += 1;
            if !rung {
                // Forgotten when the next round finds frames.
                self.barren = self.barren.saturating_add(1);
            }
        }
    }
}

/// What besides its sources keeps a thread from sleeping.
pub(crate) struct News<'a> {
    pub(crate) lanes: &'a [LaneIn],
    pub(crate) shared: &'a Shared,
    /// The stop was taken note of.
    pub(crate) stopped: bool,
    /// Waits for the last sender to go.
    pub(crate) closing: bool,
    pub(crate) settings_version: u64,
    /// The longest that the thread may sleep now.
    pub(crate) most: Duration,
}

impl News<'_> {
    fn any(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.is_empty())
            || (self.shared.stopping() && !self.stopped)
            || self.shared.abandoned()
            || self.shared.version() != self.settings_version
            || (self.closing && self.shared.all_sent())
    }
}

/// What one sleep is made with.
struct Bed<'a> {
    sources: &'a mut [Option<Box<dyn Source>>],
    news: &'a News<'a>,
    bell: &'a Bell,
    sleeper: &'a mut Sleeper,
    counters: &'a mut WorkerCounters,
    cell: &'a Cell,
    mode: Mode,
    /// Whether interrupts are worth waiting for.
    trusted: bool,
    most: Duration,
    nap: Duration,
    timed: Option<Duration>,
    /// So many sources, from the first, were armed.
    armed: usize,
    ended_by: usize,
    rung: bool,
}

impl Sleepy for Bed<'_> {
    fn arm(&mut self) -> Option<Duration> {
        let arms = self.mode == Mode::Interrupt && self.trusted;
        for (slot, manner) in self.sources.iter_mut().zip(&mut self.counters.waits) {
            let Some(source) = slot else {
                self.armed += usize::from(arms);
                continue;
            };
            let armed = if arms {
                self.armed += 1;
                match source.arm() {
                    Ok(armed) => armed,
                    Err(error) => {
                        let name = source.info().name.clone();
                        self.news.shared.report(&name, error);
                        // Its own next burst tells that it has ended; no spinning on it meanwhile.
                        Armed::Timed(source.absorbs())
                    }
                }
            } else {
                Armed::Timed(source.absorbs())
            };
            match armed {
                Armed::Ready => return None,
                Armed::Descriptor(fd) => {
                    self.sleeper.add(fd);
                    *manner = Manner::Interrupt.code();
                }
                Armed::Timed(most) => {
                    self.timed = Some(self.timed.map_or(most, |least| least.min(most)));
                    *manner = match (self.mode, self.trusted) {
                        (Mode::Interrupt, true) => Manner::NoInterrupt(most),
                        (Mode::Interrupt, false) => Manner::BarrenInterrupts(most),
                        _ => Manner::Clock(most),
                    }
                    .code();
                }
            }
        }
        // Half of what the ring takes in: falling asleep and waking have their share too.
        Some(match self.timed {
            Some(timed) => self.most.min(timed / 2).min(self.nap),
            None => self.most,
        })
    }

    fn has_news(&self) -> bool {
        self.news.any()
    }

    fn sleep(&mut self, most: Duration) {
        // Whoever looks while this thread sleeps sees all that it did, and how it waits.
        self.cell.publish(self.counters);
        // An error is not to be expected; were there one, the thread would poll.
        self.ended_by = self.sleeper.sleep(most).unwrap_or(0);
    }

    fn hush(&mut self, rung: bool) {
        self.rung = rung || self.sleeper.is_ready(0);
        if self.rung {
            self.bell.hush();
        }
    }

    fn disarm(&mut self) {
        for source in self.sources.iter_mut().take(self.armed).flatten() {
            if let Err(error) = source.disarm() {
                let name = source.info().name.clone();
                self.news.shared.report(&name, error);
            }
        }
    }
}
