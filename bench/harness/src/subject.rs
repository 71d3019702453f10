//! What is measured: Portreeve's stages, from frames in memory to finished flow accounting, and what the conversations are about if that is asked for.

use std::sync::Arc;

use portreeve_app::stream::Overlap;
use portreeve_app::{Applications, Frames, Hashes, Stage, StageConfig, StageCounters};
use portreeve_floor::{Descriptor, Packets};
use portreeve_flow::{FlowCounters, FlowError, MemoryReport, Tracker, TrackerConfig};
use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, Outcome, Views, decode};
use portreeve_record::{Record, RecordSink, When};

use crate::clock::{thread_cpu_ns, ticks, ticks_per_ns};

/// Frames in a burst, as the capture sources lend them.
pub const BURST: usize = 64;
/// A burst that takes longer than this was interrupted; the stages' times leave it out. (The pass's CPU time does not.)
const INTERRUPTED_NS: f64 = 100_000.0;

/// Takes records and only counts them: formatting is the output side's, on another core.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// How many records of any kind.
    pub records: u64,
}

impl RecordSink for Counted {
    #[inline]
    fn emit(&mut self, record: Record, _: When) {
        std::hint::black_box(&record);
        self.records += 1;
    }
}

/// The frames of a burst, for the application stage.
pub struct Lent<'a> {
    /// Where they stand.
    pub packets: &'a Packets,
    /// Those of the burst.
    pub burst: &'a [Descriptor],
}

impl Frames for Lent<'_> {
    #[inline]
    fn bytes(&self, frame: u16) -> &[u8] {
        let descriptor = self.burst.get(usize::from(frame));
        descriptor.map_or(&[], |descriptor| self.packets.bytes(descriptor))
    }
}

/// An application stage with every protocol on, for a tracker of so many flows.
#[must_use]
pub fn stage(flows: usize, memory: usize) -> Stage {
    Stage::new(&StageConfig {
        flows,
        memory,
        overlap: Overlap::default(),
        protocols: Applications::default(),
        hashes: Hashes::default(),
        products: Arc::default(),
        weirds_per_second: 100,
    })
}

/// What a pass cost, nanoseconds a packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// CPU time of the whole pass.
    pub total: f64,
    /// Bytes to views, the wait for the frames' memory included.
    pub decode: f64,
    /// Views to flows; what the application stage takes is in it.
    pub flow: f64,
    /// The passing of time: expiry.
    pub advance: f64,
}

/// One worker's decode, flow and application stages, without a capture source.
pub struct Subject {
    tracker: Tracker,
    applications: Option<Stage>,
    views: Box<Views>,
    options: DecodeOptions,
    sink: Counted,
    undecoded: u64,
    link: LinkType,
    trusted: bool,
    burst: usize,
}

impl Subject {
    /// With `memory` bytes for flows.
    ///
    /// # Errors
    /// What the tracker said.
    pub fn new(memory: usize) -> Result<Subject, FlowError> {
        let mut config = TrackerConfig::default();
        config.memory = memory;
        config.hash_seed = 0x1234_5678_9abc_def0;
        Ok(Subject {
            tracker: Tracker::new(config)?,
            applications: None,
            views: Box::default(),
            options: DecodeOptions::default(),
            sink: Counted::default(),
            undecoded: 0,
            link: LinkType::Ethernet,
            trusted: true,
            burst: BURST,
        })
    }

    /// With bursts of so many frames.
    #[must_use]
    pub fn bursts_of(mut self, frames: usize) -> Subject {
        self.burst = frames;
        self
    }

    /// With the application stage, every protocol on, and `memory` bytes for it.
    #[must_use]
    pub fn with_applications(mut self, memory: usize) -> Subject {
        self.applications = Some(stage(self.tracker.memory().capacity, memory));
        self
    }

    /// For the frames of a file: of this link type, their checksums verified.
    #[must_use]
    pub fn of_file(mut self, link: LinkType) -> Subject {
        self.link = link;
        self.trusted = false;
        self.options.verify_checksums = true;
        self
    }

    /// Runs over all packets. `TIMED` says whether the stages are measured one by one.
    pub fn pass<const TIMED: bool>(&mut self, packets: &Packets) -> Cost {
        self.pass_first::<TIMED>(packets, usize::MAX)
    }

