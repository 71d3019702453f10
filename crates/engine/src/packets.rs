//! The packet writer's side of a run: the frames that passed the filter, from all workers.

use std::time::Duration;

use portreeve_capture::Frame;

use crate::lane::{LaneIn, Parcel};

/// Frames given to `each` in one [`PacketFeed::drain`], at most.
const TURN: usize = 1024;

struct Open {
    parcel: Parcel,
    next: usize,
}

/// The frames that passed the filter. Each worker's come in order; between workers the earliest of those at hand goes first.
pub struct PacketFeed {
    lanes: Vec<(LaneIn, Option<Open>)>,
}

impl PacketFeed {
    pub(crate) fn new(lanes: Vec<LaneIn>) -> Self {
        PacketFeed {
            lanes: lanes.into_iter().map(|lane| (lane, None)).collect(),
        }
    }

    /// Hands what is queued to `each`, a bounded number; returns how many frames that were.
    pub fn drain(&mut self, each: &mut dyn FnMut(&Frame<'_>)) -> usize {
        for taken in 0..TURN {
            for (lane, open) in &mut self.lanes {
                if open.is_none() {
                    *open = lane.receive().map(|parcel| Open { parcel, next: 0 });
                }
            }
            let earliest = self
                .lanes
                .iter_mut()
                .filter_map(|(lane, open)| {
                    let at = open
                        .as_ref()
                        .and_then(|o| o.parcel.batch.burst().frame(o.next))?;
                    Some((at.timestamp, lane, open))
                })
                .min_by_key(|(timestamp, _, _)| *timestamp);
            let Some((_, lane, slot)) = earliest else {
                return taken;
            };
            if let Some(open) = slot {
                if let Some(frame) = open.parcel.batch.burst().frame(open.next) {
                    each(&frame);
                }
                open.next += 1;
            }
            if slot
                .as_ref()
                .is_some_and(|open| open.next >= open.parcel.batch.len())
                && let Some(open) = slot.take()
            {
                lane.give_back(open.parcel.batch);
            }
        }
        TURN
    }

    /// Whether all workers are done and everything was handed on.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.lanes
            .iter()
            .all(|(lane, open)| open.is_none() && lane.is_finished())
    }

    /// Waits a little for frames, at most `timeout`.
    pub fn wait(&self, timeout: Duration) {
        std::thread::sleep(timeout.min(Duration::from_millis(2)));
    }
}
