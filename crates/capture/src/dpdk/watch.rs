//! What is read off the hot path: a port's counters ten times a second, its link and whether it is still there once a second.
//!
//! One thread for all ports of the process. Reading a NIC's counters can be a hundred register reads of a microsecond each, longer than its
//! ring holds out at line rate: a worker never does it while frames come.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portreeve_dpdk_sys as sys;

use super::books::{self, PortBooks};
use crate::privileges;

const TICK: Duration = Duration::from_millis(100);
/// Ticks between two looks at the link.
const LOOK_AT_LINK: u32 = 10;
/// The most notices kept until somebody takes them.
const MOST_NOTICES: usize = 32;

/// A counter on cache lines of its own: its writer shares none with another's.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct Lent(pub(super) AtomicU64);

/// What is known of a port: written by the watching thread, read by its sources.
pub(super) struct PortState {
    id: u16,
    /// As the user named it.
    name: String,
    loses_without_buffer: bool,
    start: sys::pr_port_stats,
    packets: AtomicU64,
    missed: AtomicU64,
    errors: AtomicU64,
    /// The port's counters stay as they are: it is being drained.
    frozen: AtomicBool,
    /// Frames that may still be lent while it is drained; NICs only.
    budget: AtomicI64,
    /// Frames that each source was lent; written by that source alone.
    pub(super) lent: Box<[Lent]>,
    /// Sources that have not ended.
    pub(super) running: AtomicU32,
    /// The most that all rings together hold.
    room: u64,
    /// Set by libdpdk, through its address.
    removal: Box<AtomicU32>,
    gone: AtomicBool,
    up: AtomicBool,
    /// Mbit/s; 0: unknown.
    speed: AtomicU32,
    /// The kernel's interface that it stands on, and its number.
    interface: Option<(CString, u32)>,
    notices: Mutex<Vec<String>>,
    /// Whether libdpdk may still be asked about the port.
    open: Mutex<bool>,
}

/// What a port's state begins with.
pub(super) struct Beginning<'a> {
    pub(super) id: u16,
    pub(super) name: &'a str,
    pub(super) loses_without_buffer: bool,
    pub(super) queues: usize,
    pub(super) room: u64,
    pub(super) interface: Option<&'a str>,
}

impl PortState {
    /// The state of a port that was just started: what it counted before is not ours.
    pub(super) fn new(beginning: &Beginning<'_>) -> Arc<PortState> {
        let interface = beginning.interface.and_then(|name| {
            let name = CString::new(name).ok()?;
            // SAFETY: the name ends with a zero byte and is there for the call.
            let number = unsafe { libc::if_nametoindex(name.as_ptr()) };
            (number != 0).then_some((name, number))
        });
        let state = Arc::new(PortState {
            id: beginning.id,
            name: beginning.name.to_owned(),
            loses_without_buffer: beginning.loses_without_buffer,
            start: read_stats(beginning.id).unwrap_or_default(),
            packets: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            frozen: AtomicBool::new(false),
            budget: AtomicI64::new(i64::MAX),
            lent: (0..beginning.queues).map(|_| Lent::default()).collect(),
            running: AtomicU32::new(beginning.queues as u32),
            room: beginning.room,
            removal: Box::new(AtomicU32::new(0)),
            gone: AtomicBool::new(false),
            up: AtomicBool::new(false),
            speed: AtomicU32::new(0),
            interface,
            notices: Mutex::new(Vec::new()),
            open: Mutex::new(true),
        });
        // SAFETY: the flag stays where it is until `close`, which forgets it. Drivers that never tell refuse, and that is all.
        unsafe { sys::pr_on_removal(state.id, state.removal.as_ptr()) };
        state.look_at_link(false);
        state
    }

