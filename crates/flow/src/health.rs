//! The health of a TCP stream: what was lost, sent again, out of order; round trips.
//!
//! Of each sender the holes in its stream are kept: up to [`MAX_HOLES`] runs of sequence numbers not seen yet. A hole that is
//! filled soon, or by a packet that was sent earlier, was reordering; one filled later, a retransmission; one
//! acknowledged unfilled, loss before us (Zeek's content gap).

use crate::letters::Letter;
use crate::pool::{Hole, Holes, MAX_HOLES};
use crate::slot::{Hot, Side, cold_flags, seen, tcp_state as st};
use crate::tcp::{Segment, Tcp, delta};
use crate::ticks;

/// A hole filled within this many ticks (3 ms) was filled by a packet that had been overtaken.
const REORDERED_WITHIN: u32 = 3_000_000 >> 4;

/// log2 of the time, in nanoseconds, in which one RTT sample begins at most (1.07 s), behind the first [`EAGER_SAMPLES`] packets of a sender.
const SAMPLE_SHIFT: u32 = 30;
/// The longest round trip, in ticks (34 s): half of what they can tell, so that one that is longer is seen to be.
const LONGEST_SAMPLE: u32 = i32::MAX as u32;
/// No sample outlives a pause of this many nanoseconds.
const LONGEST_PAUSE: i64 = (LONGEST_SAMPLE as i64) << 4;
/// A sender's first packets are all worth a sample.
const EAGER_SAMPLES: u32 = 5;

/// The highest sequence number of payload that this side sent, one past it: without SYN and FIN.
pub(crate) fn data_top(tcp: &Tcp<'_>, side: usize) -> u32 {
    let (hot, isn) = (&tcp.hot.sides[side], tcp.cold.sides[side].isn);
    if hot.seq == isn {
        return isn.wrapping_add(1);
    }
    if tcp.cold.has(cold_flags::FIN, side) && hot.seq == hot.rtt_ack {
        return hot.seq.wrapping_sub(1);
    }
    hot.seq
}

/// An acknowledgement of this side's data, without the octet of its FIN.
fn without_fin(tcp: &Tcp<'_>, side: usize, ack: u32) -> u32 {
    let fin_end = tcp.hot.sides[side].rtt_ack;
    if tcp.cold.has(cold_flags::FIN, side) && delta(ack, fin_end) >= 0 {
        fin_end.wrapping_sub(1)
    } else {
        ack
    }
}

/// One past everything that was sent or acknowledged of this side.
fn top(tcp: &Tcp<'_>, side: usize, acked: u32) -> u32 {
    let data = data_top(tcp, side);
    let acked = without_fin(tcp, side, acked);
    if delta(acked, data) > 0 { acked } else { data }
}

fn holes<'t>(tcp: &'t Tcp<'_>, side: usize) -> Option<&'t Holes> {
    if !tcp.hot.state.holes(side) {
        return None;
    }
    let loss = tcp.shared.loss.get(tcp.cold.loss)?;
    tcp.shared.holes.get(loss.sides[side].holes)
}

/// The first sequence number that is still missing of this side's stream (Zeek's `last_reassem_seq`).
pub(crate) fn edge(tcp: &Tcp<'_>, side: usize) -> u32 {
    edge_with(tcp, side, tcp.hot.sides[side].acked)
}

fn edge_with(tcp: &Tcp<'_>, side: usize, acked: u32) -> u32 {
    match holes(tcp, side) {
        Some(holes) if holes.len > 0 => holes.holes[0].start,
        _ => top(tcp, side, acked),
    }
}

/// Forgets the holes of a side whose stream begins anew.
pub(crate) fn forget_holes(tcp: &mut Tcp<'_>, side: usize) {
    if tcp.hot.state.holes(side) {
        store(tcp, side, &Holes::default());
    }
}

/// Keeps the holes of a side: in the pool while there are any.
fn store(tcp: &mut Tcp<'_>, side: usize, holes: &Holes) {
    let some = holes.len > 0;
    tcp.hot.state.set_holes(side, false);
    if tcp.cold.loss == 0 && !some {
        return;
    }
    let Some(loss) = tcp.shared.loss_of(tcp.cold, side) else {
        return;
    };
    let mut number = loss.holes;
    if some && number == 0 {
        match tcp.shared.holes.take() {
            Some(taken) => number = taken,
            None => tcp.shared.counters.pool_full += 1,
        }
    } else if !some && number != 0 {
        tcp.shared.holes.give(number);
        number = 0;
    }
    if let Some(loss) = tcp.shared.loss_of(tcp.cold, side) {
        loss.holes = number;
    }
    if let Some(place) = tcp.shared.holes.get_mut(number) {
        *place = *holes;
        tcp.hot.state.set_holes(side, true);
    }
}

