//! The output that records come in by.

use std::sync::Arc;

use portreeve_output::{Output, OutputStatus};
use portreeve_record::{Record, RecordContext};

use crate::NAME;
use crate::records::Shared;

/// Takes records in, on the thread that drives it, like any other output. It writes nowhere.
pub struct LiveOutput {
    status: Arc<OutputStatus>,
    records: Shared,
    line: Vec<u8>,
}

impl LiveOutput {
    pub(crate) fn new(records: Shared) -> Self {
        LiveOutput {
            status: Arc::default(),
            records,
            line: Vec::new(),
        }
    }
}

impl Output for LiveOutput {
    fn name(&self) -> &str {
        NAME
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, record: &Record, context: &RecordContext) {
        let mut records = self
            .records
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if records.take(record, context, &mut self.line) {
            self.status.add_written(1, 0);
        } else {
            self.status.add_unwanted();
        }
    }

    fn flush(&mut self) {}
}
