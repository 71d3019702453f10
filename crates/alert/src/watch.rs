//! From conditions, which come and go, to alerts.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::condition::{Condition, Kind, Unit, conditions};
use crate::over;
use crate::reading::Reading;
use crate::rules::Rules;

/// Rates are over so long.
const WINDOW: Duration = Duration::from_secs(10);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should look, soon.
    Warning,
    /// Data is lost.
    Critical,
}

impl Severity {
    /// Its name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// A condition that has held for long enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub name: Kind,
    /// Which interface, folder, output or worker; unset: the whole run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Since when the condition has held: milliseconds since 1970-01-01 UTC.
    pub since: i64,
    /// The value now, or when it last was beyond the threshold; of one that is over, what it is then.
    pub value: f64,
    /// The threshold.
    pub threshold: f64,
    /// What both are counted in.
    pub unit: Unit,
    /// What is the matter, in a sentence; of one that is over, how it is now.
    pub message: String,
}

/// Which way it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It is an alert from now on.
    Raised,
    /// It is over.
    Cleared,
}

impl Turn {
    /// Its name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Turn::Raised => "raised",
            Turn::Cleared => "cleared",
        }
    }
}

/// An alert that was raised or is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When: milliseconds since 1970-01-01 UTC.
    pub ts: i64,
    /// Which way it went.
    pub state: Turn,
    /// The alert.
    #[serde(flatten)]
    pub alert: Alert,
}

/// A condition that holds, or did until a moment ago.
#[derive(Debug)]
struct Held {
    alert: Alert,
    /// When it began to hold.
    begun: Instant,
    /// When it last held.
    last: Instant,
    raised: bool,
}

/// Watches a run by rules.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    held: BTreeMap<(Kind, String), Held>,
    /// Readings of the last [`WINDOW`], the oldest first.
    readings: VecDeque<(Instant, Reading)>,
}

impl Watch {
    /// By these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Watch {
        Watch {
            rules,
            held: BTreeMap::new(),
            readings: VecDeque::new(),
        }
    }

    /// By other rules from now on. Alerts go on, or end as they would by these.
    pub fn change(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Takes the reading of `now`, which is `wall` milliseconds since 1970: what was raised, and what is over.
    pub fn take(&mut self, reading: Reading, now: Instant, wall: i64) -> Vec<Event> {
        let (before, seconds) = match self.readings.front() {
            Some((then, before)) => (before, now.duration_since(*then).as_secs_f64()),
            None => (&reading, 0.0),
        };
        let found = conditions(&self.rules, &reading, before, seconds);
        for condition in found {
            self.hold(condition, now, wall);
        }
        self.readings.push_back((now, reading));
        // The oldest that is kept is one window old, or a little more.
        while self
            .readings
            .get(1)
            .is_some_and(|(then, _)| now.duration_since(*then) >= WINDOW)
        {
            self.readings.pop_front();
        }
        self.turn(now, wall)
    }

    fn hold(&mut self, condition: Condition, now: Instant, wall: i64) {
        let key = (condition.kind, condition.object.clone());
        let alert = Alert {
            name: condition.kind,
            object: Some(condition.object).filter(|object| !object.is_empty()),
            severity: condition.kind.severity(),
            since: wall,
            value: condition.value,
            threshold: condition.threshold,
            unit: condition.unit,
            message: condition.message,
        };
        match self.held.get_mut(&key) {
            Some(held) => {
                held.last = now;
                let since = held.alert.since;
                held.alert = Alert { since, ..alert };
            }
            None => {
                let held = Held {
                    alert,
                    begun: now,
                    last: now,
                    raised: false,
                };
                self.held.insert(key, held);
            }
        }
    }

    fn turn(&mut self, now: Instant, wall: i64) -> Vec<Event> {
        let mut events = Vec::new();
        let (Some((then, before)), Some((_, now_is))) =
            (self.readings.front(), self.readings.back())
        else {
            return events;
        };
        let seconds = now.duration_since(*then).as_secs_f64();
        let Rules {
            raise_after,
            clear_after,
            ..
        } = self.rules;
        self.held.retain(|_, held| {
            let holds = held.last == now;
            if holds && !held.raised && now.duration_since(held.begun) >= raise_after {
                held.raised = true;
                events.push(event(held, Turn::Raised, wall));
            }
            if holds {
                return true;
            }
            // What was never raised is forgotten the moment it does not hold.
            let over = !held.raised || now.duration_since(held.last) >= clear_after;
            if over && held.raised {
                let mut event = event(held, Turn::Cleared, wall);
                let alert = &mut event.alert;
                let object = alert.object.as_deref().unwrap_or_default();
                (alert.value, alert.message) =
                    over::present(alert.name, object, now_is, before, seconds);
                events.push(event);
            }
            !over
        });
        events
    }

    /// The alerts of now, the gravest first.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        let raised = self.held.values().filter(|held| held.raised);
        let mut active: Vec<Alert> = raised.map(|held| held.alert.clone()).collect();
        active.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
        active
    }
}

