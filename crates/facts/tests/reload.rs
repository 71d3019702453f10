//! What is joined changes while a run goes on.

use std::sync::Arc;

use portreeve_facts::{Config, Knowledge, Live, Now, Whose};
use portreeve_record::app::dhcp::Dhcp;
use portreeve_record::{App, Conn, ConnState, Fate, Joiner, Record};

/// A connection of two hosts, of which the second answers.
fn conn(ts: i64, orig: &str, resp: &str) -> Record {
    Record::Conn(Conn {
        ts,
        orig_h: orig.parse().unwrap(),
        resp_h: resp.parse().unwrap(),
        ip_proto: 6,
        conn_state: ConnState::SF,
        ..Conn::default()
    })
}

/// How the record is taken, and the logs of what is made of it.
fn join(knowledge: &mut Knowledge, record: &Record) -> (Fate, Vec<&'static str>) {
    let mut made = Vec::new();
    let fate = knowledge.join(record, &mut made);
    (fate, made.iter().map(Record::path).collect())
}

fn changed(config: Config) -> Now {
    Now {
        config: Some(config),
        ..Now::default()
    }
}

#[test]
fn other_hosts_are_told_of_and_what_was_told_is_remembered() {
    let live = Arc::<Live>::default();
    let mut knowledge = Knowledge::new(&Config::default(), Arc::clone(&live));
    let told = |knowledge: &mut Knowledge, ts, orig, resp| {
        let (_, made) = join(knowledge, &conn(ts, orig, resp));
        made.iter().filter(|log| **log == "known_hosts").count()
    };
    assert_eq!(told(&mut knowledge, 0, "10.0.0.1", "192.0.2.1"), 1);
    live.change(changed(Config {
        hosts: Whose::Everybody,
        ..Config::default()
    }));
    // The other end too, from now on; the first is known still.
    assert_eq!(told(&mut knowledge, 1, "10.0.0.1", "192.0.2.1"), 1);
    live.change(changed(Config {
        hosts: Whose::Everybody,
        again: 0,
        ..Config::default()
    }));
    assert_eq!(told(&mut knowledge, 2, "10.0.0.1", "192.0.2.1"), 2);
    live.change(changed(Config {
        hosts: Whose::Nobody,
        ..Config::default()
    }));
    assert_eq!(told(&mut knowledge, 3, "10.0.0.9", "192.0.2.9"), 0);
}

#[test]
fn parts_of_transactions_that_wait_are_let_go_when_nothing_is_joined_any_more() {
    let live = Arc::<Live>::default();
    let mut knowledge = Knowledge::new(&Config::default(), Arc::clone(&live));
    let discover = Record::App(App::from(Dhcp {
        trans_id: 7,
        mac: Some("00:0b:82:01:fc:42".into()),
        msg_types: vec!["DISCOVER".into()],
        msg_times: vec![0],
        ..Dhcp::default()
    }));
    assert_eq!(join(&mut knowledge, &discover), (Fate::TakeIn, Vec::new()));
    live.change(changed(Config {
        dhcp: false,
        ..Config::default()
    }));
    assert_eq!(
        join(&mut knowledge, &discover),
        (Fate::Write, vec!["dhcp"]),
        "the one that waited, and this one"
    );
}
