//! How much comes: bounds on bits and packets a second, of all interfaces together and of each.

use crate::condition::{Condition, Kind, Unit};
use crate::reading::Reading;
use crate::rules::Rules;

/// Bounds on what comes a second, over the last ten seconds. What is `None` is not watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Bits a second that are too many.
    pub bits_above: Option<u64>,
    /// Bits a second that are too few.
    pub bits_below: Option<u64>,
    /// Packets a second that are too many.
    pub packets_above: Option<u64>,
    /// Packets a second that are too few.
    pub packets_below: Option<u64>,
}

/// What came a second.
struct Rates {
    bits: f64,
    packets: f64,
}

/// A rate of now, of an interface or (no object) of all, and the sentence about it.
pub(crate) fn present(
    kind: Kind,
    object: &str,
    now: &Reading,
    before: &Reading,
    seconds: f64,
) -> (f64, String) {
    let of = |reading: &Reading| {
        let source = reading.sources.iter().find(|source| source.name == object);
        match source {
            Some(source) => (source.bytes, source.packets),
            None => (reading.bytes, reading.packets),
        }
    };
    let ((bytes, packets), (bytes_before, packets_before)) = (of(now), of(before));
    let since = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds.max(1e-3);
    let (value, unit) = match kind {
        Kind::RateAbove | Kind::RateBelow => {
            (8.0 * since(bytes, bytes_before), Unit::BitsPerSecond)
        }
        _ => (since(packets, packets_before), Unit::PacketsPerSecond),
    };
    (value, format!("{}{}", whose(object), shown(value, unit)))
}

/// What holds of the rates since `before`, which is `seconds` older.
pub(crate) fn conditions(
    rules: &Rules,
    now: &Reading,
    before: &Reading,
    seconds: f64,
    found: &mut Vec<Condition>,
) {
    if seconds <= 0.0 {
        return;
    }
    let since = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
    let all = Rates {
        bits: 8.0 * since(now.bytes, before.bytes),
        packets: since(now.packets, before.packets),
    };
    rules.rates.hold_against("", &all, found);
    for source in &now.sources {
        let Some(past) = before.sources.iter().find(|past| past.name == source.name) else {
            continue;
        };
        let own = Rates {
            bits: 8.0 * since(source.bytes, past.bytes),
            packets: since(source.packets, past.packets),
        };
        rules
            .interface_rates
            .hold_against(&source.name, &own, found);
    }
}

impl RateLimits {
    /// `object`: whose rates they are; empty: the whole run's.
    fn hold_against(&self, object: &str, rates: &Rates, found: &mut Vec<Condition>) {
        let bits = (rates.bits, Unit::BitsPerSecond);
        let packets = (rates.packets, Unit::PacketsPerSecond);
        for (kind, limit, (value, unit)) in [
            (Kind::RateAbove, self.bits_above, bits),
            (Kind::RateBelow, self.bits_below, bits),
            (Kind::PacketRateAbove, self.packets_above, packets),
            (Kind::PacketRateBelow, self.packets_below, packets),
        ] {
            let Some(threshold) = limit.map(|limit| limit as f64) else {
                continue;
            };
            let (beyond, word) = match kind {
                Kind::RateAbove | Kind::PacketRateAbove => (value > threshold, "more"),
                _ => (value < threshold, "less"),
            };
            if !beyond {
                continue;
            }
            let whose = whose(object);
            let (value_shown, threshold_shown) = (shown(value, unit), shown(threshold, unit));
            found.push(Condition {
                kind,
                object: object.to_owned(),
                value,
                threshold,
                unit,
                message: format!("{whose}{value_shown}, {word} than {threshold_shown}"),
            });
        }
    }
}

fn whose(object: &str) -> String {
    match object {
        "" => String::new(),
        name => format!("{name}: "),
    }
}

fn shown(rate: f64, unit: Unit) -> String {
    match unit {
        Unit::BitsPerSecond => format!("{:.3} Mbit/s", rate / 1e6),
        _ => format!("{rate:.0} packets/s"),
    }
}
