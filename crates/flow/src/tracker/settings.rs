//! What of a tracker can be changed while it runs.

use crate::config::{Prefix, SECOND, Timeouts};
use crate::slot::Class;
use crate::tcp::next_update;
use crate::tracker::Tracker;

impl Tracker {
    /// Other timeouts, for packets from now on.
    ///
    /// A flow is judged by them when its next packet comes. Where none comes, its record may wait until the time that the old ones
    /// gave it, if that is later. How long a closed or unanswered connection stays was settled when it closed or began.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        (self.idle, self.far) = idle_times(&timeouts);
        self.fragments.set_timeout(timeouts.fragment);
        self.config.timeouts = timeouts;
        self.retimed = true;
    }

    /// Other networks that are ours, for records from now on.
    pub fn set_local_nets(&mut self, nets: Vec<Prefix>) {
        self.shared.local_nets = nets.into_boxed_slice();
    }

    /// Brings an update nearer that is further off than the timeouts in force say.
    pub(super) fn retime(&mut self, slot: u32, now: i64) {
        let soonest = next_update(now, self.config.timeouts.active);
        let timer = &mut self.table.cold[slot as usize].timer;
        *timer = soonest.min(*timer);
    }
}

/// The idle time of each class, and the mask that [`Tracker::far`] is: two times that are the same under it differ by less
/// than the least of them.
pub(super) fn idle_times(t: &Timeouts) -> ([i64; Class::ALL.len()], i64) {
    let idle = [
        i64::MAX,
        t.tcp_idle,
        t.tcp_handshake,
        t.tcp_handshake,
        i64::MAX,
        t.udp_idle,
        t.icmp_idle,
        t.other_idle,
    ];
    let least = idle.iter().copied().min().unwrap_or(SECOND).max(1);
    (idle, -1 << least.ilog2().min(33))
}
