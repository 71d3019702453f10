//! Headers to a key: Ethernet with up to two VLAN tags, IPv4 and IPv6 without a header chain, ports of whatever comes next.

/// A conversation, both directions: for IPv4 two words, for IPv6 five. The version is the first word's top byte.
#[derive(Clone, Copy, Default)]
pub(crate) struct Key {
    pub(crate) words: [u64; 5],
}

const VERSION_SHIFT: u32 = 56;
const PROTOCOL_SHIFT: u32 = 48;

impl Key {
    /// Whether only the first two words count.
    #[inline]
    pub(crate) fn is_v4(&self) -> bool {
        Key::first_is_v4(self.words[0])
    }

    /// The same, by the first word.
    #[inline]
    pub(crate) fn first_is_v4(first: u64) -> bool {
        first >> VERSION_SHIFT == 4
    }

    /// A hash that mixes all words: products of 64 by 64 bits, folded.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        let first = fold(
            self.words[0] ^ 0x9E37_79B9_7F4A_7C15,
            self.words[1] ^ 0xE703_7ED1_A0B4_28DB,
        );
        if self.is_v4() {
            return first;
        }
        let second = fold(self.words[2] ^ first, self.words[3] ^ 0x8EBC_6AF0_9C88_C6E3);
        fold(self.words[4] ^ second, 0x5899_65CC_7537_4CC3)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The key of a frame and the length of its IP packet; `None` if it is not IP.
#[inline]
pub(crate) fn parse(frame: &[u8]) -> Option<(Key, u64)> {
    // Nearly all: Ethernet, IPv4 without options, ports.
    if let Some(head) = frame.first_chunk::<38>()
        && head[12] == 0x08
        && head[13] == 0x00
        && head[14] == 0x45
    {
        let source = end_v4(head, 26, 34);
        let destination = end_v4(head, 30, 36);
        return Some((key_v4(source, destination, head[23]), be16(head, 16).into()));
    }
    parse_slow(frame)
}

#[inline(never)]
fn parse_slow(frame: &[u8]) -> Option<(Key, u64)> {
    let mut at = 12;
    let mut ethertype = be16(frame.get(at..at + 2)?, 0);
    for _ in 0..2 {
        if matches!(ethertype, 0x8100 | 0x88a8) {
            at += 4;
            ethertype = be16(frame.get(at..at + 2)?, 0);
        }
    }
    let ip = frame.get(at + 2..)?;
    match ethertype {
        0x0800 => {
            let head = ip.first_chunk::<20>()?;
            let ports = ip
                .get(usize::from(head[0] & 15) * 4..)
                .and_then(|transport| transport.first_chunk::<4>())
                .unwrap_or(&[0; 4]);
            let end =
                |address, port| u64::from(be32(head, address)) << 16 | u64::from(be16(ports, port));
            Some((
                key_v4(end(12, 0), end(16, 2), head[9]),
                be16(head, 2).into(),
            ))
        }
        0x86dd => {
            let head = ip.first_chunk::<44>()?;
            let source = (be128(head, 8), be16(head, 40));
            let destination = (be128(head, 24), be16(head, 42));
            let (low, high) = if source <= destination {
                (source, destination)
            } else {
                (destination, source)
            };
            let words = [
                6 << VERSION_SHIFT
                    | u64::from(head[6]) << PROTOCOL_SHIFT
                    | u64::from(low.1) << 16
                    | u64::from(high.1),
                (low.0 >> 64) as u64,
                low.0 as u64,
                (high.0 >> 64) as u64,
                high.0 as u64,
            ];
            Some((Key { words }, 40 + u64::from(be16(head, 4))))
        }
        _ => None,
    }
}

/// Address and port as one number.
#[inline]
fn end_v4(head: &[u8; 38], address: usize, port: usize) -> u64 {
    u64::from(be32(head, address)) << 16 | u64::from(be16(head, port))
}

#[inline]
fn key_v4(source: u64, destination: u64, protocol: u8) -> Key {
    let (low, high) = (source.min(destination), source.max(destination));
    let tag = 4 << VERSION_SHIFT | u64::from(protocol) << PROTOCOL_SHIFT;
    Key {
        words: [tag | low, high, 0, 0, 0],
    }
}

#[inline]
fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline]
fn be128(bytes: &[u8; 44], at: usize) -> u128 {
    (0..4).fold(0, |sum, word| {
        sum << 32 | u128::from(be32(bytes, at + word * 4))
    })
}
