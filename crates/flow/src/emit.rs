//! From a flow's state to its records.

use portreeve_packet::FlowKey;
use portreeve_record::{Conn, ConnState, EndReason, Side, SourceId, Uid};

use crate::hash;
use crate::other;
use crate::pool::{Loss, Rare, Snapshot, SnapshotSide};
use crate::shared::Shared;
use crate::slot::{Class, Cold, Hot, seen, tcp_state as st};
use crate::{tcp, ticks};

fn is_tcp(hot: &Hot) -> bool {
    matches!(
        hot.state.class(),
        Class::TcpIdle | Class::TcpHandshake | Class::TcpAttempt | Class::TcpClosed
    )
}

/// A flow's record with its totals.
pub(crate) fn conn(hot: &Hot, cold: &Cold, shared: &Shared, reason: EndReason) -> Conn {
    let key = hash::key(&hot.key);
    let (orig, resp) = (hot.state.orig(), 1 - hot.state.orig());
    let (orig_h, orig_p, resp_h, resp_p) = crate::shared::endpoints(&hot.key, orig == 1);
    let loss = shared.loss.get(cold.loss);
    let rare = shared.rare.get(cold.rare);
    let duration = hot.last.saturating_sub(cold.start);
    let duration = (duration > 0).then_some(duration);
    let sizes = sizes(hot, cold);
    let side = |which: usize, bytes: u64| {
        let mut side = side(hot, cold, loss, rare, which);
        // Zeek's rule: without a duration there are no byte counts either.
        side.bytes = duration.map(|_| bytes);
        side
    };
    let error = rare.filter(|rare| rare.icmp_errors > 0);
    Conn {
        ts: cold.start,
        uid: shared.uids.of(&hot.key, cold.start, cold.again()),
        orig_h,
        orig_p,
        resp_h,
        resp_p,
        ip_proto: key.protocol,
        service: None,
        app: None,
        duration,
        conn_state: conn_state(hot, cold, sizes),
        local_orig: shared.is_local(orig_h),
        local_resp: shared.is_local(resp_h),
        history: cold.letters.history(),
        orig: side(orig, sizes[0]),
        resp: side(resp, sizes[1]),
        tunnel_parent: rare
            .filter(|rare| rare.parent != [0; 3])
            .map(|rare| Uid(rare.parent)),
        vlan: vlan(&key).0,
        inner_vlan: vlan(&key).1,
        syn_rtt: span(cold.syn_rtt),
        ack_rtt: span(cold.ack_rtt),
        icmp_errors: rare.map_or(0, |rare| rare.icmp_errors),
        icmp_error: error.map(|rare| (rare.icmp_type, rare.icmp_code)),
        end_reason: reason,
        source: SourceId(cold.source),
    }
}

fn vlan(key: &FlowKey) -> (Option<u16>, Option<u16>) {
    let some = |id| (id != 0).then_some(id);
    (some(key.vlan), some(key.inner_vlan))
}

fn span(span: u32) -> Option<i64> {
    (span != 0).then(|| ticks::nanoseconds(span))
}

/// Payload bytes of one sender.
fn size(hot: &Hot, cold: &Cold, side: usize) -> u64 {
    if is_tcp(hot) {
        tcp::size(hot, cold, side)
    } else {
        other::bytes(hot, side)
    }
}

/// Payload bytes of originator and responder.
pub(crate) fn sizes(hot: &Hot, cold: &Cold) -> [u64; 2] {
    let orig = hot.state.orig();
    [size(hot, cold, orig), size(hot, cold, 1 - orig)]
}

fn side(hot: &Hot, cold: &Cold, loss: Option<&Loss>, rare: Option<&Rare>, which: usize) -> Side {
    let (h, c) = (&hot.sides[which], &cold.sides[which]);
    let loss = loss.map(|loss| loss.sides[which]).unwrap_or_default();
    let rare = rare.map(|rare| rare.sides[which]).unwrap_or_default();
    let rtt = |short: u16| (short != 0).then(|| ticks::nanoseconds(ticks::lengthen(short)));
    let tcp = is_tcp(hot);
    // RFC 7323 section 2.2: scaling is on only if both asked for it; the handshake's own windows are not scaled.
    let shift = match (cold.scale(which), cold.scale(1 - which)) {
        (Some(scale), Some(_)) => scale,
        _ => 0,
    };
    Side {
        pkts: u64::from(c.pkts_high) << 32 | u64::from(h.pkts),
        ip_bytes: u64::from(c.ip_bytes_high) << 32 | u64::from(h.ip_bytes),
        bytes: None,
        missed_bytes: loss.missed,
        retransmits: loss.retransmits,
        out_of_order: loss.out_of_order,
        duplicate_acks: loss.duplicate_acks,
        zero_windows: loss.zero_windows,
        lost_segments: loss.lost_segments,
        duplicates: rare.duplicates,
        bad_checksums: rare.bad_checksums,
        fragments: rare.fragments,
        rtt_min: rtt(h.rtt_min),
        rtt_smoothed: rtt(h.rtt_smoothed),
        mss: (tcp && c.mss != 0).then_some(c.mss),
        window_scale: cold.scale(which).filter(|_| tcp),
        max_window: match (tcp, h.max_window) {
            (false, _) => 0,
            (true, 0) => u32::from(h.window),
            (true, raw) => u32::from(raw) << shift,
        },
    }
}

