//! Fragments before their first: any number of workers gives the records of one, and the books balance while they wait.

use std::time::{Duration, Instant, SystemTime};

use portreeve_capture::Source;
use portreeve_capture::memory::MemoryCapture;
use portreeve_capture::wire::{WireOptions, wire};
use portreeve_engine::{EngineConfig, Input, Inputs, Ledger, Monitor};
use portreeve_flow::TrackerConfig;
use portreeve_record::{Conn, Record, RecordFeed};

mod common;
use common::udp;

const SECOND: i64 = 1_000_000_000;
const ETHERNET_AND_IP: usize = 34;

/// The fragments of a datagram in this frame, in order, with up to `size` bytes of it each.
fn fragments(frame: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    let (head, data) = frame.split_at(ETHERNET_AND_IP);
    let count = data.len().div_ceil(size);
    let parts = data.chunks(size).enumerate();
    parts
        .map(|(n, part)| {
            let more = u16::from(n + 1 < count) << 13;
            let mut fragment = head.to_vec();
            fragment[16..18].copy_from_slice(&(20 + part.len() as u16).to_be_bytes());
            fragment[18..20].copy_from_slice(&id.to_be_bytes());
            fragment[20..22].copy_from_slice(&(more | (n * size / 8) as u16).to_be_bytes());
            fragment.extend(part);
            fragment
        })
        .collect()
}

/// The `n`th datagram's fragments; its conversation's home is anywhere.
fn datagram(n: u16, payload: usize, size: usize) -> Vec<Vec<u8>> {
    let client = [10, 0, (n >> 8) as u8, n as u8];
    fragments(
        &udp(client, 40_000 + n, [192, 0, 2, 7], 7777, payload),
        n + 1,
        size,
    )
}

/// A microsecond apart.
fn timed(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<(i64, Vec<u8>)> {
    let time = |n: usize| SECOND * 1000 + n as i64 * 1000;
    let frames = frames.into_iter().enumerate();
    frames.map(|(n, frame)| (time(n), frame)).collect()
}

/// Two datagrams of each of many conversations: the last fragment first, and in any other order; some between each other's.
fn traffic() -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    for n in (0..300).step_by(3) {
        let mut three: Vec<_> = (n..n + 3).map(|n| datagram(n, 3000, 1480)).collect();
        three.iter_mut().for_each(|fragments| fragments.reverse());
        for turn in 0..3 {
            frames.extend(three.iter().map(|fragments| fragments[turn].clone()));
        }
        frames.extend([1, 0, 2].map(|part| datagram(n, 2900, 1024)[part].clone()));
    }
    timed(frames)
}

fn config() -> EngineConfig {
    let mut tracker = TrackerConfig::default();
    tracker.memory = 32 << 20;
    let mut config = EngineConfig::new(tracker);
    config.outputs = vec!["test".to_owned()];
    config
}

fn input(source: impl Source + 'static) -> Input {
    Input {
        source: Box::new(source),
        filter: None,
    }
}

fn capture(frames: &[(i64, Vec<u8>)]) -> MemoryCapture {
    MemoryCapture::from_frames(frames.iter().map(|(time, frame)| (*time, frame)))
}

/// The books, the conversations, and what was odd.
fn finish(mut monitor: Monitor) -> (Ledger, Vec<Conn>, Vec<&'static str>) {
    let (mut conns, mut odd) = (Vec::new(), Vec::new());
    for feed in &mut monitor.take_feeds() {
        while !feed.is_finished() {
            feed.drain(&mut |record| match record {
                Record::Conn(conn) => conns.push(*conn),
                Record::Weird(weird) => odd.push(weird.name),
                _ => {}
            });
            feed.wait(Duration::from_millis(1));
        }
    }
    let report = monitor.join();
    assert!(report.panicked.is_empty() && report.errors.is_empty());
    let ledger = report.snapshot.ledger;
    assert!(ledger.is_balanced(), "{ledger:?}");
    assert_eq!(
        (ledger.frames.in_hand_over, ledger.frames.hand_over_full),
        (0, 0)
    );
    conns.sort_by_key(|conn| conn.uid);
    (ledger, conns, odd)
}

fn run(inputs: Inputs) -> (Ledger, Vec<Conn>, Vec<&'static str>) {
    finish(Monitor::start(config(), inputs).expect("it starts"))
}

fn alone(frames: &[(i64, Vec<u8>)]) -> Inputs {
    Inputs::PerWorker(vec![vec![input(capture(frames).into_source())]])
}

