//! One flow's state: two cache lines that every packet touches, and the rest.
//!
//! Everything that belongs to a direction stands in arrays indexed by the *sender*: 0 for the key's low endpoint, 1 for its high
//! one. Who is the originator is one bit, so that turning a flow round ("flipping" it) moves nothing.

use portreeve_packet::FlowKey;
use portreeve_record::app::tunnel::TunnelType;

use crate::hash::KeyWords;
use crate::letters::Letters;
use crate::memory::Zeroable;

/// A TCP endpoint's state, as Zeek has them (`TCP_ENDPOINT_…`).
pub(crate) mod tcp_state {
    /// Nothing seen from this side.
    pub(crate) const INACTIVE: u32 = 0;
    /// SYN seen, no answer.
    pub(crate) const SYN_SENT: u32 = 1;
    /// SYN-ACK seen, no SYN.
    pub(crate) const SYN_ACK_SENT: u32 = 2;
    /// Something seen, but no SYN.
    pub(crate) const PARTIAL: u32 = 3;
    /// The handshake is over.
    pub(crate) const ESTABLISHED: u32 = 4;
    /// FIN seen.
    pub(crate) const CLOSED: u32 = 5;
    /// RST seen.
    pub(crate) const RESET: u32 = 6;
}

/// Which timeout a flow is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Class {
    /// Free slot.
    Free = 0,
    /// Idle time of established TCP.
    TcpIdle = 1,
    /// Idle time of TCP before its handshake is over.
    TcpHandshake = 2,
    /// As before, and not beyond `Cold::timer` (a SYN without an answer).
    TcpAttempt = 3,
    /// Until `Cold::timer` (closed).
    TcpClosed = 4,
    /// Idle time of UDP.
    Udp = 5,
    /// Idle time of ICMP.
    Icmp = 6,
    /// Idle time of everything else.
    Other = 7,
}

impl Class {
    pub(crate) const ALL: [Class; 8] = [
        Class::Free,
        Class::TcpIdle,
        Class::TcpHandshake,
        Class::TcpAttempt,
        Class::TcpClosed,
        Class::Udp,
        Class::Icmp,
        Class::Other,
    ];
}

/// The letters of a history that are there once a direction: bits of the "seen" field.
pub(crate) mod seen {
    pub(crate) const SYN: u32 = 1;
    pub(crate) const FIN: u32 = 2;
    pub(crate) const RST: u32 = 4;
    pub(crate) const FIN_RST: u32 = 8;
    pub(crate) const DATA: u32 = 16;
    pub(crate) const ACK: u32 = 32;
    pub(crate) const MULTI: u32 = 64;
}

/// The facts of a flow that every packet asks for, in one word.
///
/// bits 0–2 and 3–5: TCP state of sender 0 and 1; 6–7: did close; 8–14 and 15–21: seen letters; 22: the high endpoint is the
/// originator; 23–25: [`Class`]; 26–27: there are holes in what sender 0 or 1 sent; 28: not to be evicted; 29–30: the RTT sample
/// of sender 0 or 1 is its handshake's; 31: its packets are watched ([`crate::watch`]).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct State(pub(crate) u32);

impl State {
    const CLOSE: u32 = 6;
    const SEEN: u32 = 8;
    pub(crate) const HIGH_IS_ORIG: u32 = 1 << 22;
    const CLASS: u32 = 23;
    const HOLES: u32 = 26;
    pub(crate) const PROTECTED: u32 = 1 << 28;
    const WATCHED: u32 = 1 << 31;
    const HANDSHAKE_SAMPLE: u32 = 29;

    /// What TCP's fast path asks for: both sides established, no holes, not closed, no sample of a handshake, not to be evicted, not watched.
    const TCP_FAST_MASK: u32 = 0b111_111
        | 3 << Self::CLOSE
        | 3 << Self::HOLES
        | 3 << Self::HANDSHAKE_SAMPLE
        | 7 << Self::CLASS
        | Self::PROTECTED
        | Self::WATCHED;
    const TCP_FAST: u32 = tcp_state::ESTABLISHED
        | tcp_state::ESTABLISHED << 3
        | (Class::TcpIdle as u32) << Self::CLASS
        | Self::PROTECTED;
    /// The letter that the packet would add to the history, by sender and whether it has payload.
    const TCP_LETTER: [[u32; 2]; 2] = [
        [seen::ACK << Self::SEEN, seen::DATA << Self::SEEN],
        [
            seen::ACK << (Self::SEEN + 7),
            seen::DATA << (Self::SEEN + 7),
        ],
    ];

