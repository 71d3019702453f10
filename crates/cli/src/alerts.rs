//! Alerts in this run: what is read for them, and who is told.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use portreeve_alert::{
    Alert, Disk, Event, Link, LinkState, Loss, OutputReading, RateLimits, Reading, Rules, Severity,
    SourceReading, Target, TargetError, Turn, Watch, Webhook, WorkerReading,
};
use portreeve_engine::Snapshot;
use portreeve_engine::ledger::{self, LossPlace};
use portreeve_engine::snapshot::WorkerState;
use portreeve_interfaces::{self as interfaces, Netlink};
use portreeve_record::{App, Record, app};
use serde_json::{Value, json};

use crate::config::Config;
use crate::config::values::ByteSize;
use crate::exit::Failure;
use crate::outputs::Outputs;
use crate::say::Level;

/// Between two readings.
const EVERY: Duration = Duration::from_secs(1);

/// The alerts of a run.
pub struct Alerts {
    watch: Watch,
    webhook: Option<(Target, Webhook)>,
    sensor: String,
    /// The watched interfaces of the kernel, by their indices.
    links: Vec<(String, u32)>,
    netlink: Option<Netlink>,
    /// Where history and logs are written.
    folders: Vec<PathBuf>,
    due: Instant,
}

fn rules(config: &Config) -> Rules {
    let keys = &config.alerts;
    Rules {
        loss: keys.loss.map(|share| share.0),
        link_down: keys.link_down,
        disk_free: Some(keys.disk_free)
            .filter(|size| *size > ByteSize(0))
            .map(|size| size.0),
        outputs: keys.outputs,
        flow_table: keys.flow_table.map(|share| share.0),
        rates: RateLimits {
            bits_above: keys.rate_above.map(|rate| rate.0),
            bits_below: keys.rate_below.map(|rate| rate.0),
            packets_above: keys.packet_rate_above.map(|rate| rate.0),
            packets_below: keys.packet_rate_below.map(|rate| rate.0),
        },
        interface_rates: RateLimits {
            bits_above: keys.interface_rate_above.map(|rate| rate.0),
            bits_below: keys.interface_rate_below.map(|rate| rate.0),
            packets_above: keys.interface_packet_rate_above.map(|rate| rate.0),
            packets_below: keys.interface_packet_rate_below.map(|rate| rate.0),
        },
        worker_stuck: keys.worker_stuck,
        raise_after: keys.raise_after.0,
        clear_after: keys.clear_after.0,
    }
}

/// Where history and logs are written.
fn folders(config: &Config) -> Vec<PathBuf> {
    let folders = [&config.store.path, &config.output.log_dir];
    folders.into_iter().flatten().cloned().collect()
}

/// Where alerts are sent to, if anywhere.
///
/// # Errors
/// What is configured cannot be sent to.
pub fn target(config: &Config) -> Result<Option<Target>, TargetError> {
    let keys = &config.alerts;
    let target = keys.webhook.as_ref();
    target
        .map(|url| Target::new(url, &keys.webhook_headers))
        .transpose()
}

impl Alerts {
    /// As configured, for a run that watches these sources.
    ///
    /// # Errors
    /// The target cannot be one, or the system refused a thread.
    pub fn new(config: &Config, sensor: String, sources: &[String]) -> Result<Alerts, Failure> {
        let known = interfaces::list().unwrap_or_default();
        let links = known
            .into_iter()
            .filter(|interface| sources.contains(&interface.name))
            .map(|interface| (interface.name, interface.index));
        let mut alerts = Alerts {
            watch: Watch::new(rules(config)),
            webhook: None,
            sensor,
            links: links.collect(),
            netlink: Netlink::open().ok(),
            folders: folders(config),
            due: Instant::now(),
        };
        alerts.aim(config)?;
        Ok(alerts)
    }

