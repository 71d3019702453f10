//! Each `conn_state` and each letter of the history, from packets made by hand.

mod common;

use common::by_hand::{A, F, R, S, flows, packet, run, tcp};
use portreeve_flow::TrackerConfig;
use portreeve_packet::{View, ViewFlags};
use portreeve_record::{Conn, EndReason, Record};

fn one(packets: &[View]) -> Conn {
    let flows = flows(packets);
    assert_eq!(flows.len(), 1, "{flows:#?}");
    flows[0]
}

fn check(packets: &[View], state: &str, history: &str) -> Conn {
    let conn = one(packets);
    assert_eq!(
        (conn.conn_state.name(), conn.history.as_str()),
        (state, history)
    );
    conn
}

/// SYN, SYN-ACK, ACK.
fn handshake() -> Vec<View> {
    vec![
        tcp(0, true, S, 1000, 0, 0),
        tcp(10, false, S | A, 5000, 1001, 0),
        tcp(13, true, A, 1001, 5001, 0),
    ]
}

fn with(mut packets: Vec<View>, more: &[View]) -> Vec<View> {
    packets.extend_from_slice(more);
    packets
}

#[test]
fn every_conn_state() {
    let syn = tcp(0, true, S, 1000, 0, 0);
    let syn_ack = tcp(10, false, S | A, 5000, 1001, 0);
    check(&[syn], "S0", "S");
    check(&handshake(), "S1", "ShA");
    check(&[syn, tcp(1, false, R | A, 0, 1001, 0)], "REJ", "Sr");
    let close_orig = tcp(20, true, F | A, 1001, 5001, 0);
    let close_resp = tcp(30, false, F | A, 5001, 1002, 0);
    check(&with(handshake(), &[close_orig]), "S2", "ShAF");
    check(
        &with(handshake(), &[tcp(20, false, F | A, 5001, 1001, 0)]),
        "S3",
        "ShAf",
    );
    check(
        &with(
            handshake(),
            &[close_orig, close_resp, tcp(31, true, A, 1002, 5002, 0)],
        ),
        "SF",
        "ShAFf",
    );
    check(
        &with(handshake(), &[tcp(20, true, R | A, 1001, 5001, 0)]),
        "RSTO",
        "ShAR",
    );
    check(
        &with(handshake(), &[tcp(20, false, R | A, 5001, 1001, 0)]),
        "RSTR",
        "ShAr",
    );
    check(&[syn, tcp(5, true, R, 1001, 0, 0)], "RSTOS0", "SR");
    check(&[syn, tcp(5, true, F, 1001, 0, 0)], "SH", "SF");
    // The SYN-ACK comes first: who sent it counts as originator, as nothing says otherwise.
    check(
        &[syn_ack, tcp(11, false, R | A, 5001, 1001, 0)],
        "OTH",
        "HR",
    );
    // A SYN-ACK from a server's port turns the flow round.
    let from_server = |milli, flags, seq, ack| View {
        tcp_flags: portreeve_packet::TcpFlags(flags),
        tcp_seq: seq,
        tcp_ack: ack,
        ..packet(milli, false, 6, (40_000, 443), 0)
    };
    check(
        &[
            from_server(0, S | A, 5000, 1001),
            from_server(1, R, 5001, 0),
        ],
        "RSTRH",
        "^hr",
    );
    check(
        &[
            from_server(0, S | A, 5000, 1001),
            from_server(1, F | A, 5001, 1001),
        ],
        "SHR",
        "^hf",
    );
    // Midstream.
    let data = tcp(0, true, A, 1000, 5000, 100);
    check(&[data, tcp(1, false, A, 5000, 1100, 50)], "OTH", "Dd");
}

#[test]
fn syn_ack_before_syn_is_turned_round() {
    let conn = check(
        &[
            tcp(0, false, S | A, 5000, 1001, 0),
            tcp(0, true, S, 1000, 0, 0),
            tcp(1, true, A, 1001, 5001, 0),
        ],
        "S1",
        "Hs^A",
    );
    assert_eq!(conn.orig_h.to_string(), "10.0.0.1");
}

