//! One direction of a TCP connection: segments in, bytes in order out. Only what is out of order is copied.
//!
//! The first copy of a byte wins, or the last ([`Overlap`]): two segments that say different things about the same bytes are told apart by what
//! the receiver's system does, which nobody here knows.
//!
//! A hole is waited for until the other side acknowledges bytes behind it (then it came, and we did not see it), until too much is held, or until the
//! stream ends. Then it is a gap, told with its length.

use crate::budget::Budget;

/// The most bytes of one direction that are held out of order.
pub const MAX_HELD: usize = 256 << 10;
/// The most runs of bytes out of order, of one direction. When there are more, those that touch become one.
const MAX_RUNS: usize = 64;
/// A segment further ahead than any window reaches (RFC 7323 section 2.3) is none of this stream.
const MAX_AHEAD: u32 = 1 << 30;

/// Which copy of a byte counts when it is sent twice and held out of order. (What was handed on is handed on.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The first, as most systems do.
    #[default]
    First,
    /// The last.
    Last,
}

/// A segment, as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sequence number of its first byte of payload.
    pub seq: u32,
    /// What was captured of its payload.
    pub payload: &'a [u8],
    /// Its payload on the wire, bytes: at least what was captured.
    pub wire_len: u32,
}

/// What comes out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// So many bytes were never seen.
    Gap(u64),
}

/// What became of a segment.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was handed on, or is held, or all of it was known already.
    Taken,
    /// It is none of this stream: no window reaches that far.
    OutsideWindow,
    /// There was no room for it: the stream is to be given up.
    NoRoom,
}

/// Bytes that wait for those before them.
struct Run {
    seq: u32,
    bytes: Vec<u8>,
    /// Bytes on the wire: what is more than `bytes` was not captured.
    wire_len: u32,
}

impl Run {
    /// One past its last byte.
    fn end(&self) -> u32 {
        self.seq.wrapping_add(self.wire_len)
    }

    /// Whether `seq` is the byte behind it, and all before was captured.
    fn goes_on_at(&self, seq: u32) -> bool {
        self.bytes.len() == self.wire_len as usize && self.end() == seq
    }
}

/// One direction.
#[derive(Default)]
pub struct Stream {
    /// The next byte in order; `None` before anything was seen.
    next: Option<u32>,
    /// One past the last byte, when a FIN told it.
    end: Option<u32>,
    /// What waits, if anything does: most streams never hold a byte.
    early: Option<Box<Early>>,
}

/// What came too early.
#[derive(Default)]
struct Early {
    /// In order of their sequence numbers, none over another. Never empty between two calls.
    runs: Vec<Run>,
    /// Bytes in them.
    held: usize,
}

/// How far `a` is ahead of `b`.
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

impl Stream {
    /// The connection begins: `seq` is the SYN's.
    pub fn syn(&mut self, seq: u32) {
        if self.early.is_none() {
            self.next = Some(seq.wrapping_add(1));
        }
    }

    /// Whether it is known where it begins, or where it is.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// The sender closed: `end` is one past its last byte.
    pub fn fin(&mut self, end: u32) {
        self.end.get_or_insert(end);
    }

