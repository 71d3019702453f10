//! Trials: send, count, look whether anything was taken from the receiver meanwhile, and say so. Several at one rate; and the search for the highest rate without
//! loss, as RFC 2544 section 26.1 has it.
//!
//! A virtual machine's processor stops now and then, for some tens of microseconds often and for milliseconds once in some seconds, and not all of it is told as stolen:
//! hypervisors count in ticks of 10 ms. So a trial of a search that lost less than a receiver does that does not keep up is repeated, a bounded number of times, and a
//! rate counts when one of them lost nothing. Processors are moved apart as well (`apart.rs`): each trial begins when they are together, as far as that can be waited
//! for, and one in which they were not is repeated. All trials are shown, and all this is the same for all receivers.

use std::time::Duration;

use crate::apart::Cores;
use crate::generator::{Order, Sent};
use crate::quiet::Disturbance;
use crate::{Outcome, say};

/// Trials at the one rate that is to be shown: so many are counted, of so many at most.
const TRIALS: usize = 10;
const TRIALS_AT_MOST: usize = 3 * TRIALS;
/// Trials at each rate of a search, at most: with the cores together, and in all.
const REPEATS: usize = 6;
const REPEATS_AT_MOST: usize = 9;
/// Trials with all that can be offered: with the cores together, and in all.
const REACHING: usize = 3;
const REACHING_AT_MOST: usize = 6;
/// More than stops of the processor make a receiver lose that keeps up: the longest seen are of some milliseconds, one or two in a trial.
const TOO_MUCH: f64 = 0.02;
/// Between two trials others have their turn: what was kept from running meanwhile would run in the next.
const REST: Duration = Duration::from_millis(200);
/// Trials of a search.
const STEPS: usize = 8;
/// 64-byte packets of a second on a wire of 10 Gbit/s: 84 bytes each with preamble and gap.
pub const LINE_RATE: f64 = 10e9 / 84.0 / 8.0;
/// A search begins with the line's rate and looks no higher than this, which is beyond what the generator can: it, or the receiver, is to end the search.
const HIGHEST: f64 = 60e6;
/// The search ends when its bounds are this close, as a part of the rate.
const CLOSE: f64 = 0.03;
/// A generator that reaches less than this part of the rate asked for has not offered it.
const REACHED: f64 = 0.998;

/// What came of a trial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trial {
    /// By the generator.
    pub sent: Sent,
    /// Packets that the receiver has had.
    pub received: u64,
    /// What was taken from the cores.
    pub disturbance: Disturbance,
    /// Times that the receiver was away from its ring for longer than that holds out, where it says so.
    pub away: u64,
    /// Nanoseconds of a cache line's way from one core to the other and back, the longer one of before and after.
    pub way: f64,
}

impl Trial {
    /// Offered and not received, refused ones included.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sent.offered.saturating_sub(self.received)
    }

    fn reached(&self, rate: f64) -> bool {
        rate <= 0.0 || self.sent.rate() >= rate * REACHED
    }

    /// Whether the receiver does not keep up, so that another trial at this rate would say the same.
    fn is_lost(&self) -> bool {
        self.lost() as f64 > self.sent.offered as f64 * TOO_MUCH
    }

    /// Packets received a second.
    #[must_use]
    pub fn received_rate(&self) -> f64 {
        self.received as f64 / self.sent.nanoseconds.max(1) as f64 * 1e9
    }
}

/// What trials at one rate add up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// How many were counted.
    pub trials: usize,
    /// Of them, without any loss.
    pub lossless: usize,
    /// Trials that were shown and not counted, lossless or not: with the cores apart, or with time that the hypervisor says it stole.
    pub repeated: usize,
    /// Of those that lost something, how many in which the receiver was away from its ring for longer than that holds out.
    pub away: usize,
    /// Packets offered, in all that were counted.
    pub offered: u64,
    /// Of them, not received.
    pub lost: u64,
    /// Seconds, of all that were counted.
    pub seconds: f64,
    /// The longest way of those that were counted, nanoseconds.
    pub way: f64,
}

