//! Writing capture files: `-w`, with rotation, compression and a disk that may be full.
//!
//! # How a frame gets into the file
//!
//! ```text
//! write(frame) ─▶ buffer of whole records ─▶ (compressor) ─▶ file, in writes of a MiB
//! ```
//!
//! A write that fails loses no half frames. What the system did not take is kept (a MiB at most) and tried again; frames that come meanwhile
//! are counted as lost. When there is space again, the file goes on at a frame's boundary. If there is never, the torn end is
//! cut off when the file is closed.
//!
//! # Rotation
//!
//! By size, by time, or both. A file that will be followed by another is written as `NAME.part` and gets its name when it is whole.
//! A number goes before the ending (`cap.pcap`, `cap1.pcap`, …), so that the ending still says what the file is.

mod format;
mod name;
mod sink;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portreeve_packet::LinkType;

use crate::error::CaptureError;
use crate::frame::Frame;
pub use format::FileFormat;
use format::{Encoder, OtherLink};
use name::Name;
pub use sink::Compression;
use sink::Sink;

/// Bytes of records gathered before they are written.
const BUFFER: usize = 1024 * 1024;
/// How long a failing file is left alone before the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// What and where to write.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// The file, or `-` for standard output. Its ending says the format (`.pcapng`, else classic) and the compression (`.gz`, `.zst`,
    /// `.lz4`). With rotation by time, strftime(3) conversions are filled in.
    pub path: PathBuf,
    /// Classic files have nanoseconds (else microseconds).
    pub nanoseconds: bool,
    /// Bytes written of each frame, or 0 for all.
    pub snap_length: u32,
    /// Begin a new file when this one has so many bytes (`-C`).
    pub rotate_bytes: Option<u64>,
    /// Begin a new file when this one is so old (`-G`).
    pub rotate_time: Option<Duration>,
    /// How many files (`-W`). With rotation by size the names are used again in turn; with rotation by time alone,
    /// the writer is complete after so many.
    pub files: Option<u64>,
    /// The link type of a file that gets no frames.
    pub link: LinkType,
    /// Names of the interfaces, by [`Frame::interface`], for pcapng.
    pub interfaces: Vec<String>,
}

impl WriteOptions {
    /// Everything into one file.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        WriteOptions {
            path: path.to_owned(),
            nanoseconds: true,
            snap_length: 0,
            rotate_bytes: None,
            rotate_time: None,
            files: None,
            link: LinkType::Ethernet,
            interfaces: Vec::new(),
        }
    }
}

/// The writer's side of the ledger: `offered = written + lost + refused + waiting`. Frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteCounters {
    /// Given to [`CaptureWriter::write`].
    pub offered: u64,
    /// In a file.
    pub written: u64,
    /// Lost because of errors (disk full, reader gone).
    pub lost: u64,
    /// Of another link type than the classic file they were to go to, or after the last file was complete.
    pub refused: u64,
    /// In memory, on the way into a file.
    pub waiting: u64,
    /// Files begun.
    pub files: u64,
    /// Episodes of failure.
    pub errors: u64,
}

/// Writes frames into capture files.
pub struct CaptureWriter {
    options: WriteOptions,
    name: Name,
    encoder: Encoder,
    buffer: Vec<u8>,
    /// Frames in `buffer`.
    buffered: u64,
    sink: Option<Sink>,
    /// Frames that the present sink holds back.
    held: u64,
    /// The present sink was given nothing yet.
    fresh: bool,
    counters: WriteCounters,
    /// Files begun under the present time, and whether another may be begun.
    number: u64,
    complete: bool,
    /// When the present file began; packet or wall time, as [`CaptureWriter::tick`] has it.
    began: Option<i64>,
    failed: Option<Instant>,
    error: Option<CaptureError>,
}

