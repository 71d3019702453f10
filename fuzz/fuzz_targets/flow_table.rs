//! Any sequence of views through a small table: no panic, no negative duration, and the books balance.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_flow::{Tracker, TrackerConfig};
use portreeve_packet::key::mapped;
use portreeve_packet::{FlowKey, Quote, TcpFlags, View, ViewFlags, Views};
use portreeve_record::Record;

/// Bytes of input that make one view.
const STEP: usize = 24;

fn view_of(bytes: &[u8], time: &mut i64) -> View {
    let word =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let protocol = [6, 6, 6, 17, 1, 58, 132, 0][usize::from(bytes[0] & 7)];
    let (key, _) = FlowKey::new(
        (mapped([10, 0, 0, bytes[1] & 15]), 1000),
        (mapped([10, 0, 1, bytes[2] & 3]), u16::from(bytes[3])),
        protocol,
        4,
    );
    *time = match bytes[4] {
        255 => i64::from(word(5)) << 32,
        step => time.wrapping_add((i64::from(step) - 2) << (bytes[5] % 40)),
    };
    let mut view = View {
        key,
        timestamp: *time,
        ip_len: u32::from(bytes[6]) << 4,
        payload_len: u32::from(bytes[7]) << (bytes[8] & 7),
        tcp_seq: word(9),
        tcp_ack: word(13),
        tcp_flags: TcpFlags(bytes[17]),
        tcp_window: u16::from(bytes[18]),
        tcp_window_scale: bytes[19],
        ip_id: u32::from(bytes[20]),
        fragment_offset: u16::from(bytes[21]),
        ..View::default()
    };
    view.flags = ViewFlags(u32::from(u16::from_be_bytes([bytes[22], bytes[23]])));
    view
}

fuzz_target!(|data: &[u8]| {
    let mut config = TrackerConfig::default();
    config.memory = 256 << 10;
    let Ok(mut tracker) = Tracker::new(config) else {
        return;
    };
    let mut records: Vec<Record> = Vec::new();
    let mut views = Views::default();
    let mut time = 1_600_000_000_000_000_000;
    for (number, bytes) in data.chunks_exact(STEP).enumerate() {
        let view = view_of(bytes, &mut time);
        if view.flags.has(ViewFlags::QUOTES) {
            views.push_quote(Quote {
                view: views.len() as u16,
                high_to_low: false,
                key: view.key,
            });
        }
        views.push(view);
        if !views.has_room() || bytes[4] & 3 == 0 {
            tracker.process(&mut views, &mut records);
            views.clear();
        }
        if number % 97 == 0 {
            tracker.advance(time, &mut records);
        }
    }
    tracker.process(&mut views, &mut records);
    assert!(tracker.counters().balanced());
    tracker.finish(&mut records);
    let counters = tracker.counters();
    assert!(counters.balanced() && counters.active == 0);
    assert_eq!(counters.fragments_held, 0);
    let conns = records
        .iter()
        .filter(|r| matches!(r, Record::Conn(_)))
        .count() as u64;
    assert_eq!(conns, counters.opened);
    for record in &records {
        if let Record::Conn(conn) = record {
            assert!(conn.duration.is_none_or(|d| d > 0));
            assert!(conn.orig.pkts + conn.resp.pkts > 0);
        }
    }
});
