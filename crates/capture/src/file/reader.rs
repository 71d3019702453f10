//! One capture file: its bytes and its format.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::input::Input;
use super::interfaces::{FileInterface, Interfaces};
use super::limits::CHUNK;
use super::parse::{Parsed, Stop};
use super::pcap::{self, Opened, Pcap};
use super::pcapng::{self, Drops, PcapNg};
use super::sniff;
use super::stream::{Filled, Pipe};
use crate::burst::Region;
use crate::error::CaptureError;
use crate::frame::RawFrame;
use portreeve_packet::LinkType;

enum Format {
    /// Not looked at yet.
    Unknown,
    Pcap(Pcap),
    PcapNg(Box<PcapNg>),
}

/// What [`FileReader::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// At least one frame.
    Frames,
    /// Nothing now; the file is a pipe.
    Empty,
    /// Nothing any more.
    End,
}

/// The reader of one capture file.
pub(crate) struct FileReader {
    path: PathBuf,
    input: Input,
    format: Format,
    /// Offset, in the decompressed file, of the first byte not consumed.
    offset: u64,
    /// Bytes still to be passed over, and where the record that they belong to begins.
    skip: (u64, u64),
    ended: bool,
    /// Found, and to be told when the frames before it were taken.
    pending: Option<CaptureError>,
}

impl FileReader {
    /// Opens a file. Waits for the first bytes of a pipe.
    ///
    /// # Errors
    /// [`CaptureError::File`].
    pub(crate) fn open(path: &Path) -> Result<FileReader, CaptureError> {
        let input = Input::open(path).map_err(|error| CaptureError::File {
            path: path.to_owned(),
            error,
        })?;
        Ok(FileReader::of(path, input))
    }

    /// A reader of what `input` gives, called `path` in errors.
    pub(crate) fn of(path: &Path, input: Input) -> FileReader {
        FileReader {
            path: path.to_owned(),
            input,
            format: Format::Unknown,
            offset: 0,
            skip: (0, 0),
            ended: false,
            pending: None,
        }
    }

    /// Reads up to a burst of frames into `frames`, which is empty. They stay valid while [`FileReader::region`] is held.
    ///
    /// # Errors
    /// [`CaptureError::Damaged`], [`CaptureError::UnknownFormat`] or [`CaptureError::File`], after all frames before
    /// were delivered; the reader has ended then.
    pub(crate) fn next(
        &mut self,
        frames: &mut Vec<RawFrame>,
        names: &mut Interfaces,
    ) -> Result<Step, CaptureError> {
        loop {
            if self.ended {
                return self.pending.take().map_or(Ok(Step::End), Err);
            }
            let parsed = match &mut self.format {
                Format::Unknown => match self.recognise(names)? {
                    Filled::Enough => continue,
                    Filled::NotReady => return Ok(Step::Empty),
                    Filled::End => return Ok(Step::End),
                },
                _ if self.skip.0 > 0 => match self.skip()? {
                    Filled::NotReady => return Ok(Step::Empty),
                    _ => continue,
                },
                Format::Pcap(pcap) => pcap.parse(self.input.stream.window(), frames),
                Format::PcapNg(pcapng) => pcapng.parse(self.input.stream.window(), frames, names),
            };
            if let Some(step) = self.after(parsed, frames)? {
                return Ok(step);
            }
        }
    }

    /// Moves on behind what was parsed and finds out how to go on: with a step, or (`None`) by parsing again.
    #[inline]
    fn after(&mut self, parsed: Parsed, frames: &[RawFrame]) -> Result<Option<Step>, CaptureError> {
        self.input.stream.consume(parsed.consumed);
        self.offset += parsed.consumed as u64;
        if let Stop::Skip(count) = parsed.stop {
            self.skip = (count, self.offset);
        }
        if !frames.is_empty() {
            // What stopped the parser will stop it again, at once.
            return Ok(Some(Step::Frames));
        }
        match parsed.stop {
            Stop::Full | Stop::Skip(_) => Ok(None),
            Stop::Damage(what) => Err(self.damaged(self.offset, what)),
            Stop::Need(count) => match self.fill(count)? {
                Filled::Enough => Ok(None),
                Filled::NotReady => Ok(Some(Step::Empty)),
                Filled::End => {
                    let rest = self.input.stream.window().len();
                    self.ended = true;
                    if rest == 0 {
                        return Ok(Some(Step::End));
                    }
                    Err(self.damaged(
                        self.offset,
                        format!("the file ends inside a record: {rest} bytes of at least {count}"),
                    ))
                }
            },
        }
    }

