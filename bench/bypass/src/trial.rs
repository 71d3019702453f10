//! Trials: send, count, look whether anything was taken from the receiver meanwhile, and say so. Several at one rate, all of them counted; and the search for
//! the highest rate without loss, as RFC 2544 section 26.1 has it.
//!
//! A virtual machine's processor stops now and then, for some tens of microseconds often and for some hundreds once in some seconds, and not all of it is told as stolen:
//! hypervisors count in ticks of 10 ms. So a trial of a search that lost a little, or no more than came while time was taken, is repeated, a bounded number of times; all
//! are shown. The same is done for all receivers.

use std::time::Duration;

use crate::generator::{Order, Sent};
use crate::quiet::Disturbance;
use crate::{Outcome, say};

/// Trials at the one rate that is to be shown.
const TRIALS: usize = 10;
/// Trials at each rate of a search, at most.
const REPEATS: usize = 5;
/// A larger part lost is no short stop's doing, unless it was seen that much was taken.
const A_LITTLE: f64 = 0.002;
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

    /// Whether the loss is what can come of time that was taken, or so little that it may come of a stop nobody tells of.
    fn is_explained(&self) -> bool {
        let taken = self.disturbance.at_most() as f64 / 1e9 * self.sent.rate();
        self.lost() as f64 <= taken.max(self.sent.offered as f64 * A_LITTLE)
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
    /// How many there were.
    pub trials: usize,
    /// Of them, without any loss.
    pub lossless: usize,
    /// Of those with a loss, in which the hypervisor says that it stole time.
    pub stolen: usize,
    /// Packets offered, in all.
    pub offered: u64,
    /// Of them, not received.
    pub lost: u64,
    /// Seconds, of all.
    pub seconds: f64,
}

/// A fixed number of trials at one rate, all of them shown and counted.
///
/// # Errors
/// What a trial failed with.
pub fn repeatedly(
    what: &str,
    order: Order,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Sum> {
    let mut sum = Sum::default();
    for _ in 0..TRIALS {
        let trial = once(what, order, &mut run)?;
        sum.trials += 1;
        sum.lossless += usize::from(trial.lost() == 0);
        sum.stolen += usize::from(trial.lost() > 0 && trial.disturbance.stolen > 0);
        sum.offered += trial.sent.offered;
        sum.lost += trial.lost();
        sum.seconds += trial.sent.nanoseconds as f64 / 1e9;
    }
    Ok(sum)
}

/// One trial, shown.
///
/// # Errors
/// What it failed with.
pub fn once(
    what: &str,
    order: Order,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Trial> {
    std::thread::sleep(REST);
    let trial = run(order)?;
    show(what, order, &trial);
    Ok(trial)
}

/// Trials at one rate, until one lost nothing, or lost more than can be explained, or there were enough. That one; or, if none reached the rate without loss, the
/// fastest without loss below it; else the last.
fn until_lossless(
    what: &str,
    order: Order,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<Trial> {
    let mut trial = Trial::default();
    let mut slower: Option<Trial> = None;
    for _ in 0..REPEATS {
        trial = once(what, order, &mut run)?;
        if trial.reached(order.rate) && (trial.lost() == 0 || !trial.is_explained()) {
            return Ok(trial);
        }
        if trial.lost() == 0 && slower.is_none_or(|slower| slower.sent.rate() < trial.sent.rate()) {
            slower = Some(trial);
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
    say(&format!(
        "{what:<40} {asked:>6} asked, {:>6.2} offered, {:>10} of {:>10} lost ({} refused), behind {:.1} ms; taken: {}",
        trial.sent.rate() / 1e6,
        trial.lost(),
        trial.sent.offered,
        trial.sent.refused,
        trial.sent.behind as f64 / 1e6,
        trial.disturbance,
    ));
}

/// The highest rate at which nothing was lost, packets a second; 0 if there was none.
///
/// # Errors
/// What a trial failed with.
pub fn search(
    what: &str,
    seconds: f64,
    mut run: impl FnMut(Order) -> Outcome<Trial>,
) -> Outcome<f64> {
    let (mut lossless, mut lossy) = (0.0f64, HIGHEST);
    let mut rate = LINE_RATE;
    for _ in 0..STEPS {
        let trial = until_lossless(what, Order { rate, seconds }, &mut run)?;
        if trial.lost() == 0 {
            lossless = lossless.max(trial.sent.rate());
        } else {
            lossy = rate;
        }
        // A generator that cannot offer more ends the search as well. Then what was sent without loss counts.
        if lossy - lossless < lossy * CLOSE || (trial.lost() == 0 && !trial.reached(rate)) {
            break;
        }
        rate = f64::midpoint(lossless, lossy);
    }
    Ok(lossless)
}
