//! The source: bursts out of a queue's ring, the wait, the end.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use portreeve_dpdk_sys as sys;
use portreeve_dpdk_sys::mbuf;
use portreeve_packet::steer::Spreading;
use portreeve_packet::{LinkType, VlanTag};

use super::books::{self, Kind};
use super::eal;
use super::interrupt::{Finding, Interrupt, Sleep};
use super::pool::Pool;
use super::port::Port;
use super::rss::{Verdict, Verifier};
use super::stamps::{NicClock, Stamps};
use crate::burst::{Buffers, Burst, Loan, MAX_BURST, Region};
use crate::counters::SourceCounters;
use crate::error::CaptureError;
use crate::frame::{ChecksumStatus, RawFrame};
use crate::source::{Armed, Fetch, Source, SourceInfo, Wake};

/// Room for the frames of a burst that span several buffers. A burst that has more of them is cut in two.
const CHAINED_ROOM: usize = 256 << 10;
/// How long a NIC gets, after the stop, to bring what it has counted into the ring.
const SETTLE: Duration = Duration::from_millis(50);
/// How long the source that keeps the port's books waits for the others to end.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(1);
/// The pause while a ring is drained.
const DRAIN_PAUSE: Duration = Duration::from_micros(200);

/// How far the source's life is.
enum State {
    Running,
    /// Nothing new is let in: what had arrived by then is lent.
    Draining {
        since: Instant,
        left: usize,
    },
    /// All was lent that there is; the keeper of the books waits for the other queues.
    Drained {
        since: Instant,
        gone: bool,
    },
    Ended,
}

/// The mbufs that were fetched: the first `lent` are with the last burst, the rest waits for the next.
struct Fetched {
    mbufs: [*mut sys::rte_mbuf; MAX_BURST],
    lent: usize,
    count: usize,
    /// The pool that those lent go back to as they are: all of them are of it, in one segment that nobody else holds. Null: that is not so.
    pool: *mut sys::rte_mempool,
}

/// What the last burst is made of. Plain memory of a fixed size.
struct Lending {
    frames: [RawFrame; MAX_BURST],
    loans: [Loan; MAX_BURST],
    kept: Cell<u64>,
    /// Frames of several segments, joined; their loans are not given out, since these bytes are used again with the next burst.
    chained: Box<[u8]>,
    joined: u64,
}

impl Lending {
    /// Joins those of the described frames that came in several segments. Returns how many frames this burst has: one that finds no room is the first of the next.
    #[cold]
    fn join_chained(&mut self, mbufs: &[*mut sys::rte_mbuf]) -> usize {
        let mut room: &mut [u8] = &mut self.chained;
        for (index, (&frame, raw)) in mbufs.iter().zip(&mut self.frames).enumerate() {
            // SAFETY: the mbuf was fetched by this source and not freed yet; nobody else writes to it.
            if unsafe { mbuf::segments(frame) } <= 1 {
                continue;
            }
            let Some((joined, rest)) = join(frame, raw.wire_len as usize, room) else {
                return index;
            };
            (raw.data, raw.captured) = (joined.as_ptr(), joined.len() as u32);
            room = rest;
            self.joined |= 1 << index;
        }
        mbufs.len()
    }

    /// Of the first `count` frames, on the wire.
    #[cold]
    fn bytes(&self, count: usize) -> u64 {
        let frames = self.frames.iter().take(count);
        frames.map(|frame| u64::from(frame.wire_len)).sum()
    }
}

/// Frames of one queue of a port that DPDK drives.
pub struct DpdkSource {
    info: SourceInfo,
    queue: u16,
    fetched: Fetched,
    lending: Box<Lending>,
    stamps: Stamps,
    verifier: Verifier,
    interrupt: Option<Interrupt>,
    /// The interrupt was armed for a sleep that has not been judged.
    armed: bool,
    state: State,
    delivered: u64,
    delivered_bytes: u64,
    /// The port's drop is what ends everything above: it stands behind it.
    port: Arc<Port>,
    regions: [Arc<dyn Region>; 1],
    registered: bool,
}

