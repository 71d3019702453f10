//! What is recognised, what records come of messages, and that broken ones do no harm.

use portreeve_record::app::kerberos::Kerberos;
use portreeve_record::{App, Record};

use super::*;
use crate::ber::{INTEGER, SEQUENCE, application, context};
use crate::testing::{From, Outcome, Play, play_cut};

const PORT: u16 = 88;

/// An element, its length in the shortest form.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..0x80 => out.push(len as u8),
        len => out.extend_from_slice(&[0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(content);
    out
}

fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    element(context(number), inner)
}

fn number(number: u8) -> Vec<u8> {
    element(INTEGER, &[number])
}

fn string(text: &str) -> Vec<u8> {
    element(0x1b, text.as_bytes())
}

fn name(parts: &[&str]) -> Vec<u8> {
    let parts: Vec<u8> = parts.iter().flat_map(|part| string(part)).collect();
    let name = [field(0, &number(1)), field(1, &element(SEQUENCE, &parts))].concat();
    element(SEQUENCE, &name)
}

fn request() -> Vec<u8> {
    request_of("alice")
}

fn request_of(client: &str) -> Vec<u8> {
    let body = [
        field(0, &element(3, &[0, 0x40, 0x80, 0, 0])),
        field(1, &name(&[client])),
        field(2, &string("EXAMPLE.ORG")),
        field(3, &name(&["krbtgt", "EXAMPLE.ORG"])),
        field(5, &element(0x18, b"20240229120000Z")),
    ]
    .concat();
    let fields = [
        field(1, &number(5)),
        field(2, &number(10)),
        field(4, &element(SEQUENCE, &body)),
    ]
    .concat();
    element(application(10), &element(SEQUENCE, &fields))
}

fn reply() -> Vec<u8> {
    reply_to("alice")
}

fn reply_to(client: &str) -> Vec<u8> {
    let encrypted = element(
        SEQUENCE,
        &[field(0, &number(18)), field(2, &[4, 1, 0])].concat(),
    );
    let ticket = [
        field(0, &number(5)),
        field(1, &string("EXAMPLE.ORG")),
        field(2, &name(&["krbtgt", "EXAMPLE.ORG"])),
        field(3, &encrypted),
    ]
    .concat();
    let fields = [
        field(0, &number(5)),
        field(1, &number(11)),
        field(3, &string("EXAMPLE.ORG")),
        field(4, &name(&[client])),
        field(5, &element(application(1), &element(SEQUENCE, &ticket))),
    ]
    .concat();
    element(application(11), &element(SEQUENCE, &fields))
}

fn error(code: u8, text: Option<&str>) -> Vec<u8> {
    error_of(code, None, text)
}

fn error_of(code: u8, client: Option<&str>, text: Option<&str>) -> Vec<u8> {
    let mut fields = [
        field(0, &number(5)),
        field(1, &number(30)),
        field(6, &number(code)),
    ]
    .concat();
    if let Some(client) = client {
        fields.extend(field(7, &string("EXAMPLE.ORG")));
        fields.extend(field(8, &name(&[client])));
    }
    if let Some(text) = text {
        fields.extend(field(11, &string(text)));
    }
    element(application(30), &element(SEQUENCE, &fields))
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes()[..], message].concat()
}

fn records(outcome: &Outcome) -> Vec<&Kerberos> {
    let of = |record| match record {
        &Record::App(App::Kerberos(ref record)) => Some(&**record),
        _ => None,
    };
    outcome.records.iter().filter_map(of).collect()
}

#[test]
fn a_ticket_is_asked_for_and_given() {
    let (request, reply) = (framed(&request()), framed(&reply()));
    let outcome = play_cut(PORT, &[(From::Orig, &request), (From::Resp, &reply)]);
    assert_eq!(outcome.service, Some("krb_tcp"));
    let [record] = records(&outcome)[..] else {
        panic!("{outcome:?}");
    };
    assert_eq!(record.request_type, Some("AS"));
    assert_eq!(record.client.as_deref(), Some("alice/EXAMPLE.ORG"));
    assert_eq!(record.service.as_deref(), Some("krbtgt/EXAMPLE.ORG"));
    assert_eq!(record.till, Some(1_709_208_000_000_000_000));
    assert_eq!(
        (record.forwardable, record.renewable),
        (Some(true), Some(true))
    );
    assert_eq!((record.success, record.cipher), (Some(true), Some(18)));
}

