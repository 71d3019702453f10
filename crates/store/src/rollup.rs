//! Roll-ups: sums over conversations by time, for long ranges.
//!
//! ```text
//! conn_update ─┐   what was not     spread over   rollup_1s ─▶ rollup_1m ─▶ rollup_1h   by source, protocol, service
//! conn ────────┴─▶ counted yet  ──▶ its seconds ─▶ hosts_1m ─▶ hosts_1h                 by address: the busiest, and all others in one row
//! ```
//!
//! **Nothing is counted twice.** The updates of a conversation are counted as they come and remembered by `uid`; its `conn` adds
//! what they have not told: all of it, mostly, since most conversations are too short for an update; nothing, after a last update; or what
//! is missing where an update was lost on its way. A conversation that finds no place in the memory for that ([`MOST_UIDS`])
//! is counted when it ends.
//!
//! **Nothing is left out.** Numbers are spread by whole units, in proportion to the time that each bucket has of the interval, so that the parts
//! add up. Rows are *additive*: a bucket may have several rows of one key (what came late is in another), so every
//! query sums. That is why memory may be given back at any time.

mod blocks;

use std::collections::HashMap;
use std::net::IpAddr;

use ahash::RandomState;
use blocks::Blocks;

use portreeve_record::field::Ipfix::Own;
use portreeve_record::field::Kind::{self, Addr, Count, Str, Time};
use portreeve_record::field::Storage;
use portreeve_record::{Conn, Info, Record, RecordContext, SourceId, Uid, Value, proto};

use crate::schema::{Table, TableKind};

/// Conversations with updates that are remembered at once.
const MOST_UIDS: usize = 262_144;
/// A conversation that was silent for so long (by the records' time) is forgotten when there is no more place, nanoseconds.
const SILENT: i64 = 6 * 3600 * SECOND;
/// Addresses of one roll-up in memory; with more it is written early.
const MOST_KEYS: usize = 65_536;
/// Blocks of sums of one roll-up in memory, 4 KB each; with more it is written early.
const MOST_BLOCKS: usize = 4096;
/// Addresses that have a row of their own in a bucket, each time it is written: those with the most bytes.
pub const TOP_HOSTS: usize = 1000;
/// Buckets that one record is spread over at most; what is longer has wider steps.
const MOST_STEPS: i64 = 4096;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 3600 * SECOND;

/// Widths of the buckets of `rollup_1s`, `rollup_1m`, `rollup_1h`, nanoseconds.
const RATES: [(&str, i64); 3] = [
    ("rollup_1s", SECOND),
    ("rollup_1m", MINUTE),
    ("rollup_1h", HOUR),
];
const HOSTS: [(&str, i64); 2] = [("hosts_1m", MINUTE), ("hosts_1h", HOUR)];

const fn field(name: &'static str, kind: Kind, doc: &'static str) -> Info {
    Info::added(name, kind, "portreeve.rollup", Own(0), doc)
}

const fn name(name: &'static str, doc: &'static str) -> Info {
    field(name, Str, doc).stored(Storage::Name)
}

/// The columns of `rollup_…`.
static RATE_FIELDS: &[Info] = &[
    field("ts", Time, "When the bucket begins."),
    name("source", "Interface or file.").optional(),
    name("proto", "Transport protocol, as in `conn`."),
    name("service", "Application protocol, where it was recognised.").optional(),
    field(
        "conns",
        Count,
        "Conversations that began then and have ended.",
    ),
    field("orig_pkts", Count, "Packets from originators."),
    field(
        "orig_ip_bytes",
        Count,
        "Bytes of IP packets from originators.",
    ),
    field("orig_bytes", Count, "Payload bytes from originators."),
    field("resp_pkts", Count, "Packets from responders."),
    field(
        "resp_ip_bytes",
        Count,
        "Bytes of IP packets from responders.",
    ),
    field("resp_bytes", Count, "Payload bytes from responders."),
    name("sensor", "Name of the sensor."),
];