// SAFETY: an mbuf may be freed by another thread than the one that fetched it; the raw pointers are to mbufs that this source alone has.
unsafe impl Send for DpdkSource {}

impl DpdkSource {
    pub(super) fn new(
        info: SourceInfo,
        port: Arc<Port>,
        queue: u16,
        pool: Arc<Pool>,
        interrupt: Option<Interrupt>,
        nic: Option<NicClock>,
    ) -> DpdkSource {
        let frame = RawFrame {
            data: std::ptr::null(),
            captured: 0,
            wire_len: 0,
            timestamp: 0,
            link: LinkType::Ethernet,
            rx_hash: None,
            vlan: None,
            interface: 0,
            checksum: ChecksumStatus::Unknown,
        };
        DpdkSource {
            info,
            queue,
            fetched: Fetched {
                mbufs: [std::ptr::null_mut(); MAX_BURST],
                lent: 0,
                count: 0,
                pool: std::ptr::null_mut(),
            },
            lending: Box::new(Lending {
                frames: [frame; MAX_BURST],
                loans: [Loan(0); MAX_BURST],
                kept: Cell::new(0),
                chained: vec![0; CHAINED_ROOM].into_boxed_slice(),
                joined: 0,
            }),
            stamps: Stamps::new(nic),
            verifier: Verifier::new(port.spreading, queue, port.state.lent.len()),
            interrupt,
            armed: false,
            state: State::Running,
            delivered: 0,
            delivered_bytes: 0,
            port,
            regions: [pool],
            registered: false,
        }
    }

    /// Frees the last burst's buffers, those that left by reference excepted.
    #[inline]
    fn give_back(&mut self) {
        let Fetched {
            mbufs,
            lent,
            count,
            pool,
        } = &mut self.fetched;
        if *lent == 0 {
            return;
        }
        let lending = &mut *self.lending;
        // A joined frame's loan was never given out.
        let kept = lending.kept.replace(0) & !lending.joined;
        lending.joined = 0;
        if kept == 0 && !pool.is_null() {
            // SAFETY: the mbufs were fetched by this source and lent with a burst that is over, nobody else has them, and they are of this pool.
            unsafe { sys::pr_give_back(*pool, mbufs.as_mut_ptr(), *lent as u32) };
        } else {
            let mut freed = 0;
            for index in 0..*lent {
                if kept >> index & 1 == 0 {
                    mbufs.swap(freed, index);
                    freed += 1;
                }
            }
            // SAFETY: as above; nobody else has those that were not kept.
            unsafe { sys::rte_pktmbuf_free_bulk(mbufs.as_mut_ptr(), freed as u32) };
        }
        mbufs.copy_within(*lent..*count, 0);
        *count -= *lent;
        *lent = 0;
    }

    /// Fetches from the ring, unless something waits already; how many wait.
    #[inline]
    fn fetch(&mut self) -> usize {
        let fetched = &mut self.fetched;
        if fetched.count == 0 {
            // SAFETY: the port is started, the queue is ours alone, and there is room for so many pointers.
            let count = unsafe {
                sys::pr_rx_burst(
                    self.port.id,
                    self.queue,
                    fetched.mbufs.as_mut_ptr(),
                    MAX_BURST as u16,
                )
            };
            fetched.count = usize::from(count).min(MAX_BURST);
        }
        fetched.count
    }

