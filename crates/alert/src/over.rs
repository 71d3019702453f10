//! What is told when an alert is over: how it is now. Somebody who is paged twice by the same complaint looks twice.

use crate::condition::{Kind, size};
use crate::loss;
use crate::rate;
use crate::reading::Reading;

/// The value of now and a sentence about it, for an alert of this kind and object (empty: the whole run). `now` and `before`, which is `seconds` older, are what it was found by.
pub(crate) fn present(
    kind: Kind,
    object: &str,
    now: &Reading,
    before: &Reading,
    seconds: f64,
) -> (f64, String) {
    match kind {
        Kind::Loss => {
            let share = loss::share(now, before);
            (share, format!("{share:.2} % of the packets are lost"))
        }
        Kind::LinkDown => (1.0, format!("{object} has a carrier again")),
        Kind::DiskFree => {
            let free = now.disks.iter().find(|disk| disk.folder == object);
            let free = free.map_or(0, |disk| disk.free);
            (free as f64, format!("{object} has {} left", size(free)))
        }
        Kind::Outputs => (0.0, format!("output {object} writes")),
        Kind::FlowTable => {
            let share = 100.0 * now.flows as f64 / now.flow_capacity.max(1) as f64;
            (share, format!("{share:.1} % of the flow tables is taken"))
        }
        Kind::RateAbove | Kind::RateBelow | Kind::PacketRateAbove | Kind::PacketRateBelow => {
            rate::present(kind, object, now, before, seconds)
        }
        Kind::WorkerStuck => (0.0, format!("{object} goes on")),
    }
}
