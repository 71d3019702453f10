//! Bytes that come in order and cannot be mapped: compressed files and pipes, read into chunks that frames are lent from.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use super::limits::{CHUNK, READ};
use crate::burst::Region;

/// Chunks kept for use again when nobody holds them any more.
const MAX_SPARE: usize = 16;

/// One chunk of memory. Its front is read-only and lent; its rear, not lent yet, is written by the one [`Stream`] that owns it.
pub(crate) struct Chunk {
    base: NonNull<u8>,
}

// SAFETY: plain memory; which part of it is written and which is read is kept apart by `Stream`.
unsafe impl Send for Chunk {}
// SAFETY: through a shared chunk only lent bytes are read, and those are no longer written.
unsafe impl Sync for Chunk {}

impl Region for Chunk {}

impl Chunk {
    fn new() -> Arc<Chunk> {
        let bytes: Box<[u8]> = vec![0; CHUNK].into_boxed_slice();
        let base = Box::into_raw(bytes).cast::<u8>();
        // SAFETY: a box is never null.
        let base = unsafe { NonNull::new_unchecked(base) };
        Arc::new(Chunk { base })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let bytes = std::ptr::slice_from_raw_parts_mut(self.base.as_ptr(), CHUNK);
        // SAFETY: made by `Chunk::new` from a box of this length; nobody refers to it any more.
        drop(unsafe { Box::from_raw(bytes) });
    }
}

/// What [`Stream::fill`] achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// The bytes asked for are there.
    Enough,
    /// The input ended before.
    End,
    /// Nothing to read now (a pipe); ask again.
    NotReady,
}

/// A pipe, to ask whether a read from it would block.
#[derive(Debug)]
pub(crate) struct Pipe(pub(crate) OwnedFd);

impl Pipe {
    /// Waits up to `timeout` for something to read (or the end, or an error, which reading will show).
    pub(crate) fn ready(&self, timeout: Duration) -> bool {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let timeout = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
        // SAFETY: one valid pollfd.
        unsafe { libc::poll(&raw mut poll, 1, timeout) > 0 }
    }
}

/// A byte stream with a window onto its unread bytes.
pub(crate) struct Stream {
    reader: Box<dyn Read + Send>,
    pipe: Option<Pipe>,
    chunk: Arc<Chunk>,
    spare: Vec<Arc<Chunk>>,
    start: usize,
    filled: usize,
    ended: bool,
}

impl Stream {
    /// A stream over `reader`; with `pipe`, it is asked before each read whether that would block.
    pub(crate) fn new(reader: Box<dyn Read + Send>, pipe: Option<Pipe>) -> Stream {
        Stream {
            reader,
            pipe,
            chunk: Chunk::new(),
            spare: Vec::new(),
            start: 0,
            filled: 0,
            ended: false,
        }
    }

    /// The bytes read and not yet consumed.
    pub(crate) fn window(&self) -> &[u8] {
        // SAFETY: start..filled lies within the chunk and was written; the stream writes only behind it.
        unsafe {
            std::slice::from_raw_parts(
                self.chunk.base.as_ptr().add(self.start),
                self.filled - self.start,
            )
        }
    }

    /// The pipe that is read, if it is one that can be waited for.
    pub(crate) fn pipe(&self) -> Option<&Pipe> {
        self.pipe.as_ref()
    }

    /// The chunk that the window lies in.
    pub(crate) fn region(&self) -> Arc<dyn Region> {
        self.chunk.clone()
    }

    /// Moves the window's start `count` bytes on; at most to its end.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.filled.min(self.start + count);
    }

    /// Reads until the window has `need` bytes (at most half a chunk), the input ends, or it would block.
    ///
    /// # Errors
    /// What the reader said.
    pub(crate) fn fill(&mut self, need: usize) -> io::Result<Filled> {
        debug_assert!(need <= CHUNK / 2, "more than a chunk can hold");
        while self.filled - self.start < need {
            if self.ended {
                return Ok(Filled::End);
            }
            self.rewind();
            if CHUNK - self.start < need || CHUNK - self.filled < READ / 4 {
                self.next_chunk();
            }
            if let Some(pipe) = &self.pipe
                && !pipe.ready(Duration::ZERO)
            {
                return Ok(Filled::NotReady);
            }
            let room = (CHUNK - self.filled).min(READ);
            // SAFETY: the bytes behind `filled` are within the chunk and lent to nobody.
            let rear = unsafe {
                std::slice::from_raw_parts_mut(self.chunk.base.as_ptr().add(self.filled), room)
            };
            match self.reader.read(rear) {
                Ok(0) => self.ended = true,
                Ok(count) => self.filled += count.min(room),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Filled::Enough)
    }

    /// Goes back to the chunk's front with the unread bytes, if nobody holds any of it: what is read next then comes to memory that is still in the caches, and drives
    /// nothing else out of them.
    fn rewind(&mut self) {
        if self.start == 0 || Arc::get_mut(&mut self.chunk).is_none() {
            return;
        }
        let rest = self.filled - self.start;
        let base = self.chunk.base.as_ptr();
        // SAFETY: `rest` bytes from `start` on are written and within the chunk, and nobody else refers to it.
        unsafe { std::ptr::copy(base.add(self.start), base, rest) };
        self.start = 0;
        self.filled = rest;
    }

    /// Takes the unread bytes over into a chunk that nobody holds.
    fn next_chunk(&mut self) {
        let free = self
            .spare
            .iter_mut()
            .position(|chunk| Arc::get_mut(chunk).is_some());
        let next = match free {
            Some(index) => self.spare.swap_remove(index),
            None => Chunk::new(),
        };
        let rest = self.filled - self.start;
        // SAFETY: `rest` bytes from `start` on are written, the other chunk is held by nobody else, and both are CHUNK long.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.chunk.base.as_ptr().add(self.start),
                next.base.as_ptr(),
                rest,
            );
        }
        let old = std::mem::replace(&mut self.chunk, next);
        if self.spare.len() < MAX_SPARE {
            self.spare.push(old);
        }
        self.start = 0;
        self.filled = rest;
    }
}
