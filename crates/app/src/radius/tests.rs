use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::{Outcome, Play, STEP};

fn message(code: u8, id: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![code, id, 0, 0];
    bytes.extend([7; 16]);
    for (kind, value) in attributes {
        bytes.extend([*kind, value.len() as u8 + 2]);
        bytes.extend(*value);
    }
    let len = (bytes.len() as u16).to_be_bytes();
    bytes[2..4].copy_from_slice(&len);
    bytes
}

fn records(outcome: &Outcome) -> Vec<&portreeve_record::app::radius::Radius> {
    let record = |record| match record {
        &Record::App(App::Radius(ref radius)) => Some(&**radius),
        _ => None,
    };
    outcome.records.iter().filter_map(record).collect()
}

#[test]
fn an_authentication_may_take_two_rounds() {
    let station: &[u8] = b"00-1A-2b-3c-4d-5e";
    let mut play = Play::new(Transport::Udp, 5000, 1812);
    play.orig(&message(
        1,
        1,
        &[(1, b"alice"), (31, station), (66, b"\x01192.0.2.9")],
    ))
    .orig(&message(1, 2, &[(1, b"bob")]))
    .resp(&message(11, 1, &[(24, b"state"), (18, b"code?")]))
    .orig(&message(1, 3, &[(1, b"alice"), (24, b"state")]))
    .resp(&message(2, 3, &[(8, &[10, 0, 0, 7])]))
    .resp(&message(3, 2, &[]))
    .orig(&message(1, 4, &[]));
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("radius"));
    let records = records(&outcome);
    let told: Vec<_> = records
        .iter()
        .map(|r| (r.username.as_deref(), r.result, r.ttl))
        .collect();
    assert_eq!(
        told,
        [
            (Some("alice"), "success", Some(4 * STEP)),
            (Some("bob"), "failed", Some(4 * STEP)),
            (None, "unknown", None),
        ]
    );
    let alice = records[0];
    assert_eq!(alice.mac.as_deref(), Some("00:1a:2b:3c:4d:5e"));
    assert_eq!(alice.remote_ip, Some([192, 0, 2, 9].into()));
    assert_eq!(alice.framed_addr, Some([10, 0, 0, 7].into()));
    assert_eq!(alice.reply_msg.as_deref(), Some("code?"));
}

#[test]
fn other_content_is_not_claimed() {
    let mut play = Play::new(Transport::Udp, 5000, 1812);
    play.orig(&[1; 40]).resp(&[1, 2, 0, 21, 0]);
    assert_eq!(play.finish().service, None);
}

#[test]
fn open_ones_are_bounded_and_nothing_breaks_it() {
    let mut play = Play::new(Transport::Udp, 5000, 1812);
    for id in 0..=255 {
        play.orig(&message(1, id, &[(1, b"x")]));
    }
    assert_eq!(records(&play.finish()).len(), 256);
    let whole = message(11, 1, &[(24, b"state"), (8, &[1, 2, 3, 4])]);
    let mut state = 1u32;
    for round in 0..3000 {
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
        let mut play = Play::of(&RADIUS, Transport::Udp, 5000, 1812);
        play.orig(&bytes).resp(&bytes);
        play.finish();
    }
}
