use portreeve_record::{App, Record};

use super::*;
use crate::testing::{From, Outcome, Play, play_cut};

fn with_frame(control: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x05, 0x64, data.len() as u8 + 5, control, 1, 0, 2, 0];
    bytes.extend(frame::checksum(&bytes).to_le_bytes());
    for block in data.chunks(16) {
        bytes.extend(block);
        bytes.extend(frame::checksum(block).to_le_bytes());
    }
    bytes
}

fn told(outcome: &Outcome) -> Vec<(Option<u8>, Option<u8>, Option<u16>)> {
    let record = |record| match record {
        &Record::App(App::Dnp3(ref d)) => Some((d.fc_request, d.fc_reply, d.iin)),
        _ => None,
    };
    outcome.records.iter().filter_map(record).collect()
}

#[test]
fn a_request_and_its_response_are_a_record() {
    let read = with_frame(0xc4, &[0xc0, 0xc1, 1, 60, 2, 6]);
    let answer = with_frame(0x44, &[&[0xc0, 0xc1, 0x81, 0x90, 0][..], &[7; 40]].concat());
    let later = with_frame(0x44, &[0x81, 0x81, 0x81, 0x81]);
    let script: [(From, &[u8]); 4] = [
        (From::Orig, &read),
        (From::Resp, &answer),
        (From::Resp, &later),
        (From::Orig, &read),
    ];
    let outcome = play_cut(4000, &script);
    assert_eq!(outcome.service, Some("dnp3"));
    let expected = [(Some(1), Some(0x81), Some(0x9000)), (Some(1), None, None)];
    assert_eq!(told(&outcome), expected);
    let mut play = Play::new(Transport::Udp, 5000, 20_000);
    play.orig(&read).resp(&[answer, later].concat()).orig(&read);
    assert_eq!(told(&play.finish()), expected);
}

#[test]
fn a_wrong_checksum_is_none_and_nothing_breaks_it() {
    let whole = with_frame(0xc4, &[0xc0, 0xc1, 1, 60, 2, 6]);
    for at in 0..10 {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        for transport in [Transport::Tcp, Transport::Udp] {
            let mut play = Play::new(transport, 5000, 20_000);
            play.orig(&bytes);
            assert_eq!(play.finish().service, None);
            let mut play = Play::of(&DNP3, transport, 5000, 20_000);
            play.orig(&bytes)
                .orig(&whole[..at])
                .orig_gap(7)
                .orig(&bytes);
            play.finish();
        }
    }
}
