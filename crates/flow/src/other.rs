//! UDP, ICMP and everything else: Zeek's flow semantics.

use portreeve_packet::{View, ViewFlags};

use crate::letters::Letter;
use crate::recognise::likeness;
use crate::shared::Shared;
use crate::slot::{Class, Cold, Hot, State, cold_flags, seen};
use crate::tcp::is_power_of_ten;
use crate::weird::WeirdKind as W;

/// A packet of a flow that is not TCP, whose `pkts` and `ip_bytes` are counted already.
pub(crate) fn packet(
    hot: &mut Hot,
    cold: &mut Cold,
    shared: &mut Shared,
    view: &View,
    side: usize,
) {
    let class = hot.state.class();
    let from_orig = hot.state.orig() == side;
    if view.flags.has(ViewFlags::BAD_TRANSPORT_CHECKSUM) {
        let kind = match class {
            Class::Udp => W::BadUdpChecksum,
            Class::Icmp => W::BadIcmpChecksum,
            _ => W::BadIpChecksum,
        };
        shared.weird(kind, hot, cold, view.timestamp);
        let count = shared.rare_of(cold).map(|rare| {
            let count = &mut rare.sides[side].bad_checksums;
            *count = count.saturating_add(1);
            *count
        });
        if class == Class::Udp {
            let first = !cold.has(cold_flags::CORRUPT, side);
            if count.map_or(first, is_power_of_ten) {
                cold.letters.push(Letter::Corrupt, from_orig);
            }
        }
        cold.set(cold_flags::CORRUPT, side);
        return;
    }
    if view.flags.has(ViewFlags::MALFORMED_TRANSPORT) && class == Class::Udp {
        shared.weird(W::UdpLengthMismatch, hot, cold, view.timestamp);
    }
    hot.last = hot.last.max(view.timestamp);
    let mine = &mut hot.sides[side];
    let (low, carry) = mine.seq.overflowing_add(view.payload_len);
    mine.seq = low;
    mine.acked = mine.acked.wrapping_add(u32::from(carry));
    mine.rtt_ack = likeness(view);
    if !hot.state.seen(side, seen::DATA) {
        hot.state.set_seen(side, seen::DATA);
        if class == Class::Udp {
            cold.letters.push(Letter::Data, from_orig);
        }
    }
    if hot.state.seen(1 - side, seen::DATA) || mine.pkts >= PERSISTENT {
        hot.state.0 |= State::PROTECTED;
    }
}

/// A one-way flow of this many packets is no flood's and is kept like an answered one.
pub(crate) const PERSISTENT: u32 = 4;

/// Payload bytes of one sender.
pub(crate) fn bytes(hot: &Hot, side: usize) -> u64 {
    let mine = &hot.sides[side];
    u64::from(mine.acked) << 32 | u64::from(mine.seq)
}
