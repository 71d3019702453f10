//! Hosts that talk and services that answer: `known_hosts` and `known_services`, with the meaning of Zeek's policy scripts of those names.
//!
//! Zeek tells when a handshake ends or a protocol is confirmed; here both are read off the conversation's record, which comes at its end, or at the active timeout of
//! a long one. The times told are those of the handshake.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use portreeve_record::app::known_hosts::KnownHosts;
use portreeve_record::app::known_services::KnownServices;
use portreeve_record::conn::{Conn, ConnState};
use portreeve_record::{App, Head, Record};

use crate::bounded::Bounded;
use crate::config::{Config, Networks, SECOND, Whose};
use crate::ftp;
use crate::recent::Recent;

/// How long a service that spoke no known protocol waits for a conversation that does, as in Zeek.
const WAIT: i64 = 300 * SECOND;
/// The most services that wait; the one that waited longest is told then.
const MAX_WAITING: usize = 4096;
const TCP: u8 = 6;
const UDP: u8 = 17;

type Port = (IpAddr, u16, u8);

/// What was told of a service.
#[derive(Debug, Default)]
struct Told {
    at: i64,
    /// As conversations name them: there are no more than protocols that can be recognised.
    protocols: Vec<&'static str>,
}

/// The hosts and services that were told of lately.
#[derive(Debug)]
pub(crate) struct Known {
    of_hosts: Whose,
    of_services: Whose,
    again: i64,
    hosts: Recent<IpAddr>,
    services: Bounded<Port, Told>,
    /// Services without a known protocol, and until when they wait for one.
    waiting: VecDeque<(i64, KnownServices)>,
    /// Their ports.
    ports: HashSet<Port>,
}

impl Known {
    pub(crate) fn new(config: &Config) -> Self {
        Known {
            of_hosts: config.hosts,
            of_services: config.services,
            again: config.again,
            hosts: Recent::new(config.entries, config.again),
            services: Bounded::new(config.entries),
            waiting: VecDeque::new(),
            ports: HashSet::new(),
        }
    }

    /// Tells of others from now on. What was told was told.
    pub(crate) fn change(&mut self, config: &Config) {
        self.of_hosts = config.hosts;
        self.of_services = config.services;
        self.again = config.again;
        self.hosts.tell_again_after(config.again);
    }

    /// Learns from a conversation's record.
    pub(crate) fn conn(&mut self, conn: &Conn, networks: &Networks, made: &mut Vec<Record>) {
        let at = conn.ts.saturating_add(conn.syn_rtt.unwrap_or(0));
        if self.of_hosts != Whose::Nobody && has_shaken_hands(conn) {
            for (host, local) in [
                (conn.orig_h, conn.local_orig),
                (conn.resp_h, conn.local_resp),
            ] {
                let local = local.unwrap_or_else(|| networks.has(host));
                if self.of_hosts.is(local) && self.hosts.is_new(host, at) {
                    let head = head(conn, at);
                    made.push(record(KnownHosts { head, host }));
                }
            }
        }
        if self.of_services != Whose::Nobody {
            let end = conn.ts.saturating_add(conn.duration.unwrap_or(0));
            self.release(end, made);
            let local = conn.local_resp.unwrap_or_else(|| networks.has(conn.resp_h));
            if self.of_services.is(local) && answered(conn) {
                self.service(conn, at, end, made);
            }
        }
    }

