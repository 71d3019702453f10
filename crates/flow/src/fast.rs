//! What nearly every packet does: the next segment of an established connection, the next datagram of a known flow. It touches
//! the two hot lines of its flow and nothing else.
//!
//! Whatever is not exactly so returns `false`, changes nothing, and goes the whole way ([`crate::tcp`], [`crate::other`]), which
//! does the same and everything else.

use portreeve_packet::{TcpFlags, View, ViewFlags};

use crate::health::{is_worth_a_sample, measures, take_sample};
use crate::recognise::{COPY_WITHIN, likeness};
use crate::slot::{Hot, Side, State};
use crate::tcp::delta;
use crate::ticks;

/// Views with one of these facts go the whole way.
pub(crate) const ODD: u32 = ViewFlags::FIRST_FRAGMENT.0
    | ViewFlags::LATER_FRAGMENT.0
    | ViewFlags::TRUNCATED_TRANSPORT.0
    | ViewFlags::MALFORMED_TRANSPORT.0
    | ViewFlags::BAD_IP_CHECKSUM.0
    | ViewFlags::BAD_TRANSPORT_CHECKSUM.0
    | ViewFlags::QUOTES.0;

/// Whether a segment may go this way by what its flow's state and its own control bits say.
#[inline(always)]
pub(crate) fn is_plain(state: State, view: &View) -> bool {
    const CONTROL: u8 = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::ACK;
    view.tcp_flags.0 & CONTROL == TcpFlags::ACK
        && state.is_plain_tcp(usize::from(view.high_to_low()), view.payload_len > 0)
}

/// Whether a segment could go this way but for the letter of this bit, which its sender's history lacks.
#[inline(always)]
pub(crate) fn lacks_letter(state: State, view: &View, bit: u32) -> bool {
    let side = usize::from(view.high_to_low());
    let mut with_it = state;
    with_it.set_seen(side, bit);
    !state.seen(side, bit) && is_plain(with_it, view)
}

/// The next segment of an established connection: whether it acknowledged new data.
///
/// Who sends next, and whether data or only an acknowledgement, nobody can foresee: no branch asks for it.
#[inline(always)]
pub(crate) fn tcp(hot: &mut Hot, view: &View, side: usize) -> Option<bool> {
    let side = side & 1;
    let len = view.payload_len;
    let Side {
        seq: sent, acked, ..
    } = hot.sides[1 - side];
    let mine = &mut hot.sides[side];
    let end = view.tcp_seq.wrapping_add(len);
    let ahead = delta(view.tcp_ack, acked);
    // In sequence, and no wrap of it.
    if !is_plain(hot.state, view) || view.tcp_seq != mine.seq || end < view.tcp_seq {
        return None;
    }
    // Nothing was acknowledged before it was seen; nothing is that was not seen; no step back, no wrap of what is acknowledged.
    if delta(mine.seq, mine.acked) | ahead | delta(sent, view.tcp_ack) < 0 || view.tcp_ack < acked {
        return None;
    }
    // The same again only with payload, more acknowledged or another window: one question to all of them.
    let news = len | ahead as u32 | u32::from(view.tcp_window ^ mine.window);
    if news == 0 || view.tcp_window == 0 {
        return None;
    }
    let (ip_bytes, wraps) = mine.ip_bytes.overflowing_add(view.ip_len);
    if wraps {
        return None;
    }
    let (pkts, wraps) = mine.pkts.overflowing_add(1);
    if wraps {
        return None;
    }
    mine.ip_bytes = ip_bytes;
    mine.pkts = pkts;
    mine.seq = end;
    mine.window = view.tcp_window;
    mine.max_window = mine.max_window.max(view.tcp_window);
    // Samples are rare. What can be foreseen of them is asked first, and the rest elsewhere.
    if is_worth_a_sample(hot.last, view.timestamp, pkts) {
        begin_sample(mine, hot.last, view);
    }
    let theirs = &mut hot.sides[1 - side];
    // What was acknowledged already stays what it is.
    theirs.acked = view.tcp_ack;
    if theirs.rtt_time != 0 {
        end_sample(theirs, ahead, hot.last, view);
    }
    hot.last = hot.last.max(view.timestamp);
    hot.ip_ids[side] = view.ip_id as u16;
    Some(ahead > 0)
}

/// New payload may begin an RTT sample, if there is any, none is open and time has not run back.
#[cold]
#[inline(never)]
fn begin_sample(mine: &mut Side, previous: i64, view: &View) {
    if view.payload_len > 0 && mine.rtt_time == 0 && view.timestamp >= previous {
        mine.rtt_time = ticks::stamp(view.timestamp);
        mine.rtt_ack = mine.seq;
    }
}

/// An acknowledgement may end the RTT sample that is open, if it is `ahead` of the last one and reaches as far.
#[cold]
#[inline(never)]
fn end_sample(theirs: &mut Side, ahead: i32, previous: i64, view: &View) {
    if ahead > 0 && delta(view.tcp_ack, theirs.rtt_ack) >= 0 {
        let span = ticks::between(theirs.rtt_time, ticks::stamp(view.timestamp));
        theirs.rtt_time = 0;
        if measures(span, previous, view.timestamp) {
            take_sample(theirs, span);
        }
    }
}

/// The next datagram of a flow that has had some from this sender.
#[inline(always)]
pub(crate) fn datagram(hot: &mut Hot, view: &View, side: usize) -> bool {
    let side = side & 1;
    let mine = &mut hot.sides[side];
    let likeness = likeness(view);
    let pause = view.timestamp.wrapping_sub(hot.last);
    let (ip_bytes, wraps) = mine.ip_bytes.overflowing_add(view.ip_len);
    if wraps {
        return false;
    }
    if mine.pkts == 0
        || mine.pkts == u32::MAX
        || !hot.state.is_plain_datagram(side)
        || (view.ip_id != 0
            && view.ip_id as u16 == hot.ip_ids[side]
            && likeness == mine.rtt_ack
            && (0..=COPY_WITHIN).contains(&pause))
    {
        return false;
    }
    mine.pkts += 1;
    mine.ip_bytes = ip_bytes;
    let (low, carry) = mine.seq.overflowing_add(view.payload_len);
    mine.seq = low;
    mine.acked = mine.acked.wrapping_add(u32::from(carry));
    mine.rtt_ack = likeness;
    hot.last = hot.last.max(view.timestamp);
    hot.ip_ids[side] = view.ip_id as u16;
    true
}
