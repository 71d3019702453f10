//! Whole runs over frames in memory: the books balance, and any number of workers gives the same records.

use std::time::Duration;

use portreeve_capture::Source;
use portreeve_capture::memory::MemoryCapture;
use portreeve_engine::{
    EngineConfig, FrameFilter, Input, Inputs, Ledger, LiveSettings, Monitor, NewFilter, Snapshot,
};
use portreeve_flow::TrackerConfig;
use portreeve_record::{Conn, Record, RecordFeed};

mod common;
use common::udp;

const SECOND: i64 = 1_000_000_000;

/// 500 conversations with an answer each, ARP and rubbish between them.
fn traffic() -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    for i in 0..500u16 {
        let (client, server) = ([10, 0, (i >> 8) as u8, i as u8], [192, 0, 2, (i % 7) as u8]);
        let time = SECOND * 1000 + i64::from(i) * 1_000_000;
        frames.push((time, udp(client, 40_000 + i, server, 53, 30)));
        frames.push((time + 1000, udp(server, 53, client, 40_000 + i, 120)));
        if i % 10 == 0 {
            let mut arp = vec![0xff; 6];
            arp.extend([2, 0, 0, 0, 0, 1, 8, 6]);
            arp.resize(42, 0);
            frames.push((time + 2000, arp));
            frames.push((time + 3000, vec![1, 2, 3]));
        }
    }
    frames
}

fn input(frames: &[(i64, Vec<u8>)]) -> Input {
    let source: Box<dyn Source> =
        Box::new(MemoryCapture::from_frames(frames.iter().map(|(t, f)| (*t, f))).into_source());
    Input {
        source,
        filter: None,
    }
}

fn config() -> EngineConfig {
    let mut tracker = TrackerConfig::default();
    tracker.memory = 32 << 20;
    let mut config = EngineConfig::new(tracker);
    config.outputs = vec!["test".to_owned()];
    config
}