    fn service(&mut self, conn: &Conn, at: i64, end: i64, made: &mut Vec<Record>) {
        let named = conn.service.unwrap_or_default();
        if named == ftp::SERVICE || (named == "dns" && conn.resp.bytes.unwrap_or(0) == 0) {
            return;
        }
        let key = (conn.resp_h, conn.resp_p, conn.ip_proto);
        let told = self.services.get(&key);
        let told = told.filter(|told| at.abs_diff(told.at) < self.again.unsigned_abs());
        let new: Vec<&'static str> = named
            .split(',')
            .filter(|name| !name.is_empty())
            .filter(|name| told.is_none_or(|told| !told.protocols.contains(name)))
            .collect();
        let is_known = told.is_some();
        if new.is_empty() && is_known {
            return;
        }
        let told_of = KnownServices {
            head: head(conn, at),
            host: conn.resp_h,
            port_num: conn.resp_p,
            port_proto: conn.ip_proto,
            service: new.iter().copied().map(spelt).collect(),
        };
        if new.is_empty() {
            if !self.ports.insert(key) {
                return;
            }
            self.waiting.push_back((end.saturating_add(WAIT), told_of));
            while self.waiting.len() > MAX_WAITING {
                self.release_one(made);
            }
            return;
        }
        let told = self.services.entry(key);
        if !is_known {
            told.at = at;
            told.protocols.clear();
        }
        told.protocols.extend(new);
        made.push(record(told_of));
    }

    /// Tells of those that waited long enough at `now`.
    fn release(&mut self, now: i64, made: &mut Vec<Record>) {
        while self.waiting.front().is_some_and(|(until, _)| *until <= now) {
            self.release_one(made);
        }
    }

    fn release_one(&mut self, made: &mut Vec<Record>) {
        let Some((_, service)) = self.waiting.pop_front() else {
            return;
        };
        let (key, at) = (key_of(&service), service.head.ts);
        self.ports.remove(&key);
        let told = self.services.get(&key);
        if told.is_some_and(|told| at.abs_diff(told.at) < self.again.unsigned_abs()) {
            return;
        }
        let protocols = Vec::new();
        self.services.insert(key, Told { at, protocols });
        made.push(record(service));
    }

    /// The end: tells of those that wait.
    pub(crate) fn finish(&mut self, made: &mut Vec<Record>) {
        while !self.waiting.is_empty() {
            self.release_one(made);
        }
    }
}

fn record(record: impl Into<App>) -> Record {
    Record::App(record.into())
}

fn key_of(service: &KnownServices) -> Port {
    (service.host, service.port_num, service.port_proto)
}

fn head(conn: &Conn, ts: i64) -> Head {
    Head {
        ts,
        uid: conn.uid,
        orig_h: conn.orig_h,
        orig_p: conn.orig_p,
        resp_h: conn.resp_h,
        resp_p: conn.resp_p,
        ip_proto: conn.ip_proto,
        source: conn.source,
    }
}

/// A protocol's name as Zeek's analyzers are called: in capitals, but for one.
fn spelt(name: &str) -> Box<str> {
    if name == ftp::SERVICE {
        name.into()
    } else {
        name.to_ascii_uppercase().into()
    }
}

/// A connection that both sides agreed on.
fn has_shaken_hands(conn: &Conn) -> bool {
    conn.ip_proto == TCP
        && matches!(
            conn.conn_state,
            ConnState::S1
                | ConnState::SF
                | ConnState::S2
                | ConnState::S3
                | ConnState::RSTO
                | ConnState::RSTR
        )
}

