//! Which worker a frame belongs to.
//!
//! A frame's home is that of its outermost conversation, by [`portreeve_packet::steer`] (the hash of [`Spreading`] that frames were spread by before they came): a tunnel and what it carries are at one worker. Later fragments of a datagram have no
//! ports: they follow their first, whose ports this room remembers for a while. A later fragment whose
//! first was not seen yet waits for it ([`crate::early`]).

use portreeve_capture::Batch;
use portreeve_packet::steer::{self, Spreading};
use portreeve_packet::{FlowKey, View, ViewFlags, Views};

use crate::early::{Early, Waiting};

/// Datagrams whose first fragment is remembered; a power of two.
const REMEMBERED: usize = 4096;
/// How long, and how long a later one waits for its first: the least reassembly time hosts use (RFC 8200 section 4.5: 60 s) is far longer than fragments of one datagram take.
const REMEMBER_FOR: i64 = 30 * 1_000_000_000;

/// What all fragments of a datagram share (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram {
    key: FlowKey,
    ip_id: u32,
    high_to_low: bool,
}

impl Datagram {
    pub(crate) fn of(fragment: &View) -> Datagram {
        Datagram {
            key: FlowKey {
                low_port: 0,
                high_port: 0,
                protocol: fragment.fragment_protocol,
                ..fragment.key
            },
            ip_id: fragment.ip_id,
            high_to_low: fragment.high_to_low(),
        }
    }
}

#[derive(Clone, Copy)]
struct First {
    datagram: Datagram,
    seen: i64,
    steer: u32,
}

/// Where a frame's home is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// With this worker.
    At(usize),
    /// With this worker, and before it what waits of its datagram ([`Homes::waiting`]).
    Behind(usize),
    /// Its first fragment will tell: it has to wait ([`Homes::hold`]).
    Unknown,
}

/// Finds homes; belongs to one thread, which sees every fragment of a datagram (the kernel's fanout program steers fragments without ports).
pub(crate) struct Homes {
    workers: usize,
    spreading: Spreading,
    firsts: Box<[Option<First>]>,
    /// What waits for its first.
    pub(crate) early: Early,
}

impl Homes {
    /// Fragments that wait for their first may take `copy_bytes` bytes of copies a datagram; 0: they wait by reference.
    pub(crate) fn new(workers: usize, spreading: Spreading, copy_bytes: usize) -> Self {
        let firsts = if workers > 1 { REMEMBERED } else { 0 };
        Homes {
            workers,
            spreading,
            firsts: vec![None; firsts].into_boxed_slice(),
            early: Early::new(workers, copy_bytes),
        }
    }

    /// The home of the frame whose views are `views[from..]`; `None` if it has none.
    #[inline]
    pub(crate) fn of(&mut self, views: &Views, from: usize) -> Option<Home> {
        if self.workers < 2 {
            return Some(Home::At(0));
        }
        let view = views.as_slice().get(from)?;
        let fragment = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;
        if view.flags.0 & fragment != 0 {
            return Some(self.fragment(view));
        }
        let hash = self.spreading.hash(&view.key);
        Some(Home::At(self.spreading.worker(hash, self.workers)))
    }

    /// The home of the flow that the frame, whose views are `views[from..]`, quotes as an ICMP error. An error inside a tunnel
    /// quotes a flow of the same tunnel, which is where the error is.
    #[inline]
    pub(crate) fn of_quoted(&self, views: &Views, from: usize) -> Option<usize> {
        let quote = views.quotes().last()?;
        (self.workers > 1 && usize::from(quote.view) == from).then(|| {
            self.spreading
                .worker(self.spreading.hash(&quote.key), self.workers)
        })
    }

