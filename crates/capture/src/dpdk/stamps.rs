//! When a frame was seen: by the NIC's own clock where its driver passes that on, else by ours, when its burst was fetched.
//!
//! Ours: frames of a burst are a nanosecond apart, and behind those of the burst before, so that a conversation within one burst has a duration
//! and an order.
//!
//! The NIC's: a stamp is a count of ticks of unknown length and beginning, in a dynamic field of the mbuf. Where the driver also lets us read that clock
//! (`rte_eth_read_clock`; NVIDIA's do, most others stamp by a clock that cannot be asked), it is measured against the wall's at the start and followed from then on, as the
//! processor's counter is. A stamp far from when the frame was fetched is not believed; after a number of those none is.

use std::time::Duration;

use portreeve_dpdk_sys as sys;
use portreeve_dpdk_sys::mbuf;

use super::clock::{Clock, Reading, cycles, wall};
use crate::burst::MAX_BURST;
use crate::frame::RawFrame;

/// How far, in nanoseconds, the frames of one burst can be ahead of the clock. Further ahead than that the clock was set back, and is followed.
const MOST_AHEAD: i64 = MAX_BURST as i64;
/// How long a NIC's clock is measured at the start.
const MEASURED: Duration = Duration::from_millis(50);
/// A frame was on the wire at most this long before it was fetched, in nanoseconds: a ring holds no more, however the worker slept.
const OLDEST: i64 = 1_000_000_000;
/// Two clocks are apart by less than this, in nanoseconds.
const APART: i64 = 1_000_000;
/// Stamps that may be out of these bounds before the NIC's clock is given up.
const PATIENCE: u32 = 1000;

/// The times of one queue's frames.
pub(super) struct Stamps {
    clock: Clock,
    /// The time of the last frame by our clock.
    last: i64,
    nic: Option<NicClock>,
}

impl Stamps {
    pub(super) fn new(nic: Option<NicClock>) -> Stamps {
        Stamps {
            clock: Clock::new(),
            last: 0,
            nic,
        }
    }

    /// The time of the first frame of a burst that is fetched now; the others follow a nanosecond apart.
    #[inline]
    pub(super) fn first(&self) -> i64 {
        behind(self.last, self.clock.at(cycles()))
    }

    /// So many frames of a burst that began at `first` have their time by our clock: `frames`, fetched as `mbufs`. Those that the NIC has stamped get its.
    /// Returns whether the NIC's clock was given up just now.
    #[inline]
    pub(super) fn settle(
        &mut self,
        first: i64,
        mbufs: &[*mut sys::rte_mbuf],
        frames: &mut [RawFrame],
    ) -> bool {
        self.last = first + frames.len() as i64 - 1;
        let Some(nic) = &mut self.nic else {
            return false;
        };
        nic.stamp(first, mbufs, frames);
        let given_up = nic.disbelieved > PATIENCE;
        if given_up {
            self.nic = None;
        }
        given_up
    }

    /// Whether times are those of the arrival at the NIC.
    pub(super) fn are_of_arrival(&self) -> bool {
        self.nic.is_some()
    }

    /// Compares the clocks with the wall's. About ten times a second.
    pub(super) fn compare(&mut self) {
        self.clock.compare();
        if let Some(nic) = &mut self.nic
            && let Some(reading) = read(nic.port)
        {
            nic.clock.compare_by(&reading);
        }
    }
}

/// `now`, or the first time behind `last` if that is not far ahead of it.
#[inline]
fn behind(last: i64, now: i64) -> i64 {
    if (now..=now + MOST_AHEAD).contains(&last) {
        last + 1
    } else {
        now
    }
}

/// A NIC's clock, and where its stamps are.
#[derive(Clone)]
pub(super) struct NicClock {
    port: u16,
    clock: Clock,
    /// The dynamic field's place in an mbuf, and the flag that says that it is set.
    offset: usize,
    flag: u64,
    disbelieved: u32,
}

impl NicClock {
    /// Whether the clock of a port can be read, so that asking for stamps is of use.
    pub(super) fn is_readable(port: u16) -> bool {
        read(port).is_some()
    }

