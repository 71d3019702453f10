//! The receive interrupt of a queue, and the proof that it wakes anybody.
//!
//! Drivers lie: on some pairs of NIC and kernel driver every call succeeds and no wake-up ever comes, on others one comes without end. So the
//! interrupt is armed for every sleep, but it is relied on only while [`Proof`] holds:
//!
//! ```text
//! unproven ── a report, and frames ──▶ proven ── frames, and no report 2 ms later ──▶ unproven
//!    │  sleeps: timed, by the ring          sleeps: until the report
//!    ├── frames without a report, 8 times ──▶ dead      sleeps: timed; the interrupt is not touched any more
//!    └── reports without frames, 1000 in a second ──▶ dead
//! ```
//!
//! A NIC may delay its interrupt to join several (moderation, up to half a millisecond with most drivers): so frames that came without a report are only suspicious;
//! the interrupt stays armed, and it is judged 2 milliseconds later.
//!
//! One driver sets the longest moderation that its NICs have ([`holds_back`]): after a report the next one comes 17 milliseconds later at the earliest, far longer
//! than the ring takes frames in at the link's rate. So for so long after each report sleeps are timed, and the interrupt stays disarmed; only behind that, when
//! a frame raises its interrupt at once, is the report waited for.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use portreeve_dpdk_sys as sys;

/// How long an interrupt may be late.
const GRACE: Duration = Duration::from_millis(2);
/// How long `net_e1000_em` has its NICs hold interrupts back: it sets their register ITR to all ones, which is 65535 times 256 ns.
const LONGEST_ITR: Duration = Duration::from_millis(17);
/// So many times frames without a report: it does not come.
const SILENT: u32 = 8;
/// So many reports without a frame within [`STORM_WITHIN`]: a storm.
const STORM: u32 = 1000;
const STORM_WITHIN: Duration = Duration::from_secs(1);
/// The longest timed sleep of an interrupt that has not been seen yet, while nothing arrives.
const LONGEST_UNPROVEN: Duration = Duration::from_millis(5);

/// How long a NIC holds the next interrupt back after one, with this driver, where that is longer than [`GRACE`] covers.
pub(super) fn holds_back(driver: &str) -> Duration {
    if driver == "net_e1000_em" {
        LONGEST_ITR
    } else {
        Duration::ZERO
    }
}

/// How a worker may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleep {
    /// Until the interrupt's report.
    UntilReport,
    /// No longer than this.
    Timed(Duration),
}

/// What was found out of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It wakes.
    Proven,
    /// It does not; said once, with the reason.
    Dead(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Unproven,
    Proven,
    Dead,
}

/// What the sleeps so far say of an interrupt. Pure: time is passed in.
#[derive(Debug)]
pub(super) struct Proof {
    trust: Trust,
    ever_proven: bool,
    /// What the ring absorbs.
    absorbs: Duration,
    /// How long after a report the next may be held back.
    holds_back: Duration,
    /// When a report was last seen.
    reported: Option<Instant>,
    /// The next timed sleep.
    pause: Duration,
    /// Frames came without a report, at this moment.
    suspect: Option<Instant>,
    silent: u32,
    empty: u32,
    empty_since: Option<Instant>,
}

