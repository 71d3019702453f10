//! An output that takes some of the logs only.

use std::sync::Arc;
use std::time::SystemTime;

use portreeve_record::{Record, RecordContext};

use crate::output::Output;
use crate::status::OutputStatus;

/// Passes on the records of chosen logs; the others are counted as unwanted.
pub struct Selected {
    inner: Box<dyn Output>,
    logs: Vec<String>,
}

impl Selected {
    /// `inner`, for the records of `logs` only.
    #[must_use]
    pub fn new(inner: Box<dyn Output>, logs: Vec<String>) -> Self {
        Selected { inner, logs }
    }
}

impl Output for Selected {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn status(&self) -> &Arc<OutputStatus> {
        self.inner.status()
    }

    fn write(&mut self, record: &Record, context: &RecordContext) {
        if self.logs.iter().any(|log| log == record.path()) {
            self.inner.write(record, context);
        } else {
            self.inner.status().add_unwanted();
        }
    }

    fn tick(&mut self, now: SystemTime) {
        self.inner.tick(now);
    }

    fn reopen(&mut self) {
        self.inner.reopen();
    }

    fn flush(&mut self) {
        self.inner.flush();
    }

    fn finish(&mut self) {
        self.inner.finish();
    }
}
