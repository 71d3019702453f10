//! TCP as Zeek reads it: endpoint states, history, when a connection is over and when its ports are used again.
//!
//! The order of the steps matters and is Zeek's. What a packet in sequence of an established connection does is done in
//! [`crate::fast`] without coming here; both give the same.

use portreeve_packet::{TcpFlags, View, ViewFlags};

use crate::config::Timeouts;
use crate::fragments::Bytes;
use crate::health;
use crate::letters::Letter;
use crate::shared::Shared;
use crate::slot::{Class, Cold, Hot, State, cold_flags, seen, tcp_state as st};
use crate::weird::WeirdKind as W;

/// A sequence number further off than this is a broken one, in SYN and RST.
const TOO_FAR: i32 = 1 << 20;
/// With this much behind a hole and nothing acknowledged, we see one direction only: holes say nothing then.
const MAX_ABOVE_HOLE: u32 = 16384;
/// The same for what is not acknowledged at all.
const MAX_INITIAL_WINDOW: u64 = 16384;

/// A one-way connection of this many packets is no flood's and is kept like an answered one.
const PERSISTENT: u32 = 8;

/// Ports that are used again sooner than this behind a close are odd (Zeek's `tcp_connection_linger`), nanoseconds.
const LINGER: i64 = 5 * crate::config::SECOND;

/// `a - b` in sequence space.
#[inline(always)]
pub(crate) fn delta(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// One TCP segment and the flow it belongs to.
pub(crate) struct Tcp<'a> {
    pub(crate) hot: &'a mut Hot,
    pub(crate) cold: &'a mut Cold,
    pub(crate) shared: &'a mut Shared,
    pub(crate) timeouts: &'a Timeouts,
    /// When it was seen.
    pub(crate) ts: i64,
    /// Its sender.
    pub(crate) side: usize,
}

/// What of a segment the state machine asks for.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) len: u32,
    pub(crate) flags: TcpFlags,
    pub(crate) window: u16,
    pub(crate) ip_id: u16,
}

/// A relative sequence number, and whether it lies before the first.
fn relative(isn: u32, base: u32, last: u32, wraps: u16) -> (u64, bool) {
    let mut wraps = u64::from(wraps);
    let ahead = delta(base, last);
    if ahead < 0 {
        if wraps > 0 && base > last {
            wraps -= 1;
        }
    } else if ahead > 0 && base < last {
        wraps += 1;
    }
    if wraps == 0 {
        let from_start = delta(base, isn);
        return (i64::from(from_start) as u64, from_start < 0);
    }
    (
        (wraps << 32 | u64::from(base)).wrapping_sub(u64::from(isn)),
        false,
    )
}

/// Whether a SYN begins a new connection on the ports of this one (Zeek's `IsReuse`).
pub(crate) fn is_reuse(hot: &Hot, cold: &Cold, view: &View) -> Option<Option<W>> {
    let flags = view.tcp_flags;
    if !flags.syn()
        || view.flags.0 & (ViewFlags::MALFORMED_TRANSPORT.0 | ViewFlags::TRUNCATED_TRANSPORT.0) != 0
    {
        return None;
    }
    let state = hot.state;
    let orig = state.orig();
    let resp = 1 - orig;
    let mut began = orig;
    if flags.ack() {
        if state.tcp(orig) != st::INACTIVE {
            return None;
        }
        began = resp;
    }
    if !(state.did_close(0) || state.did_close(1)) {
        if view.tcp_seq == cold.sides[began].isn {
            return None;
        }
        if !flags.ack()
            && state.tcp(began) == st::SYN_ACK_SENT
            && state.tcp(resp) == st::INACTIVE
            && view.tcp_seq == cold.sides[resp].isn
        {
            // SYN and SYN-ACK came in the wrong order.
            return None;
        }
        return Some(Some(if state.tcp(began) == st::SYN_SENT {
            W::SynSeqJump
        } else {
            W::ActiveConnectionReuse
        }));
    }
    if state.tcp(0) == st::RESET || state.tcp(1) == st::RESET {
        return Some(None);
    }
    let goes_on = |side| state.tcp(side) != st::INACTIVE && !state.did_close(side);
    Some(if goes_on(0) || goes_on(1) {
        Some(W::ActiveConnectionReuse)
    } else if view.timestamp.saturating_sub(hot.last) < LINGER {
        Some(W::PrematureConnectionReuse)
    } else {
        None
    })
}

