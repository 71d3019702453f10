//! The account of a thread's time: polling, asleep, woken, and how long it took from a frame to its worker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::counters::{LATENCY_BUCKETS, WorkerCounters};

use super::Mode;

/// The wake-up latencies of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many wake-ups were in each bucket: bucket i is below 2^i µs.
    pub buckets: Vec<u64>,
}

impl Latency {
    /// Counts one.
    pub(super) fn count(buckets: &mut [u64; LATENCY_BUCKETS], nanoseconds: u64) {
        let microseconds = nanoseconds / 1000;
        let bucket = (u64::BITS - microseconds.leading_zeros()) as usize;
        if let Some(count) = buckets.get_mut(bucket.min(LATENCY_BUCKETS - 1)) {
            *count += 1;
        }
    }

    /// How many were measured.
    #[must_use]
    pub fn measured(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The limit that a share of the wake-ups stayed below (0.5: the median), in microseconds; `None` if none was measured.
    #[must_use]
    pub fn below(&self, share: f64) -> Option<u64> {
        let wanted = (self.measured() as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        self.buckets.iter().enumerate().find_map(|(bucket, count)| {
            sum += count;
            (sum >= wanted).then(|| 1u64 << bucket.min(63))
        })
    }
}

/// How a thread waits for one of its sources, as found when it last fell asleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It has not slept yet.
    Unknown,
    /// It sleeps until the receive interrupt.
    Interrupt,
    /// By the clock: the source has no receive interrupt.
    NoInterrupt(Duration),
    /// By the clock: interrupts came without frames.
    BarrenInterrupts(Duration),
    /// By the clock, as asked.
    Clock(Duration),
}

impl Manner {
    /// As a word of the counters: what it is, and the longest sleep in nanoseconds above.
    pub(super) fn code(self) -> u64 {
        let with = |kind: u64, most: Duration| kind | (most.as_nanos() as u64) << 8;
        match self {
            Manner::Unknown => 0,
            Manner::Interrupt => 1,
            Manner::NoInterrupt(most) => with(2, most),
            Manner::BarrenInterrupts(most) => with(3, most),
            Manner::Clock(most) => with(4, most),
        }
    }

    fn of(code: u64) -> Manner {
        let most = Duration::from_nanos(code >> 8);
        match code & 0xff {
            1 => Manner::Interrupt,
            2 => Manner::NoInterrupt(most),
            3 => Manner::BarrenInterrupts(most),
            4 => Manner::Clock(most),
            _ => Manner::Unknown,
        }
    }
}

/// How a thread waits for one source, and why so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceWait {
    /// The source's name.
    pub source: String,
    /// The mode in force for it.
    pub mode: Mode,
    /// Why, in words.
    pub why: String,
    /// The thread has slept on it, or never will: until then the mode is only what was asked for.
    pub known: bool,
}

impl SourceWait {
    fn of(source: &str, asked: Mode, code: u64) -> SourceWait {
        let microseconds = |most: Duration| most.as_nanos() as f64 / 1000.0;
        let (mode, why) = match (asked, Manner::of(code)) {
            (Mode::Poll, _) => (Mode::Poll, "as asked: never sleeps".to_owned()),
            (asked, Manner::Unknown) => (asked, "as asked; has not slept yet".to_owned()),
            (_, Manner::Interrupt) => (
                Mode::Interrupt,
                "sleeps until its receive interrupt".to_owned(),
            ),
            (_, Manner::NoInterrupt(most)) => (
                Mode::Adaptive,
                format!(
                    "it has no receive interrupt to rely on: sleeps at most {:.0} µs",
                    microseconds(most) / 2.0
                ),
            ),
            (_, Manner::BarrenInterrupts(most)) => (
                Mode::Adaptive,
                format!(
                    "its interrupts came without frames: sleeps at most {:.0} µs",
                    microseconds(most) / 2.0
                ),
            ),
            (_, Manner::Clock(most)) => (
                Mode::Adaptive,
                format!(
                    "as asked: sleeps at most {:.0} µs",
                    microseconds(most) / 2.0
                ),
            ),
        };
        SourceWait {
            source: source.to_owned(),
            mode,
            why,
            known: asked == Mode::Poll || Manner::of(code) != Manner::Unknown,
        }
    }
}

