//! A burst: frames lent together, given back together.

use std::sync::Arc;

use crate::frame::{Frame, RawFrame};

/// The most frames a burst has.
pub const MAX_BURST: usize = 64;

/// How many frames ahead of the one that is looked at the headers are fetched into the cache: about a memory access's time.
const PREFETCH_AHEAD: usize = 6;

/// Memory that frames stand in and that threads may share: a chunk of a file.
/// Read-only for as long as anyone holds it.
pub trait Region: Send + Sync {}

/// Up to [`MAX_BURST`] frames, lent until the borrow of the source ends.
pub struct Burst<'a> {
    frames: &'a [RawFrame],
    regions: &'a [Arc<dyn Region>],
}

impl<'a> Burst<'a> {
    /// A burst over descriptors that the source owns.
    ///
    /// # Safety
    /// Each frame's bytes must stay valid and unwritten for `'a`; and, if `regions` is not empty, for as
    /// long as any one of `regions` that holds them is kept.
    pub(crate) unsafe fn new(frames: &'a [RawFrame], regions: &'a [Arc<dyn Region>]) -> Self {
        Burst { frames, regions }
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

    /// The frame at `index`, if there is one.
    #[inline]
    #[must_use]
    pub fn frame(&self, index: usize) -> Option<Frame<'a>> {
        // SAFETY: `new`'s caller promised that the bytes are there for 'a.
        self.frames.get(index).map(|frame| unsafe { frame.lend() })
    }

    /// The frames, in order.
    #[inline]
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'a>> + '_ {
        self.frames.iter().enumerate().map(|(index, frame)| {
            if let Some(ahead) = self.frames.get(index + PREFETCH_AHEAD) {
                ahead.prefetch();
            }
            // SAFETY: `new`'s caller promised that the bytes are there for 'a.
            unsafe { frame.lend() }
        })
    }

    /// Whether [`crate::Batch::push_shared`] takes these frames.
    #[must_use]
    pub fn is_shareable(&self) -> bool {
        !self.regions.is_empty()
    }

    pub(crate) fn raw(&self, index: usize) -> Option<&RawFrame> {
        self.frames.get(index)
    }

    pub(crate) fn regions(&self) -> &[Arc<dyn Region>] {
        self.regions
    }
}