impl Tcp<'_> {
    pub(crate) fn weird(&mut self, kind: W) {
        self.shared.weird(kind, self.hot, self.cold, self.ts);
    }

    pub(crate) fn by_orig(&self) -> bool {
        self.hot.state.orig() == self.side
    }

    fn letter(&mut self, letter: Letter) {
        let from_orig = self.by_orig();
        self.cold.letters.push(letter, from_orig);
    }

    /// Zeek's `CheckHistory`: whether the letter was there; adds it if not.
    fn check_letter(&mut self, bit: u32, letter: Letter) -> bool {
        if self.hot.state.seen(self.side, bit) {
            return true;
        }
        self.hot.state.set_seen(self.side, bit);
        self.letter(letter);
        false
    }

    pub(crate) fn tcp(&self, side: usize) -> u32 {
        self.hot.state.tcp(side)
    }

    pub(crate) fn set_tcp(&mut self, side: usize, new: u32) {
        let old = self.tcp(side);
        if new == old {
            return;
        }
        let handshake = |state| state <= st::SYN_ACK_SENT;
        if !handshake(new)
            && handshake(old)
            && handshake(self.tcp(1 - side))
            && self.hot.state.class() != Class::TcpClosed
        {
            self.hot.state.set_class(Class::TcpIdle);
            self.cold.timer = next_update(self.cold.start, self.timeouts.active);
        }
        self.cold.set_previous(side, old);
        self.hot.state.set_tcp(side, new);
    }

    fn init(&mut self, side: usize, isn: u32, last: u32) {
        let cold = &mut self.cold.sides[side];
        cold.isn = isn;
        let hot = &mut self.hot.sides[side];
        hot.acked = isn;
        hot.seq = last;
    }

    /// A segment whose header cannot be read.
    pub(crate) fn unreadable(&mut self, kind: W) {
        self.weird(kind);
    }

    /// A segment whose checksum is wrong: noted, and nothing in it believed.
    pub(crate) fn corrupt(&mut self) {
        self.weird(W::BadTcpChecksum);
        let side = self.side;
        let count = self.shared.rare_of(self.cold).map(|rare| {
            let count = &mut rare.sides[side].bad_checksums;
            *count = count.saturating_add(1);
            *count
        });
        self.scaled(count, cold_flags::CORRUPT, Letter::Corrupt);
    }

    /// Adds the letter at the 1st, 10th, 100th … time; if nobody counts, at the first only.
    pub(crate) fn scaled(&mut self, count: Option<u32>, flag: u32, letter: Letter) {
        let first = !self.cold.has(flag, self.side);
        self.cold.set(flag, self.side);
        let add = match count {
            Some(count) => is_power_of_ten(count),
            None => first,
        };
        if add {
            self.letter(letter);
        }
    }

    /// The whole of what a sound segment does.
    pub(crate) fn segment(&mut self, view: &View, duplicate: bool) {
        let side = self.side;
        let peer = 1 - side;
        let s = Segment {
            seq: view.tcp_seq,
            ack: view.tcp_ack,
            len: view.payload_len,
            flags: view.tcp_flags,
            window: view.tcp_window,
            ip_id: view.ip_id as u16,
        };
        let f = s.flags;
        self.partial_status(f);

        let mut covers = s.len;
        if f.syn() {
            covers = covers.wrapping_add(1);
        }
        if f.fin() {
            covers = covers.wrapping_add(1);
        }
        if f.rst() {
            covers = covers.wrapping_sub(s.len);
        }
        let end = s.seq.wrapping_add(covers);
        self.init_endpoint(&s, end);

        let (rel, underflow) = relative(
            self.cold.sides[side].isn,
            s.seq,
            self.hot.sides[side].seq,
            self.cold.sides[side].seq_wraps,
        );
        if underflow && !f.rst() {
            self.weird(W::SeqUnderflow);
        }
        self.history(&s, rel);
        self.window(&s);
        let previous = self.hot.last;
        if !(self.hot.state.did_close(0) && self.hot.state.did_close(1)) {
            self.hot.last = self.hot.last.max(self.ts);
        }
        if f.syn() {
            self.syn_options(view);
        }
        if f.fin() {
            self.cold.set(cold_flags::FIN, side);
            self.hot.sides[side].rtt_time = 0;
            self.hot.state.set_handshake_sample(side, false);
            self.hot.sides[side].rtt_ack = end;
        }

        // An acknowledgement of what the other side sent.
        let mut acknowledged = None;
        if f.ack() {
            if self.tcp(peer) == st::INACTIVE {
                if !f.syn()
                    && !f.fin()
                    && !f.rst()
                    && matches!(
                        self.tcp(side),
                        st::SYN_SENT | st::SYN_ACK_SENT | st::ESTABLISHED
                    )
                    && !self.cold.is(cold_flags::DID_WEIRD)
                {
                    self.weird(W::PossibleSplitRouting);
                }
                let before = s.ack.wrapping_sub(1);
                self.init(peer, before, before);
            } else {
                let (_, underflow) = relative(
                    self.cold.sides[peer].isn,
                    s.ack,
                    self.hot.sides[peer].acked,
                    self.cold.sides[peer].ack_wraps,
                );
                if underflow {
                    self.weird(W::AckUnderflow);
                } else {
                    acknowledged = Some(self.hot.sides[peer].acked);
                    if !f.rst() {
                        health::acknowledged(self, &s, duplicate, previous);
                        self.update_acked(peer, s.ack);
                    }
                }
            }
        }

        let edge = health::edge(self, side);
        let ahead = self.update_seq(&s, end, edge, duplicate);
        let close = self.state_machine(&s, ahead);
        if let Some(before) = acknowledged {
            health::reveal_gaps(self, s.ack, before);
            self.check_eof(peer);
        }
        self.cold.set(cold_flags::FIRST_SEEN, side);
        if s.len > 0 && !f.rst() && !underflow {
            health::data(self, &s, edge);
        }
        health::after(self, &s, end, ahead, previous);
        self.check_eof(side);
        if close {
            self.connection_closed(side);
        }
        let orig = self.hot.state.orig();
        let answered = self.hot.sides[1 - orig].pkts != 0
            && (self.hot.state.seen(orig, seen::ACK) || self.hot.state.seen(orig, seen::DATA));
        if !self.hot.state.protected()
            && self.hot.state.class() == Class::TcpIdle
            && (answered || self.hot.sides[side].pkts >= PERSISTENT)
        {
            self.hot.state.0 |= State::PROTECTED;
        }
    }

    /// More of a segment that came in fragments, the first of which was taken in: in order or not, for the first time or again.
    pub(crate) fn rest(&mut self, bytes: Bytes) {
        let side = self.side;
        let last = self.hot.sides[side].seq;
        let ahead = delta(bytes.end, last);
        // No datagram reaches further than 64 KiB; a first that is not believed did not move its stream on.
        if self.tcp(side) <= st::SYN_ACK_SENT
            || self.tcp(side) == st::RESET
            || ahead > i32::from(u16::MAX)
        {
            return;
        }
        let edge = health::edge(self, side);
        if ahead > 0 {
            // The FIN is behind all of it.
            if self.cold.has(cold_flags::FIN, side) && self.hot.sides[side].rtt_ack == last {
                self.hot.sides[side].rtt_ack = bytes.end;
            }
            self.move_seq(bytes.end);
        }
        health::seen_bytes(self, bytes.start, bytes.end, edge);
        self.check_eof(side);
    }

    fn partial_status(&mut self, f: TcpFlags) {
        let side = self.side;
        if self.cold.has(cold_flags::FIRST_SEEN, side) {
            return;
        }
        let partial = if self.by_orig() {
            !f.syn() || f.ack()
        } else if !self.cold.is(cold_flags::PARTIAL) {
            !f.syn()
        } else {
            true
        };
        self.cold.set_to(cold_flags::PARTIAL, partial);
    }

    fn init_endpoint(&mut self, s: &Segment, end: u32) {
        let side = self.side;
        let syn = s.flags.syn();
        match self.tcp(side) {
            st::INACTIVE => {
                if syn {
                    self.init(side, s.seq, end);
                } else {
                    // As though there had been a SYN before the first octet seen.
                    self.init(side, s.seq.wrapping_sub(1), s.seq);
                }
            }
            st::SYN_SENT | st::SYN_ACK_SENT if syn && s.seq != self.cold.sides[side].isn => {
                self.weird(W::SynSeqJump);
                self.init(side, s.seq, end);
            }
            st::ESTABLISHED | st::PARTIAL if syn => {
                if self.size(side) > 0 {
                    self.weird(W::SynInsideConnection);
                }
                if s.seq != self.cold.sides[side].isn {
                    self.weird(W::SynSeqJump);
                }
                self.init(side, s.seq, end);
                health::forget_holes(self, side);
            }
            st::RESET if syn && self.cold.previous(side) == st::INACTIVE => {
                self.init(side, s.seq, end);
            }
            _ => {}
        }
    }

    /// Payload bytes by sequence numbers (Zeek's `TCP_Endpoint::Size`).
    pub(crate) fn size(&self, side: usize) -> u64 {
        size(self.hot, self.cold, side)
    }

    fn history(&mut self, s: &Segment, rel: u64) {
        let f = s.flags;
        let side = self.side;
        match u8::from(f.syn()) + u8::from(f.fin()) + u8::from(f.rst()) {
            0 => {
                if s.len > 0 {
                    self.check_letter(seen::DATA, Letter::Data);
                } else if f.ack() {
                    self.check_letter(seen::ACK, Letter::Ack);
                }
            }
            1 if f.syn() => {
                let letter = if f.ack() { Letter::SynAck } else { Letter::Syn };
                let fold = fold(rel);
                if self.check_letter(seen::SYN, letter) && fold != self.cold.sides[side].syn_fold {
                    self.letter(letter);
                }
                self.cold.sides[side].syn_fold = fold;
            }
            1 if f.fin() => {
                // `rtt_ack` is one past the last FIN, if there was one: the caller overwrites it after this.
                let fin_end = s.seq.wrapping_add(s.len).wrapping_add(1);
                if self.check_letter(seen::FIN, Letter::Fin)
                    && fin_end != self.hot.sides[side].rtt_ack
                {
                    self.letter(Letter::Fin);
                }
            }
            1 => {
                let fold = fold(rel);
                if self.check_letter(seen::RST, Letter::Rst)
                    && fold != self.cold.sides[side].rst_fold
                {
                    self.letter(Letter::Rst);
                }
                self.cold.sides[side].rst_fold = fold;
            }
            _ => {
                if f.fin() && f.rst() {
                    self.check_letter(seen::FIN_RST, Letter::Inconsistent);
                } else {
                    self.check_letter(seen::MULTI, Letter::MultiFlag);
                }
            }
        }
    }

    fn window(&mut self, s: &Segment) {
        let side = self.side;
        if s.window == 0
            && !s.flags.rst()
            && self.tcp(1 - side) != st::CLOSED
            && self.tcp(side) != st::RESET
        {
            let count = self.shared.loss_of(self.cold, side).map(|loss| {
                loss.zero_windows = loss.zero_windows.saturating_add(1);
                loss.zero_windows
            });
            self.scaled(count, cold_flags::ZERO_WINDOW, Letter::ZeroWindow);
        }
    }

    fn syn_options(&mut self, view: &View) {
        let f = view.tcp_flags;
        let side = self.side;
        if f.rst() {
            self.weird(W::Christmas);
        }
        if f.0 & TcpFlags::URG != 0 {
            self.weird(W::BaroqueSyn);
        }
        if view.payload_len > 0 {
            self.weird(W::SynWithData);
        }
        if view.tcp_mss != 0 {
            self.cold.sides[side].mss = view.tcp_mss;
        }
        if view.tcp_window_scale != 255 {
            if view.tcp_window_scale > 14 {
                self.weird(W::ScaleRange);
            }
            self.cold.set_scale(side, view.tcp_window_scale);
        }
    }

    fn update_acked(&mut self, peer: usize, ack: u32) {
        let acked = self.hot.sides[peer].acked;
        let ahead = delta(ack, acked);
        if ahead <= 0 || (ack == 0 && ahead > TOO_FAR) {
            return;
        }
        if ack < acked {
            self.cold.sides[peer].ack_wraps = self.cold.sides[peer].ack_wraps.saturating_add(1);
        }
        self.hot.sides[peer].acked = ack;
    }

    /// Moves on what was sent; returns by how much. Notes retransmissions and holes.
    fn update_seq(&mut self, s: &Segment, end: u32, edge: u32, duplicate: bool) -> i32 {
        let side = self.side;
        let f = s.flags;
        let last = self.hot.sides[side].seq;
        let ahead = delta(end, last);
        if (f.syn() || f.rst()) && !(-TOO_FAR..=TOO_FAR).contains(&ahead) {
            return ahead;
        }
        if f.fin() && last == self.cold.sides[side].isn.wrapping_add(1) {
            if ahead > 0 {
                health::open_hole(self, s, edge);
            }
            self.move_seq(end);
        } else if self.tcp(side) == st::RESET {
            // What comes behind a RST is not to be trusted.
        } else if ahead > 0 {
            health::open_hole(self, s, edge);
            self.move_seq(end);
        } else if s.len > 0 {
            health::old_data(self, s, duplicate);
        } else if (f.syn() || f.fin())
            && ahead == 0
            && !duplicate
            && self.tcp(side) != st::INACTIVE
            && let Some(loss) = self.shared.loss_of(self.cold, side)
        {
            loss.retransmits = loss.retransmits.saturating_add(1);
        }
        ahead
    }

    fn move_seq(&mut self, end: u32) {
        let last = self.hot.sides[self.side].seq;
        if end < last {
            let wraps = &mut self.cold.sides[self.side].seq_wraps;
            *wraps = wraps.saturating_add(1);
        }
        self.hot.sides[self.side].seq = end;
    }

    /// Whether what this side sent is not all delivered, or what the other sent not all acknowledged.
    fn data_pending(&self, side: usize) -> bool {
        if self.cold.has(cold_flags::SKIP, side) {
            return false;
        }
        let edge = health::edge(self, side);
        let beyond = delta(self.hot.sides[side].seq, edge);
        if beyond < 0 {
            return false;
        }
        if beyond > 1 {
            return true;
        }
        self.tcp(side) != st::RESET && self.has_unacknowledged(1 - side)
    }

    /// Whether data of this side was seen and not acknowledged yet.
    fn has_unacknowledged(&self, side: usize) -> bool {
        if self.tcp(side) == st::INACTIVE {
            return false;
        }
        let top = health::data_top(self, side);
        let isn = self.cold.sides[side].isn;
        let acked = self.hot.sides[side].acked;
        if top == isn.wrapping_add(1) || delta(top, acked) <= 0 {
            return false;
        }
        let none_acked = acked == isn || acked == isn.wrapping_add(1);
        !(none_acked && self.size(side) > MAX_INITIAL_WINDOW)
    }

    fn check_eof(&mut self, side: usize) {
        if self.cold.has(cold_flags::EOF, side) {
            return;
        }
        let over = self.cold.has(cold_flags::FIN, side)
            || matches!(self.tcp(side), st::CLOSED | st::RESET);
        if over && !self.data_pending(side) {
            self.cold.set(cold_flags::EOF, side);
            if self.cold.is(cold_flags::CLOSE_DEFERRED) {
                self.connection_closed(side);
                self.cold.set_to(cold_flags::CLOSE_DEFERRED, false);
            }
        }
    }

    fn connection_closed(&mut self, side: usize) {
        if self.data_pending(side) {
            self.cold.set_to(cold_flags::CLOSE_DEFERRED, true);
            return;
        }
        self.cold.set_to(cold_flags::CLOSE_DEFERRED, false);
        if self.hot.state.did_close(side) {
            return;
        }
        self.hot.state.set_did_close(side);
        let peer = 1 - side;
        let complete = self.tcp(side) == st::RESET
            || self.hot.state.did_close(peer)
            || self.tcp(peer) == st::INACTIVE;
        if complete && self.hot.state.class() != Class::TcpClosed {
            self.hot.state.set_class(Class::TcpClosed);
            self.hot.state.0 &= !State::PROTECTED;
            self.cold.timer = self.hot.last.saturating_add(self.timeouts.tcp_close);
        }
    }

    /// Data of which so much lies behind a hole that holes say nothing (see [`MAX_ABOVE_HOLE`]).
    pub(crate) fn above_hole(&mut self, edge: u32) {
        let side = self.side;
        let acked = self.hot.sides[side].acked;
        let isn = self.cold.sides[side].isn;
        let none_acked = acked == isn || acked == isn.wrapping_add(1);
        if none_acked && self.hot.sides[side].seq.wrapping_sub(edge) > MAX_ABOVE_HOLE {
            self.weird(W::AboveHoleData);
            self.cold.set(cold_flags::SKIP, side);
        }
    }
}

