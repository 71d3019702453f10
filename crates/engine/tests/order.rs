//! A file that several workers share: its records come in one order, however many they are, and full rings hold nobody up.

use std::time::{Duration, Instant};

use portreeve_capture::Source;
use portreeve_capture::memory::MemoryCapture;
use portreeve_engine::{EngineConfig, Feed, Input, Inputs, Monitor};
use portreeve_flow::TrackerConfig;
use portreeve_packet::key::mapped;
use portreeve_packet::{FlowKey, steer};
use portreeve_record::{Record, RecordFeed, Uid};

mod common;
use common::udp;

const SECOND: i64 = 1_000_000_000;

/// Conversations of two packets. Some are over by the time the last begin; some last.
fn traffic() -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    for i in 0..3000u16 {
        let (client, server) = ([10, 0, (i >> 8) as u8, i as u8], [192, 0, 2, (i % 7) as u8]);
        let time = SECOND * 1000 + i64::from(i) * 50_000_000;
        frames.push((time, udp(client, 5_000 + i, server, 53, 30)));
        frames.push((time + 1000, udp(server, 53, client, 5_000 + i, 120)));
    }
    frames
}

/// Single packets to one worker of three, at these times.
fn to_one_worker(times: impl Iterator<Item = i64>) -> Vec<(i64, Vec<u8>)> {
    let (client, server) = ([10, 0, 0, 1], [192, 0, 2, 1]);
    let ports = (1..u16::MAX).cycle().filter(|port| {
        let (key, _) = FlowKey::new((mapped(client), *port), (mapped(server), 53), 17, 4);
        steer::worker(steer::hash(&key), 3) == 1
    });
    let frame = |(time, port)| (time, udp(client, port, server, 53, 30));
    times.zip(ports).map(frame).collect()
}

fn start(frames: &[(i64, Vec<u8>)], workers: usize, outputs: usize, ring: usize) -> Monitor {
    let mut tracker = TrackerConfig::default();
    tracker.memory = 32 << 20;
    let mut config = EngineConfig::new(tracker);
    config.outputs = (0..outputs).map(|output| output.to_string()).collect();
    config.record_ring = ring;
    let source: Box<dyn Source> =
        Box::new(MemoryCapture::from_frames(frames.iter().map(|(t, f)| (*t, f))).into_source());
    let input = Input {
        source,
        filter: None,
    };
    let inputs = match workers {
        1 => Inputs::PerWorker(vec![vec![input]]),
        _ => Inputs::Shared(input, workers),
    };
    Monitor::start(config, inputs).expect("it starts")
}

/// The conversations that a feed shows, in its order, which takes `pause` after each look.
fn conns(mut feed: Feed, pause: Duration) -> Vec<(i64, Uid)> {
    let patience = Instant::now() + Duration::from_secs(60);
    let mut conns = Vec::new();
    while !feed.is_finished() {
        assert!(Instant::now() < patience, "nothing goes on");
        let shown = feed.drain(&mut |record| {
            if let Record::Conn(conn) = record {
                conns.push((conn.ts, conn.uid));
            }
        });
        std::thread::sleep(pause);
        if shown == 0 {
            feed.wait(Duration::from_millis(1));
        }
    }
    conns
}

fn run(frames: &[(i64, Vec<u8>)], workers: usize) -> Vec<(i64, Uid)> {
    let mut monitor = start(frames, workers, 1, 8192);
    let feed = monitor.take_feeds().remove(0);
    let conns = conns(feed, Duration::ZERO);
    assert!(monitor.join().snapshot.ledger.is_balanced());
    conns
}

#[test]
fn records_come_in_the_order_of_one_worker() {
    let frames = traffic();
    let alone = run(&frames, 1);
    assert_eq!(alone.len(), 3000);
    // What ends with the input comes flow by flow as they lie in a worker's table: where no flow ended before, that is as they began.
    let over = frames[frames.len() - 1].0 - 62 * SECOND;
    let ended = |conns: &[(i64, Uid)]| {
        let before_the_end = conns.iter().filter(|(ts, _)| *ts < over);
        before_the_end.copied().collect::<Vec<_>>()
    };
    let at_once = &frames[..1000];
    for workers in [2, 3, 7] {
        let together = run(&frames, workers);
        let same = ended(&together) == ended(&alone) && together.len() == alone.len();
        assert!(same, "{workers} workers");
        assert!(
            run(at_once, workers) == run(at_once, 1),
            "{workers} workers"
        );
    }
}