impl CaptureWriter {
    /// Opens the first file, so that a path that cannot be written is told at once (unless its name holds the time, which comes with the first
    /// frame).
    ///
    /// # Errors
    /// [`CaptureError::File`].
    pub fn new(options: WriteOptions) -> Result<CaptureWriter, CaptureError> {
        let name = Name::new(&options.path);
        let classic = if options.nanoseconds {
            FileFormat::PcapNanos
        } else {
            FileFormat::PcapMicros
        };
        let names = options.interfaces.clone();
        let mut writer = CaptureWriter {
            encoder: Encoder::new(name.format(classic), options.snap_length, names),
            name,
            buffer: Vec::with_capacity(BUFFER + 64 * 1024),
            buffered: 0,
            sink: None,
            held: 0,
            fresh: true,
            counters: WriteCounters::default(),
            number: 0,
            complete: false,
            began: None,
            failed: None,
            error: None,
            options,
        };
        if !writer.timed() {
            writer.open(0);
            if let Some(error) = writer.error.take() {
                return Err(error);
            }
        }
        Ok(writer)
    }

    /// Whether the name holds the time (only rotation by time fills it in, as tcpdump has it).
    fn timed(&self) -> bool {
        self.options.rotate_time.is_some() && self.name.has_time()
    }

    fn is_stdout(&self) -> bool {
        self.options.path.as_os_str() == "-"
    }

    fn rotates(&self) -> bool {
        !self.is_stdout()
            && (self.options.rotate_bytes.is_some() || self.options.rotate_time.is_some())
    }

    /// Writes one frame. What goes wrong is counted, and told by [`CaptureWriter::take_error`].
    pub fn write(&mut self, frame: &Frame<'_>) {
        self.counters.offered += 1;
        if self.complete {
            self.counters.refused += 1;
            return;
        }
        if self.began.is_none() {
            self.began = Some(frame.timestamp);
        }
        if self.sink.is_none() {
            self.open(frame.timestamp);
            if self.sink.is_none() {
                self.counters.lost += 1;
                return;
            }
        }
        if self.buffer.len() + Encoder::room(frame) > BUFFER && !self.flush() {
            self.lose_buffer();
        }
        if self.encoder.record(&mut self.buffer, frame) == Err(OtherLink) {
            self.counters.refused += 1;
            return;
        }
        self.buffered += 1;
        self.counters.waiting += 1;
        if let Some(limit) = self.options.rotate_bytes
            && self.rotates()
            && self.length() >= limit
        {
            self.rotate(frame.timestamp);
        }
    }

    /// Tells the writer the time (nanoseconds since 1970): for rotation by time, and to write what waits, so that a reader of
    /// the file is not far behind. To be called about once a second.
    pub fn tick(&mut self, now: i64) {
        self.flush();
        let (Some(period), Some(began)) = (self.options.rotate_time, self.began) else {
            return;
        };
        let period = period_of(period);
        if began > now.saturating_add(period) {
            // The first frame bore a time far in the future.
            self.began = Some(now);
            return;
        }
        let age = now.saturating_sub(began);
        if self.rotates() && age >= period {
            if self.options.rotate_bytes.is_none() || self.timed() {
                self.number_for_time();
            }
            // The next one begins at a multiple of the period, however late the tick is.
            let began = began.saturating_add(age / period * period);
            self.began = Some(began);
            self.close();
            if !self.complete {
                self.open(began);
            }
        }
    }

    /// Writes all that waits and closes the file.
    pub fn finish(&mut self) {
        if self.sink.is_none() && !self.complete && self.counters.files == 0 && !self.timed() {
            self.open(0);
        }
        self.close();
        self.complete = true;
    }

    /// The writer's counters.
    #[must_use]
    pub fn counters(&self) -> WriteCounters {
        self.counters
    }

    /// What went wrong first since this was called last. One error for an episode, however many frames it costs.
    pub fn take_error(&mut self) -> Option<CaptureError> {
        self.error.take()
    }

    /// Whether the last of the files asked for is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// After rotation by time: is there another file to come?
    fn number_for_time(&mut self) {
        let ended = self
            .options
            .files
            .is_some_and(|files| self.counters.files >= files);
        if ended && self.options.rotate_bytes.is_none() {
            self.complete = true;
        }
        self.number = 0;
    }

    /// Bytes that the present file has or will have.
    fn length(&mut self) -> u64 {
        self.buffer.len() as u64 + self.sink.as_mut().map_or(0, Sink::length)
    }

