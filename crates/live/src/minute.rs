//! What the records of the last minute add up to: applications, services and countries.
//!
//! What a record tells is counted when it comes. A long conversation has an update each minute (the active timeout), so that its rate is steady; what it
//! carried is counted once: its end adds only what its updates have not told ([`Told`]).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use portreeve_record::{App, Conn, Facts, Uid};

use crate::sum::Sum;
use crate::told::{News, Told};
use crate::view::Row;

/// Seconds that are added up.
const SECONDS: usize = 60;
/// Keys of one kind in one second; further ones are left out.
const MOST_KEYS: usize = 2048;
/// Entries of one generation of a memory.
const MOST_REMEMBERED: usize = 16_384;
/// Logs that tell of a conversation something else than its protocol.
const NO_PROTOCOLS: [&str; 6] = [
    "software",
    "files",
    "x509",
    "tunnel",
    "known_hosts",
    "known_services",
];
/// What conversations are called whose application was not recognised.
pub const UNRECOGNISED: &str = "unrecognised";

/// Sums by key, a second each.
#[derive(Debug)]
struct Window<K> {
    seconds: VecDeque<HashMap<K, Sum>>,
}

impl<K: Copy + Eq + Hash> Window<K> {
    fn new() -> Self {
        Window {
            seconds: VecDeque::from([HashMap::new()]),
        }
    }

    fn add(&mut self, key: K, sum: &Sum) {
        if let Some(second) = self.seconds.back_mut()
            && (second.len() < MOST_KEYS || second.contains_key(&key))
        {
            second.entry(key).or_default().add(sum);
        }
    }

    fn next(&mut self) {
        if self.seconds.len() == SECONDS {
            self.seconds.pop_front();
        }
        self.seconds.push_back(HashMap::new());
    }

    fn sums(&self) -> HashMap<K, Sum> {
        let mut sums: HashMap<K, Sum> = HashMap::new();
        for (key, sum) in self.seconds.iter().flatten() {
            sums.entry(*key).or_default().add(sum);
        }
        sums
    }

    fn rows(&self, most: usize, name: impl Fn(&K) -> String) -> Vec<Row> {
        let seconds = self.seconds.len().max(1) as u64;
        let a_second = |sum: u64| sum / seconds;
        let row = |(key, sum): (&K, &Sum)| Row {
            name: name(key),
            in_bits: a_second(sum.received.saturating_mul(8)),
            out_bits: a_second(sum.sent.saturating_mul(8)),
            packets: a_second(sum.packets),
            flows: Some(sum.flows),
            ..Row::default()
        };
        let mut rows: Vec<Row> = self.sums().iter().map(row).collect();
        rows.sort_by(|a, b| b.bits().cmp(&a.bits()).then_with(|| a.name.cmp(&b.name)));
        rows.truncate(most);
        rows
    }
}

/// A bounded memory: what was not put again while as many others were is forgotten.
#[derive(Debug)]
struct Memory<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Memory<K, V> {
    fn new() -> Self {
        Memory {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= MOST_REMEMBERED && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}

/// Both ends of a conversation, in any order, and its IP protocol.
pub(crate) type Pair = ((IpAddr, u16), (IpAddr, u16), u8);

pub(crate) fn pair(a: (IpAddr, u16), b: (IpAddr, u16), ip_proto: u8) -> Pair {
    (a.min(b), a.max(b), ip_proto)
}

/// What is known of a conversation that is heard now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    pub(crate) uid: Uid,
    pub(crate) orig: (IpAddr, u16),
    /// Its product or protocol.
    pub(crate) called: Option<&'static str>,
}

/// The last minute.
#[derive(Debug)]
pub(crate) struct Minute {
    applications: Window<&'static str>,
    services: Window<(u8, u16)>,
    countries: Window<[u8; 2]>,
    /// What was counted of conversations that go on.
    told: Told,
    /// Protocols by port.
    protocols: Memory<(u8, u16), &'static str>,
    talks: Memory<Pair, Talk>,
    names: Memory<IpAddr, Arc<str>>,
}

impl Minute {
    pub(crate) fn new() -> Self {
        Minute {
            applications: Window::new(),
            services: Window::new(),
            countries: Window::new(),
            told: Told::default(),
            protocols: Memory::new(),
            talks: Memory::new(),
            names: Memory::new(),
        }
    }

    /// A second has passed.
    pub(crate) fn next(&mut self) {
        self.told.next();
        self.applications.next();
        self.services.next();
        self.countries.next();
    }

    /// Counts what an update tells, and says what that is.
    pub(crate) fn update(&mut self, conn: &Conn, facts: Option<&Facts>) -> Option<News> {
        let news = self.told.update(conn)?;
        self.count(conn, facts, news.sum.with_flows(1));
        Some(news)
    }

    /// Counts what an end tells, and says what that is.
    pub(crate) fn ended(&mut self, conn: &Conn, facts: Option<&Facts>) -> News {
        let news = self.told.ended(conn);
        // Its update may have counted it within the minute.
        let is_counted = news.since_told.is_some_and(|ago| ago < SECONDS as u64);
        self.count(conn, facts, news.sum.with_flows(u64::from(!is_counted)));
        news
    }

