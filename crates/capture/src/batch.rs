//! A batch: frames that cross threads.

use std::ptr::NonNull;
use std::sync::Arc;

use crate::burst::{Burst, Loan, Region};
use crate::frame::{Frame, RawFrame};

/// The batch has no room for the frame; it was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFull;

/// Up to a fixed number of frames, by reference or copied, with what keeps their bytes alive.
///
/// All its memory is allocated when it is made; it is cleared and used again.
pub struct Batch {
    frames: Vec<RawFrame>,
    regions: Vec<Arc<dyn Region>>,
    loans: Vec<Loan>,
    copies: Copies,
    copied: usize,
}

/// The memory that copies go into. Held by a raw pointer, not as a box, so that neither a move of the batch nor a
/// further copy claims the whole of it anew and with that ends the descriptors' right to read the copies before.
struct Copies {
    base: NonNull<u8>,
    size: usize,
}

impl Copies {
    fn new(size: usize) -> Copies {
        let bytes = Box::into_raw(vec![0u8; size].into_boxed_slice());
        // SAFETY: a box's pointer is never null.
        let base = unsafe { NonNull::new_unchecked(bytes.cast::<u8>()) };
        Copies { base, size }
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let bytes = std::ptr::slice_from_raw_parts_mut(self.base.as_ptr(), self.size);
        // SAFETY: made by `new` from a box of this size; the batch that lends from it is going.
        drop(unsafe { Box::from_raw(bytes) });
    }
}

/// The most different regions one batch refers to.
const MAX_REGIONS: usize = 8;

// SAFETY: the batch alone owns the memory, which is plain bytes and does not move with it.
unsafe impl Send for Copies {}
// SAFETY: through a shared reference it is only read.
unsafe impl Sync for Copies {}

impl Batch {
    /// A batch of up to `frames` frames, of which copies may take `copy_bytes` bytes together.
    #[must_use]
    pub fn new(frames: usize, copy_bytes: usize) -> Self {
        Batch {
            frames: Vec::with_capacity(frames),
            regions: Vec::with_capacity(MAX_REGIONS),
            loans: Vec::with_capacity(frames),
            copies: Copies::new(copy_bytes),
            copied: 0,
        }
    }

    /// Takes frame `index` of a burst by reference.
    ///
    /// # Errors
    /// [`BatchFull`] if there is no room, the burst is not shareable or has no such frame, or its buffer has left already.
    #[inline]
    pub fn push_shared(&mut self, burst: &Burst<'_>, index: usize) -> Result<(), BatchFull> {
        if self.frames.len() == self.frames.capacity() || !burst.is_shareable() {
            return Err(BatchFull);
        }
        for region in burst.regions() {
            if !self
                .regions
                .iter()
                .rev()
                .any(|held| Arc::ptr_eq(held, region))
            {
                if self.regions.len() == MAX_REGIONS {
                    return Err(BatchFull);
                }
                self.regions.push(Arc::clone(region));
            }
        }
        let frame = *burst.raw(index).ok_or(BatchFull)?;
        if burst.has_buffers() {
            self.loans.push(burst.keep(index).ok_or(BatchFull)?);
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Takes a copy of `frame`.
    ///
    /// # Errors
    /// [`BatchFull`] if there is no room for the frame or its bytes.
    #[inline]
    pub fn push_copy(&mut self, frame: &Frame<'_>) -> Result<(), BatchFull> {
        let end = self.copied.saturating_add(frame.data.len());
        if self.frames.len() == self.frames.capacity() || end > self.copies.size {
            return Err(BatchFull);
        }
        // SAFETY: `copied..end` lies within the memory, is lent to nobody yet, and is not the frame's own (which
        // would have to be lent by this batch, and that borrows it).
        let data = unsafe {
            let copy = self.copies.base.as_ptr().add(self.copied);
            std::ptr::copy_nonoverlapping(frame.data.as_ptr(), copy, frame.data.len());
            copy.cast_const()
        };
        self.frames.push(RawFrame {
            data,
            ..RawFrame::of(frame)
        });
        self.copied = end;
        Ok(())
    }

    /// How many frames there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames as a burst, lent until the batch is touched again.
    #[inline]
    #[must_use]
    pub fn burst(&self) -> Burst<'_> {
        // SAFETY: every descriptor points into a region held by `self.regions` or into
        // `self.copies`; neither changes while `self` is borrowed.
        unsafe { Burst::new(&self.frames, &[]) }
    }

    /// The same, and others may take the frames by reference ([`Burst::is_shareable`]), unless there are copies or packet buffers among them.
    #[must_use]
    pub fn shared_burst(&self) -> Burst<'_> {
        let by_reference = self.copied == 0 && self.loans.is_empty();
        let regions = if by_reference { &self.regions[..] } else { &[] };
        // SAFETY: as for `burst`; and no descriptor that regions are given with points into `self.copies` (but for frames without a byte).
        unsafe { Burst::new(&self.frames, regions) }
    }

