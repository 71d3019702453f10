//! What a packet says before its flow is looked at: who began, and whether it was seen before.

use portreeve_packet::{TcpFlags, View, ViewFlags};

use crate::ports::PortSet;
use crate::slot::{Class, Hot};

/// A packet with the IP identification of the one before it is a copy within this time, nanoseconds.
pub(crate) const COPY_WITHIN: i64 = 20_000_000;
/// A packet without identification and otherwise the same is one within this.
const BLIND_COPY_WITHIN: i64 = 100_000;

/// Whether the sender of a flow's first packet is its responder (Zeek's heuristics).
pub(crate) fn flips(view: &View, class: Class, ports: &PortSet) -> bool {
    let (source, destination, to) = if view.high_to_low() {
        (view.key.high_port, view.key.low_port, &view.key.low_addr)
    } else {
        (view.key.low_port, view.key.high_port, &view.key.high_addr)
    };
    let flip = match class {
        Class::Udp => ports.has_udp(source) && !ports.has_udp(destination),
        Class::TcpHandshake => {
            let f = view.tcp_flags.0;
            let syn = f & TcpFlags::SYN != 0;
            let begins = syn && f & TcpFlags::ACK == 0;
            !begins
                && ports.has_tcp(source)
                && (!ports.has_tcp(destination) || (!syn && source < destination))
        }
        _ => false,
    };
    flip && !(view.key.version == 4 && to[12..] == [255; 4])
}

/// Whether a packet is a copy of its sender's last one: mirror ports and routing loops show packets twice.
pub(crate) fn is_copy(hot: &Hot, view: &View, side: usize) -> bool {
    let fragment = ViewFlags::FIRST_FRAGMENT.0 | ViewFlags::LATER_FRAGMENT.0;
    let (mine, theirs) = (&hot.sides[side], &hot.sides[1 - side]);
    // `pkts` counts this packet already.
    if mine.pkts < 2 || view.flags.0 & fragment != 0 {
        return false;
    }
    let since = view.timestamp.saturating_sub(hot.last);
    let id = view.ip_id as u16;
    let limit = if id != 0 && view.key.version == 4 {
        COPY_WITHIN
    } else {
        BLIND_COPY_WITHIN
    };
    if !(0..=limit).contains(&since) || id != hot.ip_ids[side] {
        return false;
    }
    if view.key.protocol == 6 {
        let f = view.tcp_flags;
        let end = view
            .tcp_seq
            .wrapping_add(view.payload_len)
            .wrapping_add(u32::from(f.syn()))
            .wrapping_add(u32::from(f.fin()));
        return end == mine.seq
            && view.tcp_window == mine.window
            && (!f.ack() || view.tcp_ack == theirs.acked)
            && (id != 0 || view.payload_len > 0);
    }
    id != 0 && likeness(view) == mine.rtt_ack
}

/// What two packets of one sender that are not TCP have in common if one is a copy of the other: length and checksum. There
/// are senders whose IP identification never changes.
#[inline(always)]
pub(crate) fn likeness(view: &View) -> u32 {
    view.ip_len ^ u32::from(view.tcp_window) << 16
}
