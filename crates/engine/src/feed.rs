//! The reading end of the record rings: one output's feed, over one ring from each worker.
//!
//! Live, records come as they lie, worker by worker, and no output waits for a worker. Of a file that several workers share they come in one order (`merge`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use portreeve_record::{Record, RecordFeed};
use rtrb::Consumer;

use crate::merge::Merge;
use crate::rest::Rest;

/// The most records taken from one worker before the next has its turn.
const TURN: usize = 256;

/// Time between two looks at rings that workers may write into: rings are sized for it.
const LOOK: Duration = Duration::from_millis(5);
/// After so long without a record the output rests while the workers sleep. With a packet now and then it would be woken more often than it looks.
const QUIET: Duration = Duration::from_millis(100);

/// One output's feed.
pub struct Feed {
    rings: Vec<Consumer<Record>>,
    /// What puts records of several workers in order.
    merge: Option<Merge>,
    rest: Arc<Rest>,
    /// Which output's it is.
    output: usize,
    /// When the last record came, or a worker woke it.
    busy: Instant,
}

impl Feed {
    pub(crate) fn new(
        rings: Vec<Consumer<Record>>,
        merge: Option<Merge>,
        rest: Arc<Rest>,
        output: usize,
    ) -> Self {
        Feed {
            rings,
            merge,
            rest,
            output,
            busy: Instant::now(),
        }
    }

    /// Nothing to take, and somebody who may still put something in.
    fn is_idle(&self) -> bool {
        let nothing = match &self.merge {
            Some(merge) => !merge.is_ready(&self.rings),
            None => self.rings.iter().all(Consumer::is_empty),
        };
        nothing && !self.rings.iter().all(Consumer::is_abandoned)
    }
}

impl RecordFeed for Feed {
    fn drain(&mut self, each: &mut dyn FnMut(&Record)) -> usize {
        if let Some(merge) = &mut self.merge {
            return merge.drain(&mut self.rings, each);
        }
        let mut taken = 0;
        for ring in &mut self.rings {
            let Ok(chunk) = ring.read_chunk(ring.slots().min(TURN)) else {
                continue;
            };
            let (first, second) = chunk.as_slices();
            first.iter().chain(second).for_each(&mut *each);
            taken += chunk.len();
            chunk.commit_all();
        }
        taken
    }

    fn is_finished(&self) -> bool {
        // In this order: what was pushed before the producer went is seen.
        self.rings
            .iter()
            .all(|ring| ring.is_abandoned() && ring.is_empty())
    }

    fn wait(&mut self, timeout: Duration) {
        // A worker makes no system call for a record, so nobody wakes us but who wakes himself: look again soon.
        let end = Instant::now() + timeout;
        loop {
            let now = Instant::now();
            if !self.is_idle() {
                self.busy = now;
                return;
            }
            let left = end.saturating_duration_since(now);
            if left.is_zero() {
                return;
            }
            let quiet = now.duration_since(self.busy) >= QUIET;
            if quiet && self.rest.output_rests(self.output, left) {
                // Woken before its time: records may come.
                if Instant::now() < end {
                    self.busy = now;
                }
            } else {
                std::thread::sleep(LOOK.min(left));
            }
        }
    }
}