    fn rotate(&mut self, now: i64) {
        self.close();
        self.open(self.began.unwrap_or(now));
    }

    /// Opens the next file, unless that failed a moment ago.
    fn open(&mut self, now: i64) {
        if self.failed.is_some_and(|failed| failed.elapsed() < RETRY) {
            return;
        }
        let path = self.next_path(now);
        let compression = self.name.compression();
        match Sink::open(&path, compression, self.rotates()) {
            Ok(sink) => {
                self.encoder.begin();
                self.fresh = true;
                self.sink = Some(sink);
                self.counters.files += 1;
                self.number += 1;
                self.failed = None;
            }
            Err(error) => self.fail(path, error),
        }
    }

    /// The name of the next file.
    fn next_path(&self, now: i64) -> PathBuf {
        if self.is_stdout() {
            return self.options.path.clone();
        }
        let by_size = self.options.rotate_bytes.is_some();
        let (number, digits) = match self.options.files {
            // A ring: numbers of equal width, used again.
            Some(files) if by_size => {
                let files = files.max(1);
                (Some(self.number % files), (files - 1).to_string().len())
            }
            _ if by_size && self.number > 0 => (Some(self.number), 0),
            _ => (None, 0),
        };
        self.name.at(self.timed().then_some(now), number, digits)
    }

    /// Gives the buffer to the file; `false` if that has not taken all it was given before.
    fn flush(&mut self) -> bool {
        let Some(sink) = self.sink.as_mut() else {
            return true;
        };
        let drained = if sink.is_stuck() {
            sink.drain()
        } else {
            Ok(())
        };
        let result = drained.and_then(|()| {
            let held = std::mem::take(&mut self.held);
            self.counters.written += held;
            self.counters.waiting -= held;
            if self.buffer.is_empty() {
                return Ok(());
            }
            let frames = std::mem::take(&mut self.buffered);
            let put = sink.put(&self.buffer, frames);
            self.buffer.clear();
            self.fresh = false;
            if put.is_ok() {
                self.counters.written += frames;
                self.counters.waiting -= frames;
            } else {
                self.held = frames;
            }
            put
        });
        match result {
            Ok(()) => {
                self.failed = None;
                true
            }
            Err(error) => {
                self.fail_or_end(error);
                self.buffer.is_empty()
            }
        }
    }

    /// Loses the frames in the buffer. What the sink holds may be saved yet.
    fn lose_buffer(&mut self) {
        let frames = std::mem::take(&mut self.buffered);
        self.counters.lost += frames;
        self.counters.waiting -= frames;
        self.buffer.clear();
        self.encoder.lost(self.fresh);
    }

    fn fail(&mut self, path: PathBuf, error: io::Error) {
        if self.failed.is_none() {
            self.counters.errors += 1;
            if self.error.is_none() {
                self.error = Some(CaptureError::File { path, error });
            }
        }
        self.failed = Some(Instant::now());
    }

    fn close(&mut self) {
        if self.sink.is_some() {
            self.encoder.empty(&mut self.buffer, self.options.link);
        }
        self.flush();
        let Some(sink) = self.sink.take() else {
            return;
        };
        let closed = sink.close();
        let saved = self.held - closed.lost.min(self.held);
        self.counters.written += saved;
        self.counters.lost += closed.lost + self.buffered;
        self.counters.waiting = 0;
        self.held = 0;
        self.buffered = 0;
        self.buffer.clear();
        if let Some(error) = closed.error {
            self.fail_or_end(error);
        }
    }

    /// A reader of standard output that has had enough (`| head`) is no failure: nothing more is wanted.
    fn fail_or_end(&mut self, error: io::Error) {
        if self.is_stdout() && error.kind() == io::ErrorKind::BrokenPipe {
            self.complete = true;
        } else {
            self.fail(self.options.path.clone(), error);
        }
    }
}

/// A period in nanoseconds, at least one.
fn period_of(period: Duration) -> i64 {
    i64::try_from(period.as_nanos()).unwrap_or(i64::MAX).max(1)
}