    /// Describes the waiting frames; how many of them, and their bytes on the wire.
    #[inline]
    fn describe(&mut self, count: usize) -> (usize, u64) {
        let first = self.stamps.first();
        let fetched = &mut self.fetched;
        let mbufs = fetched.mbufs.get(..count).unwrap_or_default();
        let lending = &mut *self.lending;
        // All at once: memory serves many requests together faster than one here and one there.
        for &frame in mbufs {
            prefetch(frame);
        }
        // SAFETY: the mbufs were fetched by this source and not freed yet; nobody else writes to them.
        let pool_of = |frame| unsafe { mbuf::pool(frame) };
        let pool = mbufs
            .first()
            .map_or(std::ptr::null_mut(), |&frame| pool_of(frame));
        let mut all_plain = true;
        let mut bytes = 0u64;
        for (index, (&frame, raw)) in mbufs.iter().zip(&mut lending.frames).enumerate() {
            // SAFETY: as above. The head's bytes are within its buffer.
            let (data, length, head, flags, hash, is_plain) = unsafe {
                (
                    mbuf::data(frame),
                    mbuf::pkt_len(frame),
                    u32::from(mbuf::data_len(frame)),
                    mbuf::flags(frame),
                    mbuf::rss_hash(frame),
                    mbuf::is_plain(frame),
                )
            };
            *raw = RawFrame {
                data,
                captured: head,
                wire_len: length.max(head),
                timestamp: first + index as i64,
                link: LinkType::Ethernet,
                rx_hash: (flags & u64::from(sys::PR_RX_RSS_HASH) != 0).then_some(hash),
                vlan: vlan(frame, flags),
                interface: 0,
                checksum: checksum(flags),
            };
            all_plain &= is_plain & (pool_of(frame) == pool);
            bytes += u64::from(raw.wire_len);
        }
        for (&frame, loan) in mbufs.iter().zip(&mut lending.loans) {
            *loan = Loan(frame as usize);
        }
        fetched.pool = if all_plain {
            pool
        } else {
            std::ptr::null_mut()
        };
        let mut described = mbufs.len();
        if !all_plain {
            described = lending.join_chained(mbufs);
            bytes = lending.bytes(described);
        }
        // As if they had left already: they leave as copies only.
        lending.kept.set(lending.joined);
        let frames = lending.frames.get_mut(..described).unwrap_or_default();
        if self.stamps.settle(first, mbufs, frames) {
            self.port.state.notice(format!(
                "{}: the NIC's time stamps are not by the clock that its driver reads: frames have the time at which they were fetched",
                self.port.name
            ));
        }
        (described, bytes)
    }

    /// Compares what the NIC did with the burst's first frame.
    #[cold]
    fn verify(&mut self) {
        let Some(first) = self.lending.frames.first() else {
            return;
        };
        // SAFETY: the frame was fetched by this source and is about to be lent.
        let frame = unsafe { first.lend() };
        let Some(verdict) = self.verifier.look(frame.data, frame.rx_hash) else {
            return;
        };
        let name = &self.port.name;
        let handed = "both directions of conversations may come by two queues, and frames are handed to their workers by us, which costs a copy";
        let line = match verdict {
            Verdict::Right => format!(
                "{name}: queue {}: the NIC spreads frames as it was told; both directions of a conversation come by one queue",
                self.queue
            ),
            Verdict::OtherHash => format!(
                "{name}: queue {}: the NIC computes another hash than it was told: {handed}",
                self.queue
            ),
            Verdict::OtherQueue => format!(
                "{name}: queue {}: the NIC leads frames to other queues than it was told: {handed}",
                self.queue
            ),
        };
        self.port.state.notice(line);
    }

