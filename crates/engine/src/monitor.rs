//! The door: [`Monitor`] starts the threads of a run, shows what they do, and ends them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portreeve_app::{Stage, StageConfig};
use portreeve_capture::{CaptureError, SourceKind};
use portreeve_flow::{FlowError, Tracker};
use portreeve_packet::Views;
use portreeve_packet::steer::Spreading;
use portreeve_record::Record;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::bins::{self, Bins, Peak, Shelf};
use crate::clock::Clock;
use crate::config::{EngineConfig, FrameFilter, Input, Inputs, LiveSettings};
use crate::counters::{Cell, MAX_OUTPUTS, MAX_SOURCES, WorkerCounters};
use crate::directions::Directions;
use crate::feed::Feed;
use crate::home::Homes;
use crate::in_line::InLine;
use crate::lane::{LaneIn, LaneOut, lane};
use crate::ledger::{Ledger, WriterAccount};
use crate::merge::Merge;
use crate::order::{Floor, Stamp, Stamper};
use crate::packets::PacketFeed;
use crate::pipeline::{Gate, Pipeline, TAP_COPY_BYTES};
use crate::placement::{self, Layout, Wish};
use crate::queues;
use crate::reader::Reader;
use crate::rest::Rest;
use crate::shared::Shared;
use crate::sink::Outlet;
use crate::snapshot::{FlowMemory, MemoryArea, Snapshot, WorkerState};
use crate::strategy::{Bell, Strategy, Waiting, Waits};
use crate::subscribe::Subscriber;
use crate::talkers::{Looker, Sample, Talkers, Tallies};
use crate::worker::{Worker, wall_clock};

/// Batches on the way from the reader to one worker.
const READER_BATCHES: usize = 256;
/// Batches on the way from one worker to another, and room for copies in each.
const MESH_BATCHES: usize = 128;
const MESH_COPY_BYTES: usize = 72 << 10;
/// Batches on the way from one worker to the packet writer.
const TAP_BATCHES: usize = 128;
/// Frames in a batch.
const BATCH_FRAMES: usize = portreeve_capture::burst::MAX_BURST;
/// Seconds before the one at hand whose peaks a snapshot has.
const PEAKS_BEFORE: i64 = 2;
/// Talkers of each kind in a snapshot.
const TOP_TALKERS: usize = 100;

/// Why a run could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineError {
    /// More sources or outputs than there is room for.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// No source was given.
    NoSource,
    /// A packet count needs a single worker.
    CountNeedsOneWorker,
    /// A subscriber wants streams, and conversations are not looked into ([`EngineConfig::applications`]).
    StreamsWithoutApplications,
    /// The flow table could not be made.
    Flow(FlowError),
    /// A thread's doorbell could not be made.
    Bell(std::io::Error),
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EngineError::TooMany { what, most } => write!(f, "too many {what}: at most {most}"),
            EngineError::NoSource => write!(f, "no source to read from"),
            EngineError::CountNeedsOneWorker => {
                write!(
                    f,
                    "a packet count (-c) needs a single worker: add --workers 1"
                )
            }
            EngineError::StreamsWithoutApplications => write!(
                f,
                "a subscriber wants streams, but conversations are not looked into: EngineConfig::applications is None"
            ),
            EngineError::Flow(error) => write!(f, "flow table: {error}"),
            EngineError::Bell(error) => {
                write!(f, "event descriptor (eventfd) of a worker: {error}")
            }
            EngineError::Thread(error) => {
                write!(f, "a worker thread could not be started: {error}")
            }
        }
    }
}

impl std::error::Error for EngineError {}

struct Seat {
    name: String,
    cpu: usize,
    pinned: Arc<std::sync::atomic::AtomicBool>,
    in_line: Arc<InLine>,
    cell: Arc<Cell>,
}

/// How a run ended.
#[derive(Debug)]
pub struct FinalReport {
    /// The last snapshot: nothing moves any more.
    pub snapshot: Snapshot,
    /// What went wrong with sources, by name.
    pub errors: Vec<(String, CaptureError)>,
    /// Threads that panicked: a fault of ours. Their frames are `unaccounted`.
    pub panicked: Vec<String>,
}

