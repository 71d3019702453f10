//! What stands between an output's feed and the output: facts that span conversations are joined there.

use crate::{Record, RecordContext};

/// What becomes of a record that a joiner was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// It is written.
    Write,
    /// It is not: a repetition of what was written already, or a part of one that will be made.
    TakeIn,
}

/// Looks at every record before its output writes it. Each output has one of its own, on its own thread.
pub trait Joiner: Send {
    /// Looks at `record`; puts what is known of it from elsewhere into `context`, which is the output's own; appends records of its own to `made`.
    fn join(
        &mut self,
        record: &Record,
        context: &mut RecordContext,
        made: &mut Vec<Record>,
    ) -> Fate;

    /// The end: appends to `made` what it still held.
    fn finish(&mut self, made: &mut Vec<Record>);
}