    /// Hands the state to the watching thread.
    pub(super) fn watch(self: &Arc<Self>) {
        static WATCHED: Mutex<Vec<Arc<PortState>>> = Mutex::new(Vec::new());
        static STARTED: AtomicBool = AtomicBool::new(false);
        WATCHED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(self));
        if STARTED.swap(true, Ordering::AcqRel) {
            return;
        }
        let thread = std::thread::Builder::new()
            .name("dpdk-watch".into())
            .spawn(|| {
                // It reads counters; for that it needs no privilege.
                privileges::drop_of_this_thread();
                let mut tick = 0u32;
                loop {
                    std::thread::sleep(TICK);
                    tick = tick.wrapping_add(1);
                    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
                    watched.retain(|state| state.tick(tick.is_multiple_of(LOOK_AT_LINK)));
                }
            });
        if let Err(error) = thread {
            STARTED.store(false, Ordering::Release);
            self.notice(format!(
                "{}: no thread for its counters ({error}): they are read at the end only",
                self.name
            ));
        }
    }

    /// One look; `false` once the port is closed.
    fn tick(&self, at_link: bool) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if *open && !self.is_gone() {
            self.read();
            if at_link {
                self.look_at_link(true);
                self.look_at_interface();
            }
        }
        *open
    }

    /// Reads the counters now, unless they are frozen.
    pub(super) fn refresh(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if *open {
            self.read();
        }
    }

    fn read(&self) {
        if self.frozen.load(Ordering::Acquire) {
            return;
        }
        let Some(now) = read_stats(self.id) else {
            return;
        };
        let (packets, missed, errors) = books::since(&self.start, &now, self.loses_without_buffer);
        // A device that is going away reads as anything: what was counted does not become less.
        self.packets.fetch_max(packets, Ordering::Relaxed);
        self.missed.fetch_max(missed, Ordering::Relaxed);
        self.errors.fetch_max(errors, Ordering::Relaxed);
    }

    /// Fixes what has arrived: what comes from here on is not ours any more. The first call counts.
    pub(super) fn freeze(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.frozen.load(Ordering::Acquire) {
            return;
        }
        if *open {
            self.read();
        }
        self.frozen.store(true, Ordering::Release);
        let lent: u64 = self
            .lent
            .iter()
            .map(|lent| lent.0.load(Ordering::Relaxed))
            .sum();
        let waiting = self.packets.load(Ordering::Relaxed).saturating_sub(lent);
        self.budget.store(waiting as i64, Ordering::Release);
    }

    /// Of `frames` that were fetched after [`PortState::freeze`], how many arrived before it.
    pub(super) fn within_budget(&self, frames: usize) -> usize {
        let before = self.budget.fetch_sub(frames as i64, Ordering::AcqRel);
        before.clamp(0, frames as i64) as usize
    }

    /// Whether everything that arrived before [`PortState::freeze`] was lent.
    pub(super) fn is_used_up(&self) -> bool {
        self.budget.load(Ordering::Acquire) <= 0
    }

    /// The port's side of the books, for the source of queue `keeper`.
    pub(super) fn books(&self, keeper: usize) -> PortBooks {
        let others = self
            .lent
            .iter()
            .enumerate()
            .filter(|(queue, _)| *queue != keeper);
        PortBooks {
            packets: self.packets.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            lent_to_others: others.map(|(_, lent)| lent.0.load(Ordering::Relaxed)).sum(),
            room: self.room,
        }
    }

    /// Whether the device was removed.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || self.is_removed()
    }

    /// Whether EAL was told that the device is taken away.
    pub(super) fn is_removed(&self) -> bool {
        self.removal.load(Ordering::Acquire) != 0
    }

    /// Whether there is a link.
    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// The link's rate in Mbit/s, if it is known.
    pub(super) fn megabits(&self) -> Option<u32> {
        // Drivers that do not know say all ones.
        Some(self.speed.load(Ordering::Relaxed)).filter(|&speed| speed != 0 && speed != u32::MAX)
    }

    /// Keeps a line for whoever takes the notices.
    pub(super) fn notice(&self, line: String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() < MOST_NOTICES {
            notices.push(line);
        }
    }

    /// The notices since this was last asked.
    pub(super) fn take_notices(&self) -> Vec<String> {
        match self.notices.try_lock() {
            Ok(mut notices) => std::mem::take(&mut *notices),
            // The next time will do: a worker waits for nobody.
            Err(_) => Vec::new(),
        }
    }

    fn look_at_link(&self, tell: bool) {
        let (mut megabits, mut up) = (0u32, 0u8);
        // SAFETY: the port is open, and both places are there for the call.
        if unsafe { sys::pr_link(self.id, &raw mut megabits, &raw mut up) } != 0 {
            return;
        }
        let up = up != 0;
        let was = self.up.swap(up, Ordering::Relaxed);
        self.speed.store(megabits, Ordering::Relaxed);
        if tell && was != up {
            let state = match (up, self.megabits()) {
                (true, Some(megabits)) => format!("the link is up ({megabits} Mbit/s)"),
                (true, None) => "the link is up".to_owned(),
                (false, _) => "the link is down: nothing arrives until it is up again".to_owned(),
            };
            self.notice(format!("{}: {state}", self.name));
        }
    }

    /// Virtual devices are not told when the interface that they stand on goes.
    fn look_at_interface(&self) {
        if let Some((name, number)) = &self.interface {
            // SAFETY: the name ends with a zero byte and is there for the call.
            if unsafe { libc::if_nametoindex(name.as_ptr()) } != *number {
                self.gone.store(true, Ordering::Relaxed);
            }
        }
    }

    /// From here on nobody asks libdpdk about the port.
    pub(super) fn close(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *open, false) {
            // SAFETY: the same flag as was registered. While a call-back runs it is refused; the flag stays until nobody holds the state.
            unsafe { sys::pr_forget_removal(self.id, self.removal.as_ptr()) };
        }
    }
}

fn read_stats(port: u16) -> Option<sys::pr_port_stats> {
    let mut stats = sys::pr_port_stats::default();
    // SAFETY: the port is open, and the structure is there for the call.
    (unsafe { sys::pr_port_stats(port, &raw mut stats) } == 0).then_some(stats)
}
