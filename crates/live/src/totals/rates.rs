//! Rates over the last hour by protocol: what records tell, spread over the time in which it was carried.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use portreeve_record::{Conn, proto};

use crate::told::News;

/// How long a cell of time is, milliseconds.
pub const CELL_MS: i64 = 5000;
/// Cells that are kept: an hour.
const CELLS: i64 = 720;
/// Nanoseconds of a cell.
const CELL_NS: i64 = CELL_MS * 1_000_000;

/// What rates are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Application protocol; what has none under an empty name.
    Service,
    /// Transport protocol.
    Proto,
}

/// What was carried in one cell of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Bytes of IP packets.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Conversations that began.
    pub conns: u64,
}

/// A cell's begin, milliseconds since 1970 UTC, and what was carried in it.
pub type Point = (i64, Rate);

/// One cell of time. Names are those of protocols that are known: there are some dozens.
#[derive(Clone, Debug, Default)]
struct Cell {
    services: HashMap<Option<&'static str>, Rate>,
    protos: HashMap<u8, Rate>,
}

/// The last hour by cells of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    cells: BTreeMap<i64, Cell>,
    /// The cell of the last second.
    now: Option<i64>,
}

fn add<K: Eq + Hash>(rates: &mut HashMap<K, Rate>, key: K, more: &Rate) {
    let rate = rates.entry(key).or_default();
    rate.bytes = rate.bytes.saturating_add(more.bytes);
    rate.packets = rate.packets.saturating_add(more.packets);
    rate.conns += more.conns;
}

impl Rates {
    /// A second that began at `ts` is over.
    pub(crate) fn next(&mut self, ts: i64) {
        let now = ts.div_euclid(CELL_MS);
        self.now = Some(now);
        self.cells = self.cells.split_off(&(now - CELLS + 1));
        // A moment more than now: records may be ahead of the second that is told of.
        self.cells.split_off(&(now + 2));
    }

    /// Counts what a record tells. Times that are none of this hour's are moved to its ends.
    pub(crate) fn take(&mut self, conn: &Conn, news: &News) {
        let Some(now) = self.now else { return };
        let clamped = |ns: i64| ns.clamp((now - CELLS + 1) * CELL_NS, (now + 2) * CELL_NS - 1);
        let (from, until) = (clamped(news.from), clamped(news.until.max(news.from)));
        let (first, last) = (from.div_euclid(CELL_NS), until.div_euclid(CELL_NS));
        let whole = u128::from((until - from).max(1).unsigned_abs());
        let mut before = Rate::default();
        for cell in first..=last {
            let share = |all: u64| {
                let part = ((cell + 1) * CELL_NS - from).unsigned_abs();
                let share = u128::from(all) * u128::from(part) / whole;
                u64::try_from(share).unwrap_or(all).min(all)
            };
            let all = (news.sum.bytes(), news.sum.packets);
            let (bytes, packets) = if cell == last {
                all
            } else {
                (share(all.0), share(all.1))
            };
            let more = Rate {
                bytes: bytes - before.bytes,
                packets: packets - before.packets,
                conns: u64::from(cell == first && news.is_first()),
            };
            before = Rate {
                bytes,
                packets,
                conns: 0,
            };
            if more != Rate::default() {
                let cell = self.cells.entry(cell).or_default();
                add(&mut cell.services, conn.service, &more);
                add(&mut cell.protos, conn.ip_proto, &more);
            }
        }
    }

    /// The series of a range, by name.
    pub(crate) fn series(&self, by: By, from: i64, to: i64) -> BTreeMap<&'static str, Vec<Point>> {
        let cells =
            from.div_euclid(CELL_MS)..to.div_euclid(CELL_MS).max(from.div_euclid(CELL_MS)) + 1;
        let mut series: BTreeMap<&'static str, Vec<Point>> = BTreeMap::new();
        for (at, cell) in self.cells.range(cells) {
            let mut put = |name, rate: Rate| {
                let points = series.entry(name).or_default();
                // Two protocols may have one name.
                match points.last_mut().filter(|last| last.0 == at * CELL_MS) {
                    Some((_, known)) => {
                        known.bytes = known.bytes.saturating_add(rate.bytes);
                        known.packets = known.packets.saturating_add(rate.packets);
                        known.conns += rate.conns;
                    }
                    None => points.push((at * CELL_MS, rate)),
                }
            };
            match by {
                By::Service => {
                    for (service, rate) in &cell.services {
                        put(service.unwrap_or_default(), *rate);
                    }
                }
                By::Proto => {
                    for (ip_proto, rate) in &cell.protos {
                        put(proto::name(*ip_proto), *rate);
                    }
                }
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::Told;

    const SECOND: i64 = 1_000_000_000;

    fn conn(ts: i64, duration: i64, bytes: u64) -> Conn {
        let mut conn = Conn {
            ts: ts * SECOND,
            duration: Some(duration * SECOND),
            ip_proto: 58,
            service: Some("dns"),
            ..Conn::default()
        };
        conn.orig.ip_bytes = bytes;
        conn
    }

    #[test]
    fn what_was_carried_is_spread_over_its_time_and_adds_up() {
        let mut rates = Rates::default();
        rates.next(100_000);
        let long = conn(82, 17, 1700);
        rates.take(&long, &Told::default().ended(&long));
        let mut other = conn(100, 0, 5);
        other.ip_proto = 1;
        rates.take(&other, &Told::default().ended(&other));
        let series = rates.series(By::Service, 0, 200_000);
        let points: Vec<_> = series["dns"]
            .iter()
            .map(|(at, rate)| (*at, rate.bytes, rate.conns))
            .collect();
        assert_eq!(
            points,
            [
                (80_000, 300, 1),
                (85_000, 500, 0),
                (90_000, 500, 0),
                (95_000, 400, 0),
                (100_000, 5, 1)
            ]
        );
        // ICMP is one, whichever version.
        assert_eq!(rates.series(By::Proto, 0, 200_000).len(), 1);
        assert_eq!(rates.series(By::Service, 85_000, 94_999)["dns"].len(), 2);
    }

    #[test]
    fn absurd_times_are_moved_to_the_ends_and_an_hour_is_kept() {
        let mut rates = Rates::default();
        rates.next(10_000_000);
        for (ts, duration) in [
            (-1_000_000, 1),
            (9_000_000_000, 1),
            (-9_000_000_000, 9_000_000_000),
        ] {
            let odd = conn(ts, duration, 7200);
            rates.take(&odd, &Told::default().ended(&odd));
        }
        assert!(rates.cells.len() as i64 <= CELLS + 1);
        let sum: u64 = rates.series(By::Service, i64::MIN, i64::MAX)["dns"]
            .iter()
            .map(|(_, rate)| rate.bytes)
            .sum();
        assert_eq!(sum, 3 * 7200);
        rates.next(20_000_000);
        assert!(rates.cells.is_empty());
    }
}
