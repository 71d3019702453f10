//! One packet.

use crate::bytes::Reader;

/// Packets in a datagram of RTCP that are followed.
const MAX_COMPOUND: usize = 32;

/// What of a packet of RTP is looked at.
#[derive(Clone, Copy)]
pub(super) struct Packet {
    pub(super) payload_type: u8,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

impl Packet {
    /// A packet without mixed sources and padding, as nearly all are, of a type that is assigned or dynamic (RFC 3551 section 6), with a payload.
    pub(super) fn parse(bytes: &[u8]) -> Option<Packet> {
        const EXTENDED: u8 = 0x10;
        let mut reader = Reader::new(bytes);
        let [first, second] = reader.array()?;
        let payload_type = second & 0x7f;
        let assigned = matches!(payload_type, 0 | 3..=18 | 25 | 26 | 28 | 31..=34 | 96..=127);
        if first & !EXTENDED != 0x80 || !assigned {
            return None;
        }
        let packet = Packet {
            payload_type,
            sequence: reader.u16()?,
            timestamp: reader.u32()?,
            ssrc: reader.u32()?,
        };
        if first & EXTENDED != 0 {
            reader.u16()?;
            let words = usize::from(reader.u16()?);
            reader.take(words * 4)?;
        }
        (packet.ssrc != 0 && !reader.is_empty()).then_some(packet)
    }

    /// Ticks of its timestamp in a second, where the type says it (RFC 3551 section 6).
    pub(super) fn clock_rate(self) -> Option<i64> {
        match self.payload_type {
            0 | 3..=5 | 7..=9 | 12 | 13 | 15 | 18 => Some(8_000),
            6 => Some(16_000),
            10 | 11 => Some(44_100),
            14 | 25 | 26 | 28 | 31..=34 => Some(90_000),
            16 => Some(11_025),
            17 => Some(22_050),
            _ => None,
        }
    }
}

/// Whether it is a datagram of RTCP: a report, then packets of known types that fill it (RFC 3550 appendix A.2).
pub(super) fn is_rtcp(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    for number in 0..MAX_COMPOUND {
        if reader.is_empty() {
            return number > 0;
        }
        let Some([first, kind]) = reader.array() else {
            return false;
        };
        let types = if number == 0 { 200..=201 } else { 200..=207 };
        if first >> 6 != 2 || !types.contains(&kind) {
            return false;
        }
        let body = reader
            .u16()
            .and_then(|words| reader.take(usize::from(words) * 4));
        // Who reports; for a sender, what was sent; and a block for each source that is reported on.
        let fixed = if kind == 200 { 24 } else { 4 };
        let blocks = 24 * usize::from(first & 0x1f);
        match body {
            Some(body) if number > 0 || body.len() >= fixed + blocks => {}
            _ => return false,
        }
    }
    false
}