#[test]
fn bytes_come_from_sequence_numbers() {
    let conn = check(
        &with(
            handshake(),
            &[
                tcp(20, true, A, 1001, 5001, 300),
                tcp(30, false, A, 5001, 1301, 1000),
                tcp(31, false, A, 6001, 1301, 1000),
                tcp(40, true, A, 1301, 7001, 0),
                tcp(50, true, F | A, 1301, 7001, 0),
                tcp(60, false, F | A, 7001, 1302, 0),
                tcp(61, true, A, 1302, 7002, 0),
            ],
        ),
        "SF",
        "ShADdFf",
    );
    assert_eq!((conn.orig.bytes, conn.resp.bytes), (Some(300), Some(2000)));
    assert_eq!((conn.orig.pkts, conn.resp.pkts), (6, 4));
    assert_eq!(conn.orig.ip_bytes, 300 + 6 * 40);
    // What comes behind the close does not count in the duration.
    assert_eq!(conn.duration, Some(60_000_000));
    assert_eq!((conn.orig.missed_bytes, conn.resp.missed_bytes), (0, 0));
    // 16 ns are the unit of round trips.
    assert!((conn.syn_rtt.unwrap() - 10_000_000).abs() < 32);
    assert!((conn.ack_rtt.unwrap() - 3_000_000).abs() < 32);
    // Data at 20 ms acknowledged at 30 ms; and the other way, at 31 ms (the first of the two at 30) and 40 ms.
    assert!((conn.orig.rtt_min.unwrap() - 10_000_000).abs() < 10_000);
    assert!((conn.resp.rtt_min.unwrap() - 10_000_000).abs() < 10_000);
    assert_eq!(conn.end_reason, EndReason::EndOfInput);
}

#[test]
fn one_packet_has_no_duration_and_no_bytes() {
    let conn = one(&[packet(0, true, 17, (40_000, 40_001), 100)]);
    assert_eq!(
        (conn.duration, conn.orig.bytes, conn.resp.bytes),
        (None, None, None)
    );
    assert_eq!((conn.conn_state.name(), conn.history.as_str()), ("S0", "D"));
    assert_eq!((conn.orig.pkts, conn.resp.pkts), (1, 0));
}

#[test]
fn udp_icmp_and_the_rest() {
    let udp = |milli, first, ports, len| packet(milli, first, 17, ports, len);
    let conn = check(
        &[
            udp(0, true, (40_000, 53), 30),
            udp(5, false, (40_000, 53), 90),
        ],
        "SF",
        "Dd",
    );
    assert_eq!((conn.orig.bytes, conn.resp.bytes), (Some(30), Some(90)));
    // The answer alone: the port says who serves.
    let conn = check(&[udp(0, false, (40_000, 53), 90)], "SHR", "^d");
    assert_eq!((conn.orig_p, conn.resp_p), (40_000, 53));
    let mut broken = udp(1, true, (40_000, 40_001), 10);
    broken.flags.set(ViewFlags::BAD_TRANSPORT_CHECKSUM);
    let conn = check(&[udp(0, true, (40_000, 40_001), 10), broken], "S0", "DC");
    assert_eq!((conn.orig.pkts, conn.orig.bad_checksums), (2, 1));
    check(
        &[
            packet(0, true, 1, (8, 0), 56),
            packet(1, false, 1, (8, 0), 56),
        ],
        "OTH",
        "",
    );
    check(&[packet(0, true, 47, (0, 0), 56)], "OTH", "");
}