    /// Nothing was fetched: what that means depends on how far the source's life is.
    #[cold]
    fn nothing(&mut self) -> Result<Fetch<'static>, CaptureError> {
        match self.state {
            State::Running => {
                if self.port.state.is_gone() {
                    self.port.state.freeze();
                    self.drained(true);
                    return self.nothing();
                }
                Ok(Fetch::Empty)
            }
            State::Draining { since, .. } => {
                let settled = self.port.kind != Kind::Counting
                    || self.port.state.is_used_up()
                    || since.elapsed() > SETTLE;
                if settled {
                    self.drained(false);
                    return self.nothing();
                }
                Ok(Fetch::Empty)
            }
            State::Drained { since, gone } => {
                let last = self.port.state.running.load(Ordering::Acquire) == 0;
                if self.queue == 0 && !last && since.elapsed() < WAIT_FOR_OTHERS {
                    return Ok(Fetch::Empty);
                }
                // What drivers count when frames are fetched has its last value now.
                if self.port.kind != Kind::Counting && !gone {
                    self.port.state.refresh();
                }
                self.state = State::Ended;
                if gone {
                    return Err(CaptureError::InterfaceGone {
                        name: self.info.name.clone(),
                    });
                }
                Ok(Fetch::End)
            }
            State::Ended => Ok(Fetch::End),
        }
    }

    fn drained(&mut self, gone: bool) {
        self.state = State::Drained {
            since: Instant::now(),
            gone,
        };
        self.port.state.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// Of the frames just fetched, those that are still ours while the ring is drained.
    #[cold]
    fn ours(&mut self, count: usize) -> usize {
        let ours = match &mut self.state {
            State::Running => return count,
            State::Draining { left, .. } if self.port.kind == Kind::Counting => {
                // Those that the port had counted at the stop; a ring full at most.
                let ours = self.port.state.within_budget(count.min(*left));
                *left -= ours;
                ours
            }
            // Whole bursts, so that what the driver counted and what was lent are the same.
            State::Draining { left, .. } if *left > 0 => {
                *left = left.saturating_sub(count);
                count
            }
            State::Draining { .. } => count,
            State::Drained { .. } | State::Ended => 0,
        };
        if ours < count {
            let (mbufs, rest) = (&mut self.fetched.mbufs, count - ours);
            // SAFETY: fetched by this source, and lent to nobody.
            unsafe { sys::rte_pktmbuf_free_bulk(mbufs.as_mut_ptr().add(ours), rest as u32) };
            self.fetched.count = ours;
        }
        ours
    }

    /// Whether nothing further is fetched, whatever the ring holds.
    fn is_done(&self) -> bool {
        match self.state {
            State::Running => false,
            State::Draining { left, .. } => left == 0 && self.fetched.count == 0,
            State::Drained { .. } | State::Ended => true,
        }
    }

    fn tell(&self, finding: Option<Finding>) {
        let name = &self.port.name;
        match finding {
            None => {}
            Some(Finding::Proven) => self.port.state.notice(format!("{name}: receive interrupts come (queue {}): idle workers sleep until one does", self.queue)),
            Some(Finding::Dead(why)) => self.port.state.notice(format!(
                "{name}: receive interrupts do not work with this driver ({why}): an idle worker pauses for less than {} µs instead",
                self.port.absorbs.as_micros()
            )),
        }
    }
}

/// Asks for the first cache line of an mbuf, which holds all that is read of it. Only a hint.
#[inline(always)]
fn prefetch(mbuf: *const sys::rte_mbuf) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address is allowed.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(mbuf.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = mbuf;
}

/// The tag that the NIC took out of the frame.
#[inline(always)]
fn vlan(frame: *const sys::rte_mbuf, flags: u64) -> Option<VlanTag> {
    if flags & u64::from(sys::PR_RX_VLAN_STRIPPED) == 0 {
        return None;
    }
    // SAFETY: an mbuf that this source fetched and nobody freed.
    let tci = unsafe { mbuf::vlan_tci(frame) };
    Some(VlanTag { tpid: 0x8100, tci })
}

/// What the driver says of the transport checksum: verified; or not yet computed, since the sender is a virtual machine that left it to the
/// NIC; or nothing. A bad one is nothing too: it is verified again, and counted, by us.
#[inline(always)]
fn checksum(flags: u64) -> ChecksumStatus {
    match flags & u64::from(sys::PR_RX_L4_CKSUM_MASK) {
        good if good == u64::from(sys::PR_RX_L4_CKSUM_GOOD) => ChecksumStatus::Good,
        none if none == u64::from(sys::PR_RX_L4_CKSUM_NONE) => ChecksumStatus::NotComputed,
        _ => ChecksumStatus::Unknown,
    }
}