/// A packet that moves its sender's stream on: what lies between is a hole.
pub(crate) fn open_hole(tcp: &mut Tcp<'_>, s: &Segment, _edge: u32) {
    let side = tcp.side;
    if s.flags.syn() {
        return;
    }
    let start = top(tcp, side, tcp.hot.sides[side].acked);
    let gap = delta(s.seq, start);
    if gap < 0 {
        if s.len > 0 && !s.flags.rst() && gap < -1 {
            // New bytes behind old ones.
            if let Some(loss) = tcp.shared.loss_of(tcp.cold, side) {
                loss.retransmits = loss.retransmits.saturating_add(1);
            }
        }
        return;
    }
    if gap == 0 {
        return;
    }
    if !s.flags.rst()
        && let Some(loss) = tcp.shared.loss_of(tcp.cold, side)
    {
        loss.lost_segments = loss.lost_segments.saturating_add(1);
    }
    let mut all = holes(tcp, side).copied().unwrap_or_default();
    let hole = Hole {
        start,
        end: s.seq,
        found: ticks::stamp(tcp.ts),
    };
    let len = all.len as usize;
    if len < MAX_HOLES {
        all.holes[len] = hole;
        all.len += 1;
    } else {
        // No room: the two highest become one, so that nothing seen later is called old.
        all.holes[MAX_HOLES - 1].end = hole.end;
        tcp.shared.counters.pool_full += 1;
    }
    store(tcp, side, &all);
}

/// A packet with payload and nothing new by sequence numbers: sent again, overtaken, or seen twice.
pub(crate) fn old_data(tcp: &mut Tcp<'_>, s: &Segment, duplicate: bool) {
    let side = tcp.side;
    let from = if s.flags.syn() {
        s.seq.wrapping_add(1)
    } else {
        s.seq
    };
    let fills = holes(tcp, side).and_then(|holes| {
        holes.holes[..holes.len as usize % (MAX_HOLES + 1)]
            .iter()
            .find(|hole| {
                delta(from.wrapping_add(s.len), hole.start) > 0 && delta(hole.end, from) > 0
            })
            .copied()
    });
    let now = ticks::stamp(tcp.ts);
    let last_id = tcp.hot.ip_ids[side];
    let top = data_top(tcp, side);
    let keep_alive = s.len == 1 && s.seq.wrapping_add(1) == top;
    // Zeek counts a first SYN with payload and a RST with payload; they are no retransmissions.
    let sent_again = !keep_alive && !s.flags.rst() && tcp.hot.state.tcp(side) != st::INACTIVE;
    let count = tcp.shared.loss_of(tcp.cold, side).map(|loss| {
        loss.rexmit = loss.rexmit.saturating_add(1);
        if !duplicate && sent_again {
            let overtaken = fills.is_some_and(|hole| {
                let sent_earlier = s.ip_id != 0 && last_id != 0 && {
                    let behind = last_id.wrapping_sub(s.ip_id);
                    behind > 0 && behind < 64
                };
                ticks::between(hole.found, now) < REORDERED_WITHIN || sent_earlier
            });
            let counter = if overtaken {
                &mut loss.out_of_order
            } else {
                &mut loss.retransmits
            };
            *counter = counter.saturating_add(1);
        }
        loss.rexmit
    });
    tcp.scaled(count, cold_flags::RETRANSMITTED, Letter::Retransmission);
    if !duplicate && !tcp.cold.has(cold_flags::FIN, side) {
        // Karn: whose packet an acknowledgement is for is not known any more.
        tcp.hot.sides[side].rtt_time = 0;
        tcp.hot.state.set_handshake_sample(side, false);
    }
}

/// Payload arrived: holes may be filled.
pub(crate) fn data(tcp: &mut Tcp<'_>, s: &Segment, edge: u32) {
    let side = tcp.side;
    if !tcp.hot.state.holes(side) {
        return;
    }
    let start = if s.flags.syn() {
        s.seq.wrapping_add(1)
    } else {
        s.seq
    };
    seen_bytes(tcp, start, start.wrapping_add(s.len), edge);
}

/// The bytes `start..end` arrived: the same.
pub(crate) fn seen_bytes(tcp: &mut Tcp<'_>, start: u32, end: u32, edge: u32) {
    let side = tcp.side;
    let Some(before) = holes(tcp, side).copied() else {
        return;
    };
    let after = fill(&before, start, end);
    store(tcp, side, &after);
    if after.len > 0 && !tcp.cold.has(cold_flags::SKIP, side) {
        tcp.above_hole(edge);
    }
}