#[test]
fn letters_of_trouble() {
    let data = |milli, seq, len| tcp(milli, true, A, seq, 5001, len);
    // T at the first, tenth and hundredth retransmission.
    let mut packets = with(handshake(), &[data(20, 1001, 100)]);
    for i in 0..100 {
        packets.push(data(300 + 200 * i, 1001, 100));
    }
    let conn = check(&packets, "S1", "ShADTTT");
    assert_eq!(conn.orig.retransmits, 100);
    // Zero windows.
    let mut closed = tcp(30, false, A, 5001, 1101, 0);
    closed.tcp_window = 0;
    let conn = check(
        &with(handshake(), &[data(20, 1001, 100), closed]),
        "S1",
        "ShADaw",
    );
    assert_eq!(conn.resp.zero_windows, 1);
    // An answer to a probe of a closed window is no duplicate acknowledgement; with the window open it is one.
    let probes = |window| {
        let answer = |milli| View {
            tcp_window: window,
            ..tcp(milli, false, A, 5001, 1101, 0)
        };
        let probe = |milli| data(milli, 1101, 1);
        let more = [
            data(20, 1001, 100),
            answer(30),
            probe(300),
            answer(301),
            probe(900),
            answer(901),
        ];
        common::conns(&run(TrackerConfig::default(), &with(handshake(), &more), 1).0)[0]
    };
    assert_eq!(probes(0).resp.duplicate_acks, 0);
    assert_eq!(probes(500).resp.duplicate_acks, 2);
    // A gap: acknowledged and never seen.
    let conn = check(
        &with(
            handshake(),
            &[
                data(20, 1001, 100),
                data(21, 1201, 100),
                tcp(30, false, A, 5001, 1301, 0),
            ],
        ),
        "S1",
        "ShADaG",
    );
    assert_eq!((conn.orig.missed_bytes, conn.orig.lost_segments), (100, 1));
    assert_eq!(conn.orig.bytes, Some(300));
    // FIN and RST together; SYN and FIN together.
    check(
        &with(handshake(), &[tcp(20, true, F | R, 1001, 5001, 0)]),
        "RSTO",
        "ShAI",
    );
    check(&[tcp(0, true, S | F, 1000, 0, 0)], "SH", "Q");
    // A wrong checksum: counted, not believed.
    let mut broken = tcp(20, true, F | A, 1001, 5001, 0);
    broken.flags.set(ViewFlags::BAD_TRANSPORT_CHECKSUM);
    let conn = check(&with(handshake(), &[broken]), "S1", "ShAC");
    assert_eq!((conn.orig.bad_checksums, conn.orig.pkts), (1, 3));
}

#[test]
fn overtaken_lost_and_repeated_are_told_apart() {
    let data = |micro: i64, seq, len| View {
        timestamp: common::by_hand::START + micro * 1000,
        ..tcp(0, true, A, seq, 5001, len)
    };
    let start = with(handshake(), &[data(20_000, 1001, 100)]);
    // Overtaken by half a millisecond.
    let conn = one(&with(
        start.clone(),
        &[data(21_000, 1201, 100), data(21_500, 1101, 100)],
    ));
    assert_eq!(
        (
            conn.orig.out_of_order,
            conn.orig.retransmits,
            conn.orig.lost_segments
        ),
        (1, 0, 1)
    );
    // The hole is filled a long time later: sent again.
    let conn = one(&with(
        start.clone(),
        &[data(21_000, 1201, 100), data(321_500, 1101, 100)],
    ));
    assert_eq!((conn.orig.out_of_order, conn.orig.retransmits), (0, 1));
    assert_eq!(conn.orig.missed_bytes, 0);
    // A copy by a mirror port has the identification of the original.
    let twin = |micro| View {
        ip_id: 77,
        ..data(micro, 1101, 100)
    };
    let (records, counters) = run(
        TrackerConfig::default(),
        &with(start.clone(), &[twin(21_000), twin(21_010)]),
        64,
    );
    let conn = common::conns(&records)[0];
    assert_eq!(
        (
            conn.orig.duplicates,
            conn.orig.retransmits,
            counters.duplicates
        ),
        (1, 0, 1)
    );
    assert_eq!(conn.orig.pkts, 5);
    // Duplicate acknowledgements: the third host of the same number and window.
    let ack = |milli| tcp(milli, false, A, 5001, 1101, 0);
    let conn = one(&with(
        start,
        &[ack(30), data(31_000, 1201, 100), ack(32), ack(33)],
    ));
    assert_eq!(conn.resp.duplicate_acks, 2);
}

