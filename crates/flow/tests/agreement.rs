//! The same packets give the same records: by the fast path and the whole, in bursts of any size, with one tracker and with many;
//! and what can be counted naively comes out the same.

mod common;

use std::collections::HashMap;

use common::by_hand::{START, run};
use portreeve_flow::{Timeouts, Tracker, TrackerConfig};
use portreeve_packet::key::mapped;
use portreeve_packet::{FlowKey, TcpFlags, View, ViewFlags, Views, steer};
use portreeve_record::{Conn, EndReason, Record};

struct Random(u64);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(n.max(1))) as u32
    }
}

/// A stream of packets that are mostly sound TCP, with everything that goes wrong thrown in.
fn stream(seed: u64, packets: usize) -> Vec<View> {
    let mut random = Random(seed);
    let mut time = START;
    let mut flows: Vec<[u32; 2]> = (0..40).map(|i| [1000 * i, u32::MAX - 3000 * i]).collect();
    let mut out = Vec::new();
    for _ in 0..packets {
        time += match random.below(200) {
            0 => 70_000_000_000,
            1 => 6_000_000_000,
            _ => i64::from(random.below(20_000_000)),
        };
        let flow = random.below(40) as usize;
        let high = random.below(2) == 1;
        let protocol = [6, 6, 6, 6, 17, 1, 132][flow % 7];
        let (key, _) = FlowKey::new(
            (mapped([10, 0, 0, 1]), 1000 + flow as u16),
            (mapped([10, 0, 1, (flow % 3) as u8]), 443),
            protocol,
            4,
        );
        let mut view = View {
            key,
            timestamp: time,
            payload_len: random.below(3) * random.below(1400),
            tcp_window: if random.below(50) == 0 {
                0
            } else {
                500 + random.below(3) as u16
            },
            tcp_window_scale: 255,
            ip_id: random.below(60_000) + 1,
            ..View::default()
        };
        view.ip_len = view.payload_len + 40;
        if high {
            view.flags.set(ViewFlags::HIGH_TO_LOW);
        }
        if protocol == 6 {
            let flags = match random.below(60) {
                0 | 1 => TcpFlags::SYN,
                2 => TcpFlags::SYN | TcpFlags::ACK,
                3 => TcpFlags::FIN | TcpFlags::ACK,
                4 => TcpFlags::RST,
                5 => random.below(64) as u8,
                _ => TcpFlags::ACK,
            };
            view.tcp_flags = TcpFlags(flags);
            let side = usize::from(high);
            view.tcp_seq = flows[flow][side];
            view.tcp_ack = flows[flow][1 - side].wrapping_sub(if random.below(6) == 0 {
                random.below(3000)
            } else {
                0
            });
            match random.below(25) {
                0 => view.tcp_seq = view.tcp_seq.wrapping_sub(random.below(4000)),
                1 => view.tcp_seq = view.tcp_seq.wrapping_add(random.below(4000)),
                2 => view.tcp_ack = view.tcp_ack.wrapping_add(random.below(3000)),
                _ => {}
            }
            flows[flow][side] = view
                .tcp_seq
                .wrapping_add(view.payload_len + u32::from(flags & 3 != 0));
        }
        match random.below(100) {
            0 => view.flags.set(ViewFlags::BAD_TRANSPORT_CHECKSUM),
            1 => view.flags.set(ViewFlags::MALFORMED_TRANSPORT),
            _ => {}
        }
        out.push(view);
        if random.below(100) == 0 {
            out.push(View {
                timestamp: time + 1000,
                ..view
            });
        }
    }
    out
}

fn config() -> TrackerConfig {
    let mut config = TrackerConfig::default();
    config.weirds_per_second = 0;
    config.capture_loss_interval = 0;
    config.timeouts.active = 100_000_000_000;
    config
}

/// Conn and update records in an order that does not depend on when they were written. Why a flow ended may: at the end of input or before.
fn sorted(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records
        .iter()
        .filter_map(|record| match record {
            Record::Conn(conn) | Record::ConnUpdate(conn) => {
                let plain = Conn {
                    end_reason: EndReason::Idle,
                    ..*conn
                };
                Some(format!("{} {plain:?}", record.path()))
            }
            _ => None,
        })
        .collect();
    lines.sort();
    lines
}

