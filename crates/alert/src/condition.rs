//! From a reading and the rules to what holds now.

use serde::{Deserialize, Serialize};

use crate::loss;
use crate::rate;
use crate::reading::{LinkState, Reading};
use crate::rules::Rules;
use crate::watch::Severity;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Packets are lost.
    Loss,
    /// An interface has no carrier.
    LinkDown,
    /// A disk is nearly full.
    DiskFree,
    /// An output fails or lost records.
    Outputs,
    /// The flow tables are nearly full.
    FlowTable,
    /// More traffic than there should be.
    RateAbove,
    /// Less.
    RateBelow,
    /// More packets than there should be.
    PacketRateAbove,
    /// Fewer.
    PacketRateBelow,
    /// A worker does not go on.
    WorkerStuck,
}

impl Kind {
    /// Its name in the configuration and in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Loss => "loss",
            Kind::LinkDown => "link_down",
            Kind::DiskFree => "disk_free",
            Kind::Outputs => "outputs",
            Kind::FlowTable => "flow_table",
            Kind::RateAbove => "rate_above",
            Kind::RateBelow => "rate_below",
            Kind::PacketRateAbove => "packet_rate_above",
            Kind::PacketRateBelow => "packet_rate_below",
            Kind::WorkerStuck => "worker_stuck",
        }
    }

    /// How bad it is: critical is what costs data.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Kind::Loss | Kind::LinkDown | Kind::Outputs | Kind::WorkerStuck => Severity::Critical,
            Kind::DiskFree
            | Kind::FlowTable
            | Kind::RateAbove
            | Kind::RateBelow
            | Kind::PacketRateAbove
            | Kind::PacketRateBelow => Severity::Warning,
        }
    }
}

/// What values are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hundredths of a whole.
    Percent,
    /// Bytes.
    Bytes,
    /// Bits a second.
    BitsPerSecond,
    /// Packets a second.
    PacketsPerSecond,
    /// So many of them.
    Count,
}

impl Unit {
    /// Its name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unit::Percent => "percent",
            Unit::Bytes => "bytes",
            Unit::BitsPerSecond => "bits_per_second",
            Unit::PacketsPerSecond => "packets_per_second",
            Unit::Count => "count",
        }
    }
}

/// Something that holds now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub kind: Kind,
    /// Which interface, folder, output or worker; empty: the whole run.
    pub object: String,
    pub value: f64,
    pub threshold: f64,
    pub unit: Unit,
    pub message: String,
}

/// An amount of bytes, in the unit that it is a few of.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 10 << 30 => format!("{} GiB", bytes >> 30),
        _ if bytes >= 10 << 20 => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    }
}

/// Everything that holds: `now` against the rules, rates as the difference to `before`, which is `seconds` older.
pub(crate) fn conditions(
    rules: &Rules,
    now: &Reading,
    before: &Reading,
    seconds: f64,
) -> Vec<Condition> {
    let mut found = Vec::new();
    let whole = |kind, value, threshold, unit, message| Condition {
        kind,
        object: String::new(),
        value,
        threshold,
        unit,
        message,
    };
    let of = |kind, object: &str, value, threshold, unit, message| Condition {
        kind,
        object: object.to_owned(),
        value,
        threshold,
        unit,
        message,
    };
    if let Some(most) = rules.loss {
        found.extend(loss::condition(most, now, before, seconds));
    }
    if rules.link_down {
        for link in &now.links {
            let name = &link.name;
            let message = match link.state {
                LinkState::Up => continue,
                LinkState::NoCarrier => format!("{name} has no carrier: nothing can come"),
                LinkState::Gone => format!(
                    "{name} is gone, and is not watched if it comes back: start Portreeve again then"
                ),
            };
            found.push(of(
                Kind::LinkDown,
                &link.name,
                0.0,
                1.0,
                Unit::Count,
                message,
            ));
        }
    }
    if let Some(least) = rules.disk_free {
        for disk in now.disks.iter().filter(|disk| disk.free < least) {
            let (left, asked) = (size(disk.free), size(least));
            let message = format!("{} has {left} left, less than {asked}", disk.folder);
            let (free, least) = (disk.free as f64, least as f64);
            let kind = Kind::DiskFree;
            found.push(of(kind, &disk.folder, free, least, Unit::Bytes, message));
        }
    }
    if rules.outputs {
        for output in &now.outputs {
            let lost_before = before.outputs.iter().find(|o| o.name == output.name);
            let lost = output
                .lost
                .saturating_sub(lost_before.map_or(0, |o| o.lost));
            let message = match &output.failing {
                Some(why) => format!("output {} cannot write: {why}", output.name),
                None if lost > 0 => {
                    format!("output {} lost {lost} records lately", output.name)
                }
                None => continue,
            };
            let lost = lost as f64;
            found.push(of(
                Kind::Outputs,
                &output.name,
                lost,
                0.0,
                Unit::Count,
                message,
            ));
        }
    }
    if let Some(most) = rules.flow_table
        && now.flow_capacity > 0
    {
        let share = 100.0 * now.flows as f64 / now.flow_capacity as f64;
        if share > most {
            let message = format!(
                "{share:.1} % of the flow tables is taken: flows are evicted early; more room: engine.memory"
            );
            found.push(whole(Kind::FlowTable, share, most, Unit::Percent, message));
        }
    }
    rate::conditions(rules, now, before, seconds, &mut found);
    if rules.worker_stuck {
        for worker in &now.stuck {
            let message = format!("{worker} does not go on: its packets are lost");
            found.push(of(
                Kind::WorkerStuck,
                worker,
                1.0,
                0.0,
                Unit::Count,
                message,
            ));
        }
    }
    found
}
