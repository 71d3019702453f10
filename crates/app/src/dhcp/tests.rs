use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::{Outcome, Play};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn message(operation: u8, xid: u32, yiaddr: [u8; 4], options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![operation, 1, 6, 0];
    bytes.extend(xid.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(yiaddr);
    bytes.extend([0; 8]);
    bytes.extend(MAC);
    bytes.resize(236, 0);
    bytes.extend([99, 130, 83, 99]);
    bytes.extend(options);
    bytes.push(255);
    bytes
}

fn records(outcome: &Outcome) -> Vec<&portreeve_record::app::dhcp::Dhcp> {
    let record = |record| match record {
        &Record::App(App::Dhcp(ref dhcp)) => Some(&**dhcp),
        _ => None,
    };
    outcome.records.iter().filter_map(record).collect()
}

#[test]
fn a_transaction_is_one_record() {
    let request = message(
        1,
        7,
        [0; 4],
        b"\x35\x01\x03\x0c\x05host\0\x32\x04\x0a\0\0\x07\x51\x0a\x04\0\0\x01a\x03b.c\0\x37\x02\x01\x03",
    );
    let answer = message(
        2,
        7,
        [10, 0, 0, 7],
        b"\0\0\x35\x01\x05\x33\x04\0\0\x0e\x10\x0f\x03lan\x06\x08\x0a\0\0\x01\x0a\0\0\x02",
    );
    let mut play = Play::new(Transport::Udp, 68, 67);
    play.orig(&request).resp(&answer);
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("dhcp"));
    let [dhcp] = records(&outcome)[..] else {
        panic!("{:?}", outcome.records);
    };
    assert_eq!(dhcp.msg_types, ["REQUEST".into(), "ACK".into()]);
    assert_eq!(dhcp.mac.as_deref(), Some("02:00:00:00:00:09"));
    assert_eq!(dhcp.host_name.as_deref(), Some("host"));
    assert_eq!(dhcp.client_fqdn.as_deref(), Some("a.b.c"));
    assert_eq!(dhcp.domain.as_deref(), Some("lan"));
    assert_eq!(dhcp.requested_addr, dhcp.assigned_addr);
    assert_eq!(dhcp.lease_time, Some(3_600_000_000_000));
    assert_eq!(dhcp.client_addr, Some([192, 0, 2, 1].into()));
    assert_eq!(dhcp.server_addr, Some([192, 0, 2, 2].into()));
    assert_eq!(dhcp.params, [1, 3]);
    assert_eq!(dhcp.dns_servers.len(), 2);
    assert_eq!(dhcp.duration, crate::testing::STEP);
}

#[test]
fn a_server_that_speaks_first_is_the_server() {
    let mut play = Play::new(Transport::Udp, 67, 68);
    play.orig(&message(2, 1, [10, 0, 0, 7], b"\x35\x01\x02"));
    let outcome = play.finish();
    let dhcp = records(&outcome)[0];
    assert_eq!(dhcp.server_addr, Some([192, 0, 2, 1].into()));
    assert_eq!(dhcp.client_addr, Some([10, 0, 0, 7].into()));
}

#[test]
fn open_transactions_are_bounded_and_none_is_lost() {
    let mut play = Play::new(Transport::Udp, 68, 67);
    for xid in 0..1000 {
        play.orig(&message(1, xid, [0; 4], b"\x35\x01\x01"));
    }
    for _ in 0..120 {
        play.orig(&message(1, 5000, [0; 4], b"\x35\x01\x01"));
    }
    assert_eq!(records(&play.finish()).len(), 1003);
}

#[test]
fn nothing_breaks_it() {
    let whole = message(
        1,
        7,
        [0; 4],
        b"\x35\x01\x03\x0c\x04host\x51\x04\x04\0\0\xff",
    );
    for len in 0..whole.len() {
        let mut play = Play::of(&DHCP, Transport::Udp, 68, 67);
        play.orig(&whole[..len]).resp(&whole[..len]);
        play.finish();
    }
    let mut state = 1u32;
    for _ in 0..2000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize % bytes.len();
            bytes[at] = (state >> 24) as u8;
        }
        let mut play = Play::of(&DHCP, Transport::Udp, 68, 67);
        play.orig(&bytes).resp(&bytes);
        play.finish();
    }
}