fn assert_same(a: &[String], b: &[String], what: &str) {
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a, b, "{what}");
    }
    assert_eq!(a.len(), b.len(), "{what}");
}

#[test]
fn fast_and_whole_way_bursts_and_workers_agree() {
    for seed in 1..=12 {
        let packets = stream(seed, 6000);
        let base = sorted(&run(config(), &packets, 64).0);
        assert!(base.len() > 100);
        assert_same(
            &base,
            &sorted(&run(config(), &packets, 1).0),
            "bursts of one",
        );
        let slow: Vec<View> = packets
            .iter()
            .map(|view| {
                let mut view = *view;
                view.flags.set(ViewFlags::BAD_IP_CHECKSUM);
                view
            })
            .collect();
        assert_same(&base, &sorted(&run(config(), &slow, 64).0), "the whole way");
        let mut other_seed = config();
        other_seed.hash_seed = 99;
        other_seed.memory = 8 << 20;
        assert_same(
            &base,
            &sorted(&run(other_seed, &packets, 33).0),
            "another table",
        );
        let mut parts: Vec<Vec<View>> = vec![Vec::new(); 3];
        for view in &packets {
            parts[steer::worker(steer::view_hash(view), 3)].push(*view);
        }
        let mut together = Vec::new();
        for part in &parts {
            together.extend(run(config(), part, 64).0);
        }
        assert_same(&base, &sorted(&together), "three workers");
    }
}

#[test]
fn counts_are_those_of_a_naive_model() {
    for seed in 20..=25 {
        let packets = stream(seed, 5000);
        let (records, counters) = run(config(), &packets, 64);
        assert_eq!(counters.tracked, packets.len() as u64);
        let mut expected: HashMap<_, [u64; 4]> = HashMap::new();
        let mut udp_flows: HashMap<_, (i64, u64)> = HashMap::new();
        for view in &packets {
            let ends = (
                view.key.low_ip(),
                view.key.low_port,
                view.key.high_ip(),
                view.key.high_port,
                view.key.protocol,
            );
            let at = usize::from(view.high_to_low());
            let entry = expected.entry(ends).or_default();
            entry[at] += 1;
            entry[2 + at] += u64::from(view.ip_len);
            if view.key.protocol != 6 {
                let (last, flows) = udp_flows.entry(ends).or_insert((i64::MIN, 0));
                if *flows == 0 || view.timestamp - *last >= Timeouts::default().udp_idle {
                    *flows += 1;
                    *last = view.timestamp;
                }
                // What is not believed does not keep a flow alive.
                if !view.flags.has(ViewFlags::BAD_TRANSPORT_CHECKSUM) {
                    *last = view.timestamp;
                }
            }
        }
        let mut found: HashMap<_, [u64; 4]> = HashMap::new();
        let mut found_flows: HashMap<_, u64> = HashMap::new();
        for conn in common::conns(&records) {
            let orig_low = (conn.orig_h, conn.orig_p) < (conn.resp_h, conn.resp_p);
            let (low, high) = if orig_low {
                (conn.orig, conn.resp)
            } else {
                (conn.resp, conn.orig)
            };
            let ends = if orig_low {
                (
                    conn.orig_h,
                    conn.orig_p,
                    conn.resp_h,
                    conn.resp_p,
                    conn.ip_proto,
                )
            } else {
                (
                    conn.resp_h,
                    conn.resp_p,
                    conn.orig_h,
                    conn.orig_p,
                    conn.ip_proto,
                )
            };
            let entry = found.entry(ends).or_default();
            for (sum, more) in
                entry
                    .iter_mut()
                    .zip([low.pkts, high.pkts, low.ip_bytes, high.ip_bytes])
            {
                *sum += more;
            }
            *found_flows.entry(ends).or_default() += 1;
            assert!(conn.duration.is_none_or(|d| d > 0));
        }
        assert_eq!(found, expected);
        for (ends, (_, flows)) in udp_flows {
            assert_eq!(found_flows[&ends], flows, "{ends:?}");
        }
    }
}