/// A running monitor.
pub struct Monitor {
    shared: Arc<Shared>,
    seats: Vec<Seat>,
    threads: Vec<(String, JoinHandle<()>)>,
    source_names: Vec<String>,
    source_kinds: Vec<SourceKind>,
    outputs: Vec<String>,
    /// [`EngineConfig::shown`].
    shown: Vec<String>,
    feeds: Vec<Feed>,
    talkers: Mutex<Vec<Looker>>,
    shelves: Vec<Arc<Shelf>>,
    /// Directions are by networks that were configured.
    nets_configured: std::sync::atomic::AtomicBool,
    started: Instant,
    drain: Duration,
    total_bytes: Option<u64>,
    is_file: bool,
    flow_memory: FlowMemory,
    layout: Option<Layout>,
    packets: Option<PacketFeed>,
    writes_packets: bool,
    lost_by_outputs: Option<LostByOutput>,
}

/// Says of an output, by its name, how many records it could not keep since the start.
pub type LostByOutput = Box<dyn Fn(&str) -> u64 + Send + Sync>;

impl Monitor {
    /// Starts a run.
    ///
    /// # Errors
    /// What could not be made. Nothing runs then.
    pub fn start(mut config: EngineConfig, inputs: Inputs) -> Result<Monitor, EngineError> {
        check(&config, &inputs)?;
        let (sources, mut reader_source) = match inputs {
            Inputs::PerWorker(sources) => (sources, None),
            Inputs::Shared(source, workers) => {
                ((0..workers).map(|_| Vec::new()).collect(), Some(source))
            }
        };
        let workers = sources.len();
        let infos: Vec<_> = match &reader_source {
            Some(input) => vec![input.source.info().clone()],
            None => sources
                .first()
                .ok_or(EngineError::NoSource)?
                .iter()
                .map(|input| input.source.info().clone())
                .collect(),
        };
        let live = infos.iter().any(|info| info.live);
        let started = Instant::now();
        let threads = workers + usize::from(reader_source.is_some());
        let bells: Result<Vec<_>, _> = (0..threads)
            .map(|_| Bell::new(started).map(Arc::new))
            .collect();
        let bells = bells.map_err(EngineError::Bell)?;
        let rest = Rest::new(workers, config.outputs.len());
        let shared = Arc::new(Shared::new(bells.clone(), config.waiting, rest));
        // Those of live interfaces are handed on as they come; and one worker's are in order.
        let in_order = reader_source.is_some() && !live && workers > 1;
        let mut build = Build::new(&config, workers, (live, in_order), &shared, bells);
        build.spreading = spreading(&sources);
        if reader_source.is_some() {
            build.lanes_from_reader();
        } else {
            build.mesh();
        }

        // Each worker has its share of the memory: they share nothing.
        config.tracker.memory /= workers.max(1);
        let nic_node = infos
            .iter()
            .find_map(|info| placement::node_of_source(&info.name));
        let topology = config.topology.take().unwrap_or_else(placement::topology);
        // A live reader has a core of its own, like a worker.
        let layout = Layout::of(
            &topology,
            &Wish {
                workers,
                reader: live && reader_source.is_some(),
                cpus: &config.cpus,
                nic_node,
            },
        );
        // A file has no core of its own to protect: pin only where frames are lost otherwise, or where cores were named.
        let pin = live || !config.cpus.is_empty();
        let mut flow_memory = FlowMemory::default();
        let mut ready = Vec::new();
        for (index, own) in sources.into_iter().enumerate() {
            let mut tracker = config.tracker.clone();
            tracker.worker = index as u16;
            tracker.node = layout
                .seats
                .get(index)
                .filter(|_| pin)
                .and_then(|seat| seat.node);
            let tracker = Tracker::new(tracker).map_err(EngineError::Flow)?;
            let report = tracker.memory();
            flow_memory.capacity += report.capacity;
            flow_memory.bytes += report.total();
            let mut subscriber = match &config.subscribers {
                Some(subscribers) => subscribers.of_worker(index),
                None => Subscriber::default(),
            };
            if subscriber.streams.is_some() && config.applications.is_none() {
                return Err(EngineError::StreamsWithoutApplications);
            }
            let streams = subscriber.streams.take();
            let stage = config.applications.as_ref().map(|applications| {
                let memory = applications.memory / workers.max(1);
                flow_memory.application_bytes += memory;
                Stage::new(&StageConfig {
                    flows: report.capacity,
                    memory,
                    overlap: applications.overlap,
                    protocols: applications.protocols,
                    hashes: applications.hashes,
                    products: Arc::clone(&applications.products),
                    weirds_per_second: config.tracker.weirds_per_second,
                })
                .subscribed(streams)
            });
            ready.push(build.worker(index, own, (tracker, stage), subscriber, &config));
        }
        let reader = reader_source
            .take()
            .map(|input| build.reader(input, &config));

        let mut monitor = Monitor {
            shared: Arc::clone(&shared),
            seats: Vec::new(),
            threads: Vec::new(),
            source_names: infos.iter().map(|info| info.name.clone()).collect(),
            source_kinds: infos.iter().map(|info| info.kind).collect(),
            outputs: config.outputs.clone(),
            shown: config.shown.clone(),
            feeds: feeds(build.feeds, &shared),
            talkers: Mutex::new(build.lookers),
            shelves: build.shelves,
            nets_configured: std::sync::atomic::AtomicBool::new(
                !config.tracker.local_nets.is_empty(),
            ),
            started,
            drain: config.drain,
            total_bytes: infos.iter().map(|info| info.total_bytes).sum(),
            is_file: !live,
            flow_memory,
            layout: None,
            packets: config.packets.then(|| PacketFeed::new(build.tap)),
            writes_packets: config.packets,
            lost_by_outputs: None,
        };
        if live && config.own_process {
            // From here on: what runs now, and what those threads start.
            placement::keep_others_off(&layout.rest);
        }
        for (index, worker) in ready.into_iter().enumerate() {
            let name = format!("worker-{index}");
            let cell = Arc::clone(&worker.cell);
            monitor.spawn(name, layout.cpu(index), pin, cell, move || worker.run())?;
        }
        if let Some(reader) = reader {
            let cell = Arc::clone(&reader.cell);
            let (cpu, own) = (layout.cpu(workers), live);
            monitor.spawn("reader".to_owned(), cpu, own, cell, move || reader.run())?;
        }
        monitor.layout = pin.then_some(layout);
        Ok(monitor)
    }

