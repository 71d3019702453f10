//! A burst of views: everything is asked of memory before it is needed.
//!
//! What costs time with many flows is not counting but waiting for their cache lines. So while a burst is decoded, the bucket lines of its views are asked for, a
//! group at a time, and a group later their slots ([`Tracker::look_ahead`]): memory works all the time, not only while nothing else does. That alone
//! took a fifth off a packet's time with a million flows. What is still missing when all are decoded is asked for then, before any view is counted.

use portreeve_packet::{LookedAhead, View, ViewFlags, Views};
use portreeve_record::{RecordSink, SourceId};

use crate::fast;
use crate::hash;
use crate::letters::Letter;
use crate::memory::prefetch_near;
use crate::slot::{Hot, cold_flags, seen};
use crate::table::NONE;
use crate::tracker::{BURST_BATCHES, Tracker};
use crate::watch::{Out, Watcher};

/// From so many flows on cold slots are fetched before they are needed: 12 MiB of them. Fewer stay in the caches, and looking ahead would only cost.
const MANY_FLOWS: u64 = 1 << 17;

/// What was found out about a burst's views before their turn; of how many of them, [`Views::looked_ahead`] says.
pub(crate) struct Ahead {
    /// Some have no guess at where their flow is.
    again: bool,
    /// The times that theirs lie between.
    earliest: i64,
    latest: i64,
}

impl Ahead {
    pub(crate) const NOTHING: Ahead = Ahead {
        again: false,
        earliest: i64::MAX,
        latest: i64::MIN,
    };
}

/// Views between two looks ahead: time enough for a line of memory to come. With 8 it is asked for again before it is there; 32 are no better, and leave out small bursts.
const GROUP: usize = 16;

/// So many views ahead of the one that is counted, slots come from the second-level cache, where they were fetched to, into the first (2 to 8 are the same).
const SOON: usize = 4;

impl Tracker {
    /// Looks up and updates the flows of all `views`, in their order; what ends is emitted to `sink`.
    pub fn process(&mut self, views: &mut Views, sink: &mut impl RecordSink) {
        self.process_watched(views, &mut (), sink);
    }