/// The columns of `hosts_…`.
static HOST_FIELDS: &[Info] = &[
    field("ts", Time, "When the bucket begins."),
    field(
        "host",
        Addr,
        "The address; unset: all that are not among the busiest, together.",
    )
    .optional(),
    field(
        "conns",
        Count,
        "Conversations that began then and have ended, by it or to it.",
    ),
    field("sent_pkts", Count, "Packets it sent."),
    field("sent_ip_bytes", Count, "Bytes of IP packets it sent."),
    field("received_pkts", Count, "Packets it was sent."),
    field(
        "received_ip_bytes",
        Count,
        "Bytes of IP packets it was sent.",
    ),
    name("sensor", "Name of the sensor."),
];

/// The tables of roll-ups.
pub(crate) fn tables() -> Vec<Table> {
    let table = |name, doc, fields: &[Info]| Table {
        name,
        doc,
        kind: TableKind::Rollup,
        fields: fields.to_vec(),
    };
    vec![
        table(
            "rollup_1s",
            "Traffic by second, source, protocol and service. Sum over rows: a second may have several of one key.",
            RATE_FIELDS,
        ),
        table("rollup_1m", "The same by minute.", RATE_FIELDS),
        table("rollup_1h", "The same by hour.", RATE_FIELDS),
        table(
            "hosts_1m",
            "The busiest addresses of each minute, and all others together (`host` unset). Sum over rows.",
            HOST_FIELDS,
        ),
        table("hosts_1h", "The same by hour.", HOST_FIELDS),
    ]
}

/// What a conversation carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums([u64; 6]);

impl Sums {
    fn of(conn: &Conn) -> Self {
        Sums([
            conn.orig.pkts,
            conn.orig.ip_bytes,
            conn.orig.bytes.unwrap_or(0),
            conn.resp.pkts,
            conn.resp.ip_bytes,
            conn.resp.bytes.unwrap_or(0),
        ])
    }

    fn add(&mut self, other: &Sums) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    fn without(self, other: &Sums) -> Sums {
        let mut rest = self;
        for (sum, less) in rest.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_sub(less);
        }
        rest
    }

    fn is_zero(&self) -> bool {
        self.0 == [0; 6]
    }

    /// What belongs to the first `part` of `whole` units of time.
    fn share(&self, part: i64, whole: i64) -> Sums {
        let (part, whole) = (part.unsigned_abs(), whole.unsigned_abs().max(1));
        Sums(self.0.map(|sum| match sum.checked_mul(part) {
            Some(product) => product / whole,
            None => (u128::from(sum) * u128::from(part) / u128::from(whole)) as u64,
        }))
    }
}

/// What is summed up apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Series {
    source: SourceId,
    ip_proto: u8,
    service: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rate {
    conns: u64,
    sums: Sums,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    conns: u64,
    sent: [u64; 2],
    received: [u64; 2],
}

impl Host {
    fn add(&mut self, other: &Host) {
        self.conns += other.conns;
        for i in 0..2 {
            self.sent[i] = self.sent[i].saturating_add(other.sent[i]);
            self.received[i] = self.received[i].saturating_add(other.received[i]);
        }
    }

    fn bytes(&self) -> u64 {
        self.sent[1].saturating_add(self.received[1])
    }
}

/// What was counted of a conversation that goes on.
#[derive(Clone, Copy, Debug)]
struct Counted {
    sums: Sums,
    until: i64,
}

/// A bucket's number and an address.
type HostKey = (i64, Option<IpAddr>);
type Hosts = HashMap<HostKey, Host, RandomState>;

/// Takes a row of a roll-up: its table's name and its values.
pub(crate) type Row<'a> = dyn FnMut(&'static str, &[Value<'_>]) + 'a;

/// How far sums have been carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Seconds are written, and added to minutes.
    Seconds,
    /// Minutes too, and added to hours.
    Minutes,
    /// Hours too: nothing is left in memory.
    Hours,
}

/// The sums that are not written yet.
#[derive(Default)]
pub(crate) struct Rollups {
    counted: HashMap<Uid, Counted, RandomState>,
    rates: [Blocks<Series, Rate>; 3],
    hosts: [Hosts; 2],
}

/// The last moment of a conversation, not before its first.
fn end(conn: &Conn) -> i64 {
    conn.ts.saturating_add(conn.duration.unwrap_or(0).max(0))
}

