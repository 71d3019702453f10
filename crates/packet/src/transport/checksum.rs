//! Internet checksums (RFC 1071): of IPv4 headers, TCP, UDP, UDP-Lite, ICMP and ICMPv6.
//!
//! A sender whose NIC computes the checksum leaves the sum of the pseudo-header in the field, not
//! complemented, and a capture on the sender sees that. Such partial sums count as good.

use super::protocol;
use crate::bytes::u16_at;
use crate::network::Datagram;
use crate::tunnel;

/// Whether an IPv4 header's checksum is right. A field of 0 was left for the NIC to fill in.
#[inline]
pub(crate) fn ipv4_header(header: &[u8]) -> bool {
    // Nearly all headers are of this size: five words, no loop.
    let sum = match header.first_chunk::<20>() {
        Some(plain) if header.len() == 20 => {
            let (words, _) = plain.as_chunks::<4>();
            words
                .iter()
                .map(|word| u64::from(u32::from_ne_bytes(*word)))
                .sum()
        }
        _ => sum(header),
    };
    fold(sum) == 0xffff || u16_at(header, 10) == Some(0)
}

/// Whether the checksum of a wholly captured, unfragmented transport packet is right, or there is none to verify.
#[inline(never)]
pub(crate) fn transport(datagram: &Datagram, bytes: &[u8]) -> bool {
    // Where the field is, how much it covers, and whether there is a pseudo-header.
    let length = bytes.len();
    let (at, covered, pseudo) = match datagram.protocol {
        protocol::TCP => (16, length, true),
        protocol::UDP => match u16_at(bytes, 4).map_or(0, usize::from) {
            0 => (6, length, true),
            stated => (6, stated, true),
        },
        protocol::UDP_LITE => match u16_at(bytes, 4).map_or(0, usize::from) {
            0 => (6, length, true),
            coverage => (6, coverage, true),
        },
        protocol::ICMP => (2, length, false),
        protocol::ICMPV6 => (2, length, true),
        _ => return true,
    };
    let (Some(field), Some(covered)) = (u16_at(bytes, at), bytes.get(..covered)) else {
        // Too short to have one: malformed in other ways.
        return true;
    };
    if field == 0 && datagram.protocol == protocol::UDP && may_have_none(datagram, bytes) {
        return true;
    }
    let body = sum(covered);
    if !pseudo {
        return fold(body) == 0xffff;
    }
    // UDP-Lite's pseudo-header has the length of the IP payload (RFC 3828 section 3.1), UDP's its own length.
    let stated = if datagram.protocol == protocol::UDP {
        covered.len()
    } else {
        length
    };
    let addresses = address(&datagram.source) + address(&datagram.destination);
    // IPv4-mapped addresses begin with ten zero bytes and two of 0xff, which add nothing to a folded sum.
    let without_length = addresses + u64::from(u16::from(datagram.protocol).to_be());
    let with_length = without_length + native_length(stated);
    if fold(body + with_length) == 0xffff {
        return true;
    }
    // Not complete: a partial sum, with the length or, for segmentation offload, without; or a
    // segment too large for its length to have been in the field's sum.
    let field = field.to_be();
    field == fold(with_length) || field == fold(without_length) || length > 0xffff
}

/// Whether a UDP datagram may go without a checksum: over IPv4 (RFC 768), and over IPv6 where it carries a tunnel (RFC 6935 section 5).
#[cold]
fn may_have_none(datagram: &Datagram, bytes: &[u8]) -> bool {
    let is_tunnel = |at| u16_at(bytes, at).is_some_and(tunnel::is_port);
    datagram.version == 4 || is_tunnel(0) || is_tunnel(2)
}

/// The sum of an address.
#[inline(always)]
fn address(bytes: &[u8; 16]) -> u64 {
    halves(u128::from_ne_bytes(*bytes))
}

/// The sum of a 32-bit length's two halves, as words in memory order.
fn native_length(length: usize) -> u64 {
    u64::from((length as u32).to_be())
}

/// The sum of the 16-bit words of `bytes` in memory order, not folded. Byte order does not matter to one's
/// complement sums (RFC 1071 section 2), so words are read as the machine has them, four at a time.
#[inline]
fn sum(bytes: &[u8]) -> u64 {
    let (chunks, tail) = bytes.as_chunks::<64>();
    // Lanes of 32-bit words in 64 bits never carry over, and the compiler makes vector additions of them.
    let mut lanes = [0u64; 8];
    for chunk in chunks {
        let (words, _) = chunk.as_chunks::<4>();
        let (front, back) = words.split_at(8);
        for (lane, (a, b)) in lanes.iter_mut().zip(front.iter().zip(back)) {
            *lane += u64::from(u32::from_ne_bytes(*a)) + u64::from(u32::from_ne_bytes(*b));
        }
    }
    let (quads, tail) = tail.as_chunks::<4>();
    let mut rest: u64 = lanes.iter().sum();
    for quad in quads {
        rest += u64::from(u32::from_ne_bytes(*quad));
    }
    rest + match *tail {
        [a, b, c] => u64::from(u16::from_ne_bytes([a, b])) + u64::from(u16::from_ne_bytes([c, 0])),
        [a, b] => u64::from(u16::from_ne_bytes([a, b])),
        [a] => u64::from(u16::from_ne_bytes([a, 0])),
        _ => 0,
    }
}

/// The sum of a number's 32-bit parts.
#[inline(always)]
fn halves(sum: u128) -> u64 {
    let (low, high) = (sum as u64, (sum >> 64) as u64);
    (low & 0xffff_ffff) + (low >> 32) + (high & 0xffff_ffff) + (high >> 32)
}

/// One's complement addition of a sum's 16-bit words.
#[inline]
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_fold_as_rfc_1071_shows() {
        // RFC 1071 section 3: the numerical example.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(sum(&bytes)), 0xddf2u16.to_be());
    }

    #[test]
    fn long_and_odd_inputs_sum_as_a_plain_loop_does() {
        let bytes: Vec<u8> = (0..1501u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        for end in 0..bytes.len() {
            let slow: u64 = bytes[..end]
                .chunks(2)
                .map(|c| u64::from(u16::from_be_bytes([c[0], c.get(1).copied().unwrap_or(0)])))
                .sum();
            assert_eq!(fold(sum(&bytes[..end])), fold(slow).to_be(), "{end} bytes");
        }
    }
}
