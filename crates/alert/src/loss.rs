//! Where packets are lost, and what may be why: what somebody who is woken up asks first.

use std::fmt::Write as _;

use crate::condition::{Condition, Kind, Unit};
use crate::reading::{Reading, WorkerReading};

/// From this share of its time on, in per cent, a worker has no time left: the rest goes by between two bursts.
const BUSY: f64 = 90.0;
/// From this share of its time on, in per cent, it is told that a worker stood in line for its core.
const IN_LINE: f64 = 1.0;

/// Whether more than `most` per cent of the packets were lost since `before`, which is `seconds` older.
pub(crate) fn condition(
    most: f64,
    now: &Reading,
    before: &Reading,
    seconds: f64,
) -> Option<Condition> {
    let share = share(now, before);
    (share > most).then(|| Condition {
        kind: Kind::Loss,
        object: String::new(),
        value: share,
        threshold: most,
        unit: Unit::Percent,
        message: message(share, most, now, before, seconds),
    })
}

/// Per cent of the packets since `before` that were lost.
pub(crate) fn share(now: &Reading, before: &Reading) -> f64 {
    let lost = now.lost_in_all().saturating_sub(before.lost_in_all());
    let taken = now.packets.saturating_sub(before.packets);
    100.0 * lost as f64 / (taken + lost).max(1) as f64
}

fn message(share: f64, most: f64, now: &Reading, before: &Reading, seconds: f64) -> String {
    let mut message = format!("{share:.2} % of the packets are lost, more than {most} %");
    let mut places: Vec<(u64, &str)> = now
        .lost
        .iter()
        .map(|loss| {
            let past = before.lost.iter().find(|past| past.place == loss.place);
            let past = past.map_or(0, |past| past.packets);
            (loss.packets.saturating_sub(past), loss.place.as_str())
        })
        .filter(|(packets, _)| *packets > 0)
        .collect();
    places.sort_by_key(|(packets, _)| std::cmp::Reverse(*packets));
    for (index, (packets, place)) in places.into_iter().enumerate() {
        let before = if index == 0 { ": " } else { ", " };
        let _ = write!(message, "{before}{packets} {place}");
    }
    for worker in &now.workers {
        let past = before.workers.iter().find(|past| past.name == worker.name);
        if let Some(past) = past {
            for why in short_of_time(worker, past, seconds) {
                let _ = write!(message, "; {} {why}", worker.name);
            }
        }
    }
    message
}

/// What kept a worker from its packets, as far as it can be seen.
fn short_of_time(now: &WorkerReading, past: &WorkerReading, seconds: f64) -> Vec<String> {
    let share = |now: u64, past: u64| {
        let spent = now.saturating_sub(past) as f64 / 1e9;
        (100.0 * spent / seconds.max(1e-3)).min(100.0)
    };
    let mut found = Vec::new();
    let busy = share(now.busy_ns, past.busy_ns);
    if busy >= BUSY {
        found.push(format!("was busy {busy:.0} % of the time"));
    }
    let in_line = share(now.in_line_ns, past.in_line_ns);
    if in_line >= IN_LINE {
        found.push(format!(
            "stood in line for its core {in_line:.0} % of the time: other threads run there"
        ));
    }
    let away = now.away.saturating_sub(past.away);
    if away > 0 {
        let times = match away {
            1 => "once".to_owned(),
            more => format!("{more} times"),
        };
        found.push(format!(
            "was away from its ring {times}, for longer than that holds out: something else had its core"
        ));
    }
    found
}