/// A reader in front; and each worker with a source of its own, which has what the kernel would spread to it.
fn several(frames: &[(i64, Vec<u8>)], workers: usize) -> [Inputs; 2] {
    let spread = capture(frames).partition(workers);
    [
        Inputs::Shared(input(capture(frames).into_source()), workers),
        Inputs::PerWorker(spread.into_iter().map(|part| vec![input(part)]).collect()),
    ]
}

#[test]
fn any_number_of_workers_gives_the_records_of_one() {
    let frames = traffic();
    let (ledger, expected, odd) = run(alone(&frames));
    assert_eq!((expected.len(), odd.len()), (300, 0));
    let bytes: u64 = expected.iter().map(|conn| conn.orig.ip_bytes).sum();
    assert_eq!(bytes, 300 * 3068 + 100 * 2968);
    assert_eq!(ledger.flows.fragments_unmatched, 0);
    for workers in [2, 3, 5] {
        for inputs in several(&frames, workers) {
            let (ledger, conns, odd) = run(inputs);
            assert!(odd.is_empty(), "{odd:?}");
            assert!(expected == conns, "{workers} workers");
            assert_eq!(ledger.frames.analysed, frames.len() as u64);
            assert_eq!(ledger.flows.fragments_unmatched, 0);
        }
    }
}

#[test]
fn what_never_has_a_first_is_counted() {
    // More datagrams than wait at a time, and one in more fragments than wait of one.
    let orphans = (0..40).flat_map(|n| datagram(n, 3000, 1480).split_off(1));
    let many = datagram(50, 1000, 8).split_off(1);
    let whole = datagram(60, 3000, 1480).into_iter().rev();
    let frames = timed(orphans.chain(many).chain(whole));
    let (ledger, expected, _) = run(alone(&frames));
    assert_eq!(
        (expected.len(), ledger.flows.fragments_unmatched),
        (1, 80 + 125)
    );
    for inputs in several(&frames, 3) {
        let (ledger, conns, odd) = run(inputs);
        assert!(expected == conns);
        assert_eq!(ledger.flows.fragments_unmatched, 80 + 125);
        assert!(odd.iter().all(|name| *name == "fragments_without_first"));
    }
}

#[test]
fn fragments_do_not_wait_longer_than_their_time() {
    // The first comes, but too late: nobody puts such a datagram together.
    let mut frames = timed(datagram(3, 3000, 1480).into_iter().rev());
    let mut between = frames[0].0;
    while between < SECOND * 1040 {
        between += SECOND;
        frames.insert(
            frames.len() - 1,
            (between, udp([10, 9, 9, 9], 1, [10, 9, 9, 8], 2, 10)),
        );
    }
    frames[2 + 40].0 = between;
    let (_, expected, _) = run(alone(&frames));
    for inputs in several(&frames, 3) {
        let (ledger, conns, _) = run(inputs);
        assert_eq!(ledger.flows.fragments_unmatched, 2);
        assert!(expected == conns);
    }
}

#[test]
fn what_waits_is_in_hand_over() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_nanos() as i64);
    for lends in [true, false] {
        let options = WireOptions {
            lends,
            ..WireOptions::default()
        };
        let (end, source) = wire("wire", options).expect("a wire");
        let inputs = Inputs::Shared(input(source), 3);
        let monitor = Monitor::start(config(), inputs).expect("it starts");
        let begin = Instant::now();
        let until = |what: &str, is_so: &dyn Fn(&Ledger) -> bool| {
            loop {
                let ledger = monitor.snapshot().ledger;
                if is_so(&ledger) {
                    assert_eq!(ledger.frames.unaccounted, 0);
                    return;
                }
                assert!(
                    begin.elapsed() < Duration::from_secs(30),
                    "{what}: {ledger:?}"
                );
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let [first, second, last] = datagram(9, 3000, 1480).try_into().expect("three");
        assert!(end.send(now, &last) && end.send(now + 1, &second));
        until("they wait", &|ledger| ledger.frames.in_hand_over == 2);
        assert!(end.send(now + 2, &first));
        until("all are home", &|ledger| ledger.frames.analysed == 3);
        // What still waits at the end waits no longer.
        assert!(end.send(now + 3, &datagram(10, 3000, 1480)[1]));
        until("it waits", &|ledger| ledger.frames.in_hand_over == 1);
        monitor.stop();
        let (ledger, conns, _) = finish(monitor);
        assert_eq!((conns.len(), ledger.flows.fragments_unmatched), (1, 1));
        assert_eq!(conns[0].orig.fragments, 3);
    }
}
