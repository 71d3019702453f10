use portreeve_record::{App, Record};

use super::*;
use crate::testing::{From, Outcome, Play, play_cut};

const INVITE: &[u8] = b"INVITE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9\r\nv: SIP/2.0/UDP b.example ; rport\r\nFrom: \"A\" <sip:a@example.net>;tag=1\r\nTo: <sip:bob@example.net>\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\nSubject: one\r\n two\r\nContent-Length: 4\r\n\r\nv=0\n";
const TRYING: &[u8] = b"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP a.example;branch=z9\r\ni: 7\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n";
const OK: &[u8] = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a.example;branch=z9\r\nFrom: \"A\" <sip:a@example.net>;tag=1\r\nTo: <sip:bob@example.net>;tag=2\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n";
const ACK: &[u8] = b"ACK sip:bob@example.net SIP/2.0\r\nCall-ID: 7\r\nCSeq: 1 ACK\r\n\r\n";
const BYE: &[u8] = b"BYE sip:a@example.net SIP/2.0\r\nCall-ID: 7\r\nCSeq: 5 BYE\r\n\r\n";

fn records(outcome: &Outcome) -> Vec<&portreeve_record::app::sip::Sip> {
    let record = |record| match record {
        &Record::App(App::Sip(ref sip)) => Some(&**sip),
        _ => None,
    };
    outcome.records.iter().filter_map(record).collect()
}

fn check(outcome: &Outcome) {
    assert_eq!(outcome.service, Some("sip"));
    let records = records(outcome);
    let told: Vec<_> = records
        .iter()
        .map(|r| (r.method.as_deref(), r.status_code))
        .collect();
    assert_eq!(
        told,
        [
            (Some("INVITE"), Some(100)),
            (Some("INVITE"), Some(200)),
            (Some("ACK"), None),
            (Some("BYE"), None),
        ]
    );
    let ok = records[1];
    assert_eq!(ok.uri.as_deref(), Some("sip:bob@example.net"));
    assert_eq!(
        ok.request_from.as_deref(),
        Some("\"A\" <sip:a@example.net>")
    );
    assert_eq!(
        ok.response_to.as_deref(),
        Some("<sip:bob@example.net>;tag=2")
    );
    assert_eq!(ok.subject.as_deref(), Some("one two"));
    assert_eq!(
        ok.request_path,
        [
            "SIP/2.0/UDP a.example".into(),
            "SIP/2.0/UDP b.example ; rport".into()
        ]
    );
    assert_eq!(
        (ok.request_body_len, ok.response_body_len),
        (Some(4), Some(4))
    );
    assert_eq!(ok.content_type.as_deref(), Some("application/sdp"));
}

#[test]
fn a_call_over_datagrams() {
    let mut play = Play::new(Transport::Udp, 5060, 5060);
    // What is sent again is not another.
    play.orig(INVITE)
        .orig(INVITE)
        .resp(TRYING)
        .resp(OK)
        .resp(OK);
    play.orig(b"\r\n\r\n").orig(ACK).resp(BYE);
    check(&play.finish());
}

#[test]
fn a_call_over_a_stream_in_any_pieces() {
    let script: [(From, &[u8]); 5] = [
        (From::Orig, INVITE),
        (From::Resp, TRYING),
        (From::Resp, OK),
        (From::Orig, ACK),
        (From::Resp, BYE),
    ];
    check(&play_cut(4000, &script));
}

#[test]
fn one_side_alone_is_told() {
    let mut play = Play::new(Transport::Udp, 5060, 5060);
    play.orig(OK);
    let outcome = play.finish();
    let sip = records(&outcome)[0];
    assert_eq!(
        (sip.status_code, sip.call_id.as_deref()),
        (Some(200), Some("7"))
    );
}

#[test]
fn requests_that_wait_are_bounded() {
    let mut play = Play::new(Transport::Udp, 5060, 5060);
    for call in 0..1000 {
        let request =
            format!("OPTIONS sip:x SIP/2.0\r\nCall-ID: {call}\r\nCSeq: 1 OPTIONS\r\n\r\n");
        play.orig(request.as_bytes());
    }
    assert_eq!(records(&play.finish()).len(), 1000);
}

#[test]
fn http_is_not_claimed() {
    let mut play = Play::new(Transport::Tcp, 5000, 5060);
    play.orig(b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_ne!(play.finish().service, Some("sip"));
    let mut play = Play::new(Transport::Udp, 5000, 1900);
    play.orig(b"NOTIFY * HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_ne!(play.finish().service, Some("sip"));
}

#[test]
fn nothing_breaks_it() {
    let mut state = 1u32;
    for round in 0..3000 {
        let mut bytes = INVITE.to_vec();
        if round < INVITE.len() {
            bytes.truncate(round);
        }
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if let Some(byte) = bytes.get_mut(state as usize % INVITE.len()) {
                *byte = (state >> 24) as u8;
            }
        }
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut play = Play::of(&SIP, transport, 5060, 5060);
            play.orig(&bytes).resp(&bytes).orig_gap(3).orig(&bytes);
            play.finish();
        }
    }
}
