//! Frames that stand in memory, for benchmarks and tests: a [`Source`] that costs nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portreeve_packet::{DecodeOptions, LinkType, Views, decode, steer};

use crate::burst::{Burst, MAX_BURST, Region};
use crate::counters::SourceCounters;
use crate::error::CaptureError;
use crate::file::FileSource;
use crate::frame::{Frame, RawFrame};
use crate::source::{Armed, Fetch, Source, SourceInfo, SourceKind, Wake};

/// The bytes of all frames, shared by the sources that lend them.
struct Arena {
    bytes: Box<[u8]>,
}

impl Region for Arena {}

/// A capture in memory: what [`MemorySource`]s lend. Made once, it can feed many of them.
pub struct MemoryCapture {
    bytes: Vec<u8>,
    /// Descriptors whose pointers are not set yet, and where their bytes begin in `bytes`.
    frames: Vec<(RawFrame, usize)>,
}

impl Default for MemoryCapture {
    fn default() -> Self {
        MemoryCapture::new()
    }
}

impl MemoryCapture {
    /// A capture of no frames.
    #[must_use]
    pub fn new() -> Self {
        MemoryCapture {
            bytes: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Ethernet frames, as (nanoseconds since 1970, bytes), captured whole.
    pub fn from_frames<T: AsRef<[u8]>>(frames: impl IntoIterator<Item = (i64, T)>) -> Self {
        let mut capture = MemoryCapture::new();
        for (timestamp, data) in frames {
            let data = data.as_ref();
            capture.push(&Frame {
                data,
                wire_len: data.len() as u32,
                timestamp,
                link: LinkType::Ethernet,
                interface: 0,
                vlan: None,
                rx_hash: None,
                checksum: crate::ChecksumStatus::Unknown,
            });
        }
        capture
    }

    /// Copies a whole capture file into memory.
    ///
    /// # Errors
    /// As [`FileSource`]'s.
    pub fn load(path: &Path) -> Result<Self, CaptureError> {
        MemoryCapture::from_source(&mut FileSource::open([path])?)
    }

    /// Copies all that `source` has, to its end.
    ///
    /// # Errors
    /// The first that the source reports.
    pub fn from_source(source: &mut dyn Source) -> Result<Self, CaptureError> {
        let mut capture = MemoryCapture::new();
        loop {
            match source.next_burst()? {
                Fetch::Frames(burst) => burst.frames().for_each(|frame| capture.push(&frame)),
                Fetch::End => return Ok(capture),
                Fetch::Empty => {}
            }
            // Only a pipe or a live source gets here without frames.
            source.wait(Duration::ZERO)?;
        }
    }

    /// Adds a copy of `frame`.
    pub fn push(&mut self, frame: &Frame<'_>) {
        self.frames.push((RawFrame::of(frame), self.bytes.len()));
        self.bytes.extend_from_slice(frame.data);
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// One source that lends all frames.
    #[must_use]
    pub fn into_source(self) -> MemorySource {
        let (arena, frames) = self.settle();
        MemorySource::new(arena, frames)
    }

    /// `count` sources (at least one), each with the frames that are at home with one worker, by the steering hash.
    /// Frames without a conversation go to the first.
    #[must_use]
    pub fn partition(self, count: usize) -> Vec<MemorySource> {
        let count = count.max(1);
        let mut views = Views::default();
        let options = DecodeOptions::default();
        let (arena, frames) = self.settle();
        let mut parts: Vec<Vec<RawFrame>> = (0..count).map(|_| Vec::new()).collect();
        for frame in frames {
            views.clear();
            // SAFETY: the descriptor points into `arena`, which is alive.
            let lent: Frame<'_> = unsafe { frame.lend() };
            decode(&lent.bytes(0), &options, &mut views);
            let worker = views
                .as_slice()
                .last()
                .map_or(0, |view| steer::worker(steer::view_hash(view), count));
            if let Some(part) = parts.get_mut(worker) {
                part.push(frame);
            }
        }
        let source = |frames| MemorySource::new(Arc::clone(&arena), frames);
        parts.into_iter().map(source).collect()
    }

    /// Fixes the bytes in place and points the descriptors at them.
    fn settle(self) -> (Arc<Arena>, Vec<RawFrame>) {
        let arena = Arc::new(Arena {
            bytes: self.bytes.into_boxed_slice(),
        });
        let frames = self
            .frames
            .into_iter()
            .map(|(frame, start)| RawFrame {
                data: arena.bytes.get(start..).unwrap_or_default().as_ptr(),
                ..frame
            })
            .collect();
        (arena, frames)
    }
}

/// Lends the frames of a [`MemoryCapture`], once or several times over.
pub struct MemorySource {
    info: SourceInfo,
    frames: Vec<RawFrame>,
    regions: [Arc<dyn Region>; 1],
    next: usize,
    /// Times that the frames are still to be lent, the present one included.
    rounds: u64,
    /// Nanoseconds that each round is later than the one before.
    shift: i64,
    /// Nanoseconds that the present round is later than the first.
    late: i64,
    /// Frames in a burst.
    burst: usize,
    stopped: bool,
    delivered: u64,
    delivered_bytes: u64,
}

impl MemorySource {
    fn new(arena: Arc<Arena>, frames: Vec<RawFrame>) -> MemorySource {
        MemorySource {
            info: SourceInfo {
                kind: SourceKind::Memory,
                name: "memory".to_owned(),
                live: false,
                description: format!("{} frames in memory", frames.len()),
                total_bytes: None,
            },
            frames,
            regions: [arena],
            next: 0,
            rounds: 1,
            shift: 0,
            late: 0,
            burst: MAX_BURST,
            stopped: false,
            delivered: 0,
            delivered_bytes: 0,
        }
    }

    /// Lends all frames `times` times over (at least once), each time `shift` nanoseconds later than before.
    #[must_use]
    pub fn repeat(mut self, times: u64, shift: i64) -> Self {
        self.rounds = times.max(1);
        self.shift = shift;
        self
    }

    /// Lends so many frames at a time (at least one, at most [`MAX_BURST`]), as a ring does that is polled faster than it fills.
    #[must_use]
    pub fn bursts_of(mut self, frames: usize) -> Self {
        self.burst = frames.clamp(1, MAX_BURST);
        self
    }

    /// Counts as live: frames come at once and without end, until it is stopped.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.info.live = true;
        self.rounds = u64::MAX;
        self
    }

    /// How many frames a round has.
    #[must_use]
    pub fn round_len(&self) -> usize {
        self.frames.len()
    }
}

impl Source for MemorySource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    #[inline]
    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        if self.stopped {
            return Ok(Fetch::End);
        }
        if self.next >= self.frames.len() {
            if self.rounds <= 1 || self.frames.is_empty() {
                return Ok(Fetch::End);
            }
            self.rounds -= 1;
            self.next = 0;
            self.late = self.shift;
        }
        let end = self.frames.len().min(self.next + self.burst);
        let Some(frames) = self.frames.get_mut(self.next..end) else {
            return Ok(Fetch::End);
        };
        if self.late != 0 {
            for frame in frames.iter_mut() {
                frame.timestamp = frame.timestamp.saturating_add(self.late);
            }
        }
        self.next = end;
        self.delivered += frames.len() as u64;
        self.delivered_bytes += frames
            .iter()
            .map(|frame| u64::from(frame.wire_len))
            .sum::<u64>();
        // SAFETY: all descriptors point into the arena, which `regions` keeps alive and nobody writes.
        Ok(Fetch::Frames(unsafe { Burst::new(frames, &self.regions) }))
    }

    fn wait(&mut self, _timeout: Duration) -> Result<Wake, CaptureError> {
        Ok(Wake::Ready)
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        Ok(Armed::Ready)
    }

    fn counters(&mut self) -> SourceCounters {
        SourceCounters {
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
            ..SourceCounters::default()
        }
    }

    fn stop(&mut self) {
        self.stopped = self.info.live;
    }
}
