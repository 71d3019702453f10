//! Names of addresses: what clients looked up in DNS, and what hosts that were given an address by DHCP call themselves.
//!
//! A name is good from its answer on, for as long as the answer said, within bounds: clients keep answers of a few seconds for longer. It is asked for by
//! the time a conversation began, although that comes to be known only at its end: so the last few answers are kept, not the last alone.

use std::net::IpAddr;
use std::sync::Arc;

use portreeve_record::app::dhcp::Dhcp;
use portreeve_record::app::dns::Dns;
use portreeve_record::conn::Conn;
use portreeve_record::{App, Facts};

use crate::bounded::Bounded;
use crate::config::{Config, DAY, Products, SECOND};

/// An answer is good for so long at least.
const LEAST: i64 = 60 * SECOND;
/// And for so long at most.
const MOST: i64 = DAY;
/// A lease is good for so long at most, and so long if it does not say.
const MOST_LEASE: i64 = 7 * DAY;
/// The most names that are kept of one address for one client.
const MAX_NAMES: usize = 4;
/// The most addresses of one answer that are kept.
const MAX_ADDRESSES: usize = 32;
/// Types of questions whose answers are addresses (RFC 1035 section 3.2.2, RFC 3596 section 2.1): A, AAAA, any.
const OF_ADDRESSES: [u16; 3] = [1, 28, 255];

#[derive(Clone, Debug)]
struct Named {
    name: Arc<str>,
    product: Option<&'static str>,
    /// The first answer.
    from: i64,
    /// The last.
    last: i64,
    until: i64,
}

impl Named {
    fn is_good(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }

    /// The last answer before `at` that is known.
    fn answered(&self, at: i64) -> i64 {
        if self.last <= at {
            self.last
        } else {
            self.from
        }
    }
}

/// Who looked it up (`None`: anybody), and the address that was the answer.
type Key = (Option<IpAddr>, IpAddr);

/// The names that are known.
#[derive(Debug)]
pub(crate) struct Names {
    /// Whether names are asked for, or products only.
    wanted: bool,
    products: Option<Products>,
    looked_up: Bounded<Key, Vec<Named>>,
    leases: Bounded<IpAddr, Named>,
}

impl Names {
    pub(crate) fn new(config: &Config) -> Self {
        Names {
            wanted: config.names,
            products: config.products.clone(),
            looked_up: Bounded::new(config.entries),
            leases: Bounded::new(config.entries),
        }
    }

    /// Tells something else from now on.
    pub(crate) fn change(&mut self, config: &Config) {
        self.wanted = config.names;
        self.products.clone_from(&config.products);
    }

    /// Learns from a record.
    pub(crate) fn app(&mut self, app: &App) {
        match app {
            App::Dns(dns) => self.dns(dns),
            App::Dhcp(dhcp) if self.wanted => self.dhcp(dhcp),
            _ => {}
        }
    }

    fn dns(&mut self, dns: &Dns) {
        let Some(query) = dns.query.as_deref().filter(|query| !query.is_empty()) else {
            return;
        };
        if !dns.qtype.is_some_and(|kind| OF_ADDRESSES.contains(&kind)) || dns.answers.is_empty() {
            return;
        }
        let product = self
            .products
            .as_ref()
            .and_then(|products| (products.0)(query));
        if !self.wanted && product.is_none() {
            return;
        }
        // Some clients mix cases at random, against forged answers.
        let name: Arc<str> = query.to_ascii_lowercase().into();
        let from = dns.head.ts.saturating_add(dns.rtt.unwrap_or(0));
        let mut left = MAX_ADDRESSES;
        for (at, answer) in dns.answers.iter().enumerate() {
            let Ok(address) = answer.parse::<IpAddr>() else {
                continue;
            };
            let ttl = dns.ttls.get(at).copied().unwrap_or(0).clamp(LEAST, MOST);
            let named = Named {
                name: Arc::clone(&name),
                product,
                from,
                last: from,
                until: from.saturating_add(ttl),
            };
            if self.wanted {
                self.learn((None, address), named.clone());
            }
            self.learn((Some(dns.head.orig_h), address), named);
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }

    fn learn(&mut self, key: Key, named: Named) {
        let names = self.looked_up.entry(key);
        if let Some(same) = names.iter_mut().find(|other| other.name == named.name) {
            same.from = same.from.min(named.from);
            same.last = same.last.max(named.last);
            same.until = same.until.max(named.until);
            return;
        }
        if names.len() >= MAX_NAMES {
            names.remove(0);
        }
        names.push(named);
    }

    fn dhcp(&mut self, dhcp: &Dhcp) {
        let name = dhcp.client_fqdn.as_deref().or(dhcp.host_name.as_deref());
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return;
        };
        if !dhcp.msg_types.iter().any(|kind| &**kind == "ACK") {
            return;
        }
        let address = dhcp.assigned_addr.map(IpAddr::V4).or(dhcp.client_addr);
        let Some(address) = address.filter(|address| !address.is_unspecified()) else {
            return;
        };
        let at = dhcp.head.ts;
        let lease = dhcp.lease_time.unwrap_or(MOST_LEASE);
        let until = at.saturating_add(lease.clamp(LEAST, MOST_LEASE));
        let name: Arc<str> = name.trim_end_matches('.').to_ascii_lowercase().into();
        if let Some(same) = self.leases.get_mut(&address)
            && same.name == name
            && same.is_good(at)
        {
            // Renewed: conversations that began before are still its.
            same.last = at;
            same.until = same.until.max(until);
            return;
        }
        let named = Named {
            name,
            product: None,
            from: at,
            last: at,
            until,
        };
        self.leases.insert(address, named);
    }

