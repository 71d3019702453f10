//! Any sequence of views through a small table: no panic, no negative duration, the books balance, and who watches flows is shown their packets in order, between
//! their beginning and their end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_flow::{Findings, Flow, Tracker, TrackerConfig, Watcher};
use portreeve_packet::key::mapped;
use portreeve_packet::{FlowKey, Quote, TcpFlags, View, ViewFlags, Views};
use portreeve_record::{Record, RecordSink};

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

/// What is known of each slot that a flow is in: the number of its last packet that was shown, if one was.
struct Shown(Vec<Option<Option<u16>>>);

impl Watcher for Shown {
    fn begin(&mut self, slot: u32, ip_proto: u8) -> bool {
        let before = self.0[slot as usize].replace(None);
        assert!(before.is_none(), "a flow begins where another is");
        matches!(ip_proto, 6 | 17)
    }

    fn packet(&mut self, slot: u32, view: &View, _: &Flow<'_>, _: &mut impl RecordSink) -> bool {
        let last = self.0[slot as usize].as_mut().expect("a flow is there");
        assert!(last.is_none_or(|last| last < view.frame), "out of order");
        *last = Some(view.frame);
        view.frame % 8 != 7
    }

    fn findings(&self, slot: u32) -> Findings {
        assert!(self.0[slot as usize].is_some());
        Findings::default()
    }

    fn end(&mut self, slot: u32, _: &Flow<'_>, _: &mut impl RecordSink) -> Findings {
        assert!(self.0[slot as usize].take().is_some(), "no flow is there");
        Findings::default()
    }
}

fuzz_target!(|data: &[u8]| {
    let mut config = TrackerConfig::default();
    config.memory = 256 << 10;
    let Ok(mut tracker) = Tracker::new(config) else {
        return;
    };
    let mut shown = Shown(vec![None; tracker.memory().capacity]);
    let mut records: Vec<Record> = Vec::new();
    let mut views = Views::default();
    let mut time = 1_600_000_000_000_000_000;
    for (number, bytes) in data.chunks_exact(STEP).enumerate() {
        // Numbers that wrap would be no order.
        let Ok(frame) = u16::try_from(number) else {
            break;
        };
        let mut view = view_of(bytes, &mut time);
        view.frame = frame;
        if view.flags.has(ViewFlags::QUOTES) {
            views.push_quote(Quote {
                view: views.len() as u16,
                high_to_low: false,
                key: view.key,
            });
        }
        views.push(view);
        if !views.has_room() || bytes[4] & 3 == 0 {
            tracker.process_watched(&mut views, &mut shown, &mut records);
            views.clear();
        }
        if number % 97 == 0 {
            tracker.advance_watched(time, &mut shown, &mut records);
        }
    }
    tracker.process_watched(&mut views, &mut shown, &mut records);
    assert!(tracker.counters().balanced());
    while tracker.drain_watched(&mut shown, &mut records) {}
    assert!(shown.0.iter().all(Option::is_none), "a flow never ended");
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
