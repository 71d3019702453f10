//! Fragments follow their first: only it has ports.
//!
//! The first fragment of a datagram leaves its ports and protocol here, under what all its fragments share: addresses and identification, and of IPv4 the
//! header's protocol (RFC 791 section 3.2, RFC 8200 section 4.5). Later ones find them. A later fragment that comes before the first is
//! held as counts until that comes; if it never does, it is in no flow, and counted.
//!
//! Nothing is put together here (the application stage does that for what it looks into). A datagram counts as one packet, its first fragment, as it does for those who reassemble; its bytes
//! are those of all its fragments on the wire, and the fragments are counted apart.

use std::io;

use portreeve_packet::{View, ViewFlags};

use crate::hash::{KeyWords, Seeds};
use crate::memory::{Array, Memory, Zeroable};

/// Datagrams whose place is the same by hash.
pub(crate) const WAYS: usize = 4;

/// Datagrams whose age is looked at in one call.
const SWEPT: usize = 16;

/// What is known of one datagram.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Datagram {
    /// The conversation as every fragment knows it.
    key: KeyWords,
    id: u32,
    /// Bit 0: sent by the high endpoint; bit 1: the first fragment was seen; bit 2: in use; bit 3: of TCP, and `base` is known; bit 4: with FIN.
    flags: u8,
    /// The protocol, once known.
    protocol: u8,
    /// The ports, once known: low, high.
    ports: [u16; 2],
    /// Fragments held.
    pub(crate) pkts: u32,
    /// Their IP bytes.
    pub(crate) ip_bytes: u64,
    /// Their payload bytes.
    pub(crate) payload: u64,
    /// Where the furthest of them ends in the datagram, bytes.
    reach: u32,
    /// The sequence number that the datagram's first byte would have, so that a place in the datagram is one in the stream.
    base: u32,
    /// When the first of the fragments was seen.
    pub(crate) time: i64,
}

const HIGH: u8 = 1;
const FIRST: u8 = 2;
const USED: u8 = 4;
const PLACED: u8 = 8;
const FIN: u8 = 16;

/// Where the protocol is in a key's last word.
const PROTOCOL: u32 = 32;

// SAFETY: integers only.
unsafe impl Zeroable for Datagram {}

/// What becomes of a later fragment.
pub(crate) enum Later {
    /// It belongs to this conversation.
    Of {
        /// Low and high port.
        ports: [u16; 2],
        /// What the first carries; of a later fragment's own headers the last may be an extension header.
        protocol: u8,
        /// Of TCP: what it has of the stream, if the first said where that is.
        bytes: Option<Bytes>,
    },
    /// It waits for its first.
    Held,
}

/// A run of sequence numbers.
#[derive(Clone, Copy)]
pub(crate) struct Bytes {
    /// The first.
    pub(crate) start: u32,
    /// One past the last, and of a segment with FIN past that.
    pub(crate) end: u32,
}

impl Datagram {
    /// What lies from byte `from` to `to` of the datagram, as bytes of the stream.
    fn bytes(&self, from: u32, to: u32) -> Option<Bytes> {
        (self.flags & PLACED != 0).then(|| Bytes {
            start: self.base.wrapping_add(from),
            end: self
                .base
                .wrapping_add(to)
                .wrapping_add(u32::from(self.flags & FIN != 0)),
        })
    }

    /// Of a TCP datagram whose first fragment is `first`: what was held has of the stream, behind what the first has.
    pub(crate) fn held_bytes(&self, first: &View) -> Option<Bytes> {
        let end = u32::from(first.fragment_head).saturating_add(first.payload_len);
        (self.reach > end)
            .then(|| self.bytes(end, self.reach))
            .flatten()
    }

    /// Keeps where in its sender's stream a first fragment is.
    fn place(&mut self, first: &View) {
        const UNREADABLE: u32 = ViewFlags::MALFORMED_TRANSPORT.0 | ViewFlags::TRUNCATED_TRANSPORT.0;
        self.flags &= !(PLACED | FIN);
        let flags = first.tcp_flags;
        if first.key.protocol != 6 || first.flags.0 & UNREADABLE != 0 || flags.rst() {
            return;
        }
        self.flags |= PLACED | if flags.fin() { FIN } else { 0 };
        let payload = first.tcp_seq.wrapping_add(u32::from(flags.syn()));
        self.base = payload.wrapping_sub(u32::from(first.fragment_head));
    }
}

/// Where a fragment's bytes end in its datagram.
fn end(view: &View) -> u32 {
    (u32::from(view.fragment_offset) * 8).saturating_add(view.payload_len)
}

/// The datagrams of which fragments were seen lately.
pub(crate) struct Fragments {
    datagrams: Array<Datagram>,
    seeds: Seeds,
    timeout: i64,
    /// The next datagram that is looked at for its age.
    sweep: usize,
    /// Not before this time they are looked at again from the first on: mostly they are as old as nobody minds.
    next_sweep: i64,
    /// Fragments whose first never came, since last asked.
    lost: u64,
    held: u64,
}

