//! Frames that leave their burst by reference.

use portreeve_capture::afxdp::AfXdpConfig;
use portreeve_capture::{Batch, Fetch, Loan, Source};
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};

use crate::helpers::{A, B, MODES, config, finish, open, sender_drops, settle, until};

/// The number that `frame` carries in its ports.
fn number(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[34], frame[35]])
}

#[test]
fn kept_frames_stay_as_they_are_until_they_are_given_back_and_none_is_lost() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::with_mtu(9000);
        lab.run(|| {
            let mut source = open(&AfXdpConfig {
                ring: 512,
                frames: 1024,
                ..config(mode)
            });
            let sender = Sender::open(Lab::TX);
            let mut batches: Vec<Batch> = (0..6).map(|_| Batch::new(64, 0)).collect();
            let mut loans: Vec<Loan> = Vec::new();
            let mut kept: Vec<(usize, Vec<u16>)> = Vec::new();
            let mut next = 0u16;
            for round in 0..60usize {
                // Every tenth frame is long: it comes in several chunks.
                let frames: Vec<_> = (0..200u16)
                    .map(|n| {
                        let length = if n % 10 == 0 { 8000 } else { 300 };
                        Packet::udp4(A, B, next.wrapping_add(n), 9).build(length)
                    })
                    .collect();
                next = next.wrapping_add(200);
                let before = sender_drops(&lab);
                sender.send_at(&frames, 200, Some(100_000));
                let mut left = 200 - (sender_drops(&lab) - before);
                while left > 0 {
                    if let Ok(Fetch::Frames(burst)) = source.next_burst() {
                        left -= burst.len() as u64;
                        let slot = round % batches.len();
                        let batch = &mut batches[slot];
                        let mut numbers = Vec::new();
                        // All of some bursts, a third of others, none of the rest.
                        for index in (0..burst.len()).step_by([1, 3, 64][round % 3]) {
                            if batch.push_shared(&burst, index).is_ok() {
                                numbers.push(number(burst.frame(index).expect("is there").data));
                                assert!(
                                    batch.push_shared(&burst, index).is_err(),
                                    "a buffer leaves once"
                                );
                            }
                        }
                        kept.push((slot, numbers));
                    }
                }
                // What was kept longest is looked at and goes back.
                let oldest = (round + 1) % batches.len();
                let held: Vec<u16> = kept
                    .iter()
                    .filter(|(slot, _)| *slot == oldest)
                    .flat_map(|(_, numbers)| numbers.clone())
                    .collect();
                kept.retain(|(slot, _)| *slot != oldest);
                let batch = &mut batches[oldest];
                let found: Vec<u16> = batch.burst().frames().map(|f| number(f.data)).collect();
                assert_eq!(found, held, "{mode:?}, round {round}");
                batch.clear();
                batch.settle(&mut loans);
                source.take_back(&mut loans);
                assert!(loans.is_empty());
            }
            for batch in &mut batches {
                batch.clear();
                batch.settle(&mut loans);
            }
            source.take_back(&mut loans);
            assert!(matches!(source.next_burst(), Ok(Fetch::Empty)));
            let counters = finish(&mut source);
            assert_eq!(counters.kernel_drops, Some(0), "{mode:?}: {counters:?}");
            assert_eq!(
                source.chunks_with_kernel(),
                1024,
                "{mode:?}: no chunk was lost"
            );
        });
    }
}

#[test]
fn kept_frames_outlive_their_source() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut source = open(&config(MODES[0]));
        let frame = Packet::udp4(A, B, 77, 9).build(400);
        Sender::open(Lab::TX).send(&[&frame], 3);
        let mut batch = Batch::new(64, 0);
        while batch.len() < 3 {
            if let Ok(Fetch::Frames(burst)) = source.next_burst() {
                for index in 0..burst.len() {
                    batch.push_shared(&burst, index).expect("room");
                }
            }
        }
        drop(source);
        for kept in batch.burst().frames() {
            assert_eq!(kept.data, frame);
        }
    });
}

#[test]
fn when_all_memory_is_on_loan_the_kernel_s_drops_say_so_and_it_goes_on_afterwards() {
    if !may_run_privileged() {
        return;
    }
    for mode in MODES {
        let lab = Lab::new();
        lab.run(|| {
            let mut source = open(&AfXdpConfig {
                ring: 64,
                frames: 128,
                ..config(mode)
            });
            let sender = Sender::open(Lab::TX);
            let frames = [Packet::udp4(A, B, 1, 2).build(60)];
            let mut batch = Batch::new(128, 0);
            while batch.len() < 128 {
                sender.send(&frames, 16);
                if let Ok(Fetch::Frames(burst)) = source.next_burst() {
                    for index in 0..burst.len() {
                        let _ = batch.push_shared(&burst, index);
                    }
                }
            }
            sender.send(&frames, 32);
            until(
                || source.counters().kernel_drops >= Some(32),
                "the kernel has no chunk for them",
            );
            let mut loans = Vec::new();
            batch.clear();
            batch.settle(&mut loans);
            assert_eq!(loans.len(), 128);
            source.take_back(&mut loans);
            let wire = source.counters().wire.expect("known");
            sender.send(&frames, 32);
            settle(&mut source, wire + 32);
            let counters = finish(&mut source);
            assert!(counters.kernel_drops >= Some(32), "{mode:?}: {counters:?}");
            assert!(counters.delivered >= 128 + 32, "{mode:?}: {counters:?}");
            assert_eq!(source.chunks_with_kernel(), 128);
        });
    }
}