    fn count(&mut self, conn: &Conn, facts: Option<&Facts>, sum: Sum) {
        let app = conn.app.or_else(|| facts.and_then(|facts| facts.app));
        let called = app.or(conn.service);
        // An application sends what its servers, the responders, send.
        self.applications
            .add(called.unwrap_or(UNRECOGNISED), &sum.turned());
        let port = match conn.ip_proto {
            6 | 17 | 132 | 136 => conn.resp_p,
            _ => 0,
        };
        let service = (conn.ip_proto, port);
        self.services.add(service, &sum.turned());
        if let Some(protocol) = conn.service {
            self.protocols.put(service, protocol);
        }
        for (end, address, sum) in [
            (facts.map(|facts| &facts.orig), conn.orig_h, sum),
            (facts.map(|facts| &facts.resp), conn.resp_h, sum.turned()),
        ] {
            let Some(end) = end else { continue };
            if let Some(Ok(country)) = end
                .country
                .as_ref()
                .map(|country| <[u8; 2]>::try_from(country.as_bytes()))
            {
                self.countries.add(country, &sum);
            }
            if let Some(name) = &end.name {
                self.names.put(address, Arc::clone(name));
            }
        }
        self.hear(
            (conn.orig_h, conn.orig_p),
            (conn.resp_h, conn.resp_p),
            conn.ip_proto,
            conn.uid,
            called,
        );
    }

    /// An application record: its conversation is heard before its first update.
    pub(crate) fn app(&mut self, app: &App) {
        if NO_PROTOCOLS.contains(&app.path()) {
            return;
        }
        let head = app.record().head();
        self.hear(
            (head.orig_h, head.orig_p),
            (head.resp_h, head.resp_p),
            head.ip_proto,
            head.uid,
            Some(app.path()),
        );
    }

    fn hear(
        &mut self,
        orig: (IpAddr, u16),
        resp: (IpAddr, u16),
        ip_proto: u8,
        uid: Uid,
        called: Option<&'static str>,
    ) {
        let key = pair(orig, resp, ip_proto);
        let before = self.talks.get(&key).filter(|talk| talk.uid == uid);
        let called = called.or_else(|| before?.called);
        self.talks.put(key, Talk { uid, orig, called });
    }

    pub(crate) fn applications(&self, most: usize) -> Vec<Row> {
        self.applications.rows(most, |called| (*called).to_owned())
    }

    pub(crate) fn countries(&self, most: usize) -> Vec<Row> {
        self.countries
            .rows(most, |code| String::from_utf8_lossy(code).into_owned())
    }

    /// Conversations of each service.
    pub(crate) fn flows_of_services(&self) -> HashMap<(u8, u16), u64> {
        let sums = self.services.sums();
        sums.iter().map(|(key, sum)| (*key, sum.flows)).collect()
    }

    /// The protocol that was last recognised at a port.
    pub(crate) fn protocol(&self, service: (u8, u16)) -> Option<&'static str> {
        self.protocols.get(&service).copied()
    }

    pub(crate) fn talk(&self, pair: &Pair) -> Option<&Talk> {
        self.talks.get(pair)
    }

    pub(crate) fn name(&self, address: IpAddr) -> Option<&str> {
        self.names.get(&address).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(uid: u32, sent: u64, received: u64) -> Conn {
        let mut conn = Conn {
            uid: Uid([0, 0, uid]),
            ip_proto: 6,
            resp_p: 443,
            service: Some("ssl"),
            ..Conn::default()
        };
        conn.orig.ip_bytes = sent;
        conn.orig.pkts = 1;
        conn.resp.ip_bytes = received;
        conn
    }

    fn total(minute: &Minute) -> (u64, u64, u64) {
        let sums = minute.applications.sums();
        let sum = sums.get("ssl").copied().unwrap_or_default();
        (sum.received, sum.sent, sum.flows)
    }

    #[test]
    fn what_updates_told_is_not_counted_again_at_the_end() {
        let mut minute = Minute::new();
        minute.update(&conn(1, 10, 100), None);
        minute.next();
        minute.update(&conn(1, 5, 50), None);
        minute.ended(&conn(1, 17, 151), None);
        minute.ended(&conn(2, 1, 1), None);
        assert_eq!(total(&minute), (18, 152, 3));
        assert!(minute.told.is_empty());
    }

    #[test]
    fn a_minute_later_nothing_is_left() {
        let mut minute = Minute::new();
        minute.ended(&conn(1, 600, 6000), None);
        for _ in 1..SECONDS {
            minute.next();
        }
        let rows = minute.applications(10);
        assert_eq!((rows[0].in_bits, rows[0].out_bits), (80, 800));
        assert_eq!(minute.flows_of_services()[&(6, 443)], 1);
        minute.next();
        assert!(minute.applications(10).is_empty());
        assert_eq!(minute.protocol((6, 443)), Some("ssl"));
    }

    #[test]
    fn countries_and_names_come_from_what_is_joined() {
        let mut minute = Minute::new();
        let mut facts = Facts::default();
        facts.resp.country = Some("NL".into());
        facts.resp.name = Some("www.example".into());
        facts.app = Some("example");
        let mut other = conn(1, 60, 600);
        other.resp_h = IpAddr::from([192, 0, 2, 1]);
        minute.ended(&other, Some(&facts));
        let rows = minute.countries(10);
        assert_eq!(
            (rows[0].name.as_str(), rows[0].in_bits, rows[0].out_bits),
            ("NL", 480, 4800)
        );
        assert_eq!(minute.name(other.resp_h), Some("www.example"));
        assert_eq!(minute.applications(1)[0].name, "example");
    }

    #[test]
    fn a_memory_is_bounded() {
        let mut memory = Memory::new();
        for number in 0..3 * MOST_REMEMBERED {
            memory.put(number, ());
            memory.put(7, ());
        }
        assert!(memory.young.len() + memory.old.len() <= 2 * MOST_REMEMBERED);
        assert!(memory.get(&7).is_some() && memory.get(&8).is_none());
    }
}