    #[cold]
    fn fragment(&mut self, view: &View) -> Home {
        let datagram = Datagram::of(view);
        let alone = self.spreading.fragment_hash(&view.key);
        let slot = (alone ^ view.ip_id.wrapping_mul(steer::MULTIPLIER)) as usize % REMEMBERED;
        let Some(slot) = self.firsts.get_mut(slot) else {
            return Home::Unknown;
        };
        if view.flags.has(ViewFlags::FIRST_FRAGMENT) {
            let steer = self.spreading.hash(&view.key);
            *slot = Some(First {
                datagram,
                seen: view.timestamp,
                steer,
            });
            let home = self.spreading.worker(steer, self.workers);
            return match self.early.of(&datagram) {
                None => Home::At(home),
                Some(_) => Home::Behind(home),
            };
        }
        match slot {
            Some(first)
                if first.datagram == datagram
                    && view.timestamp.saturating_sub(first.seen) < REMEMBER_FOR =>
            {
                Home::At(self.spreading.worker(first.steer, self.workers))
            }
            _ => Home::Unknown,
        }
    }

    /// Has a later fragment from `source` wait for its first; `put` adds it to those that wait already.
    ///
    /// # Errors
    /// See [`Early::hold`].
    pub(crate) fn hold(
        &mut self,
        view: &View,
        source: u16,
        now: i64,
        put: impl FnOnce(&mut Batch) -> bool,
    ) -> Result<(), usize> {
        let alone = self.spreading.fragment_hash(&view.key);
        let waiting = Waiting {
            datagram: Datagram::of(view),
            source,
            alone: self.spreading.worker(alone, self.workers),
            since: now,
        };
        self.early.hold(waiting, put)
    }

    /// A place in which other fragments of this one's datagram wait.
    pub(crate) fn waiting(&self, fragment: &View) -> Option<usize> {
        self.early.of(&Datagram::of(fragment))
    }

    /// A place in which fragments have waited for too long.
    pub(crate) fn overdue(&self, now: i64) -> Option<usize> {
        self.early.since(now.saturating_sub(REMEMBER_FOR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_packet::key::mapped;

    fn fragment(ports: (u16, u16), flag: ViewFlags, seen: i64) -> View {
        let (key, _) = FlowKey::new(
            (mapped([10, 0, 0, 1]), ports.0),
            (mapped([10, 0, 0, 2]), ports.1),
            17,
            4,
        );
        View {
            key,
            flags: flag,
            ip_id: 77,
            timestamp: seen,
            ..View::default()
        }
    }

    #[test]
    fn later_fragments_go_where_their_first_went() {
        // Many ports, so that some of them have another home than the addresses alone.
        let mut moved = 0;
        for port in 1..200 {
            let mut homes = Homes::new(4, Spreading::Steering, 1000);
            let mut views = Views::default();
            views.push(fragment((port, 53), ViewFlags::FIRST_FRAGMENT, 0));
            views.push(fragment((0, 0), ViewFlags::LATER_FRAGMENT, 1));
            let whole = steer::worker(steer::hash(&views.as_slice()[0].key), 4);
            let later = views.as_slice()[1];
            assert_eq!(homes.of(&views, 1), Some(Home::Unknown));
            assert_eq!(homes.hold(&later, 0, 1, |_| true), Ok(()));
            assert!(homes.waiting(&later).is_some());
            assert!(homes.overdue(REMEMBER_FOR).is_none());
            assert_eq!(homes.overdue(1 + REMEMBER_FOR), homes.waiting(&later));
            let mut first = Views::default();
            first.push(views.as_slice()[0]);
            assert_eq!(homes.of(&first, 0), Some(Home::Behind(whole)));
            let left = homes.waiting(&later).and_then(|at| homes.early.take(at));
            let left = left.expect("it waits");
            moved += usize::from(left.alone != whole);
            homes.early.give_back(left);
            assert_eq!(homes.of(&first, 0), Some(Home::At(whole)));
            assert_eq!(homes.of(&views, 1), Some(Home::At(whole)));
        }
        assert!(moved > 50);
    }
}
