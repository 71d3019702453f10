//! Opening a file: what it is, how it is compressed, how it is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sniff::{self, Compression};
use super::stream::{Pipe, Stream};

/// An open file.
pub(crate) struct Input {
    /// Its bytes, decompressed.
    pub(crate) stream: Stream,
    /// How it is compressed.
    pub(crate) compression: Option<Compression>,
    taken: Arc<AtomicU64>,
}

/// Counts what is read.
struct Counted {
    inner: io::Chain<io::Cursor<Vec<u8>>, Box<dyn Read + Send>>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// LZ4 frames one behind the other: the decoder says "end" after each, and goes on if it is asked again.
struct Lz4Frames<R: Read>(lz4_flex::frame::FrameDecoder<R>);

impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => self.0.read(buffer),
            count => Ok(count),
        }
    }
}

/// The standard input as a file of our own.
fn standard_input() -> io::Result<File> {
    let owned: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(File::from(owned))
}

impl Input {
    /// Opens `path` (`-` for standard input). Of a pipe, waits for the first bytes.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn open(path: &Path) -> io::Result<Input> {
        let file = if path.as_os_str() == "-" {
            standard_input()?
        } else {
            File::open(path)?
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "is a directory; name the files in it, for example as DIR/*.pcap",
            ));
        }
        let regular = metadata.is_file();
        if regular {
            // Advice only: a file system that takes none does no harm.
            // SAFETY: a system call on our own descriptor; no memory is involved.
            unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_SEQUENTIAL) };
        }
        let pipe = if regular {
            None
        } else {
            Some(Pipe(file.as_fd().try_clone_to_owned()?))
        };
        Input::of(Box::new(file), pipe)
    }

    /// Reads from `reader`, which is the other side of `pipe` if that is given.
    ///
    /// # Errors
    /// What the reader said.
    pub(crate) fn of(mut reader: Box<dyn Read + Send>, pipe: Option<Pipe>) -> io::Result<Input> {
        // What is looked at of a pipe is gone from it: the decoder begins with a copy.
        let mut head = Vec::with_capacity(sniff::COMPRESSION_HEAD);
        reader
            .by_ref()
            .take(sniff::COMPRESSION_HEAD as u64)
            .read_to_end(&mut head)?;
        let compression = sniff::compression(&head);
        // A decompressor cannot be left in the middle of a read, so that compressed pipes are waited for.
        let pipe = pipe.filter(|_| compression.is_none());
        let taken = Arc::new(AtomicU64::new(0));
        let raw = Counted {
            inner: io::Cursor::new(head).chain(reader),
            taken: taken.clone(),
        };
        let reader: Box<dyn Read + Send> = match compression {
            None => Box::new(raw),
            Some(Compression::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(raw)),
            Some(Compression::Zstd) => Box::new(zstd::stream::read::Decoder::new(raw)?),
            Some(Compression::Lz4) => Box::new(Lz4Frames(lz4_flex::frame::FrameDecoder::new(raw))),
        };
        Ok(Input {
            stream: Stream::new(reader, pipe),
            compression,
            taken,
        })
    }

    /// Bytes taken from the file itself so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}