    fn spawn(
        &mut self,
        name: String,
        cpu: usize,
        pin: bool,
        cell: Arc<Cell>,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), EngineError> {
        let pinned = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = Arc::clone(&pinned);
        let in_line = Arc::new(InLine::default());
        let account = Arc::clone(&in_line);
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || {
                if pin {
                    flag.store(placement::pin_this_thread(cpu).is_ok(), Ordering::Relaxed);
                }
                account.begin();
                body();
                account.end();
            })
            .map_err(|error| {
                // Those that run already must not wait for this one.
                self.shared.ask_to_abandon();
                EngineError::Thread(error)
            })?;
        self.threads.push((name.clone(), thread));
        self.seats.push(Seat {
            name,
            cpu,
            pinned,
            in_line,
            cell,
        });
        Ok(())
    }

    /// The feeds of the outputs, in the order of [`EngineConfig::outputs`]. Each is given once.
    pub fn take_feeds(&mut self) -> Vec<Feed> {
        std::mem::take(&mut self.feeds)
    }

    /// What the packet writer reads from, if [`EngineConfig::packets`] asked for it. Given once.
    pub fn take_packets(&mut self) -> Option<PacketFeed> {
        self.packets.take()
    }

    /// Whom to ask what the outputs could not keep: it is in the ledger from now on, as everything that is lost.
    pub fn ask_outputs(&mut self, lost: LostByOutput) {
        self.lost_by_outputs = Some(lost);
    }

    /// The run at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let cells: Vec<WorkerCounters> = self.seats.iter().map(|seat| seat.cell.read()).collect();
        let mut ledger = Ledger::of(&cells, &self.source_names, &self.outputs);
        for account in &mut ledger.records {
            account.shown_only = self.shown.contains(&account.output);
            if let Some(lost) = &self.lost_by_outputs {
                account.lost_by_output = lost(&account.output);
            }
        }
        if self.writes_packets {
            ledger.writer = Some(WriterAccount {
                queued: cells.iter().map(|c| c.write_queued).sum(),
                dropped: cells.iter().map(|c| c.write_dropped).sum(),
            });
        }
        let newest = cells
            .iter()
            .map(|c| c.newest_packet as i64)
            .max()
            .unwrap_or(0);
        let mode = self.shared.waiting().mode;
        // What a file has is waited for in one way only.
        let waited_for: &[String] = if self.is_file {
            &[]
        } else {
            &self.source_names
        };
        let workers = self.seats.iter().zip(&cells).map(|(seat, c)| WorkerState {
            name: seat.name.clone(),
            cpu: seat.cpu,
            pinned: seat.pinned.load(Ordering::Relaxed),
            frames: c.delivered + c.handed_in,
            flows: c.flows_active,
            waits: Waits::of(c, mode, waited_for),
            in_line_ns: seat.in_line.nanoseconds(),
        });
        Snapshot {
            uptime_ns: self.started.elapsed().as_nanos() as u64,
            newest_packet: (newest > 0).then_some(newest),
            ledger,
            talkers: self.latest_talkers(),
            directions: Directions {
                configured: self.nets_configured.load(Ordering::Relaxed),
                ..Directions::of(&cells)
            },
            peaks: self.peaks(),
            workers: workers.collect(),
            queues: queues::of(&cells, &self.source_names, &self.source_kinds),
            flow_memory: self.flow_memory,
            memory: MemoryArea::all(),
            layout: self.layout.clone(),
            position: self.is_file.then(|| {
                (
                    self.shared.position.load(Ordering::Relaxed),
                    self.total_bytes,
                )
            }),
            finished: self.is_finished(),
        }
    }

    fn peaks(&self) -> Vec<Peak> {
        if self.shelves.is_empty() {
            return Vec::new();
        }
        bins::peaks(&self.shelves, wall_clock(), PEAKS_BEFORE)
    }

    /// How often each thread of [`Snapshot::workers`] has published its books, in their order. One that makes progress does so at least every
    /// [`EngineConfig::longest_sleep`]; one that hangs, or that broke down, does not.
    #[must_use]
    pub fn beats(&self) -> Vec<(&str, u64)> {
        let beats = self.seats.iter();
        beats
            .map(|seat| (seat.name.as_str(), seat.cell.published()))
            .collect()
    }

    fn latest_talkers(&self) -> Talkers {
        let Ok(mut lookers) = self.talkers.lock() else {
            return Talkers::default();
        };
        let samples: Vec<&Sample> = lookers.iter_mut().filter_map(Looker::look).collect();
        Talkers::of(samples.into_iter(), TOP_TALKERS)
    }

    /// Asks the run to take nothing new in, drain and finish; returns at once.
    pub fn stop(&self) {
        self.shared.ask_to_stop();
    }

    /// Changes what can be changed while the run goes on; every worker takes it over before its next burst.
    pub fn change(&self, settings: LiveSettings) {
        self.nets_configured
            .store(!settings.local_nets.is_empty(), Ordering::Relaxed);
        self.shared.change(settings);
    }

    /// How live workers wait.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        self.shared.waiting()
    }

    /// Has workers wait otherwise from now on; those that sleep are woken for it.
    pub fn wait_by(&self, waiting: Waiting) {
        self.shared.wait_by(waiting);
    }

    /// Asks the run to leave at once: what is still queued is counted as dropped.
    pub fn abandon(&self) {
        self.shared.ask_to_abandon();
    }

    /// Whether all threads have finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.running.load(Ordering::Acquire) == 0
            || self.threads.iter().all(|(_, thread)| thread.is_finished())
    }

    /// Errors of sources since this was last asked, by the sources' names.
    #[must_use]
    pub fn take_errors(&self) -> Vec<(String, CaptureError)> {
        self.shared.take_errors()
    }

    /// What sources had to tell since this was last asked: a link that went down, interrupts that do not come.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        self.shared.take_notices()
    }

    /// How long a stop may wait for what is queued.
    #[must_use]
    pub fn drain_deadline(&self) -> Duration {
        self.drain
    }

    /// Waits for the threads to end. Call it when [`Monitor::is_finished`], or after [`Monitor::stop`].
    #[must_use]
    pub fn join(mut self) -> FinalReport {
        let mut panicked = Vec::new();
        for (name, thread) in std::mem::take(&mut self.threads) {
            if thread.join().is_err() {
                panicked.push(name);
            }
        }
        FinalReport {
            snapshot: self.snapshot(),
            errors: self.shared.take_errors(),
            panicked,
        }
    }
}