    /// By other rules and to another target from now on.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn reload(&mut self, config: &Config) -> Result<(), Failure> {
        self.watch.change(rules(config));
        self.folders = folders(config);
        self.aim(config)
    }

    fn aim(&mut self, config: &Config) -> Result<(), Failure> {
        let target = target(config).map_err(Failure::usage)?;
        if self.webhook.as_ref().map(|(target, _)| target) == target.as_ref() {
            return Ok(());
        }
        self.webhook = match target {
            Some(target) => Some((target.clone(), Webhook::start(target)?)),
            None => None,
        };
        Ok(())
    }

    /// Whether it is time for [`Alerts::take`].
    #[must_use]
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.due;
        if due {
            self.due = now + EVERY;
        }
        due
    }

    /// Looks at the run, and tells the outputs and the webhook what has turned; returns what is to be said.
    pub fn take(
        &mut self,
        snapshot: &Snapshot,
        outputs: &Outputs,
        stuck: &[&str],
        now: Instant,
    ) -> Vec<(Level, String)> {
        let reading = self.read(snapshot, outputs, stuck);
        let events = self
            .watch
            .take(reading, now, milliseconds(SystemTime::now()));
        for event in &events {
            outputs.insert(&record(event));
            if let Some((_, webhook)) = &self.webhook {
                webhook.send(self.message(event).to_string());
            }
        }
        events.iter().map(said).collect()
    }

    fn read(&mut self, snapshot: &Snapshot, outputs: &Outputs, stuck: &[&str]) -> Reading {
        let ledger = &snapshot.ledger;
        let netlink = &mut self.netlink;
        let links = self.links.iter().filter_map(|(name, index)| {
            let netlink = netlink.as_mut()?;
            let state = if interfaces::has_carrier(netlink, *index).ok()? {
                LinkState::Up
            } else if interfaces::exists(netlink, *index) {
                LinkState::NoCarrier
            } else {
                LinkState::Gone
            };
            Some(Link {
                name: name.clone(),
                state,
            })
        });
        let disks = self.folders.iter().filter_map(|folder| {
            let disk = nix::sys::statvfs::statvfs(folder).ok()?;
            Some(Disk {
                folder: folder.display().to_string(),
                free: disk.blocks_available().saturating_mul(disk.fragment_size()),
            })
        });
        let on_the_way = |name: &str| {
            let account = ledger.records.iter().find(|account| account.output == name);
            account.map_or(0, |account| account.dropped)
        };
        let outputs = outputs.fare().map(|(name, lost, failing)| OutputReading {
            name: name.to_owned(),
            lost: lost + on_the_way(name),
            failing,
        });
        let sources = ledger.capture.iter().map(|account| SourceReading {
            name: account.source.clone(),
            packets: account.delivered,
            bytes: account.delivered_bytes,
        });
        Reading {
            packets: ledger.frames.delivered,
            lost: ledger.losses().map(loss).collect(),
            bytes: ledger.frames.delivered_bytes,
            sources: sources.collect(),
            links: links.collect(),
            disks: disks.collect(),
            outputs: outputs.collect(),
            flows: ledger.flows.active,
            flow_capacity: snapshot.flow_memory.capacity as u64,
            workers: snapshot.workers.iter().map(worker).collect(),
            stuck: stuck.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// What is sent.
    fn message(&self, event: &Event) -> Value {
        let mut message = json!(event);
        message["sensor"] = self.sensor.clone().into();
        message["version"] = env!("CARGO_PKG_VERSION").into();
        message
    }

    /// The alerts of now, the gravest first.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        self.watch.active()
    }

    /// The alerts of now, for screens.
    #[must_use]
    pub fn views(&self) -> Vec<portreeve_live::Alert> {
        let view = |alert: Alert| portreeve_live::Alert {
            name: alert.name.name().to_owned(),
            object: alert.object,
            severity: alert.severity.name().to_owned(),
            text: alert.message,
            since: alert.since,
        };
        self.active().into_iter().map(view).collect()
    }

    /// The alerts of now and how the webhook fares, for the control socket.
    #[must_use]
    pub fn status(&self) -> Value {
        let webhook = self.webhook.as_ref().map(|(_, webhook)| {
            let sent = webhook.sent();
            json!({
                "sent": sent.sent,
                "lost": sent.lost,
                "failures": sent.failures,
                "last_error": sent.last_error,
            })
        });
        json!({ "active": self.active(), "webhook": webhook })
    }
}

/// Where packets were lost, in words that go on behind their number.
fn loss(loss: ledger::Loss<'_>) -> Loss {
    let place = match loss.place {
        LossPlace::Nic { source } => format!("missed by the NIC of {source}, ring full"),
        LossPlace::Damaged { source } => format!("received in error by {source}"),
        LossPlace::Kernel { source } => format!("dropped by the kernel at {source}, ring full"),
        LossPlace::BetweenWorkers => "between workers, ring full".to_owned(),
    };
    Loss {
        place,
        packets: loss.frames,
    }
}

fn worker(state: &WorkerState) -> WorkerReading {
    WorkerReading {
        name: state.name.clone(),
        busy_ns: state.waits.busy_ns,
        in_line_ns: state.in_line_ns,
        away: state.waits.stalls,
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

fn record(event: &Event) -> Record {
    let alert = &event.alert;
    let nanoseconds = |milliseconds: i64| milliseconds.saturating_mul(1_000_000);
    let made = app::alert::Alert {
        head: app::alert::Alert::at(nanoseconds(event.ts)),
        name: alert.name.name(),
        state: event.state.name(),
        severity: alert.severity.name(),
        object: alert.object.as_deref().map(Into::into),
        since: nanoseconds(alert.since),
        value: alert.value,
        threshold: alert.threshold,
        unit: alert.unit.name(),
        message: alert.message.as_str().into(),
    };
    Record::App(App::from(made))
}

fn said(event: &Event) -> (Level, String) {
    let alert = &event.alert;
    let name = alert.name.name();
    match (event.state, alert.severity) {
        (Turn::Raised, Severity::Critical) => (
            Level::Errors,
            format!("portreeve: alert {name}: {}", alert.message),
        ),
        (Turn::Raised, Severity::Warning) => (
            Level::Usual,
            format!("warning: alert {name}: {}", alert.message),
        ),
        (Turn::Cleared, _) => (
            Level::Usual,
            format!(
                "alert {name} is over after {} s: {}",
                (event.ts - alert.since) / 1000,
                alert.message
            ),
        ),
    }
}

/// The alerts that a running instance told of, for `portreeve stats`.
#[must_use]
pub fn page(status: &Value) -> String {
    let active: Vec<Alert> = serde_json::from_value(status["active"].clone()).unwrap_or_default();
    let mut page = String::new();
    if active.is_empty() {
        page.push_str("Alerts: none\n");
    } else {
        page.push_str("Alerts\n");
    }
    for alert in active {
        let age = (milliseconds(SystemTime::now()) - alert.since) / 1000;
        page.push_str(&format!(
            "  {} {}, for {age} s: {}\n",
            alert.severity.name(),
            alert.name.name(),
            alert.message
        ));
    }
    let webhook = &status["webhook"];
    if webhook.is_object() {
        page.push_str(&format!(
            "  webhook: {} sent, {} given up, {} failed attempts{}\n",
            webhook["sent"],
            webhook["lost"],
            webhook["failures"],
            webhook["last_error"]
                .as_str()
                .map_or(String::new(), |error| format!("; the last: {error}"))
        ));
    }
    page
}