/// What is left of the holes when `start..end` was seen.
fn fill(before: &Holes, start: u32, end: u32) -> Holes {
    let mut after = Holes::default();
    let mut keep = |hole: Hole| {
        let len = after.len as usize;
        if delta(hole.end, hole.start) > 0 && len < MAX_HOLES {
            after.holes[len] = hole;
            after.len += 1;
        }
    };
    for hole in &before.holes[..(before.len as usize).min(MAX_HOLES)] {
        if delta(start, hole.end) >= 0 || delta(end, hole.start) <= 0 {
            keep(*hole);
            continue;
        }
        keep(Hole {
            end: if delta(start, hole.start) > 0 {
                start
            } else {
                hole.start
            },
            ..*hole
        });
        keep(Hole {
            start: if delta(end, hole.end) < 0 {
                end
            } else {
                hole.end
            },
            ..*hole
        });
    }
    after
}

/// An acknowledgement that moved on from `before` to `ack`: what of it was never seen is a gap (Zeek's `AckReceived`).
pub(crate) fn reveal_gaps(tcp: &mut Tcp<'_>, ack: u32, before: u32) {
    let side = 1 - tcp.side;
    let ack = without_fin(tcp, side, ack);
    if delta(ack, without_fin(tcp, side, before)) <= 0 {
        return;
    }
    let skip = tcp.cold.has(cold_flags::SKIP, side);
    let established =
        tcp.hot.state.tcp(0) == st::ESTABLISHED && tcp.hot.state.tcp(1) == st::ESTABLISHED;
    let clean = |side: usize| {
        let state = tcp.hot.state.tcp(side);
        state == st::ESTABLISHED
            || (state == st::CLOSED && tcp.cold.previous(side) == st::ESTABLISHED)
    };
    let report = clean(0) && clean(1) && !skip;
    let start_of_partial =
        tcp.cold.is(cold_flags::PARTIAL) && ack.wrapping_sub(tcp.cold.sides[side].isn) <= 2;
    let mut missing = 0u64;
    if delta(ack, edge_with(tcp, side, before)) > 0 && !start_of_partial {
        let end_of_seen = top(tcp, side, before);
        let all = holes(tcp, side).copied().unwrap_or_default();
        let mut gaps = [0u32; MAX_HOLES + 1];
        for (gap, hole) in gaps
            .iter_mut()
            .zip(&all.holes[..(all.len as usize).min(MAX_HOLES)])
        {
            let end = if delta(hole.end, ack) > 0 {
                ack
            } else {
                hole.end
            };
            *gap = delta(end, hole.start).max(0) as u32;
        }
        gaps[MAX_HOLES] = delta(ack, end_of_seen).max(0) as u32;
        if all.len > 0 {
            store(tcp, side, &fill(&all, tcp.cold.sides[side].isn, ack));
        }
        for gap in gaps {
            if gap == 0 {
                continue;
            }
            missing += u64::from(gap);
            if report {
                let count = tcp.shared.loss_of(tcp.cold, side).map(|loss| {
                    loss.missed = loss.missed.saturating_add(u64::from(gap));
                    loss.gaps = loss.gaps.saturating_add(1);
                    loss.gaps
                });
                // The letter is that of whose data is missing.
                tcp.side = side;
                tcp.scaled(count, cold_flags::GAP, Letter::Gap);
                tcp.side = 1 - side;
            }
        }
    }
    if established && !skip {
        tcp.shared.acks += 1;
        tcp.shared.gaps += u64::from(missing > 0);
    }
}

/// An acknowledgement, before it is noted: duplicate acknowledgements, and the end of an RTT sample.
pub(crate) fn acknowledged(tcp: &mut Tcp<'_>, s: &Segment, duplicate: bool, previous: i64) {
    let side = tcp.side;
    let peer = 1 - side;
    let (mine, theirs) = (tcp.hot.sides[side], tcp.hot.sides[peer]);
    let f = s.flags;
    if !duplicate
        && s.len == 0
        && !f.syn()
        && !f.fin()
        && !f.rst()
        && s.ack == theirs.acked
        && s.window == mine.window
        // With a closed window they answer probes, and say nothing of loss.
        && s.window != 0
        && s.seq == mine.seq
        && delta(theirs.seq, s.ack) > 0
        && tcp.hot.state.seen(side, seen::ACK)
        && mine.pkts > 1
        && let Some(loss) = tcp.shared.loss_of(tcp.cold, side)
    {
        loss.duplicate_acks = loss.duplicate_acks.saturating_add(1);
    }
    if theirs.rtt_time != 0 && delta(s.ack, theirs.rtt_ack) >= 0 {
        let span = ticks::between(theirs.rtt_time, ticks::stamp(tcp.ts));
        tcp.hot.sides[peer].rtt_time = 0;
        let handshake = tcp.hot.state.handshake_sample(peer);
        tcp.hot.state.set_handshake_sample(peer, false);
        if !measures(span, previous, tcp.ts) {
            return;
        }
        if !handshake {
            take_sample(&mut tcp.hot.sides[peer], span);
        } else if f.syn() {
            tcp.cold.syn_rtt = span.max(1);
        } else if tcp.hot.state.orig() != peer {
            tcp.cold.ack_rtt = span.max(1);
        }
    }
}