    /// All of them: what a conversation has that has gone on for a while.
    const TCP_LETTERS: u32 = Self::TCP_LETTER[0][0]
        | Self::TCP_LETTER[0][1]
        | Self::TCP_LETTER[1][0]
        | Self::TCP_LETTER[1][1];

    /// Whether a packet from `side`, with payload or without, may go TCP's fast path: established, sound, and nothing new for the history.
    #[inline(always)]
    pub(crate) fn is_plain_tcp(self, side: usize, payload: bool) -> bool {
        // Where both have said all there is, whose turn it is need not be asked.
        if self.0 & (Self::TCP_FAST_MASK | Self::TCP_LETTERS) == Self::TCP_FAST | Self::TCP_LETTERS
        {
            return true;
        }
        let letter = Self::TCP_LETTER[side & 1][usize::from(payload)];
        self.0 & (Self::TCP_FAST_MASK | letter) == Self::TCP_FAST | letter
    }

    #[inline(always)]
    pub(crate) fn tcp(self, side: usize) -> u32 {
        self.0 >> (3 * side) & 7
    }

    #[inline]
    pub(crate) fn set_tcp(&mut self, side: usize, state: u32) {
        self.0 = self.0 & !(7 << (3 * side)) | state << (3 * side);
    }

    #[inline]
    pub(crate) fn did_close(self, side: usize) -> bool {
        self.0 >> (Self::CLOSE + side as u32) & 1 == 1
    }

    #[inline]
    pub(crate) fn set_did_close(&mut self, side: usize) {
        self.0 |= 1 << (Self::CLOSE + side as u32);
    }

    /// Whether all of `bits` were seen from `side`.
    #[inline(always)]
    pub(crate) fn seen(self, side: usize, bits: u32) -> bool {
        self.0 >> (Self::SEEN + 7 * side as u32) & bits == bits
    }

    #[inline]
    pub(crate) fn set_seen(&mut self, side: usize, bits: u32) {
        self.0 |= bits << (Self::SEEN + 7 * side as u32);
    }

    /// The sender that is the originator.
    #[inline(always)]
    pub(crate) fn orig(self) -> usize {
        (self.0 >> 22 & 1) as usize
    }

    #[inline]
    pub(crate) fn flip(&mut self) {
        self.0 ^= Self::HIGH_IS_ORIG;
    }

    #[inline(always)]
    pub(crate) fn class(self) -> Class {
        Class::ALL[(self.0 >> Self::CLASS & 7) as usize]
    }

    #[inline]
    pub(crate) fn set_class(&mut self, class: Class) {
        self.0 = self.0 & !(7 << Self::CLASS) | (class as u32) << Self::CLASS;
    }

    #[inline]
    pub(crate) fn holes(self, side: usize) -> bool {
        self.0 >> (Self::HOLES + side as u32) & 1 == 1
    }

    #[inline]
    pub(crate) fn set_holes(&mut self, side: usize, yes: bool) {
        let bit = 1 << (Self::HOLES + side as u32);
        self.0 = self.0 & !bit | if yes { bit } else { 0 };
    }

    /// Whether the RTT sample of this sender is its handshake's.
    #[inline]
    pub(crate) fn handshake_sample(self, side: usize) -> bool {
        self.0 >> (Self::HANDSHAKE_SAMPLE + side as u32) & 1 == 1
    }

    #[inline]
    pub(crate) fn set_handshake_sample(&mut self, side: usize, yes: bool) {
        let bit = 1 << (Self::HANDSHAKE_SAMPLE + side as u32);
        self.0 = self.0 & !bit | if yes { bit } else { 0 };
    }

    #[inline]
    pub(crate) fn protected(self) -> bool {
        self.0 & Self::PROTECTED != 0
    }

    /// Whether somebody wants to see its packets.
    #[inline(always)]
    pub(crate) fn watched(self) -> bool {
        self.0 & Self::WATCHED != 0
    }

    #[inline]
    pub(crate) fn set_watched(&mut self, yes: bool) {
        self.0 = self.0 & !Self::WATCHED | if yes { Self::WATCHED } else { 0 };
    }

    /// Whether a datagram from `side` may go the fast path: data was seen from there, not to be evicted, not watched.
    #[inline(always)]
    pub(crate) fn is_plain_datagram(self, side: usize) -> bool {
        let letter = Self::TCP_LETTER[side & 1][1];
        self.0 & (Self::PROTECTED | Self::WATCHED | letter) == Self::PROTECTED | letter
    }
}

