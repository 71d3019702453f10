//! ICMP (RFC 792) and ICMPv6 (RFC 4443), with ports made of type and code as Zeek makes them.

use super::{Segment, Transport, protocol};
use crate::bytes::u16_at;
use crate::view::{View, ViewFlags};

/// Type and code, and the ports: the type is the sender's, and the receiver's is the type that answers
/// it, or the code where no type does.
pub(super) fn read(number: u8, segment: Segment<'_>, view: &mut View) -> Transport {
    const HEADER: usize = 8;
    if segment.wire < 4 && !segment.fragment {
        view.flags.set(ViewFlags::MALFORMED_TRANSPORT);
    } else if segment.bytes.len() < 4 {
        view.flags.set(ViewFlags::TRUNCATED_TRANSPORT);
    }
    let (kind, code) = match segment.bytes {
        [kind, code, ..] => (*kind, *code),
        _ => (0, 0),
    };
    view.tcp_window = u16_at(segment.bytes, 2).unwrap_or(0);
    view.icmp_type = kind;
    view.icmp_code = code;
    let answer = if number == protocol::ICMP {
        answer_v4(kind)
    } else {
        answer_v6(kind)
    };
    Transport {
        source_port: u16::from(kind),
        destination_port: u16::from(answer.unwrap_or(code)),
        header: HEADER,
        length: segment.wire,
        one_way: answer.is_none(),
    }
}

/// The ICMP type that answers, or is answered by, `kind`.
fn answer_v4(kind: u8) -> Option<u8> {
    Some(match kind {
        // Echo.
        8 => 0,
        0 => 8,
        // Router solicitation and advertisement (RFC 1256).
        10 => 9,
        9 => 10,
        // Timestamp.
        13 => 14,
        14 => 13,
        // Information.
        15 => 16,
        16 => 15,
        // Address mask (RFC 950).
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// The ICMPv6 type that answers, or is answered by, `kind`.
fn answer_v6(kind: u8) -> Option<u8> {
    Some(match kind {
        // Echo.
        128 => 129,
        129 => 128,
        // Multicast listener query and report (RFC 2710).
        130 => 131,
        131 => 130,
        // Router solicitation and advertisement, neighbour solicitation and advertisement (RFC 4861).
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        // Node information (RFC 4620).
        139 => 140,
        140 => 139,
        // Home agent address discovery (RFC 6275).
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

/// Whether messages of this type quote the packet that they are about, right behind their header.
pub(super) fn quotes(number: u8, kind: u8) -> bool {
    match number {
        // Unreachable, source quench, redirect, time exceeded, parameter problem.
        protocol::ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        // Unreachable, packet too big, time exceeded, parameter problem.
        protocol::ICMPV6 => matches!(kind, 1..=4),
        _ => false,
    }
}