#[test]
fn times_end_flows_whether_or_not_anybody_looks() {
    // An unanswered SYN is over 5 seconds after it, however often it is repeated.
    let conns = flows(&[
        tcp(0, true, S, 1000, 0, 0),
        tcp(1000, true, S, 1000, 0, 0),
        tcp(3000, true, S, 1000, 0, 0),
        tcp(7000, true, S, 1000, 0, 0),
    ]);
    assert_eq!(
        conns.iter().map(|c| c.orig.pkts).collect::<Vec<_>>(),
        [3, 1]
    );
    assert_eq!(conns[0].end_reason, EndReason::TcpEnd);
    assert_ne!(conns[0].uid, conns[1].uid);
    // UDP: a minute of silence; one less by a millisecond is none.
    let udp = |milli| packet(milli, true, 17, (40_000, 40_001), 1);
    assert_eq!(flows(&[udp(0), udp(59_999)]).len(), 1);
    assert_eq!(flows(&[udp(0), udp(60_000)]).len(), 2);
    // A closed connection takes stragglers for 5 seconds.
    let close = [
        tcp(20, true, F | A, 1001, 5001, 0),
        tcp(30, false, F | A, 5001, 1002, 0),
    ];
    let straggler = |milli| tcp(milli, true, A, 1002, 5002, 0);
    let all = with(
        with(handshake(), &close),
        &[straggler(5029), straggler(5030)],
    );
    let conns = flows(&all);
    assert_eq!(conns.len(), 2);
    assert_eq!(conns[0].orig.pkts, 4);
    // What is over at the end is over, however seldom the wheel was looked at.
    let (records, _) = run(TrackerConfig::default(), &with(handshake(), &close), 1);
    assert_eq!(common::conns(&records)[0].end_reason, EndReason::EndOfInput);
    let elsewhere = packet(10_000, true, 17, (1, 2), 60);
    let (records, _) = run(
        TrackerConfig::default(),
        &with(with(handshake(), &close), &[elsewhere]),
        100,
    );
    let reasons: Vec<_> = common::conns(&records)
        .iter()
        .map(|c| c.end_reason)
        .collect();
    assert_eq!(reasons, [EndReason::TcpEnd, EndReason::EndOfInput]);
    // A new SYN on closed ports begins a new one at once.
    let again = with(with(handshake(), &close), &[tcp(100, true, S, 9000, 0, 0)]);
    assert_eq!(flows(&again).len(), 2);
}

/// Captures of several queues are merged late: whether a packet belongs to a flow is judged by their own times.
#[test]
fn a_late_packet_finds_its_flow_though_others_are_later() {
    let own = |milli| packet(milli, true, 17, (40_000, 40_001), 100);
    let other = |milli| packet(milli, true, 17, (50_000, 50_001), 100);
    let packets = [
        own(0),
        other(50_000),
        other(80_000),
        own(59_900),
        other(80_001),
    ];
    for (lateness, records) in [(0, 3), (30_000_000_000, 2)] {
        let mut config = TrackerConfig::default();
        config.timeouts.udp_idle = 60_000_000_000;
        config.lateness = lateness;
        for burst in [1, 64] {
            let conns = common::conns(&run(config.clone(), &packets, burst).0);
            let found = if burst == 1 { records } else { 2 };
            assert_eq!(conns.len(), found, "{lateness} {burst} {conns:#?}");
        }
    }
    // One that is too late by its own time begins another, whatever is kept.
    let mut config = TrackerConfig::default();
    config.timeouts.udp_idle = 60_000_000_000;
    config.lateness = 10_000_000_000;
    let conns = common::conns(&run(config, &[own(0), own(60_001)], 1).0);
    assert_eq!(conns.len(), 2);
}