#[test]
fn frames_that_are_not_understood_are_sampled_alike() {
    // Each with one that is, so that bursts are shared out.
    let query = udp([10, 0, 0, 1], 40_000, [192, 0, 2, 1], 53, 30);
    let frames: Vec<_> = (0..2000)
        .flat_map(|i| [(SECOND + i, vec![1, 2, 3]), (SECOND + i, query.clone())])
        .collect();
    for workers in [1, 3] {
        let mut monitor = start(&frames, workers, 1, 8192);
        let mut feed = monitor.take_feeds().remove(0);
        let mut samples = Vec::new();
        while !feed.is_finished() {
            feed.drain(&mut |record| {
                if let Record::Weird(weird) = record {
                    samples.push((weird.ts - SECOND, weird.addl));
                }
            });
            feed.wait(Duration::from_millis(1));
        }
        assert_eq!(monitor.join().snapshot.ledger.frames.undecodable, 2000);
        let every_tenth = [(0, 1), (9, 10), (99, 100), (999, 1000)];
        let expected: Vec<_> = every_tenth.map(|(at, addl)| (at, Some(addl))).to_vec();
        assert_eq!(samples, expected, "{workers} workers");
    }
}

#[test]
fn a_slow_output_holds_up_nothing_but_time() {
    let frames = traffic();
    let mut expected = run(&frames, 1);
    expected.sort_unstable();
    for (workers, ring) in [(2, 1), (3, 2), (5, 16)] {
        let mut monitor = start(&frames, workers, 3, ring);
        let feeds = monitor.take_feeds().into_iter().enumerate();
        let threads: Vec<_> = feeds
            .map(|(output, feed)| {
                // The first is quick, the others are slow, each in its way.
                let pause = Duration::from_micros(output as u64 * 700);
                std::thread::spawn(move || conns(feed, pause))
            })
            .collect();
        for thread in threads {
            let mut shown = thread.join().expect("it ends");
            shown.sort_unstable();
            assert_eq!(shown, expected, "{workers} workers, rings of {ring}");
        }
        assert!(monitor.join().snapshot.ledger.is_balanced());
    }
}

#[test]
fn odd_times_hold_nobody_up() {
    let mut random = 7u64;
    let mut anything = move || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        random as i64 >> (random >> 58)
    };
    let minutes = |step: i64| (0..5_000).map(move |i| SECOND * 1_000_000 + i * step * SECOND);
    let odd = [
        to_one_worker(minutes(0)),
        to_one_worker(minutes(1)),
        to_one_worker(minutes(-1)),
        to_one_worker(minutes(100)),
        to_one_worker((0..5_000).map(|_| anything())),
    ];
    for (number, frames) in odd.iter().enumerate() {
        let mut monitor = start(frames, 3, 2, 8);
        let feeds = monitor.take_feeds().into_iter();
        let threads: Vec<_> = feeds
            .map(|feed| std::thread::spawn(move || conns(feed, Duration::ZERO).len() as u64))
            .collect();
        let shown = threads.into_iter().map(|thread| thread.join().unwrap());
        let shown: Vec<u64> = shown.collect();
        let ledger = monitor.join().snapshot.ledger;
        assert!(ledger.is_balanced());
        assert_eq!(shown, [ledger.flows.opened; 2], "{number}");
    }
}

#[test]
fn a_pipe_in_which_nothing_comes_holds_no_record_back() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut file = Vec::new();
    // The header, then a frame of three bytes.
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 1, 1000, 0, 3, 3] {
        file.extend(word.to_ne_bytes());
    }
    file.extend([1, 2, 3]);
    std::io::Write::write_all(&mut writer, &file).expect("written");
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let source = portreeve_capture::file::FileSource::open([path]).expect("it opens");
    let mut config = EngineConfig::new(TrackerConfig::default());
    config.outputs = vec!["test".to_owned()];
    let input = Input {
        source: Box::new(source),
        filter: None,
    };
    let mut monitor = Monitor::start(config, Inputs::Shared(input, 3)).expect("it starts");
    let mut feed = monitor.take_feeds().remove(0);
    let patience = Instant::now() + Duration::from_secs(20);
    while feed.drain(&mut |_| {}) == 0 {
        assert!(Instant::now() < patience, "it waits for more");
        feed.wait(Duration::from_millis(1));
    }
    drop(writer);
    while !feed.is_finished() {
        feed.drain(&mut |_| {});
        feed.wait(Duration::from_millis(1));
    }
    assert!(monitor.join().snapshot.ledger.is_balanced());
}

#[test]
fn an_output_that_has_gone_holds_nobody_up() {
    let frames = traffic();
    let mut monitor = start(&frames, 3, 2, 4);
    let mut feeds = monitor.take_feeds();
    drop(feeds.pop());
    assert_eq!(conns(feeds.remove(0), Duration::ZERO).len(), 3000);
    let report = monitor.join();
    assert!(report.snapshot.ledger.is_balanced());
    assert_eq!(report.snapshot.ledger.records[0].dropped, 0);
}

#[test]
fn who_leaves_at_once_is_not_held_up_by_the_order() {
    let frames = traffic();
    let mut monitor = start(&frames, 3, 1, 16);
    let mut feed = monitor.take_feeds().remove(0);
    std::thread::sleep(Duration::from_millis(200));
    monitor.abandon();
    let report = monitor.join();
    let mut shown = 0;
    while !feed.is_finished() {
        shown += feed.drain(&mut |_| {}) as u64;
    }
    let records = &report.snapshot.ledger.records[0];
    assert_eq!(shown, records.queued);
    assert!(report.snapshot.ledger.is_balanced());
}