    /// Measures the clock of a started port that was configured to stamp. `None`: there is none.
    pub(super) fn measure(port: u16) -> Option<NicClock> {
        let (mut offset, mut flag) = (0, 0);
        // SAFETY: EAL runs, and both places are there for the call.
        let result =
            unsafe { sys::rte_mbuf_dyn_rx_timestamp_register(&raw mut offset, &raw mut flag) };
        let offset = usize::try_from(offset).ok().filter(|_| result == 0)?;
        let first = read(port)?;
        std::thread::sleep(MEASURED);
        let clock = Clock::between(&first, &read(port)?)?;
        Some(NicClock {
            port,
            clock,
            offset,
            flag,
            disbelieved: 0,
        })
    }

    /// Not inlined: few NICs do it, and the loop before this one is for all.
    #[inline(never)]
    fn stamp(&mut self, now: i64, mbufs: &[*mut sys::rte_mbuf], frames: &mut [RawFrame]) {
        for (mbuf, frame) in mbufs.iter().zip(frames) {
            // SAFETY: the mbufs were fetched by the source that asks and not freed; the field is at its registered place.
            let (flags, ticks) =
                unsafe { (mbuf::flags(*mbuf), mbuf::dynamic_u64(*mbuf, self.offset)) };
            if flags & self.flag != 0
                && let Some(time) = self.time_of(ticks, now)
            {
                frame.timestamp = time;
            }
        }
    }

    /// The time of a stamp on a frame that was fetched at `now`, if it can be.
    #[inline]
    fn time_of(&mut self, ticks: u64, now: i64) -> Option<i64> {
        let time = self.clock.around(ticks);
        if (now - OLDEST..=now + APART).contains(&time) {
            return Some(time);
        }
        self.disbelieved = self.disbelieved.saturating_add(1);
        None
    }
}

/// Reads a NIC's clock, which can take some microseconds: it is on the other side of a bus.
fn read(port: u16) -> Option<Reading> {
    let (before, mut counter) = (wall(), 0);
    // SAFETY: the port is there, and the counter is there for the call.
    let result = unsafe { sys::rte_eth_read_clock(port, &raw mut counter) };
    let took = wall() - before;
    (result == 0).then_some(Reading {
        counter,
        time: before + took / 2,
        took,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_behind_the_one_before_unless_the_clock_was_set_back() {
        // The clock went on.
        assert_eq!(behind(1000, 5000), 5000);
        // 64 frames within less than 64 nanoseconds: the next burst begins behind them.
        assert_eq!(behind(5063, 5010), 5064);
        assert_eq!(behind(5000, 5000), 5001);
        // Set back by more than a burst: followed.
        assert_eq!(behind(9000, 5000), 5000);
    }

    fn nic() -> NicClock {
        let reading = |counter, time| Reading {
            counter,
            time,
            took: 100,
        };
        // Four nanoseconds a tick.
        let clock = Clock::between(&reading(0, 10_000_000_000), &reading(1000, 10_000_004_000));
        NicClock {
            port: 0,
            clock: clock.expect("it runs"),
            offset: 0,
            flag: 1,
            disbelieved: 0,
        }
    }

    #[test]
    fn a_stamp_is_the_time_of_its_ticks() {
        let mut nic = nic();
        assert_eq!(nic.time_of(2000, 10_000_010_000), Some(10_000_008_000));
        // From before the last comparison.
        assert_eq!(nic.time_of(500, 10_000_010_000), Some(10_000_002_000));
        assert_eq!(nic.disbelieved, 0);
    }

    #[test]
    fn a_stamp_that_cannot_be_is_not_believed() {
        let mut nic = nic();
        // Two seconds old; from the future; a clock of another kind altogether.
        for (ticks, now) in [
            (1000, 12_000_004_000),
            (1_000_000, 10_000_004_000),
            (1_700_000_000_000_000_000, 10_000_004_000),
        ] {
            assert_eq!(nic.time_of(ticks, now), None, "{ticks}");
        }
        assert_eq!(nic.disbelieved, 3);
    }
}
