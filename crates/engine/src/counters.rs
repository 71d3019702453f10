//! One worker's counters, and the cell in which everyone may read them as one moment.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use portreeve_capture::SourceCounters;
use portreeve_packet::Undecodable;
use portreeve_record::EndReason;

/// Outputs a run can have.
pub const MAX_OUTPUTS: usize = 8;
/// EtherTypes of non-IP frames counted by their number; further ones are counted together.
pub const MAX_ETHERTYPES: usize = 16;
/// Room for reasons: the enums they come from may grow.
pub const MAX_UNDECODABLE: usize = 16;
/// Room for the reasons a flow ends.
pub const MAX_END_REASONS: usize = 8;
/// Sources one worker may poll.
pub const MAX_SOURCES: usize = 16;
/// Buckets of the wake-up latency: the first is below 1 µs, each further one twice as far, the last is without limit.
pub const LATENCY_BUCKETS: usize = 24;

const _: () = assert!(Undecodable::ALL.len() <= MAX_UNDECODABLE);
const _: () = assert!(EndReason::ALL.len() <= MAX_END_REASONS);

/// What a counter that nobody knows is in the words of a [`Cell`].
const UNKNOWN: u64 = u64::MAX;

macro_rules! counters {
    ($(#[doc = $d:literal] $one:ident,)* ; $(#[doc = $ad:literal] $array:ident: [$len:expr],)*) => {
        /// What one worker counted. All 64-bit, written by the worker alone.
        #[derive(Clone, Copy, Debug)]
        pub struct WorkerCounters {
            $(#[doc = $d] pub $one: u64,)*
            $(#[doc = $ad] pub $array: [u64; $len],)*
            /// The capture side of each of the worker's sources.
            pub sources: [SourceCounters; MAX_SOURCES],
        }

        impl Default for WorkerCounters {
            fn default() -> Self {
                WorkerCounters {
                    $($one: 0,)*
                    $($array: [0; $len],)*
                    sources: [SourceCounters::default(); MAX_SOURCES],
                }
            }
        }

        const PLAIN_WORDS: usize = 0 $(+ { let _ = stringify!($one); 1 })* $(+ $len)*;

        impl WorkerCounters {
            fn plain_words(&self) -> impl Iterator<Item = u64> + '_ {
                std::iter::empty()
                    $(.chain(std::iter::once(self.$one)))*
                    $(.chain(self.$array.iter().copied()))*
            }

            fn set_plain_words(&mut self, words: &mut impl Iterator<Item = u64>) {
                $(self.$one = words.next().unwrap_or_default();)*
                $(for word in &mut self.$array { *word = words.next().unwrap_or_default(); })*
            }

            fn store_plain(&self, to: &[AtomicU64]) {
                let mut to = to.iter();
                let mut put = |value: u64| {
                    if let Some(word) = to.next() { word.store(value, Ordering::Relaxed); }
                };
                $(put(self.$one);)*
                $(for value in self.$array { put(value); })*
            }

            /// Adds another worker's counters to these; `sources` are left as they are.
            pub fn add(&mut self, other: &WorkerCounters) {
                let sum: Vec<u64> =
                    self.plain_words().zip(other.plain_words()).map(|(a, b)| a.saturating_add(b)).collect();
                self.set_plain_words(&mut sum.into_iter());
            }

            /// The capture side of source `index`, if this worker has it.
            #[must_use]
            pub fn source(&self, index: usize) -> Option<&SourceCounters> {
                self.sources[..(self.source_count as usize).min(MAX_SOURCES)].get(index)
            }
        }
    };
}

counters! {
    /// Frames lent by the worker's sources.
    delivered,
    /// Bytes on the wire of those frames.
    delivered_bytes,
    /// Frames the capture filter rejected in user space.
    filtered,
    /// Frames beyond the packet count that was asked for.
    beyond_count,
    /// Frames with at least one conversation, looked up and counted in a flow.
    analysed,
    /// Bytes on the wire of those frames.
    analysed_bytes,
    /// Frames without IP.
    not_ip,
    /// Frames handed to their home worker.
    handed_out,
    /// Frames that other workers handed to this one.
    handed_in,
    /// Frames whose home worker had no room.
    hand_over_full,
    /// Later fragments that wait for the first, which knows their home.
    fragments_waiting,
    /// Views (conversations' shares of frames) given to the flow table.
    views,
    /// Flows opened.
    flows_opened,
    /// Flows in the table now.
    flows_active,
    /// Packets whose flow was refused because nothing could be evicted for it.
    flows_refused,
    /// Packets seen twice.
    duplicates,
    /// Later fragments in no flow: their first was not seen.
    fragments_unmatched,
    /// Later fragments held until their first comes.
    fragments_held,
    /// Times a side pool of the flow table was full, so that a flow's rarer facts were not kept.
    pool_full,
    /// Timestamps so far off that the clock did not follow.
    absurd_timestamps,
    /// `weird` records not made because there were too many.
    weirds_suppressed,
    /// Flows whose application was looked for.
    app_opened,
    /// Of them, those still looked into.
    app_open,
    /// Of them, those whose application was found.
    app_recognised,
    /// Flows not looked into: every place was taken.
    app_refused,
    /// Flows not looked into: the worker had too much to do.
    app_shed,
    /// Flows looked into no further: there was no room for their bytes.
    app_given_up,
    /// TCP segments not looked into: no window of their stream reaches that far.
    app_outside_window,
    /// Datagrams put together of their fragments, to be looked into.
    app_datagrams_whole,
    /// Fragmented datagrams not put together: fragments overlapped or never came, or there was no room.
    app_datagrams_given_up,
    /// Frames for the packet writer that found its ring full.
    write_dropped,
    /// Frames given to the packet writer.
    write_queued,
    /// Bursts fetched.
    bursts,
    /// Times the worker slept.
    sleeps,
    /// Nanoseconds asleep.
    sleep_ns,
    /// Nanoseconds of polling with frames.
    busy_ns,
    /// Nanoseconds of polling with nothing.
    spin_ns,
    /// How long the worker polls with nothing before it sleeps, nanoseconds, as last decided; 0: it has not waited yet, or never sleeps.
    spin_limit_ns,
    /// Times that its sources were left alone for longer than `stall_limit_ns`.
    stalls,
    /// The longest of them, nanoseconds.
    longest_stall_ns,
    /// What the smallest of its rings holds out, nanoseconds; 0: nothing is lost by being late, or nobody can tell.
    stall_limit_ns,
    /// Sleeps that something ended before their time.
    wakes,
    /// Frames found in the first round after a sleep.
    wake_frames,
    /// Time of the newest packet, nanoseconds since 1970-01-01 UTC (0: none yet).
    newest_packet,
    /// Records made.
    records,
    /// How many of `sources` are in use.
    source_count,
    ;
    /// Frames that could not be decoded, by [`Undecodable::ALL`].
    undecodable: [MAX_UNDECODABLE],
    /// EtherTypes of `not_ip`, in the order they were met.
    ethertypes: [MAX_ETHERTYPES],
    /// Frames of each of `ethertypes`; what found no place is only in `not_ip`.
    ethertype_frames: [MAX_ETHERTYPES],
    /// Flows ended, by [`EndReason::ALL`].
    flows_ended: [MAX_END_REASONS],
    /// Records put into each output's ring.
    records_queued: [MAX_OUTPUTS],
    /// Records that found an output's ring full.
    records_dropped: [MAX_OUTPUTS],
    /// Wake-ups by how long they took ([`crate::strategy::Latency`]).
    wake_latency: [LATENCY_BUCKETS],
    /// How the worker waits for each of its sources, in a code of the strategy's.
    waits: [MAX_SOURCES],
    /// Packets by the way they went ([`crate::directions`]), from samples.
    way_packets: [crate::directions::WAYS],
    /// Their bytes on the wire.
    way_bytes: [crate::directions::WAYS],
}

const SOURCE_WORDS: usize = 8;
const WORDS: usize = PLAIN_WORDS + MAX_SOURCES * SOURCE_WORDS;

impl WorkerCounters {
    /// Counts a frame that carries no IP.
    pub fn count_not_ip(&mut self, ethertype: u16) {
        self.not_ip += 1;
        for (known, frames) in self.ethertypes.iter_mut().zip(&mut self.ethertype_frames) {
            if *frames == 0 {
                *known = u64::from(ethertype);
            }
            if *known == u64::from(ethertype) {
                *frames += 1;
                return;
            }
        }
    }

    /// All frames that could not be decoded.
    #[must_use]
    pub fn undecodable_total(&self) -> u64 {
        self.undecodable.iter().sum()
    }
}

/// Between two readings of a source's own counters, its account is kept up to date by what it lent.
#[inline]
pub(crate) fn count_lent(account: &mut SourceCounters, frames: u64, bytes: u64) {
    account.delivered += frames;
    account.delivered_bytes += bytes;
    let known = account.in_flight.unwrap_or(0).min(frames);
    if let Some(in_flight) = &mut account.in_flight {
        *in_flight -= known;
    }
    if let Some(wire) = &mut account.wire {
        *wire += frames - known;
    }
}

/// A worker's counters, published under a sequence counter: one writer, any number of readers, no locks.
///
/// A reader gets the words of one moment or tries again, so that what it adds up is a balance.
#[repr(align(128))]
pub struct Cell {
    sequence: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl Default for Cell {
    fn default() -> Self {
        Cell {
            sequence: AtomicU64::new(0),
            words: [const { AtomicU64::new(0) }; WORDS],
        }
    }
}

impl Cell {
    /// How many times something was published.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.sequence.load(Ordering::Acquire) / 2
    }

    /// Publishes `counters`. Only the owning worker may call this.
    pub fn publish(&self, counters: &WorkerCounters) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        counters.store_plain(&self.words);
        let words = self.words[PLAIN_WORDS..].chunks_exact(SOURCE_WORDS);
        let sources = (counters.source_count as usize).min(MAX_SOURCES);
        for (words, source) in words.zip(&counters.sources[..sources]) {
            for (word, value) in words.iter().zip(source_words(source)) {
                word.store(value, Ordering::Relaxed);
            }
        }
        self.sequence.store(sequence + 2, Ordering::Release);
    }

    /// The counters of one moment.
    #[must_use]
    pub fn read(&self) -> WorkerCounters {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            if before % 2 == 1 {
                std::hint::spin_loop();
                continue;
            }
            let words: [u64; WORDS] =
                std::array::from_fn(|i| self.words[i].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if self.sequence.load(Ordering::Relaxed) == before {
                return from_words(&words);
            }
        }
    }
}

fn source_words(source: &SourceCounters) -> [u64; SOURCE_WORDS] {
    let known = |value: Option<u64>| value.unwrap_or(UNKNOWN);
    [
        known(source.wire),
        known(source.nic_missed),
        known(source.nic_errors),
        known(source.kernel_drops),
        known(source.filtered),
        known(source.in_flight),
        source.delivered,
        source.delivered_bytes,
    ]
}

fn from_words(words: &[u64; WORDS]) -> WorkerCounters {
    let mut counters = WorkerCounters::default();
    counters.set_plain_words(&mut words.iter().copied());
    let known = |word: u64| (word != UNKNOWN).then_some(word);
    let chunks = words[PLAIN_WORDS..].chunks_exact(SOURCE_WORDS);
    for (source, w) in counters.sources.iter_mut().zip(chunks) {
        *source = SourceCounters {
            wire: known(w[0]),
            nic_missed: known(w[1]),
            nic_errors: known(w[2]),
            kernel_drops: known(w[3]),
            filtered: known(w[4]),
            in_flight: known(w[5]),
            delivered: w[6],
            delivered_bytes: w[7],
        };
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_whole() {
        let cell = Cell::default();
        let mut counters = WorkerCounters {
            delivered: 7,
            source_count: 1,
            ..WorkerCounters::default()
        };
        counters.count_not_ip(0x0806);
        counters.count_not_ip(0x0806);
        counters.count_not_ip(0x88cc);
        counters.sources[0].kernel_drops = Some(3);
        counters.sources[0].delivered = 7;
        assert_eq!(cell.published(), 0);
        cell.publish(&counters);
        assert_eq!(cell.published(), 1);
        let read = cell.read();
        assert_eq!((read.delivered, read.not_ip), (7, 3));
        assert_eq!((read.ethertypes[0], read.ethertype_frames[0]), (0x0806, 2));
        assert_eq!((read.ethertypes[1], read.ethertype_frames[1]), (0x88cc, 1));
        assert_eq!(read.sources[0].kernel_drops, Some(3));
        assert_eq!(read.sources[0].nic_missed, None);
    }

    #[test]
    fn readers_never_see_half_a_moment() {
        let cell = Cell::default();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut counters = WorkerCounters::default();
                for i in 0..20_000 {
                    counters.delivered = i;
                    counters.analysed = i;
                    counters.records_dropped[MAX_OUTPUTS - 1] = i;
                    cell.publish(&counters);
                }
            });
            while !writer.is_finished() {
                let read = cell.read();
                assert_eq!(read.delivered, read.analysed);
                assert_eq!(read.delivered, read.records_dropped[MAX_OUTPUTS - 1]);
            }
        });
    }
}