/// What every packet of one sender updates.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Side {
    /// Bytes of IP packets, modulo 2^32; the rest is in [`ColdSide::ip_bytes_high`].
    pub(crate) ip_bytes: u32,
    /// Packets, modulo 2^32; the rest is in [`ColdSide::pkts_high`].
    pub(crate) pkts: u32,
    /// TCP: one past the highest sequence number sent (Zeek's `last_seq`). Others: payload bytes, lower half.
    pub(crate) seq: u32,
    /// TCP: the highest sequence number the other side acknowledged (Zeek's `ack_seq`). Others: payload bytes, upper half.
    pub(crate) acked: u32,
    /// TCP: the acknowledgement that ends the RTT sample; behind a FIN, one past the FIN (Zeek's `FIN_seq`). Others: [`crate::recognise::likeness`] of the last packet.
    pub(crate) rtt_ack: u32,
    /// TCP: when the RTT sample began, in ticks (see [`crate::ticks`]), or 0 for no sample.
    pub(crate) rtt_time: u32,
    /// Last window, unscaled.
    pub(crate) window: u16,
    /// Largest window outside of the handshake, unscaled.
    pub(crate) max_window: u16,
    /// Least RTT, [`crate::ticks`]' short form; 0 for none.
    pub(crate) rtt_min: u16,
    /// Smoothed RTT, the same.
    pub(crate) rtt_smoothed: u16,
}

/// What every packet touches.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Hot {
    /// The key.
    pub(crate) key: KeyWords,
    /// Last packet (Zeek's `last_time`: not those behind a close).
    pub(crate) last: i64,
    /// See [`State`].
    pub(crate) state: State,
    /// Lower half of the last IP identification of each sender.
    pub(crate) ip_ids: [u16; 2],
    /// By sender.
    pub(crate) sides: [Side; 2],
}

const _: () = assert!(size_of::<Hot>() == 128);
// SAFETY: integers only.
unsafe impl Zeroable for Hot {}

impl Hot {
    /// Whether this is the flow of `key`: 16 bytes at a time.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn is_of(&self, key: &FlowKey) -> bool {
        use std::arch::x86_64::{
            __m128i, _mm_and_si128, _mm_cmpeq_epi32, _mm_load_si128, _mm_movemask_epi8,
        };
        const {
            assert!(std::mem::offset_of!(Hot, key) == 0 && align_of::<Hot>() >= 16);
            assert!(size_of::<FlowKey>() == 48 && align_of::<FlowKey>() == 16);
        }
        let ours = std::ptr::from_ref(self).cast::<__m128i>();
        let theirs = std::ptr::from_ref(key).cast::<__m128i>();
        // SAFETY: SSE2 is part of x86-64. Both begin with 48 bytes that are initialised (a key has no padding) and aligned to 16. This processor
        // is little-endian, so that a key's bytes are those of its words.
        unsafe {
            let equal =
                |at| _mm_cmpeq_epi32(_mm_load_si128(ours.add(at)), _mm_load_si128(theirs.add(at)));
            let all = _mm_and_si128(_mm_and_si128(equal(0), equal(1)), equal(2));
            _mm_movemask_epi8(all) == 0xffff
        }
    }

    /// Whether this is the flow of `key`.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    pub(crate) fn is_of(&self, key: &FlowKey) -> bool {
        self.key == crate::hash::words(key)
    }
}

/// What is asked for at the beginning, at the end and where something goes wrong; by sender.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ColdSide {
    /// Sequence number of the SYN, or of the octet before the first seen.
    pub(crate) isn: u32,
    /// Bytes of IP packets divided by 2^32.
    pub(crate) ip_bytes_high: u32,
    /// How often `Side::seq` wrapped around.
    pub(crate) seq_wraps: u16,
    /// How often `Side::acked` wrapped around.
    pub(crate) ack_wraps: u16,
    /// Relative sequence number of the last SYN of the history, folded.
    pub(crate) syn_fold: u16,
    /// The same of the last RST.
    pub(crate) rst_fold: u16,
    /// Maximum segment size announced, or 0.
    pub(crate) mss: u16,
    /// Packets divided by 2^32.
    pub(crate) pkts_high: u16,
}