/// Zeek's `conn_state`; sizes are the originator's and the responder's.
fn conn_state(hot: &Hot, cold: &Cold, sizes: [u64; 2]) -> ConnState {
    let (o, r) = (hot.state.orig(), 1 - hot.state.orig());
    match hot.state.class() {
        Class::Udp => {
            return match (hot.state.seen(o, seen::DATA), hot.state.seen(r, seen::DATA)) {
                (true, true) => ConnState::SF,
                (true, false) => ConnState::S0,
                (false, true) => ConnState::SHR,
                (false, false) => ConnState::OTH,
            };
        }
        Class::Icmp | Class::Other | Class::Free => return ConnState::OTH,
        _ => {}
    }
    let (os, rs) = (hot.state.tcp(o), hot.state.tcp(r));
    let idle = |state| state == st::INACTIVE || state == st::PARTIAL;
    if rs == st::RESET {
        if matches!(os, st::SYN_SENT | st::SYN_ACK_SENT) || (os == st::RESET && sizes == [0, 0]) {
            ConnState::REJ
        } else if idle(os) {
            ConnState::RSTRH
        } else {
            ConnState::RSTR
        }
    } else if os == st::RESET {
        match (idle(rs), cold.letters.syn_then_rst()) {
            (true, true) => ConnState::RSTOS0,
            (true, false) => ConnState::OTH,
            (false, _) => ConnState::RSTO,
        }
    } else if os == st::CLOSED && rs == st::CLOSED {
        ConnState::SF
    } else if os == st::CLOSED {
        if idle(rs) {
            ConnState::SH
        } else {
            ConnState::S2
        }
    } else if rs == st::CLOSED {
        if idle(os) {
            ConnState::SHR
        } else {
            ConnState::S3
        }
    } else if os == st::SYN_SENT && rs == st::INACTIVE {
        ConnState::S0
    } else if os == st::ESTABLISHED && rs == st::ESTABLISHED {
        ConnState::S1
    } else {
        ConnState::OTH
    }
}

/// Makes of a record with totals one of what was added since the snapshot, and a snapshot of the totals.
pub(crate) fn since(conn: &mut Conn, snapshot: &mut Snapshot, sizes: [u64; 2], until: i64) {
    conn.ts = snapshot.time;
    conn.duration = Some(until.saturating_sub(snapshot.time)).filter(|d| *d > 0);
    let errors = conn.icmp_errors;
    conn.icmp_errors = errors.saturating_sub(snapshot.icmp_errors);
    snapshot.icmp_errors = errors;
    snapshot.time = until;
    for ((side, before), size) in [&mut conn.orig, &mut conn.resp]
        .into_iter()
        .zip(&mut snapshot.sides)
        .zip(sizes)
    {
        let now = SnapshotSide {
            pkts: side.pkts,
            ip_bytes: side.ip_bytes,
            bytes: size,
            missed: side.missed_bytes,
            retransmits: side.retransmits,
            out_of_order: side.out_of_order,
            duplicate_acks: side.duplicate_acks,
            zero_windows: side.zero_windows,
            lost_segments: side.lost_segments,
            duplicates: side.duplicates,
            bad_checksums: side.bad_checksums,
            fragments: side.fragments,
        };
        side.pkts = now.pkts.saturating_sub(before.pkts);
        side.ip_bytes = now.ip_bytes.saturating_sub(before.ip_bytes);
        side.bytes = Some(now.bytes.saturating_sub(before.bytes));
        side.missed_bytes = now.missed.saturating_sub(before.missed);
        side.retransmits = now.retransmits.saturating_sub(before.retransmits);
        side.out_of_order = now.out_of_order.saturating_sub(before.out_of_order);
        side.duplicate_acks = now.duplicate_acks.saturating_sub(before.duplicate_acks);
        side.zero_windows = now.zero_windows.saturating_sub(before.zero_windows);
        side.lost_segments = now.lost_segments.saturating_sub(before.lost_segments);
        side.duplicates = now.duplicates.saturating_sub(before.duplicates);
        side.bad_checksums = now.bad_checksums.saturating_sub(before.bad_checksums);
        side.fragments = now.fragments.saturating_sub(before.fragments);
        *before = now;
    }
}
