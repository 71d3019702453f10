//! For users of the library: to see packets, streams and records on the worker that has them, without touching ours.
//!
//! ```text
//!  decode ──▶ PacketSubscriber            every view, before its flow is looked up
//!  application stage ──▶ StreamSubscriber what is said in conversations, in order: sessions, as our own protocols are
//!  Outlet ──▶ RecordSubscriber            every record: flows that end (`conn`), updates, application records
//! ```
//!
//! Each worker has subscribers of its own, made when the run starts ([`Subscribers`]) and dropped when the worker ends, behind the last record: what they hold needs no lock, and `Drop` is the place to
//! bring results together. They run on the worker's core between two packets: what they take, the packets wait for. A subscriber that panics ends its worker, as any fault does.
//!
//! `examples/` has one of each.

use std::fmt;
use std::sync::Arc;

pub use portreeve_app::StreamSubscriber;
use portreeve_packet::View;
use portreeve_record::Record;

/// Sees packets. Any closure of the right form is one.
pub trait PacketSubscriber: Send {
    /// A packet was decoded; a frame with tunnels gives one view for each layer that has a flow of its own. `frame` is what was captured of it, cut to
    /// [`crate::EngineConfig::snap_len`], and on loan.
    fn packet(&mut self, view: &View, frame: &[u8]);
}

impl<F: FnMut(&View, &[u8]) + Send> PacketSubscriber for F {
    #[inline]
    fn packet(&mut self, view: &View, frame: &[u8]) {
        self(view, frame);
    }
}

/// Sees records, in the order they are made. Any closure of the right form is one.
pub trait RecordSubscriber: Send {
    /// A record was made; it goes to the outputs after this.
    fn record(&mut self, record: &Record);
}

impl<F: FnMut(&Record) + Send> RecordSubscriber for F {
    #[inline]
    fn record(&mut self, record: &Record) {
        self(record);
    }
}

/// What one worker's subscriber wants to see. What is not asked for costs nothing.
#[derive(Default)]
pub struct Subscriber {
    pub(crate) packets: Option<Box<dyn PacketSubscriber>>,
    pub(crate) streams: Option<Box<dyn StreamSubscriber>>,
    pub(crate) records: Option<Box<dyn RecordSubscriber>>,
}

impl Subscriber {
    /// One that wants nothing yet.
    #[must_use]
    pub fn new() -> Subscriber {
        Subscriber::default()
    }

    /// Packets go to this.
    #[must_use]
    pub fn packets(mut self, packets: impl PacketSubscriber + 'static) -> Subscriber {
        self.packets = Some(Box::new(packets));
        self
    }

    /// Conversations are offered to this. They are looked into by the application stage ([`crate::EngineConfig::applications`]).
    #[must_use]
    pub fn streams(mut self, streams: impl StreamSubscriber + 'static) -> Subscriber {
        self.streams = Some(Box::new(streams));
        self
    }

    /// Records go to this.
    #[must_use]
    pub fn records(mut self, records: impl RecordSubscriber + 'static) -> Subscriber {
        self.records = Some(Box::new(records));
        self
    }
}

/// Makes each worker's subscriber, by the worker's number.
#[derive(Clone)]
pub struct Subscribers(Arc<dyn Fn(usize) -> Subscriber + Send + Sync>);

impl Subscribers {
    /// Those that `make` makes: called once for each worker, before the run starts.
    #[must_use]
    pub fn new(make: impl Fn(usize) -> Subscriber + Send + Sync + 'static) -> Subscribers {
        Subscribers(Arc::new(make))
    }

    pub(crate) fn of_worker(&self, worker: usize) -> Subscriber {
        (self.0)(worker)
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscribers")
    }
}
