//! From idle to a burst and back, over and over.

use std::time::Duration;

use crate::fault::{Outcome, ensure};
use crate::machine::Machine;
use crate::run::{Run, sum_of};
use crate::traffic::{Feeder, Traffic};

/// Times as many bursts as wanted are sent, if the guest is so slow that some of them meet a worker that is still awake.
const MOST: u64 = 5;

/// Sends this many bursts of one to eight packets with a pause behind each, and again as many until there were as many wake-ups: how many there were, in how
/// many bursts.
///
/// # Errors
/// The workers do not wake as often.
pub fn send(
    machine: &mut Machine,
    run: &Run,
    feeder: &Feeder,
    traffic: &mut Traffic,
    wanted: u64,
    pause: Duration,
) -> Outcome<(u64, u64)> {
    let before = sum_of(&run.stats(machine)?, "wakes");
    let (mut wakes, mut bursts) = (0, 0);
    while wakes < wanted && bursts < MOST * wanted {
        for burst in 0..wanted {
            feeder.send(traffic, 1 + burst % 8, u64::MAX)?;
            std::thread::sleep(pause);
        }
        bursts += wanted;
        wakes = sum_of(&run.stats(machine)?, "wakes") - before;
    }
    ensure(wakes >= wanted, || {
        format!("{bursts} bursts, and only {wakes} wake-ups")
    })?;
    Ok((wakes, bursts))
}
