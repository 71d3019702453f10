//! A store with known content.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use portreeve_output::Output;
use portreeve_record::app::dns::Dns;
use portreeve_record::app::ssl::Ssl;
use portreeve_record::{Conn, ConnState, Record, RecordContext, Uid};
use portreeve_store::{Store, StoreConfig};

/// 2026-11-26 12:00:00 UTC, milliseconds.
pub const NOON: i64 = 1_795_694_400_000;
/// Conversations: one each second, from noon on.
pub const CONNS: u32 = 1000;

fn host(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

/// Every third conversation is DNS over UDP, the others TLS over TCP, from one of ten hosts.
pub fn conn(number: u32) -> Conn {
    let is_dns = number.is_multiple_of(3);
    let mut conn = Conn {
        ts: (NOON + i64::from(number) * 1000) * 1_000_000 + 7,
        uid: Uid([1, 2, number]),
        orig_h: host(10 + (number % 10) as u8),
        orig_p: 40_000,
        resp_h: host(if is_dns { 53 } else { 200 }),
        resp_p: if is_dns { 53 } else { 443 },
        ip_proto: if is_dns { 17 } else { 6 },
        service: Some(if is_dns { "dns" } else { "ssl" }),
        duration: Some(i64::from(number) * 1_000_000),
        conn_state: if is_dns || number.is_multiple_of(2) {
            ConnState::SF
        } else {
            ConnState::S0
        },
        syn_rtt: (!is_dns).then_some(20_000_000),
        ..Conn::default()
    };
    conn.orig.pkts = 2;
    conn.orig.ip_bytes = 100;
    conn.orig.retransmits = u32::from(!is_dns);
    conn.resp.pkts = 3;
    conn.resp.ip_bytes = u64::from(number);
    conn
}

/// Hands the records of all conversations to `put`, of which the first began at `begin`, milliseconds.
pub fn each(begin: i64, mut put: impl FnMut(&Record, &RecordContext)) {
    let context = RecordContext::new("lab", vec!["eth9".into()]);
    for number in 0..CONNS {
        let mut conn = conn(number);
        conn.ts += (begin - NOON) * 1_000_000;
        let mut head = portreeve_record::app::Head {
            ts: conn.ts,
            uid: conn.uid,
            orig_h: conn.orig_h,
            orig_p: conn.orig_p,
            resp_h: conn.resp_h,
            resp_p: conn.resp_p,
            ip_proto: conn.ip_proto,
            ..Default::default()
        };
        put(&Record::Conn(conn), &context);
        head.ts += 1;
        if number.is_multiple_of(3) {
            let dns = Dns {
                head,
                query: Some("www.example".into()),
                qtype: Some(1),
                rcode: Some(if number.is_multiple_of(2) { 0 } else { 3 }),
                rtt: Some(5_000_000),
                saw_query: true,
                saw_reply: true,
                ..Dns::default()
            };
            put(&Record::App(dns.into()), &context);
        } else {
            let ssl = Ssl {
                head,
                version: Some(if number.is_multiple_of(2) {
                    0x0304
                } else {
                    0x0301
                }),
                cipher: Some(if number.is_multiple_of(2) {
                    0x1301
                } else {
                    0x000a
                }),
                server_name: Some("secure.example".into()),
                established: true,
                ..Ssl::default()
            };
            put(&Record::App(ssl.into()), &context);
        }
    }
}

pub fn fill(path: &Path) {
    let mut store = Store::open(StoreConfig::new(path.to_owned())).expect("a store");
    each(NOON, |record, context| store.write(record, context));
    store.finish();
}