impl Proof {
    pub(super) fn new(absorbs: Duration, holds_back: Duration) -> Proof {
        Proof {
            trust: Trust::Unproven,
            ever_proven: false,
            absorbs,
            holds_back,
            reported: None,
            pause: absorbs,
            suspect: None,
            silent: 0,
            empty: 0,
            empty_since: None,
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.trust == Trust::Dead
    }

    /// Whether the interrupt is to stay armed beyond the sleep, since it may only be late.
    pub(super) fn is_suspicious(&self) -> bool {
        self.suspect.is_some()
    }

    /// Whether the interrupt is no use now, since the NIC holds it back: arming it would only cost.
    pub(super) fn is_held_back(&self, now: Instant) -> bool {
        let held_back = |reported| now.duration_since(reported) < self.holds_back;
        self.trust == Trust::Proven
            && self.suspect.is_none()
            && self.reported.is_some_and(held_back)
    }

    pub(super) fn sleep(&self, now: Instant) -> Sleep {
        match self.trust {
            Trust::Proven if self.is_held_back(now) => Sleep::Timed(self.absorbs),
            Trust::Proven => Sleep::UntilReport,
            Trust::Unproven => Sleep::Timed(self.pause),
            Trust::Dead => Sleep::Timed(self.absorbs),
        }
    }

    /// Before a sleep: `reported` says whether a report lay there from before.
    pub(super) fn before_sleep(&mut self, now: Instant, reported: bool) -> Option<Finding> {
        if reported {
            self.reported = Some(now);
        }
        let suspect = self.suspect?;
        if reported {
            // It was late, not missing.
            return self.prove();
        }
        if now.duration_since(suspect) < self.holds_back + GRACE {
            return None;
        }
        self.suspect = None;
        self.silent += 1;
        if self.silent >= SILENT {
            return self.give_up(if self.ever_proven {
                "they stopped coming"
            } else {
                "frames came, and no interrupt did"
            });
        }
        // Not relied on until it is seen again.
        self.trust = Trust::Unproven;
        self.pause = self.absorbs;
        None
    }

    /// After a sleep: whether there was a report, and whether there are frames.
    pub(super) fn after_sleep(
        &mut self,
        now: Instant,
        reported: bool,
        frames: bool,
    ) -> Option<Finding> {
        if self.trust == Trust::Dead {
            return None;
        }
        if reported {
            self.reported = Some(now);
        }
        match (reported, frames) {
            (true, true) => return self.prove(),
            (true, false) => {
                let since = *self.empty_since.get_or_insert(now);
                self.empty += 1;
                if now.duration_since(since) > STORM_WITHIN {
                    (self.empty, self.empty_since) = (0, None);
                } else if self.empty >= STORM {
                    return self.give_up("they come without end though nothing arrived");
                }
            }
            (false, true) => {
                self.pause = self.absorbs;
                self.suspect.get_or_insert(now);
            }
            (false, false) => self.pause = (self.pause * 2).min(LONGEST_UNPROVEN.max(self.absorbs)),
        }
        None
    }

    fn prove(&mut self) -> Option<Finding> {
        let first = !self.ever_proven;
        (self.trust, self.ever_proven) = (Trust::Proven, true);
        (self.suspect, self.silent) = (None, 0);
        (self.empty, self.empty_since) = (0, None);
        first.then_some(Finding::Proven)
    }

    fn give_up(&mut self, why: &'static str) -> Option<Finding> {
        self.trust = Trust::Dead;
        self.suspect = None;
        Some(Finding::Dead(why))
    }
}

/// The receive interrupt of one queue, waited for by an epoll instance of our own: libdpdk registers the queue's descriptor there,
/// and some drivers exchange it when their peer comes back.
pub(super) struct Interrupt {
    port: u16,
    queue: u16,
    epoll: OwnedFd,
    pub(super) proof: Proof,
}

impl Interrupt {
    /// `None` if the driver has none for this queue. The port was started with receive interrupts asked for.
    pub(super) fn open(
        port: u16,
        queue: u16,
        absorbs: Duration,
        holds_back: Duration,
    ) -> Option<Interrupt> {
        // SAFETY: no memory is passed.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return None;
        }
        // SAFETY: the descriptor was just opened and nobody else has it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        // SAFETY: the port is open; the last argument comes back with reports and is not followed.
        let added = unsafe {
            sys::rte_eth_dev_rx_intr_ctl_q(
                port,
                queue,
                epoll.as_raw_fd(),
                sys::PR_EVENT_ADD as i32,
                std::ptr::null_mut(),
            )
        };
        // Only now may it be armed: arming one that could not be registered crashes some drivers.
        (added == 0).then(|| Interrupt {
            port,
            queue,
            epoll,
            proof: Proof::new(absorbs, holds_back),
        })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Arms it; `false` if the driver refuses.
    pub(super) fn arm(&self) -> bool {
        // SAFETY: the port is open and the queue's interrupt is registered.
        let result = unsafe { sys::rte_eth_dev_rx_intr_enable(self.port, self.queue) };
        // Some have nothing to switch: their descriptor is always armed.
        result == 0 || result == -libc::ENOTSUP
    }

    pub(super) fn disarm(&self) {
        // SAFETY: as for `arm`.
        unsafe { sys::rte_eth_dev_rx_intr_disable(self.port, self.queue) };
    }