/// A fragment's conversation by what all fragments of a datagram share.
fn shared(words: &KeyWords, view: &View) -> KeyWords {
    let mut key = *words;
    key[4] &= !0xffff_ffff;
    key[5] &= !(0xff << PROTOCOL);
    key[5] |= u64::from(view.fragment_protocol) << PROTOCOL;
    key
}

impl Fragments {
    pub(crate) fn new(
        len: usize,
        seeds: Seeds,
        timeout: i64,
        memory: &mut Memory,
    ) -> io::Result<Fragments> {
        Ok(Fragments {
            datagrams: memory.array(len.max(WAYS).next_multiple_of(WAYS))?,
            seeds,
            timeout,
            sweep: 0,
            next_sweep: i64::MIN,
            lost: 0,
            held: 0,
        })
    }

    /// Another time after which ports and what is held are forgotten.
    pub(crate) fn set_timeout(&mut self, timeout: i64) {
        self.timeout = timeout;
    }

    /// Fragments held now.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// Fragments whose first never came, since the last call.
    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// The datagram of a fragment: the one there, or a fresh one in the place of the oldest.
    fn datagram(&mut self, key: &KeyWords, view: &View) -> &mut Datagram {
        let high = u8::from(view.high_to_low());
        let mut mixed = *key;
        mixed[4] |= u64::from(view.ip_id);
        mixed[5] ^= u64::from(high) << 44;
        let hash = self.seeds.hash(&mixed);
        let sets = self.datagrams.len() / WAYS;
        let base = (((hash >> 32) * sets as u64) >> 32) as usize * WAYS;
        let oldest_allowed = view.timestamp.saturating_sub(self.timeout);
        let mut place = base;
        let mut best = i64::MAX;
        for way in base..base + WAYS {
            let d = &self.datagrams[way];
            let current = d.flags & USED != 0 && d.time >= oldest_allowed;
            if current && d.id == view.ip_id && d.flags & HIGH == high && d.key == *key {
                return &mut self.datagrams[way];
            }
            let age = if current { d.time } else { i64::MIN };
            if age < best {
                best = age;
                place = way;
            }
        }
        self.drop_at(place);
        let d = &mut self.datagrams[place];
        *d = Datagram {
            key: *key,
            id: view.ip_id,
            flags: high | USED,
            time: view.timestamp,
            ..Datagram::default()
        };
        d
    }

    fn drop_at(&mut self, place: usize) {
        let d = &mut self.datagrams[place];
        self.lost += u64::from(d.pkts);
        self.held -= u64::from(d.pkts);
        *d = Datagram::default();
    }

    /// A first fragment: its ports are kept; what was held for it is handed over.
    pub(crate) fn first(&mut self, words: &KeyWords, view: &View) -> Datagram {
        let key = shared(words, view);
        let d = self.datagram(&key, view);
        d.flags |= FIRST;
        d.ports = [view.key.low_port, view.key.high_port];
        d.protocol = view.key.protocol;
        d.place(view);
        let held = *d;
        (d.pkts, d.ip_bytes, d.payload, d.reach) = (0, 0, 0, 0);
        self.held -= u64::from(held.pkts);
        held
    }

    /// A later fragment.
    pub(crate) fn later(&mut self, words: &KeyWords, view: &View) -> Later {
        debug_assert!(view.flags.has(ViewFlags::LATER_FRAGMENT));
        let key = shared(words, view);
        let d = self.datagram(&key, view);
        if d.flags & FIRST != 0 {
            return Later::Of {
                ports: d.ports,
                protocol: d.protocol,
                bytes: d.bytes(u32::from(view.fragment_offset) * 8, end(view)),
            };
        }
        d.pkts = d.pkts.saturating_add(1);
        d.ip_bytes += u64::from(view.ip_len);
        d.payload += u64::from(view.payload_len);
        d.reach = d.reach.max(end(view));
        self.held += 1;
        Later::Held
    }

    /// Looks at some datagrams more and lets go of those whose time is over.
    pub(crate) fn sweep(&mut self, now: i64) {
        if self.held == 0 {
            return;
        }
        if self.sweep == 0 {
            let wait = self.next_sweep.saturating_sub(now);
            if (1..=self.timeout).contains(&wait) {
                return;
            }
            self.next_sweep = now.saturating_add(self.timeout / 2);
        }
        let end = (self.sweep + SWEPT).min(self.datagrams.len());
        for place in self.sweep..end {
            let d = &self.datagrams[place];
            if d.pkts != 0 && d.time < now.saturating_sub(self.timeout) {
                self.drop_at(place);
            }
        }
        self.sweep = if end < self.datagrams.len() { end } else { 0 };
    }

    /// Lets go of all that is held.
    pub(crate) fn finish(&mut self) {
        if self.held == 0 {
            return;
        }
        for place in 0..self.datagrams.len() {
            if self.datagrams[place].pkts != 0 {
                self.drop_at(place);
            }
        }
    }
}