#[test]
fn updates_add_up_to_the_whole() {
    let mut packets = Vec::new();
    for i in 0..1000 {
        packets.push(packet(
            i * 1000,
            i % 3 != 0,
            17,
            (40_000, 40_001),
            100 + i as u32,
        ));
    }
    let (records, counters) = run(TrackerConfig::default(), &packets, 7);
    let updates: Vec<_> = records
        .iter()
        .filter_map(|r| match r {
            Record::ConnUpdate(c) => Some(*c),
            _ => None,
        })
        .collect();
    let conn = common::conns(&records)[0];
    assert_eq!(updates.len(), 4);
    assert_eq!(counters.updates, 4);
    assert!(updates.iter().all(|u| u.uid == conn.uid));
    assert_eq!(
        updates.iter().map(|u| u.orig.pkts).sum::<u64>(),
        conn.orig.pkts
    );
    assert_eq!(
        updates.iter().map(|u| u.resp.ip_bytes).sum::<u64>(),
        conn.resp.ip_bytes
    );
    assert_eq!(
        updates.iter().map(|u| u.orig.bytes.unwrap()).sum::<u64>(),
        conn.orig.bytes.unwrap()
    );
    assert_eq!(updates[3].end_reason, EndReason::EndOfInput);
    // A packet a second: each update holds those of the time that it says, and one goes on where the other ended.
    let mut until = updates[0].ts;
    for (number, update) in updates.iter().enumerate() {
        let seconds = update.duration.unwrap() / 1_000_000_000;
        let first = u64::from(number == 0);
        assert_eq!(update.ts, until);
        assert_eq!(update.orig.pkts + update.resp.pkts, seconds as u64 + first);
        until = update.ts + update.duration.unwrap();
    }
    // They are looked for each 8.6 seconds.
    assert!((300..309).contains(&(updates[0].duration.unwrap() / 1_000_000_000)));
}

#[test]
fn datagrams_of_one_identification_and_length_are_copies_only_with_one_checksum() {
    let datagram = |milli, checksum| View {
        ip_id: 1,
        tcp_window: checksum,
        ..packet(milli, true, 17, (40_000, 40_001), 64)
    };
    for burst in [1, 64] {
        let (records, counters) = run(
            TrackerConfig::default(),
            &[
                datagram(0, 10),
                datagram(1, 11),
                datagram(2, 12),
                datagram(3, 12),
                datagram(4, 11),
                datagram(40, 11),
            ],
            burst,
        );
        let conn = common::conns(&records)[0];
        assert_eq!((conn.orig.pkts, conn.orig.duplicates), (6, 1));
        assert_eq!(counters.duplicates, 1);
    }
}

#[test]
fn fragments_follow_their_first() {
    let first = |milli| {
        let mut view = packet(milli, true, 17, (40_000, 40_001), 1000);
        view.ip_id = 99;
        view.flags.set(ViewFlags::FIRST_FRAGMENT);
        view
    };
    let later = |milli, id| {
        let mut view = packet(milli, true, 17, (0, 0), 500);
        view.ip_id = id;
        view.flags.set(ViewFlags::LATER_FRAGMENT);
        view
    };
    let conn = one(&[first(0), later(1, 99), later(2, 99)]);
    assert_eq!(
        (conn.orig.pkts, conn.orig.fragments, conn.orig.bytes),
        (1, 3, Some(2000))
    );
    // In the wrong order; and one whose first never comes.
    let (records, counters) = run(
        TrackerConfig::default(),
        &[
            later(0, 99),
            later(1, 98),
            first(2),
            packet(3, true, 17, (40_000, 40_001), 0),
        ],
        64,
    );
    let conns = common::conns(&records);
    assert_eq!(conns.len(), 1);
    assert_eq!((conns[0].orig.pkts, conns[0].orig.bytes), (2, Some(1500)));
    assert_eq!(
        (
            counters.fragments_unmatched,
            counters.fragments_held,
            counters.tracked
        ),
        (1, 0, 3)
    );
}

#[test]
fn absurd_times_make_no_negative_durations() {
    let mut packets = vec![packet(0, true, 17, (40_000, 40_001), 1)];
    for time in [i64::MIN, -1, 0, i64::MAX, 5, i64::MAX - 1, i64::MIN + 1] {
        packets.push(View {
            timestamp: time,
            ..packets[0]
        });
        packets.push(View {
            timestamp: time,
            ..tcp(0, true, S, 1, 0, 0)
        });
        packets.push(View {
            timestamp: time,
            ..tcp(0, false, R | A, 1, 2, 3)
        });
    }
    for conn in flows(&packets) {
        assert!(conn.duration.is_none_or(|d| d > 0), "{conn:?}");
    }
}