    /// What `client` meant by `address` at `at`: the last name it had looked up by then.
    fn looked_up(&self, client: Option<IpAddr>, address: IpAddr, at: i64) -> Option<&Named> {
        let names = self.looked_up.get(&(client, address))?;
        names
            .iter()
            .filter(|named| named.is_good(at))
            .max_by_key(|named| named.answered(at))
    }

    fn lease(&self, address: IpAddr, at: i64) -> Option<&Named> {
        self.leases.get(&address).filter(|named| named.is_good(at))
    }

    /// Says what is known of a conversation's ends.
    pub(crate) fn tell(&self, conn: &Conn, facts: &mut Facts) {
        let at = conn.ts;
        let meant = self.looked_up(Some(conn.orig_h), conn.resp_h, at);
        facts.app = match conn.app {
            Some(_) => None,
            None => meant.and_then(|named| named.product),
        };
        if !self.wanted {
            return;
        }
        let name = |named: &Named| Arc::clone(&named.name);
        facts.orig.name = self
            .lease(conn.orig_h, at)
            .or_else(|| self.looked_up(None, conn.orig_h, at))
            .map(name);
        facts.resp.name = meant
            .or_else(|| self.lease(conn.resp_h, at))
            .or_else(|| self.looked_up(None, conn.resp_h, at))
            .map(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::Head;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn names() -> Names {
        Names::new(&Config {
            names: true,
            products: Some(Products(Arc::new(|name| {
                name.ends_with("example.com").then_some("Example")
            }))),
            ..Config::default()
        })
    }

    fn dns(at: i64, client: &str, query: &str, answers: &[(&str, i64)]) -> App {
        App::from(Dns {
            head: Head {
                ts: at,
                orig_h: ip(client),
                ..Head::default()
            },
            rtt: Some(0),
            query: Some(query.into()),
            qtype: Some(1),
            answers: answers.iter().map(|(a, _)| (*a).into()).collect(),
            ttls: answers.iter().map(|(_, ttl)| ttl * SECOND).collect(),
            ..Dns::default()
        })
    }

    fn told(
        names: &Names,
        at: i64,
        from: &str,
        to: &str,
    ) -> (Option<String>, Option<String>, Option<&'static str>) {
        let mut facts = Facts::default();
        let conn = Conn {
            ts: at,
            orig_h: ip(from),
            resp_h: ip(to),
            ..Conn::default()
        };
        names.tell(&conn, &mut facts);
        let text = |name: Option<Arc<str>>| name.map(|name| name.as_ref().to_owned());
        (text(facts.orig.name), text(facts.resp.name), facts.app)
    }

    #[test]
    fn a_client_s_own_question_counts_before_others() {
        let mut names = names();
        names.app(&dns(
            0,
            "10.0.0.1",
            "WWW.example.com",
            &[("cname.example.net", 300), ("192.0.2.1", 300)],
        ));
        names.app(&dns(
            SECOND,
            "10.0.0.2",
            "other.example.net",
            &[("192.0.2.1", 300)],
        ));
        let name = |at, from| told(&names, at, from, "192.0.2.1");
        assert_eq!(
            name(2 * SECOND, "10.0.0.1"),
            (None, Some("www.example.com".into()), Some("Example"))
        );
        assert_eq!(
            name(2 * SECOND, "10.0.0.2"),
            (None, Some("other.example.net".into()), None)
        );
        // Anybody's: a name, but no product.
        assert_eq!(
            name(2 * SECOND, "10.0.0.3"),
            (None, Some("other.example.net".into()), None)
        );
        // Before the answer, and long after.
        assert_eq!(name(-1, "10.0.0.1").1, None);
        assert_eq!(
            name(300 * SECOND, "10.0.0.1").1.as_deref(),
            Some("other.example.net")
        );
        assert_eq!(name(302 * SECOND, "10.0.0.1").1, None);
    }

    #[test]
    fn the_last_answer_before_the_conversation_counts_and_later_ones_do_not() {
        let mut names = names();
        for (at, name) in [(0, "a.example"), (10, "b.example"), (20, "c.example")] {
            names.app(&dns(at * SECOND, "10.0.0.1", name, &[("192.0.2.1", 0)]));
        }
        let name = |at: i64| told(&names, at * SECOND, "10.0.0.1", "192.0.2.1").1;
        assert_eq!(name(5).as_deref(), Some("a.example"));
        assert_eq!(name(15).as_deref(), Some("b.example"));
        assert_eq!(name(25).as_deref(), Some("c.example"));
        // The first again.
        names.app(&dns(
            30 * SECOND,
            "10.0.0.1",
            "a.example",
            &[("192.0.2.1", 0)],
        ));
        let name = |at: i64| told(&names, at * SECOND, "10.0.0.1", "192.0.2.1").1;
        assert_eq!(name(25).as_deref(), Some("c.example"));
        assert_eq!(name(35).as_deref(), Some("a.example"));
        // A time to live of 0 is a minute.
        assert_eq!(name(89).as_deref(), Some("a.example"));
        assert_eq!(name(90), None);
        for n in 0..100 {
            names.app(&dns(
                100 * SECOND,
                "10.0.0.1",
                &format!("{n}.example"),
                &[("192.0.2.1", 0)],
            ));
        }
        let held = names
            .looked_up
            .get(&(Some(ip("10.0.0.1")), ip("192.0.2.1")));
        assert_eq!(held.unwrap().len(), MAX_NAMES);
    }

    #[test]
    fn leases_name_hosts() {
        let mut names = names();
        let mut lease = Dhcp {
            head: Head::default(),
            host_name: Some("Printer".into()),
            assigned_addr: Some("10.0.0.9".parse().unwrap()),
            lease_time: Some(3600 * SECOND),
            msg_types: vec!["DISCOVER".into(), "OFFER".into()],
            ..Dhcp::default()
        };
        names.app(&App::from(lease.clone()));
        assert_eq!(
            told(&names, 1, "10.0.0.9", "10.0.0.1").0,
            None,
            "only offered"
        );
        lease.msg_types = vec!["REQUEST".into(), "ACK".into()];
        names.app(&App::from(lease.clone()));
        assert_eq!(
            told(&names, 1, "10.0.0.9", "10.0.0.1").0.as_deref(),
            Some("printer")
        );
        assert_eq!(
            told(&names, 1, "10.0.0.1", "10.0.0.9").1.as_deref(),
            Some("printer")
        );
        assert_eq!(told(&names, 3601 * SECOND, "10.0.0.9", "10.0.0.1").0, None);
        // Renewed half way: a conversation from before is still the printer's.
        lease.head.ts = 1800 * SECOND;
        names.app(&App::from(lease.clone()));
        for at in [1, 3601, 5399] {
            let told = told(&names, at * SECOND, "10.0.0.9", "10.0.0.1").0;
            assert_eq!(told.as_deref(), Some("printer"), "{at}");
        }
        // Another host has the address now.
        lease.head.ts = 4000 * SECOND;
        lease.host_name = Some("Scanner".into());
        names.app(&App::from(lease));
        let now = told(&names, 4001 * SECOND, "10.0.0.9", "10.0.0.1").0;
        assert_eq!(now.as_deref(), Some("scanner"));
    }
}
