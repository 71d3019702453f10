//! What a capture file held, for people: the greatest hosts, services and flows of the whole file.
//!
//! Made of conn records, so the sums are those of the flows. It is an output like any other, without a destination.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use portreeve_engine::talkers::Volume;
use portreeve_output::{Output, OutputStatus};
use portreeve_record::{Conn, Record, RecordContext};

use crate::screen::Sort;
use crate::screen::rows::{self, Row};
use crate::text;

/// Entries of one kind that are kept; when there are more, the smaller half goes.
const MOST: usize = 1 << 17;
/// Rows of one kind that are shown.
const SHOWN: usize = 10;

/// The name of this output in the ledger.
pub const NAME: &str = "summary";

struct Table<K> {
    volumes: HashMap<K, Volume>,
    /// The smaller half went once: small sums may be too small.
    thinned: bool,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table {
            volumes: HashMap::new(),
            thinned: false,
        }
    }
}

impl<K: Eq + Hash> Table<K> {
    fn add(&mut self, key: K, volume: Volume) {
        let sum = self.volumes.entry(key).or_default();
        sum.bytes_out += volume.bytes_out;
        sum.bytes_in += volume.bytes_in;
        sum.packets += volume.packets;
        if self.volumes.len() > MOST {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let mut sizes: Vec<u64> = self.volumes.values().map(Volume::bytes).collect();
        let (_, middle, _) = sizes.select_nth_unstable(MOST / 2);
        let middle = *middle;
        self.volumes.retain(|_, volume| volume.bytes() > middle);
        self.thinned = true;
    }

    fn rows(&self, name: impl Fn(&K) -> String) -> Vec<Row> {
        let mut sizes: Vec<u64> = self.volumes.values().map(Volume::bytes).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let least = sizes.get(SHOWN - 1).copied().unwrap_or(0);
        let mut rows: Vec<Row> = self
            .volumes
            .iter()
            .filter(|(_, volume)| volume.bytes() >= least)
            .map(|(key, volume)| Row {
                who: name(key),
                volume: *volume,
            })
            .collect();
        rows::sort(&mut rows, Sort::Bytes);
        rows.truncate(SHOWN);
        rows
    }
}

type Flow = (u8, (IpAddr, u16), (IpAddr, u16));

/// The sums so far.
#[derive(Default)]
pub struct Sums {
    hosts: Table<IpAddr>,
    services: Table<(u8, u16)>,
    flows: Table<Flow>,
    /// First and end of the last packet, nanoseconds.
    span: Option<(i64, i64)>,
}

impl Sums {
    fn add(&mut self, conn: &Conn) {
        let packets = conn.orig.pkts + conn.resp.pkts;
        let sent = Volume {
            bytes_out: conn.orig.ip_bytes,
            bytes_in: conn.resp.ip_bytes,
            packets,
        };
        let received = Volume {
            bytes_out: sent.bytes_in,
            bytes_in: sent.bytes_out,
            packets,
        };
        let (from, to) = ((conn.orig_h, conn.orig_p), (conn.resp_h, conn.resp_p));
        self.hosts.add(conn.orig_h, sent);
        self.hosts.add(conn.resp_h, received);
        self.services.add((conn.ip_proto, conn.resp_p), sent);
        self.flows.add((conn.ip_proto, from, to), sent);
        let end = conn.ts.saturating_add(conn.duration.unwrap_or(0));
        let (first, last) = self.span.unwrap_or((conn.ts, end));
        self.span = Some((first.min(conn.ts), last.max(end)));
    }