/// Whether, and how often, a burst's views are looked ahead at changes nothing; nor does it that some of them are taken back.
#[test]
fn looking_ahead_changes_nothing() {
    for seed in 1..6 {
        let packets = stream(seed, 20_000);
        let records = |look: bool| {
            let mut random = Random(seed);
            let mut tracker = Tracker::new(config()).unwrap();
            let (mut views, mut records) = (Views::default(), Vec::new());
            for burst in packets.chunks(64) {
                for (index, view) in burst.iter().enumerate() {
                    views.push(*view);
                    if !look {
                        continue;
                    }
                    tracker.look_ahead(&mut views);
                    if random.below(30) == 0 {
                        let kept = random.below(views.len() as u32) as usize;
                        views.truncate(kept);
                        assert!(views.looked_ahead.hashed <= kept);
                        for again in &burst[kept..=index] {
                            views.push(*again);
                        }
                    }
                }
                tracker.process(&mut views, &mut records);
                views.clear();
            }
            tracker.finish(&mut records);
            format!("{records:?}")
        };
        assert!(records(true) == records(false), "seed {seed}");
    }
}

fn syn(number: u32, time: i64) -> View {
    let (key, _) = FlowKey::new(
        (mapped(number.to_be_bytes()), 1234),
        (mapped([240, 0, 0, 1]), 80),
        6,
        4,
    );
    View {
        key,
        timestamp: time,
        ip_len: 40,
        tcp_seq: 7,
        tcp_flags: TcpFlags(TcpFlags::SYN),
        tcp_window: 100,
        tcp_window_scale: 255,
        ..View::default()
    }
}

/// Established connections survive a flood of SYNs many times the table's size, and the books balance.
#[test]
fn a_syn_flood_evicts_nothing_established() {
    let mut config = config();
    config.memory = 1 << 20;
    config.timeouts.active = 0;
    let mut tracker = Tracker::new(config).unwrap();
    let capacity = tracker.memory().capacity;
    let established = capacity as u32 / 2;
    let mut records: Vec<Record> = Vec::new();
    let mut views = Views::default();
    let mut time = START;
    let push = |tracker: &mut Tracker, views: &mut Views, records: &mut Vec<Record>, view: View| {
        views.push(view);
        if views.len() == 64 {
            tracker.process(views, records);
            views.clear();
        }
    };
    for number in 0..established {
        time += 1000;
        let open = syn(number, time);
        let mut answer = open;
        answer.flags.set(ViewFlags::HIGH_TO_LOW);
        answer.tcp_flags = TcpFlags(TcpFlags::SYN | TcpFlags::ACK);
        answer.tcp_ack = 8;
        let mut done = open;
        done.tcp_flags = TcpFlags(TcpFlags::ACK);
        (done.tcp_seq, done.tcp_ack) = (8, 8);
        for view in [open, answer, done] {
            push(&mut tracker, &mut views, &mut records, view);
        }
    }
    for number in 0..capacity as u32 * 8 {
        time += 1000;
        push(
            &mut tracker,
            &mut views,
            &mut records,
            syn(1 << 24 | number, time),
        );
    }
    tracker.process(&mut views, &mut records);
    let counters = *tracker.counters();
    assert!(counters.balanced(), "{counters:?}");
    assert_eq!(counters.refused, 0);
    assert!(counters.evicted() as usize > capacity * 6);
    assert!(
        common::conns(&records)
            .iter()
            .all(|conn| conn.end_reason != EndReason::Evicted || conn.conn_state.name() == "S0")
    );
    tracker.finish(&mut records);
    let kept = common::conns(&records)
        .iter()
        .filter(|conn| conn.conn_state.name() == "S1")
        .count();
    assert_eq!(kept, established as usize);
    assert!(tracker.counters().balanced() && tracker.counters().active == 0);
}

/// When nothing may go, the new flow is refused, and counted.
#[test]
fn full_of_answered_flows_refuses() {
    let mut config = config();
    config.memory = 256 << 10;
    let mut tracker = Tracker::new(config).unwrap();
    let capacity = tracker.memory().capacity as u32;
    let mut records: Vec<Record> = Vec::new();
    for number in 0..capacity + 100 {
        let mut views = Views::default();
        let mut there = syn(number, START + i64::from(number));
        there.key.protocol = 17;
        there.tcp_flags = TcpFlags(0);
        let mut back = there;
        back.flags.set(ViewFlags::HIGH_TO_LOW);
        views.push(there);
        views.push(back);
        tracker.process(&mut views, &mut records);
    }
    let counters = tracker.counters();
    assert!(counters.balanced());
    assert_eq!((counters.refused, counters.evicted()), (200, 0));
    assert_eq!(counters.active, u64::from(capacity));
}
