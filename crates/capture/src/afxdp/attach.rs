//! The program on its interface: loaded, attached by a link, and what it shares with us.
//!
//! A link of the kernel's (`bpf_link`, Linux 5.9) is a descriptor: when the last one is closed, by us or because we were killed, the kernel takes the program
//! off. So nothing is ever left behind. On a kernel that has no such links we do not attach at all.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::{Map, MapData, MapError, XskMap};
use aya::programs::links::FdLink;
use aya::programs::{ProgramError, Xdp, XdpMode};
use aya::{Ebpf, EbpfError};

use super::program::{self, GATE, LINE, LINES, REDIRECTED, SOCKETS};
use super::sys;

/// Why the program is not there.
#[derive(Debug)]
pub(super) enum AttachError {
    /// The kernel refused to load it.
    Load(String, Option<i32>),
    /// The interface, or its driver, did not take it.
    Attach(String, Option<i32>),
    /// The kernel has no links for XDP: the program would stay after us.
    NoLink,
}

/// The error number somewhere below an error of the library.
fn code(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.raw_os_error().is_some()
        {
            return error.raw_os_error();
        }
        next = error.source();
    }
    None
}

/// What went wrong, in the words of the innermost error.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        next = error.source();
    }
    text
}

fn load(error: &(dyn std::error::Error + 'static)) -> AttachError {
    AttachError::Load(words(error), code(error))
}

impl From<EbpfError> for AttachError {
    fn from(error: EbpfError) -> AttachError {
        load(&error)
    }
}

impl From<MapError> for AttachError {
    fn from(error: MapError) -> AttachError {
        load(&error)
    }
}

/// A loaded program that is not attached yet.
pub(super) struct Loaded {
    ebpf: Ebpf,
    sockets: Sockets,
    lines: Lines,
}

/// The sockets that the program knows, by queue.
pub(super) struct Sockets(XskMap<MapData>);

impl Sockets {
    /// Frames of `queue` shall go to this socket, once its gate is open.
    pub(super) fn set(&mut self, queue: u32, socket: &OwnedFd) -> Result<(), AttachError> {
        Ok(self.0.set(queue, socket.as_raw_fd(), 0)?)
    }
}

impl Loaded {
    /// Loads the program for so many queues, for frames of several buffers too if the kernel knows them.
    pub(super) fn new(queues: u32) -> Result<Loaded, AttachError> {
        Loaded::with(queues, true).or_else(|_| Loaded::with(queues, false))
    }

    fn with(queues: u32, frags: bool) -> Result<Loaded, AttachError> {
        let object = program::object(queues, frags)
            .map_err(|error| AttachError::Load(error.to_string(), None))?;
        let mut ebpf = Ebpf::load(&object)?;
        let missing = || AttachError::Load("its maps are not there".into(), None);
        let sockets = Sockets(XskMap::try_from(
            ebpf.take_map(SOCKETS).ok_or_else(missing)?,
        )?);
        let lines = match ebpf.map(LINES) {
            Some(Map::Array(data)) => Lines::new(data.fd().as_fd().as_raw_fd(), queues),
            _ => return Err(missing()),
        };
        let lines = lines.map_err(|error| load(&error))?;
        let program = xdp(&mut ebpf).ok_or_else(missing)?;
        program.load().map_err(|error| load(&error))?;
        Ok(Loaded {
            ebpf,
            sockets,
            lines,
        })
    }

    /// Attaches the program to the interface.
    ///
    /// # Errors
    /// Why not; and the program, for another try.
    #[expect(clippy::result_large_err, reason = "once, when the source is opened")]
    pub(super) fn attach(
        mut self,
        index: u32,
        native: bool,
    ) -> Result<(Attached, Sockets), (Loaded, AttachError)> {
        let mode = if native {
            XdpMode::Driver
        } else {
            XdpMode::Skb
        };
        let busy = |error: &AttachError| matches!(error, AttachError::Attach(_, Some(code)) if *code == libc::EBUSY);
        match sys::patiently(busy, || link(&mut self.ebpf, index, mode)) {
            Ok(link) => {
                let attached = Attached {
                    lines: self.lines,
                    _link: link,
                };
                Ok((attached, self.sockets))
            }
            Err(error) => Err((self, error)),
        }
    }
}

fn xdp(ebpf: &mut Ebpf) -> Option<&mut Xdp> {
    ebpf.program_mut(program::NAME)?.try_into().ok()
}

fn link(ebpf: &mut Ebpf, index: u32, mode: XdpMode) -> Result<FdLink, AttachError> {
    let refused = |error: ProgramError| AttachError::Attach(words(&error), code(&error));
    let program = xdp(ebpf).ok_or_else(|| AttachError::Load("it is not there".into(), None))?;
    let id = program.attach_to_if_index(index, mode).map_err(refused)?;
    let link = program.take_link(id).map_err(refused)?;
    // The other kind of link is taken off when it is dropped, which it is here.
    FdLink::try_from(link).map_err(|_| AttachError::NoLink)
}

/// The program at work. Dropping it takes it off the interface; the program itself goes with its last link.
pub(super) struct Attached {
    lines: Lines,
    _link: FdLink,
}

impl Attached {
    /// From here on the frames of `queue` are ours.
    pub(super) fn open(&self, queue: u32) {
        if let Some(gate) = self.lines.word(queue, GATE) {
            gate.store(1, Ordering::Release);
        }
    }

    /// From here on, but for packets in progress, the frames of `queue` go to the kernel.
    pub(super) fn shut(&self, queue: u32) {
        if let Some(gate) = self.lines.word(queue, GATE) {
            gate.store(0, Ordering::Release);
        }
    }

    /// Frames of `queue` that were sent to its socket.
    pub(super) fn redirected(&self, queue: u32) -> u64 {
        self.lines
            .word(queue, REDIRECTED)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }
}

/// One cache line for each queue, shared with the program.
struct Lines {
    map: sys::Map,
    queues: u32,
}

impl Lines {
    fn new(fd: i32, queues: u32) -> io::Result<Lines> {
        let map = sys::Map::new(fd, 0, queues as usize * LINE)?;
        Ok(Lines { map, queues })
    }

    fn word(&self, queue: u32, offset: usize) -> Option<&AtomicU64> {
        if queue >= self.queues {
            return None;
        }
        let word: NonNull<AtomicU64> = self.map.at(queue as usize * LINE + offset, 1)?;
        // SAFETY: a word of the mapping, which lives as long as `self`; both sides change it atomically.
        Some(unsafe { word.as_ref() })
    }
}
