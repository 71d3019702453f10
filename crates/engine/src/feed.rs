//! The reading end of the record rings: one output's feed, over one ring from each worker.

use std::time::Duration;

use portreeve_record::{Record, RecordFeed};
use rtrb::Consumer;

/// The most records taken from one worker before the next has its turn.
const TURN: usize = 256;

/// One output's feed.
pub struct Feed {
    rings: Vec<Consumer<Record>>,
}

impl Feed {
    pub(crate) fn new(rings: Vec<Consumer<Record>>) -> Self {
        Feed { rings }
    }
}

impl RecordFeed for Feed {
    fn drain(&mut self, each: &mut dyn FnMut(Record)) -> usize {
        let mut taken = 0;
        for ring in &mut self.rings {
            for _ in 0..TURN {
                let Ok(record) = ring.pop() else { break };
                each(record);
                taken += 1;
            }
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
        // A worker makes no system call for a record, so nobody wakes us: look again soon. Rings are sized for it.
        let step = Duration::from_millis(5).min(timeout);
        let mut waited = Duration::ZERO;
        while waited < timeout
            && self.rings.iter().all(Consumer::is_empty)
            && !self.rings.iter().all(Consumer::is_abandoned)
        {
            std::thread::sleep(step);
            waited += step;
        }
    }
}