fn check(config: &EngineConfig, inputs: &Inputs) -> Result<(), EngineError> {
    if config.outputs.len() > MAX_OUTPUTS {
        return Err(EngineError::TooMany {
            what: "outputs",
            most: MAX_OUTPUTS,
        });
    }
    let (workers, widest) = match inputs {
        Inputs::PerWorker(sources) => (
            sources.len(),
            sources.iter().map(Vec::len).max().unwrap_or(0),
        ),
        // The reader counts for all its workers.
        Inputs::Shared(_, workers) => ((*workers).min(1), 1),
    };
    if workers == 0 || widest == 0 {
        return Err(EngineError::NoSource);
    }
    if widest > MAX_SOURCES {
        return Err(EngineError::TooMany {
            what: "sources",
            most: MAX_SOURCES,
        });
    }
    if config.count.is_some() && workers > 1 {
        return Err(EngineError::CountNeedsOneWorker);
    }
    Ok(())
}

/// What decides homes: how all sources' frames were spread, if that is the same for all, else our own hash.
fn spreading(workers: &[Vec<Input>]) -> Spreading {
    let mut all = workers
        .iter()
        .flatten()
        .map(|input| input.source.spreading());
    let first = all.next().unwrap_or_default();
    if all.all(|other| other == first) {
        first
    } else {
        Spreading::Steering
    }
}

