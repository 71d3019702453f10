use portreeve_record::{App, Record};

use crate::Transport;
use crate::testing::{From, Play, play_cut};

const SCRIPT: [(From, &[u8]); 3] = [
    (
        From::Orig,
        b"\0\x01\0\0\0\x06\x09\x03\0\0\0\x01\0\x02\0\0\0\x06\x09\x05\0\0\0\x01",
    ),
    (From::Resp, b"\0\x01\0\0\0\x05\x09\x03\x02\0\x07"),
    (From::Resp, b"\0\x02\0\0\0\x03\x09\x85\x02"),
];

#[test]
fn each_message_is_a_record() {
    let outcome = play_cut(502, &SCRIPT);
    assert_eq!(outcome.service, Some("modbus"));
    let told: Vec<_> = outcome
        .records
        .iter()
        .map(|record| match record {
            Record::App(App::Modbus(m)) => (m.tid, m.unit, m.func, m.request, m.exception),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, 9, 3, true, None),
            (2, 9, 5, true, None),
            (1, 9, 3, false, None),
            (2, 9, 0x85, false, Some(2))
        ]
    );
}

#[test]
fn nothing_breaks_it() {
    let mut state = 1u32;
    for round in 0..2000 {
        let mut bytes = SCRIPT[0].1.to_vec();
        if round < bytes.len() {
            bytes.truncate(round);
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if let Some(byte) = bytes.get_mut(state as usize % 24) {
            *byte = (state >> 24) as u8;
        }
        let mut play = Play::new(Transport::Tcp, 5000, 502);
        play.orig(&bytes).resp(&bytes).orig_gap(2).orig(&bytes);
        play.finish();
    }
}
