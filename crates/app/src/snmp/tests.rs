use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::{Play, START, STEP};

fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let mut bytes = vec![tag];
    if content.len() > 127 {
        bytes.push(0x82);
        bytes.extend((content.len() as u16).to_be_bytes());
    } else {
        bytes.push(content.len() as u8);
    }
    bytes.extend(content);
    bytes
}

fn variable(name: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    element(0x30, &[&element(6, &[name]), &element(tag, &[value])])
}

fn message(tag: u8, variables: &[&[u8]]) -> Vec<u8> {
    let numbers = [2, 1, 7, 2, 1, 0, 2, 1, 0];
    let pdu = element(tag, &[&numbers, &element(0x30, variables)]);
    element(0x30, &[&[2, 1, 1], &element(4, &[b"public"]), &pdu])
}

#[test]
fn what_is_asked_and_answered_is_counted() {
    let description = variable(DESCRIPTION, 4, b"A router");
    let up = variable(UP_TIME, 0x43, &[0x64]);
    let mut play = Play::new(Transport::Udp, 5000, 4000);
    play.orig(&message(message::GET, &[&description, &up]))
        .resp(&message(0xa2, &[&description, &up]))
        .orig(&message(0xa5, &[&up]))
        .orig(&message(0xa3, &[&up]));
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("snmp"));
    let [Record::App(App::Snmp(snmp))] = &outcome.records[..] else {
        panic!("{:?}", outcome.records);
    };
    let counts = [
        snmp.get_requests,
        snmp.get_responses,
        snmp.get_bulk_requests,
        snmp.set_requests,
    ];
    assert_eq!(counts, [2, 2, 1, 1]);
    assert_eq!((snmp.version, snmp.duration), ("2c", 3 * STEP));
    assert_eq!(snmp.community.as_deref(), Some("public"));
    assert_eq!(snmp.display_string.as_deref(), Some("A router"));
    assert_eq!(snmp.up_since, Some(START + STEP - 1_000_000_000));
}

#[test]
fn other_sequences_are_not_claimed() {
    // An LDAP search over UDP begins the same.
    let ldap = element(0x30, &[&[2, 1, 1], &element(0x63, &[b"x"])]);
    let mut play = Play::new(Transport::Udp, 5000, 161);
    play.orig(&ldap);
    assert_eq!(play.finish().service, None);
}

#[test]
fn nothing_breaks_it() {
    let whole = message(0xa2, &[&variable(UP_TIME, 0x43, &[1, 2, 3, 4])]);
    let mut state = 1u32;
    for round in 0..5000 {
        let mut bytes = whole.clone();
        if round < whole.len() {
            bytes.truncate(round);
        }
        for _ in 0..2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if let Some(byte) = bytes.get_mut(state as usize % whole.len()) {
                *byte = (state >> 24) as u8;
            }
        }
        let mut play = Play::of(&SNMP, Transport::Udp, 5000, 161);
        play.orig(&bytes).resp(&bytes);
        play.finish();
    }
}