/// What an output reads: the rings of its records and, where they are put in order, of their stamps, by worker.
#[derive(Default)]
struct ReadingEnds {
    records: Vec<Consumer<Record>>,
    stamps: Vec<(Consumer<Stamp>, Arc<Floor>)>,
}

/// What a worker writes: the same, by output.
#[derive(Default)]
struct WritingEnds {
    records: Vec<Producer<Record>>,
    stamper: Option<Stamper>,
}

/// The feeds of all outputs, over their rings.
fn feeds(ends: Vec<ReadingEnds>, shared: &Shared) -> Vec<Feed> {
    let each = ends.into_iter().enumerate();
    each.map(|(output, ends)| {
        let capacity = ends.records.first().map(|ring| ring.buffer().capacity());
        let merge = (!ends.stamps.is_empty()).then(|| {
            let abandon = Arc::clone(&shared.abandon);
            Merge::new(ends.stamps, capacity.unwrap_or_default(), abandon)
        });
        Feed::new(ends.records, merge, Arc::clone(&shared.rest), output)
    })
    .collect()
}

/// The rings and lanes of a run while it is put together.
struct Build<'a> {
    shared: &'a Arc<Shared>,
    spreading: Spreading,
    live: bool,
    workers: usize,
    in_order: bool,
    producers: Vec<WritingEnds>,
    feeds: Vec<ReadingEnds>,
    lookers: Vec<Looker>,
    shelves: Vec<Arc<Shelf>>,
    outward: Vec<Vec<Option<LaneOut>>>,
    inward: Vec<Vec<LaneIn>>,
    from_reader: Vec<LaneOut>,
    tap: Vec<LaneIn>,
    /// Of the workers, then of the reader.
    bells: Vec<Arc<Bell>>,
}

impl<'a> Build<'a> {
    fn new(
        config: &EngineConfig,
        workers: usize,
        (live, in_order): (bool, bool),
        shared: &'a Arc<Shared>,
        bells: Vec<Arc<Bell>>,
    ) -> Self {
        let mut producers = Vec::new();
        let each = config.outputs.iter();
        let mut feeds: Vec<ReadingEnds> = each.map(|_| ReadingEnds::default()).collect();
        for _ in 0..workers {
            let floor = Arc::new(Floor::new());
            let (mut records, mut stamps) = (Vec::new(), Vec::new());
            for feed in &mut feeds {
                let (producer, consumer) = RingBuffer::new(config.record_ring);
                records.push(producer);
                feed.records.push(consumer);
                if in_order {
                    let (producer, consumer) = RingBuffer::new(config.record_ring);
                    stamps.push(producer);
                    feed.stamps.push((consumer, Arc::clone(&floor)));
                }
            }
            let stamper = in_order.then(|| Stamper::new(floor, stamps));
            producers.push(WritingEnds { records, stamper });
        }
        Build {
            shared,
            spreading: Spreading::Steering,
            live,
            in_order,
            workers,
            producers,
            feeds,
            lookers: Vec::new(),
            shelves: Vec::new(),
            outward: (0..workers).map(|_| Vec::new()).collect(),
            inward: (0..workers).map(|_| Vec::new()).collect(),
            from_reader: Vec::new(),
            tap: Vec::new(),
            bells,
        }
    }

    /// Room for copies in a batch of the reader's: a file's frames go by reference, all of them.
    fn reader_copy_bytes(&self) -> usize {
        if self.live { MESH_COPY_BYTES } else { 0 }
    }

    fn lanes_from_reader(&mut self) {
        let copy_bytes = self.reader_copy_bytes();
        for (inward, bell) in self.inward.iter_mut().zip(&self.bells) {
            let bell = Some(Arc::clone(bell));
            let (out, into) = lane(READER_BATCHES, BATCH_FRAMES, copy_bytes, bell);
            self.from_reader.push(out);
            inward.push(into);
        }
    }

