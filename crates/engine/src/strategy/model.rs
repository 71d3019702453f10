//! The steps of [`super::doze`] and [`super::bell`], run through every interleaving of their threads by loom.
//!
//! The sleep of the model has no time limit: a wake-up that is lost is a thread that nobody wakes, which loom reports as a deadlock. To show that it would,
//! the last tests leave a step out.

use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::bell::{Flag, Word};
use super::doze::{Sleepy, doze};

impl Word for AtomicU8 {
    fn awake() -> Self {
        AtomicU8::new(0)
    }

    fn load(&self) -> u8 {
        self.load(Ordering::Relaxed)
    }

    fn store(&self, value: u8) {
        self.store(value, Ordering::Relaxed);
    }

    fn swap(&self, value: u8) -> u8 {
        self.swap(value, Ordering::AcqRel)
    }

    fn exchange(&self, from: u8, to: u8) -> bool {
        self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    fn fence() {
        fence(Ordering::SeqCst);
    }
}

/// What poll(2) sleeps on: whether the bell's descriptor and the receive interrupt's are readable.
#[derive(Default)]
struct Descriptors {
    bell: bool,
    interrupt: bool,
}

struct Machine {
    flag: Flag<AtomicU8>,
    descriptors: Mutex<Descriptors>,
    readable: Condvar,
    /// Parcels in the lane, ever.
    lane: AtomicUsize,
    /// Frames in the NIC's ring, ever.
    ring: AtomicUsize,
    /// The receive interrupt is switched on.
    armed: AtomicBool,
}

impl Machine {
    fn new() -> Arc<Machine> {
        Arc::new(Machine {
            flag: Flag::new(),
            descriptors: Mutex::new(Descriptors::default()),
            readable: Condvar::new(),
            lane: AtomicUsize::new(0),
            ring: AtomicUsize::new(0),
            armed: AtomicBool::new(false),
        })
    }

    /// Another worker hands something over, as `LaneOut::send` does.
    fn hand_over(&self) {
        self.lane.fetch_add(1, Ordering::Release);
        if self.flag.knock() {
            self.descriptors.lock().unwrap().bell = true;
            self.readable.notify_one();
        }
    }

    /// The NIC receives a frame: into the ring, then the interrupt if it is on. Hardware orders the two (the device's write and its message).
    fn receive(&self) {
        self.ring.fetch_add(1, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.armed.load(Ordering::Relaxed) {
            self.descriptors.lock().unwrap().interrupt = true;
            self.readable.notify_one();
        }
    }
}

/// For the larger models, so that they take seconds: a wake-up is lost, if it is, by two or three switches at the wrong places.
const BOUND: Option<usize> = Some(3);

/// Which step is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    LookAfterArming,
    LookAfterFlag,
}

struct Worker {
    machine: Arc<Machine>,
    taken_lane: usize,
    taken_ring: usize,
    without: Without,
}

impl Worker {
    fn poll(&mut self) -> bool {
        let lane = self.machine.lane.load(Ordering::Acquire);
        let ring = self.machine.ring.load(Ordering::Acquire);
        let found = (lane, ring) != (self.taken_lane, self.taken_ring);
        (self.taken_lane, self.taken_ring) = (lane, ring);
        found
    }
}

impl Sleepy for Worker {
    fn arm(&mut self) -> Option<Duration> {
        self.machine.armed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let there = self.machine.ring.load(Ordering::Acquire) != self.taken_ring;
        (self.without == Without::LookAfterArming || !there).then_some(Duration::MAX)
    }

    fn has_news(&self) -> bool {
        self.without != Without::LookAfterFlag
            && self.machine.lane.load(Ordering::Acquire) != self.taken_lane
    }

    fn sleep(&mut self, _most: Duration) {
        let mut descriptors = self.machine.descriptors.lock().unwrap();
        while !descriptors.bell && !descriptors.interrupt {
            descriptors = self.machine.readable.wait(descriptors).unwrap();
        }
    }

    fn hush(&mut self, _rung: bool) {
        self.machine.descriptors.lock().unwrap().bell = false;
    }

    fn disarm(&mut self) {
        self.machine.armed.store(false, Ordering::Relaxed);
        self.machine.descriptors.lock().unwrap().interrupt = false;
    }
}

/// A worker that sleeps whenever it finds nothing, until it has had so many frames and parcels.
fn work(machine: &Arc<Machine>, parcels: usize, frames: usize, without: Without) {
    let mut worker = Worker {
        machine: Arc::clone(machine),
        taken_lane: 0,
        taken_ring: 0,
        without,
    };
    while worker.taken_lane < parcels || worker.taken_ring < frames {
        if !worker.poll() {
            doze(&machine.flag, &mut worker);
        }
    }
}

/// Every interleaving; or, if `switches` says so, those in which threads are interrupted at most so often.
fn check(parcels: &'static [usize], frames: usize, switches: Option<usize>, without: Without) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = switches;
    model.check(move || {
        let machine = Machine::new();
        let mut others = Vec::new();
        for count in parcels {
            let machine = Arc::clone(&machine);
            others.push(thread::spawn(move || {
                for _ in 0..*count {
                    machine.hand_over();
                }
            }));
        }
        if frames > 0 {
            let machine = Arc::clone(&machine);
            others.push(thread::spawn(move || {
                for _ in 0..frames {
                    machine.receive();
                }
            }));
        }
        work(&machine, parcels.iter().sum(), frames, without);
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn no_hand_over_is_left_while_its_worker_sleeps() {
    check(&[1], 0, None, Without::Nothing);
    check(&[2], 0, BOUND, Without::Nothing);
}

#[test]
fn no_hand_over_of_two_senders_is_left() {
    check(&[1, 1], 0, BOUND, Without::Nothing);
}

#[test]
fn no_frame_is_left_while_its_worker_sleeps() {
    check(&[], 1, None, Without::Nothing);
    check(&[], 2, BOUND, Without::Nothing);
}

#[test]
fn frames_and_hand_overs_at_once() {
    check(&[1], 1, BOUND, Without::Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_model_finds_the_frame_that_came_before_the_interrupt_was_on() {
    check(&[], 1, None, Without::LookAfterArming);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_model_finds_the_hand_over_that_came_before_the_flag_was_set() {
    check(&[1], 0, None, Without::LookAfterFlag);
}
