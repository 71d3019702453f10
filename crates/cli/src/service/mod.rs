//! What a service manager is told while a run goes on (sd_notify(3)): that packets are taken, how it fares, and signs of life.
//!
//! A sign of life says that the main loop turns and that every worker goes on. Who hangs lets the watchdog fire.

pub mod progress;

use std::time::{Duration, Instant};

use portreeve_engine::Snapshot;
use sd_notify::NotifyState;

use crate::ledger;
use crate::screen::rates::Meter;
use crate::service::progress::Progress;
use crate::text;

/// Between two looks at the workers, at most.
const LOOK: Duration = Duration::from_secs(1);
/// Between two lines for `systemctl status`.
const STATUS: Duration = Duration::from_secs(5);

/// The service manager, where there is one. Whom nobody started as a service says nothing.
pub struct Manager {
    /// Somebody listens.
    listens: bool,
    /// Between two looks: four within the watchdog's time, if there is one.
    every: Duration,
    look: Instant,
    status: Instant,
    ready: bool,
    ending: bool,
    meter: Meter,
}

impl Manager {
    /// The one that started this process; `is_service`: to be a service (`portreeve run`).
    #[must_use]
    pub fn of_this_process(is_service: bool) -> Manager {
        let now = Instant::now();
        let watchdog = sd_notify::watchdog_enabled().filter(|_| is_service);
        Manager {
            listens: is_service && std::env::var_os("NOTIFY_SOCKET").is_some(),
            every: watchdog.map_or(LOOK, |within| LOOK.min(within / 4)),
            look: now,
            status: now,
            ready: false,
            ending: false,
            meter: Meter::default(),
        }
    }

    /// Whether it is time for [`Manager::beat`].
    #[must_use]
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.look;
        if due {
            self.look = now + self.every;
        }
        due
    }

    /// A sign of life, if all workers go on; the first also says that packets are taken. `snapshot` is asked for when a line is due.
    pub fn beat(&mut self, now: Instant, progress: &Progress, snapshot: impl FnOnce() -> Snapshot) {
        if !self.listens {
            return;
        }
        let stuck = progress.stuck(now);
        if stuck.is_empty() {
            self.tell(&[NotifyState::Watchdog]);
        }
        if !self.ready && progress.has_begun() {
            self.ready = true;
            self.tell(&[NotifyState::Ready]);
        }
        if self.ready && !self.ending && now >= self.status {
            self.status = now + STATUS;
            let line = self.line(&snapshot(), &stuck);
            self.tell(&[NotifyState::Status(&line)]);
        }
    }

    fn line(&mut self, snapshot: &Snapshot, stuck: &[&str]) -> String {
        self.meter.take(snapshot);
        let mut line = format!(
            "{}, {} packets/s, {} flows; {}",
            text::bit_rate(self.meter.rates.bytes),
            text::short(self.meter.rates.packets),
            text::count(snapshot.ledger.flows.active),
            ledger::line(&snapshot.ledger)
        );
        if !stuck.is_empty() {
            line.push_str(&format!("; does not go on: {}", stuck.join(", ")));
        }
        line
    }

    /// The configuration is being read again.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// It was read.
    pub fn reloaded(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The run ends. Said once.
    pub fn stopping(&mut self) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        let line = "draining: taking in what is queued, writing the last records";
        self.tell(&[NotifyState::Stopping, NotifyState::Status(line)]);
    }

    fn tell(&self, state: &[NotifyState<'_>]) {
        if self.listens {
            // Nobody is there to tell that the service manager does not listen.
            let _ = sd_notify::notify(state);
        }
    }
}
