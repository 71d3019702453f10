//! Settings that change while a tracker runs.

mod common;

use common::by_hand::{MILLI, START, packet};
use portreeve_flow::{Prefix, Timeouts, Tracker, TrackerConfig};
use portreeve_packet::{View, Views};
use portreeve_record::{Conn, EndReason, Record};

const SECOND: i64 = 1000;

fn feed(tracker: &mut Tracker, packets: &[View], records: &mut Vec<Record>) {
    for view in packets {
        let mut views = Views::default();
        assert!(views.push(*view));
        tracker.process(&mut views, records);
    }
}

fn udp(milli: i64) -> View {
    packet(milli, true, 17, (40_000, 40_001), 10)
}

fn tracker(active: i64) -> Tracker {
    let mut config = TrackerConfig::default();
    config.timeouts.active = active * MILLI;
    Tracker::new(config).unwrap()
}

/// Why the conns ended, and their packets.
fn ends(records: &[Record]) -> Vec<(EndReason, u64)> {
    common::conns(records)
        .iter()
        .map(|conn| (conn.end_reason, conn.orig.pkts))
        .collect()
}

fn updates(records: &[Record]) -> Vec<Conn> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::ConnUpdate(conn) => Some(*conn),
            _ => None,
        })
        .collect()
}

#[test]
fn a_shorter_idle_time_ends_flows_that_are_there_already() {
    let mut tracker = tracker(0);
    let mut records = Vec::new();
    feed(&mut tracker, &[udp(0), udp(30 * SECOND)], &mut records);
    let mut timeouts = Timeouts::default();
    timeouts.udp_idle = 2 * SECOND * MILLI;
    timeouts.active = 0;
    tracker.set_timeouts(timeouts);
    // Three seconds apart: over by the new time only.
    feed(
        &mut tracker,
        &[udp(33 * SECOND), udp(34 * SECOND)],
        &mut records,
    );
    assert_eq!(ends(&records), [(EndReason::Idle, 2)]);
    // And longer again.
    timeouts.udp_idle = 600 * SECOND * MILLI;
    tracker.set_timeouts(timeouts);
    feed(&mut tracker, &[udp(500 * SECOND)], &mut records);
    assert!(!tracker.advance(START + 1000 * SECOND * MILLI, &mut records));
    assert_eq!(ends(&records), [(EndReason::Idle, 2)]);
    tracker.finish(&mut records);
    assert_eq!(
        ends(&records),
        [(EndReason::Idle, 2), (EndReason::EndOfInput, 3)]
    );
}

#[test]
fn updates_begin_and_stop_for_flows_that_are_there_already() {
    let mut tracker = tracker(0);
    let mut records = Vec::new();
    let every = |from: i64, to: i64| (from..to).map(|s| udp(s * SECOND)).collect::<Vec<_>>();
    feed(&mut tracker, &every(0, 100), &mut records);
    assert_eq!(updates(&records).len(), 0);
    let mut timeouts = Timeouts::default();
    timeouts.active = 20 * SECOND * MILLI;
    tracker.set_timeouts(timeouts);
    feed(&mut tracker, &every(100, 200), &mut records);
    let some = updates(&records);
    assert!((3..=5).contains(&some.len()), "{some:?}");
    timeouts.active = 0;
    tracker.set_timeouts(timeouts);
    let before = some.len();
    feed(&mut tracker, &every(200, 300), &mut records);
    assert_eq!(updates(&records).len(), before);
    tracker.finish(&mut records);
    // The updates and the rest add up to the whole.
    let sum: u64 = updates(&records).iter().map(|conn| conn.orig.pkts).sum();
    assert_eq!(
        (sum, ends(&records)),
        (300, vec![(EndReason::EndOfInput, 300)])
    );
}

#[test]
fn local_nets_change_for_the_records_that_come() {
    let mut tracker = tracker(0);
    let mut records = Vec::new();
    feed(&mut tracker, &[udp(0), udp(100 * SECOND)], &mut records);
    tracker.set_local_nets(vec![Prefix {
        addr: "10.0.0.1".parse().unwrap(),
        len: 32,
    }]);
    feed(&mut tracker, &[udp(200 * SECOND)], &mut records);
    tracker.set_local_nets(Vec::new());
    tracker.finish(&mut records);
    let locals: Vec<_> = common::conns(&records)
        .iter()
        .map(|conn| (conn.local_orig, conn.local_resp))
        .collect();
    assert_eq!(
        locals,
        [(None, None), (Some(true), Some(false)), (None, None)]
    );
}
