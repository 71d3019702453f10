//! How far apart the generator's core and the receiver's are: how long a cache line takes from one to the other and back.
//!
//! Packets between two cores are cache lines that go from one to the other. A hypervisor moves virtual processors from one group of cores with a cache of
//! their own to another as it likes, and tells nobody; on one machine the way there and back takes 55 ns or 365 ns from one second to the next, and
//! what goes through a device of any kind goes two to three times as fast in one state as in the other. So it is measured before each trial and after.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use portreeve_bench::clock::pin;

use crate::quiet;

/// Ways there and back that are measured together, and how often that is done. The least is taken: interrupts and other threads only make it longer.
const ROUNDS: u32 = 200;
const BATCHES: usize = 20;
/// Cores this close have a cache in common, which is as much as can be asked for.
const CLOSE: f64 = 150.0;
/// More than this many times the shortest way seen in a run is another state of the machine.
const APART: f64 = 2.0;
/// How long it is waited for cores to come together: at the start, and before each trial.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks the generator's core sleeps and the receiver's works, which is when a hypervisor brings the one to the other.
const PAUSE: Duration = Duration::from_millis(500);

/// A line of its own: what is beside it would go round as well.
#[repr(align(128))]
struct Ball(AtomicU32);

/// The two cores, and the shortest way between them that was seen.
#[derive(Debug)]
pub struct Cores {
    cpus: [usize; 2],
    shortest: f64,
}

impl Cores {
    /// Waits a while for these two to come together. The second is kept busy meanwhile, as a receiver that polls would.
    #[must_use]
    pub fn new(cpus: [usize; 2]) -> Cores {
        let mut cores = Cores {
            cpus,
            shortest: f64::INFINITY,
        };
        let begun = Instant::now();
        while cores.measure() > CLOSE && begun.elapsed() < PATIENCE_AT_FIRST {
            std::thread::scope(|scope| scope.spawn(|| spin(cpus[1], PAUSE)).join().ok());
        }
        cores
    }

    /// Waits a while until they are as close as they were seen to be. Nanoseconds of the way there and back.
    pub fn come_together(&mut self) -> f64 {
        let begun = Instant::now();
        loop {
            let way = self.measure();
            if !self.are_apart(way) || begun.elapsed() > PATIENCE {
                return way;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether a way there and back of so many nanoseconds is a longer one than this machine has at its best.
    #[must_use]
    pub fn are_apart(&self, way: f64) -> bool {
        way > (self.shortest * APART).max(CLOSE)
    }

    /// Nanoseconds of the way there and back, now.
    pub fn measure(&mut self) -> f64 {
        let way = there_and_back(self.cpus);
        self.shortest = self.shortest.min(way);
        way
    }
}

fn spin(cpu: usize, time: Duration) {
    pin(cpu);
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Waits until the ball has the number.
fn wait_for(ball: &Ball, number: u32) {
    while ball.0.load(Ordering::Acquire) != number {
        std::hint::spin_loop();
    }
}

fn there_and_back([here, there]: [usize; 2]) -> f64 {
    let ball = Ball(AtomicU32::new(0));
    let serve = || {
        pin(there);
        // A receiver that polls before ordinary threads would not let go of its core. Where this is refused, the system shares the core out among them.
        quiet::before_ordinary(0, 1);
        for round in 0..ROUNDS * BATCHES as u32 {
            wait_for(&ball, 2 * round + 1);
            ball.0.store(2 * round + 2, Ordering::Release);
        }
    };
    let ask = || {
        pin(here);
        let mut rounds = 0..ROUNDS * BATCHES as u32;
        let mut least = f64::INFINITY;
        for _ in 0..BATCHES {
            let begun = Instant::now();
            for round in rounds.by_ref().take(ROUNDS as usize) {
                ball.0.store(2 * round + 1, Ordering::Release);
                wait_for(&ball, 2 * round + 2);
            }
            least = least.min(begun.elapsed().as_nanos() as f64 / f64::from(ROUNDS));
        }
        least
    };
    std::thread::scope(|scope| {
        scope.spawn(serve);
        scope.spawn(ask).join().unwrap_or(f64::INFINITY)
    })
}
