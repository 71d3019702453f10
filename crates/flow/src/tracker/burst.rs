//! A burst of views: everything is asked of memory before it is needed.
//!
//! What costs time with many flows is not counting but waiting for their cache lines. So all bucket lines of a burst are asked for
//! at once, then all slots. Asking for less at a time, while others are counted, was tried: no gain with a million flows, and a loss with more.

use portreeve_packet::limits::MAX_VIEWS;
use portreeve_packet::{View, ViewFlags, Views};
use portreeve_record::{RecordSink, SourceId};

use crate::fast;
use crate::hash;
use crate::slot::Hot;
use crate::table::{NONE, same};
use crate::tracker::{BURST_BATCHES, Tracker};
use crate::watch::{Out, Watcher};

/// From so many flows on cold slots are fetched before they are needed: 12 MiB of them. Fewer stay in the caches, and looking ahead would only cost.
const MANY_FLOWS: u64 = 1 << 17;

impl Tracker {
    /// Looks up and updates the flows of all `views`, in their order; what ends is emitted to `sink`.
    pub fn process(&mut self, views: &mut Views, sink: &mut impl RecordSink) {
        self.process_watched(views, &mut (), sink);
    }

    /// [`Tracker::process`], with somebody who watches.
    pub fn process_watched(
        &mut self,
        views: &mut Views,
        watcher: &mut impl Watcher,
        sink: &mut impl RecordSink,
    ) {
        let sink = &mut Out::new(watcher, sink);
        self.shared.source = SourceId(views.source);
        let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
        for view in views.as_mut_slice() {
            view.hash = self.table.hash(&hash::words(&view.key));
            self.table.prefetch_bucket(view.hash);
            earliest = earliest.min(view.timestamp);
            latest = latest.max(view.timestamp);
        }
        if !self.clock.see_all(earliest, latest) {
            self.see_each(views.as_slice());
        }
        let mut guesses = [NONE; MAX_VIEWS];
        self.guess(views.as_slice(), &mut guesses);
        let (mut parent, mut quote) = (NONE, 0);
        let (all, quotes) = (views.as_slice(), views.quotes());
        let mut index = 0;
        let mut prefetched = self.shared.counters.active < MANY_FLOWS;
        loop {
            let rest = all.get(index..).unwrap_or_default();
            let quick = self.quick_ones(rest, guesses.get(index..).unwrap_or_default());
            if quick > 0 {
                index += quick;
                parent = guesses[index - 1];
            }
            let Some(view) = all.get(index) else { break };
            if self.quick_and_shown(view, guesses[index], sink) {
                parent = guesses[index];
                index += 1;
                continue;
            }
            if !prefetched {
                prefetched = true;
                let behind = index + 1;
                self.prefetch_whole(
                    all.get(behind..).unwrap_or_default(),
                    guesses.get(behind..).unwrap_or_default(),
                );
            }
            if view.flags.0 & ViewFlags::HAS_PARENT.0 == 0 {
                parent = NONE;
            }
            parent = self.whole(view, guesses[index], parent, sink);
            if view.flags.0 & ViewFlags::QUOTES.0 != 0 {
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
            index += 1;
        }
        if let Some(now) = self.clock.now() {
            self.expire(now, BURST_BATCHES, sink);
        }
    }

    /// Where the times of a burst lie far apart, or far from the clock.
    #[cold]
    fn see_each(&mut self, views: &[View]) {
        for view in views {
            if !self.clock.see(view.timestamp) {
                self.shared.counters.absurd_timestamps += 1;
            }
        }
    }

    /// Finds the slots, probably, and fetches them. The bucket lines were asked for before.
    #[inline(always)]
    fn guess(&self, views: &[View], guesses: &mut [u32; MAX_VIEWS]) {
        // Three in a hundred live in their second line when the table is full; they come up again when the others are done.
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

    /// Fetches the cold slots of the views that will probably go the whole way too: once a burst, behind the first that does. With millions of flows, each of
    /// which comes up seldom, or short ones, that is many.
    #[inline(never)]
    fn prefetch_whole(&self, views: &[View], guesses: &[u32]) {
        for (view, guess) in views.iter().zip(guesses) {
            let Some(hot) = self.table.hot.get(*guess as usize) else {
                continue;
            };
            let far = (hot.last ^ view.timestamp) >> self.epoch_shift != 0;
            let tcp = view.key.protocol == 6;
            if far || (tcp && !fast::is_plain(hot.state, view)) {
                self.table.cold.prefetch(*guess as usize, 2);
            }
        }
    }

    /// Counts the views at the front that do what nearly all do, to the flows at `guesses`; how many they are. With the next one nothing was done.
    #[inline(never)]
    fn quick_ones(&mut self, views: &[View], guesses: &[u32]) -> usize {
        let (hots, shift) = (&mut *self.table.hot, self.epoch_shift);
        let (mut done, mut acks) = (0, 0);
        for (view, guess) in views.iter().zip(guesses) {
            let Some(hot) = hots.get_mut(*guess as usize) else {
                break;
            };
            let Some(acknowledged) = quick(hot, view, shift) else {
                break;
            };
            acks += u64::from(acknowledged);
            done += 1;
        }
        self.shared.counters.tracked += done as u64;
        self.shared.acks += acks;
        done
    }

    /// Counts a view of a watched flow the quick way, if it does what nearly all do, and shows it. Whether it was one.
    #[inline]
    fn quick_and_shown<W: Watcher>(
        &mut self,
        view: &View,
        guess: u32,
        sink: &mut Out<'_, W, impl RecordSink>,
    ) -> bool {
        if !W::WATCHES {
            return false;
        }
        let Some(hot) = self.table.hot.get_mut(guess as usize) else {
            return false;
        };
        if !hot.state.watched() {
            return false;
        }
        // The bit is what keeps it off the quick way.
        hot.state.set_watched(false);
        let counted = quick(hot, view, self.epoch_shift);
        hot.state.set_watched(true);
        let Some(acknowledged) = counted else {
            return false;
        };
        self.shared.counters.tracked += 1;
        self.shared.acks += u64::from(acknowledged);
        self.show(guess, view, sink);
        true
    }
}

/// Counts a view that does what nearly all do, if it is one and of this flow: whether it acknowledged new data.
#[inline(always)]
fn quick(hot: &mut Hot, view: &View, shift: u32) -> Option<bool> {
    let far = (hot.last ^ view.timestamp) >> shift != 0;
    if view.flags.0 & fast::ODD != 0 || far || !same(&hot.key, &hash::words(&view.key)) {
        return None;
    }
    let side = usize::from(view.high_to_low());
    if view.key.protocol == 6 {
        fast::tcp(hot, view, side)
    } else {
        fast::datagram(hot, view, side).then_some(false)
    }
}
