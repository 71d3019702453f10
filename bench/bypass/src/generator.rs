//! The generator: sends conversations through a port, at a rate, and counts what the port refused.
//!
//! It is paced by the processor's counter, a burst at a time. When something kept it from sending in time (an interrupt, another program), it catches up, at a
//! rate a twentieth above the one asked for: a little harder on the receiver than a wire, which never sends faster, but the mean is then the rate that was asked for.

use std::ffi::CString;
use std::ptr::null_mut;

use portreeve_bench::clock::pin;
use portreeve_capture::scheduling::{self, Policy};
use portreeve_dpdk_sys as sys;

use crate::conversations::{Conversations, FRAME, OPENING, WRITTEN};
use crate::{Outcome, fail};

/// Frames offered at a time.
const BURST: usize = 32;
/// The least time between two bursts, of what it is at the rate asked for.
const CATCHING_UP: f64 = 0.95;
/// Conversations are opened at this rate, packets a second, so that no receiver loses any of it.
const OPENING_RATE: f64 = 500_000.0;

/// How a trial is run.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Packets a second; 0: as fast as the port takes them, those that it refuses offered again.
    pub rate: f64,
    /// For how long.
    pub seconds: f64,
}

/// What a trial sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// Packets offered to the port.
    pub offered: u64,
    /// Those of them that it did not take.
    pub refused: u64,
    /// How long it took, nanoseconds.
    pub nanoseconds: u64,
    /// The most that the generator was behind its schedule, nanoseconds.
    pub behind: u64,
}

impl Sent {
    /// Packets offered a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.offered as f64 / self.nanoseconds.max(1) as f64 * 1e9
    }
}

/// Sends through queue 0 of a port. It has to be used on the thread that made it.
pub struct Generator {
    port: u16,
    pool: *mut sys::rte_mempool,
    conversations: Conversations,
    ticks_a_ns: f64,
}

/// When bursts are due, in ticks.
struct Schedule {
    /// A packet.
    ticks: f64,
    due: f64,
    last: u64,
    /// The most that one was late by.
    late: u64,
}

impl Schedule {
    fn new(ticks: f64) -> Schedule {
        let now = ticks_now();
        Schedule {
            ticks,
            due: now as f64,
            last: now,
            late: 0,
        }
    }

    /// Waits until so many packets may be sent.
    #[inline]
    fn wait(&mut self, packets: usize) {
        let burst = self.ticks * packets as f64;
        let due = self.due as u64;
        let mut now = ticks_now();
        self.late = self.late.max(now.saturating_sub(due));
        let until = due.max(self.last + (burst * CATCHING_UP) as u64);
        while now < until {
            std::hint::spin_loop();
            now = ticks_now();
        }
        self.last = now;
        self.due += burst;
    }
}

/// The processor's counter.
#[inline]
fn ticks_now() -> u64 {
    // SAFETY: it reads the counter.
    unsafe { sys::pr_cycles() }
}

impl Generator {
    /// A generator on the calling thread, which stays on `cpu` from now on. Up to `places` packets stand in the port's ring.
    ///
    /// # Errors
    /// There is no memory for its packet buffers, or no such device.
    pub fn new(
        device: &str,
        conversations: Conversations,
        places: u16,
        cpu: usize,
    ) -> Outcome<Generator> {
        let name = CString::new(device).unwrap_or_default();
        let mut port = 0u16;
        // SAFETY: EAL runs, since the port was opened; the name and the number are there for the call.
        if unsafe { sys::pr_port_of(name.as_ptr(), &raw mut port) } != 0 {
            return fail(format!("{device} has gone"));
        }
        pin(cpu);
        // Not real-time as the receiver is, so that what else there is to do on the machine is done on this core: it can catch up, the receiver's
        // ring overflows. Not granted everywhere; the trial shows what the others took.
        let _ = scheduling::set(Policy::Nice(-20));
        // What the ring holds, a burst at the receiver, caches at both ends; more would only be more lines to go round.
        let buffers = 2 * u32::from(places) - 1;
        let pool_name = CString::new(format!("send-{device}")).unwrap_or_default();
        // SAFETY: EAL runs; the name is there for the call. Registering gives this thread a cache of buffers; if it is refused, all works, slower.
        let pool = unsafe {
            sys::rte_thread_register();
            sys::rte_pktmbuf_pool_create(pool_name.as_ptr(), buffers, 256, 0, 2048 + 128, -1)
        };
        if pool.is_null() {
            return fail("no room for the generator's packet buffers: more huge pages are needed");
        }
        // SAFETY: EAL runs.
        let hertz = unsafe { sys::rte_get_tsc_hz() };
        Ok(Generator {
            port,
            pool,
            conversations,
            ticks_a_ns: hertz as f64 / 1e9,
        })
    }

