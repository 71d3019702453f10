//! How long a worker polls for nothing before it sleeps on its receive interrupt: longer after sleeps that were short, as long as packets pay for it.
//!
//! A sleep costs more than the worker's own time: whoever sends, a hypervisor or another process, has to kick a sleeper, sends nothing meanwhile, and so makes the next pause that
//! the worker falls asleep in: at 3 Mpps through vhost, 900 times a second. A worker that goes on polling ends that. So, as KVM's halt polling does:
//!
//! - A pause that the worker slept in and that was shorter than `most` doubles the spin, at most to `most`: polling on would have been better.
//! - A sleep in a pause of `most` or longer halves it, at least to `least`. Halves, because one long pause is not the end of fast traffic.
//!
//! That alone would burn a core for packets that come evenly once in a millisecond: each sleep is short, and each longer spin finds its packet. A
//! pause of that kind needs no bridge, since a ring does not fill with slow packets while its worker wakes. So polling has its price. What
//! is polled beyond `least` is paid from a credit that each packet raises by [`EARNED`]: it is at most 0.05 % of a core at a thousand packets a second, 5 % at a hundred thousand, and
//! all of it from two million on. A longer spin is tried only when all of it is paid for, so that nothing is spent on halves of pauses; until then
//! the spin is `least`, and grows no further. [`HOARD`] bounds what a burst leaves behind: without packets, that much is polled away at most, once.
//!
//! Nothing here looks at a clock: it is told times.

use std::time::Duration;

/// What a packet adds to the credit: several times what the work on it takes, some 100 ns, and a small part of what a sleep and its wake-up take, some 40 µs in a
/// virtual machine.
const EARNED: Duration = Duration::from_nanos(500);
/// The credit is at most so many of the longest spins: several pauses in a row may each need most of one.
const HOARD: u32 = 4;
/// The first step up from a spin below this.
const FIRST_STEP: Duration = Duration::from_micros(10);

/// The spin time of one thread.
#[derive(Debug)]
pub(super) struct Spin {
    least: Duration,
    most: Duration,
    /// What the sleeps so far call for.
    grown: Duration,
    /// What may still be polled beyond `least`.
    credit: Duration,
    /// Packets counted when the credit was last raised.
    packets: u64,
    /// What was decided for the pause that lasts.
    limit: Duration,
}

impl Spin {
    /// From `least` to `most`. It never grows if that is not more.
    pub(super) fn new(least: Duration, most: Duration) -> Spin {
        Spin {
            least,
            most: most.max(least),
            grown: least,
            credit: Duration::ZERO,
            packets: 0,
            limit: least,
        }
    }

    /// Other bounds from now on: what was learned between the former ones is forgotten.
    pub(super) fn set_bounds(&mut self, least: Duration, most: Duration) {
        *self = Spin {
            packets: self.packets,
            ..Spin::new(least, most)
        };
    }

    /// A pause begins, after so many packets in all.
    pub(super) fn pause(&mut self, packets: u64) {
        let news = packets.saturating_sub(self.packets);
        self.packets = packets;
        let earned = news.saturating_mul(EARNED.as_nanos() as u64);
        self.credit = self
            .credit
            .saturating_add(Duration::from_nanos(earned))
            .min(self.most.saturating_mul(HOARD));
        self.limit = if self.grown - self.least <= self.credit {
            self.grown
        } else {
            self.least
        };
    }

    /// How long to poll in this pause before a sleep.
    #[inline]
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// A sleep is over, `pause` after the pause began; whether packets were found then.
    pub(super) fn slept(&mut self, pause: Duration, found: bool) {
        if pause >= self.most {
            self.grown = (self.grown / 2).max(self.least);
        } else if found && self.limit == self.grown {
            self.grown = self.grown.saturating_mul(2).max(FIRST_STEP).min(self.most);
        }
    }

