//! Which worker a frame belongs to.
//!
//! A frame's home is that of its outermost conversation, by [`portreeve_packet::steer`] (the hash of [`Spreading`] that frames were spread by before they came): a tunnel and what it carries are at one worker. Later fragments of a datagram have no
//! ports: they follow their first, whose ports this room remembers for a while. A later fragment whose
//! first was not seen goes to the worker that the addresses alone select, where it is counted as unmatched.

use portreeve_packet::steer::{self, Spreading};
use portreeve_packet::{FlowKey, View, ViewFlags, Views};

/// Datagrams whose first fragment is remembered; a power of two.
const REMEMBERED: usize = 4096;
/// How long: the least reassembly time hosts use (RFC 8200 section 4.5: 60 s) is far longer than fragments of one datagram take.
const REMEMBER_FOR: i64 = 30 * 1_000_000_000;

/// What all fragments of a datagram share (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Datagram {
    key: FlowKey,
    ip_id: u32,
    high_to_low: bool,
}

impl Datagram {
    fn of(fragment: &View) -> Datagram {
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

/// Finds homes; belongs to one thread, which sees every fragment of a datagram (the kernel's fanout program steers fragments without ports).
pub(crate) struct Homes {
    workers: usize,
    spreading: Spreading,
    firsts: Box<[Option<First>]>,
}

impl Homes {
    pub(crate) fn new(workers: usize, spreading: Spreading) -> Self {
        let firsts = if workers > 1 { REMEMBERED } else { 0 };
        Homes {
            workers,
            spreading,
            firsts: vec![None; firsts].into_boxed_slice(),
        }
    }

    /// The home of the frame whose views are `views[from..]`; `None` if it has none.
    #[inline]
    pub(crate) fn of(&mut self, views: &Views, from: usize) -> Option<usize> {
        if self.workers < 2 {
            return Some(0);
        }
        let view = views.as_slice().get(from)?;
        let fragment = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;
        let hash = if view.flags.0 & fragment != 0 {
            self.fragment(view)
        } else {
            self.spreading.hash(&view.key)
        };
        Some(self.spreading.worker(hash, self.workers))
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
    fn fragment(&mut self, view: &View) -> u32 {
        let datagram = Datagram::of(view);
        let alone = self.spreading.fragment_hash(&view.key);
        let slot = (alone ^ view.ip_id.wrapping_mul(steer::MULTIPLIER)) as usize % REMEMBERED;
        let Some(slot) = self.firsts.get_mut(slot) else {
            return alone;
        };
        if view.flags.has(ViewFlags::FIRST_FRAGMENT) {
            let steer = self.spreading.hash(&view.key);
            *slot = Some(First {
                datagram,
                seen: view.timestamp,
                steer,
            });
            return steer;
        }
        match slot {
            Some(first)
                if first.datagram == datagram
                    && view.timestamp.saturating_sub(first.seen) < REMEMBER_FOR =>
            {
                first.steer
            }
            _ => alone,
        }
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
            let mut homes = Homes::new(4, Spreading::Steering);
            let mut views = Views::default();
            views.push(fragment((port, 53), ViewFlags::FIRST_FRAGMENT, 0));
            views.push(fragment((0, 0), ViewFlags::LATER_FRAGMENT, 1));
            let whole = steer::worker(steer::hash(&views.as_slice()[0].key), 4);
            assert_eq!(
                homes.of(&views, 1),
                Some(steer::worker(
                    steer::fragment_hash(&views.as_slice()[1].key),
                    4
                ))
            );
            let mut first = Views::default();
            first.push(views.as_slice()[0]);
            assert_eq!(homes.of(&first, 0), Some(whole));
            assert_eq!(homes.of(&views, 1), Some(whole));
            moved += usize::from(Some(whole) != Homes::new(4, Spreading::Steering).of(&views, 1));
        }
        assert!(moved > 50);
    }
}