fn run(config: EngineConfig, inputs: Inputs) -> (Snapshot, Vec<Conn>) {
    let mut monitor = Monitor::start(config, inputs).expect("it starts");
    let mut feeds = monitor.take_feeds();
    let mut conns = Vec::new();
    for feed in &mut feeds {
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
    assert!(
        report.panicked.is_empty() && report.errors.is_empty(),
        "{report:?}"
    );
    assert!(
        report.snapshot.ledger.is_balanced(),
        "{:?}",
        report.snapshot.ledger
    );
    conns.sort_by_key(|conn| conn.uid);
    (report.snapshot, conns)
}

#[test]
fn every_frame_is_in_one_account() {
    let frames = traffic();
    let (snapshot, conns) = run(config(), Inputs::PerWorker(vec![vec![input(&frames)]]));
    let books = &snapshot.ledger.frames;
    assert_eq!(books.delivered, 1100);
    assert_eq!(
        (books.analysed, books.not_ip, books.undecodable),
        (1000, 50, 50)
    );
    assert_eq!(snapshot.ledger.flows.opened, 500);
    assert_eq!(conns.len(), 500);
    assert!(
        conns
            .iter()
            .all(|c| c.orig.pkts == 1 && c.resp.pkts == 1 && c.resp_p == 53)
    );
    assert!(snapshot.finished && !snapshot.ledger.lost_anything());
}

#[test]
fn any_number_of_workers_gives_the_same_records() {
    let frames = traffic();
    let (_, alone) = run(config(), Inputs::PerWorker(vec![vec![input(&frames)]]));
    for workers in [1, 2, 5] {
        let (snapshot, shared) = run(config(), Inputs::Shared(input(&frames), workers));
        assert_eq!(snapshot.ledger.frames.delivered, 1100);
        assert_eq!(snapshot.ledger.frames.in_hand_over, 0);
        assert_eq!(alone, shared, "{workers} workers");
    }
}

#[test]
fn frames_that_arrive_at_the_wrong_worker_are_handed_home() {
    let frames = traffic();
    let (_, alone) = run(config(), Inputs::PerWorker(vec![vec![input(&frames)]]));
    // Queries at one worker, answers at the other: as bad as RSS can be.
    let split = |part: usize| -> Vec<(i64, Vec<u8>)> {
        frames
            .iter()
            .enumerate()
            .filter(|(i, _)| i % 2 == part)
            .map(|(_, f)| f.clone())
            .collect()
    };
    let inputs = vec![vec![input(&split(0))], vec![input(&split(1))]];
    let (snapshot, meshed) = run(config(), Inputs::PerWorker(inputs));
    let books = &snapshot.ledger.frames;
    assert_eq!(books.delivered, 1100);
    assert!(books.handed_over > 300, "{books:?}");
    assert_eq!(books.analysed + books.hand_over_full, 1000);
    if books.hand_over_full == 0 {
        // Which of two workers saw a packet first is a matter of luck: compare what is not.
        let totals =
            |conns: &[Conn]| -> u64 { conns.iter().map(|c| c.orig.pkts + c.resp.pkts).sum() };
        assert_eq!(totals(&meshed), totals(&alone));
        assert_eq!(meshed.len(), alone.len());
    }
}

#[test]
fn a_frame_that_is_handed_home_keeps_its_source() {
    let frames = traffic();
    // Everything comes from the second source of the first worker.
    let inputs = vec![
        vec![input(&[]), input(&frames)],
        vec![input(&[]), input(&[])],
    ];
    let (snapshot, conns) = run(config(), Inputs::PerWorker(inputs));
    assert!(snapshot.ledger.frames.handed_over > 300);
    assert!(conns.len() > 300 && conns.iter().all(|conn| conn.source.0 == 1));
}

#[test]
fn a_filter_and_a_count_have_accounts_of_their_own() {
    let frames = traffic();
    let mut filtered = input(&frames);
    filtered.filter = Some(Box::new(|frame| frame.data.len() > 100));
    let mut with_count = config();
    with_count.count = Some(100);
    let (snapshot, conns) = run(with_count, Inputs::PerWorker(vec![vec![filtered]]));
    let books = &snapshot.ledger.frames;
    assert_eq!(books.analysed, 100);
    assert!(books.filtered >= 100 && books.delivered < 1100, "{books:?}");
    assert_eq!(conns.len(), 100);
}

#[test]
fn packets_for_the_writer_are_those_that_passed() {
    let frames = traffic();
    for workers in [1, 3] {
        let mut config = config();
        config.packets = true;
        config.outputs.clear();
        let mut filtered = input(&frames);
        filtered.filter = Some(Box::new(|frame| frame.data.len() > 100));
        let inputs = match workers {
            1 => Inputs::PerWorker(vec![vec![filtered]]),
            _ => Inputs::Shared(filtered, workers),
        };
        let mut monitor = Monitor::start(config, inputs).expect("it starts");
        let mut packets = monitor.take_packets().expect("it was asked for");
        let mut written = Vec::new();
        while !packets.is_finished() {
            packets.drain(&mut |frame| written.push((frame.timestamp, frame.data.to_vec())));
            packets.wait(Duration::from_millis(1));
        }
        let report = monitor.join();
        let expected: Vec<_> = frames
            .iter()
            .filter(|(_, f)| f.len() > 100)
            .cloned()
            .collect();
        assert_eq!(written.len(), expected.len());
        assert!(written == expected, "other frames, or in another order");
        let writer = report.snapshot.ledger.writer.expect("an account");
        assert_eq!((writer.queued, writer.dropped), (500, 0));
    }
}

#[test]
fn an_output_that_nobody_reads_costs_records_when_abandoned_and_the_books_say_so() {
    let ledger = with_nobody_who_reads(|_| {});
    assert!(ledger.lost_anything());
    // Of an output that only shows records the same is counted, and no loss.
    let ledger = with_nobody_who_reads(|config| config.shown = vec!["test".to_owned()]);
    assert!(!ledger.lost_anything());
    assert_eq!(ledger.not_shown(), ledger.records[0].dropped);
}

/// The ledger of a run whose only output has room for 16 records and no reader.
fn with_nobody_who_reads(change: impl FnOnce(&mut EngineConfig)) -> Ledger {
    let mut config = config();
    config.record_ring = 16;
    change(&mut config);
    let frames = traffic();
    let mut monitor =
        Monitor::start(config, Inputs::PerWorker(vec![vec![input(&frames)]])).expect("it starts");
    let feeds = monitor.take_feeds();
    std::thread::sleep(Duration::from_millis(300));
    assert!(!monitor.is_finished(), "a file waits for its outputs");
    monitor.abandon();
    let report = monitor.join();
    let records = &report.snapshot.ledger.records[0];
    assert_eq!(
        (records.queued, records.dropped),
        (16, records.produced - 16)
    );
    assert!(records.produced >= 500);
    drop(feeds);
    report.snapshot.ledger
}

/// A run over a pipe, which goes on until the pipe is closed: it has seen one packet, and the other ones are given.
fn over_a_pipe(seconds: &[u32]) -> (Monitor, std::io::PipeWriter, Vec<Vec<u8>>) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 1] {
        file.extend(word.to_ne_bytes());
    }
    let query = udp([10, 0, 0, 1], 40_000, [192, 0, 2, 1], 53, 30);
    let mut record = |seconds: u32| {
        for word in [seconds, 0, query.len() as u32, query.len() as u32] {
            file.extend(word.to_ne_bytes());
        }
        file.extend(&query);
        std::mem::take(&mut file)
    };
    let first = record(1000);
    let others = seconds.iter().map(|seconds| record(*seconds)).collect();
    std::io::Write::write_all(&mut writer, &first).expect("written");
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let source = portreeve_capture::file::FileSource::open([path]).expect("it opens");
    let source: Box<dyn Source> = Box::new(source);
    let inputs = Inputs::PerWorker(vec![vec![Input {
        source,
        filter: None,
    }]]);
    let monitor = Monitor::start(config(), inputs).expect("it starts");
    until(&monitor, "the first packet", |ledger| {
        ledger.frames.analysed == 1
    });
    (monitor, writer, others)
}