/// The facts of `Cold::flags`: bits 0–18 of it.
pub(crate) mod cold_flags {
    /// Zeek's `is_partial`.
    pub(crate) const PARTIAL: u32 = 1;
    /// Zeek's `first_packet_seen`, by sender.
    pub(crate) const FIRST_SEEN: u32 = 1 << 1;
    /// Zeek's `close_deferred`.
    pub(crate) const CLOSE_DEFERRED: u32 = 1 << 3;
    /// Zeek's `did_EOF`, by sender.
    pub(crate) const EOF: u32 = 1 << 4;
    /// Zeek's `skip_deliveries`, by sender.
    pub(crate) const SKIP: u32 = 1 << 6;
    /// A weird was found in this flow.
    pub(crate) const DID_WEIRD: u32 = 1 << 8;
    /// Zeek's `FIN_cnt > 0`, by sender.
    pub(crate) const FIN: u32 = 1 << 9;
    /// Checksums that were wrong have put a letter in the history, by sender (used when the rare facts found no room).
    pub(crate) const CORRUPT: u32 = 1 << 11;
    /// The same for retransmissions.
    pub(crate) const RETRANSMITTED: u32 = 1 << 13;
    /// The same for zero windows.
    pub(crate) const ZERO_WINDOW: u32 = 1 << 15;
    /// The same for gaps.
    pub(crate) const GAP: u32 = 1 << 17;
}

/// What is asked for at the beginning, at the end and where something goes wrong.
///
/// Two of them lie in three cache lines: each touches two lines, wherever it lies.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Cold {
    /// First packet.
    pub(crate) start: i64,
    /// When the flow is over ([`Class::TcpAttempt`], [`Class::TcpClosed`]), else when the next `conn_update` is due.
    pub(crate) timer: i64,
    /// The history.
    pub(crate) letters: Letters,
    /// From SYN to SYN-ACK, ticks, or 0.
    pub(crate) syn_rtt: u32,
    /// From SYN-ACK to ACK, ticks, or 0.
    pub(crate) ack_rtt: u32,
    /// See [`cold_flags`]; bits 19–23: the kind of tunnel that it is, by its number, or 0; bits 24–31: how often such a flow was there before.
    flags: u32,
    /// TCP's losses, in their pool, or 0.
    pub(crate) loss: u32,
    /// The rare facts, in their pool, or 0.
    pub(crate) rare: u32,
    /// Which of the run's sources it began on.
    pub(crate) source: u16,
    /// By sender, bits 0–3: window scale announced plus 1, or 0 for none; 4–6: the TCP state before this one.
    scale_previous: [u8; 2],
    /// By sender.
    pub(crate) sides: [ColdSide; 2],
}

const _: () = assert!(size_of::<Cold>() == 96);
// SAFETY: integers only.
unsafe impl Zeroable for Cold {}

impl Cold {
    const AGAIN: u32 = 24;
    const TUNNEL: u32 = 19;
    const TUNNEL_MASK: u32 = 0b1_1111;
    const SCALE: u8 = 0b1111;
    const PREVIOUS: u8 = 4;

    /// Of a flow that begins: when, when its next `conn_update` is due, on which source, and how often such a flow was there before.
    #[inline]
    pub(crate) fn new(start: i64, timer: i64, source: u16, again: u8) -> Cold {
        Cold {
            start,
            timer,
            source,
            flags: u32::from(again) << Self::AGAIN,
            ..Cold::default()
        }
    }

    /// How often such a flow was there before (see [`crate::again`]).
    #[inline]
    pub(crate) fn again(&self) -> u8 {
        (self.flags >> Self::AGAIN) as u8
    }

    /// The kind of tunnel that the flow was found to be.
    #[inline]
    pub(crate) fn tunnel(&self) -> Option<TunnelType> {
        TunnelType::of_number((self.flags >> Self::TUNNEL & Self::TUNNEL_MASK) as u8)
    }

    /// Notes that the flow is a tunnel.
    pub(crate) fn set_tunnel(&mut self, kind: TunnelType) {
        let number = u32::from(kind.number()) & Self::TUNNEL_MASK;
        self.flags = self.flags & !(Self::TUNNEL_MASK << Self::TUNNEL) | number << Self::TUNNEL;
    }

