//! Roll-ups: sums over conversations by time, for long ranges.
//!
//! ```text
//! conn_update ─┐   what was not     spread over   rollup_1s ─▶ rollup_1m ─▶ rollup_1h   by source, protocol, service
//! conn ────────┴─▶ counted yet  ──▶ its seconds ─▶ hosts_1m ─▶ hosts_1h                 by address: the busiest, and all others in one row
//! ```
//!
//! **Nothing is counted twice.** The updates of a conversation are counted as they come and remembered by `uid`; its `conn` adds
//! what they have not told: all of it, mostly, since most conversations are too short for an update; nothing, after a last update; or what
//! is missing where an update was lost on its way. A conversation that finds no place in the memory for that ([`Bounds`])
//! is counted when it ends.
//!
//! **Nothing is left out.** Numbers are spread by whole units, in proportion to the time that each bucket has of the interval, so that the parts
//! add up. Rows are *additive*: a bucket may have several rows of one key (what came late is in another), so every
//! query sums. That is why memory may be given back at any time.

mod blocks;
mod hosts;

use std::collections::HashMap;
use std::net::IpAddr;

use ahash::RandomState;
use blocks::Blocks;
use hosts::{Host, HostKey, Hosts, busiest};

pub use hosts::TOP_HOSTS;

use portreeve_record::field::Ipfix::Own;
use portreeve_record::field::Kind::{self, Addr, Count, Str, Time};
use portreeve_record::field::Storage;
use portreeve_record::{Conn, Info, Record, RecordContext, SourceId, Uid, Value, proto};

use crate::schema::{Table, TableKind};

/// A conversation that was silent for so long (by the records' time) is forgotten when there is no more place, nanoseconds.
const SILENT: i64 = 6 * 3600 * SECOND;
/// Buckets that one record is spread over at most; what is longer has wider steps.
const MOST_STEPS: i64 = 1024;

/// Series that are found without a search.
const NEAR: usize = 32;
/// Binary digits behind the point of what is carried up to a time: enough for [`MOST_STEPS`] additions.
const POINT: u32 = 20;

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

    #[inline]
    fn add(&mut self, other: &Sums) {
        // No link carries so much that this wraps, and several at a time are added so.
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.wrapping_add(more);
        }
    }

    fn without(self, other: &Sums) -> Sums {
        let mut rest = self;
        for (sum, less) in rest.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_sub(less);
        }
        rest
    }

    #[inline]
    fn is_zero(&self) -> bool {
        // Comparing arrays of this length is a call.
        self.0.iter().fold(0, |any, sum| any | sum) == 0
    }

    /// Bits that no sum needs, but for one.
    #[inline]
    fn spare_bits(&self) -> u32 {
        let all = self.0.iter().fold(0, |all, sum| all | sum);
        all.leading_zeros().saturating_sub(2)
    }

    /// What `share` of it is, for shares below 1, with so many binary digits behind the point.
    #[inline]
    fn share(&self, share: f64, point: u32) -> [u64; 6] {
        let share = share * (1_u64 << point) as f64;
        let signed = |sum| i64::try_from(sum).unwrap_or(i64::MAX);
        self.0
            .map(|sum| (signed(sum) as f64 * share) as i64)
            .map(i64::cast_unsigned)
    }
}

/// What is summed up apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Series {
    source: SourceId,
    ip_proto: u8,
    service: Option<&'static str>,
}