    /// [`Tracker::process`], with somebody who watches.
    pub fn process_watched<W: Watcher>(
        &mut self,
        views: &mut Views,
        watcher: &mut W,
        sink: &mut impl RecordSink,
    ) {
        let sink = &mut Out::new(watcher, sink);
        self.shared.source = SourceId(views.source);
        self.look_further(views);
        let (earliest, latest) = (self.ahead.earliest, self.ahead.latest);
        if !views.is_empty() && !self.clock.see_all(earliest, latest) {
            self.see_each(views.as_slice());
        }
        self.guess(views);
        if self.ahead.again {
            self.guess_again(views);
        }
        let (mut parent, mut quote) = (NONE, 0);
        let (all, quotes) = (views.as_slice(), views.quotes());
        let mut index = 0;
        let mut prefetched = self.shared.counters.active < MANY_FLOWS;
        loop {
            let rest = all.get(index..).unwrap_or_default();
            let quick = self.quick_ones(rest);
            if let Some(last) = rest.get(..quick).and_then(<[View]>::last) {
                index += quick;
                parent = last.slot;
            }
            let Some(view) = all.get(index) else { break };
            if (W::WATCHES && self.quick_and_noted(view, index)) || self.quick_with_letter(view) {
                parent = view.slot;
                index += 1;
                continue;
            }
            if !prefetched {
                prefetched = true;
                self.prefetch_whole(all.get(index + 1..).unwrap_or_default());
            }
            if view.flags.0 & ViewFlags::HAS_PARENT.0 == 0 {
                parent = NONE;
            }
            parent = self.whole(all, index, parent, sink);
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
        self.show_noted(all, sink);
        views.looked_ahead = LookedAhead::default();
        if let Some(now) = self.clock.now() {
            self.expire(now, BURST_BATCHES, sink);
        }
    }

    /// Asks memory for what the views so far will need, so that the wait for it passes while more frames are decoded. To be called behind each frame of
    /// a burst: once in `GROUP` views it does something. [`Tracker::process`] does the rest, and all of it where this was not called.
    ///
    /// Nothing is done to a flow yet. The views are to be those that this tracker's next [`Tracker::process`] is given.
    #[inline(always)]
    pub fn look_ahead(&mut self, views: &mut Views) {
        if views.len() >= views.looked_ahead.hashed + GROUP {
            self.look_further(views);
        }
    }

    #[inline(never)]
    fn look_further(&mut self, views: &mut Views) {
        // Those before first: their bucket lines are there by now.
        self.guess(views);
        self.hash(views);
    }

    /// Hashes the views that have no hash yet, and fetches their bucket lines.
    #[inline(always)]
    fn hash(&mut self, views: &mut Views) {
        let from = views.looked_ahead.hashed;
        if from == 0 {
            self.ahead = Ahead::NOTHING;
        }
        let (mut earliest, mut latest) = (self.ahead.earliest, self.ahead.latest);
        for view in views.as_mut_slice().get_mut(from..).unwrap_or_default() {
            view.hash = self.table.hash(&hash::words(&view.key));
            // Until there is a guess, where to look for one.
            view.slot = self.table.prefetch_bucket(view.hash);
            earliest = earliest.min(view.timestamp);
            latest = latest.max(view.timestamp);
        }
        (self.ahead.earliest, self.ahead.latest) = (earliest, latest);
        views.looked_ahead.hashed = views.len();
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

    /// Finds the slots of the views that have a hash, probably, and fetches them. The bucket lines were asked for before.
    #[inline(always)]
    fn guess(&mut self, views: &mut Views) {
        let LookedAhead { hashed, guessed } = views.looked_ahead;
        let fresh = views.as_mut_slice().get_mut(guessed..hashed);
        // Three in a hundred live in their second line when the table is full; they come up again when the others are done.
        for view in fresh.unwrap_or_default() {
            let guess = self.table.guess(view.hash, view.slot);
            view.slot = guess.unwrap_or(NONE);
            if guess.is_none() {
                self.table.prefetch_second(view.hash);
                self.ahead.again = true;
            }
        }
        views.looked_ahead.guessed = hashed;
    }

    #[inline(never)]
    fn guess_again(&mut self, views: &mut Views) {
        let mut new = 0;
        for view in views.as_mut_slice() {
            if view.slot == NONE {
                let guess = self.table.guess_second(view.hash);
                view.slot = guess.unwrap_or(NONE);
                if guess.is_none() {
                    self.table.prefetch_free(new);
                    new += 1;
                }
            }
        }
    }

    /// Fetches the cold slots of the views that will probably go the whole way too: once a burst, behind the first that does. With millions of flows, each of
    /// which comes up seldom, or short ones, that is many.
    #[inline(never)]
    fn prefetch_whole(&self, views: &[View]) {
        for view in views {
            let Some(hot) = self.table.hot.get(view.slot as usize) else {
                continue;
            };
            let far = (hot.last ^ view.timestamp) & self.far != 0;
            let tcp = view.key.protocol == 6;
            if far || (tcp && !fast::is_plain(hot.state, view)) {
                self.table.cold.prefetch(view.slot as usize, 2);
            }
        }
    }

    /// Counts the views at the front that do what nearly all do, to the flows where they probably are; how many they are. With the next one nothing was done.
    #[inline(never)]
    fn quick_ones(&mut self, views: &[View]) -> usize {
        let far = self.far;
        let hots = &mut *self.table.hot;
        let (mut done, mut acks) = (0, 0);
        for (at, view) in views.iter().enumerate() {
            if let Some(soon) = views.get(at + SOON) {
                prefetch_near(hots, soon.slot as usize, 2);
            }
            let Some(hot) = hots.get_mut(view.slot as usize) else {
                break;
            };
            let Some(acknowledged) = quick(hot, view, far) else {
                break;
            };
            acks += u64::from(acknowledged);
            done += 1;
        }
        self.shared.counters.tracked += done as u64;
        self.shared.acks += acks;
        done
    }

    /// Counts a segment the quick way that would go it but for a letter which its sender's history lacks: the first data, the first bare acknowledgement. Of short
    /// conversations that is every fifth packet. Whether it was one.
    #[inline(never)]
    fn quick_with_letter(&mut self, view: &View) -> bool {
        let slot = view.slot as usize;
        let (Some(hot), Some(cold)) = (self.table.hot.get_mut(slot), self.table.cold.get_mut(slot))
        else {
            return false;
        };
        let side = usize::from(view.high_to_low());
        let (bit, letter) = if view.payload_len > 0 {
            (seen::DATA, Letter::Data)
        } else {
            (seen::ACK, Letter::Ack)
        };
        if view.key.protocol != 6 || !fast::lacks_letter(hot.state, view, bit) {
            return false;
        }
        // A sender's first packet has more to say.
        if !cold.has(cold_flags::FIRST_SEEN, side) {
            return false;
        }
        let before = hot.state;
        // The bit is what keeps it off the quick way.
        hot.state.set_seen(side, bit);
        let Some(acknowledged) = quick(hot, view, self.far) else {
            hot.state = before;
            return false;
        };
        cold.letters.push(letter, hot.state.orig() == side);
        self.shared.counters.tracked += 1;
        self.shared.acks += u64::from(acknowledged);
        true
    }

    /// Counts a view of a watched flow the quick way, if it does what nearly all do, and notes it. Whether it was one.
    #[inline]
    fn quick_and_noted(&mut self, view: &View, index: usize) -> bool {
        let far = self.far;
        let Some(hot) = self.table.hot.get_mut(view.slot as usize) else {
            return false;
        };
        if !hot.state.watched() {
            return false;
        }
        // The bit is what keeps it off the quick way.
        hot.state.set_watched(false);
        let counted = quick(hot, view, far);
        hot.state.set_watched(true);
        let Some(acknowledged) = counted else {
            return false;
        };
        self.shared.counters.tracked += 1;
        self.shared.acks += u64::from(acknowledged);
        self.note(view, index, view.slot);
        true
    }
}

/// Counts a view that does what nearly all do, if it is one and of this flow: whether it acknowledged new data.
#[inline(always)]
fn quick(hot: &mut Hot, view: &View, far: i64) -> Option<bool> {
    let is_tcp = view.key.protocol == 6;
    let is_far = (hot.last ^ view.timestamp) & far != 0;
    if is_far || view.flags.0 & fast::ODD != 0 || !hot.is_of(&view.key) {
        return None;
    }
    let side = usize::from(view.high_to_low());
    if is_tcp {
        fast::tcp(hot, view, side)
    } else {
        fast::datagram(hot, view, side).then_some(false)
    }
}
