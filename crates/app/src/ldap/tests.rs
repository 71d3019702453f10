//! What is recognised, what records come of messages, and that broken ones do no harm.

use portreeve_record::{App, Record};

use super::*;
use crate::testing::{From, Outcome, Play, play_cut};

const PORT: u16 = 389;

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..0x80 => out.push(len as u8),
        len => out.extend_from_slice(&[0x84, 0, 0, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(content);
    out
}

fn message(id: u8, operation: u8, content: &[&[u8]]) -> Vec<u8> {
    let operation = element(operation, &content.concat());
    element(0x30, &[&[2, 1, id][..], &operation].concat())
}

fn octets(text: &str) -> Vec<u8> {
    element(4, text.as_bytes())
}

fn bind(id: u8, password: &str) -> Vec<u8> {
    let password = element(0x80, password.as_bytes());
    message(id, 0x60, &[&[2, 1, 3], &octets("cn=alice"), &password])
}

fn outcome(id: u8, operation: u8, code: u8, text: &str) -> Vec<u8> {
    message(id, operation, &[&[10, 1, code], &octets(""), &octets(text)])
}

fn search(id: u8, filter: &[u8]) -> Vec<u8> {
    let rest: &[u8] = &[10, 1, 2, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0];
    message(id, 0x63, &[&octets("dc=example"), rest, filter, &[0x30, 0]])
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let or = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    let line = |record: &Record| match record {
        Record::App(App::Ldap(l)) => format!(
            "{} {} {:?} {} {} {}",
            l.message_id,
            l.opcode.unwrap_or("-"),
            l.result,
            or(&l.diagnostic_message),
            or(&l.object),
            or(&l.argument)
        ),
        Record::App(App::LdapSearch(s)) => {
            format!(
                "{} search {:?} {} {}",
                s.message_id,
                s.result,
                s.result_count,
                or(&s.filter)
            )
        }
        other => format!("{other:?}"),
    };
    outcome.records.iter().map(line).collect()
}

#[test]
fn requests_and_searches_are_told_in_any_cut() {
    let equal = element(0xa3, &[octets("cn"), octets("b")].concat());
    let begins = element(
        0xa4,
        &[octets("sn"), element(0x30, &element(0x80, b"c"))].concat(),
    );
    let filter = element(
        0xa0,
        &[equal, element(0xa2, &begins), element(0x87, b"uid")].concat(),
    );
    let entry = message(2, 0x64, &[&octets("cn=b"), &element(0x30, &[b'x'; 3000])]);
    let script = [
        (From::Orig, bind(1, "secret")),
        (From::Resp, outcome(1, 0x61, 49, "wrong")),
        (From::Orig, search(2, &filter)),
        (
            From::Resp,
            [entry.clone(), entry, outcome(2, 0x65, 0, "")].concat(),
        ),
        (From::Orig, message(3, 0x4a, &[b"cn=b"])),
        (From::Resp, outcome(3, 0x6b, 0, "")),
        (From::Orig, message(4, 0x42, &[])),
    ];
    let script: Vec<_> = script.iter().map(|(from, b)| (*from, &b[..])).collect();
    let outcome = play_cut(PORT, &script);
    assert_eq!(outcome.service, Some("ldap_tcp"));
    assert_eq!(
        lines(&outcome),
        [
            "1 bind simple Some(49) wrong cn=alice REDACTED",
            "2 search Some(0) 2 (&(cn=b)(!(sn=c*))(uid=*))",
            "3 delete Some(0) - cn=b -",
            "4 unbind None - - -",
        ]
    );
}

#[test]
fn what_is_not_answered_is_told_at_the_end() {
    let mut play = Play::new(Transport::Udp, 50_000, PORT);
    play.orig(&search(5, &element(0x87, b"objectclass")));
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("ldap_udp"));
    assert_eq!(lines(&outcome), ["5 search None 0 (objectclass=*)"]);
}

#[test]
fn filters_in_filters_end() {
    let mut filter = element(0x87, b"a");
    for _ in 0..2000 {
        filter = element(0xa2, &filter);
    }
    let mut play = Play::new(Transport::Tcp, 50_000, PORT);
    play.orig(&search(5, &filter));
    assert_eq!(lines(&play.finish()), ["5 search None 0 -"]);
}

#[test]
fn others_are_not_claimed() {
    // SNMP, a certificate, and a sequence that holds too little.
    for bytes in [
        &b"\x30\x29\x02\x01\x01\x04\x06public"[..],
        b"\x30\x82\x01\0\x30\x82\0\xff",
        b"\x30\x05\x02\x01\x01\x63\x10\x04",
    ] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut play = Play::new(transport, 50_000, PORT);
            play.orig(bytes);
            assert_eq!(play.finish().service, None);
        }
    }
}

#[test]
fn broken_messages_do_no_harm() {
    let filter = element(0xa9, &[element(0x82, b"cn"), element(0x83, b"v")].concat());
    for message in [
        bind(1, "x"),
        search(2, &filter),
        outcome(1, 0x61, 0, "text"),
    ] {
        for at in 0..message.len() {
            for bit in 0..8 {
                let mut flipped = message.clone();
                flipped[at] ^= 1 << bit;
                let mut play = Play::of(&LDAP_TCP, Transport::Tcp, 50_000, PORT);
                play.orig(&flipped).resp(&flipped).orig(&message[..at]);
                play.finish();
            }
        }
    }
}
