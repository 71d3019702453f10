//! What a run did in the last minutes, for screens: the terminal's, the browser's.
//!
//! ```text
//! main loop ── once a second ─▶ take(Snapshot) ─▶ Second (an hour of them) ┐
//!                                                                          ├─▶ View (replaced whole each second)
//! ring of the output "live" ─▶ LiveOutput ─▶ flows · records · last minute ┘      flows(ask) · flow(uid)
//!                                               └▶ sums by minute ─▶ totals(from, to), where there is no store
//! ```
//!
//! Nothing here is on a packet's way, and there is no thread of its own: the main loop brings the snapshots, the output's thread the records. It is for looking
//! at what is going on; for the past there is the store.
//!
//! **Memory is bounded.** [`LiveSettings`] bounds seconds, conversations and records: what is full forgets the oldest. [`Totals`], which are kept only for who
//! asked for them ([`Live::keep_totals`]), are of the last hour: 64 MiB of minutes that are over, about 8 MiB of the one that goes on and 2 MiB of rates at most.
//! An ordinary network takes a tenth of that; where every key is new, those 64 MiB hold some 20 minutes, and no answer claims more.
//!
//! **Directions.** `out` is what somebody sent, `in` what they received: a host, a country; an application's or a service's servers; the
//! first end of a conversation. Of a [`Second`] they are by the local networks.
#![forbid(unsafe_code)]

mod filter;
mod flow;
mod flows;
mod json;
mod minute;
mod output;
mod records;
mod second;
mod settings;
mod steps;
mod sum;
mod told;
mod totals;
mod uid;
mod view;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use portreeve_engine::Snapshot;
use serde_json::{Map, Value};

pub use filter::Filter;
pub use flow::{FlowAsk, FlowDetail, FlowRow, Order};
pub use minute::UNRECOGNISED;
pub use output::LiveOutput;
pub use portreeve_filter::FilterError;
pub use second::Second;
pub use settings::LiveSettings;
pub use totals::{
    By, CELL_MS, Kind, Page, Point, Ranked, Rate, Table, Totals, WEAK_CIPHERS, WEAK_VERSIONS,
};
pub use view::{
    Alert, Ends, LocalNets, OutputView, Progress, Row, SourceView, Top, View, WorkerView,
};

use records::Records;
use second::Seconds;
use steps::Steps;

/// The name of the output in the ledger.
pub const NAME: &str = "live";

/// What a run did in the last minutes. Clones show the same.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    settings: LiveSettings,
    view: Mutex<Arc<View>>,
    changed: Condvar,
    seconds: Mutex<Seconds>,
    steps: Mutex<Steps>,
    records: records::Shared,
    outputs: Mutex<Vec<OutputView>>,
    alerts: Mutex<Vec<Alert>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

impl Live {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(settings: LiveSettings) -> Self {
        Live {
            inner: Arc::new(Inner {
                settings,
                view: Mutex::default(),
                changed: Condvar::new(),
                seconds: Mutex::new(Seconds::new(settings.seconds)),
                steps: Mutex::default(),
                records: Arc::new(Mutex::new(Records::new(&settings))),
                outputs: Mutex::default(),
                alerts: Mutex::default(),
            }),
        }
    }

    /// What records come in by: an output like any other, with a ring of its own.
    #[must_use]
    pub fn output(&self) -> LiveOutput {
        LiveOutput::new(Arc::clone(&self.inner.records))
    }

    /// Says how the outputs fare, for the next view.
    pub fn set_outputs(&self, outputs: Vec<OutputView>) {
        *lock(&self.inner.outputs) = outputs;
    }

