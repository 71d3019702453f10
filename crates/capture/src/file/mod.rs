//! Capture files as a [`Source`]: pcap and pcapng, compressed or not, one or many, from disk or a pipe.
//!
//! # How a file is read
//!
//! ```text
//! file, pipe ──────────────────────▶ chunks of 1 MiB, ──▶ window ──┬─▶ pcap   ─┬─▶ descriptors ─▶ Burst
//! gzip, zstd, lz4 ─▶ decompressor ─▶     shared                    └─▶ pcapng ─┘
//! ```
//!
//! A window is the part of a file that is in memory and not yet consumed. The format's reader walks over whole
//! records in it and writes one descriptor for each, up to a burst; nothing is copied. When a record is
//! not whole, more is read. The chunks are shared, so that other threads can keep frames
//! ([`crate::Batch::push_shared`]) while the reader goes on, and are used again when nobody holds them.
//!
//! # Why files are read, not mapped
//!
//! Mapping was built and measured first. Walking a mapped file misses the cache once a record, each miss waiting
//! for the one before (the next record's place is known only when this one's length is); and entering a page costs
//! the kernel about what copying it does. Read in pieces that stay in the second-level cache, the same file takes less than half
//! the processor time (1.5 GB of mixed traffic in the page cache: 57 ns a frame against 135), and the decoder
//! behind finds its bytes in the cache. Besides, a mapped file that somebody cuts short kills the
//! process by SIGBUS; a file that is read just ends.
//!
//! # Several files
//!
//! They are sorted by the time of their first frame and read one after the other; where they overlap in
//! time, they are merged frame by frame. A frame that is out of order within its own file stays where it is. At
//! most [`limits::MAX_OPEN`] files are open at a time.
//!
//! # Damage
//!
//! All whole records before it are delivered, then [`CaptureError::Damaged`] tells the offset of the
//! record that is damaged; the next call goes on with the next file.

mod input;
mod interfaces;
pub mod limits;
mod names;
mod options;
mod order;
mod parse;
mod pcap;
mod pcapng;
mod reader;
mod scale;
mod sniff;
mod stream;

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

pub use interfaces::FileInterface;
use order::{Lent, Order};

use crate::burst::Burst;
use crate::counters::SourceCounters;
use crate::error::CaptureError;
use crate::source::{Armed, Fetch, Source, SourceInfo, SourceKind, Wake};

/// How long a worker that cannot sleep on the pipe itself ([`Source::wait`]) pauses between two looks at it.
const PIPE_PAUSE: Duration = Duration::from_millis(1);

/// One or several capture files, in time order.
pub struct FileSource {
    info: SourceInfo,
    order: Order,
    delivered: u64,
    delivered_bytes: u64,
}

/// Whether the file at `path` is one of those that `names` stand for ([`FileSource::open`]), whatever it is called there. Not if there is no such file, or `names` fit nothing.
pub fn is_among<I>(path: &std::path::Path, names: I) -> bool
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let given: Vec<_> = names.into_iter().collect();
    let identity = |path: &std::path::Path| {
        let metadata = std::fs::metadata(path).ok()?;
        metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
    };
    let paths = names::expand(given.iter().map(AsRef::as_ref)).unwrap_or_default();
    identity(path).is_some_and(|it| paths.iter().any(|path| identity(path) == Some(it)))
}

impl FileSource {
    /// Opens capture files. A name can be `-` (standard input), a path, or, if there is no such file, a
    /// pattern (`/var/cap/*.pcap`).
    ///
    /// # Errors
    /// [`CaptureError::File`] if a file does not exist, may not be read or a pattern fits nothing. What else is wrong
    /// with a file is told when it is its turn, except when there is only one: then at once.
    pub fn open<I>(names: I) -> Result<FileSource, CaptureError>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let given: Vec<_> = names.into_iter().collect();
        let paths = names::expand(given.iter().map(AsRef::as_ref))?;
        let name = match (paths.as_slice(), given.as_slice()) {
            ([only], _) => only.display().to_string(),
            (_, [only]) => only.as_ref().to_string_lossy().into_owned(),
            _ => format!("{} files", paths.len()),
        };
        let order = Order::new(&paths)?;
        let info = SourceInfo {
            kind: SourceKind::File,
            name,
            live: false,
            description: order.description(),
            total_bytes: order.total_bytes(),
        };
        Ok(FileSource {
            info,
            order,
            delivered: 0,
            delivered_bytes: 0,
        })
    }

    /// Reads a capture, compressed or not, from `reader`, which is called `name`. A read that blocks blocks the source.
    ///
    /// # Errors
    /// [`CaptureError::UnknownFormat`], or [`CaptureError::File`] if the reader fails at once.
    pub fn from_reader(
        name: &str,
        reader: impl std::io::Read + Send + 'static,
    ) -> Result<FileSource, CaptureError> {
        let path = std::path::Path::new(name);
        let input =
            input::Input::of(Box::new(reader), None).map_err(|error| CaptureError::File {
                path: path.to_owned(),
                error,
            })?;
        let order = Order::single(reader::FileReader::of(path, input))?;
        let info = SourceInfo {
            kind: SourceKind::File,
            name: name.to_owned(),
            live: false,
            description: order.description(),
            total_bytes: None,
        };
        Ok(FileSource {
            info,
            order,
            delivered: 0,
            delivered_bytes: 0,
        })
    }

    /// The interfaces found so far; [`crate::Frame::interface`] is an index into them.
    #[must_use]
    pub fn interfaces(&self) -> &[FileInterface] {
        self.order.interfaces()
    }
}

impl Source for FileSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    #[inline]
    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        let lent = match self.order.next()? {
            Lent::Empty => return Ok(Fetch::Empty),
            Lent::End => return Ok(Fetch::End),
            Lent::Frames => self.order.lent(),
        };
        let (frames, regions) = lent;
        self.delivered += frames.len() as u64;
        self.delivered_bytes += frames
            .iter()
            .map(|frame| u64::from(frame.wire_len))
            .sum::<u64>();
        // SAFETY: the descriptors stand in memory that `regions` keeps alive, and which is not written while
        // any of them is held; the source itself holds them until its next call, which needs it mutably.
        Ok(Fetch::Frames(unsafe { Burst::new(frames, regions) }))
    }

    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError> {
        match self.order.pipe() {
            Some(pipe) if !pipe.ready(timeout) => Ok(Wake::TimedOut),
            _ => Ok(Wake::Ready),
        }
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        match self.order.pipe() {
            Some(pipe) if !pipe.ready(Duration::ZERO) => Ok(Armed::Timed(PIPE_PAUSE)),
            _ => Ok(Armed::Ready),
        }
    }

    fn counters(&mut self) -> SourceCounters {
        let drops = self.order.drops();
        SourceCounters {
            nic_missed: drops.interface,
            kernel_drops: drops.system,
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
            ..SourceCounters::default()
        }
    }

    fn position(&self) -> Option<u64> {
        self.info.total_bytes?;
        Some(self.order.position())
    }
}