impl Series {
    /// Whether it is the same without reading names: they may lie in several places.
    fn is_surely(&self, other: &Series) -> bool {
        let services = match (self.service, other.service) {
            (Some(ours), Some(theirs)) => std::ptr::eq(ours, theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        services && self.source == other.source && self.ip_proto == other.ip_proto
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rate {
    conns: u64,
    sums: Sums,
}

/// What was counted of a conversation that goes on.
#[derive(Clone, Copy, Debug)]
struct Counted {
    sums: Sums,
    until: i64,
}

/// Numbers of series: what sums are kept by. There are as many as sources, protocols and services make: few.
#[derive(Default)]
struct Numbers {
    numbers: HashMap<Series, u32, RandomState>,
    series: Vec<Series>,
    /// Those that were asked for, by where the name of the service lies: nothing of it needs to be read.
    near: [Option<(Series, u32)>; NEAR],
}

impl Numbers {
    /// The number of a series.
    fn of(&mut self, series: Series) -> u32 {
        let service = series.service.map_or(0, |service| service.as_ptr().addr());
        let near = &mut self.near[(service >> 2 ^ usize::from(series.ip_proto)) % NEAR];
        if let Some((known, number)) = near
            && known.is_surely(&series)
        {
            return *number;
        }
        let next = self.series.len() as u32;
        let number = *self.numbers.entry(series).or_insert(next);
        if number == next {
            self.series.push(series);
        }
        *near = Some((series, number));
        number
    }
}

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

/// How much is in memory at most, of each kind.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Conversations with updates that are remembered at once.
    uids: usize,
    /// Addresses of one roll-up; with more it is written early.
    hosts: usize,
    /// Blocks of sums of one roll-up; with more it is written early.
    blocks: usize,
}

impl Bounds {
    /// What fits into so many bytes, a third for each kind.
    fn within(bytes: usize) -> Self {
        // A map's places, a power of two of them, have a byte each beside what they hold; one in eight stays free.
        let places = |bytes: usize, place: usize| {
            let places = (bytes / (place + 1)).max(16);
            1_usize << places.ilog2()
        };
        let third = bytes / 3;
        // Minutes, hours, and those that are put in order to be written.
        let hosts = places(third / 3, size_of::<(HostKey, Host)>());
        Bounds {
            uids: places(third, size_of::<(Uid, Counted)>()) / 8 * 7,
            // One record has that many at most.
            hosts: (hosts / 8 * 7)
                .saturating_sub(2 * MOST_STEPS as usize)
                .max(1),
            // Seconds, minutes, hours, and those that are being written.
            blocks: (third / 4 / Blocks::<u32, Rate>::BLOCK).max(1),
        }
    }
}

/// The sums that are not written yet.
pub(crate) struct Rollups {
    bounds: Bounds,
    counted: HashMap<Uid, Counted, RandomState>,
    numbers: Numbers,
    rates: [Blocks<u32, Rate>; 3],
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
    let whole = to.saturating_sub(from) as f64;
    let buckets = last.saturating_sub(first).saturating_add(1);
    let step = buckets.saturating_add(MOST_STEPS - 1) / MOST_STEPS;
    let mut bucket = first.saturating_add(step);
    // What was carried up to the end of a bucket grows by the same with each: nothing is divided, and several sums are worked out at a time.
    let point = sums.spare_bits().min(POINT);
    let part = bucket.saturating_mul(width).saturating_sub(from) as f64;
    let mut upto = sums.share((part / whole).min(1.0), point);
    let grows = sums.share((step.saturating_mul(width) as f64 / whole).min(1.0), point);
    let mut before = Sums::default();
    while bucket <= last {
        let mut part = Sums::default();
        for i in 0..6 {
            let carried = upto[i] >> point;
            part.0[i] = carried.wrapping_sub(before.0[i]);
            before.0[i] = carried;
            upto[i] = upto[i].wrapping_add(grows[i]);
        }
        if !part.is_zero() {
            each(bucket - step, &part);
        }
        bucket = bucket.saturating_add(step);
    }
    let part = sums.without(&before);
    if !part.is_zero() {
        each(bucket - step, &part);
    }
}

impl Rollups {
    /// None yet, and never more than so many bytes, about.
    pub fn new(bytes: usize) -> Self {
        let bounds = Bounds::within(bytes);
        Rollups {
            bounds,
            // Maps that grow have both their old places and their new ones meanwhile: these never do.
            counted: HashMap::with_capacity_and_hasher(bounds.uids, RandomState::default()),
            numbers: Numbers::default(),
            rates: Default::default(),
            hosts: [(); 2].map(|()| {
                let most = bounds.hosts + 2 * MOST_STEPS as usize;
                HashMap::with_capacity_and_hasher(most, RandomState::default())
            }),
        }
    }

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
        if self.counted.len() >= self.bounds.uids && !self.counted.contains_key(&conn.uid) {
            self.counted
                .retain(|_, counted| counted.until > until.saturating_sub(SILENT));
            if self.counted.len() >= self.bounds.uids {
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
        let series = self.numbers.of(series(conn));
        self.add(conn, series, (conn.ts, until), &sums, None);
    }

    fn ended(&mut self, conn: &Conn) {
        let (end, sums) = (end(conn), Sums::of(conn));
        // Mostly nobody has updates.
        let counted = if self.counted.is_empty() {
            None
        } else {
            self.counted.remove(&conn.uid)
        };
        let series = self.numbers.of(series(conn));
        let second = conn.ts.div_euclid(SECOND);
        self.rates[0].at(series, second).conns += 1;
        let minute = conn.ts.div_euclid(MINUTE);
        match counted {
            None => self.add(conn, series, (conn.ts, end), &sums, Some(minute)),
            Some(counted) => {
                let rest = sums.without(&counted.sums);
                self.add(
                    conn,
                    series,
                    (counted.until.min(end), end),
                    &rest,
                    Some(minute),
                );
            }
        }
    }

    /// Adds what was carried from one time to another, and a conversation to the minute in which it began.
    fn add(
        &mut self,
        conn: &Conn,
        series: u32,
        (from, to): (i64, i64),
        sums: &Sums,
        mut began: Option<i64>,
    ) {
        let rates = &mut self.rates[0];
        let hosts = &mut self.hosts[0];
        let mut add_hosts = |minute: i64, part: &Sums, conns: u64| {
            let (orig, resp) = ([part.0[0], part.0[1]], [part.0[3], part.0[4]]);
            for (address, sent, received) in [(conn.orig_h, orig, resp), (conn.resp_h, resp, orig)]
            {
                let key = HostKey::new(minute, Some(address));
                hosts.entry(key).or_default().add(&Host {
                    conns,
                    sent,
                    received,
                });
            }
        };
        if !sums.is_zero() {
            spread(from, to, SECOND, sums, |second, part| {
                rates.at(series, second).sums.add(part);
            });
            spread(from, to, MINUTE, sums, |minute, part| {
                let conns = u64::from(began.take_if(|began| *began == minute).is_some());
                add_hosts(minute, part, conns);
            });
        }
        if let Some(minute) = began {
            add_hosts(minute, &Sums::default(), 1);
        }
    }

    /// Whether so much is in memory that it should be written.
    pub fn is_full(&self) -> bool {
        self.rates[0].len() >= self.bounds.blocks || self.hosts[0].len() >= self.bounds.hosts
    }

    /// Writes what there is, down to `depth`, and forgets it.
    pub fn write(&mut self, depth: Depth, context: &RecordContext, row: &mut Row<'_>) {
        for level in 0..=depth as usize {
            self.write_rates(level, context, row);
        }
        for level in 0..depth as usize {
            self.write_hosts(level, context, row);
        }
    }

    fn write_rates(&mut self, level: usize, context: &RecordContext, row: &mut Row<'_>) {
        let (table, width) = RATES[level];
        let rates = std::mem::take(&mut self.rates[level]);
        let wider = RATES.get(level + 1).map(|(_, wider)| wider / width);
        for (series, bucket, rate) in rates.iter() {
            if let Some(many) = wider {
                // What is full is not waited for: rows are additive.
                if self.rates[level + 1].len() >= self.bounds.blocks {
                    self.write_rates(level + 1, context, row);
                }
                let sum = self.rates[level + 1].at(series, bucket.div_euclid(many));
                sum.conns += rate.conns;
                sum.sums.add(&rate.sums);
            }
            let time = bucket.saturating_mul(width);
            if let Some(series) = self.numbers.series.get(series as usize) {
                rate_row(table, time, *series, rate, context, row);
            }
        }
    }

    fn write_hosts(&mut self, level: usize, context: &RecordContext, row: &mut Row<'_>) {
        let (table, width) = HOSTS[level];
        let mut hosts = std::mem::take(&mut self.hosts[level]);
        if let Some((_, wider)) = HOSTS.get(level + 1) {
            for (key, host) in &hosts {
                if self.hosts[level + 1].len() >= self.bounds.hosts {
                    self.write_hosts(level + 1, context, row);
                }
                let key = key.within(key.bucket().div_euclid(wider / width));
                self.hosts[level + 1].entry(key).or_default().add(host);
            }
        }
        for (key, host) in busiest(&mut hosts) {
            let time = key.bucket().saturating_mul(width);
            host_row(table, time, key.address(), &host, context, row);
        }
        // Empty, with its places.
        self.hosts[level] = hosts;
    }
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
    time: i64,
    address: Option<IpAddr>,
    host: &Host,
    context: &RecordContext,
    row: &mut Row<'_>,
) {
    row(
        table,
        &[
            Value::Time(time),
            Value::addr(address),
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
        let mut rollups = Rollups::new(16 << 20);
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
        let mut rollups = Rollups::new(16 << 20);
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
        let mut rollups = Rollups::new(16 << 20);
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
    fn with_hardly_any_memory_the_sums_are_the_same() {
        let mut rollups = Rollups::new(0);
        let mut sums: HashMap<&str, u64> = HashMap::new();
        let mut row = |table: &'static str, values: &[Value<'_>]| {
            if let Value::Count(bytes) = values[if table.starts_with("hosts") { 4 } else { 6 }] {
                *sums.entry(table).or_default() += bytes;
            }
        };
        for i in 0..500u32 {
            let mut conn = conn(i, i64::from(i) * 7 * MINUTE, HOUR, 100, 1000);
            (conn.orig_h, conn.source) = (IpAddr::from(i.to_be_bytes()), SourceId(i as u16 % 3));
            rollups.take(&Record::Conn(conn));
            if rollups.is_full() {
                rollups.write(Depth::Minutes, &RecordContext::default(), &mut row);
            }
            assert!(rollups.hosts.iter().all(|hosts| hosts.len() <= 128));
        }
        rollups.write(Depth::Hours, &RecordContext::default(), &mut row);
        let all: Vec<(&str, u64)> = [
            ("rollup_1s", 500_000),
            ("rollup_1m", 500_000),
            ("rollup_1h", 500_000),
            ("hosts_1m", 500_000),
            ("hosts_1h", 500_000),
        ]
        .to_vec();
        for (table, bytes) in all {
            assert_eq!(sums.get(table), Some(&bytes), "{table}");
        }
    }

    #[test]
    fn absurd_times_end_and_lose_nothing() {
        let mut rollups = Rollups::new(16 << 20);
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