fn until(monitor: &Monitor, what: &str, is_so: impl Fn(&Ledger) -> bool) {
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so(&monitor.snapshot().ledger) {
        assert!(
            std::time::Instant::now() < patience,
            "{what} does not arrive"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Settings as they are by default.
fn settings() -> LiveSettings {
    LiveSettings {
        timeouts: portreeve_flow::Timeouts::default(),
        local_nets: Vec::new(),
        ours: Vec::new(),
        waiting: portreeve_engine::Waiting::default(),
        filter: None,
    }
}

#[test]
fn settings_change_while_the_run_goes_on() {
    let (mut monitor, mut writer, others) = over_a_pipe(&[1030]);
    let mut changed = settings();
    changed.timeouts.udp_idle = 10 * SECOND;
    monitor.change(changed);
    std::io::Write::write_all(&mut writer, &others[0]).expect("written");
    drop(writer);
    let mut feeds = monitor.take_feeds();
    let mut conns = 0;
    while !feeds[0].is_finished() {
        feeds[0].drain(&mut |record| conns += usize::from(matches!(record, Record::Conn(_))));
        feeds[0].wait(Duration::from_millis(1));
    }
    assert_eq!(conns, 2, "half a minute is longer than the new idle time");
}

#[test]
fn the_filter_changes_while_the_run_goes_on() {
    let (monitor, mut writer, others) = over_a_pipe(&[1001, 1002, 1003, 1004]);
    let mut send = |at: usize| {
        std::io::Write::write_all(&mut writer, &others[at]).expect("written");
    };
    // A filter of each source's own, which lets its first frame pass.
    let one = NewFilter::new(|| {
        let mut passed = 0;
        let filter: FrameFilter = Box::new(move |_| {
            passed += 1;
            passed == 1
        });
        Some(filter)
    });
    let change = |filter: Option<&NewFilter>| {
        monitor.change(LiveSettings {
            filter: filter.cloned(),
            ..settings()
        });
    };
    change(Some(&one));
    send(0);
    until(&monitor, "the second", |ledger| ledger.frames.analysed == 2);
    send(1);
    until(&monitor, "the third", |ledger| ledger.frames.filtered == 1);
    // The same one again is the same one still.
    change(Some(&one));
    send(2);
    until(&monitor, "the fourth", |ledger| ledger.frames.filtered == 2);
    change(Some(&NewFilter::new(|| None)));
    send(3);
    until(&monitor, "the fifth", |ledger| ledger.frames.analysed == 3);
    drop(writer);
    assert!(monitor.join().snapshot.ledger.is_balanced());
}

#[test]
fn a_packet_writer_that_takes_nothing_does_not_hold_up_a_run_that_is_abandoned() {
    let mut config = config();
    config.packets = true;
    config.outputs.clear();
    // More frames than the lane to the writer holds.
    let frames: Vec<_> = traffic().into_iter().cycle().take(20_000).collect();
    let mut monitor =
        Monitor::start(config, Inputs::PerWorker(vec![vec![input(&frames)]])).expect("it starts");
    let packets = monitor.take_packets();
    std::thread::sleep(Duration::from_millis(300));
    assert!(!monitor.is_finished(), "a file waits for its writer");
    monitor.abandon();
    let report = monitor.join();
    let writer = report.snapshot.ledger.writer.expect("an account");
    assert!(writer.dropped > 0 && report.snapshot.ledger.is_balanced());
    drop(packets);
}