/// Hands each bucket's part of `sums`, carried from `from` to `to`, to `each`, with the bucket's number. The parts add up.
fn spread(from: i64, to: i64, width: i64, sums: &Sums, mut each: impl FnMut(i64, &Sums)) {
    let first = from.div_euclid(width);
    let last = to.max(from).div_euclid(width);
    if first == last {
        each(first, sums);
        return;
    }
    let whole = to.saturating_sub(from);
    let buckets = last.saturating_sub(first).saturating_add(1);
    let step = buckets.saturating_add(MOST_STEPS - 1) / MOST_STEPS;
    let mut before = Sums::default();
    let mut bucket = first;
    while bucket <= last {
        let next = bucket.saturating_add(step);
        let upto = if next > last {
            *sums
        } else {
            sums.share(next.saturating_mul(width).saturating_sub(from), whole)
        };
        let part = upto.without(&before);
        if !part.is_zero() {
            each(bucket, &part);
        }
        before = upto;
        bucket = next;
    }
}

impl Rollups {
    /// Counts a record, if it is one of a conversation.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::ConnUpdate(conn) => self.update(conn),
            Record::Conn(conn) => self.ended(conn),
            _ => {}
        }
    }

    fn update(&mut self, conn: &Conn) {
        let until = end(conn);
        if self.counted.len() >= MOST_UIDS && !self.counted.contains_key(&conn.uid) {
            self.counted
                .retain(|_, counted| counted.until > until.saturating_sub(SILENT));
            if self.counted.len() >= MOST_UIDS {
                return;
            }
        }
        let sums = Sums::of(conn);
        let counted = self.counted.entry(conn.uid).or_insert(Counted {
            sums: Sums::default(),
            until,
        });
        counted.sums.add(&sums);
        counted.until = counted.until.max(until);
        self.add(conn, conn.ts, until, &sums);
    }

    fn ended(&mut self, conn: &Conn) {
        let second = conn.ts.div_euclid(SECOND);
        self.rates[0].at(series(conn), second).conns += 1;
        let minute = conn.ts.div_euclid(MINUTE);
        for address in [conn.orig_h, conn.resp_h] {
            self.hosts[0]
                .entry((minute, Some(address)))
                .or_default()
                .conns += 1;
        }
        match self.counted.remove(&conn.uid) {
            None => self.add(conn, conn.ts, end(conn), &Sums::of(conn)),
            Some(counted) => {
                let rest = Sums::of(conn).without(&counted.sums);
                let to = end(conn);
                self.add(conn, counted.until.min(to), to, &rest);
            }
        }
    }

    fn add(&mut self, conn: &Conn, from: i64, to: i64, sums: &Sums) {
        if sums.is_zero() {
            return;
        }
        let series = series(conn);
        let rates = &mut self.rates[0];
        spread(from, to, SECOND, sums, |second, part| {
            rates.at(series, second).sums.add(part);
        });
        let hosts = &mut self.hosts[0];
        spread(from, to, MINUTE, sums, |minute, part| {
            let (orig, resp) = ([part.0[0], part.0[1]], [part.0[3], part.0[4]]);
            for (address, sent, received) in [(conn.orig_h, orig, resp), (conn.resp_h, resp, orig)]
            {
                let host = Host {
                    conns: 0,
                    sent,
                    received,
                };
                hosts.entry((minute, Some(address))).or_default().add(&host);
            }
        });
    }

    /// Whether so much is in memory that it should be written.
    pub fn is_full(&self) -> bool {
        self.rates[0].len() >= MOST_BLOCKS || self.hosts[0].len() >= MOST_KEYS
    }

    /// Writes what there is, down to `depth`, and forgets it.
    pub fn write(&mut self, depth: Depth, context: &RecordContext, row: &mut Row<'_>) {
        for (level, (table, width)) in RATES.iter().enumerate().take(depth as usize + 1) {
            let rates = std::mem::take(&mut self.rates[level]);
            let wider = RATES.get(level + 1).map(|(_, wider)| wider / width);
            for (series, bucket, rate) in rates.iter() {
                if let Some(many) = wider {
                    let sum = self.rates[level + 1].at(series, bucket.div_euclid(many));
                    sum.conns += rate.conns;
                    sum.sums.add(&rate.sums);
                }
                let time = bucket.saturating_mul(*width);
                rate_row(table, time, series, rate, context, row);
            }
        }
        for (level, (table, width)) in HOSTS.iter().enumerate().take(depth as usize) {
            let mut hosts = std::mem::take(&mut self.hosts[level]);
            if let Some((_, wider)) = HOSTS.get(level + 1) {
                for ((bucket, address), host) in &hosts {
                    let key = (bucket.div_euclid(wider / width), *address);
                    self.hosts[level + 1].entry(key).or_default().add(host);
                }
            }
            for ((bucket, address), host) in busiest(&mut hosts) {
                let time = bucket.saturating_mul(*width);
                host_row(table, (time, address), &host, context, row);
            }
        }
        // Full maps further down are not waited for: rows are additive.
        if self.rates[1].len() >= MOST_BLOCKS
            || self.rates[2].len() >= MOST_BLOCKS
            || self.hosts[1].len() >= MOST_KEYS
        {
            self.write(Depth::Hours, context, row);
        }
    }
}

