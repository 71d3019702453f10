//! The order of several workers' records, the worker's side: a stamp beside each record, and a floor under those to come.
//!
//! Only a file's run has it, and only with several workers: it may wait, and its records are to be the same with any number of workers.
//!
//! A worker's stamps are the times of the packets, or of what was due, and so not quite in the order in which it makes its records: within a burst those of one port come
//! behind one another, and what was due comes at its end. So it says for how far it is done: its *floor*, a time that no later record's stamp is below.
//! It is raised behind each parcel of the reader's, to the reader's time, when all that was due by then has ended; and a worker without packets is told the time too. The
//! feeds ([`crate::merge`]) hand out what lies below all floors, in the order of the stamps.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicI64,
    Ordering::{Acquire, Release},
};

use portreeve_record::{Record, Uid, When};
use rtrb::Producer;

/// The time of all that ends with the input: later than any packet.
pub(crate) const END: i64 = i64::MAX - 1;

/// What stands beside a record in the ring, and orders it. Nothing in it depends on how many workers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// The record's time, never outside what the worker's clock says.
    pub(crate) at: i64,
    /// Among those of the same time.
    pub(crate) then: i64,
    /// Of the flow: records of one stay together, in their order.
    uid: Uid,
}

impl Stamp {
    const FIRST: Stamp = Stamp {
        at: i64::MIN,
        then: i64::MIN,
        uid: Uid([0; 3]),
    };

    /// What a floor is compared with.
    pub(crate) fn moment(&self) -> Moment {
        (self.at, self.then)
    }
}

/// A time, and what decides among those of the same.
pub(crate) type Moment = (i64, i64);

/// Below this no record of one worker will come. Written by the worker, read by all feeds.
#[repr(align(128))]
pub(crate) struct Floor {
    at: AtomicI64,
    /// At the end of the input, where `at` does not change any more.
    then: AtomicI64,
}

impl Floor {
    pub(crate) fn new() -> Floor {
        Floor {
            at: AtomicI64::new(i64::MIN),
            then: AtomicI64::new(i64::MIN),
        }
    }

    /// What was pushed before the floor came to be there is seen by whoever looks at the rings after this.
    pub(crate) fn moment(&self) -> Moment {
        let at = self.at.load(Acquire);
        (at, self.then.load(Acquire))
    }
}

/// Stamps the records of one worker.
pub(crate) struct Stamper {
    floor: Arc<Floor>,
    /// Beside the rings of the records, of the same length.
    rings: Vec<Producer<Stamp>>,
    /// The floor.
    from: i64,
    /// The reader's time: its frames so far are not later.
    until: i64,
    /// The packets at hand are not in the order of their times. Then their records keep the order in which they are made.
    in_turn: bool,
    last: Stamp,
}

impl Stamper {
    pub(crate) fn new(floor: Arc<Floor>, rings: Vec<Producer<Stamp>>) -> Stamper {
        Stamper {
            floor,
            rings,
            from: i64::MIN,
            until: i64::MIN,
            in_turn: false,
            last: Stamp::FIRST,
        }
    }

    /// Packets of these times come, in this order; the reader's time is `until` by now.
    pub(crate) fn expect(&mut self, until: i64, times: impl Iterator<Item = i64>) {
        self.until = until.min(END - 1);
        self.in_turn = !times.is_sorted();
    }

    /// All that is due by the reader's time has ended: nothing of before will come.
    pub(crate) fn raise(&mut self) {
        if self.until > self.from {
            self.from = self.until;
            self.floor.at.store(self.from, Release);
        }
    }

    /// What comes from here on ends because the input does: flow by flow, in the order in which it is made.
    pub(crate) fn end(&mut self) {
        (self.from, self.until) = (END, END);
        self.in_turn = true;
        self.last = Stamp::FIRST;
        self.floor.at.store(END, Release);
    }

    /// The stamp of a record that is made now.
    #[inline]
    pub(crate) fn stamp(&mut self, record: &Record, when: When) -> Stamp {
        let mut stamp = Stamp {
            at: when.at.clamp(self.from, self.until.max(self.from)),
            then: when.then,
            uid: uid(record),
        };
        if self.in_turn {
            stamp = stamp.max(self.last);
            self.last = stamp;
            if stamp.at == END {
                self.floor.then.store(stamp.then, Release);
            }
        }
        stamp
    }

    /// Puts the stamp of the next record of this output's ring there. The record's ring has room, and so has this one.
    #[inline]
    pub(crate) fn put(&mut self, output: usize, stamp: Stamp) {
        if let Some(ring) = self.rings.get_mut(output) {
            let _ = ring.push(stamp);
        }
    }
}

fn uid(record: &Record) -> Uid {
    match record {
        Record::Conn(conn) | Record::ConnUpdate(conn) => conn.uid,
        Record::App(app) => app.record().head().uid,
        Record::Weird(weird) => weird.uid.unwrap_or_default(),
        _ => Uid::default(),
    }
}
