//! The ledger says exactly what was sent.

use std::time::{Duration, Instant};

use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource};
use portreeve_capture::{ChecksumStatus, Source, Wake};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};

use crate::helpers::{A, B, balanced, config, finish, take};

#[test]
fn every_frame_is_delivered_once_at_every_size() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::with_mtu(9000);
    lab.run(|| {
        for (size, count) in [(60, 20_000), (590, 3000), (1514, 2000), (9014, 700)] {
            let mut source = AfPacketSource::open(&config()).expect("opens");
            let frame = Packet::udp4(A, B, 1000, 2000).build(size);
            let sender = {
                let frame = frame.clone();
                std::thread::spawn(move || Sender::open(Lab::TX).send(&[frame], count))
            };
            let taken = take(
                &mut source,
                |got| {
                    assert_eq!(got.data, frame);
                    assert_eq!(got.wire_len as usize, size);
                    assert_eq!(got.vlan, None);
                },
                count,
            );
            assert_eq!(sender.join().expect("sender"), count);
            let counters = finish(&mut source);
            assert_eq!(taken, count);
            assert_eq!(counters.wire, Some(count));
            assert_eq!(counters.kernel_drops, Some(0));
            assert_eq!(counters.delivered_bytes, count * size as u64);
        }
    });
}

#[test]
fn what_the_ring_had_no_room_for_is_counted_exactly() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = AfPacketSource::open(&AfPacketConfig {
            block_size: 128 << 10,
            blocks: 2,
            ..config()
        })
        .expect("opens");
        let frame = Packet::udp4(A, B, 1000, 2000).build(1000);
        let sent = Sender::open(Lab::TX).send(&[frame], 5000);
        balanced(&source.counters());
        let counters = finish(&mut source);
        assert_eq!(counters.wire, Some(sent));
        assert!(counters.kernel_drops > Some(3000), "{counters:?}");
        assert!(counters.delivered > 100, "{counters:?}");
    });
}

#[test]
fn starting_and_stopping_under_traffic_leaves_balanced_books() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let sender = Sender::open(Lab::TX);
                let frames = [Packet::udp4(A, B, 1, 2).build(60)];
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    sender.send_at(&frames, 1000, Some(100_000));
                }
            });
            for round in 0..10 {
                let mut source = AfPacketSource::open(&config()).expect("opens");
                take(&mut source, |_| {}, round * 500);
                let counters = finish(&mut source);
                assert_eq!(counters.kernel_drops, Some(0), "no false drops");
                std::thread::sleep(Duration::from_millis(5));
                assert_eq!(source.counters(), counters, "the end is the end");
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    });
}

#[test]
fn an_idle_wait_lasts_as_long_as_it_should() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = AfPacketSource::open(&config()).expect("opens");
        let start = Instant::now();
        let wake = source.wait(Duration::from_millis(50)).expect("waits");
        assert_eq!(wake, Wake::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(50));
        let sender = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(60)], 1)
        });
        let start = Instant::now();
        let wake = source.wait(Duration::from_secs(5)).expect("waits");
        assert_eq!(wake, Wake::Ready);
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(take(&mut source, |_| {}, 1), 1);
        sender.join().expect("sender");
    });
}

#[test]
fn timestamps_are_utc_nanoseconds() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let now = || {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970")
                .as_nanos() as i64
        };
        let mut source = AfPacketSource::open(&AfPacketConfig {
            // A veth has no clock: the kernel's timestamps take their place, and it is said.
            hardware_timestamps: true,
            ..config()
        })
        .expect("opens");
        assert!(source.info().description.contains("of the kernel"));
        let before = now();
        Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).build(60)], 10);
        let after = now();
        let mut last = before;
        let taken = take(
            &mut source,
            |frame| {
                assert!((last..=after).contains(&frame.timestamp));
                last = frame.timestamp;
                assert_ne!(frame.checksum, ChecksumStatus::NotComputed);
            },
            10,
        );
        assert_eq!(taken, 10);
    });
}
