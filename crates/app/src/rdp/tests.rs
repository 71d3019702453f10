//! What is recognised, what records come of a connection's beginning, and that broken ones do no harm.

use portreeve_record::app::rdp::{Rdp as Record, RdpResult};
use portreeve_record::{App, Record as AnyRecord};

use super::*;
use crate::testing::{From, Outcome, Play, play_cut};

const PORT: u16 = 3389;

fn tpkt(x224: &[u8]) -> Vec<u8> {
    let len = (x224.len() + 4) as u16;
    [&[3, 0][..], &len.to_be_bytes(), x224].concat()
}

fn setup(kind: u8, variable: &[u8]) -> Vec<u8> {
    let fixed = [6 + variable.len() as u8, kind, 0, 0, 0, 0, 0];
    tpkt(&[&fixed, variable].concat())
}

fn element(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let len = [0x82, (content.len() >> 8) as u8, content.len() as u8];
    [tag, &len, content].concat()
}

fn block(kind: u16, content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16 + 4;
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), content].concat()
}

fn initial() -> Vec<u8> {
    let mut core = vec![4, 0, 8, 0, 0x00, 5, 0x20, 3, 0, 0, 0, 0];
    core.extend_from_slice(&1031u32.to_le_bytes());
    core.extend_from_slice(&7601u32.to_le_bytes());
    core.extend_from_slice(b"P\0C\0");
    core.resize(20 + 32 + 12 + 64 + 8, 0);
    core.extend_from_slice(&[16, 0, 7, 0, 2, 0]);
    core.extend_from_slice(b"1\x002\0");
    core.resize(core.len() + 60, 0);
    let network = b"\x02\0\0\0rdpdr\0\0\0\0\0\0\0cliprdr\0\0\0\0\0";
    let blocks = [block(0xc001, &core), block(0xc003, network)].concat();
    let gcc = [
        &b"\0\x05\0\x14|\0\x01\x81\x2a\0\x08\0\x10\0\x01\xc0\0Duca"[..],
        &[0x81, 0x1c],
        &blocks,
    ]
    .concat();
    let fields = [
        &b"\x04\x01\x01\x04\x01\x01\x01\x01\xff\x30\0\x30\0\x30\0"[..],
        &element(&[4], &gcc),
    ]
    .concat();
    let mcs = element(&[0x7f, 0x65], &fields);
    tpkt(&[&[2, DATA, 0x80][..], &mcs].concat())
}

fn response() -> Vec<u8> {
    let mut security = Vec::new();
    for number in [2u32, 2, 4, 8] {
        security.extend_from_slice(&number.to_le_bytes());
    }
    security.extend_from_slice(&[7; 4]);
    security.extend_from_slice(&[1, 0, 0, 0, 1, 0, 0, 0]);
    let gcc = [
        &b"\0\x05\0\x14|\0\x01\x2a\x14\x76\x0a\x01\x01\0\x01\xc0\0McDn"[..],
        &[0x28],
        &block(0x0c02, &security),
    ]
    .concat();
    let fields = [&b"\x0a\x01\0\x02\x01\0\x30\0"[..], &element(&[4], &gcc)].concat();
    let mcs = element(&[0x7f, 0x66], &fields);
    tpkt(&[&[2, DATA, 0x80][..], &mcs].concat())
}

fn record(outcome: &Outcome) -> &Record {
    match &outcome.records[..] {
        [AnyRecord::App(App::Rdp(record))] => record,
        _ => panic!("{outcome:?}"),
    }
}

#[test]
fn the_conference_is_read_in_any_cut() {
    let request = setup(REQUEST, b"Cookie: mstshash=alice\r\n\x01\0\x08\0\0\0\0\0");
    let (confirm, initial, response) = (setup(CONFIRM, &[]), initial(), response());
    let outcome = play_cut(
        PORT,
        &[
            (From::Orig, &request),
            (From::Resp, &confirm),
            (From::Orig, &initial),
            (From::Resp, &response),
        ],
    );
    assert_eq!(outcome.service, Some("rdp"));
    let record = record(&outcome);
    assert_eq!(record.cookie.as_deref(), Some("alice"));
    assert_eq!(record.result, Some(RdpResult::Conference(0)));
    assert_eq!(record.keyboard_layout.as_deref(), Some("German - Germany"));
    assert_eq!(record.client_build, Some(7601));
    assert_eq!(record.client_name.as_deref(), Some("PC"));
    assert_eq!(record.client_dig_product_id.as_deref(), Some("12"));
    assert_eq!(
        (record.desktop_width, record.desktop_height),
        (Some(1280), Some(800))
    );
    assert_eq!(record.requested_color_depth, Some(32));
    assert_eq!(record.client_channels, ["rdpdr".into(), "cliprdr".into()]);
    assert_eq!(
        (record.encryption_method, record.encryption_level),
        (Some(2), Some(2))
    );
    assert_eq!(
        (record.cert_type, record.cert_count, record.cert_permanent),
        (Some(1), 1, Some(true))
    );
}

#[test]
fn tls_takes_over_and_refusals_are_told() {
    for (negotiated, protocol, result) in [
        (b"\x02\0\x08\0\x02\0\0\0", Some(2), RdpResult::Encrypted),
        (b"\x03\0\x08\0\x05\0\0\0", None, RdpResult::Failed(5)),
    ] {
        let mut play = Play::new(Transport::Tcp, 50_000, PORT);
        play.orig(&setup(REQUEST, b"\x01\0\x08\0\x03\0\0\0"))
            .resp(&setup(CONFIRM, negotiated));
        let outcome = play.finish();
        let record = record(&outcome);
        assert_eq!(record.cookie.as_deref(), Some(""));
        assert_eq!(
            (record.security_protocol, record.result),
            (protocol, Some(result))
        );
    }
}

#[test]
fn others_are_not_claimed() {
    // ISO transport for S7 on its own port; a length that does not fit.
    for bytes in [
        setup(REQUEST, &[0xc1, 2, 1, 0, 0xc2, 2, 1, 2]),
        b"\x03\0\0\x30\x06\xe0\0\0\0\0\0".to_vec(),
    ] {
        let mut play = Play::new(Transport::Tcp, 50_000, 102);
        play.orig(&bytes);
        assert_ne!(play.finish().service, Some("rdp"));
    }
}

#[test]
fn broken_messages_do_no_harm() {
    for message in [initial(), response()] {
        for at in 4..message.len() {
            let mut flipped = message.clone();
            flipped[at] ^= 0x83;
            let mut play = Play::of(&RDP, Transport::Tcp, 50_000, PORT);
            play.orig(&flipped).resp(&flipped).orig(&message[..at]);
            play.finish();
        }
    }
}