    /// Takes the reports that lie there; whether there were any.
    pub(super) fn take_reports(&self) -> bool {
        // SAFETY: the epoll instance is open; with a limit of 0 it does not wait.
        unsafe { sys::pr_take_events(self.epoll.as_raw_fd(), 0) > 0 }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // SAFETY: the port is still open (its source holds it); the descriptor is taken out of the instance before that is closed.
        unsafe {
            if !self.proof.is_dead() {
                sys::rte_eth_dev_rx_intr_disable(self.port, self.queue);
            }
            sys::rte_eth_dev_rx_intr_ctl_q(
                self.port,
                self.queue,
                self.epoll.as_raw_fd(),
                sys::PR_EVENT_DEL as i32,
                std::ptr::null_mut(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSORBS: Duration = Duration::from_micros(137);

    fn prompt() -> Proof {
        Proof::new(ABSORBS, Duration::ZERO)
    }

    fn later(now: &mut Instant, by: Duration) -> Instant {
        *now += by;
        *now
    }

    #[test]
    fn a_report_with_frames_is_the_proof() {
        let mut proof = prompt();
        let now = Instant::now();
        assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
        assert_eq!(proof.after_sleep(now, true, true), Some(Finding::Proven));
        assert_eq!(proof.sleep(now), Sleep::UntilReport);
        assert_eq!(proof.after_sleep(now, true, true), None);
    }

    #[test]
    fn without_a_report_ever_it_is_given_up() {
        let mut proof = prompt();
        let mut now = Instant::now();
        let mut found = None;
        let mut times = 0;
        while found.is_none() {
            assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
            assert_eq!(
                proof.after_sleep(later(&mut now, ABSORBS), false, true),
                None
            );
            assert!(proof.is_suspicious());
            found = proof.before_sleep(later(&mut now, GRACE), false);
            times += 1;
        }
        assert_eq!(
            (times, matches!(found, Some(Finding::Dead(_)))),
            (SILENT, true)
        );
        assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
        // And it stays so.
        assert_eq!(proof.after_sleep(now, true, true), None);
        assert!(proof.is_dead());
    }

    #[test]
    fn an_interrupt_that_is_only_late_is_not_given_up() {
        let mut proof = prompt();
        let mut now = Instant::now();
        for _ in 0..100 {
            proof.after_sleep(later(&mut now, ABSORBS), false, true);
            // Too early to judge, then it is there.
            assert_eq!(proof.before_sleep(later(&mut now, ABSORBS), false), None);
            proof.before_sleep(later(&mut now, ABSORBS), true);
            assert_eq!(proof.sleep(now), Sleep::UntilReport);
        }
    }

    #[test]
    fn one_that_stops_is_not_relied_on_until_it_is_seen_again() {
        let mut proof = prompt();
        let mut now = Instant::now();
        proof.after_sleep(now, true, true);
        proof.after_sleep(later(&mut now, ABSORBS), false, true);
        assert_eq!(proof.before_sleep(later(&mut now, GRACE), false), None);
        assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
        proof.after_sleep(later(&mut now, ABSORBS), true, true);
        assert_eq!(proof.sleep(now), Sleep::UntilReport);
    }

    #[test]
    fn reports_without_end_are_a_storm_and_a_few_are_none() {
        let mut proof = prompt();
        let mut now = Instant::now();
        for _ in 0..10 * STORM {
            assert_eq!(
                proof.after_sleep(later(&mut now, Duration::from_millis(2)), true, false),
                None
            );
        }
        let mut found = None;
        for _ in 0..2 * STORM {
            found = found.or(proof.after_sleep(
                later(&mut now, Duration::from_micros(30)),
                true,
                false,
            ));
        }
        assert!(matches!(found, Some(Finding::Dead(_))));
    }

    #[test]
    fn while_nothing_arrives_the_sleeps_get_longer_and_stay_bounded() {
        let mut proof = prompt();
        let mut now = Instant::now();
        for _ in 0..20 {
            proof.after_sleep(later(&mut now, ABSORBS), false, false);
        }
        assert_eq!(proof.sleep(now), Sleep::Timed(LONGEST_UNPROVEN));
        proof.after_sleep(now, false, true);
        assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
    }

    #[test]
    fn while_the_next_report_is_held_back_sleeps_are_timed() {
        let mut proof = Proof::new(ABSORBS, LONGEST_ITR);
        let mut now = Instant::now();
        assert!(!proof.is_held_back(now));
        proof.after_sleep(now, true, true);
        assert!(proof.is_held_back(now));
        assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
        let now = later(&mut now, LONGEST_ITR);
        assert!(!proof.is_held_back(now));
        assert_eq!(proof.sleep(now), Sleep::UntilReport);
        // One that lay there from before counts too.
        proof.before_sleep(now, true);
        assert_eq!(proof.sleep(now), Sleep::Timed(ABSORBS));
        // With other drivers there is nothing to wait for.
        let mut other = prompt();
        other.after_sleep(now, true, true);
        assert!(!other.is_held_back(now));
    }

    #[test]
    fn a_held_back_report_is_waited_for_before_it_counts_as_missing() {
        let mut proof = Proof::new(ABSORBS, LONGEST_ITR);
        let mut now = Instant::now();
        for _ in 0..10 * SILENT {
            proof.after_sleep(later(&mut now, ABSORBS), false, true);
            assert_eq!(
                proof.before_sleep(later(&mut now, LONGEST_ITR), false),
                None
            );
            proof.before_sleep(later(&mut now, ABSORBS), true);
        }
        assert!(!proof.is_dead());
        let mut found = None;
        for _ in 0..SILENT {
            proof.after_sleep(later(&mut now, ABSORBS), false, true);
            found = proof.before_sleep(later(&mut now, LONGEST_ITR + GRACE), false);
        }
        assert!(matches!(found, Some(Finding::Dead(_))));
    }
}
