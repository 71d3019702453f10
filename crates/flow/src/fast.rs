//! What nearly every packet does: the next segment of an established connection, the next datagram of a known flow. It touches
//! the two hot lines of its flow and nothing else.
//!
//! Whatever is not exactly so returns `false`, changes nothing, and goes the whole way ([`crate::tcp`], [`crate::other`]), which
//! does the same and everything else.

use portreeve_packet::{TcpFlags, View, ViewFlags};

use crate::health::{measures, take_sample, worth_a_sample};
use crate::recognise::COPY_WITHIN;
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

/// The next segment of an established connection: whether it acknowledged new data.
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
    let (ip_bytes, wraps) = mine.ip_bytes.overflowing_add(view.ip_len);
    let plain = is_plain(hot.state, view)
        && view.tcp_window != 0
        // In sequence, and no wrap of it.
        && view.tcp_seq == mine.seq
        && end >= view.tcp_seq
        // Nothing was acknowledged before it was seen.
        && delta(mine.seq, mine.acked) >= 0
        // Nothing acknowledged that was not seen, no wrap; the same again only with payload or another window.
        && ahead >= 0
        && delta(sent, view.tcp_ack) >= 0
        && view.tcp_ack >= acked
        // (Which of the three it is nobody can foresee: no branches.)
        && (len > 0) | (ahead > 0) | (view.tcp_window != mine.window)
        && mine.pkts != u32::MAX
        && !wraps;
    if !plain {
        return None;
    }
    mine.pkts += 1;
    mine.ip_bytes = ip_bytes;
    mine.seq = end;
    mine.window = view.tcp_window;
    mine.max_window = mine.max_window.max(view.tcp_window);
    // Samples are rare; one branch for each, which is foreseen.
    if (len > 0) & (mine.rtt_time == 0) & worth_a_sample(hot.last, view.timestamp, mine.pkts) {
        mine.rtt_time = ticks::stamp(view.timestamp);
        mine.rtt_ack = end;
    }
    let theirs = &mut hot.sides[1 - side];
    // What was acknowledged already stays what it is.
    theirs.acked = view.tcp_ack;
    if (ahead > 0) & (theirs.rtt_time != 0) & (delta(view.tcp_ack, theirs.rtt_ack) >= 0) {
        let span = ticks::between(theirs.rtt_time, ticks::stamp(view.timestamp));
        theirs.rtt_time = 0;
        if measures(span, hot.last, view.timestamp) {
            take_sample(theirs, span);
        }
    }
    hot.last = hot.last.max(view.timestamp);
    hot.ip_ids[side] = view.ip_id as u16;
    Some(ahead > 0)
}

/// The next datagram of a flow that has had some from this sender.
#[inline(always)]
pub(crate) fn datagram(hot: &mut Hot, view: &View, side: usize) -> bool {
    let side = side & 1;
    let mine = &mut hot.sides[side];
    let (ip_bytes, wraps) = mine.ip_bytes.overflowing_add(view.ip_len);
    let pause = view.timestamp.wrapping_sub(hot.last);
    if mine.pkts == 0
        || mine.pkts == u32::MAX
        || wraps
        || !hot.state.is_plain_datagram(side)
        || (view.ip_id != 0
            && view.ip_id as u16 == hot.ip_ids[side]
            && (0..=COPY_WITHIN).contains(&pause))
    {
        return false;
    }
    mine.pkts += 1;
    mine.ip_bytes = ip_bytes;
    let (low, carry) = mine.seq.overflowing_add(view.payload_len);
    mine.seq = low;
    mine.acked = mine.acked.wrapping_add(u32::from(carry));
    mine.rtt_ack = view.ip_len;
    hot.last = hot.last.max(view.timestamp);
    hot.ip_ids[side] = view.ip_id as u16;
    true
}