/// Ticks of 16 ns wrap around after 68.7 s, which no round trip may show.
#[test]
fn no_round_trips_where_time_runs_back_or_stands_still_for_long() {
    // The SYN-ACK, or the ACK behind it, is stamped earlier than what it answers.
    let mut packets = handshake();
    packets[1].timestamp -= 20_000_000;
    let conn = one(&packets);
    assert_eq!(conn.syn_rtt, None, "{conn:?}");
    assert!(conn.ack_rtt.is_none_or(|rtt| rtt < 1_000_000_000));
    let mut packets = handshake();
    packets[2].timestamp -= 11_000_000;
    let conn = one(&packets);
    assert_eq!((conn.syn_rtt, conn.ack_rtt), (Some(10_000_000), None));

    // Data and its acknowledgement, on the fast way (the second pair) too.
    let data = |at: i64, seq: u32| tcp(at, true, A, seq, 5001, 100);
    let ack = |at: i64, ack: u32| tcp(at, false, A, 5001, ack, 0);
    let normal = [data(20, 1001), ack(25, 1101), data(30, 1101), ack(35, 1201)];
    let conn = check(&with(handshake(), &normal), "S1", "ShADa");
    assert!((conn.orig.rtt_min.unwrap() - 5_000_000).abs() < 5_000);
    let back = [data(20, 1001), ack(19, 1101), data(30, 1101), ack(29, 1201)];
    assert_eq!(one(&with(handshake(), &back)).orig.rtt_min, None);
    // Far back, where the ticks say something that might be true.
    let far = [data(20, 1001), ack(20 - 40_000, 1101)];
    assert_eq!(one(&with(handshake(), &far)).orig.rtt_min, None);

    // An acknowledgement after 100 s, in which the other side went on sending: no 31 s.
    let mut late = vec![data(20, 1001)];
    for second in 1..100 {
        let at = second * 1000;
        late.push(tcp(at, false, A, 5001 + second as u32 - 1, 1001, 1));
        late.push(tcp(at + 1, true, A, 1101, 5001 + second as u32, 0));
    }
    late.push(tcp(100_000, false, A, 5100, 1101, 0));
    let conn = one(&with(handshake(), &late));
    assert_eq!(conn.orig.rtt_min, None);
    assert!((conn.resp.rtt_min.unwrap() - 1_000_000).abs() < 1_000);
    // And after a pause of 100 s.
    let pause = [data(20, 1001), ack(100_020, 1101)];
    assert_eq!(one(&with(handshake(), &pause)).orig.rtt_min, None);
}

/// IP bytes are counted in two parts: the carry from one to the other.
#[test]
fn more_than_four_gigabytes_are_counted() {
    let mut packets = handshake();
    for turn in 0..80u32 {
        let mut data = tcp(20 + i64::from(turn), true, A, 1001 + turn, 5001, 1);
        data.ip_len = 1 << 26;
        packets.push(data);
        let mut udp = packet(20 + i64::from(turn), turn % 2 == 0, 17, (1000, 1001), 1);
        udp.ip_len = 1 << 27;
        packets.push(udp);
    }
    let conns = flows(&packets);
    let of = |protocol| conns.iter().find(|conn| conn.ip_proto == protocol).unwrap();
    assert_eq!(of(6).orig.ip_bytes, 80 << 26 | 80);
    assert_eq!(of(17).orig.ip_bytes, 40 << 27);
    assert_eq!(of(17).resp.ip_bytes, 40 << 27);
}

/// A capture that holds the same packets twice, with a long time between.
#[test]
fn the_same_flow_twice_has_two_uids() {
    let mut packets = Vec::new();
    for _ in 0..3 {
        packets.extend(handshake());
        for second in 0..8 {
            packets.push(packet(1_000_000 + second, true, 17, (7, 7), 1));
        }
    }
    let (records, _) = run(TrackerConfig::default(), &packets, 11);
    let mut conns = common::conns(&records);
    conns.retain(|conn| conn.ip_proto == 6);
    let all: Vec<_> = conns.iter().map(|conn| conn.uid).collect();
    let mut different = all.clone();
    different.sort_unstable();
    different.dedup();
    let starts = conns.iter().filter(|conn| conn.ts == conns[0].ts).count();
    assert!(starts >= 3, "{conns:#?}");
    assert_eq!(different.len(), all.len());
    // The first time is as it always was.
    assert_eq!(all[0], one(&handshake()).uid);
}
