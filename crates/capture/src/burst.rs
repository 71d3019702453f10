//! A burst: frames lent together, given back together.

use std::cell::Cell;
use std::sync::Arc;

use crate::frame::{Frame, RawFrame};

/// The most frames a burst has.
pub const MAX_BURST: usize = 64;

/// Memory that frames stand in and that threads may share: a chunk of a file, a port's packet buffers.
/// It is there for as long as anyone holds it.
pub trait Region: Send + Sync {}

/// A packet buffer that left its burst by reference and has to go back to its source ([`crate::Source::take_back`]).
/// What the number is, only the source knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loan(pub(crate) usize);

/// The packet buffers behind a burst's frames, for sources whose ring wants each of them back: which of them stay out.
#[derive(Clone, Copy)]
pub(crate) struct Buffers<'a> {
    /// The buffer of each frame, in the burst's order.
    pub(crate) loans: &'a [Loan],
    /// Bit i: frame i was kept; the source does not give its buffer back with the burst. The source clears it for each burst.
    pub(crate) kept: &'a Cell<u64>,
}

/// Up to [`MAX_BURST`] frames, lent until the borrow of the source ends.
pub struct Burst<'a> {
    frames: &'a [RawFrame],
    regions: &'a [Arc<dyn Region>],
    buffers: Option<Buffers<'a>>,
}

/// Frames of a burst from which on their headers are asked for before the first is looked at. Those of fewer come no sooner by it.
const WORTH_IT: usize = 8;

/// Asks for the headers of all frames at once: memory serves many requests together faster than one here and one there.
#[inline]
fn prefetch(frames: &[RawFrame]) {
    if frames.len() >= WORTH_IT {
        for frame in frames {
            frame.prefetch();
        }
    }
}

impl<'a> Burst<'a> {
    /// A burst over descriptors that the source owns.
    ///
    /// # Safety
    /// Each frame's bytes must stay valid and unwritten for `'a`; and, if `regions` is not empty, for as
    /// long as any one of `regions` that holds them is kept.
    pub(crate) unsafe fn new(frames: &'a [RawFrame], regions: &'a [Arc<dyn Region>]) -> Self {
        prefetch(frames);
        Burst {
            frames,
            regions,
            buffers: None,
        }
    }

    /// A burst over packet buffers that may be kept one by one.
    ///
    /// # Safety
    /// As for [`Burst::new`]; besides, the bytes of a frame that is kept stay valid and unwritten until its loan comes back to the source
    /// or, if it never does, for as long as any of `regions` is held. `regions` is not empty.
    pub(crate) unsafe fn of_buffers(
        frames: &'a [RawFrame],
        regions: &'a [Arc<dyn Region>],
        buffers: Buffers<'a>,
    ) -> Self {
        prefetch(frames);
        Burst {
            frames,
            regions,
            buffers: Some(buffers),
        }
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
        // SAFETY: `new`'s caller promised that the bytes are there for 'a.
        self.frames.iter().map(|frame| unsafe { frame.lend() })
    }

    /// Whether [`crate::Batch::push_shared`] takes these frames.
    #[must_use]
    pub fn is_shareable(&self) -> bool {
        !self.regions.is_empty()
    }

    /// Whether frame `index` can leave by reference: its bytes outlive the burst, and it has not left yet. Else it can be copied.
    #[must_use]
    pub fn may_leave(&self, index: usize) -> bool {
        let stays = |buffers: &Buffers<'_>| {
            buffers
                .kept
                .get()
                .checked_shr(index as u32)
                .is_none_or(|kept| kept & 1 == 1)
        };
        self.is_shareable() && !self.buffers.as_ref().is_some_and(stays)
    }

    pub(crate) fn raw(&self, index: usize) -> Option<&RawFrame> {
        self.frames.get(index)
    }

    /// Keeps the buffer of frame `index` beyond the burst: the loan to be given back. `None` if the frame's bytes need no such thing, or
    /// the buffer is kept already (a frame by reference goes to one place; the second gets a copy).
    pub(crate) fn keep(&self, index: usize) -> Option<Loan> {
        let buffers = self.buffers?;
        let loan = *buffers.loans.get(index)?;
        let bit = 1u64.checked_shl(index as u32)?;
        let kept = buffers.kept.get();
        buffers.kept.set(kept | bit);
        (kept & bit == 0).then_some(loan)
    }

    /// Whether a frame that leaves by reference leaves a [`Loan`].
    #[must_use]
    pub fn has_buffers(&self) -> bool {
        self.buffers.is_some()
    }

    pub(crate) fn regions(&self) -> &[Arc<dyn Region>] {
        self.regions
    }
}
