//! Any texts as what programs say of themselves, names, answers and fingerprints: nothing but a bounded number of records comes of each, and none is lost.
#![no_main]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use portreeve_facts::{Config, Knowledge, Live, Products, Whose};
use portreeve_record::app::dhcp::Dhcp;
use portreeve_record::app::dns::Dns;
use portreeve_record::app::files::{Files, UNCLAIMED};
use portreeve_record::app::ftp::{DataChannel, Ftp};
use portreeve_record::app::http::Http;
use portreeve_record::app::smtp::Smtp;
use portreeve_record::app::ssh::Ssh;
use portreeve_record::app::x509::{Certificate, X509};
use portreeve_record::{App, Conn, Fate, Head, Joiner, Record, Uid};

/// The most records that one leads to: its own, and a program for each of its texts. What waited for it is beside these.
const MOST: usize = 8;

fn head(tag: u8, at: i64) -> Head {
    Head {
        ts: at,
        uid: Uid([0, 0, u32::from(tag & 3)]),
        orig_h: IpAddr::from([10, 0, 0, tag & 3]),
        resp_h: IpAddr::from([192, 0, 2, tag >> 6]),
        ..Head::default()
    }
}

fn record(tag: u8, at: i64, text: &str) -> Record {
    let head = head(tag, at);
    let said: Option<Box<str>> = Some(text.into());
    Record::App(match tag >> 2 & 7 {
        0 => App::from(Http {
            head,
            user_agent: said.clone(),
            server: said.clone(),
            powered_by: said,
            ..Http::default()
        }),
        1 => App::from(Ssh {
            head,
            client: said.clone(),
            server: said,
            ..Ssh::default()
        }),
        2 => App::from(Smtp {
            head,
            user_agent: said.clone(),
            first_received: said,
            path: vec![head.orig_h],
            ..Smtp::default()
        }),
        3 => App::from(Dns {
            head,
            query: said,
            qtype: Some(1),
            answers: text
                .split(',')
                .map(Into::into)
                .chain(["192.0.2.1".into()])
                .collect(),
            ttls: vec![at],
            ..Dns::default()
        }),
        4 => App::from(Dhcp {
            head,
            host_name: said.clone(),
            mac: said,
            trans_id: u32::from(tag & 1),
            msg_types: text.split(',').map(Into::into).collect(),
            msg_times: vec![at; text.split(',').count()],
            assigned_addr: Some([10, 0, 0, 9].into()),
            server_addr: Some(head.resp_h),
            duration: at,
            ..Dhcp::default()
        }),
        5 => App::from(X509 {
            head,
            certificate: Arc::new(Certificate {
                fingerprint: text.into(),
                ..Certificate::default()
            }),
            ..X509::default()
        }),
        6 if tag & 1 == 0 => App::from(Ftp {
            command: text.into(),
            reply_code: Some(226),
            data_channel: (!text.starts_with("RETR")).then_some(DataChannel {
                passive: true,
                orig_h: head.orig_h,
                resp_h: head.resp_h,
                resp_p: head.resp_p,
            }),
            head,
            ..Ftp::default()
        }),
        6 => App::from(Files {
            head,
            source: UNCLAIMED,
            duration: at,
            ..Files::default()
        }),
        _ => {
            return Record::Conn(Conn {
                ts: at,
                uid: head.uid,
                orig_h: head.orig_h,
                resp_h: head.resp_h,
                resp_p: head.resp_p,
                ip_proto: if tag & 1 == 0 { 6 } else { 17 },
                ..Conn::default()
            });
        }
    })
}

fuzz_target!(|data: &[u8]| {
    let config = Config {
        hosts: Whose::Everybody,
        services: Whose::Everybody,
        software: Whose::Everybody,
        names: true,
        products: Some(Products(Arc::new(|name| {
            name.contains("example").then_some("Example")
        }))),
        entries: 16,
        ..Config::default()
    };
    let mut knowledge = Knowledge::new(&config, Arc::<Live>::default());
    let (mut given, mut written) = (0, 0);
    let mut held: i64 = 0;
    let mut made = Vec::new();
    let is_dhcp = |record: &Record| matches!(record, Record::App(App::Dhcp(_)));
    // What may be held.
    let is_held = |record: &Record| matches!(record, Record::Conn(_) | Record::App(App::Ftp(_)));
    let count = |made: &[Record]| made.iter().filter(|record| is_held(record)).count() as i64;
    for line in data.split(|&byte| byte == b'\n') {
        let Some((&[tag, time], text)) = line.split_first_chunk() else {
            continue;
        };
        // Some times are absurd.
        let at = match time {
            255 => i64::MAX,
            254 => i64::MIN,
            _ => i64::from(time) * 10_000_000_000,
        };
        let record = record(tag, at, &String::from_utf8_lossy(text));
        let fate = knowledge.join(&record, &mut made);
        held += i64::from(is_held(&record) && fate == Fate::TakeIn);
        if is_dhcp(&record) {
            given += 1;
            written += usize::from(fate == Fate::Write);
        }
        let of_dhcp = made.iter().filter(|record| is_dhcp(record)).count();
        let released = count(&made) as usize;
        let is_file = |record: &&Record| matches!(record, Record::App(App::Files(_)));
        let waited = released + made.iter().filter(is_file).count();
        assert!(
            made.len() - of_dhcp - waited <= MOST * (1 + released),
            "{made:?}"
        );
        if tag & 0x20 != 0 {
            let now = UNIX_EPOCH + Duration::from_secs(u64::from(time));
            knowledge.tick(now, &mut made);
        }
        held -= count(&made);
        written += of_dhcp;
        made.clear();
    }
    knowledge.finish(&mut made);
    written += made.iter().filter(|record| is_dhcp(record)).count();
    // What was held is written once.
    assert_eq!(held, count(&made));
    // Joined ones are fewer, and never more.
    assert!(written <= given && (written > 0 || given == 0));
});
