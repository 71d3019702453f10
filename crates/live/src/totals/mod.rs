//! Sums of the last hour by minute, for whoever has no store: who and what moved most, how well TCP goes, names looked up, how it is encrypted.
//!
//! Records are counted in the minute in which they come: a conversation at its end, a long one also by its updates, nothing twice
//! ([`crate::told`]). Numbers of different clients, servers and names are exact up to 64 and estimates beyond; quantiles are right within a sixteenth.
//!
//! **Bounded.** Of each kind a minute that goes on has at most [`MOST_OPEN`](bounded::MOST_OPEN) keys, one that is over [`MOST_CLOSED`](bounded::MOST_CLOSED): what weighs least is
//! forgotten. There are at most [`MINUTES`] minutes, and at most [`MOST_BYTES`] of those that are over: the oldest gives way. A minute in which every key is
//! as large as can be takes about 4 MB, one of an ordinary network a tenth of that.

/// Makes a struct of sums by key, that are closed and measured together: `name: key => sum`.
macro_rules! tallies {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $key:ty => $sum:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $name {
            $($(#[$about])* $field: Bounded<$key, $sum>,)*
        }

        impl $name {
            /// The minute is over.
            pub(super) fn close(&mut self) {
                $(self.$field.close();)*
            }

            /// Bytes that it takes, about.
            pub(super) fn bytes(&self) -> usize {
                0 $(+ self.$field.bytes())*
            }
        }
    };
}

mod bounded;
mod dns;
mod rates;
mod sketch;
mod table;
mod tcp;
mod tls;
mod values;
mod volumes;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use portreeve_record::{App, Conn, Facts, RecordContext};

use bounded::{Bounded, Key, Tally};
use dns::Names;
use tcp::Tcp;
use tls::Tls;
use volumes::Volumes;

use crate::sum::Sum;
use crate::told::News;

pub(crate) use rates::Rates;
pub use rates::{By, CELL_MS, Point, Rate};
pub use table::Table;
pub use tls::{WEAK_CIPHERS, WEAK_VERSIONS};

/// Minutes that are kept.
pub(crate) const MINUTES: usize = 60;
/// Bytes of minutes that are over, about.
const MOST_BYTES: usize = 64 << 20;
/// How long a minute is, milliseconds.
const MINUTE: i64 = 60_000;
/// How far the clock may step back before what was later is forgotten, milliseconds.
const STEP_BACK: i64 = 2_000;

/// A page of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// What the traffic is about.
    Applications,
    /// How well TCP goes.
    Tcp,
    /// Names looked up.
    Dns,
    /// How it is encrypted.
    Tls,
}

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Addresses.
    Host,
    /// Application protocols; what has none under an empty name.
    Service,
    /// Products, where there is none application protocols.
    App,
    /// Pairs of addresses with the responder's port.
    Conversation,
    /// Countries.
    Country,
    /// Transport protocols.
    Proto,
    /// Responders' ports, with their protocol.
    Port,
    /// How conversations that ended went.
    ConnState,
}

/// One row of a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Whose.
    pub name: String,
    /// Bytes it sent; of what is no host and no country, what originators sent.
    pub sent: u64,
    /// Bytes it was sent.
    pub received: u64,
    /// Packets both ways.
    pub packets: u64,
    /// Conversations that were first told of in this time.
    pub conns: u64,
}

impl Ranked {
    fn new(name: String, sum: &Sum) -> Self {
        Ranked {
            name,
            sent: sum.sent,
            received: sum.received,
            packets: sum.packets,
            conns: sum.flows,
        }
    }

    fn greatest(rows: impl Iterator<Item = Ranked>, most: usize) -> Vec<Ranked> {
        let mut rows: Vec<Ranked> = rows.collect();
        let bytes = |row: &Ranked| row.sent.saturating_add(row.received);
        rows.sort_by(|a, b| bytes(b).cmp(&bytes(a)).then_with(|| a.name.cmp(&b.name)));
        rows.truncate(most);
        rows
    }
}

/// One minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// When it began, milliseconds since 1970 UTC.
    since: i64,
    /// When it ended, or until when it was counted.
    until: i64,
    bytes: usize,
    volumes: Volumes,
    tcp: Tcp,
    dns: Names,
    tls: Tls,
}

impl Slot {
    fn close(&mut self) {
        self.volumes.close();
        self.tcp.close();
        self.dns.close();
        self.tls.close();
        self.bytes = self.volumes.bytes() + self.tcp.bytes() + self.dns.bytes() + self.tls.bytes();
    }
}

/// The last hour by minute.
#[derive(Debug, Default)]
pub(crate) struct Hour {
    closed: VecDeque<Arc<Slot>>,
    /// Bytes of those.
    bytes: usize,
    open: Slot,
    pub(crate) rates: Rates,
}

