//! One file being written: compressed or not, under a temporary name or not, and what a full disk does to it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader that takes nothing is given before the next try.
const SLOW_READER: Duration = Duration::from_millis(2);

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952, level 1: a capture is written at the speed of the wire.
    Gzip,
    /// RFC 8878, level 1.
    Zstd,
    /// The LZ4 frame format.
    Lz4,
}

/// What turns the bytes of the capture into those of the file. It writes into memory, which does not fail.
enum Encoder {
    Plain(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
}

impl Encoder {
    fn new(compression: Compression) -> io::Result<Encoder> {
        Ok(match compression {
            Compression::None => Encoder::Plain(Vec::new()),
            Compression::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::fast(),
            )),
            Compression::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
            Compression::Lz4 => {
                Encoder::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new())))
            }
        })
    }

    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Plain(out) => out.write_all(bytes),
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(encoder) => encoder.write_all(bytes),
            Encoder::Lz4(encoder) => encoder.write_all(bytes),
        }
    }

    /// What is to be written to the file.
    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Encoder::Plain(out) => out,
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Zstd(encoder) => encoder.get_mut(),
            Encoder::Lz4(encoder) => encoder.get_mut(),
        }
    }

    /// Ends the compressed stream: the last bytes to be written.
    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Plain(out) => Ok(out),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
            Encoder::Lz4(encoder) => encoder.finish().map_err(io::Error::other),
        }
    }
}

/// An open file. Frames that were [`Sink::put`] and not yet written are kept, and written when that is possible again.
pub(super) struct Sink {
    file: File,
    /// Its name, and the name it is to have when it is whole. `None`: not a file (standard output).
    names: Option<(PathBuf, PathBuf)>,
    encoder: Encoder,
    /// Bytes of the file that end with a frame: what is behind is torn.
    settled: u64,
    /// Bytes in the file.
    length: u64,
    /// Frames that were put and are not settled.
    unsettled: u64,
}

/// What became of a sink at its end.
pub(super) struct Closed {
    /// Frames that did not get into the file.
    pub(super) lost: u64,
    /// What went wrong, if something did.
    pub(super) error: Option<io::Error>,
}

impl Sink {
    /// Opens `path` (`-` for standard output). If `renamed`, it has another name until it is whole.
    pub(super) fn open(path: &Path, compression: Compression, renamed: bool) -> io::Result<Sink> {
        let (file, names) = if path.as_os_str() == "-" {
            let owned: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
            (File::from(owned), None)
        } else {
            let mut now = path.as_os_str().to_owned();
            if renamed {
                now.push(".part");
            }
            (
                File::create(&now)?,
                Some((PathBuf::from(now), path.to_owned())),
            )
        };
        Ok(Sink {
            file,
            names,
            encoder: Encoder::new(compression)?,
            settled: 0,
            length: 0,
            unsettled: 0,
        })
    }

    /// Bytes in the file or on the way into it.
    pub(super) fn length(&mut self) -> u64 {
        self.length + self.encoder.output().len() as u64
    }

    /// Whether something waits to be written; nothing is to be put then.
    pub(super) fn is_stuck(&self) -> bool {
        self.unsettled > 0
    }

    /// Takes the bytes of `frames` whole frames and writes.
    ///
    /// # Errors
    /// What the system said. The frames are kept, to be written by [`Sink::drain`].
    pub(super) fn put(&mut self, bytes: &[u8], frames: u64) -> io::Result<()> {
        self.encoder.feed(bytes)?;
        self.unsettled += frames;
        self.drain()
    }

    /// Writes what is kept.
    ///
    /// # Errors
    /// What the system said; what could not be written is kept.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        let output = self.encoder.output();
        let (written, result) = write_what_can_be(&mut self.file, output);
        output.drain(..written);
        self.length += written as u64;
        if result.is_ok() {
            self.settled = self.length;
            self.unsettled = 0;
        }
        result
    }

    /// Ends the file and gives it its name. What cannot be written is lost; a torn frame is cut off.
    pub(super) fn close(mut self) -> Closed {
        let drained = self.drain();
        let lost = self.unsettled;
        let finished = drained.and_then(|()| {
            let rest = self.encoder.finish()?;
            write_what_can_be(&mut self.file, &rest).1
        });
        let mut error = finished.err();
        if let Some((now, then)) = &self.names {
            if lost > 0 {
                // Best effort: the error that led here is told.
                let _ = self.file.set_len(self.settled);
            }
            if now != then
                && let Err(failed) = std::fs::rename(now, then)
            {
                error = error.or(Some(failed));
            }
        }
        Closed { lost, error }
    }
}

/// Writes as much as possible: how much, and why not all.
fn write_what_can_be(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody made our standard output non-blocking: a reader that is slow is no error.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(SLOW_READER);
            }
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