/// Whether a sample that ends `now`, after so many ticks, measures something; `previous` is the flow's last packet before.
///
/// Where time ran back, in the flow or since the sample began, it measures nothing.
#[inline(always)]
pub(crate) fn measures(span: u32, previous: i64, now: i64) -> bool {
    now >= previous && span <= LONGEST_SAMPLE
}

/// Drops samples that are open for so long that their ticks might wrap around. To be called for a flow's packets at least every ten seconds
/// of their time, and where there were none for longer.
pub(crate) fn forget_old_samples(hot: &mut Hot, now: i64) {
    let pause = now.saturating_sub(hot.last);
    for side in 0..2 {
        let mine = &mut hot.sides[side];
        let open = ticks::between(mine.rtt_time, ticks::stamp(now));
        if mine.rtt_time != 0 && (open > LONGEST_SAMPLE || pause > LONGEST_PAUSE) {
            mine.rtt_time = 0;
            hot.state.set_handshake_sample(side, false);
        }
    }
}

/// One more round trip of this many ticks.
#[inline]
pub(crate) fn take_sample(side: &mut Side, span: u32) {
    let short = ticks::shorten(span);
    if side.rtt_min == 0 || short < side.rtt_min {
        side.rtt_min = short;
    }
    side.rtt_smoothed = ticks::smooth(side.rtt_smoothed, span);
}

/// Whether new payload, seen now, is worth an RTT sample: it is among its sender's first, or the first for a while. (Where time ran back, it is not.)
#[inline(always)]
pub(crate) fn is_worth_a_sample(previous: i64, now: i64, pkts: u32) -> bool {
    pkts < EAGER_SAMPLES || (previous ^ now) >> SAMPLE_SHIFT != 0
}

/// What is noted of every segment in the end: the RTT sample it begins, its window.
pub(crate) fn after(tcp: &mut Tcp<'_>, s: &Segment, end: u32, ahead: i32, previous: i64) {
    let side = tcp.side;
    let f = s.flags;
    if f.rst() {
        return;
    }
    let closed = tcp.cold.has(cold_flags::FIN, side);
    let hot = &mut tcp.hot.sides[side];
    hot.window = s.window;
    if f.syn() && !closed {
        hot.rtt_time = ticks::stamp(tcp.ts);
        hot.rtt_ack = s.seq.wrapping_add(1);
        tcp.hot.state.set_handshake_sample(side, true);
        return;
    }
    if !f.syn() {
        hot.max_window = hot.max_window.max(s.window);
    }
    if s.len > 0
        && ahead > 0
        && hot.rtt_time == 0
        && !closed
        && tcp.ts >= previous
        && is_worth_a_sample(previous, tcp.ts, hot.pkts)
    {
        hot.rtt_time = ticks::stamp(tcp.ts);
        hot.rtt_ack = end;
        tcp.hot.state.set_handshake_sample(side, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(u32, u32)]) -> Holes {
        let mut holes = Holes::default();
        for (start, end) in list {
            holes.holes[holes.len as usize] = Hole {
                start: *start,
                end: *end,
                found: 1,
            };
            holes.len += 1;
        }
        holes
    }

    fn list(holes: &Holes) -> Vec<(u32, u32)> {
        holes.holes[..holes.len as usize]
            .iter()
            .map(|h| (h.start, h.end))
            .collect()
    }

    #[test]
    fn holes_shrink_split_and_close() {
        let two = of(&[(100, 200), (300, 400)]);
        type Runs = &'static [(u32, u32)];
        let cases: &[(u32, u32, Runs)] = &[
            (0, 100, &[(100, 200), (300, 400)]),
            (100, 200, &[(300, 400)]),
            (150, 160, &[(100, 150), (160, 200), (300, 400)]),
            (150, 350, &[(100, 150), (350, 400)]),
            (0, 1000, &[]),
            (90, 150, &[(150, 200), (300, 400)]),
            (200, 300, &[(100, 200), (300, 400)]),
            (399, 400, &[(100, 200), (300, 399)]),
        ];
        for (start, end, expected) in cases {
            assert_eq!(list(&fill(&two, *start, *end)), *expected, "{start}..{end}");
        }
        // Across the end of sequence space.
        let wrap = of(&[(u32::MAX - 9, 10)]);
        assert_eq!(
            list(&fill(&wrap, u32::MAX, 5)),
            [(u32::MAX - 9, u32::MAX), (5, 10)]
        );
        // A split that finds no room loses the higher part, never more.
        let full = of(&[(10, 20), (30, 40), (50, 60), (70, 80), (90, 100)]);
        assert_eq!(list(&fill(&full, 14, 15)).len(), MAX_HOLES);
    }
}