impl Hour {
    /// A second that began at `ts`, milliseconds since 1970 UTC, is over.
    pub(crate) fn next(&mut self, ts: i64) {
        self.rates.next(ts);
        let open = &mut self.open;
        if open.until == 0 {
            open.since = ts;
        } else if ts < open.until.saturating_sub(STEP_BACK) {
            // The clock stepped back: what was later is forgotten.
            while self.closed.back().is_some_and(|slot| slot.until > ts) {
                let forgotten = self.closed.pop_back();
                self.bytes -= forgotten.map_or(0, |slot| slot.bytes);
            }
            self.open = Slot {
                since: ts,
                ..Slot::default()
            };
        }
        let open = &mut self.open;
        open.until = open.until.max(ts.saturating_add(1000));
        if open.until.saturating_sub(open.since) < MINUTE {
            return;
        }
        let next = Slot {
            since: open.until,
            until: open.until,
            ..Slot::default()
        };
        let mut over = std::mem::replace(open, next);
        over.close();
        self.bytes += over.bytes;
        self.closed.push_back(Arc::new(over));
        while self.closed.len() >= MINUTES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.closed.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes;
        }
    }

    pub(crate) fn conn(&mut self, conn: &Conn, facts: Option<&Facts>, news: &News) {
        self.open.volumes.take(conn, facts, news);
        self.open.tcp.take(conn, news);
        self.rates.take(conn, news);
    }

    pub(crate) fn app(&mut self, app: &App, context: &RecordContext) {
        match app {
            App::Dns(dns) => self.open.dns.take(dns, app, context),
            App::Ssl(ssl) => self.open.tls.take(ssl, app, context),
            App::X509(x509) => self.open.tls.certificate(x509),
            _ => {}
        }
    }

    /// The minutes that have part of this time, milliseconds since 1970 UTC.
    pub(crate) fn within(&self, from: i64, to: i64) -> Totals {
        let is_within = |slot: &Slot| slot.until > from && slot.since < to;
        let mut slots: Vec<Arc<Slot>> = self
            .closed
            .iter()
            .filter(|slot| is_within(slot))
            .map(Arc::clone)
            .collect();
        if is_within(&self.open) {
            slots.push(Arc::new(self.open.clone()));
        }
        Totals { slots }
    }
}

/// Sums over some minutes.
#[derive(Clone, Debug)]
pub struct Totals {
    slots: Vec<Arc<Slot>>,
}

impl Totals {
    /// The begin of what was summed up, milliseconds since 1970 UTC; `None`: nothing was.
    #[must_use]
    pub fn since(&self) -> Option<i64> {
        self.slots.first().map(|slot| slot.since)
    }

    /// The tables of a page, by their names.
    #[must_use]
    pub fn page(&self, page: Page) -> Vec<(&'static str, Table)> {
        match page {
            Page::Applications => self.applications(),
            Page::Tcp => self.tcp(),
            Page::Dns => self.dns(),
            Page::Tls => self.tls(),
        }
    }

    fn merged<'a, K: Key + 'a, V: Tally + 'a>(
        &'a self,
        of: impl Fn(&'a Slot) -> &'a Bounded<K, V>,
    ) -> HashMap<K, V> {
        bounded::merged(self.slots.iter().map(|slot| of(slot)))
    }

