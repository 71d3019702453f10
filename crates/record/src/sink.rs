//! Where records go from the room that makes them.

use crate::Record;

/// Takes records, one by one, on the worker's thread. It must not block in live runs.
pub trait RecordSink {
    /// Takes one record.
    fn emit(&mut self, record: Record);
}

impl RecordSink for Vec<Record> {
    fn emit(&mut self, record: Record) {
        self.push(record);
    }
}
