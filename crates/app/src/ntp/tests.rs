use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::Play;

fn message(first: u8, stratum: u8) -> Vec<u8> {
    let mut bytes = vec![first, stratum, 6, 0xec, 0, 0, 0x80, 0, 0, 1, 0, 0];
    bytes.extend(b"GPS\0");
    bytes.extend(0u64.to_be_bytes());
    for _ in 0..3 {
        bytes.extend((2_208_988_801u64 << 32 | 1 << 31).to_be_bytes());
    }
    bytes
}

#[test]
fn numbers_are_what_they_say() {
    let mut with_extensions = message(0x24, 1);
    with_extensions.extend([0, 1, 0, 16]);
    with_extensions.extend([0; 12]);
    with_extensions.extend([0, 1, 0, 28]);
    with_extensions.extend([0; 24]);
    let mut play = Play::new(Transport::Udp, 5000, 123);
    play.orig(&message(0x23, 2)).resp(&with_extensions);
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("ntp"));
    let [
        Record::App(App::Ntp(request)),
        Record::App(App::Ntp(answer)),
    ] = &outcome.records[..]
    else {
        panic!("{:?}", outcome.records);
    };
    assert_eq!((request.version, request.mode, request.num_exts), (4, 3, 0));
    assert_eq!(&*request.ref_id, "71.80.83.0");
    assert_eq!(request.poll, 64_000_000_000);
    assert_eq!(
        (request.root_delay, request.root_disp),
        (500_000_000, 1_000_000_000)
    );
    assert_eq!((request.ref_time, request.xmt_time), (0, 1_500_000_000));
    assert_eq!((answer.mode, answer.num_exts), (4, 2));
    assert_eq!(&*answer.ref_id, "GPS\\x00");
}

#[test]
fn control_and_private_messages_are_recognised_without_records() {
    for first in [0x16, 0x17] {
        let mut play = Play::new(Transport::Udp, 5000, 123);
        play.orig(&[first, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let outcome = play.finish();
        assert_eq!((outcome.service, outcome.records.len()), (Some("ntp"), 0));
    }
}

#[test]
fn other_ports_and_other_content_are_not_claimed() {
    let mut play = Play::new(Transport::Udp, 5000, 5001);
    play.orig(&message(0x23, 2));
    assert_eq!(play.finish().service, None);
    let mut play = Play::new(Transport::Udp, 5000, 123);
    play.orig(&[0xff; 60]).orig(&[0x23; 47]);
    assert_eq!(play.finish().service, None);
}

#[test]
fn every_length_is_survived() {
    let mut whole = message(0x24, 1);
    whole.extend([0, 1, 0, 28]);
    whole.extend([0xff; 40]);
    for len in 0..whole.len() {
        for first in 0..=255 {
            let mut bytes = whole[..len].to_vec();
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            let mut play = Play::of(&NTP, Transport::Udp, 123, 123);
            play.orig(&bytes);
            play.finish();
        }
    }
}