/// What a thread did with its time. Nanoseconds; together with the start they are its uptime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// The mode that was asked for.
    pub mode: Mode,
    /// Its sources and how it waits for each.
    pub sources: Vec<SourceWait>,
    /// Polling, with frames.
    pub busy_ns: u64,
    /// Polling, with nothing.
    pub spin_ns: u64,
    /// How long it polls with nothing before it sleeps, as it decided when nothing was last found; 0: it has not waited yet, or never sleeps. Not a part of
    /// the uptime.
    pub spin_limit_ns: u64,
    /// Times that it did not look at its sources for longer than `stall_limit_ns`, behind its first tenth of a second: its core was stopped or given to others, or what it did
    /// with a burst took that long.
    pub stalls: u64,
    /// The longest of them.
    pub longest_stall_ns: u64,
    /// How long the smallest of its sources' rings can be left alone at line rate ([`portreeve_capture::Source::holds_out`]), 100 µs at least. 0: nothing is lost by being
    /// late, or nobody can tell. Not a part of the uptime.
    pub stall_limit_ns: u64,
    /// Asleep.
    pub sleep_ns: u64,
    /// Times it slept.
    pub sleeps: u64,
    /// Sleeps that something ended before their time.
    pub wakes: u64,
    /// Frames found in the first round after a sleep.
    pub wake_frames: u64,
    /// From the time that a frame was received (by its own time-stamp, where the NIC or the kernel made it; from the ring of the bell for
    /// hand-overs) to its being looked at, for the first after each sleep.
    pub latency: Latency,
}

impl Waits {
    pub(crate) fn of(counters: &WorkerCounters, asked: Mode, sources: &[String]) -> Waits {
        let used = sources.iter().zip(&counters.waits);
        Waits {
            mode: asked,
            sources: used
                .take(counters.source_count as usize)
                .map(|(source, code)| SourceWait::of(source, asked, *code))
                .collect(),
            busy_ns: counters.busy_ns,
            spin_ns: counters.spin_ns,
            spin_limit_ns: counters.spin_limit_ns,
            stalls: counters.stalls,
            longest_stall_ns: counters.longest_stall_ns,
            stall_limit_ns: counters.stall_limit_ns,
            sleep_ns: counters.sleep_ns,
            sleeps: counters.sleeps,
            wakes: counters.wakes,
            wake_frames: counters.wake_frames,
            latency: Latency {
                buckets: counters.wake_latency.to_vec(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_fall_into_powers_of_two() {
        let mut buckets = [0; LATENCY_BUCKETS];
        for nanoseconds in [0, 999, 1000, 1999, 2000, 5_000_000, u64::MAX] {
            Latency::count(&mut buckets, nanoseconds);
        }
        assert_eq!(
            (buckets[0], buckets[1], buckets[2], buckets[13]),
            (2, 2, 1, 1)
        );
        assert_eq!(buckets[LATENCY_BUCKETS - 1], 1);
        let latency = Latency {
            buckets: buckets.to_vec(),
        };
        assert_eq!((latency.measured(), latency.below(0.5)), (7, Some(2)));
        assert_eq!(Latency::default().below(0.5), None);
    }

    #[test]
    fn a_manner_keeps_its_kind_and_limit_in_one_word() {
        let most = Duration::from_nanos(34_400);
        for manner in [
            Manner::Unknown,
            Manner::Interrupt,
            Manner::NoInterrupt(most),
            Manner::BarrenInterrupts(most),
            Manner::Clock(most),
        ] {
            assert_eq!(Manner::of(manner.code()), manner);
        }
    }
}
