//! A lane: batches of frames from one thread to another, and the empty ones back.
//!
//! All batches are made at the start; a lane without an empty one is full. Single producer, single consumer, no locks. A receiver that
//! sleeps is woken by its doorbell.

use portreeve_capture::{Batch, Burst, Frame, Loan};
use rtrb::{Consumer, Producer, RingBuffer};

use std::sync::Arc;

use crate::strategy::Bell;

/// A batch on its way, and the sender's time when it left.
pub(crate) struct Parcel {
    pub(crate) batch: Batch,
    pub(crate) now: Option<i64>,
    /// The source that the frames came from, by its number.
    pub(crate) source: u16,
    /// Bit i: frame i is a note, an ICMP error that is counted elsewhere and only annotates the flow that it quotes.
    pub(crate) notes: u64,
}

/// The sending end.
pub(crate) struct LaneOut {
    to: Producer<Parcel>,
    back: Consumer<Batch>,
    /// Batches that are back, their loans taken.
    spare: Vec<Batch>,
    loans: Vec<Loan>,
    pending: Option<Batch>,
    /// Where what is pending comes from.
    source: u16,
    notes: u64,
    /// The time that was sent last.
    told: Option<i64>,
    /// The receiver's, unless it looks by itself now and then.
    bell: Option<Arc<Bell>>,
}

/// The receiving end.
pub(crate) struct LaneIn {
    from: Consumer<Parcel>,
    back: Producer<Batch>,
}

/// What a frame is to its receiver.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// To be analysed there.
    Frame,
    /// To annotate the flow it quotes, no more.
    Note,
}

/// There is no room: nothing was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LaneFull;

/// A lane of `batches` batches of `frames` frames, with room for `copy_bytes` bytes of copies in each. `bell` wakes the receiver.
pub(crate) fn lane(
    batches: usize,
    frames: usize,
    copy_bytes: usize,
    bell: Option<Arc<Bell>>,
) -> (LaneOut, LaneIn) {
    let (to, from) = RingBuffer::new(batches);
    let (mut empty, back) = RingBuffer::new(batches);
    for _ in 0..batches {
        // The ring was made for exactly so many.
        let _ = empty.push(Batch::new(frames, copy_bytes));
    }
    (
        LaneOut {
            to,
            back,
            spare: Vec::with_capacity(batches),
            loans: Vec::with_capacity(batches * frames),
            pending: None,
            source: 0,
            notes: 0,
            told: None,
            bell,
        },
        LaneIn { from, back: empty },
    )
}

impl LaneOut {
    /// What is pushed from here on comes from this source. A batch has frames of one: what is pending from another is sent.
    #[inline]
    pub(crate) fn of_source(&mut self, source: u16, now: Option<i64>) {
        if self.source != source {
            self.flush(now, false);
            self.source = source;
        }
    }

    /// Takes a copy of `frame`.
    #[inline]
    pub(crate) fn push_copy(
        &mut self,
        frame: &Frame<'_>,
        errand: Errand,
        now: Option<i64>,
    ) -> Result<(), LaneFull> {
        self.push(errand, now, |batch| batch.push_copy(frame).is_ok())
    }

    /// Takes frame `index` of `burst` by reference.
    #[inline]
    pub(crate) fn push_shared(
        &mut self,
        burst: &Burst<'_>,
        index: usize,
        errand: Errand,
        now: Option<i64>,
    ) -> Result<(), LaneFull> {
        self.push(errand, now, |batch| batch.push_shared(burst, index).is_ok())
    }

    fn push(
        &mut self,
        errand: Errand,
        now: Option<i64>,
        mut into: impl FnMut(&mut Batch) -> bool,
    ) -> Result<(), LaneFull> {
        // Twice: a pending batch may be full, the next one is empty.
        for _ in 0..2 {
            let Some(mut batch) = self.pending.take().or_else(|| self.empty()) else {
                return Err(LaneFull);
            };
            if into(&mut batch) {
                if errand == Errand::Note {
                    self.notes |= 1 << (batch.len() - 1);
                }
                self.pending = Some(batch);
                return Ok(());
            }
            if batch.is_empty() {
                // A frame that does not fit an empty batch never will.
                self.pending = Some(batch);
                return Err(LaneFull);
            }
            self.send(batch, now);
        }
        Err(LaneFull)
    }

