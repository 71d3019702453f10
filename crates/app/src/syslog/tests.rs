use portreeve_record::{App, Record};

use super::*;
use crate::testing::{From, Outcome, Play, play_cut};

fn messages(outcome: &Outcome) -> Vec<(Option<u16>, &str)> {
    let message = |record| match record {
        &Record::App(App::Syslog(ref syslog)) => Some((syslog.priority, &*syslog.message)),
        _ => None,
    };
    outcome.records.iter().filter_map(message).collect()
}

#[test]
fn a_datagram_is_a_message() {
    let mut play = Play::new(Transport::Udp, 5000, 514);
    play.orig(b"<34>Oct 11 su: no").orig(b"no number");
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("syslog"));
    assert_eq!(
        messages(&outcome),
        [(Some(34), "Oct 11 su: no"), (None, "no number")]
    );
    let mut play = Play::new(Transport::Udp, 5000, 6000);
    play.orig(b"<340>no").orig(b"<a>no").orig(b"no number");
    assert_eq!(play.finish().service, None);
}

#[test]
fn a_stream_has_lines_or_lengths() {
    let script: [(From, &[u8]); 2] = [
        (From::Orig, b"<34>one\n<13>two\r\n11 <1>1 t"),
        (From::Orig, b"hree\n\n<7>four"),
    ];
    let outcome = play_cut(514, &script);
    assert_eq!(outcome.service, Some("syslog"));
    assert_eq!(
        messages(&outcome),
        [
            (Some(34), "one"),
            (Some(13), "two"),
            (Some(1), "1 three\\x0a"),
            (Some(7), "four")
        ]
    );
}

#[test]
fn nothing_breaks_it() {
    let whole = b"11 <13>message\n<191>12345 6\n";
    let mut state = 1u32;
    for round in 0..2000 {
        let mut bytes = whole.to_vec();
        if round < whole.len() {
            bytes.truncate(round);
        }
        for _ in 0..2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if let Some(byte) = bytes.get_mut(state as usize % whole.len()) {
                *byte = b"0<>1 \n9\xff"[state as usize >> 29];
            }
        }
        for transport in [Transport::Tcp, Transport::Udp] {
            let mut play = Play::of(&SYSLOG, transport, 5000, 514);
            play.orig(&bytes).orig_gap(3).orig(&bytes);
            play.finish();
            let mut play = Play::new(transport, 5000, 514);
            play.orig(&bytes);
            play.finish();
        }
    }
}