#[test]
fn errors_are_told_but_not_that_proof_is_wanted() {
    let mut play = Play::new(Transport::Udp, 50_000, PORT);
    play.orig(&request())
        .resp(&error(25, Some("NEEDED_PREAUTH")));
    play.orig(&request()).resp(&error(6, None));
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("krb"));
    let [record] = records(&outcome)[..] else {
        panic!("{outcome:?}");
    };
    assert_eq!((record.success, record.error_code), (Some(false), Some(6)));
}

#[test]
fn answers_are_to_who_is_named_or_asked_last() {
    let mut play = Play::new(Transport::Udp, 50_000, PORT);
    play.orig(&request_of("alice"))
        .orig(&request_of("bob"))
        .orig(&request_of("carol"))
        .resp(&error_of(6, Some("alice"), None))
        .resp(&reply_to("carol"))
        .resp(&error_of(24, Some("bob"), None));
    // Only told to prove himself; asks again, twice since he hears nothing.
    play.orig(&request_of("dave"))
        .orig(&request_of("dora"))
        .resp(&error_of(25, Some("dave"), Some("NEEDED_PREAUTH")))
        .orig(&request_of("dave"))
        .orig(&request_of("dave"))
        .resp(&error(18, None));
    play.orig(&request_of("erin")).resp(&error(6, None));
    let outcome = play.finish();
    let told: Vec<_> = records(&outcome)
        .iter()
        .map(|record| {
            let client = record.client.as_deref().unwrap_or("-");
            (
                client.trim_end_matches("/EXAMPLE.ORG"),
                record.success,
                record.error_code,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("alice", Some(false), Some(6)),
            ("carol", Some(true), None),
            ("bob", Some(false), Some(24)),
            ("dave", Some(false), Some(18)),
            ("erin", Some(false), Some(6)),
            ("dora", None, None),
        ]
    );
}

#[test]
fn requests_that_wait_are_bounded() {
    let mut play = Play::new(Transport::Udp, 50_000, PORT);
    for client in 0..50 {
        play.orig(&request_of(&format!("client{client}")));
    }
    play.resp(&error_of(6, Some("client33"), None))
        .resp(&error_of(7, Some("client34"), None));
    let outcome = play.finish();
    let records = records(&outcome);
    assert_eq!(records.len(), 50 + 1);
    let told = |client: &str| {
        let of = |record: &&&Kerberos| record.client.as_deref() == Some(client);
        records.iter().find(of).unwrap().error_code
    };
    // The first of these was written before.
    assert_eq!(told("client33/EXAMPLE.ORG"), None);
    assert_eq!(told("client34/EXAMPLE.ORG"), Some(7));
}

#[test]
fn others_are_not_claimed() {
    for bytes in [
        &b"\x6a\x03\x30\x01\x02"[..],
        b"\0\0\0\x09junk here",
        b"GET / HTTP",
    ] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut play = Play::new(transport, 50_000, PORT);
            play.orig(bytes);
            let service = play.finish().service;
            assert!(!matches!(service, Some("krb" | "krb_tcp")), "{service:?}");
        }
    }
}

#[test]
fn broken_messages_do_no_harm() {
    for message in [request(), reply(), error(6, Some("no"))] {
        for at in 0..message.len() {
            let mut flipped = message.clone();
            flipped[at] ^= 0x85;
            let mut play = Play::of(&KRB, Transport::Udp, 50_000, PORT);
            play.orig(&flipped).resp(&message[..at]).resp(&flipped);
            play.finish();
        }
    }
}