    fn ranked<'a, K: Key + 'a>(
        &'a self,
        most: usize,
        of: impl Fn(&'a Slot) -> &'a Bounded<K, Sum>,
        name: impl Fn(&K) -> String,
    ) -> Vec<Ranked> {
        let sums = self.merged(of);
        let row = |(key, sum): (&K, &Sum)| Ranked::new(name(key), sum);
        Ranked::greatest(sums.iter().map(row), most)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use portreeve_record::app::dns::Dns;
    use portreeve_record::{ConnState, Uid};
    use serde_json::json;

    use super::*;
    use crate::told::Told;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    fn conn(uid: u32, bytes: u64) -> Conn {
        let mut conn = Conn {
            uid: Uid([0, 0, uid]),
            orig_h: address(1),
            resp_h: address(2),
            resp_p: 443,
            ip_proto: 6,
            service: Some("ssl"),
            conn_state: ConnState::SF,
            syn_rtt: Some(20_000_000),
            ..Conn::default()
        };
        conn.orig.ip_bytes = bytes;
        conn.orig.pkts = 10;
        conn
    }

    fn ended(hour: &mut Hour, conn: &Conn) {
        hour.conn(conn, None, &Told::default().ended(conn));
    }

    fn cells(totals: &Totals, page: Page, name: &str) -> Vec<Vec<serde_json::Value>> {
        let tables = totals.page(page);
        let found = tables.into_iter().find(|(known, _)| *known == name);
        found.map_or(Vec::new(), |(_, table)| table.rows)
    }

    #[test]
    fn a_minute_stays_for_an_hour_and_the_range_chooses() {
        let mut hour = Hour::default();
        for minute in 0..90u32 {
            ended(&mut hour, &conn(minute, 1 + u64::from(minute)));
            for second in 0..60 {
                hour.next(1_000_000 + (i64::from(minute) * 60 + second) * 1000);
            }
        }
        let sums = |from, to| {
            let totals = hour.within(from, to);
            let top = totals.top(Kind::Service, 9);
            let sent = top.first().map_or(0, |row| row.sent);
            (totals.since(), sent)
        };
        let minute = |number: i64| 1_000_000 + number * MINUTE;
        assert_eq!(sums(minute(80), minute(81)), (Some(minute(80)), 81));
        assert_eq!(
            sums(minute(80) + 1, minute(81) + 1),
            (Some(minute(80)), 81 + 82)
        );
        let (since, _) = sums(0, i64::MAX);
        assert_eq!(since, Some(minute(90 - 59)));
        assert_eq!(sums(0, minute(1)), (None, 0));
    }

    #[test]
    fn an_update_and_the_end_count_what_they_add() {
        let (mut hour, mut told) = (Hour::default(), Told::default());
        let mut long = conn(1, 1000);
        long.orig.retransmits = 2;
        long.resp.zero_windows = 1;
        let news = told.update(&long).expect("there is room");
        hour.conn(&long, None, &news);
        let mut end = conn(1, 1600);
        end.orig.retransmits = 3;
        end.orig.pkts = 20;
        end.resp.zero_windows = 1;
        end.conn_state = ConnState::RSTR;
        hour.conn(&end, None, &told.ended(&end));
        hour.next(1000);
        let totals = hour.within(0, i64::MAX);
        let top = totals.top(Kind::Host, 9);
        assert_eq!(
            (top[0].name.as_str(), top[0].sent, top[0].conns),
            ("10.0.0.1", 1600, 1)
        );
        let again = cells(&totals, Page::Tcp, "retransmissions");
        assert_eq!(
            again,
            [[json!("10.0.0.2"), json!(1), json!(3), json!(0), json!(15.0)]]
        );
        let zero = cells(&totals, Page::Tcp, "zero_windows");
        assert_eq!(zero, [[json!("10.0.0.2"), json!(1), json!(1)]]);
        let resets = cells(&totals, Page::Tcp, "resets");
        assert_eq!(resets, [[json!("10.0.0.2"), json!(1), json!(1), json!(0)]]);
        // All that it carried, under how it ended.
        assert_eq!(totals.top(Kind::ConnState, 9)[0].sent, 1600);
        assert_eq!(totals.host(address(1)), [(1000, 1600, 0)]);
    }

    #[test]
    fn memory_is_bounded_under_a_flood_of_what_is_new() {
        let (mut hour, context) = (Hour::default(), RecordContext::default());
        let mut most = 0;
        for second in 0..120u32 {
            for number in 0..100u32 {
                let number = second * 100 + number;
                let mut conn = conn(number, 100);
                conn.orig_h = address(number);
                conn.resp_h = address(number + 7);
                conn.orig.retransmits = 1;
                ended(&mut hour, &conn);
                let mut dns = Dns {
                    query: Some(format!("{number}{}", "x".repeat(300)).into()),
                    rcode: Some(3),
                    rtt: Some(i64::from(number)),
                    ..Dns::default()
                };
                dns.head.orig_h = address(number);
                dns.head.resp_h = address(number);
                hour.app(&App::from(dns), &context);
            }
            hour.next(i64::from(second) * 1000 + 1000);
            let slot = &hour.open;
            most = most.max(slot.volumes.bytes() + slot.tcp.bytes() + slot.dns.bytes());
        }
        assert!(most < 8 << 20, "{most}");
        assert_eq!(hour.closed.len(), 2);
        assert!(hour.bytes < 2 * (3 << 20), "{}", hour.bytes);
    }

    #[test]
    fn a_clock_that_steps_back_takes_its_future_with_it() {
        let mut hour = Hour::default();
        for second in 0..150 {
            ended(&mut hour, &conn(second, 1));
            hour.next(10_000_000 + i64::from(second) * 1000);
        }
        hour.next(1_000_000);
        ended(&mut hour, &conn(1, 5));
        let totals = hour.within(0, i64::MAX);
        assert_eq!(totals.since(), Some(1_000_000));
        assert_eq!(totals.top(Kind::Host, 1)[0].sent, 5);
    }
}