    /// Whether everything up to the FIN was handed on.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end
            .zip(self.next)
            .is_some_and(|(end, next)| ahead(next, end) >= 0)
    }

    /// Whether nothing waits for bytes before it: an acknowledgement then tells nothing new.
    #[inline]
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.early.is_none()
    }

    /// Takes a segment if it is just the next bytes, all `wire_len` of them captured, and nothing is held: then it is to be handed on as it is. Whether it was.
    #[inline]
    pub fn takes_next(&mut self, seq: u32, wire_len: u32, captured: usize) -> bool {
        let plain = self.next.is_none_or(|next| next == seq)
            && self.early.is_none()
            && captured == wire_len as usize;
        if plain {
            self.next = Some(seq.wrapping_add(wire_len));
        }
        plain
    }

    /// Takes a segment; what is now in order goes to `each`.
    pub fn segment(
        &mut self,
        segment: Segment<'_>,
        overlap: Overlap,
        budget: &Budget,
        each: &mut dyn FnMut(Piece<'_>),
    ) -> Fate {
        if segment.wire_len == 0 {
            return Fate::Taken;
        }
        let next = *self.next.get_or_insert(segment.seq);
        let distance = ahead(segment.seq, next);
        if distance.unsigned_abs() > MAX_AHEAD {
            return Fate::OutsideWindow;
        }
        if distance > 0 {
            return self.hold(segment, overlap, budget, each);
        }
        let known = distance.unsigned_abs();
        if known >= segment.wire_len {
            return Fate::Taken;
        }
        self.hand_on(
            segment.payload.get(known as usize..).unwrap_or_default(),
            segment.wire_len - known,
            each,
        );
        self.release(budget, each);
        Fate::Taken
    }

    /// The other side has acknowledged everything before `ack`: what is missing before bytes that are held will not come.
    pub fn acknowledged(&mut self, ack: u32, budget: &Budget, each: &mut dyn FnMut(Piece<'_>)) {
        while let (Some(next), Some(first)) = (self.next, self.first()) {
            if ahead(ack, first.seq) < 0 || ahead(ack, next) <= 0 {
                return;
            }
            self.give_up_hole(budget, each);
        }
    }

    /// The stream is over: what is held goes on, gaps and all.
    pub fn finish(&mut self, budget: &Budget, each: &mut dyn FnMut(Piece<'_>)) {
        while self.early.is_some() {
            self.give_up_hole(budget, each);
        }
    }

    /// Forgets what is held.
    pub fn clear(&mut self, budget: &Budget) {
        if let Some(early) = self.early.take() {
            budget.give(early.held);
        }
    }

    /// The first run that waits.
    fn first(&self) -> Option<&Run> {
        self.early.as_ref()?.runs.first()
    }

    /// How many wait.
    fn runs(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.runs.len())
    }

    /// Bytes that wait.
    fn held(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.held)
    }

    fn take_first(&mut self) -> Option<Run> {
        let early = self.early.as_mut()?;
        let run = early.runs.remove(0);
        early.held -= run.bytes.len();
        if early.runs.is_empty() {
            self.early = None;
        }
        Some(run)
    }

    fn hand_on(&mut self, bytes: &[u8], wire_len: u32, each: &mut dyn FnMut(Piece<'_>)) {
        if let Some(next) = &mut self.next {
            *next = next.wrapping_add(wire_len);
        }
        if !bytes.is_empty() {
            each(Piece::Bytes(bytes));
        }
        let cut = u64::from(wire_len).saturating_sub(bytes.len() as u64);
        if cut > 0 {
            each(Piece::Gap(cut));
        }
    }

    /// The hole before the first run is a gap.
    fn give_up_hole(&mut self, budget: &Budget, each: &mut dyn FnMut(Piece<'_>)) {
        let (Some(next), Some(first)) = (self.next, self.first()) else {
            return;
        };
        let hole = ahead(first.seq, next);
        if hole > 0 {
            self.next = Some(first.seq);
            each(Piece::Gap(hole.unsigned_abs().into()));
        }
        self.release(budget, each);
    }

    /// Hands on the runs that are in order now.
    fn release(&mut self, budget: &Budget, each: &mut dyn FnMut(Piece<'_>)) {
        while let (Some(next), Some(first)) = (self.next, self.first()) {
            let distance = ahead(first.seq, next);
            if distance > 0 {
                return;
            }
            let Some(run) = self.take_first() else {
                return;
            };
            budget.give(run.bytes.len());
            let known = distance.unsigned_abs();
            if known < run.wire_len {
                let bytes = run.bytes.get(known as usize..).unwrap_or_default();
                self.hand_on(bytes, run.wire_len - known, each);
            }
        }
    }

    /// Keeps the parts of a segment that came too early and are not held yet; where the last copy counts, the others too.
    fn hold(
        &mut self,
        segment: Segment<'_>,
        overlap: Overlap,
        budget: &Budget,
        each: &mut dyn FnMut(Piece<'_>),
    ) -> Fate {
        if overlap == Overlap::Last {
            self.overwrite(segment);
        }
        let mut rest = segment;
        while rest.wire_len > 0 {
            let runs = self.early.as_ref().map_or(&[][..], |early| &early.runs);
            let reaches_behind = |run: &Run| ahead(run.end(), rest.seq) > 0;
            let at = runs.iter().position(reaches_behind).unwrap_or(runs.len());
            let mut len = rest.wire_len;
            if let Some(run) = runs.get(at) {
                let before = ahead(run.seq, rest.seq);
                if before <= 0 {
                    let covered = ahead(run.end(), rest.seq);
                    cut_front(&mut rest, covered.unsigned_abs());
                    continue;
                }
                len = len.min(before.unsigned_abs());
            }
            if !self.keep(at, rest, len, budget) {
                return Fate::NoRoom;
            }
            cut_front(&mut rest, len);
            if self.runs() > MAX_RUNS {
                self.compact();
            }
            if self.holds_too_much() {
                while self.holds_too_much() {
                    self.give_up_hole(budget, each);
                }
                // Nothing is where it was.
                return self.segment(rest, overlap, budget, each);
            }
        }
        Fate::Taken
    }

    fn holds_too_much(&self) -> bool {
        self.runs() > MAX_RUNS || self.held() > MAX_HELD
    }

    /// Makes one run of those that touch. (Not as they come: the sizes of segments tell some protocols something.)
    fn compact(&mut self) {
        let Some(early) = &mut self.early else {
            return;
        };
        let mut runs: Vec<Run> = Vec::with_capacity(MAX_RUNS + 1);
        for run in early.runs.drain(..) {
            match runs.last_mut() {
                Some(last) if last.goes_on_at(run.seq) => {
                    last.bytes.extend_from_slice(&run.bytes);
                    last.wire_len += run.wire_len;
                }
                _ => runs.push(run),
            }
        }
        early.runs = runs;
    }

    /// Puts the first `len` bytes of a segment before the run at `at`. Whether there was room.
    fn keep(&mut self, at: usize, segment: Segment<'_>, len: u32, budget: &Budget) -> bool {
        let bytes = segment
            .payload
            .get(..len as usize)
            .unwrap_or(segment.payload);
        if !budget.take(bytes.len()) {
            return false;
        }
        let early = self.early.get_or_insert_default();
        early.held += bytes.len();
        early.runs.insert(
            at,
            Run {
                seq: segment.seq,
                bytes: bytes.to_vec(),
                wire_len: len,
            },
        );
        true
    }

    /// Writes a segment's bytes over what is held of them.
    fn overwrite(&mut self, segment: Segment<'_>) {
        let early = self.early.as_mut();
        for run in early.into_iter().flat_map(|early| &mut early.runs) {
            let shift = ahead(segment.seq, run.seq);
            let (to, from) = (shift.max(0) as usize, shift.min(0).unsigned_abs() as usize);
            let source = segment.payload.get(from..).unwrap_or_default();
            let target = run.bytes.get_mut(to..).unwrap_or_default();
            for (to, from) in target.iter_mut().zip(source) {
                *to = *from;
            }
        }
    }
}

fn cut_front(segment: &mut Segment<'_>, len: u32) {
    let len = len.min(segment.wire_len);
    segment.seq = segment.seq.wrapping_add(len);
    segment.payload = segment.payload.get(len as usize..).unwrap_or_default();
    segment.wire_len -= len;
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1 << 20;

    fn play(segments: &[(u32, &[u8])], overlap: Overlap) -> (String, Stream, Budget) {
        let (mut stream, budget) = (Stream::default(), Budget::new(ROOM));
        stream.syn(u32::MAX - 3);
        let mut out = String::new();
        for (offset, payload) in segments {
            let segment = Segment {
                seq: (u32::MAX - 2).wrapping_add(*offset),
                payload,
                wire_len: payload.len() as u32,
            };
            let fate = stream.segment(segment, overlap, &budget, &mut |piece| {
                write(&mut out, piece);
            });
            assert_eq!(fate, Fate::Taken);
        }
        (out, stream, budget)
    }

    fn write(out: &mut String, piece: Piece<'_>) {
        match piece {
            Piece::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).unwrap()),
            Piece::Gap(len) => out.push_str(&format!("[{len}]")),
        }
    }

    #[test]
    fn order_is_restored_across_the_wrap_and_nothing_stays_held() {
        let parts: [(u32, &[u8]); 5] = [(6, b"gh"), (2, b"cd"), (4, b"ef"), (0, b"ab"), (8, b"i")];
        let (out, stream, budget) = play(&parts, Overlap::First);
        assert_eq!(out, "abcdefghi");
        assert_eq!((stream.held(), budget.held()), (0, 0));
    }

    #[test]
    fn only_what_is_just_next_and_whole_is_taken_as_it_is() {
        let (_, mut stream, budget) = play(&[(0, b"ab")], Overlap::First);
        let seq = |offset: u32| (u32::MAX - 2).wrapping_add(offset);
        assert!(!stream.takes_next(seq(1), 2, 2));
        assert!(!stream.takes_next(seq(2), 3, 2));
        assert!(stream.takes_next(seq(2), 3, 3));
        let early = Segment {
            seq: seq(7),
            payload: b"h",
            wire_len: 1,
        };
        let fate = stream.segment(early, Overlap::First, &budget, &mut |_| ());
        assert_eq!(fate, Fate::Taken);
        assert!(!stream.is_even() && !stream.takes_next(seq(5), 2, 2));
    }

    #[test]
    fn the_first_copy_wins_or_the_last() {
        let parts: [(u32, &[u8]); 4] = [(4, b"EFG"), (2, b"cdefgh"), (5, b"??"), (0, b"abXX")];
        assert_eq!(play(&parts, Overlap::First).0, "abXXEFGh");
        assert_eq!(play(&parts, Overlap::Last).0, "abXXe??h");
        // What was handed on stays.
        assert_eq!(play(&[(0, b"ab"), (0, b"xyz")], Overlap::Last).0, "abz");
    }

    #[test]
    fn a_hole_is_a_gap_when_what_is_behind_it_is_acknowledged() {
        let (mut out, mut stream, budget) =
            play(&[(0, b"ab"), (5, b"f"), (8, b"i")], Overlap::First);
        let base = u32::MAX - 2;
        stream.acknowledged(base.wrapping_add(4), &budget, &mut |piece| {
            write(&mut out, piece);
        });
        assert_eq!(out, "ab");
        stream.acknowledged(base.wrapping_add(6), &budget, &mut |piece| {
            write(&mut out, piece);
        });
        assert_eq!(out, "ab[3]f");
        stream.fin(base.wrapping_add(9));
        assert!(!stream.is_closed());
        stream.finish(&budget, &mut |piece| write(&mut out, piece));
        assert_eq!(out, "ab[3]f[2]i");
        assert!(stream.is_closed());
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn what_was_not_captured_is_a_gap() {
        let (mut stream, budget, mut out) = (Stream::default(), Budget::new(ROOM), String::new());
        for (seq, wire_len) in [(10, 5), (1, 9)] {
            stream.syn(0);
            let segment = Segment {
                seq,
                payload: b"abc",
                wire_len,
            };
            let fate = stream.segment(segment, Overlap::First, &budget, &mut |piece| {
                write(&mut out, piece);
            });
            assert_eq!(fate, Fate::Taken);
        }
        assert_eq!(out, "abc[6]abc[2]");
    }

    #[test]
    fn a_stream_with_holes_holds_no_more_than_it_may() {
        let (mut stream, budget) = (Stream::default(), Budget::new(ROOM));
        stream.syn(0);
        let mut seen = 0u64;
        for i in 0..2000u32 {
            let segment = Segment {
                seq: 100 + i * 10_000,
                payload: &[7; 9000],
                wire_len: 9000,
            };
            let fate = stream.segment(segment, Overlap::First, &budget, &mut |piece| {
                seen += match piece {
                    Piece::Bytes(bytes) => bytes.len() as u64,
                    Piece::Gap(len) => len,
                };
            });
            assert_eq!(fate, Fate::Taken);
            assert!(stream.held() <= MAX_HELD && stream.runs() <= MAX_RUNS);
        }
        stream.finish(&budget, &mut |piece| {
            seen += match piece {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::Gap(len) => len,
            };
        });
        assert_eq!(seen, 99 + 1999 * 10_000 + 9000);
        assert_eq!(budget.held(), 0);
    }

    /// Whatever the order, with each byte known: the same stream.
    #[test]
    fn any_order_and_any_cut_gives_the_same() {
        let whole: Vec<u8> = (b'a'..=b'z').cycle().take(300).collect();
        let mut state = 12345u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for _ in 0..500 {
            let mut parts = Vec::new();
            for at in (0..whole.len()).step_by(7) {
                let to = (at + 7 + random(20)).min(whole.len());
                parts.push((at as u32, &whole[at..to]));
            }
            for i in (1..parts.len()).rev() {
                parts.swap(i, random(i + 1));
            }
            let (out, stream, budget) = play(&parts, Overlap::First);
            assert_eq!(out.as_bytes(), whole);
            assert_eq!((stream.held(), budget.held()), (0, 0));
        }
    }

    #[test]
    fn a_whole_window_may_come_byte_by_byte_last_first() {
        let whole: Vec<u8> = (b'a'..=b'z').cycle().take(60_000).collect();
        let parts: Vec<(u32, &[u8])> = (0..whole.len())
            .rev()
            .map(|at| (at as u32, &whole[at..=at]))
            .collect();
        let (out, stream, budget) = play(&parts, Overlap::First);
        assert_eq!(out.as_bytes(), whole);
        assert_eq!((stream.held(), budget.held()), (0, 0));
        // Every second byte first: as many holes as may be, and the rest is told as gaps, none of it kept.
        let (evens, odds): (Vec<_>, Vec<_>) = parts.iter().rev().partition(|part| part.0 % 2 == 1);
        let (out, _, budget) = play(&[evens, odds].concat(), Overlap::First);
        assert!(out.contains("[1]") && out.len() < 4 * whole.len());
        assert!(budget.held() <= MAX_RUNS);
    }

    #[test]
    fn what_no_window_reaches_is_none_of_the_stream() {
        let (mut stream, budget) = (Stream::default(), Budget::new(ROOM));
        stream.syn(0);
        for (seq, fate) in [
            (1 + MAX_AHEAD, Fate::Taken),
            (2 + MAX_AHEAD, Fate::OutsideWindow),
            (0u32.wrapping_sub(MAX_AHEAD), Fate::OutsideWindow),
            (1u32.wrapping_sub(MAX_AHEAD), Fate::Taken),
        ] {
            let segment = Segment {
                seq,
                payload: b"x",
                wire_len: 1,
            };
            let is = stream.segment(segment, Overlap::First, &budget, &mut |_| {});
            assert_eq!(is, fate, "{seq}");
        }
        stream.clear(&budget);
        assert_eq!(budget.held(), 0);
    }
}
