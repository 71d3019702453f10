//! Where records go from the room that makes them.

use crate::Record;

/// When a record came to be, by the time of the packets: what puts the records of several workers in one order. It is no part of a record.
///
/// A record tells another time, mostly: that of what it is about. Of two moments with the same `at`, `then` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct When {
    /// Nanoseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Among those of the same time.
    pub then: i64,
}

impl When {
    /// A packet of this time told it.
    #[must_use]
    #[inline]
    pub fn packet(timestamp: i64) -> When {
        When {
            at: timestamp,
            then: timestamp,
        }
    }

    /// A flow was over at `due`, and is looked at no sooner than `looked_at`.
    #[must_use]
    #[inline]
    pub fn over(looked_at: i64, due: i64) -> When {
        When {
            at: looked_at,
            then: due,
        }
    }

    /// The input ended, and with it a flow that began at `start`.
    #[must_use]
    #[inline]
    pub fn end(start: i64) -> When {
        When {
            at: i64::MAX,
            then: start,
        }
    }
}

/// Takes records, one by one, on the worker's thread. It must not block in live runs.
pub trait RecordSink {
    /// Takes one record, which came to be at `when`.
    fn emit(&mut self, record: Record, when: When);
}

impl RecordSink for Vec<Record> {
    fn emit(&mut self, record: Record, _: When) {
        self.push(record);
    }
}
