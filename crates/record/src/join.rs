//! What stands between an output's feed and the output: facts that span conversations are joined there.

use std::time::SystemTime;

use crate::{Record, RecordContext};

/// What becomes of a record that a joiner was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// It is written.
    Write,
    /// It is not: a repetition of what was written already, a part of one that will be made, or one that is made again with what is known of it.
    TakeIn,
}

/// Looks at every record before its output writes it. Each output has one of its own, on its own thread.
pub trait Joiner: Send {
    /// Looks at `record`; appends records of its own to `made`.
    fn join(&mut self, record: &Record, made: &mut Vec<Record>) -> Fate;

    /// Puts what is known of `record` from elsewhere into `context`, which is the output's own: the next that is written with it is `record`.
    fn describe(&mut self, record: &Record, context: &mut RecordContext);

    /// Called a few times a second, whether records come or not: appends to `made` what was held long enough.
    fn tick(&mut self, _now: SystemTime, _made: &mut Vec<Record>) {}

    /// The end: appends to `made` what it still held.
    fn finish(&mut self, made: &mut Vec<Record>);
}