    /// Empties the batch but for the loans of its frames: those go back to their source on the way to the sender ([`Batch::settle`]).
    #[inline]
    pub fn clear(&mut self) {
        self.frames.clear();
        self.copied = 0;
        if self.loans.is_empty() {
            self.regions.clear();
        }
    }

    /// Moves the loans of a cleared batch to `into`, for [`crate::Source::take_back`], and lets go of the regions.
    #[inline]
    pub fn settle(&mut self, into: &mut Vec<Loan>) {
        into.append(&mut self.loans);
        self.regions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fetch, MemoryCapture, Source};

    #[test]
    fn copies_outlive_their_source_and_a_move_to_another_thread() {
        let sent: Vec<(i64, Vec<u8>)> = (0..50u8)
            .map(|n| (i64::from(n), vec![n; usize::from(n)]))
            .collect();
        let mut source = MemoryCapture::from_frames(sent.clone()).into_source();
        let mut batch = Batch::new(64, 50 * 50);
        if let Ok(Fetch::Frames(burst)) = source.next_burst() {
            for frame in burst.frames() {
                assert_eq!(batch.push_copy(&frame), Ok(()));
            }
        }
        drop(source);
        let moved = std::thread::spawn(move || {
            let frames = batch
                .burst()
                .frames()
                .map(|f| (f.timestamp, f.data.to_vec()))
                .collect();
            batch.clear();
            assert!(batch.is_empty());
            frames
        });
        let got: Vec<(i64, Vec<u8>)> = moved.join().unwrap();
        assert_eq!(got, sent);
    }

    #[test]
    fn frames_by_reference_go_from_batch_to_batch() {
        let mut source = MemoryCapture::from_frames([(0, [1; 60]), (1, [2; 60])]).into_source();
        let Ok(Fetch::Frames(burst)) = source.next_burst() else {
            panic!("no frames");
        };
        let (mut first, mut second) = (Batch::new(4, 60), Batch::new(4, 0));
        assert_eq!(first.push_shared(&burst, 1), Ok(()));
        assert_eq!(second.push_shared(&first.shared_burst(), 0), Ok(()));
        // A copy stays where it is, and with it what is beside it.
        assert_eq!(first.push_copy(&burst.frame(0).unwrap()), Ok(()));
        assert!(!first.shared_burst().is_shareable());
        assert_eq!(second.push_shared(&first.shared_burst(), 0), Err(BatchFull));
        first.clear();
        drop((first, source));
        assert_eq!(second.burst().frame(0).unwrap().data, [2; 60]);
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let mut source = MemoryCapture::from_frames([(0, [1; 60]), (1, [2; 60])]).into_source();
        let Ok(Fetch::Frames(burst)) = source.next_burst() else {
            panic!("no frames");
        };
        let frame = burst.frame(0).unwrap();
        let mut short_of_bytes = Batch::new(4, 100);
        assert_eq!(short_of_bytes.push_copy(&frame), Ok(()));
        assert_eq!(short_of_bytes.push_copy(&frame), Err(BatchFull));
        assert_eq!(short_of_bytes.len(), 1);
        let mut short_of_frames = Batch::new(1, 1000);
        assert_eq!(short_of_frames.push_shared(&burst, 1), Ok(()));
        assert_eq!(short_of_frames.push_shared(&burst, 0), Err(BatchFull));
        assert_eq!(short_of_frames.burst().frame(0).unwrap().data, [2; 60]);
        let mut other = Batch::new(4, 0);
        assert_eq!(
            other.push_shared(&burst, 2),
            Err(BatchFull),
            "there is no such frame"
        );
        assert!(other.is_empty());
    }
}