/// The busiest of each bucket, and the sum of all others under no address.
fn busiest(hosts: &mut Hosts) -> Vec<(HostKey, Host)> {
    let mut all: Vec<(HostKey, Host)> = hosts.drain().collect();
    all.sort_unstable_by_key(|((bucket, address), host)| {
        (
            *bucket,
            address.is_none(),
            std::cmp::Reverse(host.bytes()),
            *address,
        )
    });
    let mut kept: Vec<(HostKey, Host)> = Vec::new();
    let mut others: HashMap<i64, Host> = HashMap::new();
    let (mut bucket, mut rank) = (i64::MIN, 0);
    for (key, host) in all {
        if key.0 != bucket {
            (bucket, rank) = (key.0, 0);
        }
        rank += 1;
        if rank <= TOP_HOSTS && key.1.is_some() {
            kept.push((key, host));
        } else {
            others.entry(key.0).or_default().add(&host);
        }
    }
    kept.extend(
        others
            .into_iter()
            .map(|(bucket, host)| ((bucket, None), host)),
    );
    kept
}

fn series(conn: &Conn) -> Series {
    Series {
        source: conn.source,
        ip_proto: conn.ip_proto,
        service: conn.service,
    }
}

fn rate_row(
    table: &'static str,
    time: i64,
    series: Series,
    rate: &Rate,
    context: &RecordContext,
    row: &mut Row<'_>,
) {
    let [
        orig_pkts,
        orig_ip,
        orig_bytes,
        resp_pkts,
        resp_ip,
        resp_bytes,
    ] = rate.sums.0;
    row(
        table,
        &[
            Value::Time(time),
            context.source(series.source).into(),
            Value::Word(proto::name(series.ip_proto)),
            Value::word(series.service),
            Value::Count(rate.conns),
            Value::Count(orig_pkts),
            Value::Count(orig_ip),
            Value::Count(orig_bytes),
            Value::Count(resp_pkts),
            Value::Count(resp_ip),
            Value::Count(resp_bytes),
            context.sensor().into(),
        ],
    );
}

