//! Any frames through all that a worker and the outputs do with them: decode, flows, applications with their streams put in order, what is joined across flows, and each
//! record in each dialect. Nothing may panic, the books balance, at the end nothing is held, and all that was written can be read.
//!
//! The first byte says which link, the second how it goes; each frame has three bytes before it ([`portreeve_fuzz::capture`]).
#![no_main]

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use portreeve_app::stream::Overlap;
use portreeve_app::{Applications, Frames, Hashes, Products, Stage, StageConfig};
use portreeve_facts::{Config, Knowledge, Live, Whose};
use portreeve_flow::{Tracker, TrackerConfig};
use portreeve_fuzz::{LINKS, Spelling, before_frame};
use portreeve_packet::{DecodeOptions, FrameBytes, LinkType, Views, decode};
use portreeve_record::{Fate, Joiner, Record};

/// The time of the first frame, nanoseconds since 1970.
const START: i64 = 1_700_000_000_000_000_000;
/// What a step of a frame's time is, and from 128 on a longer one, so that flows come to their timeouts.
const STEP: i64 = 10_000_000;
const LONG_STEP: i64 = 20_000_000_000;
/// Frames of a burst.
const BURST: usize = 16;

/// The table is read once: its names stay for good.
static PRODUCTS: LazyLock<Arc<Products>> = LazyLock::new(Arc::default);

thread_local! {
    static SPELLING: RefCell<Spelling> = RefCell::default();
}

struct Burst<'a>(Vec<(&'a [u8], i64)>);

impl Frames for Burst<'_> {
    fn bytes(&self, frame: u16) -> &[u8] {
        self.0
            .get(usize::from(frame))
            .map_or(&[], |(bytes, _)| bytes)
    }
}

/// What a worker has.
struct Worker {
    link: LinkType,
    /// Bytes that each frame had more on the wire.
    cut: u32,
    options: DecodeOptions,
    tracker: Tracker,
    stage: Stage,
    views: Box<Views>,
    records: Vec<Record>,
}

impl Worker {
    fn new(link: u8, knobs: u8) -> Option<Worker> {
        let mut config = TrackerConfig::default();
        // Some have less than what comes needs.
        config.memory = if knobs & 32 == 0 { 256 << 10 } else { 8 << 10 };
        let tracker = Tracker::new(config).ok()?;
        let stage = Stage::new(&StageConfig {
            flows: tracker.memory().capacity,
            memory: if knobs & 16 == 0 { 1 << 20 } else { 32 << 10 },
            overlap: if knobs & 4 == 0 {
                Overlap::First
            } else {
                Overlap::Last
            },
            protocols: Applications::default(),
            products: PRODUCTS.clone(),
            weirds_per_second: 1000,
            hashes: Hashes {
                md5: knobs & 8 != 0,
                ..Hashes::default()
            },
        });
        Some(Worker {
            link: LinkType::from_number(LINKS[usize::from(link) % LINKS.len()]),
            cut: if knobs & 2 == 0 { 0 } else { 1400 },
            options: DecodeOptions {
                verify_checksums: knobs & 1 != 0,
                ..DecodeOptions::default()
            },
            tracker,
            stage,
            views: Box::default(),
            records: Vec::new(),
        })
    }

    fn take(&mut self, burst: &Burst<'_>) {
        self.views.clear();
        for (index, (data, timestamp)) in burst.0.iter().enumerate() {
            let frame = FrameBytes {
                data,
                wire_len: data.len() as u32 + self.cut,
                timestamp: *timestamp,
                link: self.link,
                vlan: None,
                checksum_trusted: false,
                index: index as u16,
            };
            if !self.views.has_room() {
                self.track(burst);
            }
            decode(&frame, &self.options, &mut self.views);
        }
        self.track(burst);
        let now = burst.0.last().map_or(START, |(_, time)| *time);
        let mut watcher = self.stage.over(&());
        self.tracker
            .advance_watched(now, &mut watcher, &mut self.records);
    }

    fn track(&mut self, burst: &Burst<'_>) {
        let mut watcher = self.stage.over(burst);
        self.tracker
            .process_watched(&mut self.views, &mut watcher, &mut self.records);
        self.views.clear();
    }

    /// The end: all records.
    fn finish(mut self) -> Vec<Record> {
        assert!(self.tracker.counters().balanced());
        while self
            .tracker
            .drain_watched(&mut self.stage.over(&()), &mut self.records)
        {}
        let flows = self.tracker.counters();
        assert!(flows.balanced() && flows.active == 0 && flows.fragments_held == 0);
        let stage = self.stage.counters();
        assert_eq!((stage.open, stage.held), (0, 0), "{stage:?}");
        self.records
    }
}

fn knowledge() -> Knowledge {
    let config = Config {
        hosts: Whose::Everybody,
        services: Whose::Everybody,
        software: Whose::Everybody,
        names: true,
        ..Config::default()
    };
    Knowledge::new(&config, Arc::<Live>::default())
}

fuzz_target!(|input: &[u8]| {
    let [link, knobs, rest @ ..] = input else {
        return;
    };
    let Some(mut worker) = Worker::new(*link, *knobs) else {
        return;
    };
    let (mut rest, mut now, mut burst) = (rest, START, Burst(Vec::new()));
    while let Some((before, behind)) = rest.split_first_chunk() {
        let (length, step) = before_frame(before);
        let (frame, next) = behind.split_at(length.min(behind.len()));
        now += match step {
            0..128 => i64::from(step) * STEP,
            _ => i64::from(step - 127) * LONG_STEP,
        };
        burst.0.push((frame, now));
        if burst.0.len() == BURST {
            worker.take(&burst);
            burst.0.clear();
        }
        rest = next;
    }
    worker.take(&burst);
    let (mut knowledge, mut joined) = (knowledge(), Vec::new());
    for record in &worker.finish() {
        let fate = knowledge.join(record, &mut joined);
        if fate == Fate::Write {
            joined.push(record.clone());
        }
    }
    knowledge.tick(
        UNIX_EPOCH + Duration::from_nanos(now.unsigned_abs()),
        &mut joined,
    );
    knowledge.finish(&mut joined);
    SPELLING.with_borrow_mut(|spelling| joined.iter().for_each(|record| spelling.check(record)));
});
