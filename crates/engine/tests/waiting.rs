//! How workers wait: each mode does what it says, every frame is found, and the time is accounted for.

use std::time::{Duration, Instant, SystemTime};

use portreeve_capture::wire::{WireEnd, WireOptions, wire};
use portreeve_engine::{EngineConfig, Input, Inputs, Mode, Monitor, Snapshot, Waiting};
use portreeve_flow::TrackerConfig;

mod common;
use common::udp;

/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as i64)
}

fn config(mode: Mode) -> EngineConfig {
    let mut tracker = TrackerConfig::default();
    tracker.memory = 16 << 20;
    let mut config = EngineConfig::new(tracker);
    config.waiting = Waiting {
        mode,
        ..Waiting::default()
    };
    config
}

/// One worker for each of the wires made.
fn start(mode: Mode, workers: usize, interrupts: bool) -> (Monitor, Vec<WireEnd>) {
    let mut ends = Vec::new();
    let mut inputs = Vec::new();
    for _ in 0..workers {
        let options = WireOptions {
            interrupts,
            ..WireOptions::default()
        };
        let (end, source) = wire("wire", options).expect("a wire");
        ends.push(end);
        inputs.push(vec![Input {
            source: Box::new(source),
            filter: None,
        }]);
    }
    let inputs = Inputs::PerWorker(inputs);
    (
        Monitor::start(config(mode), inputs).expect("it starts"),
        ends,
    )
}

