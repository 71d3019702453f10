//! One message.

use std::net::Ipv4Addr;

use portreeve_record::app::ntp::Ntp as Record;

use crate::bytes::Reader;
use crate::text::text;

/// Bytes of a message of modes 1 to 5 without extensions and digest.
const STANDARD: usize = 48;
/// Bytes of a control message without data (RFC 9327 section 2).
const CONTROL: usize = 12;
/// Bytes of a private message without data.
const PRIVATE: usize = 8;
/// What is no longer than this behind the fixed part is a digest and its key's number (RFC 7822 section 7.5).
const MAX_DIGEST: usize = 24;
/// The shortest extension field.
const MIN_EXTENSION: usize = 16;
/// From 1900 to 1970, seconds.
const EPOCH: i64 = 2_208_988_800;

/// The first byte.
#[derive(Clone, Copy)]
pub(super) struct Header {
    leap: u8,
    version: u8,
    mode: u8,
}

impl Header {
    /// The first byte, if it can be one: versions 1 to 4, modes 1 to 7.
    pub(super) fn parse(bytes: &[u8]) -> Option<Header> {
        let &first = bytes.first()?;
        let header = Header {
            leap: first >> 6,
            version: first >> 3 & 7,
            mode: first & 7,
        };
        (matches!(header.version, 1..=4) && header.mode != 0).then_some(header)
    }

    /// Whether it is of a mode that sets clocks.
    pub(super) fn is_standard(self) -> bool {
        self.mode <= 5
    }

    /// Whether the rest goes with it.
    pub(super) fn is_plausible(self, bytes: &[u8]) -> bool {
        match self.mode {
            6 => bytes.len() >= CONTROL,
            7 => bytes.len() >= PRIVATE,
            // Strata end with 16; a clock that is exact to no better than hours is none.
            _ => match bytes {
                [_, stratum, _, precision, ..] => {
                    bytes.len() >= STANDARD && *stratum <= 16 && (*precision as i8) < 16
                }
                _ => false,
            },
        }
    }

    /// Whether it is what a server sends.
    pub(super) fn is_answer(self, bytes: &[u8]) -> bool {
        const RESPONSE: u8 = 0x80;
        match self.mode {
            2 | 4 | 5 => true,
            6 => bytes.get(1).is_some_and(|second| second & RESPONSE != 0),
            7 => self.leap & 2 != 0,
            _ => false,
        }
    }
}

/// A message of modes 1 to 5 as a record without head.
pub(super) fn record(header: Header, bytes: &[u8]) -> Option<Record> {
    let mut reader = Reader::new(bytes);
    let [_, stratum, poll, precision] = reader.array()?;
    let root_delay = reader.u32()? as i32;
    let root_disp = reader.u32()?;
    let reference = reader.array::<4>()?;
    Some(Record {
        version: header.version,
        mode: header.mode,
        leap: header.leap,
        stratum,
        poll: power_of_two(poll as i8),
        precision: power_of_two(precision as i8),
        root_delay: short(root_delay.into()),
        root_disp: short(root_disp.into()),
        ref_id: match stratum {
            0 | 1 => text(&reference),
            _ => Ipv4Addr::from(reference).to_string().into(),
        },
        ref_time: time(reader.u64()?),
        org_time: time(reader.u64()?),
        rec_time: time(reader.u64()?),
        xmt_time: time(reader.u64()?),
        num_exts: if header.version == 4 {
            extensions(reader)
        } else {
            0
        },
        ..Record::default()
    })
}

fn extensions(mut reader: Reader<'_>) -> u32 {
    let mut number = 0;
    while reader.len() > MAX_DIGEST {
        let mut ahead = reader;
        let (_, Some(len)) = (ahead.u16(), ahead.u16()) else {
            break;
        };
        let len = usize::from(len);
        if len < MIN_EXTENSION || reader.take(len).is_none() {
            break;
        }
        number += 1;
    }
    number
}

/// So many seconds, a power of two, as nanoseconds; too many are the most that can be said.
fn power_of_two(exponent: i8) -> i64 {
    (f64::from(exponent).exp2() * 1e9) as i64
}

/// 16 bits of seconds, 16 of fractions.
fn short(number: i64) -> i64 {
    (number * 1_000_000_000) >> 16
}

/// 32 bits of seconds since 1900, 32 of fractions; 0 is unknown, and stays 0 as in Zeek.
fn time(number: u64) -> i64 {
    if number == 0 {
        return 0;
    }
    let seconds = (number >> 32) as i64 - EPOCH;
    let fraction = ((number & 0xffff_ffff) * 1_000_000_000) >> 32;
    seconds * 1_000_000_000 + fraction as i64
}