    /// Runs over the first `most` packets.
    pub fn pass_first<const TIMED: bool>(&mut self, packets: &Packets, most: usize) -> Cost {
        let limit = (INTERRUPTED_NS * ticks_per_ns()) as u64;
        let (mut sums, mut timed) = ([0u64; 3], 0u64);
        let descriptors = packets.descriptors();
        let descriptors = descriptors.get(..most).unwrap_or(descriptors);
        let begin = thread_cpu_ns();
        for (number, burst) in descriptors.chunks(self.burst).enumerate() {
            let next = ((number + 1) * self.burst).min(descriptors.len());
            let t0 = if TIMED { ticks() } else { 0 };
            self.decode(packets, burst, &descriptors[next..]);
            let t1 = if TIMED { ticks() } else { 0 };
            self.track(packets, burst);
            let t2 = if TIMED { ticks() } else { 0 };
            if let Some(last) = burst.last() {
                self.advance(last.time);
            }
            if TIMED {
                let t3 = ticks();
                if t3 - t0 < limit {
                    sums[0] += t1 - t0;
                    sums[1] += t2 - t1;
                    sums[2] += t3 - t2;
                    timed += burst.len() as u64;
                }
            }
        }
        let total = (thread_cpu_ns() - begin) as f64 / descriptors.len().max(1) as f64;
        let stage = |sum: u64| sum as f64 / ticks_per_ns() / timed.max(1) as f64;
        Cost {
            total,
            decode: stage(sums[0]),
            flow: stage(sums[1]),
            advance: stage(sums[2]),
        }
    }

    /// The first stage: a burst's frames to views, while the next burst's are asked for.
    #[inline]
    fn decode(&mut self, packets: &Packets, burst: &[Descriptor], next: &[Descriptor]) {
        self.views.clear();
        for (index, descriptor) in burst.iter().enumerate() {
            if let Some(ahead) = next.get(index) {
                packets.prefetch_headers(ahead);
            }
            let frame = FrameBytes {
                data: packets.bytes(descriptor),
                wire_len: descriptor.wire.into(),
                timestamp: descriptor.time,
                link: self.link,
                vlan: None,
                checksum_trusted: self.trusted,
                index: index as u16,
            };
            if !self.views.has_room() {
                // Tunnels: more views than frames.
                self.track(packets, burst);
                self.views.clear();
            }
            if !matches!(
                decode(&frame, &self.options, &mut self.views),
                Outcome::Analysed(_)
            ) {
                self.undecoded += 1;
            }
            self.tracker.look_ahead(&mut self.views);
        }
    }

    /// The second stage: the views' flows are found and brought up to date, what is said in them is looked into.
    #[inline]
    fn track(&mut self, packets: &Packets, burst: &[Descriptor]) {
        match &mut self.applications {
            Some(stage) => {
                let frames = Lent { packets, burst };
                self.tracker.process_watched(
                    &mut self.views,
                    &mut stage.over(&frames),
                    &mut self.sink,
                );
            }
            None => self.tracker.process(&mut self.views, &mut self.sink),
        }
    }

    #[inline]
    fn advance(&mut self, now: i64) {
        match &mut self.applications {
            Some(stage) => {
                self.tracker
                    .advance_watched(now, &mut stage.over(&()), &mut self.sink);
            }
            None => {
                self.tracker.advance(now, &mut self.sink);
            }
        }
    }

    /// What the application stage counted; zeros if there is none.
    #[must_use]
    pub fn conversations(&self) -> StageCounters {
        self.applications
            .as_ref()
            .map(Stage::counters)
            .unwrap_or_default()
    }

    /// The flow stage's counters.
    #[must_use]
    pub fn counters(&self) -> &FlowCounters {
        self.tracker.counters()
    }

    /// What the flow stage's memory is made of.
    #[must_use]
    pub fn memory(&self) -> MemoryReport {
        self.tracker.memory()
    }

    /// Frames that gave no view.
    #[must_use]
    pub fn undecoded(&self) -> u64 {
        self.undecoded
    }

    /// Records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.sink.records
    }
}