    /// Sends what is pending. Without anything pending, `now` alone is sent if there is a batch to spare.
    pub(crate) fn flush(&mut self, now: Option<i64>, tell_time: bool) {
        let batch = self
            .pending
            .take()
            .or_else(|| if tell_time { self.empty() } else { None });
        if let Some(batch) = batch {
            self.send(batch, now);
        }
    }

    /// To a receiver that has taken all there was: sends what is pending, or else the time, unless it was told.
    pub(crate) fn tell(&mut self, now: Option<i64>) {
        let has_all = self.to.slots() == self.to.buffer().capacity();
        if has_all && (self.pending.is_some() || self.told != now) {
            self.flush(now, true);
        }
    }

    fn empty(&mut self) -> Option<Batch> {
        self.spare.pop().or_else(|| {
            let mut batch = self.back.pop().ok()?;
            batch.settle(&mut self.loans);
            Some(batch)
        })
    }

    /// Takes back what the receiver is done with; the packet buffers behind it go to `loans`.
    #[inline]
    pub(crate) fn collect(&mut self, loans: &mut Vec<Loan>) {
        while let Ok(mut batch) = self.back.pop() {
            batch.settle(&mut self.loans);
            self.spare.push(batch);
        }
        loans.append(&mut self.loans);
    }

    fn send(&mut self, batch: Batch, now: Option<i64>) {
        // The ring has room for every batch there is.
        let notes = std::mem::take(&mut self.notes);
        let source = self.source;
        self.told = now;
        let _ = self.to.push(Parcel {
            batch,
            now,
            source,
            notes,
        });
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// Whether nobody receives any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.to.is_abandoned()
    }
}

impl LaneIn {
    /// The next parcel, if one is there. Give its batch back with [`LaneIn::give_back`].
    #[inline]
    pub(crate) fn receive(&mut self) -> Option<Parcel> {
        self.from.pop().ok()
    }

    /// Gives a batch back, emptied, to be filled again.
    #[inline]
    pub(crate) fn give_back(&mut self, mut batch: Batch) {
        batch.clear();
        // The ring has room for every batch there is.
        let _ = self.back.push(batch);
    }

    /// Whether nothing is there now.
    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    /// Whether the sender is gone and everything was received.
    pub(crate) fn is_finished(&self) -> bool {
        self.from.is_abandoned() && self.from.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_capture::ChecksumStatus;
    use portreeve_packet::LinkType;

    fn frame(data: &[u8]) -> Frame<'_> {
        Frame {
            data,
            wire_len: data.len() as u32,
            timestamp: 5,
            link: LinkType::Ethernet,
            interface: 0,
            vlan: None,
            rx_hash: None,
            checksum: ChecksumStatus::Unknown,
        }
    }

    #[test]
    fn a_full_lane_refuses_and_an_emptied_one_takes_again() {
        let (mut out, mut into) = lane(2, 1, 64, None);
        assert_eq!(
            out.push_copy(&frame(&[1; 65]), Errand::Frame, None),
            Err(LaneFull)
        );
        assert_eq!(out.push_copy(&frame(&[1; 60]), Errand::Frame, None), Ok(()));
        assert_eq!(
            out.push_copy(&frame(&[2; 60]), Errand::Frame, Some(9)),
            Ok(())
        );
        assert_eq!(
            out.push_copy(&frame(&[3; 60]), Errand::Frame, None),
            Err(LaneFull)
        );
        let parcel = into.receive().expect("the first batch was sent");
        assert_eq!(parcel.now, Some(9));
        assert_eq!(parcel.batch.burst().frame(0).map(|f| f.data[0]), Some(1));
        into.give_back(parcel.batch);
        assert_eq!(out.push_copy(&frame(&[4; 60]), Errand::Frame, None), Ok(()));
        out.flush(None, false);
        assert!(!into.is_finished());
        drop(out);
        let received = std::iter::from_fn(|| into.receive()).count();
        assert_eq!(received, 2);
        assert!(into.is_finished());
    }
}