fn event(held: &Held, state: Turn, ts: i64) -> Event {
    Event {
        ts,
        state,
        alert: held.alert.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{
        Disk, Link, LinkState, Loss, OutputReading, SourceReading, WorkerReading,
    };

    /// A watch, its clock, and what it was told last.
    struct Run {
        watch: Watch,
        begin: Instant,
        second: u64,
        reading: Reading,
        last: Option<Event>,
    }

    impl Run {
        fn new(change: impl FnOnce(&mut Rules)) -> Run {
            let mut rules = Rules::default();
            change(&mut rules);
            Run {
                watch: Watch::new(rules),
                begin: Instant::now(),
                second: 0,
                last: None,
                reading: Reading {
                    flow_capacity: 1000,
                    ..Reading::default()
                },
            }
        }

        /// So many seconds with this change in each; what happened, as `+name` and `-name`.
        fn seconds(&mut self, count: u64, mut change: impl FnMut(&mut Reading)) -> Vec<String> {
            let mut events = Vec::new();
            for _ in 0..count {
                change(&mut self.reading);
                let now = self.begin + Duration::from_secs(self.second);
                let wall = 1_000_000 + self.second as i64 * 1000;
                self.second += 1;
                events.extend(self.watch.take(self.reading.clone(), now, wall));
            }
            let sign = |turn| if turn == Turn::Raised { '+' } else { '-' };
            let told = events
                .iter()
                .map(|event| format!("{}{}", sign(event.state), event.alert.name.name()))
                .collect();
            self.last = events.pop();
            told
        }

        /// What was said at the last turn.
        fn said(&self) -> &str {
            self.last.as_ref().map_or("", |event| &event.alert.message)
        }
    }

    #[test]
    fn a_condition_is_an_alert_after_a_while_and_over_after_a_while() {
        let mut run = Run::new(|_| {});
        let down = |reading: &mut Reading| {
            reading.links = vec![Link {
                name: "eth0".into(),
                state: LinkState::NoCarrier,
            }];
        };
        let up = |reading: &mut Reading| reading.links[0].state = LinkState::Up;
        assert_eq!(run.seconds(3, down), [""; 0]);
        assert_eq!(run.seconds(1, up), [""; 0], "too short to be told");
        assert_eq!(run.seconds(4, down), ["+link_down"]);
        let alert = run.watch.active().remove(0);
        assert_eq!(alert.object.as_deref(), Some("eth0"));
        assert_eq!(alert.since, 1_004_000, "when it began to hold");
        // It flickers: one alert.
        assert_eq!(run.seconds(29, up), [""; 0]);
        assert_eq!(run.seconds(10, down), [""; 0]);
        assert_eq!(run.seconds(30, up), ["-link_down"]);
        assert_eq!(run.said(), "eth0 has a carrier again");
        let gone = |reading: &mut Reading| reading.links[0].state = LinkState::Gone;
        assert_eq!(run.seconds(4, gone), ["+link_down"]);
        assert!(
            run.said().contains("start Portreeve again"),
            "{}",
            run.said()
        );
        run.seconds(40, up);
        assert!(run.watch.active().is_empty());
    }

    #[test]
    fn loss_is_a_share_of_the_last_seconds() {
        let mut run = Run::new(|rules| rules.loss = Some(1.0));
        run.reading.lost = lost([("missed by eth0", 0)]);
        let sound = |reading: &mut Reading| reading.packets += 1000;
        assert_eq!(run.seconds(60, sound), [""; 0]);
        // Half a percent is below the threshold, five are above, and what was lost long ago is not lost now.
        let little = |reading: &mut Reading| {
            reading.packets += 995;
            reading.lost[0].packets += 5;
        };
        assert_eq!(run.seconds(60, little), [""; 0]);
        let much = |reading: &mut Reading| {
            reading.packets += 950;
            reading.lost[0].packets += 50;
        };
        assert_eq!(run.seconds(60, much), ["+loss"]);
        let alert = run.watch.active().remove(0);
        assert!((alert.value - 5.0).abs() < 1e-9, "{alert:?}");
        assert_eq!(run.seconds(60, sound), ["-loss"]);
        assert_eq!(run.said(), "0.00 % of the packets are lost");
        // Nothing at all comes: that is no loss.
        assert_eq!(run.seconds(60, |_| {}), [""; 0]);
    }

    fn lost<const N: usize>(places: [(&str, u64); N]) -> Vec<Loss> {
        let loss = |(place, packets): (&str, u64)| Loss {
            place: place.to_owned(),
            packets,
        };
        places.map(loss).into()
    }

    #[test]
    fn loss_says_where_and_what_kept_the_workers() {
        let mut run = Run::new(|rules| rules.loss = Some(0.1));
        let worker = |name: &str| WorkerReading {
            name: name.to_owned(),
            ..WorkerReading::default()
        };
        run.reading.lost = lost([
            ("missed by eth0", 7_000),
            ("between workers, ring full", 0),
            ("missed by eth1", 0),
        ]);
        run.reading.workers = ["worker-0", "worker-1", "worker-2", "worker-3"]
            .map(worker)
            .into();
        run.seconds(10, |reading| reading.packets += 900);
        run.seconds(20, |reading| {
            reading.packets += 900;
            reading.lost[1].packets += 1;
            reading.lost[2].packets += 99;
            reading.workers[0].busy_ns += 970_000_000;
            reading.workers[1].busy_ns += 300_000_000;
            reading.workers[1].in_line_ns += 120_000_000;
            reading.workers[2].away += 2;
            reading.workers[3].busy_ns += 890_000_000;
            reading.workers[3].in_line_ns += 9_000_000;
        });
        let alert = run.watch.active().remove(0);
        assert_eq!(
            alert.message,
            "10.00 % of the packets are lost, more than 0.1 %: 1089 missed by eth1, 11 between workers, ring full; \
             worker-0 was busy 97 % of the time; worker-1 stood in line for its core 12 % of the time: other threads run there; \
             worker-2 was away from its ring 22 times, for longer than that holds out: something else had its core"
        );
    }

    #[test]
    fn rates_have_an_upper_and_a_lower_bound() {
        let mut run = Run::new(|rules| {
            rules.rates.bits_above = Some(8_000_000);
            rules.rates.bits_below = Some(8_000);
        });
        let bytes = |count: u64| move |reading: &mut Reading| reading.bytes += count;
        assert_eq!(run.seconds(60, bytes(10_000)), [""; 0]);
        assert_eq!(run.seconds(60, bytes(2_000_000)), ["+rate_above"]);
        assert_eq!(
            run.seconds(60, bytes(0)),
            ["+rate_below", "-rate_above"],
            "the rate is of ten seconds"
        );
        assert_eq!(run.said(), "0.000 Mbit/s");
    }

    #[test]
    fn packets_have_bounds_too_and_each_interface_its_own() {
        let mut run = Run::new(|rules| {
            rules.rates.packets_above = Some(1_000);
            rules.interface_rates.packets_below = Some(100);
            rules.interface_rates.bits_above = Some(8_000);
        });
        run.reading.sources = ["eth0", "eth1"]
            .map(|name| SourceReading {
                name: name.into(),
                packets: 0,
                bytes: 0,
            })
            .into();
        // So many packets of one byte a second at each; the run has both.
        let packets = |counts: [u64; 2]| {
            move |reading: &mut Reading| {
                for (source, count) in reading.sources.iter_mut().zip(counts) {
                    source.packets += count;
                    source.bytes += count;
                    reading.packets += count;
                    reading.bytes += count;
                }
            }
        };
        assert_eq!(run.seconds(60, packets([600, 300])), [""; 0]);
        // One mirror port goes silent, while the sum is as before.
        assert_eq!(run.seconds(60, packets([900, 0])), ["+packet_rate_below"]);
        let alert = run.watch.active().remove(0);
        assert_eq!(alert.object.as_deref(), Some("eth1"));
        assert_eq!(alert.message, "eth1: 0 packets/s, less than 100 packets/s");
        assert_eq!(alert.unit, Unit::PacketsPerSecond);
        // It is back, with more than the run should have, and than its link should carry.
        assert_eq!(
            run.seconds(60, packets([900, 1_500])),
            ["+packet_rate_above", "+rate_above", "-packet_rate_below"]
        );
        assert_eq!(run.said(), "eth1: 1500 packets/s");
        let whole = run.watch.active();
        let whole = whole.iter().find(|alert| alert.object.is_none());
        assert!(whole.is_some_and(|alert| alert.name == Kind::PacketRateAbove));
    }

    #[test]
    fn disks_outputs_tables_and_workers_are_watched_each_by_itself() {
        let mut run = Run::new(|rules| rules.raise_after = Duration::ZERO);
        let output = |name: &str, lost, failing: Option<&str>| OutputReading {
            name: name.into(),
            lost,
            failing: failing.map(str::to_owned),
        };
        let disk = |free| Disk {
            folder: "/var".into(),
            free,
        };
        run.reading.outputs = vec![output("store", 7, None), output("log-dir", 0, None)];
        run.reading.disks = vec![disk(1 << 40)];
        assert_eq!(run.seconds(2, |_| {}), [""; 0], "lost before we looked");
        let events = run.seconds(1, |reading| {
            reading.outputs = vec![
                output("store", 8, None),
                output("log-dir", 0, Some("no space left")),
            ];
            reading.disks = vec![disk(1 << 20)];
            reading.flows = 951;
            reading.stuck = vec!["worker-3".into()];
        });
        let told = [
            "+disk_free",
            "+outputs",
            "+outputs",
            "+flow_table",
            "+worker_stuck",
        ];
        assert_eq!(events, told);
        let active = run.watch.active();
        assert_eq!(active.len(), 5);
        assert_eq!(active[0].severity, Severity::Critical, "the gravest first");
        assert_eq!(active[4].severity, Severity::Warning);
        let failing = active
            .iter()
            .find(|a| a.object.as_deref() == Some("log-dir"));
        assert!(failing.is_some_and(|a| a.message.contains("no space left")));
    }

    #[test]
    fn other_rules_end_what_they_do_not_ask_for() {
        let mut run = Run::new(|rules| rules.rates.bits_below = Some(1));
        assert_eq!(run.seconds(10, |_| {}), ["+rate_below"]);
        run.watch.change(Rules {
            clear_after: Duration::ZERO,
            ..Rules::default()
        });
        assert_eq!(run.seconds(1, |_| {}), ["-rate_below"]);
    }
}
