//! What a run is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portreeve_app::stream::Overlap;
use portreeve_app::{Applications, Hashes, Products};
use portreeve_capture::{Frame, Source};
use portreeve_flow::{Prefix, Timeouts, TrackerConfig};
use portreeve_host::cpus::Topology;
use portreeve_packet::DecodeOptions;

use crate::strategy::Waiting;
use crate::subscribe::Subscribers;

/// How the engine works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineConfig {
    /// How frames are decoded.
    pub decode: DecodeOptions,
    /// How flows are kept. `memory` is for all workers together; each gets its share.
    pub tracker: TrackerConfig,
    /// How conversations are looked into; `None`: they are not.
    pub applications: Option<AppConfig>,
    /// The cores workers may own; empty: all that the process may use.
    pub cpus: Vec<usize>,
    /// The machine's cores, as they were before anything changed this thread's affinity; `None`: as they are.
    pub topology: Option<Topology>,
    /// Live: all other threads of the process, which is ours alone, are kept off the workers' cores.
    pub own_process: bool,
    /// Names of the outputs that [`crate::Monitor::take_feeds`] gives feeds for, in order.
    pub outputs: Vec<String>,
    /// Those of `outputs` that only show records, on screens: what they drop is counted, and no loss ([`crate::Ledger::lost_anything`]).
    pub shown: Vec<String>,
    /// Records each worker can have waiting for each output.
    pub record_ring: usize,
    /// Bytes of each frame that are looked at; what was on the wire is still counted in full.
    pub snap_len: u32,
    /// Stop after so many frames that pass the filter. Needs one worker.
    pub count: Option<u64>,
    /// How long a stop waits for the rings to be drained and the outputs to take what is there.
    pub drain: Duration,
    /// How workers wait for live packets.
    pub waiting: Waiting,
    /// The longest one sleep: time goes on without packets, and counters are read.
    pub longest_sleep: Duration,
    /// Keep live top talkers, directions and what comes by the millisecond.
    pub talkers: bool,
    /// The networks that directions are by: those of `tracker.local_nets`, or what is presumed to be ours where none are configured.
    pub ours: Vec<Prefix>,
    /// Offer the frames that pass the filter to a packet writer ([`crate::Monitor::take_packets`]).
    pub packets: bool,
    /// Who sees packets, streams and records on the workers.
    pub subscribers: Option<Subscribers>,
}

impl EngineConfig {
    /// The defaults, around these rules for flows.
    #[must_use]
    pub fn new(tracker: TrackerConfig) -> Self {
        EngineConfig {
            decode: DecodeOptions::default(),
            tracker,
            applications: None,
            cpus: Vec::new(),
            topology: None,
            own_process: false,
            outputs: Vec::new(),
            shown: Vec::new(),
            record_ring: 8192,
            snap_len: u32::MAX,
            count: None,
            drain: Duration::from_secs(10),
            waiting: Waiting::default(),
            longest_sleep: Duration::from_millis(100),
            talkers: true,
            ours: Vec::new(),
            packets: false,
            subscribers: None,
        }
    }
}

/// How conversations are looked into.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Memory for it, bytes, for all workers together; each gets its share.
    pub memory: usize,
    /// Which copy of a byte counts where two say different things.
    pub overlap: Overlap,
    /// The protocols that are looked for.
    pub protocols: Applications,
    /// The hashes of files that are asked for.
    pub hashes: Hashes,
    /// The products behind names.
    pub products: Arc<Products>,
}

/// What can be changed while a run goes on: workers take it over between two bursts.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// When flows are over.
    pub timeouts: Timeouts,
    /// The networks that are ours.
    pub local_nets: Vec<Prefix>,
    /// The networks that directions are by ([`EngineConfig::ours`]).
    pub ours: Vec<Prefix>,
    /// How workers wait.
    pub waiting: Waiting,
    /// Another filter than the sources were opened with; `None`: as they were opened. The same one again changes nothing.
    pub filter: Option<NewFilter>,
}

/// A filter for sources that are open: once a thread has taken it over, it alone decides what passes, in user space.
#[derive(Clone)]
pub struct NewFilter(Arc<MakeFilter>);

/// Makes a filter for one source; `None`: all pass.
type MakeFilter = dyn Fn() -> Option<FrameFilter> + Send + Sync;

impl NewFilter {
    /// Each thread makes a filter of its own for each of its sources by this.
    pub fn new(make: impl Fn() -> Option<FrameFilter> + Send + Sync + 'static) -> NewFilter {
        NewFilter(Arc::new(make))
    }

    /// A filter for one source.
    pub(crate) fn make(&self) -> Option<FrameFilter> {
        (self.0)()
    }

    /// Whether the two are one.
    pub(crate) fn is(&self, other: &NewFilter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for NewFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewFilter")
    }
}

/// A capture filter that runs in user space: whether the frame passes. It runs on the thread of its source.
pub type FrameFilter = Box<dyn FnMut(&Frame<'_>) -> bool + Send>;

/// A source and, if its filter could not be put into the kernel, the filter.
pub struct Input {
    /// Where the frames come from.
    pub source: Box<dyn Source>,
    /// Which of them pass; `None`: all.
    pub filter: Option<FrameFilter>,
}

/// Where the frames come from.
pub enum Inputs {
    /// Each worker has sources of its own: live interfaces (its queue of each), or a file with one thread from end to end.
    /// All workers have the same interfaces in the same order.
    PerWorker(Vec<Vec<Input>>),
    /// One source, read by a thread of its own and shared out to so many workers by the steering hash: a file, or a live
    /// interface with one queue (software RSS).
    Shared(Input, usize),
}
