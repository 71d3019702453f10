//! What is shown, one thing after the other.

pub mod bursts;
pub mod idle;
pub mod kernel;
pub mod queues;
pub mod unplug;
pub mod user;

use std::time::Instant;

use crate::fault::Outcome;
use crate::machine::Machine;
use crate::nic::Cable;
use crate::traffic::{Feeder, Traffic};

/// Runs a step and says how long it took.
///
/// # Errors
/// The step's, with its name in front.
#[allow(clippy::print_stdout)]
pub fn step<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    use crate::fault::About;

    let begun = Instant::now();
    let result = work().about(name);
    let word = if result.is_ok() { "ok" } else { "FAILED" };
    println!("  {word:6} {:5.1} s  {name}", begun.elapsed().as_secs_f64());
    result
}

/// Plugs in at a NIC of this name.
///
/// # Errors
/// There is none.
pub fn plug(machine: &Machine, name: &str) -> Outcome<(Feeder, Traffic)> {
    let nic = machine.nic(name)?;
    let feeder = match (nic.cable(), machine.namespace()) {
        (Cable::Tap { name, .. }, Some(namespace)) => Feeder::tap(namespace, name),
        _ => Feeder::plug(&nic.socket(machine.folder()))?,
    };
    Ok((feeder, Traffic::default()))
}

/// Says a measured figure below its step.
#[allow(clippy::print_stdout)]
pub fn say(text: &str) {
    println!("                 {text}");
}