/// Waits until the run is as it should be.
fn until(monitor: &Monitor, what: &str, is: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let begin = Instant::now();
    loop {
        let snapshot = monitor.snapshot();
        if is(&snapshot) {
            return snapshot;
        }
        assert!(begin.elapsed() < PATIENCE, "not seen: {what}: {snapshot:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn delivered(count: u64) -> impl Fn(&Snapshot) -> bool {
    move |snapshot| snapshot.ledger.frames.analysed == count
}

fn stop(monitor: Monitor) -> Snapshot {
    monitor.stop();
    let report = monitor.join();
    assert!(report.panicked.is_empty() && report.errors.is_empty());
    assert!(report.snapshot.ledger.is_balanced());
    report.snapshot
}

#[test]
fn in_interrupt_mode_a_worker_sleeps_until_a_frame_comes() {
    let (monitor, ends) = start(Mode::Interrupt, 1, true);
    until(&monitor, "sleep", |s| s.workers[0].waits.sleeps > 0);
    for round in 0..1000u64 {
        assert!(ends[0].send(
            now(),
            &udp(
                [10, 0, 0, 1],
                40_000,
                [192, 0, 2, 1],
                53,
                round as usize % 50
            )
        ));
        // At the end of each round the worker is idle again: a thousand transitions.
        until(&monitor, "the frame", delivered(round + 1));
    }
    let snapshot = stop(monitor);
    let waits = &snapshot.workers[0].waits;
    assert!(
        waits.wakes >= 500 && waits.wake_frames >= 500,
        "nobody woke it: {waits:?}"
    );
    assert_eq!(waits.sources[0].mode, Mode::Interrupt);
    assert!(waits.latency.measured() >= 500, "{waits:?}");
    assert!(waits.sleep_ns > 0);
    let all = waits.busy_ns + waits.spin_ns + waits.sleep_ns;
    assert!(
        all <= snapshot.uptime_ns,
        "more time than there was: {waits:?}"
    );
}

#[test]
fn a_worker_that_leaves_its_ring_alone_for_too_long_says_so() {
    const LONG: Duration = Duration::from_millis(30);
    let (end, source) = wire("wire", WireOptions::default()).expect("a wire");
    let inputs = Inputs::PerWorker(vec![vec![Input {
        source: Box::new(source),
        filter: Some(Box::new(|_| {
            std::thread::sleep(LONG);
            true
        })),
    }]]);
    let monitor = Monitor::start(config(Mode::Poll), inputs).expect("it starts");
    // By then it knows how long a cycle of its processor is.
    until(&monitor, "half a second", |s| s.uptime_ns > 500_000_000);
    for frames in 1..=3 {
        assert!(end.send(now(), &udp([10, 0, 0, 1], 1, [192, 0, 2, 1], 53, 9)));
        until(&monitor, "the frame", delivered(frames));
    }
    let waits = &stop(monitor).workers[0].waits;
    assert_eq!(waits.stall_limit_ns, 1_000_000, "{waits:?}");
    assert!(waits.stalls >= 3, "{waits:?}");
    assert!(
        waits.longest_stall_ns >= LONG.as_nanos() as u64,
        "{waits:?}"
    );
}

#[test]
fn short_sleeps_among_many_packets_make_it_poll_for_longer_and_silence_ends_that() {
    let (monitor, ends) = start(Mode::Interrupt, 1, true);
    let Waiting { spin, spin_max, .. } = monitor.waiting();
    let least = spin.as_nanos() as u64;
    let limit = |snapshot: &Snapshot| snapshot.workers[0].waits.spin_limit_ns;
    let mut sent = 0;
    let mut send = |count| {
        for _ in 0..count {
            ends[0].send(now(), &udp([10, 0, 0, 1], 1, [192, 0, 2, 1], 53, 9));
        }
        sent += count;
        sent
    };
    assert_eq!(
        limit(&until(&monitor, "sleep", |s| s.workers[0].waits.sleeps > 0)),
        least
    );
    let begin = Instant::now();
    let mut grown = least;
    while grown < least * 4 {
        assert!(begin.elapsed() < PATIENCE, "it does not grow");
        grown = limit(&until(&monitor, "the burst", delivered(send(200))));
        // Well below what it may grow to, and longer than the least.
        std::thread::sleep(Duration::from_micros(300));
    }
    assert!(u128::from(grown) <= spin_max.as_nanos(), "{grown}");
    while limit(&until(&monitor, "one", delivered(send(1)))) != least {
        assert!(begin.elapsed() < PATIENCE, "it does not shrink");
        std::thread::sleep(Duration::from_millis(300));
    }
    stop(monitor);
}

#[test]
fn in_poll_mode_a_worker_never_sleeps() {
    let (monitor, ends) = start(Mode::Poll, 1, true);
    for round in 0..100u64 {
        ends[0].send(now(), &udp([10, 0, 0, 1], 1, [192, 0, 2, 1], 53, 9));
        until(&monitor, "the frame", delivered(round + 1));
    }
    let waits = stop(monitor).workers[0].waits.clone();
    assert_eq!((waits.sleeps, waits.sleep_ns, waits.wakes), (0, 0, 0));
    assert!(waits.spin_ns > 0 && waits.busy_ns > 0);
}

#[test]
fn a_source_without_interrupts_is_slept_on_by_the_clock() {
    for mode in [Mode::Interrupt, Mode::Adaptive] {
        let (monitor, ends) = start(mode, 1, false);
        until(&monitor, "naps", |s| s.workers[0].waits.sleeps > 10);
        for round in 0..100u64 {
            ends[0].send(now(), &udp([10, 0, 0, 1], 1, [192, 0, 2, 1], 53, 9));
            until(&monitor, "the frame", delivered(round + 1));
        }
        let waits = stop(monitor).workers[0].waits.clone();
        assert_eq!(waits.sources[0].mode, Mode::Adaptive);
        let why = &waits.sources[0].why;
        assert_eq!(
            why.contains("no receive interrupt"),
            mode == Mode::Interrupt,
            "{why}"
        );
    }
}

#[test]
fn the_mode_changes_while_the_run_goes_on() {
    let (monitor, _ends) = start(Mode::Interrupt, 2, true);
    until(&monitor, "sleep", |s| {
        s.workers.iter().all(|worker| worker.waits.sleeps > 0)
    });
    let by = |mode| Waiting {
        mode,
        ..monitor.waiting()
    };
    monitor.wait_by(by(Mode::Poll));
    // Asleep or not, all take note at once; and none sleeps again.
    let before = until(&monitor, "polling", |s| {
        s.workers
            .iter()
            .all(|worker| worker.waits.spin_ns > 10_000_000)
    });
    std::thread::sleep(Duration::from_millis(20));
    let after = monitor.snapshot();
    for (before, after) in before.workers.iter().zip(&after.workers) {
        assert_eq!(before.waits.sleeps, after.waits.sleeps);
        assert_eq!(after.waits.mode, Mode::Poll);
    }
    monitor.wait_by(by(Mode::Adaptive));
    until(&monitor, "adaptive naps", |s| {
        s.workers.iter().all(|worker| {
            worker.waits.sources[0].mode == Mode::Adaptive && worker.waits.sleeps > 10
        })
    });
    stop(monitor);
}

#[test]
fn workers_are_woken_for_hand_overs() {
    let (monitor, ends) = start(Mode::Interrupt, 2, true);
    // All arrive at the first worker; half of the conversations are the second's.
    let count = 400;
    for flow in 0..count {
        ends[0].send(
            now(),
            &udp([10, 0, 0, 1], flow as u16 + 1, [192, 0, 2, 1], 53, 9),
        );
        let snapshot = until(&monitor, "the frame", delivered(flow + 1));
        assert_eq!(snapshot.ledger.frames.hand_over_full, 0);
    }
    let snapshot = stop(monitor);
    assert!(snapshot.ledger.frames.handed_over > 100);
    let waits = &snapshot.workers[1].waits;
    assert!(waits.wakes > 50, "the bell wakes nobody: {waits:?}");
}

#[test]
fn a_stop_wakes_the_sleepers() {
    let mut config = config(Mode::Interrupt);
    // An hour: were they not woken, the test would hang.
    config.longest_sleep = Duration::from_secs(3600);
    let (end, source) = wire("wire", WireOptions::default()).expect("a wire");
    let inputs = vec![vec![Input {
        source: Box::new(source),
        filter: None,
    }]];
    let monitor = Monitor::start(config, Inputs::PerWorker(inputs)).expect("it starts");
    std::thread::sleep(Duration::from_millis(50));
    stop(monitor);
    drop(end);
}