/// Whether the responder did more than refuse: TCP sent a SYN-ACK, or takes part in a connection whose beginning was not seen; UDP sent something. Others are no services.
fn answered(conn: &Conn) -> bool {
    match conn.ip_proto {
        TCP => conn
            .history
            .as_bytes()
            .iter()
            .any(|letter| matches!(letter, b'h' | b'a' | b'd' | b'f')),
        UDP => conn.resp.pkts > 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(ts: i64, service: Option<&'static str>, history: &str) -> Conn {
        let mut conn = Conn {
            ts,
            orig_h: "10.0.0.1".parse().unwrap(),
            resp_h: "10.0.0.2".parse().unwrap(),
            resp_p: 8080,
            ip_proto: TCP,
            conn_state: ConnState::SF,
            service,
            ..Conn::default()
        };
        for letter in history.bytes() {
            conn.history.push(letter);
        }
        conn
    }

    fn told(known: &mut Known, conn: &Conn) -> Vec<String> {
        let mut made = Vec::new();
        known.conn(conn, &Networks::default(), &mut made);
        made.iter().map(shown).collect()
    }

    fn shown(record: &Record) -> String {
        match record {
            Record::App(App::KnownHosts(k)) => k.host.to_string(),
            Record::App(App::KnownServices(k)) => {
                format!("{}:{} {}", k.host, k.port_num, k.service.join(","))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_protocol_is_told_once_and_another_when_it_comes() {
        let mut known = Known::new(&Config {
            hosts: Whose::Nobody,
            ..Config::default()
        });
        let http = conn(0, Some("http"), "ShADadFf");
        assert_eq!(told(&mut known, &http), ["10.0.0.2:8080 HTTP"]);
        assert!(told(&mut known, &http).is_empty());
        let both = conn(1, Some("http,ssl"), "ShADadFf");
        assert_eq!(told(&mut known, &both), ["10.0.0.2:8080 SSL"]);
        // One without any is none that is new.
        assert!(told(&mut known, &conn(2, None, "Sh")).is_empty());
        let tomorrow = conn(86_400 * SECOND, Some("http"), "ShADadFf");
        assert_eq!(told(&mut known, &tomorrow), ["10.0.0.2:8080 HTTP"]);
    }

    #[test]
    fn one_without_a_known_protocol_waits_for_one() {
        let mut known = Known::new(&Config {
            hosts: Whose::Nobody,
            ..Config::default()
        });
        assert!(told(&mut known, &conn(0, None, "ShADadFf")).is_empty());
        assert!(told(&mut known, &conn(1, None, "ShADadFf")).is_empty());
        let later = conn(WAIT, None, "Sr");
        assert_eq!(told(&mut known, &later), ["10.0.0.2:8080 "]);
        assert!(told(&mut known, &conn(WAIT + 1, None, "ShADadFf")).is_empty());
        let mut made = Vec::new();
        known.finish(&mut made);
        assert!(made.is_empty());
    }

    #[test]
    fn what_did_not_answer_is_no_service_and_no_host() {
        let mut known = Known::new(&Config::default());
        let mut refused = conn(0, Some("http"), "Sr");
        refused.conn_state = ConnState::REJ;
        assert!(told(&mut known, &refused).is_empty());
        let mut asked = conn(0, Some("dns"), "D");
        asked.ip_proto = UDP;
        assert!(told(&mut known, &asked).is_empty());
        asked.resp.pkts = 1;
        assert!(told(&mut known, &asked).is_empty(), "it said nothing");
        asked.resp.bytes = Some(1);
        assert_eq!(told(&mut known, &asked), ["10.0.0.2:8080 DNS"]);
    }

    #[test]
    fn hosts_of_whom_we_want() {
        for (whose, local, expected) in [
            (Whose::Local, None, &["10.0.0.1", "10.0.0.2"][..]),
            (Whose::Local, Some(false), &["10.0.0.1"]),
            (Whose::Remote, Some(false), &["10.0.0.2"]),
            (Whose::Everybody, Some(false), &["10.0.0.1", "10.0.0.2"]),
            (Whose::Nobody, None, &[]),
        ] {
            let mut known = Known::new(&Config {
                hosts: whose,
                services: Whose::Nobody,
                ..Config::default()
            });
            let mut conn = conn(0, None, "ShADadFf");
            conn.local_resp = local;
            assert_eq!(told(&mut known, &conn), expected, "{whose:?} {local:?}");
        }
    }

    #[test]
    fn those_that_wait_are_bounded() {
        let mut known = Known::new(&Config::default());
        let mut all = 0;
        for n in 0..10_000u16 {
            let mut conn = conn(0, None, "Sh");
            conn.conn_state = ConnState::SHR;
            conn.resp_p = n;
            all += told(&mut known, &conn).len();
            assert!(known.waiting.len() <= MAX_WAITING);
        }
        let mut made = Vec::new();
        known.finish(&mut made);
        assert_eq!(all + made.len(), 10_000);
    }
}
