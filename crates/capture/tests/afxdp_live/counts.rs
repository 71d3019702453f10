//! The ledger says exactly what was sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portreeve_capture::afxdp::AfXdpConfig;
use portreeve_capture::{ChecksumStatus, Source, Wake};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};

use crate::helpers::{
    A, B, MODES, balanced, config, finish, missed, open, sender_drops, settle, take,
};

#[test]
fn every_frame_is_delivered_once_at_every_size() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        for (mtu, sizes) in [(1500, &[60, 590, 1514][..]), (3500, &[60, 3514][..])] {
            let lab = Lab::with_mtu(mtu);
            lab.run(|| {
                let mut before = 0;
                for &size in sizes {
                    let mut source = open(&config(mode));
                    let frame = Packet::udp4(A, B, 1000, 2000).build(size);
                    let count = 5000;
                    Sender::open(Lab::TX).send_at(&[&frame], count, Some(50_000));
                    let lost = sender_drops(&lab) - before;
                    before += lost;
                    let arrived = count - lost;
                    let taken = take(
                        &mut source,
                        |got| {
                            assert_eq!(got.data, frame);
                            assert_eq!(got.wire_len as usize, size);
                        },
                        arrived,
                    );
                    let counters = finish(&mut source);
                    let arrived_here = arrived - missed(mode, &counters);
                    assert_eq!(taken, arrived_here, "{mode:?} {size}: {counters:?}");
                    assert_eq!(
                        counters.wire,
                        Some(arrived),
                        "{mode:?} {size}: {counters:?}"
                    );
                    assert_eq!(counters.kernel_drops, Some(0));
                    assert_eq!(counters.delivered_bytes, taken * size as u64);
                    assert_eq!(source.joined(), 0);
                }
            });
        }
    }
}

#[test]
fn a_frame_of_several_chunks_comes_in_one_piece() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::with_mtu(9000);
        lab.run(|| {
            let mut source = open(&config(mode));
            let frames: Vec<Vec<u8>> = [60usize, 3840, 3841, 7681, 9014]
                .iter()
                .enumerate()
                .map(|(port, size)| {
                    let mut frame = Packet::udp4(A, B, port as u16, 2000).build(*size);
                    for (at, byte) in frame.iter_mut().enumerate().skip(64) {
                        *byte = (at * 7 + port) as u8;
                    }
                    frame
                })
                .collect();
            Sender::open(Lab::TX).send_at(&frames, 1000, Some(20_000));
            let arrived = 1000 - sender_drops(&lab);
            let mut long = 0;
            let taken = take(
                &mut source,
                |got| {
                    assert!(
                        frames.iter().any(|frame| frame == got.data),
                        "{}",
                        got.data.len()
                    );
                    assert_eq!(got.wire_len as usize, got.data.len());
                    long += u64::from(got.data.len() > 3840);
                },
                arrived,
            );
            let counters = finish(&mut source);
            if source.info().description.contains("are lost and counted") {
                // Linux before 6.6.
                assert_eq!(
                    taken + counters.kernel_drops.unwrap_or(0),
                    arrived,
                    "{counters:?}"
                );
                return;
            }
            assert_eq!(taken, arrived, "{mode:?}: {counters:?}");
            assert_eq!((source.joined(), source.cut()), (long, 0));
            assert_eq!(source.chunks_with_kernel(), 16_384);
        });
    }
}

#[test]
fn what_the_ring_had_no_room_for_is_counted_exactly() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        lab.run(|| {
            let mut source = open(&AfXdpConfig {
                ring: 256,
                frames: 512,
                ..config(mode)
            });
            let frame = Packet::udp4(A, B, 1000, 2000).build(1000);
            let sent = Sender::open(Lab::TX).send_at(&[frame], 5000, Some(50_000));
            balanced(&source.counters());
            let arrived = sent - sender_drops(&lab);
            settle(&mut source, arrived);
            let counters = finish(&mut source);
            let missed = missed(mode, &counters);
            assert_eq!(counters.wire, Some(arrived), "{mode:?}: {counters:?}");
            assert_eq!(counters.delivered, 256);
            assert_eq!(counters.kernel_drops, Some(arrived - 256 - missed));
        });
    }
}

/// Sets its flag when it goes.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn starting_and_stopping_under_traffic_leaves_balanced_books() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        lab.run(|| {
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                // Also if an assertion fails: else the sender would never end.
                let _end = AtTheEnd(&stop);
                scope.spawn(|| {
                    let sender = Sender::open(Lab::TX);
                    // No protocol of the kernel's: what goes on to it is counted as dropped by the interface.
                    let frames = [Packet::ethertype(0x88b5).build(60)];
                    while !stop.load(Ordering::Relaxed) {
                        sender.send_at(&frames, 500, Some(5000));
                    }
                });
                for _ in 0..5 {
                    let mut source = open(&config(mode));
                    take(&mut source, |_| {}, 1000);
                    balanced(&source.counters());
                    let counters = finish(&mut source);
                    assert!(counters.delivered >= 1000, "{counters:?}");
                    assert_eq!(counters.kernel_drops, Some(0), "{mode:?}: {counters:?}");
                    assert_eq!(counters.nic_missed, Some(0), "{mode:?}: {counters:?}");
                }
            });
        });
    }
}

#[test]
fn frames_carry_the_time_of_their_burst_and_a_wait_ends_when_they_come() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = open(&config(MODES[0]));
        let start = Instant::now();
        let woken = source.wait(Duration::from_millis(60)).expect("waits");
        assert_eq!(woken, Wake::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(60));
        let now = || {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
            since.expect("after 1970").as_nanos() as i64
        };
        let before = now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                Sender::open(Lab::TX).send(&[Packet::udp4(A, B, 1, 2).vlan(7).build(60)], 10);
            });
            let woken = source.wait(Duration::from_secs(20)).expect("waits");
            assert_eq!(woken, Wake::Ready);
        });
        let mut last = before;
        let taken = take(
            &mut source,
            |frame| {
                assert!((last..=now()).contains(&frame.timestamp));
                last = frame.timestamp;
                // A tag that nobody took out is in the frame.
                assert_eq!(
                    (frame.vlan, &frame.data[12..16]),
                    (None, &[0x81, 0, 0, 7][..])
                );
                assert_eq!(frame.checksum, ChecksumStatus::Unknown);
            },
            10,
        );
        assert_eq!(taken, 10);
        assert_eq!(finish(&mut source).wire, Some(10));
    });
}

#[test]
fn busy_polling_loses_nothing_either() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        lab.run(|| {
            let mut source = open(&AfXdpConfig {
                busy_poll: 64,
                ..config(mode)
            });
            let frames = [Packet::udp4(A, B, 1, 2).build(60)];
            let sent = Sender::open(Lab::TX).send_at(&frames, 3000, Some(50_000));
            let arrived = sent - sender_drops(&lab);
            let taken = take(&mut source, |_| {}, arrived);
            let counters = finish(&mut source);
            assert_eq!(taken, arrived - missed(mode, &counters), "{counters:?}");
            assert_eq!(counters.wire, Some(arrived), "{mode:?}: {counters:?}");
            assert_eq!(counters.kernel_drops, Some(0));
        });
    }
}
