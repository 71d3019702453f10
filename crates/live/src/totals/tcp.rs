//! How well TCP goes.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_record::{Conn, ConnState};
use serde_json::Value;

use super::Totals;
use super::bounded::{Bounded, Tally};
use super::sketch::Spread;
use super::table::{Table, table};
use super::values::Seen;
use crate::told::News;

/// So many round trips make a host's quantiles worth a row.
const ENOUGH: u64 = 3;

/// Segments sent again.
#[derive(Clone, Debug, Default)]
struct Again {
    conns: u64,
    packets: u64,
    to_it: u64,
    from_it: u64,
}

impl Again {
    fn segments(&self) -> u64 {
        self.to_it.saturating_add(self.from_it)
    }
}

impl Tally for Again {
    fn add(&mut self, other: &Self) {
        self.conns = self.conns.saturating_add(other.conns);
        self.packets = self.packets.saturating_add(other.packets);
        self.to_it = self.to_it.saturating_add(other.to_it);
        self.from_it = self.from_it.saturating_add(other.from_it);
    }

    fn weight(&self) -> u64 {
        self.segments()
    }
}

/// So many of something, in so many conversations.
#[derive(Clone, Debug, Default)]
struct Times {
    times: u64,
    conns: u64,
}

impl Times {
    /// So many more in a conversation that had some before or had none.
    fn more(&mut self, times: u64, had_some: bool) {
        self.times = self.times.saturating_add(times);
        self.conns += u64::from(!had_some);
    }
}

impl Tally for Times {
    fn add(&mut self, other: &Self) {
        self.times = self.times.saturating_add(other.times);
        self.conns = self.conns.saturating_add(other.conns);
    }

    fn weight(&self) -> u64 {
        self.times
    }
}

/// Conversations that were reset.
#[derive(Clone, Debug, Default)]
struct Resets {
    by_it: u64,
    by_clients: u64,
}

impl Tally for Resets {
    fn add(&mut self, other: &Self) {
        self.by_it = self.by_it.saturating_add(other.by_it);
        self.by_clients = self.by_clients.saturating_add(other.by_clients);
    }

    fn weight(&self) -> u64 {
        self.by_it.saturating_add(self.by_clients)
    }
}

/// A responder, its port, and how it went.
type Refusal = (IpAddr, u16, ConnState);

tallies! {
    /// How well TCP went in a minute, by responder.
    Tcp {
        by_host: IpAddr => Spread,
        /// The first three bytes of IPv4 addresses.
        by_network: [u8; 3] => Spread,
        again: IpAddr => Again,
        zero_windows: IpAddr => Times,
        refused: Refusal => Seen,
        resets: IpAddr => Resets,
        missed: IpAddr => Times,
    }
}

impl Tcp {
    pub fn take(&mut self, conn: &Conn, news: &News) {
        let host = conn.resp_h;
        let (health, before) = (&news.health, &news.health_before);
        if health.missed > 0 {
            self.missed.at(host).more(health.missed, before.missed > 0);
        }
        if !conn.is_tcp() {
            return;
        }
        if let Some(rtt) = conn.syn_rtt.filter(|_| news.is_first()) {
            self.by_host.at(host).put(rtt);
            if let IpAddr::V4(address) = host {
                let [a, b, c, _] = address.octets();
                self.by_network.at([a, b, c]).put(rtt);
            }
        }
        self.again.at(host).add(&Again {
            conns: u64::from(news.is_first()),
            packets: news.sum.packets,
            to_it: health.orig_again.into(),
            from_it: health.resp_again.into(),
        });
        for (end, times, had) in [
            (
                conn.orig_h,
                health.orig_zero_windows,
                before.orig_zero_windows,
            ),
            (host, health.resp_zero_windows, before.resp_zero_windows),
        ] {
            if times > 0 {
                self.zero_windows.at(end).more(times.into(), had > 0);
            }
        }
        if !news.has_ended {
            return;
        }
        use ConnState::{REJ, RSTO, RSTOS0, RSTR, RSTRH, S0, SH};
        if matches!(conn.conn_state, S0 | REJ | RSTOS0 | RSTRH | SH) {
            let key = (host, conn.resp_p, conn.conn_state);
            self.refused.at(key).see(conn.orig_h, host);
        }
        match conn.conn_state {
            RSTR | RSTRH => self.resets.at(host).by_it += 1,
            RSTO | RSTOS0 => self.resets.at(host).by_clients += 1,
            _ => {}
        }
    }
}