    /// Looks at the first bytes and chooses the format.
    fn recognise(&mut self, names: &mut Interfaces) -> Result<Filled, CaptureError> {
        match self.fill(pcap::FILE_HEADER)? {
            Filled::NotReady => return Ok(Filled::NotReady),
            Filled::Enough | Filled::End => {}
        }
        let window = self.input.stream.window();
        if pcapng::is_pcapng(window) {
            self.format = Format::PcapNg(Box::new(PcapNg::new()));
            return Ok(Filled::Enough);
        }
        let found = match window.first_chunk() {
            None => sniff::describe(window),
            Some(head) => match pcap::open(head) {
                Opened::Yes(mut pcap, link) => {
                    pcap.set_interface(names.number(FileInterface {
                        name: String::new(),
                        description: String::new(),
                        link: LinkType::from_number(link),
                        number: 0,
                    }));
                    self.input.stream.consume(pcap::FILE_HEADER);
                    self.offset = pcap::FILE_HEADER as u64;
                    self.format = Format::Pcap(pcap);
                    return Ok(Filled::Enough);
                }
                Opened::Unsupported(what) => what,
                Opened::No => sniff::describe(window.get(..sniff::HEAD).unwrap_or(window)),
            },
        };
        self.ended = true;
        Err(CaptureError::UnknownFormat {
            path: self.path.clone(),
            found,
        })
    }

    /// Passes over bytes of no interest.
    fn skip(&mut self) -> Result<Filled, CaptureError> {
        while self.skip.0 > 0 {
            let window = self.input.stream.window().len() as u64;
            if window == 0 {
                match self.fill(1)? {
                    Filled::Enough => continue,
                    Filled::NotReady => return Ok(Filled::NotReady),
                    Filled::End => {
                        let from = self.skip.1;
                        return Err(self.damaged(from, "the file ends inside a long record"));
                    }
                }
            }
            let count = window.min(self.skip.0);
            self.input.stream.consume(count as usize);
            self.offset += count;
            self.skip.0 -= count;
        }
        Ok(Filled::Enough)
    }

    /// Reads more; an error of a decompressor is damage of the file.
    fn fill(&mut self, need: usize) -> Result<Filled, CaptureError> {
        let filled = self.input.stream.fill(need.min(CHUNK / 2));
        filled.map_err(|error| {
            let at = self.offset + self.input.stream.window().len() as u64;
            match (self.input.compression, error.raw_os_error()) {
                (Some(_), None) => {
                    let what = if error.kind() == io::ErrorKind::UnexpectedEof {
                        "the compressed data ends early".to_owned()
                    } else {
                        format!("the compressed data is damaged ({error})")
                    };
                    self.damaged(at, what)
                }
                _ => {
                    self.ended = true;
                    CaptureError::File {
                        path: self.path.clone(),
                        error,
                    }
                }
            }
        })
    }

    fn damaged(&mut self, offset: u64, what: impl Into<String>) -> CaptureError {
        self.ended = true;
        CaptureError::Damaged {
            path: self.path.clone(),
            offset,
            what: what.into(),
        }
    }

    /// Tells `error` again when [`FileReader::next`] is called.
    pub(crate) fn put_back(&mut self, error: CaptureError) {
        self.ended = true;
        self.pending = Some(error);
    }

    /// The memory that the frames of the latest [`FileReader::next`] stand in.
    pub(crate) fn region(&self) -> Arc<dyn Region> {
        self.input.stream.region()
    }

    /// The pipe that is read, if it is one.
    pub(crate) fn pipe(&self) -> Option<&Pipe> {
        self.input.stream.pipe()
    }

    /// Bytes taken from the file itself so far.
    pub(crate) fn taken(&self) -> u64 {
        self.input.taken()
    }

    /// Losses that the file tells of, so far.
    pub(crate) fn drops(&self) -> Drops {
        match &self.format {
            Format::PcapNg(pcapng) => pcapng.drops(),
            _ => Drops::default(),
        }
    }
}
