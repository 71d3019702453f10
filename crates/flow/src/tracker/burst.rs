//! A burst of views: everything is asked of memory before it is needed.
//!
//! What costs time with many flows is not counting but waiting for their cache lines. So all bucket lines of a burst are asked for
//! at once, then all slots. Asking for less at a time, while others are counted, was tried: no gain with a million flows, and a loss with more.

use portreeve_packet::limits::MAX_VIEWS;
use portreeve_packet::{View, ViewFlags, Views};
use portreeve_record::{RecordSink, SourceId};

use crate::fast;
use crate::hash;
use crate::slot::Class;
use crate::table::{NONE, same};
use crate::tracker::{BURST_BATCHES, Tracker};

impl Tracker {
    /// Looks up and updates the flows of all `views`, in their order; what ends is emitted to `sink`.
    pub fn process(&mut self, views: &mut Views, sink: &mut impl RecordSink) {
        self.shared.source = SourceId(views.source);
        for view in views.as_mut_slice() {
            view.hash = self.table.hash(&hash::words(&view.key));
            self.table.prefetch_bucket(view.hash);
        }
        let mut guesses = [NONE; MAX_VIEWS];
        self.guess(views.as_slice(), &mut guesses);
        let mut parent = NONE;
        let mut quote = 0;
        for (index, (view, slot)) in views.as_slice().iter().zip(guesses).enumerate() {
            if !self.clock.see(view.timestamp) {
                self.shared.counters.absurd_timestamps += 1;
            }
            if view.flags.0 & ViewFlags::HAS_PARENT.0 == 0 {
                parent = NONE;
            }
            parent = self.one(view, slot, parent, sink);
            if view.flags.0 & ViewFlags::QUOTES.0 != 0 {
                let quotes = views.quotes();
                while quote < quotes.len() && usize::from(quotes[quote].view) < index {
                    quote += 1;
                }
                if let Some(quoted) = quotes.get(quote)
                    && usize::from(quoted.view) == index
                {
                    self.annotate_flow(&quoted.key, view);
                }
            }
            self.shared.flush(sink);
        }
        if let Some(now) = self.clock.now() {
            self.expire(now, BURST_BATCHES, sink);
        }
    }

    /// Finds the slots, probably, and fetches them. The bucket lines were asked for before.
    #[inline(always)]
    fn guess(&self, views: &[View], guesses: &mut [u32; MAX_VIEWS]) {
        // One in twenty lives in its second line when the table is full; they come up again when the others are done.
        let mut again = false;
        for (guess, view) in guesses.iter_mut().zip(views) {
            *guess = self.table.guess(view.hash);
            if *guess == NONE {
                self.table.prefetch_second(view.hash);
                again = true;
            }
        }
        if again {
            self.guess_again(views, guesses);
        }
    }

    #[inline(never)]
    fn guess_again(&self, views: &[View], guesses: &mut [u32; MAX_VIEWS]) {
        let mut new = 0;
        for (guess, view) in guesses.iter_mut().zip(views) {
            if *guess == NONE {
                *guess = self.table.guess_second(view.hash);
                if *guess == NONE {
                    self.table.prefetch_free(new);
                    new += 1;
                }
            }
        }
    }

    /// One view; returns the slot of its flow. `guess` is where it probably is.
    #[inline(always)]
    fn one(&mut self, view: &View, guess: u32, parent: u32, sink: &mut impl RecordSink) -> u32 {
        let side = usize::from(view.high_to_low());
        if view.flags.0 & fast::ODD == 0
            && let Some(hot) = self.table.hot.get_mut(guess as usize)
        {
            let near = (hot.last ^ view.timestamp) >> self.epoch_shift == 0;
            if near && same(&hot.key, &hash::words(&view.key)) {
                let class = hot.state.class();
                if class == Class::TcpIdle {
                    if let Some(acknowledged) = fast::tcp(hot, view, side) {
                        self.shared.counters.tracked += 1;
                        self.shared.acks += u64::from(acknowledged);
                        return guess;
                    }
                } else if class as u32 >= Class::Udp as u32 && fast::datagram(hot, view, side) {
                    self.shared.counters.tracked += 1;
                    return guess;
                }
            }
        }
        self.whole(view, guess, parent, sink)
    }
}