fn interval(interval: Option<i64>) -> Value {
    interval.map_or(Value::Null, Value::from)
}

impl Totals {
    /// What the page *TCP health* has as tables.
    pub(super) fn tcp(&self) -> Vec<(&'static str, Table)> {
        let by_host = table(
            &[
                ("host", "string"),
                ("conns", "int"),
                ("p50", "interval"),
                ("p95", "interval"),
                ("p99", "interval"),
                ("max", "interval"),
            ],
            self.merged(|slot| &slot.tcp.by_host),
            |host, spread| {
                let quantile = |share| interval(spread.quantile(share));
                let row = vec![
                    host.to_string().into(),
                    spread.count().into(),
                    quantile(0.5),
                    quantile(0.95),
                    quantile(0.99),
                    interval(spread.max()),
                ];
                (spread.count() >= ENOUGH).then(|| (spread.quantile(0.95), row))
            },
        );
        let by_network = table(
            &[
                ("network", "string"),
                ("conns", "int"),
                ("p50", "interval"),
                ("p95", "interval"),
                ("max", "interval"),
            ],
            self.merged(|slot| &slot.tcp.by_network),
            |[a, b, c], spread| {
                let network = Ipv4Addr::new(*a, *b, *c, 0);
                let row = vec![
                    format!("{network}/24").into(),
                    spread.count().into(),
                    interval(spread.quantile(0.5)),
                    interval(spread.quantile(0.95)),
                    interval(spread.max()),
                ];
                Some((spread.quantile(0.95), row))
            },
        );
        let again = table(
            &[
                ("host", "string"),
                ("conns", "int"),
                ("to_it", "count"),
                ("from_it", "count"),
                ("percent", "double"),
            ],
            self.merged(|slot| &slot.tcp.again),
            |host, again| {
                let percent = again.segments() as f64 * 100.0 / again.packets.max(1) as f64;
                let row = vec![
                    host.to_string().into(),
                    again.conns.into(),
                    again.to_it.into(),
                    again.from_it.into(),
                    percent.into(),
                ];
                (again.segments() > 0).then(|| (again.segments(), row))
            },
        );
        let zero_windows = table(
            &[("host", "string"), ("times", "count"), ("conns", "int")],
            self.merged(|slot| &slot.tcp.zero_windows),
            |host, zero| {
                let row = vec![
                    host.to_string().into(),
                    zero.times.into(),
                    zero.conns.into(),
                ];
                Some((zero.times, row))
            },
        );
        let refused = table(
            &[
                ("host", "string"),
                ("port", "count"),
                ("conn_state", "string"),
                ("conns", "int"),
                ("clients", "int"),
            ],
            self.merged(|slot| &slot.tcp.refused),
            |(host, port, state), seen| {
                let row = vec![
                    host.to_string().into(),
                    (*port).into(),
                    state.name().into(),
                    seen.count.into(),
                    seen.clients.count().into(),
                ];
                Some((seen.count, row))
            },
        );
        let resets = table(
            &[
                ("host", "string"),
                ("conns", "int"),
                ("by_it", "int"),
                ("by_clients", "int"),
            ],
            self.merged(|slot| &slot.tcp.resets),
            |host, resets| {
                let row = vec![
                    host.to_string().into(),
                    resets.weight().into(),
                    resets.by_it.into(),
                    resets.by_clients.into(),
                ];
                Some((resets.weight(), row))
            },
        );
        let missed = table(
            &[
                ("host", "string"),
                ("conns", "int"),
                ("missed_bytes", "count"),
            ],
            self.merged(|slot| &slot.tcp.missed),
            |host, missed| {
                let row = vec![
                    host.to_string().into(),
                    missed.conns.into(),
                    missed.times.into(),
                ];
                Some((missed.times, row))
            },
        );
        vec![
            ("rtt_by_host", by_host),
            ("rtt_by_network", by_network),
            ("retransmissions", again),
            ("zero_windows", zero_windows),
            ("refused", refused),
            ("resets", resets),
            ("missed", missed),
        ]
    }
}