/// A fixed number of trials at one rate, all of them shown. Those with the cores apart or with stolen time are repeated instead of counted, so many times at most.
///
/// # Errors
/// What a trial failed with.
pub fn repeatedly(
    cores: &mut Cores,
    what: &str,
    order: Order,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Sum> {
    let mut sum = Sum::default();
    while sum.trials < TRIALS && sum.trials + sum.repeated < TRIALS_AT_MOST {
        let trial = once(cores, what, order, &mut run)?;
        if cores.are_apart(trial.way) || trial.disturbance.stolen > 0 {
            sum.repeated += 1;
            continue;
        }
        sum.trials += 1;
        sum.lossless += usize::from(trial.lost() == 0);
        sum.away += usize::from(trial.lost() > 0 && trial.away > 0);
        sum.offered += trial.sent.offered;
        sum.lost += trial.lost();
        sum.seconds += trial.sent.nanoseconds as f64 / 1e9;
        sum.way = sum.way.max(trial.way);
    }
    Ok(sum)
}

/// One trial, shown.
///
/// # Errors
/// What it failed with.
fn once(
    cores: &mut Cores,
    what: &str,
    order: Order,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Trial> {
    std::thread::sleep(REST);
    let before = cores.come_together();
    let mut trial = run(order)?;
    trial.way = before.max(cores.measure());
    show(what, order, &trial);
    Ok(trial)
}

/// Trials at one rate, until one lost nothing, or the receiver did not keep up, or there were enough. That one; or, if none reached the rate without loss, the
/// fastest without loss below it; else the last.
fn until_lossless(
    cores: &mut Cores,
    what: &str,
    order: Order,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Trial> {
    let mut trial = Trial::default();
    let mut slower: Option<Trial> = None;
    let mut together = 0;
    for _ in 0..REPEATS_AT_MOST {
        trial = once(cores, what, order, &mut run)?;
        if cores.are_apart(trial.way) {
            continue;
        }
        together += 1;
        if trial.reached(order.rate) && (trial.lost() == 0 || trial.is_lost()) {
            return Ok(trial);
        }
        if trial.lost() == 0 && slower.is_none_or(|slower| slower.sent.rate() < trial.sent.rate()) {
            slower = Some(trial);
        }
        if together == REPEATS {
            break;
        }
    }
    Ok(slower.unwrap_or(trial))
}

fn show(what: &str, order: Order, trial: &Trial) {
    let asked = if order.rate > 0.0 {
        format!("{:.2}", order.rate / 1e6)
    } else {
        "most".to_owned()
    };
    let away = match trial.away {
        0 => String::new(),
        times => format!(", {times} times away from its ring for longer than it holds"),
    };
    say(&format!(
        "{what:<40} {asked:>6} asked, {:>6.2} offered, {:>10} of {:>10} lost ({} refused), behind {:.1} ms; taken: {}{away}; the cores' way {:.0} ns",
        trial.sent.rate() / 1e6,
        trial.lost(),
        trial.sent.offered,
        trial.sent.refused,
        trial.sent.behind as f64 / 1e6,
        trial.disturbance,
        trial.way,
    ));
}

/// A rate, and the trial it is of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Packets a second.
    pub rate: f64,
    /// The cores' way in that trial, nanoseconds there and back.
    pub way: f64,
}

/// What is received when the generator offers all it can, and what is refused again: the median of some trials with the cores together, or of all if they never were.
///
/// # Errors
/// What a trial failed with.
pub fn reached(
    cores: &mut Cores,
    what: &str,
    seconds: f64,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Found> {
    let (mut together, mut apart) = (Vec::new(), Vec::new());
    while together.len() < REACHING && together.len() + apart.len() < REACHING_AT_MOST {
        let trial = once(cores, what, Order { rate: 0.0, seconds }, &mut run)?;
        let found = Found {
            rate: trial.received_rate(),
            way: trial.way,
        };
        if cores.are_apart(trial.way) {
            apart.push(found);
        } else {
            together.push(found);
        }
    }
    let mut found = if together.is_empty() { apart } else { together };
    found.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    Ok(found.get(found.len() / 2).copied().unwrap_or_default())
}

/// Looks for the highest rate at which nothing is lost; 0 if there is none.
///
/// # Errors
/// What a trial failed with.
pub fn search(
    cores: &mut Cores,
    what: &str,
    seconds: f64,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Found> {
    let (mut lossless, mut lossy) = (Found::default(), HIGHEST);
    let mut rate = LINE_RATE;
    for _ in 0..STEPS {
        let trial = until_lossless(cores, what, Order { rate, seconds }, &mut run)?;
        if trial.lost() == 0 {
            if trial.sent.rate() > lossless.rate {
                lossless = Found {
                    rate: trial.sent.rate(),
                    way: trial.way,
                };
            }
        } else {
            lossy = rate;
        }
        // A generator that cannot offer more ends the search as well. Then what was sent without loss counts.
        if lossy - lossless.rate < lossy * CLOSE || (trial.lost() == 0 && !trial.reached(rate)) {
            break;
        }
        rate = f64::midpoint(lossless.rate, lossy);
    }
    Ok(lossless)
}