    /// Opens all conversations by handshakes, slowly; what the port refuses is offered again.
    pub fn open(&mut self) {
        let mut schedule = Schedule::new(self.ticks_a_ns * 1e9 / OPENING_RATE);
        let count = self.conversations.count();
        for first in (0..count).step_by(BURST) {
            for step in 0..OPENING {
                let mut numbers = first..(first + BURST).min(count);
                schedule.wait(numbers.len());
                let wanted = numbers.len();
                self.burst(wanted, true, |conversations, frame| {
                    if let Some(number) = numbers.next() {
                        conversations.open(number, step, frame);
                    }
                });
            }
        }
    }

    /// Runs a trial.
    pub fn run(&mut self, order: Order) -> Sent {
        let mut sent = Sent::default();
        let paced = order.rate > 0.0;
        let mut schedule = Schedule::new(self.ticks_a_ns * 1e9 / order.rate.max(1.0));
        let begun = ticks_now();
        let until = begun + (order.seconds * 1e9 * self.ticks_a_ns) as u64;
        loop {
            if paced {
                schedule.wait(BURST);
            }
            let taken = self.burst(BURST, !paced, |conversations, frame| {
                conversations.next(frame);
            });
            sent.offered += BURST as u64;
            if taken < BURST {
                sent.refused += (BURST - taken) as u64;
                self.conversations.back(BURST - taken);
            }
            let now = ticks_now();
            if now >= until {
                sent.nanoseconds = ((now - begun) as f64 / self.ticks_a_ns) as u64;
                sent.behind = (schedule.late as f64 / self.ticks_a_ns) as u64;
                return sent;
            }
        }
    }

    /// Writes and sends so many packets; how many of them the port took.
    #[inline]
    fn burst(
        &mut self,
        wanted: usize,
        again: bool,
        mut write: impl FnMut(&mut Conversations, &mut [u8; WRITTEN]),
    ) -> usize {
        let mut mbufs = [null_mut::<sys::rte_mbuf>(); BURST];
        let wanted = wanted.min(BURST);
        // SAFETY: room for so many pointers.
        while unsafe { sys::pr_alloc_bulk(self.pool, mbufs.as_mut_ptr(), wanted as u32) } != 0 {
            // All buffers are on their way. An empty burst has the port look for those that are done.
            // SAFETY: no frame is passed.
            unsafe { sys::pr_tx_burst(self.port, 0, mbufs.as_mut_ptr(), 0) };
            if !again {
                for _ in 0..wanted {
                    write(&mut self.conversations, &mut [0; WRITTEN]);
                }
                return 0;
            }
            std::hint::spin_loop();
        }
        for mbuf in mbufs.iter().take(wanted) {
            // SAFETY: a buffer that is ours alone, with room for 2048 bytes; bytes of any value are an array.
            let frame =
                unsafe { &mut *sys::pr_frame_of(*mbuf, FRAME as u16).cast::<[u8; WRITTEN]>() };
            write(&mut self.conversations, frame);
        }
        let mut taken = 0;
        loop {
            // SAFETY: the rest of the frames, which are ours until the port takes them.
            taken += usize::from(unsafe {
                sys::pr_tx_burst(
                    self.port,
                    0,
                    mbufs.as_mut_ptr().add(taken),
                    (wanted - taken) as u16,
                )
            });
            if taken >= wanted || !again {
                break;
            }
            std::hint::spin_loop();
        }
        if taken < wanted {
            // SAFETY: those were not taken and are still ours.
            unsafe {
                sys::rte_pktmbuf_free_bulk(mbufs.as_mut_ptr().add(taken), (wanted - taken) as u32);
            };
        }
        taken
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // What is still on its way needs the buffers: they stay. The thread is an ordinary one again.
        let _ = scheduling::set(Policy::Normal);
    }
}