    /// Whether a fact of [`cold_flags`] that is there once holds.
    #[inline]
    pub(crate) fn is(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether a fact that is there by sender holds of `side`.
    #[inline]
    pub(crate) fn has(&self, flag: u32, side: usize) -> bool {
        self.flags & flag << side != 0
    }

    /// Sets a fact that is there by sender.
    #[inline]
    pub(crate) fn set(&mut self, flag: u32, side: usize) {
        self.flags |= flag << side;
    }

    /// Sets a fact that is there once, or takes it back.
    #[inline]
    pub(crate) fn set_to(&mut self, flag: u32, yes: bool) {
        self.flags = self.flags & !flag | if yes { flag } else { 0 };
    }

    /// The window scale that a sender announced, at most 14.
    #[inline]
    pub(crate) fn scale(&self, side: usize) -> Option<u8> {
        (self.scale_previous[side] & Self::SCALE).checked_sub(1)
    }

    #[inline]
    pub(crate) fn set_scale(&mut self, side: usize, scale: u8) {
        let both = &mut self.scale_previous[side];
        *both = *both & !Self::SCALE | (scale.min(14) + 1);
    }

    /// The TCP state (see [`tcp_state`]) of a sender before the one that [`State`] has.
    #[inline]
    pub(crate) fn previous(&self, side: usize) -> u32 {
        u32::from(self.scale_previous[side] >> Self::PREVIOUS)
    }

    #[inline]
    pub(crate) fn set_previous(&mut self, side: usize, state: u32) {
        let both = &mut self.scale_previous[side];
        *both = *both & Self::SCALE | (state as u8) << Self::PREVIOUS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_parts_of_a_cold_slot_do_not_touch() {
        let mut cold = Cold::new(1, 2, 3, 255);
        assert_eq!(
            (cold.again(), cold.scale(0), cold.previous(1)),
            (255, None, 0)
        );
        cold.set(cold_flags::GAP, 1);
        cold.set_to(cold_flags::PARTIAL, true);
        assert!(cold.has(cold_flags::GAP, 1) && !cold.has(cold_flags::GAP, 0));
        for scale in 0..=14 {
            cold.set_scale(0, scale);
            cold.set_previous(0, tcp_state::RESET);
            cold.set_previous(1, u32::from(scale) % 7);
            assert_eq!((cold.scale(0), cold.scale(1)), (Some(scale), None));
            assert_eq!(cold.previous(0), tcp_state::RESET);
            assert_eq!(cold.previous(1), u32::from(scale) % 7);
        }
        cold.set_scale(0, 255);
        assert_eq!((cold.scale(0), cold.previous(0)), (Some(14), 6));
        assert_eq!(cold.tunnel(), None);
        for kind in [TunnelType::Nsh, TunnelType::Ip] {
            cold.set_tunnel(kind);
            assert_eq!((cold.tunnel(), cold.again()), (Some(kind), 255));
        }
        cold.set_to(cold_flags::PARTIAL, false);
        assert!(!cold.is(cold_flags::PARTIAL) && cold.has(cold_flags::GAP, 1));
        assert_eq!(cold.again(), 255);
    }

    #[test]
    fn a_slot_is_of_its_key_and_of_no_other() {
        let (mut key, _) = FlowKey::new(([1; 16], 7), ([2; 16], 9), 6, 6);
        (key.vlan, key.inner_vlan, key.tunnel) = (3, 4, 5);
        let hot = Hot {
            key: crate::hash::words(&key),
            last: 0,
            state: State::default(),
            ip_ids: [0; 2],
            sides: [Side::default(); 2],
        };
        assert!(hot.is_of(&key));
        let others: [fn(&mut FlowKey); 9] = [
            |key| key.low_addr[0] ^= 1,
            |key| key.low_addr[15] ^= 1,
            |key| key.high_addr[8] ^= 128,
            |key| key.low_port ^= 256,
            |key| key.high_port ^= 1,
            |key| key.vlan = 0,
            |key| key.inner_vlan = 0,
            |key| key.tunnel ^= 1 << 31,
            |key| key.protocol = 17,
        ];
        for other in others {
            let mut key = key;
            other(&mut key);
            assert!(!hot.is_of(&key), "{key:?}");
        }
    }

    #[test]
    fn the_parts_of_the_state_word_do_not_touch() {
        let mut state = State::default();
        state.set_tcp(0, tcp_state::RESET);
        state.set_tcp(1, tcp_state::ESTABLISHED);
        state.set_did_close(1);
        state.set_seen(0, seen::MULTI);
        state.set_seen(1, seen::SYN | seen::ACK);
        state.flip();
        state.set_class(Class::Other);
        state.set_holes(0, true);
        assert_eq!((state.tcp(0), state.tcp(1)), (6, 4));
        assert_eq!((state.did_close(0), state.did_close(1)), (false, true));
        assert!(state.seen(0, seen::MULTI) && !state.seen(0, seen::SYN));
        assert!(state.seen(1, seen::SYN | seen::ACK) && !state.seen(1, seen::DATA));
        assert_eq!(state.orig(), 1);
        assert_eq!(state.class(), Class::Other);
        assert_eq!((state.holes(0), state.holes(1)), (true, false));
        assert!(!state.protected());
        state.set_class(Class::TcpIdle);
        state.set_holes(0, false);
        assert_eq!(state.class(), Class::TcpIdle);
        assert!(!state.holes(0) && state.tcp(0) == 6 && state.orig() == 1);
    }
}
