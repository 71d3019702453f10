//! One live queue, several workers: frames go out by reference, every buffer comes back, and the records are those of one worker.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use portreeve_capture::wire::{WireEnd, WireOptions, WireSource, wire};
use portreeve_engine::{EngineConfig, Input, Inputs, Mode, Monitor, Snapshot, Waiting};
use portreeve_flow::TrackerConfig;
use portreeve_record::{Conn, Record, RecordFeed};

mod common;
use common::{icmp_port_unreachable, udp};

const FLOWS: u16 = 600;

fn config(mode: Mode) -> EngineConfig {
    let mut tracker = TrackerConfig::default();
    tracker.memory = 32 << 20;
    let mut config = EngineConfig::new(tracker);
    config.outputs = vec!["test".to_owned()];
    config.waiting = Waiting {
        mode,
        ..Waiting::default()
    };
    config
}

/// One time for all runs of the process, and of now: a live worker's clock follows the one on the wall.
fn base() -> i64 {
    static BASE: OnceLock<i64> = OnceLock::new();
    *BASE.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_nanos() as i64)
    })
}

/// Queries and answers of many conversations; every tenth query is answered by an ICMP error instead.
fn traffic() -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    for i in 0..FLOWS {
        let (client, server) = ([10, 0, (i >> 8) as u8, i as u8], [192, 0, 2, (i % 7) as u8]);
        let time = base() + i64::from(i) * 1_000_000;
        let query = udp(client, 40_000 + i, server, 53, 30);
        let answer = match i % 10 {
            0 => icmp_port_unreachable([192, 0, 2, 200], client, &query[14..]),
            _ => udp(server, 53, client, 40_000 + i, 1200),
        };
        frames.push((time, query));
        frames.push((time + 1000, answer));
    }
    frames
}

fn inputs(source: WireSource, workers: usize) -> Inputs {
    let input = Input {
        source: Box::new(source),
        filter: None,
    };
    match workers {
        1 => Inputs::PerWorker(vec![vec![input]]),
        _ => Inputs::Shared(input, workers),
    }
}

/// Sends all frames, waiting for a buffer where there is none, and ends the run: the books, the records, what the wire says.
fn run(options: WireOptions, mode: Mode, workers: usize) -> (Snapshot, Vec<Conn>, WireEnd) {
    let (end, source) = wire("wire", options).expect("a wire");
    let mut monitor = Monitor::start(config(mode), inputs(source, workers)).expect("it starts");
    let frames = traffic();
    let begin = Instant::now();
    for (time, frame) in &frames {
        while !end.send(*time, frame) {
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "no buffer comes back"
            );
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    monitor.stop();
    let mut conns = Vec::new();
    for feed in &mut monitor.take_feeds() {
        while !feed.is_finished() {
            feed.drain(&mut |record| {
                if let Record::Conn(conn) = record {
                    conns.push(*conn);
                }
            });
            feed.wait(Duration::from_millis(1));
        }
    }
    let report = monitor.join();
    assert!(report.panicked.is_empty() && report.errors.is_empty());
    assert!(
        report.snapshot.ledger.is_balanced(),
        "{:?}",
        report.snapshot.ledger
    );
    conns.sort_by_key(|conn| conn.uid);
    (report.snapshot, conns, end)
}

#[test]
fn any_number_of_workers_gives_the_records_of_one() {
    let (_, alone, _) = run(WireOptions::default(), Mode::Interrupt, 1);
    assert_eq!(alone.len(), usize::from(FLOWS + FLOWS / 10));
    for (workers, mode, lends) in [
        (2, Mode::Interrupt, true),
        (3, Mode::Poll, true),
        (2, Mode::Adaptive, true),
        (2, Mode::Interrupt, false),
    ] {
        // Few buffers, each of which is needed many times over.
        let options = WireOptions {
            buffers: 128,
            lends,
            ..WireOptions::default()
        };
        let (snapshot, conns, end) = run(options, mode, workers);
        let frames = &snapshot.ledger.frames;
        assert_eq!(frames.delivered, u64::from(FLOWS) * 2);
        assert_eq!((frames.hand_over_full, frames.in_hand_over), (0, 0));
        assert_eq!(frames.analysed, frames.delivered);
        // A buffer that went back too early would be rubbish by now, and no conversation.
        let what = format!("{workers} workers, {mode} mode, lends {lends}");
        let differing = conns.iter().zip(&alone).find(|(a, b)| a != b);
        assert!(differing.is_none(), "{what}: {differing:?}");
        assert_eq!(conns.len(), alone.len(), "{what}");
        assert_eq!((end.buffers_out(), end.faults()), (0, 0));
        let reader = snapshot.workers.last().expect("the reader");
        assert_eq!(
            (reader.name.as_str(), reader.waits.sources.len()),
            ("reader", 1)
        );
    }
}

#[test]
fn a_full_lane_costs_frames_that_are_counted_and_never_waits() {
    // One conversation, so that one worker gets it all: more frames at once than its lane holds. Whether it keeps up is a matter of luck; that the books
    // balance and that nothing waits is not.
    let options = WireOptions {
        buffers: 40_000,
        ..WireOptions::default()
    };
    let (end, source) = wire("wire", options).expect("a wire");
    let query = udp([10, 0, 0, 1], 40_000, [192, 0, 2, 1], 53, 30);
    let mut sent = 0u64;
    for _ in 0..40_000 {
        sent += u64::from(end.send(base(), &query));
    }
    let monitor = Monitor::start(config(Mode::Poll), inputs(source, 2)).expect("it starts");
    let begin = Instant::now();
    while monitor.snapshot().ledger.frames.delivered < sent {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "the reader waits"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    monitor.stop();
    let report = monitor.join();
    let frames = &report.snapshot.ledger.frames;
    assert!(report.snapshot.ledger.is_balanced(), "{frames:?}");
    assert_eq!(frames.analysed + frames.hand_over_full, sent);
    assert_eq!((end.buffers_out(), end.faults()), (0, 0));
}

#[test]
fn leaving_at_once_frees_nothing_that_is_still_read() {
    let (end, source) = wire("wire", WireOptions::default()).expect("a wire");
    let monitor = Monitor::start(config(Mode::Interrupt), inputs(source, 2)).expect("it starts");
    for (time, frame) in traffic() {
        end.send(time, &frame);
    }
    monitor.abandon();
    let report = monitor.join();
    assert!(report.panicked.is_empty());
    assert_eq!(end.faults(), 0);
}