/// Copies the segments of a frame into `room`, one behind the other: the frame, and the room that is left. `None` if it does not fit.
#[cold]
fn join(frame: *mut sys::rte_mbuf, length: usize, room: &mut [u8]) -> Option<(&[u8], &mut [u8])> {
    let (joined, rest) = room.split_at_mut_checked(length)?;
    let mut filled = 0;
    let mut segment: *const sys::rte_mbuf = frame;
    while !segment.is_null() && filled < length {
        // SAFETY: a segment of a frame that this source fetched and nobody freed; its bytes are within its buffer and not in `room`.
        unsafe {
            let bytes = std::slice::from_raw_parts(
                mbuf::data(segment),
                usize::from(mbuf::data_len(segment)),
            );
            let part = bytes.len().min(length - filled);
            if let (Some(to), Some(from)) =
                (joined.get_mut(filled..filled + part), bytes.get(..part))
            {
                to.copy_from_slice(from);
            }
            filled += part;
            segment = mbuf::next(segment);
        }
    }
    let (joined, _) = joined.split_at_mut_checked(filled)?;
    Some((joined, rest))
}

impl Source for DpdkSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    #[inline]
    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        if !self.registered {
            self.registered = true;
            eal::register_thread();
        }
        self.give_back();
        if self.is_done() {
            return self.nothing();
        }
        let fresh = self.fetched.count == 0;
        let mut count = self.fetch();
        if fresh && count > 0 && !matches!(self.state, State::Running) {
            count = self.ours(count);
        }
        if count == 0 {
            return self.nothing();
        }
        let (count, bytes) = self.describe(count);
        self.fetched.lent = count;
        self.delivered += count as u64;
        self.delivered_bytes += bytes;
        if let Some(lent) = self.port.state.lent.get(usize::from(self.queue)) {
            lent.0.store(self.delivered, Ordering::Relaxed);
        }
        if self.verifier.is_due(count) {
            self.verify();
        }
        let Lending {
            frames,
            loans,
            kept,
            ..
        } = &*self.lending;
        let (frames, loans) = (
            frames.get(..count).unwrap_or_default(),
            loans.get(..count).unwrap_or_default(),
        );
        // SAFETY: the frames stand in mbufs that are freed by the next call that borrows the source mutably, unless they are kept, and then by `take_back`;
        // or in `chained`, which is written by the next call and whose frames cannot be kept. The pool is the region.
        Ok(Fetch::Frames(unsafe {
            Burst::of_buffers(frames, &self.regions, Buffers { loans, kept })
        }))
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        self.give_back();
        if !matches!(self.state, State::Running) {
            return Ok(if self.fetched.count > 0 {
                Armed::Ready
            } else {
                Armed::Timed(DRAIN_PAUSE)
            });
        }
        if self.fetch() > 0 || self.port.state.is_gone() {
            return Ok(Armed::Ready);
        }
        let Some(interrupt) = self
            .interrupt
            .as_mut()
            .filter(|interrupt| !interrupt.proof.is_dead())
        else {
            return Ok(Armed::Timed(self.port.absorbs));
        };
        let now = Instant::now();
        if interrupt.proof.is_held_back(now) {
            return Ok(Armed::Timed(self.port.absorbs));
        }
        let reported = interrupt.take_reports();
        let finding = interrupt.proof.before_sleep(now, reported);
        let dead = interrupt.proof.is_dead();
        let armed = !dead && interrupt.arm();
        let (sleep, descriptor) = (interrupt.proof.sleep(now), interrupt.descriptor());
        if dead {
            interrupt.disarm();
        }
        self.tell(finding);
        // Once more: what came before the interrupt was armed raises none.
        if self.fetch() > 0 {
            return Ok(Armed::Ready);
        }
        self.armed = armed;
        Ok(match sleep {
            Sleep::UntilReport if armed => Armed::Descriptor(descriptor),
            Sleep::UntilReport => Armed::Timed(self.port.absorbs),
            Sleep::Timed(pause) => Armed::Timed(pause),
        })
    }

    fn disarm(&mut self) -> Result<(), CaptureError> {
        if !matches!(self.state, State::Running) {
            return Ok(());
        }
        let slept = std::mem::take(&mut self.armed);
        // The report first: where it is the readability of a descriptor, fetching ends it.
        let reported = slept && self.interrupt.as_ref().is_some_and(Interrupt::take_reports);
        let frames = self.fetch() > 0;
        let Some(interrupt) = self
            .interrupt
            .as_mut()
            .filter(|interrupt| !interrupt.proof.is_dead())
        else {
            return Ok(());
        };
        let finding = if slept {
            interrupt
                .proof
                .after_sleep(Instant::now(), reported, frames)
        } else {
            None
        };
        if !interrupt.proof.is_suspicious() {
            interrupt.disarm();
        }
        self.tell(finding);
        Ok(())
    }

    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError> {
        let (descriptor, limit) = match self.arm()? {
            Armed::Ready => return Ok(Wake::Ready),
            Armed::Descriptor(descriptor) => (Some(descriptor), timeout),
            Armed::Timed(pause) => (None, pause.min(timeout)),
        };
        let mut entry = libc::pollfd {
            fd: descriptor.unwrap_or(-1),
            events: libc::POLLIN,
            revents: 0,
        };
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        // SAFETY: one entry and a limit, there for the call; no signal mask. A descriptor below 0 is passed over.
        unsafe { libc::ppoll(&raw mut entry, 1, &raw const time, std::ptr::null()) };
        self.disarm()?;
        Ok(if self.fetched.count > 0 {
            Wake::Ready
        } else {
            Wake::TimedOut
        })
    }

    fn absorbs(&self) -> Duration {
        self.port.absorbs
    }

    fn holds_out(&self) -> Duration {
        self.port.holds_out
    }

    fn spreading(&self) -> Spreading {
        self.port.spreading
    }

    fn stamps_on_arrival(&self) -> bool {
        self.stamps.are_of_arrival()
    }

    fn take_back(&mut self, loans: &mut Vec<Loan>) {
        let mut mbufs = [std::ptr::null_mut::<sys::rte_mbuf>(); MAX_BURST];
        for chunk in loans.chunks(MAX_BURST) {
            for (mbuf, loan) in mbufs.iter_mut().zip(chunk) {
                *mbuf = loan.0 as *mut sys::rte_mbuf;
            }
            // SAFETY: loans are mbufs that left a burst of this source and were not freed with it; each comes back once.
            unsafe { sys::rte_pktmbuf_free_bulk(mbufs.as_mut_ptr(), chunk.len() as u32) };
        }
        loans.clear();
    }

    fn counters(&mut self) -> SourceCounters {
        self.stamps.compare();
        let own = SourceCounters {
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
            ..SourceCounters::default()
        };
        if self.queue != 0 {
            return books::of_other(self.port.kind, own);
        }
        let drained = matches!(self.state, State::Ended);
        books::of_keeper(self.port.kind, &self.port.state.books(0), own, drained)
    }

    fn notices(&mut self) -> Vec<String> {
        self.port.state.take_notices()
    }

    fn stop(&mut self) {
        if !matches!(self.state, State::Running) {
            return;
        }
        self.give_back();
        if self.port.kind == Kind::Counting {
            self.port.state.freeze();
        }
        if let Some(interrupt) = self
            .interrupt
            .as_ref()
            .filter(|interrupt| !interrupt.proof.is_dead())
        {
            interrupt.disarm();
        }
        self.state = State::Draining {
            since: Instant::now(),
            left: usize::from(self.port.descriptors).max(MAX_BURST),
        };
        // What an arming fetched before is of this side of the stop.
        let waiting = self.fetched.count;
        if waiting > 0 {
            self.ours(waiting);
        }
    }
}

impl Drop for DpdkSource {
    fn drop(&mut self) {
        self.give_back();
        let fetched = &mut self.fetched;
        // SAFETY: what was fetched and never lent is this source's alone.
        unsafe { sys::rte_pktmbuf_free_bulk(fetched.mbufs.as_mut_ptr(), fetched.count as u32) };
        // The interrupt goes before the port.
        self.interrupt = None;
    }
}
