//! What a run costs while nothing comes.

use std::time::Duration;

use crate::fault::Outcome;
use crate::machine::Machine;
use crate::run::Run;

/// Idle seconds that are looked at.
const SECONDS: usize = 5;

/// The shares of a core that a run took, in each idle second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Idle {
    /// Its workers.
    pub workers: Vec<f64>,
    /// All of its threads.
    pub all: Vec<f64>,
}

impl Idle {
    /// The workers' mean.
    #[must_use]
    pub fn mean_of_workers(&self) -> f64 {
        mean(&self.workers)
    }

    /// The mean of all threads.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean(&self.all)
    }

    /// As a person reads it: each second.
    #[must_use]
    pub fn show(&self) -> String {
        let percent = |shares: &[f64]| {
            let shares: Vec<String> = shares
                .iter()
                .map(|share| format!("{:.2}", 100.0 * share))
                .collect();
            shares.join(" ")
        };
        format!(
            "workers {} %, all threads {} %",
            percent(&self.workers),
            percent(&self.all)
        )
    }
}

fn mean(shares: &[f64]) -> f64 {
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

/// Watches a run while nothing comes, second by second of the guest's time.
///
/// # Errors
/// The machine does not answer.
pub fn watch(machine: &mut Machine, run: &Run) -> Outcome<Idle> {
    let mut idle = Idle::default();
    let mut before = run.cpu(machine)?;
    for _ in 0..SECONDS {
        std::thread::sleep(Duration::from_secs(1));
        let after = run.cpu(machine)?;
        let time = after.at - before.at;
        idle.workers.push((after.workers - before.workers) / time);
        idle.all.push((after.all - before.all) / time);
        before = after;
    }
    Ok(idle)
}
