//! An output that gets facts joined to what it writes.

use std::sync::Arc;
use std::time::SystemTime;

use portreeve_record::{Fate, Joiner, Record, RecordContext};

use crate::config::OutputConfig;
use crate::output::Output;
use crate::status::OutputStatus;

/// Shows every record to a joiner before `inner` gets it. What the joiner makes and takes in is counted in the output's own books.
pub struct Joined {
    inner: Box<dyn Output>,
    joiner: Box<dyn Joiner>,
    /// The output's own: it says what is known of the record at hand.
    context: RecordContext,
    /// Empty between records; kept for its room.
    made: Vec<Record>,
}

impl Joined {
    /// `inner` behind `joiner`; `context` has the names of the run.
    #[must_use]
    pub fn new(inner: Box<dyn Output>, joiner: Box<dyn Joiner>, context: RecordContext) -> Self {
        Joined {
            inner,
            joiner,
            context,
            made: Vec::new(),
        }
    }

    fn write_made(&mut self) {
        for record in self.made.drain(..) {
            self.inner.status().add_made();
            self.joiner.describe(&record, &mut self.context);
            self.inner.write(&record, &self.context);
        }
    }
}

impl Output for Joined {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn status(&self) -> &Arc<OutputStatus> {
        self.inner.status()
    }

    fn write(&mut self, record: &Record, _: &RecordContext) {
        match self.joiner.join(record, &mut self.made) {
            Fate::Write => {
                self.joiner.describe(record, &mut self.context);
                self.inner.write(record, &self.context);
            }
            Fate::TakeIn => self.inner.status().add_taken_in(),
        }
        self.write_made();
    }

    fn tick(&mut self, now: SystemTime) {
        self.joiner.tick(now, &mut self.made);
        self.write_made();
        self.inner.tick(now);
    }

    fn reopen(&mut self) {
        self.inner.reopen();
    }

    fn change(&mut self, config: &OutputConfig) {
        self.inner.change(config);
    }

    fn flush(&mut self) {
        self.inner.flush();
    }

    fn finish(&mut self) {
        self.joiner.finish(&mut self.made);
        self.write_made();
        self.inner.finish();
    }
}
