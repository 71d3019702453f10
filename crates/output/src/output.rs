//! What an output is to the thread that drives it.

use std::sync::Arc;
use std::time::SystemTime;

use portreeve_record::{Record, RecordContext};

use crate::config::OutputConfig;
use crate::status::{OutputCounters, OutputStatus};

/// Where records go: a stream, a folder of logs, later a collector or a database. One thread drives it.
///
/// Nothing here returns an error: an output counts what it could not write, says so through its [`OutputStatus`], and goes on.
pub trait Output: Send {
    /// The output's name, as configured; unique in a run.
    fn name(&self) -> &str;

    /// Its counters and state, shared with whoever shows them.
    fn status(&self) -> &Arc<OutputStatus>;

    /// Takes one record. It may stay in a buffer until [`Output::flush`].
    fn write(&mut self, record: &Record, context: &RecordContext);

    /// Time passes: rotation, retention, another try after an error. Called a few times a second.
    fn tick(&mut self, now: SystemTime) {
        let _ = now;
    }

    /// Closes and opens its files again (HUP): someone may have moved them away.
    fn reopen(&mut self) {}

    /// Becomes what `config` describes, which has the same name. One that cannot, or that is so already, stays as it is; what went wrong is in its
    /// status.
    fn change(&mut self, config: &OutputConfig) {
        let _ = config;
    }

    /// Hands what is buffered to the operating system.
    fn flush(&mut self);

    /// The end: flushes, writes closing lines, makes files durable. Nothing is written afterwards.
    fn finish(&mut self) {
        self.flush();
    }

    /// Its counters now.
    fn counters(&self) -> OutputCounters {
        self.status().counters()
    }
}