    /// The sums as tables.
    #[must_use]
    pub fn show(&self) -> String {
        if self.span.is_none() {
            return String::new();
        }
        let hosts = self.hosts.rows(IpAddr::to_string);
        let services = self
            .services
            .rows(|(protocol, port)| text::service(*protocol, *port));
        let flows = self
            .flows
            .rows(|(protocol, from, to)| rows::flow_name(*protocol, *from, *to));
        let mut page = String::new();
        for (heading, columns, rows) in [
            ("Hosts", ["SENT", "RECEIVED"], &hosts),
            ("Services", ["TO", "FROM"], &services),
            ("Flows", ["FORTH", "BACK"], &flows),
        ] {
            table(&mut page, heading, columns, rows);
        }
        if self.hosts.thinned || self.flows.thinned {
            page.push_str(
                "  (of very many: what came last may be left out or counted too low)\n\n",
            );
        }
        page
    }
}

fn table(page: &mut String, heading: &str, columns: [&str; 2], rows: &[Row]) {
    use std::fmt::Write as _;
    let [forth, back] = columns;
    let _ = writeln!(page, "{heading:<44}{forth:>11}{back:>11}{:>12}", "PACKETS");
    for row in rows {
        let volume = row.volume;
        let _ = writeln!(
            page,
            "  {:<42}{:>11}{:>11}{:>12}",
            text::fit(&row.who, 41),
            text::bytes(volume.bytes_out),
            text::bytes(volume.bytes_in),
            text::count(volume.packets)
        );
    }
    page.push('\n');
}

/// The output that sums records up.
pub struct Summary {
    status: Arc<OutputStatus>,
    sums: Arc<Mutex<Sums>>,
}

impl Summary {
    /// A summary, and the sums to read when it has finished.
    #[must_use]
    pub fn new() -> (Summary, Arc<Mutex<Sums>>) {
        let sums = Arc::default();
        let summary = Summary {
            status: Arc::default(),
            sums: Arc::clone(&sums),
        };
        (summary, sums)
    }
}

impl Output for Summary {
    fn name(&self) -> &str {
        NAME
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, record: &Record, _context: &RecordContext) {
        match record {
            Record::Conn(conn) => {
                if let Ok(mut sums) = self.sums.lock() {
                    sums.add(conn);
                }
                self.status.add_written(1, 0);
            }
            _ => self.status.add_unwanted(),
        }
    }

    fn flush(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(client: u8, port: u16, sent: u64, received: u64) -> Conn {
        let mut conn = Conn {
            ts: 5,
            duration: Some(10),
            orig_h: IpAddr::from([10, 0, 0, client]),
            orig_p: 40_000,
            resp_h: IpAddr::from([192, 0, 2, 1]),
            resp_p: port,
            ip_proto: 6,
            ..Conn::default()
        };
        (conn.orig.ip_bytes, conn.orig.pkts) = (sent, 1);
        (conn.resp.ip_bytes, conn.resp.pkts) = (received, 2);
        conn
    }

    #[test]
    fn sums_are_of_both_ends() {
        let (mut summary, sums) = Summary::new();
        let context = RecordContext::default();
        for conn in [
            conn(1, 443, 100, 2_000),
            conn(2, 443, 50, 1_000),
            conn(1, 22, 7, 9),
        ] {
            summary.write(&Record::Conn(conn), &context);
        }
        summary.write(&Record::ConnUpdate(conn(9, 9, 9, 9)), &context);
        let page = sums.lock().unwrap().show();
        let rows: Vec<String> = page
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let has = |row: &str| assert!(rows.iter().any(|line| line == row), "{row}: {rows:#?}");
        has("192.0.2.1 3.01 kB 157 B 9");
        has("10.0.0.1 107 B 2.01 kB 6");
        has("tcp/443 https 150 B 3.00 kB 6");
        has("10.0.0.2:40000 > 192.0.2.1:443 tcp 50 B 1.00 kB 3");
        assert!(!page.contains("10.0.0.9"), "{page}");
        assert_eq!(summary.counters().unwanted, 1);
        assert!(
            page.lines().all(|line| line.chars().count() <= 80),
            "{page}"
        );
    }

    #[test]
    fn a_scan_cannot_grow_the_sums_without_end_nor_hide_the_greatest() {
        let mut table = Table::default();
        let volume = |bytes_out| Volume {
            bytes_out,
            bytes_in: 0,
            packets: 1,
        };
        for i in 0..(3 * MOST as u64) {
            table.add(i, volume(40 + i % 7));
            if i % 1000 == 0 {
                table.add(u64::MAX, volume(1_000_000));
            }
        }
        assert!(table.volumes.len() <= MOST);
        assert!(table.thinned);
        let rows = table.rows(u64::to_string);
        assert_eq!(rows[0].who, u64::MAX.to_string());
        assert_eq!(rows[0].volume.bytes_out, 394 * 1_000_000);
        assert_eq!(rows.len(), SHOWN);
    }
}