    /// The pause is over; `polled` of it were polled for nothing.
    #[inline]
    pub(super) fn resume(&mut self, polled: Duration) {
        let beyond = polled.saturating_sub(self.least);
        self.credit = self.credit.saturating_sub(beyond);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Duration = Duration::from_micros(20);
    const MOST: Duration = Duration::from_millis(2);
    /// A sleep ends by itself after this.
    const LONGEST_SLEEP: Duration = Duration::from_millis(100);
    const SECOND: Duration = Duration::from_secs(1);

    fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    /// A worker whose clock and packets are made up. Work on packets takes no time of its own: packets that come without a pause take what they last.
    struct Run {
        spin: Spin,
        packets: u64,
        time: Duration,
        polled: Duration,
        sleeps: u64,
    }

    impl Run {
        fn new() -> Run {
            Run {
                spin: Spin::new(LEAST, MOST),
                packets: 0,
                time: Duration::ZERO,
                polled: Duration::ZERO,
                sleeps: 0,
            }
        }

        /// Packets so close together that no pause begins.
        fn packets(&mut self, count: u64, lasting: Duration) {
            self.packets += count;
            self.time += lasting;
        }

        /// A pause of `length`, which packets end.
        fn pause(&mut self, length: Duration) {
            self.spin.pause(self.packets);
            let limit = self.spin.limit();
            assert!((LEAST..=MOST).contains(&limit), "{limit:?}");
            let polled = length.min(limit);
            let mut passed = polled;
            while passed < length {
                passed = length.min(passed + LONGEST_SLEEP);
                self.sleeps += 1;
                self.spin.slept(passed, passed == length);
            }
            self.spin.resume(polled);
            self.polled += polled;
            self.time += length;
        }

        /// From now on.
        fn forget(&mut self) {
            (self.time, self.polled, self.sleeps) = (Duration::ZERO, Duration::ZERO, 0);
        }

        /// Polled for nothing, as a part of the time.
        fn share(&self) -> f64 {
            self.polled.as_secs_f64() / self.time.as_secs_f64()
        }
    }

    /// Numbers without a pattern, the same each time.
    struct Noise(u64);

    impl Noise {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % limit
        }
    }

    #[test]
    fn fast_traffic_with_short_pauses_hardly_sleeps() {
        let (mut run, mut noise) = (Run::new(), Noise(1));
        // Three packets a microsecond; a pause of 60 to 500 µs after one millisecond.
        let mut go = |run: &mut Run| {
            run.packets(3000, micros(1000));
            run.pause(micros(60 + noise.below(440)));
        };
        for _ in 0..10 {
            go(&mut run);
        }
        assert!(run.sleeps <= 6, "slow to learn: {}", run.sleeps);
        run.forget();
        for _ in 0..10_000 {
            go(&mut run);
        }
        assert_eq!(run.sleeps, 0);
    }

    #[test]
    fn a_sender_that_is_slowed_by_its_kicks_is_kicked_a_few_times_only() {
        let mut run = Run::new();
        // A kick costs the sender 50 to 300 µs, a pause that begs for the next one; unkicked, it makes none above 15 µs.
        let mut noise = Noise(2);
        let mut kicked = true;
        for _ in 0..100_000 {
            run.packets(32, micros(0));
            let before = run.sleeps;
            run.pause(micros(if kicked { 50 + noise.below(250) } else { 10 }));
            kicked = run.sleeps > before;
        }
        assert!(run.sleeps < 40, "{}", run.sleeps);
    }

    #[test]
    fn a_long_pause_now_and_then_does_not_end_it() {
        let mut run = Run::new();
        for _ in 0..200 {
            for _ in 0..50 {
                run.packets(3000, micros(1000));
                run.pause(micros(300));
            }
            run.pause(micros(10_000));
        }
        // 10,000 short pauses and 200 long ones; a long one costs one more sleep at most.
        assert!(run.sleeps <= 200 * 2 + 6, "{}", run.sleeps);
    }

    #[test]
    fn slow_even_packets_cost_what_they_did() {
        for (every, most) in [(1000, 0.021), (500, 0.042), (5000, 0.0045), (200, 0.105)] {
            let mut run = Run::new();
            while run.time < SECOND * 20 {
                run.packets(1, Duration::ZERO);
                run.pause(micros(every));
            }
            let fixed = LEAST.as_secs_f64() / micros(every).as_secs_f64();
            let share = run.share();
            assert!(share < most, "every {every} µs: {share}, was {fixed}");
            assert!(share >= fixed * 0.99, "every {every} µs: {share}");
        }
    }

    #[test]
    fn silence_shrinks_it_to_its_least() {
        let mut run = Run::new();
        for _ in 0..1000 {
            run.packets(3000, micros(1000));
            run.pause(micros(900));
        }
        run.spin.pause(run.packets);
        assert!(run.spin.limit() >= micros(900), "{run:?}", run = run.spin);
        run.forget();
        run.pause(SECOND);
        assert!(
            run.polled <= MOST,
            "silence is polled in once: {:?}",
            run.polled
        );
        run.spin.pause(run.packets);
        assert_eq!(run.spin.limit(), LEAST);
        assert_eq!(run.spin.grown, LEAST);
    }