fn host_row(
    table: &'static str,
    key: HostKey,
    host: &Host,
    context: &RecordContext,
    row: &mut Row<'_>,
) {
    row(
        table,
        &[
            Value::Time(key.0),
            Value::addr(key.1),
            Value::Count(host.conns),
            Value::Count(host.sent[0]),
            Value::Count(host.sent[1]),
            Value::Count(host.received[0]),
            Value::Count(host.received[1]),
            context.sensor().into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(uid: u32, ts: i64, duration: i64, pkts: u64, bytes: u64) -> Conn {
        let mut conn = Conn {
            ts,
            uid: Uid([0, 0, uid]),
            duration: Some(duration),
            ip_proto: 6,
            ..Conn::default()
        };
        conn.orig.pkts = pkts;
        conn.orig.ip_bytes = bytes;
        conn
    }

    /// Rows as `(table, ts, the counts)`.
    fn rows(rollups: &mut Rollups, depth: Depth) -> Vec<(String, i64, Vec<u64>)> {
        let mut rows = Vec::new();
        rollups.write(depth, &RecordContext::default(), &mut |table, values| {
            let Value::Time(ts) = values[0] else {
                panic!("no time")
            };
            let counts = values.iter().filter_map(|value| match value {
                Value::Count(count) => Some(*count),
                _ => None,
            });
            rows.push((table.to_owned(), ts, counts.collect()));
        });
        rows.sort();
        rows
    }

    fn of(rows: &[(String, i64, Vec<u64>)], table: &str) -> Vec<(i64, u64, u64, u64)> {
        rows.iter()
            .filter(|row| row.0 == table)
            .map(|row| (row.1 / SECOND, row.2[0], row.2[1], row.2[2]))
            .collect()
    }

    #[test]
    fn a_conversation_is_spread_over_its_seconds() {
        let mut rollups = Rollups::default();
        // From 0.5 s to 2.5 s: a quarter, a half, a quarter.
        rollups.take(&Record::Conn(conn(1, SECOND / 2, 2 * SECOND, 5, 1001)));
        let rows = rows(&mut rollups, Depth::Hours);
        assert_eq!(
            of(&rows, "rollup_1s"),
            [(0, 1, 1, 250), (1, 0, 2, 500), (2, 0, 2, 251)]
        );
        assert_eq!(of(&rows, "rollup_1m"), [(0, 1, 5, 1001)]);
        assert_eq!(of(&rows, "rollup_1h"), [(0, 1, 5, 1001)]);
        // Both ends are the same address here: it sent and received everything.
        assert_eq!(of(&rows, "hosts_1h"), [(0, 2, 5, 1001)]);
    }

    #[test]
    fn updates_are_not_counted_again_at_the_end() {
        let mut rollups = Rollups::default();
        rollups.take(&Record::ConnUpdate(conn(1, 0, 60 * SECOND, 60, 6000)));
        rollups.take(&Record::ConnUpdate(conn(
            1,
            60 * SECOND,
            60 * SECOND,
            1,
            10,
        )));
        // Another's update was lost: its end tells the rest.
        rollups.take(&Record::ConnUpdate(conn(2, 0, SECOND, 3, 30)));
        rollups.take(&Record::Conn(conn(1, 0, 120 * SECOND, 61, 6010)));
        rollups.take(&Record::Conn(conn(2, 0, 200 * SECOND, 10, 100)));
        assert!(rollups.counted.is_empty());
        let rows = rows(&mut rollups, Depth::Hours);
        for table in ["rollup_1s", "rollup_1m", "rollup_1h"] {
            let sum = of(&rows, table).into_iter().fold((0, 0, 0), |sum, row| {
                (sum.0 + row.1, sum.1 + row.2, sum.2 + row.3)
            });
            assert_eq!(sum, (2, 71, 6110), "{table}");
        }
    }

    #[test]
    fn all_hosts_but_the_busiest_are_one_row() {
        let mut rollups = Rollups::default();
        for i in 0..3000u32 {
            let mut conn = conn(i, 0, 0, 1, u64::from(i) + 100);
            conn.orig_h = IpAddr::from((i + 1).to_be_bytes());
            rollups.take(&Record::Conn(conn));
        }
        let mut sent = 0;
        let mut named = 0;
        rollups.write(
            Depth::Hours,
            &RecordContext::default(),
            &mut |table, values| {
                if table == "hosts_1m" {
                    named += usize::from(!values[1].is_unset());
                    let Value::Count(bytes) = values[4] else {
                        panic!("no count")
                    };
                    sent += bytes;
                }
            },
        );
        assert_eq!(named, TOP_HOSTS);
        assert_eq!(sent, (0..3000).map(|i| i + 100).sum::<u64>());
    }

    #[test]
    fn absurd_times_end_and_lose_nothing() {
        let mut rollups = Rollups::default();
        for (ts, duration) in [
            (i64::MIN, i64::MAX),
            (i64::MAX, i64::MAX),
            (0, i64::MAX),
            (-5, -7),
            (i64::MIN, 0),
        ] {
            rollups.take(&Record::Conn(conn(1, ts, duration, 10_000, 1_000_000)));
        }
        let rows = rows(&mut rollups, Depth::Hours);
        let sum: u64 = of(&rows, "rollup_1s").iter().map(|row| row.3).sum();
        assert_eq!(sum, 5_000_000);
    }
}
