//! The steps of a reader, its workers and two outputs, through all their interleavings: that none waits for ever, and that records come in order.
//!
//! Rings, stamps, floors and [`Merge`] are the real ones; lanes, and the waiting, are played. A state in which nobody can do anything, before all is shown, is a deadlock. To
//! show that it would be found, the last test leaves out a step.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portreeve_record::{Record, Uid, Weird, When};
use rtrb::{Consumer, Producer, RingBuffer};

use super::Merge;
use crate::order::{Floor, Stamp, Stamper};

const WORKERS: usize = 2;
const OUTPUTS: usize = 2;

/// A frame: when it comes, to which worker, and the times of the records that it makes there.
type Frame = (i64, usize, &'static [i64]);

/// A run that is played.
#[derive(Clone, Copy)]
struct Play {
    frames: &'static [Frame],
    /// When the flows began that each worker has at the end.
    left: [&'static [i64]; WORKERS],
    /// Parcels on the way to a worker.
    lane: usize,
    /// Records in a ring.
    ring: usize,
    /// The reader tells the others the time before it waits.
    tells: bool,
}

/// What a worker is to do next, one behind the other.
enum Todo {
    Make(When),
    Push(i64, Stamp, usize),
    Raise,
}

struct Worker {
    lane: VecDeque<(i64, &'static [i64])>,
    told: i64,
    stamper: Stamper,
    rings: Vec<Producer<Record>>,
    todo: VecDeque<Todo>,
    ended: bool,
}

struct Output {
    rings: Vec<Consumer<Record>>,
    merge: Merge,
    shown: Vec<i64>,
}

struct Machine {
    play: Play,
    read: usize,
    workers: Vec<Option<Worker>>,
    outputs: Vec<Output>,
}

fn record(at: i64) -> Record {
    Record::Weird(Weird {
        ts: at,
        uid: Some(Uid([0, 0, at as u32])),
        endpoints: None,
        name: "",
        addl: None,
        source: portreeve_record::SourceId(0),
    })
}

impl Machine {
    fn new(play: Play) -> Machine {
        let floors: Vec<_> = (0..WORKERS).map(|_| Arc::new(Floor::new())).collect();
        let mut ends: Vec<(Vec<_>, Vec<_>)> = floors.iter().map(|_| Default::default()).collect();
        let outputs = (0..OUTPUTS).map(|_| {
            let (mut rings, mut sides) = (Vec::new(), Vec::new());
            for ((records, stamps), floor) in ends.iter_mut().zip(&floors) {
                let (producer, consumer) = RingBuffer::new(play.ring);
                records.push(producer);
                rings.push(consumer);
                let (producer, consumer) = RingBuffer::new(play.ring);
                stamps.push(producer);
                sides.push((consumer, Arc::clone(floor)));
            }
            Output {
                rings,
                merge: Merge::new(sides, play.ring, Arc::new(AtomicBool::new(false))),
                shown: Vec::new(),
            }
        });
        let outputs = outputs.collect();
        let workers = ends
            .into_iter()
            .zip(floors)
            .map(|((rings, stamps), floor)| {
                Some(Worker {
                    lane: VecDeque::new(),
                    told: i64::MIN,
                    stamper: Stamper::new(floor, stamps),
                    rings,
                    todo: VecDeque::new(),
                    ended: false,
                })
            });
        Machine {
            play,
            read: 0,
            workers: workers.collect(),
            outputs,
        }
    }

    /// The reader, the workers, the outputs: one does a step, if it can.
    fn step(&mut self, actor: usize) -> bool {
        match actor {
            0 => self.read(),
            actor if actor <= WORKERS => self.work(actor - 1),
            actor => self.show(actor - 1 - WORKERS),
        }
    }

    fn read(&mut self) -> bool {
        let Some(&(now, to, records)) = self.play.frames.get(self.read) else {
            return false;
        };
        let most = self.play.lane;
        if let Some(worker) = &mut self.workers[to]
            && worker.lane.len() < most
        {
            worker.lane.push_back((now, records));
            worker.told = now;
            self.read += 1;
            return true;
        }
        if !self.play.tells {
            return false;
        }
        let mut told = false;
        for worker in self.workers.iter_mut().flatten() {
            if worker.lane.is_empty() && worker.told != now {
                worker.lane.push_back((now, &[]));
                worker.told = now;
                told = true;
            }
        }
        told
    }

    fn work(&mut self, number: usize) -> bool {
        let all_read = self.read == self.play.frames.len();
        let Some(worker) = &mut self.workers[number] else {
            return false;
        };
        match worker.todo.pop_front() {
            Some(Todo::Make(when)) => {
                let at = if when.at == i64::MAX {
                    when.then
                } else {
                    when.at
                };
                let stamp = worker.stamper.stamp(&record(at), when);
                for output in (0..OUTPUTS).rev() {
                    worker.todo.push_front(Todo::Push(at, stamp, output));
                }
            }
            Some(Todo::Push(at, stamp, output)) => {
                if worker.rings[output].is_full() {
                    worker.todo.push_front(Todo::Push(at, stamp, output));
                    return false;
                }
                worker.stamper.put(output, stamp);
                worker.rings[output].push(record(at)).unwrap();
            }
            Some(Todo::Raise) => worker.stamper.raise(),
            None if worker.ended => self.workers[number] = None,
            None => match worker.lane.pop_front() {
                Some((now, records)) => {
                    worker.stamper.expect(now, std::iter::once(now));
                    let records = records.iter().map(|at| Todo::Make(When::packet(*at)));
                    worker.todo.extend(records);
                    worker.todo.push_back(Todo::Raise);
                }
                None if all_read => {
                    worker.stamper.end();
                    let left = self.play.left[number].iter();
                    worker
                        .todo
                        .extend(left.map(|start| Todo::Make(When::end(*start))));
                    worker.ended = true;
                }
                None => return false,
            },
        }
        true
    }

    fn show(&mut self, number: usize) -> bool {
        let Output {
            rings,
            merge,
            shown,
        } = &mut self.outputs[number];
        let ready = merge.is_ready(rings);
        let taken = merge.drain(rings, &mut |record| match record {
            Record::Weird(weird) => shown.push(weird.ts),
            _ => unreachable!(),
        });
        assert!(taken == 0 || ready, "it would have slept");
        taken > 0
    }

    fn is_finished(&self) -> bool {
        let gone = self.workers.iter().all(Option::is_none);
        let empty = |output: &Output| output.rings.iter().all(Consumer::is_empty);
        gone && self.outputs.iter().all(empty)
    }

    /// All that decides how it goes on.
    fn state(&self) -> Vec<i64> {
        let mut state = vec![self.read as i64];
        for worker in &self.workers {
            let Some(worker) = worker else {
                state.push(-1);
                continue;
            };
            let mut numbers = vec![worker.lane.len() as i64, worker.told];
            numbers.extend([worker.todo.len() as i64, i64::from(worker.ended)]);
            numbers.extend(worker.lane.iter().map(|(now, _)| *now));
            state.extend(numbers);
        }
        for output in &self.outputs {
            state.push(i64::MIN);
            state.extend(&output.shown);
            state.extend(output.rings.iter().map(|ring| ring.slots() as i64));
        }
        state
    }
}

/// Goes through all interleavings. In how many ends nothing goes on before all is shown; and everything that outputs saw, in its order.
fn explore(play: Play) -> (usize, HashSet<Vec<i64>>) {
    let (mut seen, mut stuck, mut shown) = (HashSet::new(), 0, HashSet::new());
    let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(way) = ways.pop() {
        let mut ended = true;
        for actor in 0..1 + WORKERS + OUTPUTS {
            // What is in the rings cannot be copied: each way is gone again from its beginning.
            let mut machine = Machine::new(play);
            for step in &way {
                assert!(machine.step(*step));
            }
            if machine.is_finished() {
                shown.extend(machine.outputs.into_iter().map(|output| output.shown));
                ended = false;
                break;
            }
            if machine.step(actor) {
                ended = false;
                if seen.insert(machine.state()) {
                    ways.push(way.iter().copied().chain([actor]).collect());
                }
            }
        }
        stuck += usize::from(ended);
    }
    (stuck, shown)
}

/// Few packets for the second worker, much to say for the first; and what was due is made behind what came later.
const PLAY: Play = Play {
    frames: &[
        (10, 0, &[10]),
        (20, 1, &[20, 15]),
        (30, 0, &[30]),
        (40, 0, &[40]),
    ],
    left: [&[11, 13], &[12]],
    lane: 1,
    ring: 3,
    tells: true,
};

#[test]
fn records_come_in_one_order_whoever_is_slow() {
    let (stuck, shown) = explore(PLAY);
    assert_eq!(stuck, 0);
    let in_order = vec![10, 15, 20, 30, 40, 11, 12, 13];
    assert_eq!(shown, HashSet::from([in_order]));
}

#[test]
fn full_rings_and_lanes_hold_nobody_up() {
    // All of one time, the other worker has nothing, what a frame makes fills the ring.
    let frames: &[Frame] = &[(10, 0, &[10, 10]), (10, 0, &[9, 10]), (10, 0, &[10])];
    for ring in 1..3 {
        let (stuck, shown) = explore(Play {
            frames,
            left: [&[1, 2, 3], &[2]],
            ring,
            ..PLAY
        });
        assert_eq!(stuck, 0, "rings of {ring}");
        assert!(shown.iter().all(|shown| shown.len() == 9));
    }
}

#[test]
fn a_reader_that_does_not_tell_the_time_would_hold_all_up() {
    let play = Play {
        frames: &[(10, 0, &[10]), (20, 0, &[20]), (30, 0, &[30]), (40, 0, &[])],
        left: [&[], &[]],
        ring: 1,
        ..PLAY
    };
    assert_eq!(explore(play).0, 0);
    let silent = Play {
        tells: false,
        ..play
    };
    assert!(explore(silent).0 > 0);
}
