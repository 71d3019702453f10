use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::Play;

const DUID: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 9];

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = code.to_be_bytes().to_vec();
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes
}

fn solicit() -> Vec<u8> {
    let fqdn = option(39, b"\0\x04host\x03lan\0");
    [vec![1, 0, 0, 7], option(CLIENT, DUID), fqdn].concat()
}

const CLIENT: u16 = message::CLIENT_ID;

fn reply() -> Vec<u8> {
    let mut address = vec![0x20, 1];
    address.resize(15, 0);
    address.push(5);
    address.extend([0, 0, 0, 1, 0, 0, 0x0e, 0x10]);
    let mut association = vec![0; 12];
    association.extend(option(5, &address));
    [
        vec![7, 0, 0, 7],
        option(CLIENT, DUID),
        option(message::SERVER_ID, &[0, 2, 1]),
        option(3, &association),
        option(24, b"\x01a\x01b\0\x01c\0"),
    ]
    .concat()
}

#[test]
fn a_transaction_is_one_record() {
    let mut play = Play::new(Transport::Udp, 546, 547);
    play.orig(&solicit()).resp(&reply());
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("dhcpv6"));
    let [Record::App(App::Dhcpv6(record))] = &outcome.records[..] else {
        panic!("{:?}", outcome.records);
    };
    assert_eq!(record.msg_types, ["SOLICIT".into(), "REPLY".into()]);
    assert_eq!(record.mac.as_deref(), Some("02:00:00:00:00:09"));
    assert_eq!(record.client_fqdn.as_deref(), Some("host.lan"));
    assert_eq!(record.assigned_addrs[0].to_string(), "2001::5");
    assert_eq!(record.lease_time, Some(3_600_000_000_000));
    assert_eq!(record.domains, ["a.b".into(), "c".into()]);
}

#[test]
fn relays_are_looked_through_and_not_for_ever() {
    let mut wrapped = solicit();
    for depth in 1..20u8 {
        let mut outer = vec![12, depth];
        outer.extend([depth; 32]);
        outer.extend(option(9, &wrapped));
        wrapped = outer;
        let found = Message::parse(&wrapped);
        assert_eq!(found.is_some(), depth <= 8, "{depth}");
        if let Some(message) = found {
            assert_eq!(message.link, Some([1; 16].into()));
        }
    }
}

#[test]
fn nothing_breaks_it() {
    let whole = reply();
    let mut state = 1u32;
    for round in 0..4000 {
        let mut bytes = whole.clone();
        if round < whole.len() {
            bytes.truncate(round);
        }
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if let Some(byte) = bytes.get_mut(state as usize % whole.len()) {
                *byte = (state >> 24) as u8;
            }
        }
        let mut play = Play::of(&DHCPV6, Transport::Udp, 546, 547);
        play.orig(&bytes).resp(&bytes);
        play.finish();
    }
}