    #[test]
    fn a_burst_every_hundred_milliseconds_costs_little() {
        let mut run = Run::new();
        for _ in 0..200 {
            // With pauses inside that would be worth a long spin.
            for _ in 0..8 {
                run.packets(10_000, Duration::ZERO);
                run.pause(micros(700));
            }
            run.packets(10_000, Duration::ZERO);
            run.pause(LONGEST_SLEEP);
        }
        // 5.6 ms of each 105.6 ms are such pauses; of the long one not more than the longest spin.
        let inside = 5.6 / 105.6;
        assert!(run.share() < inside + 0.02, "{}", run.share());
        let mut run = Run::new();
        for _ in 0..200 {
            run.packets(10_000, Duration::ZERO);
            run.pause(LONGEST_SLEEP);
        }
        assert!(run.share() < 0.0005, "{}", run.share());
    }

    /// Whatever comes, what is polled beyond `least` was paid for by packets.
    #[test]
    fn what_is_polled_beyond_the_least_is_paid_for() {
        for seed in 0..200 {
            let (mut run, mut noise) = (Run::new(), Noise(seed));
            let longest = 1 << (5 + seed % 13);
            let largest = 1 << (seed % 11);
            let mut beyond = Duration::ZERO;
            for _ in 0..2000 {
                run.packets(1 + noise.below(largest), Duration::ZERO);
                let before = run.polled;
                run.pause(micros(1 + noise.below(longest)));
                beyond += (run.polled - before).saturating_sub(LEAST);
                let paid = Duration::from_nanos(run.packets * EARNED.as_nanos() as u64);
                assert!(beyond <= paid, "seed {seed}: {beyond:?} of {paid:?}");
            }
        }
    }

    #[test]
    fn a_wake_up_without_packets_teaches_nothing() {
        let mut spin = Spin::new(LEAST, MOST);
        spin.pause(100_000);
        for _ in 0..100 {
            spin.slept(micros(100), false);
        }
        assert_eq!(spin.grown, LEAST);
        spin.slept(micros(100), true);
        assert_eq!(spin.grown, LEAST * 2);
    }

    #[test]
    fn it_doubles_up_to_its_bound_and_halves_down_to_its_least() {
        let mut spin = Spin::new(LEAST, MOST);
        let mut seen = Vec::new();
        for round in 1..=9 {
            spin.pause(round * 100_000);
            seen.push(spin.limit().as_micros());
            spin.slept(MOST - micros(1), true);
            spin.resume(spin.limit());
        }
        assert_eq!(seen, [20, 40, 80, 160, 320, 640, 1280, 2000, 2000]);
        seen.clear();
        for round in 10..=18 {
            spin.slept(MOST, true);
            spin.pause(round * 100_000);
            seen.push(spin.limit().as_micros());
        }
        assert_eq!(seen, [1000, 500, 250, 125, 62, 31, 20, 20, 20]);
    }

    #[test]
    fn a_bound_below_the_least_leaves_it_as_it_is() {
        for most in [Duration::ZERO, micros(19), LEAST] {
            let mut spin = Spin::new(LEAST, most);
            for round in 1..100 {
                spin.pause(round * 100_000);
                assert_eq!(spin.limit(), LEAST);
                spin.slept(micros(5), true);
                spin.resume(LEAST);
            }
        }
        let mut never = Spin::new(Duration::ZERO, Duration::ZERO);
        never.pause(1_000_000);
        never.slept(Duration::ZERO, true);
        never.pause(2_000_000);
        assert_eq!(never.limit(), Duration::ZERO);
    }

    #[test]
    fn it_grows_from_nothing_too_and_new_bounds_are_taken_at_once() {
        let mut spin = Spin::new(Duration::ZERO, MOST);
        spin.pause(100_000);
        spin.slept(micros(30), true);
        spin.pause(200_000);
        assert_eq!(spin.limit(), FIRST_STEP);
        spin.set_bounds(micros(50), micros(80));
        assert_eq!(spin.limit(), micros(50));
        // Packets that were counted under the former bounds pay for nothing.
        spin.slept(micros(70), true);
        spin.pause(200_000);
        assert_eq!(spin.limit(), micros(50));
        spin.pause(200_060);
        assert_eq!(spin.limit(), micros(80));
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut spin = Spin::new(Duration::MAX, Duration::MAX);
        spin.pause(u64::MAX);
        spin.slept(Duration::MAX, true);
        spin.resume(Duration::MAX);
        // A count that runs back is no packets.
        spin.pause(0);
        assert_eq!(spin.limit(), Duration::MAX);
        let mut spin = Spin::new(micros(1), Duration::MAX);
        for round in 0..200 {
            spin.pause(round * (u64::MAX / 200));
            spin.slept(micros(1), true);
        }
        assert!(spin.grown > SECOND);
    }
}
