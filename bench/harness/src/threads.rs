//! Two workers on packets that were divided beforehand: what a second core adds, for Portreeve and for the floor.

use std::io;
use std::sync::Barrier;

use portreeve_floor::Floor;

use crate::clock::{median, pin};
use crate::shape::{Mix, Popularity, Shape};
use crate::subject::Subject;
use crate::synthetic::{Effort, MEMORY_PER_FLOW, floor_pass};
use crate::traffic::Traffic;

/// One worker's share, and what works on it.
struct Share {
    traffic: Traffic,
    floor: Floor,
    subject: Subject,
}

impl Share {
    fn new(partition: u8, flows: u32, frames: usize) -> io::Result<Share> {
        let traffic = Traffic::new(
            Shape {
                mix: Mix::Small,
                popularity: Popularity::Uniform,
                flows,
                seed: 1,
                partition,
            },
            frames,
        )?;
        let mut floor = Floor::new(flows as usize)?;
        let memory = (flows as usize * MEMORY_PER_FLOW).max(8 << 20);
        let mut subject = Subject::new(memory).map_err(io::Error::other)?;
        traffic.open(|packets| {
            floor.run(packets);
            subject.pass::<false>(packets);
        })?;
        Ok(Share {
            traffic,
            floor,
            subject,
        })
    }
}

/// Packets a nanosecond of all shares together: the floor's or Portreeve's, one thread a share.
///
/// By each thread's CPU time, which holds what the cores cost each other (shared cache and memory) and not what other programs took.
fn rate(shares: &mut [Share], of_floor: bool) -> f64 {
    let barrier = Barrier::new(shares.len());
    let times: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = shares
            .iter_mut()
            .enumerate()
            .map(|(cpu, share)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    pin(cpu);
                    barrier.wait();
                    if of_floor {
                        floor_pass(&mut share.floor, &share.traffic)
                    } else {
                        let cost = share.subject.pass::<false>(share.traffic.packets());
                        share.traffic.next_pass();
                        cost.total
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    times.iter().map(|ns| 1.0 / ns).sum()
}

/// Measures and prints.
///
/// # Errors
/// Want of memory.
pub fn table(effort: Effort, workers: usize) -> io::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < workers {
        println!("{workers} workers: left out, this machine has {cores} core(s)");
        return Ok(());
    }
    let flows = 1_000_000 / workers as u32;
    let mut shares = (0..workers)
        .map(|worker| Share::new(worker as u8, flows, effort.frames(flows)))
        .collect::<io::Result<Vec<_>>>()?;
    let (mut floor, mut portreeve, mut relative) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let mut gain = |of_floor| {
            let one = rate(&mut shares[..1], of_floor);
            rate(&mut shares, of_floor) / one
        };
        let (of_floor, of_portreeve) = (gain(true), gain(false));
        if round > 0 {
            floor.push(of_floor);
            portreeve.push(of_portreeve);
            relative.push(of_portreeve / of_floor);
        }
    }
    println!(
        "{workers} workers on packets divided beforehand (64B, 1M flows in all, uniform): portreeve gains x{:.2}, the floor x{:.2}; portreeve's gain is {:.2} of the floor's",
        median(&portreeve),
        median(&floor),
        median(&relative)
    );
    Ok(())
}
