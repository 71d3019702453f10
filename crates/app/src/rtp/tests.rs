use portreeve_record::{App, Record};

use super::*;
use crate::Transport;
use crate::testing::{Outcome, Play};

fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, 0];
    bytes.extend(sequence.to_be_bytes());
    // A millisecond of eight thousand ticks a second: as fast as packets are played.
    bytes.extend((u32::from(sequence) * 8).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([0x55; 20]);
    bytes
}

fn records(outcome: &Outcome) -> Vec<&portreeve_record::app::rtp::Rtp> {
    let record = |record| match record {
        &Record::App(App::Rtp(ref rtp)) => Some(&**rtp),
        _ => None,
    };
    outcome.records.iter().filter_map(record).collect()
}

#[test]
fn a_stream_is_told_by_what_goes_on() {
    let mut play = Play::new(Transport::Udp, 5000, 6000);
    for sequence in [65_530u16, 65_531, 65_533, 65_534, 0, 1] {
        play.orig(&packet(sequence, 7));
    }
    let outcome = play.finish();
    assert_eq!(outcome.service, Some("rtp"));
    let rtp = records(&outcome)[0];
    assert_eq!(
        (rtp.ssrc, rtp.pkts, rtp.lost, rtp.from_orig),
        (7, 6, 2, true)
    );
    assert!(rtp.jitter.is_some());
}

#[test]
fn regular_packets_have_no_jitter_and_not_all_are_looked_at() {
    let mut play = Play::new(Transport::Udp, 5000, 6000);
    for sequence in 0..5000 {
        play.orig(&packet(sequence, 7));
    }
    let outcome = play.finish();
    let rtp = records(&outcome)[0];
    assert_eq!((rtp.pkts, rtp.lost, rtp.jitter), (256, 0, Some(0)));
}

#[test]
fn what_does_not_go_on_is_none() {
    for wrong in [packet(9000, 7), packet(2, 8), vec![0x80; 40]] {
        let mut play = Play::new(Transport::Udp, 5000, 6000);
        play.orig(&packet(1, 7)).orig(&wrong).orig(&packet(3, 7));
        let outcome = play.finish();
        assert_eq!((outcome.service, outcome.records.len()), (None, 0));
    }
    // Too few.
    let mut play = Play::new(Transport::Udp, 5000, 6000);
    play.orig(&packet(1, 7)).orig(&packet(2, 7));
    assert_eq!(play.finish().service, None);
}

#[test]
fn reports_fill_their_datagram() {
    let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
    report.extend([0x81, 202, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0]);
    let service = |bytes: &[u8]| {
        let mut play = Play::new(Transport::Udp, 5000, 6000);
        play.orig(bytes);
        play.finish().service
    };
    assert_eq!(service(&report), Some("rtcp"));
    for len in 0..report.len() {
        let whole = len == 8;
        assert_eq!(service(&report[..len]).is_some(), whole, "{len}");
    }
}

#[test]
fn nothing_breaks_it() {
    let mut state = 1u32;
    let mut play = Play::of(&RTP, Transport::Udp, 5000, 6000);
    for sequence in 0..3000u16 {
        let mut bytes = packet(sequence / 2, 7);
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if sequence > 20 {
            bytes[state as usize % 12] = (state >> 24) as u8;
            bytes.truncate((state >> 8) as usize % 40);
        }
        play.orig(&bytes).resp(&bytes);
    }
    play.finish();
}
