//! Who and what moved how much.

use std::net::IpAddr;

use portreeve_record::{Conn, ConnState, Facts, proto};
use serde_json::Value;

use super::bounded::Bounded;
use super::table::{Table, table};
use super::values::Used;
use super::{Kind, Ranked, Totals};
use crate::sum::Sum;
use crate::told::News;

/// Both addresses of conversations, the responder's port and the protocol.
type Pair = (IpAddr, IpAddr, u16, u8);

tallies! {
    /// Who and what moved how much in a minute.
    Volumes {
        hosts: IpAddr => Sum,
        conversations: Pair => Sum,
        ports: (u8, u16) => Sum,
        countries: [u8; 2] => Sum,
        services: Option<&'static str> => Used,
        /// Products, where there is none protocols; empty: neither.
        apps: &'static str => Sum,
        products: &'static str => Used,
        protos: u8 => Sum,
        /// Of conversations that ended, with all that they carried.
        states: ConnState => Sum,
        unrecognised: (u8, u16) => Used,
    }
}

fn used(used: &mut Used, conn: &Conn, sum: &Sum) {
    used.sum.add(sum);
    used.clients.see(&conn.orig_h);
    used.servers.see(&conn.resp_h);
}

impl Volumes {
    pub fn take(&mut self, conn: &Conn, facts: Option<&Facts>, news: &News) {
        let sum = news.sum.with_flows(u64::from(news.is_first()));
        let app = conn.app.or_else(|| facts.and_then(|facts| facts.app));
        self.hosts.at(conn.orig_h).add(&sum);
        self.hosts.at(conn.resp_h).add(&sum.turned());
        let pair = (conn.orig_h, conn.resp_h, conn.resp_p, conn.ip_proto);
        self.conversations.at(pair).add(&sum);
        self.ports.at((conn.ip_proto, conn.resp_p)).add(&sum);
        self.protos.at(conn.ip_proto).add(&sum);
        self.apps
            .at(app.or(conn.service).unwrap_or_default())
            .add(&sum);
        used(self.services.at(conn.service), conn, &sum);
        if let Some(product) = app {
            used(self.products.at(product), conn, &sum);
        }
        if conn.service.is_none() && matches!(conn.ip_proto, 6 | 17) {
            let port = (conn.ip_proto, conn.resp_p);
            used(self.unrecognised.at(port), conn, &sum);
        }
        if news.has_ended {
            let whole = Sum::of(conn).with_flows(1);
            self.states.at(conn.conn_state).add(&whole);
        }
        let Some(facts) = facts else { return };
        for (end, sum) in [(&facts.orig, sum), (&facts.resp, sum.turned())] {
            let code = end.country.as_ref().map(|country| country.as_bytes());
            if let Some(Ok(code)) = code.map(<[u8; 2]>::try_from) {
                self.countries.at(code).add(&sum);
            }
        }
    }
}

impl Totals {
    /// Who and what moved most, the greatest first.
    #[must_use]
    pub fn top(&self, kind: Kind, most: usize) -> Vec<Ranked> {
        match kind {
            Kind::Host => self.ranked(most, |slot| &slot.volumes.hosts, ToString::to_string),
            Kind::Conversation => self.ranked(
                most,
                |slot| &slot.volumes.conversations,
                |(orig, resp, port, ip_proto)| {
                    format!("{orig} > {resp}:{port} {}", proto::name(*ip_proto))
                },
            ),
            Kind::Port => self.ranked(
                most,
                |slot| &slot.volumes.ports,
                |(ip_proto, port)| format!("{}/{port}", proto::name(*ip_proto)),
            ),
            Kind::Country => self.ranked(
                most,
                |slot| &slot.volumes.countries,
                |code| String::from_utf8_lossy(code).into_owned(),
            ),
            Kind::App => self.ranked(most, |slot| &slot.volumes.apps, |app| (*app).to_owned()),
            Kind::Proto => self.ranked(
                most,
                |slot| &slot.volumes.protos,
                |ip_proto| proto::name(*ip_proto).to_owned(),
            ),
            Kind::ConnState => self.ranked(
                most,
                |slot| &slot.volumes.states,
                |state| state.name().to_owned(),
            ),
            Kind::Service => {
                let sums = self.merged(|slot| &slot.volumes.services);
                let row = |(service, used): (Option<&'static str>, Used)| {
                    Ranked::new(service.unwrap_or_default().to_owned(), &used.sum)
                };
                Ranked::greatest(sums.into_iter().map(row), most)
            }
        }
    }

    /// What an address sent and was sent, for each minute in which it was among the greatest: when the minute began, milliseconds since 1970 UTC,
    /// bytes sent, bytes received.
    #[must_use]
    pub fn host(&self, address: IpAddr) -> Vec<(i64, u64, u64)> {
        let of = |slot: &std::sync::Arc<super::Slot>| {
            let sum = slot.volumes.hosts.get(&address)?;
            Some((slot.since, sum.sent, sum.received))
        };
        self.slots.iter().filter_map(of).collect()
    }

    /// What the page *Applications* has as tables.
    pub(super) fn applications(&self) -> Vec<(&'static str, Table)> {
        let cells = |name: Value, used: &Used| {
            vec![
                name,
                used.sum.flows.into(),
                used.clients.count().into(),
                used.servers.count().into(),
                used.sum.sent.into(),
                used.sum.received.into(),
            ]
        };
        let products = table(
            &[
                ("app", "string"),
                ("conns", "int"),
                ("clients", "int"),
                ("sent", "count"),
                ("received", "count"),
            ],
            self.merged(|slot| &slot.volumes.products),
            |product, used| {
                let mut row = cells((*product).into(), used);
                row.remove(3);
                Some((used.sum.bytes(), row))
            },
        );
        let services = table(
            &[
                ("service", "string"),
                ("conns", "int"),
                ("clients", "int"),
                ("servers", "int"),
                ("sent", "count"),
                ("received", "count"),
            ],
            self.merged(|slot| &slot.volumes.services),
            |service, used| Some((used.sum.bytes(), cells((*service).into(), used))),
        );
        let unrecognised = table(
            &[
                ("proto", "string"),
                ("port", "count"),
                ("conns", "int"),
                ("servers", "int"),
                ("bytes", "count"),
            ],
            self.merged(|slot| &slot.volumes.unrecognised),
            |(ip_proto, port), used| {
                let row = vec![
                    proto::name(*ip_proto).into(),
                    (*port).into(),
                    used.sum.flows.into(),
                    used.servers.count().into(),
                    used.sum.bytes().into(),
                ];
                Some((used.sum.bytes(), row))
            },
        );
        vec![
            ("products", products),
            ("services", services),
            ("unrecognised", unrecognised),
        ]
    }
}
