//! Names that were looked up.

use std::collections::HashMap;
use std::net::IpAddr;

use portreeve_record::app::dns::Dns;
use portreeve_record::{App, RecordContext};
use serde_json::Value;

use super::Totals;
use super::bounded::{Bounded, Tally};
use super::sketch::{Distinct, Spread};
use super::table::{Table, table};
use super::values::{Seen, name, text};

/// The code of an answer that there is no such name.
const NXDOMAIN: u16 = 3;

/// A server.
#[derive(Clone, Debug, Default)]
struct Server {
    count: u64,
    unanswered: u64,
    rtt: Spread,
}

impl Tally for Server {
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.unanswered = self.unanswered.saturating_add(other.unanswered);
        self.rtt.add(&other.rtt);
    }

    fn weight(&self) -> u64 {
        self.count
    }

    fn heap(&self) -> usize {
        self.rtt.heap()
    }
}

/// A client.
#[derive(Clone, Debug, Default)]
struct Client {
    count: u64,
    nxdomain: u64,
    names: Distinct,
}

impl Tally for Client {
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.nxdomain = self.nxdomain.saturating_add(other.nxdomain);
        self.names.add(&other.names);
    }

    fn weight(&self) -> u64 {
        self.count
    }

    fn heap(&self) -> usize {
        self.names.heap()
    }
}

/// A name and the code of the answer.
type Failure = (Box<str>, u16);
/// A type of record, and whether it is one of NetBIOS.
type Type = (Option<u16>, bool);
/// A code of an answer, and whether there was one.
type Code = (Option<u16>, bool);

tallies! {
    /// What was looked up in a minute.
    Names {
        queries: Box<str> => Seen,
        rcodes: Code => Seen,
        types: Type => Seen,
        servers: IpAddr => Server,
        failures: Failure => Seen,
        clients: IpAddr => Client,
    }
}

impl Names {
    pub fn take(&mut self, dns: &Dns, app: &App, context: &RecordContext) {
        let (client, server) = (dns.head.orig_h, dns.head.resp_h);
        let rcode_name = || name(app, context, "rcode_name");
        if let Some(query) = &dns.query {
            self.queries.at(text(query)).see(client, server);
            if let Some(rcode) = dns.rcode.filter(|rcode| *rcode != 0) {
                let failure = self.failures.at((text(query), rcode));
                failure.see_named(client, server, rcode_name);
            }
        }
        let rcode = self.rcodes.at((dns.rcode, dns.saw_reply));
        rcode.see_named(client, server, rcode_name);
        let of_netbios = dns.head.resp_p == 137 || dns.head.orig_p == 137;
        let kind = self.types.at((dns.qtype, of_netbios));
        kind.see_named(client, server, || name(app, context, "qtype_name"));
        let answers = self.servers.at(server);
        answers.count += 1;
        answers.unanswered += u64::from(!dns.saw_reply);
        if let Some(rtt) = dns.rtt {
            answers.rtt.put(rtt);
        }
        let asks = self.clients.at(client);
        asks.count += 1;
        asks.nxdomain += u64::from(dns.rcode == Some(NXDOMAIN));
        if let Some(query) = &dns.query {
            asks.names.see(query);
        }
    }
}

/// Sums by what their keys are called.
fn by_name<K>(
    sums: HashMap<K, Seen>,
    name: impl Fn(&K, &Seen) -> Option<String>,
) -> HashMap<Option<String>, u64> {
    let mut named = HashMap::new();
    for (key, seen) in sums {
        *named.entry(name(&key, &seen)).or_insert(0) += seen.count;
    }
    named
}

impl Totals {
    /// What the page *DNS* has as tables.
    pub(super) fn dns(&self) -> Vec<(&'static str, Table)> {
        let named = |seen: &Seen| seen.name.as_deref().map(str::to_owned);
        let queries = table(
            &[("query", "string"), ("count", "int"), ("clients", "int")],
            self.merged(|slot| &slot.dns.queries),
            |query, seen| {
                let row = vec![
                    query.as_ref().into(),
                    seen.count.into(),
                    seen.clients.count().into(),
                ];
                Some((seen.count, row))
            },
        );
        let counted = |column: &'static str, sums: HashMap<Option<String>, u64>| {
            let columns = [(column, "string"), ("count", "int")];
            table(&columns, sums, |name, count| {
                Some((*count, vec![name.clone().into(), (*count).into()]))
            })
        };
        let rcodes = by_name(
            self.merged(|slot| &slot.dns.rcodes),
            |(_, saw_reply), seen| {
                let none = if *saw_reply { "other" } else { "no answer" };
                named(seen).or_else(|| Some(none.to_owned()))
            },
        );
        let types = by_name(self.merged(|slot| &slot.dns.types), |(kind, _), seen| {
            named(seen).or_else(|| kind.map(|kind| kind.to_string()))
        });
        let servers = table(
            &[
                ("server", "string"),
                ("count", "int"),
                ("p50", "interval"),
                ("p95", "interval"),
                ("max", "interval"),
                ("unanswered", "int"),
            ],
            self.merged(|slot| &slot.dns.servers),
            |server, answers| {
                let interval = |interval: Option<i64>| interval.map_or(Value::Null, Value::from);
                let row = vec![
                    server.to_string().into(),
                    answers.count.into(),
                    interval(answers.rtt.quantile(0.5)),
                    interval(answers.rtt.quantile(0.95)),
                    interval(answers.rtt.max()),
                    answers.unanswered.into(),
                ];
                Some((answers.rtt.quantile(0.95), row))
            },
        );
        let failures = table(
            &[
                ("query", "string"),
                ("rcode", "string"),
                ("count", "int"),
                ("clients", "int"),
            ],
            self.merged(|slot| &slot.dns.failures),
            |(query, _), seen| {
                let row = vec![
                    query.as_ref().into(),
                    named(seen).into(),
                    seen.count.into(),
                    seen.clients.count().into(),
                ];
                Some((seen.count, row))
            },
        );
        let clients = table(
            &[
                ("client", "string"),
                ("count", "int"),
                ("names", "int"),
                ("nxdomain", "int"),
            ],
            self.merged(|slot| &slot.dns.clients),
            |client, asks| {
                let row = vec![
                    client.to_string().into(),
                    asks.count.into(),
                    asks.names.count().into(),
                    asks.nxdomain.into(),
                ];
                Some((asks.count, row))
            },
        );
        vec![
            ("queries", queries),
            ("rcodes", counted("rcode", rcodes)),
            ("types", counted("type", types)),
            ("servers", servers),
            ("failures", failures),
            ("clients", clients),
        ]
    }
}