/// Payload bytes by sequence numbers (Zeek's `TCP_Endpoint::Size`).
pub(crate) fn size(hot: &Hot, cold: &Cold, side: usize) -> u64 {
    let state = hot.state;
    let (s, c) = (&hot.sides[side], &cold.sides[side]);
    let last = u64::from(c.seq_wraps) << 32 | u64::from(s.seq);
    let acked = u64::from(c.ack_wraps) << 32 | u64::from(s.acked);
    let isn = u64::from(c.isn);
    if cold.previous(side) == st::SYN_SENT
        && state.tcp(side) == st::RESET
        && state.tcp(1 - side) == st::INACTIVE
        && acked != isn
        && acked != isn + 1
    {
        return 0;
    }
    let top = last.max(acked);
    // The octet before the first may be the last before a wrap.
    let size = top
        .checked_sub(isn)
        .unwrap_or_else(|| u64::from((top as u32).wrapping_sub(c.isn)));
    // Without the octets of SYN and FIN.
    size.saturating_sub(1 + u64::from(cold.has(cold_flags::FIN, side)))
}

/// When the next `conn_update` of a flow is due.
pub(crate) fn next_update(from: i64, active: i64) -> i64 {
    if active <= 0 {
        i64::MAX
    } else {
        from.saturating_add(active)
    }
}

fn fold(rel: u64) -> u16 {
    (rel ^ rel >> 16) as u16
}

/// 1, 10, 100 …
pub(crate) fn is_power_of_ten(count: u32) -> bool {
    matches!(
        count,
        1 | 10
            | 100
            | 1000
            | 10_000
            | 100_000
            | 1_000_000
            | 10_000_000
            | 100_000_000
            | 1_000_000_000
    )
}