    /// What somebody should know now.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        lock(&self.inner.alerts).clone()
    }

    /// Says what somebody should know, for the next view.
    pub fn set_alerts(&self, alerts: Vec<Alert>) {
        *lock(&self.inner.alerts) = alerts;
    }

    /// Takes the run's state at `now` and makes the next view of it. To be called once a second, a moment after the second's end: what is
    /// shown is the second before.
    pub fn take(&self, snapshot: &Snapshot, now: SystemTime) {
        let inner = &self.inner;
        let now = milliseconds(now);
        let ts = (now.div_euclid(1000) - 1) * 1000;
        let mut steps = lock(&inner.steps);
        if !lock(&inner.seconds).is_next(ts) {
            return;
        }
        let step = steps.take(snapshot, ts);
        let second = step.as_ref().and_then(|step| step.second);
        if let Some(second) = second {
            lock(&inner.seconds).push(second);
        }
        let most = inner.settings.top;
        let top = {
            let mut records = lock(&inner.records);
            records.minute.next();
            if let Some(hour) = &mut records.hour {
                hour.next(ts);
            }
            let minute = &records.minute;
            Top {
                hosts: steps.hosts(most, minute),
                services: steps.services(most, minute),
                applications: minute.applications(most),
                conversations: steps.conversations(most, minute),
                countries: minute.countries(most),
            }
        };
        drop(steps);
        let step = step.unwrap_or_default();
        let ledger = snapshot.ledger.clone();
        let mut view = View {
            version: 0,
            ts: now,
            uptime_ms: snapshot.uptime_ns / 1_000_000,
            second: second.unwrap_or_default(),
            local_nets: if snapshot.directions.configured {
                LocalNets::Configured
            } else {
                LocalNets::Private
            },
            balanced: ledger.is_balanced(),
            lost_packets: ledger.lost_frames(),
            lost_records: ledger.lost_records(),
            lost_anything: ledger.lost_anything(),
            ledger,
            workers: step.workers,
            sources: step.sources,
            flow_memory: snapshot.flow_memory,
            progress: snapshot.position.map(|(read, total)| Progress {
                read,
                total,
                bytes_a_second: step.read,
            }),
            memory: snapshot.memory.clone(),
            outputs: lock(&inner.outputs).clone(),
            top,
            alerts: lock(&inner.alerts).clone(),
        };
        let mut held = lock(&inner.view);
        view.version = held.version + 1;
        *held = Arc::new(view);
        drop(held);
        inner.changed.notify_all();
    }

    /// Keeps sums by minute from now on, for whoever has no store.
    pub fn keep_totals(&self) {
        let mut records = lock(&self.inner.records);
        records.hour.get_or_insert_default();
    }

    /// What was summed up over the minutes that have part of this time, milliseconds since 1970-01-01 UTC; `None`: no sums are kept.
    #[must_use]
    pub fn totals(&self, from: i64, to: i64) -> Option<Totals> {
        let records = lock(&self.inner.records);
        records.hour.as_ref().map(|hour| hour.within(from, to))
    }

    /// Rates of the last hour by protocol, in cells of [`CELL_MS`]; `None`: no sums are kept.
    #[must_use]
    pub fn rates(&self, by: By, from: i64, to: i64) -> Option<BTreeMap<&'static str, Vec<Point>>> {
        let records = lock(&self.inner.records);
        let hour = records.hour.as_ref()?;
        Some(hour.rates.series(by, from, to))
    }

    /// The name of an address, where names are joined and it was heard of lately.
    #[must_use]
    pub fn name(&self, address: IpAddr) -> Option<String> {
        let records = lock(&self.inner.records);
        records.minute.name(address).map(str::to_owned)
    }

    /// All that a screen shows now.
    #[must_use]
    pub fn now(&self) -> Arc<View> {
        Arc::clone(&lock(&self.inner.view))
    }

    /// The seconds that began at `since_ms` (milliseconds since 1970-01-01 UTC) or later, oldest first.
    #[must_use]
    pub fn seconds(&self, since_ms: i64) -> Vec<Second> {
        lock(&self.inner.seconds).since(since_ms)
    }

    /// Waits until there is a later version than `after`, or for so long; the version that there is then.
    #[must_use]
    pub fn wait(&self, after: u64, timeout: Duration) -> u64 {
        let held = lock(&self.inner.view);
        let waited = self
            .inner
            .changed
            .wait_timeout_while(held, timeout, |view| view.version <= after);
        waited.unwrap_or_else(PoisonError::into_inner).0.version
    }

    /// Recent conversations: those that ended, and those that go on of which an update has come.
    ///
    /// # Errors
    /// The filter is not understood.
    pub fn flows(&self, ask: &FlowAsk) -> Result<Vec<FlowRow>, FilterError> {
        let filter = Filter::parse(&ask.filter)?;
        let (all, mut context) = lock(&self.inner.records).all();
        let mut rows: Vec<FlowRow> = all
            .iter()
            .filter(|known| filter.matches(known, &mut context))
            .map(|known| FlowRow::new(&known.conn, known.facts.as_deref(), known.open))
            .collect();
        ask.order.sort(&mut rows);
        rows.truncate(ask.limit);
        Ok(rows)
    }

    /// Of the conversations that go on, of which an update has come: those that `filter` finds, the last told of first.
    ///
    /// # Errors
    /// The filter is not understood.
    pub fn running(&self, filter: &str) -> Result<Vec<FlowRow>, FilterError> {
        let filter = Filter::parse(filter)?;
        let (all, mut context) = lock(&self.inner.records).all();
        let open = all.iter().filter(|known| known.open);
        Ok(open
            .filter(|known| filter.matches(known, &mut context))
            .map(|known| FlowRow::new(&known.conn, known.facts.as_deref(), true))
            .collect())
    }

    /// What [`FlowDetail::conn`] has, of each of these conversations; empty: nothing is known of it any more.
    #[must_use]
    pub fn conns<'a>(&self, uids: impl Iterator<Item = &'a str>) -> Vec<Map<String, Value>> {
        let known = lock(&self.inner.records).conns(uids.map(uid::parse));
        known.spelt()
    }

    /// All that is known of one conversation; `None`: nothing, or nothing any more.
    #[must_use]
    pub fn flow(&self, uid: &str) -> Option<FlowDetail> {
        let uid = uid::parse(uid)?;
        let found = lock(&self.inner.records).find(uid)?;
        Some(found.detail())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_output::Output;
    use portreeve_record::{Conn, Record, RecordContext, Uid};

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 100)
    }

    fn snapshot(second: u64) -> Snapshot {
        let mut snapshot = Snapshot {
            uptime_ns: second * 1_000_000_000,
            ..Snapshot::default()
        };
        snapshot.ledger.frames.delivered = second * second;
        snapshot
    }

    #[test]
    fn each_second_has_a_view_and_who_waits_is_woken() {
        let live = Live::new(LiveSettings::default());
        live.take(&snapshot(1), at(11));
        live.take(&snapshot(2), at(12));
        // Within the same second: not again.
        live.take(&snapshot(3), at(12));
        let view = live.now();
        assert_eq!((view.version, view.second.ts), (2, 11_000));
        assert_eq!(view.second.packets, 3);
        assert_eq!(live.wait(0, Duration::from_secs(100)), 2);
        assert_eq!(live.wait(2, Duration::from_millis(1)), 2);
        let waiting = live.clone();
        let waiter = std::thread::spawn(move || waiting.wait(2, Duration::from_secs(100)));
        live.take(&snapshot(3), at(13));
        assert_eq!(waiter.join().expect("no panic"), 3);
        assert_eq!(live.seconds(0).len(), 2);
        let text = serde_json::to_string(&*live.now()).expect("JSON");
        let back: View = serde_json::from_str(&text).expect("a view");
        assert_eq!(back, *live.now());
    }

    #[test]
    fn a_conversation_is_found_by_its_uid_with_what_it_was_about() {
        let live = Live::new(LiveSettings::default());
        let mut output = live.output();
        let context = RecordContext::new("sensor", vec!["eth9".into()]);
        let uid = Uid([1, 2, 3]);
        let mut dns = portreeve_record::app::dns::Dns::default();
        dns.head.uid = uid;
        dns.query = Some("www.example".into());
        output.write(&Record::App(dns.into()), &context);
        let text = uid.to_string();
        let detail = live.flow(&text).expect("it is known by its record");
        assert_eq!(detail.conn["uid"], text.as_str());
        assert!(detail.open);
        output.write(
            &Record::Conn(Conn {
                uid,
                ip_proto: 17,
                service: Some("dns"),
                ..Conn::default()
            }),
            &context,
        );
        let detail = live.flow(&text).expect("it is known");
        assert_eq!(detail.conn["service"], "dns");
        assert_eq!(detail.records[0]["log"], "dns");
        assert_eq!(detail.records[0]["query"], "www.example");
        assert!(!detail.open);
        assert!(live.flow("C00000000000000000").is_none());
        assert!(live.flow("nonsense").is_none());
        assert_eq!(output.counters().written, 2);
    }

    #[test]
    fn what_goes_on_is_told_apart_from_what_ended() {
        let live = Live::new(LiveSettings::default());
        let mut output = live.output();
        let context = RecordContext::default();
        let of = |number, bytes| {
            let mut conn = Conn {
                uid: Uid([0, 0, number]),
                ip_proto: 6,
                resp_p: 22,
                ..Conn::default()
            };
            conn.orig.ip_bytes = bytes;
            conn
        };
        for (number, bytes) in [(1, 10), (2, 20), (1, 5)] {
            output.write(&Record::ConnUpdate(of(number, bytes)), &context);
        }
        output.write(&Record::Conn(of(2, 20)), &context);
        let rows = live.running("port:22").expect("a filter");
        assert_eq!((rows.len(), rows[0].orig_ip_bytes), (1, 15));
        assert!(live.running("port:23").expect("a filter").is_empty());
        let uids = [rows[0].uid.as_str(), "nonsense"];
        let conns = live.conns(uids.into_iter());
        assert_eq!(conns[0]["orig_ip_bytes"], 15);
        assert!(conns[1].is_empty());
    }

    #[test]
    fn flows_are_filtered_sorted_and_cut() {
        let live = Live::new(LiveSettings::default());
        let mut output = live.output();
        let context = RecordContext::default();
        for number in 1..=20u32 {
            let mut conn = Conn {
                uid: Uid([0, 0, number]),
                ip_proto: 6,
                resp_p: if number % 2 == 0 { 443 } else { 22 },
                ..Conn::default()
            };
            conn.orig.ip_bytes = u64::from(number * 7 % 20);
            output.write(&Record::Conn(conn), &context);
        }
        let ask = |filter: &str, order| {
            let ask = FlowAsk {
                filter: filter.into(),
                order,
                limit: 3,
            };
            live.flows(&ask)
        };
        let bytes = |rows: Vec<FlowRow>| -> Vec<u64> { rows.iter().map(FlowRow::bytes).collect() };
        let rows = ask("", Order::Bytes).expect("a filter");
        assert_eq!(bytes(rows), [19, 18, 17]);
        let rows = ask("port:443", Order::Bytes).expect("a filter");
        assert_eq!(bytes(rows), [18, 16, 14]);
        assert!(live.running("").expect("a filter").is_empty());
        let rows = ask("port:22", Order::Newest).expect("a filter");
        assert_eq!(rows[0].uid, Uid([0, 0, 19]).to_string());
        assert!(ask("port:", Order::Newest).is_err());
    }
}