    fn mesh(&mut self) {
        if self.workers < 2 {
            return;
        }
        for (from, outward) in self.outward.iter_mut().enumerate() {
            for (to, (inward, bell)) in self.inward.iter_mut().zip(&self.bells).enumerate() {
                if from == to {
                    outward.push(None);
                } else {
                    let (out, into) = lane(
                        MESH_BATCHES,
                        BATCH_FRAMES,
                        MESH_COPY_BYTES,
                        Some(Arc::clone(bell)),
                    );
                    outward.push(Some(out));
                    inward.push(into);
                }
            }
        }
    }

    /// The gate of a thread that takes frames from sources of its own.
    fn gate(&mut self, config: &EngineConfig, filters: Vec<Option<FrameFilter>>) -> Gate {
        let tap = (config.packets && !filters.is_empty()).then(|| {
            let (out, into) = lane(TAP_BATCHES, BATCH_FRAMES, TAP_COPY_BYTES, None);
            self.tap.push(into);
            out
        });
        Gate {
            filters,
            made_by: None,
            snap_len: config.snap_len,
            left: config.count,
            tap,
            lossless: !self.live,
            abandon: Arc::clone(&self.shared.abandon),
        }
    }

    fn strategy(&self, thread: usize, config: &EngineConfig) -> Strategy {
        // Files wait for their workers: there is nothing to choose.
        let waiting = if self.live {
            config.waiting
        } else {
            Waiting::default()
        };
        let bell = Arc::clone(&self.bells[thread]);
        Strategy::new(waiting, config.longest_sleep, bell)
    }

    fn worker(
        &mut self,
        index: usize,
        inputs: Vec<Input>,
        (tracker, applications): (Tracker, Option<Stage>),
        subscriber: Subscriber,
        config: &EngineConfig,
    ) -> Worker {
        let tallies = config.talkers.then(|| {
            let (tallies, looker) = Tallies::new(config.ours.clone());
            self.lookers.push(looker);
            tallies
        });
        let bins = self.bins(config);
        let ends = std::mem::take(&mut self.producers[index]);
        let abandon = Arc::clone(&self.shared.abandon);
        let outlet = Outlet::new(
            ends.records,
            ends.stamper,
            !self.live,
            abandon,
            subscriber.records,
        );
        let (sources, filters) = inputs
            .into_iter()
            .map(|input| (Some(input.source), input.filter))
            .unzip();
        let gate = self.gate(config, filters);
        Worker {
            sources,
            inward: std::mem::take(&mut self.inward[index]),
            pipeline: Pipeline {
                worker: index,
                gate,
                decode: config.decode,
                views: Box::new(Views::default()),
                tracker,
                applications,
                subscriber: subscriber.packets,
                full_bursts: 0,
                outlet,
                tallies,
                bins,
                counters: WorkerCounters::default(),
                clock: Clock::default(),
                notes_lost: 0,
                homes: Homes::new(self.workers, self.spreading, MESH_COPY_BYTES),
                mesh: std::mem::take(&mut self.outward[index]),
            },
            cell: Arc::new(Cell::default()),
            shared: Arc::clone(self.shared),
            strategy: self.strategy(index, config),
            longest_sleep: config.longest_sleep,
            live: self.live,
            in_order: self.in_order,
            settings_version: 0,
        }
    }

    /// A shelf of milliseconds for one thread that takes packets from live sources.
    fn bins(&mut self, config: &EngineConfig) -> Option<Bins> {
        (config.talkers && self.live).then(|| {
            let (bins, shelf) = Bins::new();
            self.shelves.push(shelf);
            bins
        })
    }

    fn reader(&mut self, input: Input, config: &EngineConfig) -> Reader {
        let gate = self.gate(config, vec![input.filter]);
        Reader {
            source: Some(input.source),
            lanes: std::mem::take(&mut self.from_reader),
            gate,
            homes: Homes::new(self.workers, self.spreading, self.reader_copy_bytes()),
            decode: portreeve_packet::DecodeOptions {
                // The worker verifies; the reader only looks for the way.
                verify_checksums: false,
                ..config.decode
            },
            views: Box::new(Views::default()),
            counters: WorkerCounters::default(),
            clock: Clock::default(),
            cell: Arc::new(Cell::default()),
            shared: Arc::clone(self.shared),
            bins: self.bins(config),
            strategy: self.strategy(self.workers, config),
            longest_sleep: config.longest_sleep,
            live: self.live,
            settings_version: 0,
            loans: Vec::with_capacity(self.workers * READER_BATCHES * BATCH_FRAMES),
            out: 0,
            found: false,
        }
    }
}
