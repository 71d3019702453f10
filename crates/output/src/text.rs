//! Numbers, times and addresses as text, written to the beginning of a [`Room`]: each says how many bytes it took.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

pub use crate::draft::{ROOM, Room};

/// How moments are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeFormat {
    /// Seconds since 1970 with six decimals, as Zeek does: `1300475167.096535`.
    #[default]
    Epoch,
    /// The same with nine decimals.
    EpochNs,
    /// `2011-03-18T19:06:07.096535Z`.
    Iso8601,
    /// The same with nine decimals.
    Iso8601Ns,
}

impl TimeFormat {
    /// Digits after the decimal point of moments and intervals.
    #[must_use]
    pub fn decimals(self) -> Decimals {
        match self {
            TimeFormat::Epoch | TimeFormat::Iso8601 => Decimals::Six,
            TimeFormat::EpochNs | TimeFormat::Iso8601Ns => Decimals::Nine,
        }
    }

    /// Whether moments are written as dates, not numbers.
    #[must_use]
    pub fn is_iso(self) -> bool {
        matches!(self, TimeFormat::Iso8601 | TimeFormat::Iso8601Ns)
    }
}

/// Digits after the decimal point of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimals {
    /// Microseconds; what is below is cut off, as a capture with microseconds would have done.
    Six,
    /// Nanoseconds.
    Nine,
}

/// Appends what `write` makes to `out`.
pub fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut Room) -> usize) {
    let mut room = [0; ROOM];
    let len = write(&mut room);
    out.extend_from_slice(room.get(..len).unwrap_or_default());
}

const BILLION: u64 = 1_000_000_000;

/// Eight zeros in ASCII.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight decimal digits of `value`, which must be below 10^8, one a byte, the first in the lowest.
///
/// Halves are divided side by side in one word: four digits each, then two, then one. The multiplications stand for
/// divisions by 100 and 10, exact in these ranges.
#[inline(always)]
fn eight(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - tens * 10) << 8)
}

/// Eight digits are made at a time.
const HALF: u64 = 100_000_000;

/// A decimal number. (A function that calls none for most, so that it needs no frame.)
#[inline(never)]
pub fn number(room: &mut Room, value: u64) -> usize {
    if value < HALF {
        leading(room, value)
    } else {
        many_digits(room, value)
    }
}

#[inline(never)]
fn many_digits(room: &mut Room, value: u64) -> usize {
    let (mut len, rest) = if value >= HALF * HALF {
        let len = leading(room, value / (HALF * HALF));
        put(room, len, eight(value / HALF % HALF) | ZEROS);
        (len + 8, value % HALF)
    } else {
        (leading(room, value / HALF), value % HALF)
    };
    put(room, len, eight(rest) | ZEROS);
    len += 8;
    len
}

/// Writes eight characters at `at`.
#[inline(always)]
fn put(room: &mut Room, at: usize, characters: u64) {
    if let Some(slot) = room.get_mut(at..at + 8) {
        slot.copy_from_slice(&characters.to_le_bytes());
    }
}

/// A number below 10^8, without leading zeros.
#[inline(always)]
fn leading(room: &mut Room, value: u64) -> usize {
    let digits = eight(value);
    // The highest bit, so that the last digit of 0 stays.
    let zeros = (digits | 1 << 63).trailing_zeros() & !7;
    put(room, 0, (digits | ZEROS) >> zeros);
    8 - zeros as usize / 8
}

/// A decimal number with its sign.
#[inline(never)]
pub fn signed(room: &mut Room, value: i64) -> usize {
    let len = number(room, value.unsigned_abs());
    if value < 0 { minus(room, len) } else { len }
}

/// Puts a minus before what stands in the room.
fn minus(room: &mut Room, len: usize) -> usize {
    room.copy_within(..ROOM - 1, 1);
    room[0] = b'-';
    len + 1
}

/// The point and the decimals, from `at` on.
#[inline(always)]
fn fraction(room: &mut Room, at: usize, nanoseconds: u64, decimals: Decimals) -> usize {
    match decimals {
        Decimals::Six => {
            // The first two of eight digits are zeros: the second gives way to the point.
            let text = ((eight(nanoseconds / 1000) | ZEROS) >> 8 & !0xff) | u64::from(b'.');
            put(room, at, text);
            at + 7
        }
        Decimals::Nine => {
            put(room, at, u64::from(b'.'));
            put(room, at + 1, eight(nanoseconds / 10) | ZEROS);
            put(room, at + 9, (nanoseconds % 10) | ZEROS);
            at + 10
        }
    }
}

/// Nanoseconds as seconds: `-1.500000`.
#[inline(never)]
pub fn seconds(room: &mut Room, nanoseconds: i64, decimals: Decimals) -> usize {
    // Most intervals: one digit, the point and six digits are one word.
    if (0..10 * BILLION as i64).contains(&nanoseconds) && decimals == Decimals::Six {
        let digits = eight(nanoseconds as u64 / 1000) | ZEROS;
        // The first digit of eight is 0; the second, the whole seconds, goes there and makes room for the point.
        let text = (digits & !0xffff) | (digits >> 8 & 0xff) | u64::from(b'.') << 8;
        put(room, 0, text);
        8
    } else {
        any_seconds(room, nanoseconds, decimals)
    }
}

#[inline(never)]
fn any_seconds(room: &mut Room, nanoseconds: i64, decimals: Decimals) -> usize {
    let size = nanoseconds.unsigned_abs();
    let len = number(room, size / BILLION);
    let len = fraction(room, len, size % BILLION, decimals);
    if nanoseconds < 0 {
        minus(room, len)
    } else {
        len
    }
}

/// A moment in civil terms, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year of the Gregorian calendar.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Nanoseconds of the second.
    pub nanosecond: u32,
}

impl Civil {
    /// The moment `nanoseconds` after 1970-01-01 UTC.
    #[must_use]
    pub fn from_nanoseconds(nanoseconds: i64) -> Self {
        let whole = nanoseconds.div_euclid(BILLION as i64);
        let nanosecond = nanoseconds.rem_euclid(BILLION as i64) as u32;
        let days = whole.div_euclid(86_400);
        let of_day = whole.rem_euclid(86_400);
        // Days to date over eras of 400 years that begin on a first of March, so that leap days come last.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: day as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            nanosecond,
        }
    }
}

/// `00` to `99`.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut i = 0;
    while i < pairs.len() {
        pairs[i] = [b'0' + i as u8 / 10, b'0' + i as u8 % 10];
        i += 1;
    }
    pairs
};

/// The date and time parts, divided by the given characters: `2011-03-18T19:06:07`. Of years the last four digits.
pub fn civil(room: &mut Room, at: Civil, date: u8, between: u8, time: u8) -> usize {
    let pair = |value: u8| PAIRS[usize::from(value % 100)];
    let years = at.year.rem_euclid(10_000);
    let [c, d] = pair((years / 100) as u8);
    let [y, z] = pair((years % 100) as u8);
    let [m, n] = pair(at.month);
    let [e, f] = pair(at.day);
    let [g, h] = pair(at.hour);
    let [i, j] = pair(at.minute);
    let [s, t] = pair(at.second);
    room[..19].copy_from_slice(&[
        c, d, y, z, date, m, n, date, e, f, between, g, h, time, i, j, time, s, t,
    ]);
    19
}

/// A moment as ISO 8601, without zone: it is UTC.
#[inline(never)]
pub fn iso8601(room: &mut Room, nanoseconds: i64, decimals: Decimals) -> usize {
    let at = Civil::from_nanoseconds(nanoseconds);
    let len = civil(room, at, b'-', b'T', b':');
    fraction(room, len, at.nanosecond.into(), decimals)
}

/// An address.
#[inline(never)]
pub fn address(room: &mut Room, address: IpAddr) -> usize {
    match address {
        IpAddr::V4(v4) => dotted(room, 0, v4.octets()),
        IpAddr::V6(v6) => ipv6(room, v6),
    }
}

/// Each octet with a point behind it, and how long that is.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut i = 0;
    while i < octets.len() {
        let digits = [
            b'0' + (i / 100) as u8,
            b'0' + (i / 10 % 10) as u8,
            b'0' + (i % 10) as u8,
        ];
        let skip = if i >= 100 {
            0
        } else if i >= 10 {
            1
        } else {
            2
        };
        let mut at = skip;
        while at < 3 {
            octets[i].0[at - skip] = digits[at];
            at += 1;
        }
        octets[i].1 = 4 - skip as u8;
        i += 1;
    }
    octets
};

#[inline(always)]
fn dotted(room: &mut Room, mut at: usize, octets: [u8; 4]) -> usize {
    for octet in octets {
        let (octet, len) = &OCTETS[usize::from(octet)];
        if let Some(slot) = room.get_mut(at..at + 4) {
            slot.copy_from_slice(octet);
        }
        at += usize::from(*len);
    }
    // But for the last point.
    at - 1
}

/// RFC 5952: lower case, no leading zeros, the longest run of zero groups (two at least, the first of equals) as `::`.
#[inline(never)]
fn ipv6(room: &mut Room, address: Ipv6Addr) -> usize {
    if let Some(v4) = address.to_ipv4_mapped() {
        room[..7].copy_from_slice(b"::ffff:");
        return dotted(room, 7, v4.octets());
    }
    let groups = address.segments();
    let (mut best, mut best_len) = (groups.len(), 1);
    let (mut run, mut run_len) = (0, 0);
    for (i, &group) in groups.iter().enumerate() {
        if group != 0 {
            run_len = 0;
            continue;
        }
        if run_len == 0 {
            run = i;
        }
        run_len += 1;
        if run_len > best_len {
            (best, best_len) = (run, run_len);
        }
    }
    // Each group with a colon behind it; the run of zeros is one colon more.
    let mut at = 0;
    let mut i = 0;
    if best == 0 {
        at = colon(room, at);
    }
    while let Some(&value) = groups.get(i) {
        if i == best {
            at = colon(room, at);
            i += best_len;
        } else {
            at = group(room, at, value);
            i += 1;
        }
    }
    // But for the last colon, unless it is of the run.
    at - usize::from(best + best_len != groups.len())
}

#[inline(always)]
fn colon(room: &mut Room, at: usize) -> usize {
    if let Some(slot) = room.get_mut(at) {
        *slot = b':';
    }
    at + 1
}

/// A group's hexadecimal digits without leading zeros, and a colon.
#[inline(always)]
fn group(room: &mut Room, at: usize, group: u16) -> usize {
    let digit = |shift: u32| u64::from(HEX[usize::from(group >> shift & 15)]);
    let digits = digit(12) | digit(8) << 8 | digit(4) << 16 | digit(0) << 24;
    let text = digits | u64::from(b':') << 32;
    let zeros = (group | 1).leading_zeros() / 4;
    put(room, at, text >> (zeros * 8));
    at + 5 - zeros as usize
}

/// The hexadecimal digits.
pub const HEX: &[u8; 16] = b"0123456789abcdef";

/// A real number so that it reads back the same, always with a point or exponent; `None` for what is no number.
pub fn double(room: &mut Room, value: f64) -> Option<usize> {
    if !value.is_finite() {
        return None;
    }
    let mut rest = &mut room[..];
    write!(rest, "{value:?}").ok()?;
    let left = rest.len();
    Some(ROOM - left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Room) -> usize) -> String {
        let mut room = [b'?'; ROOM];
        let len = write(&mut room);
        String::from_utf8(room[..len].to_vec()).unwrap()
    }

    #[test]
    fn seconds_have_fixed_decimals() {
        let at = |ns, d| text(|out| seconds(out, ns, d));
        assert_eq!(
            at(1_300_475_167_096_535_999, Decimals::Six),
            "1300475167.096535"
        );
        assert_eq!(
            at(1_300_475_167_096_535_999, Decimals::Nine),
            "1300475167.096535999"
        );
        assert_eq!(at(0, Decimals::Six), "0.000000");
        assert_eq!(at(-1_500_000_000, Decimals::Six), "-1.500000");
        assert_eq!(at(i64::MIN, Decimals::Nine), "-9223372036.854775808");
    }

    #[test]
    fn dates_known_from_elsewhere() {
        let at = |s: i64| text(|out| iso8601(out, s * 1_000_000_000, Decimals::Six));
        assert_eq!(at(0), "1970-01-01T00:00:00.000000");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000000");
        assert_eq!(at(1_300_475_167), "2011-03-18T19:06:07.000000");
        assert_eq!(at(4_107_542_399), "2100-02-28T23:59:59.000000");
        assert_eq!(at(-1), "1969-12-31T23:59:59.000000");
        text(|out| iso8601(out, i64::MIN, Decimals::Nine));
        text(|out| iso8601(out, i64::MAX, Decimals::Nine));
    }

    #[test]
    fn numbers_at_their_edges() {
        let mut power = 1u64;
        for _ in 0..20 {
            for value in [power - 1, power, power + 1, power / 7 * 9] {
                assert_eq!(text(|out| number(out, value)), value.to_string());
            }
            power = power.wrapping_mul(10);
        }
        for value in [u64::MAX, u64::MAX - 1, 10, 99, 100] {
            assert_eq!(text(|out| number(out, value)), value.to_string());
        }
        for value in [i64::MIN, -10, -1, 0, i64::MAX] {
            assert_eq!(text(|out| signed(out, value)), value.to_string());
        }
    }

    #[test]
    fn every_octet() {
        for octet in 0..=255 {
            let octets = [octet, 255 - octet, 0, octet];
            let expected = std::net::Ipv4Addr::from(octets).to_string();
            assert_eq!(text(|out| dotted(out, 0, octets)), expected);
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_writes_them(value in any::<u64>(), shift in 0..64u32) {
            prop_assert_eq!(text(|out| number(out, value >> shift)), (value >> shift).to_string());
        }

        #[test]
        fn seconds_are_the_number_cut_off(value in any::<i64>(), shift in 0..63u32) {
            let value = value >> shift;
            let (whole, part) = (value.unsigned_abs() / BILLION, value.unsigned_abs() % BILLION);
            let sign = if value < 0 { "-" } else { "" };
            prop_assert_eq!(text(|out| seconds(out, value, Decimals::Nine)), format!("{sign}{whole}.{part:09}"));
            prop_assert_eq!(text(|out| seconds(out, value, Decimals::Six)), format!("{sign}{whole}.{:06}", part / 1000));
        }

        #[test]
        fn ipv6_is_written_as_the_standard_library_writes_it(groups in prop::array::uniform8(prop_oneof![Just(0u16), Just(0u16), any::<u16>()])) {
            let address = Ipv6Addr::from(groups);
            prop_assert_eq!(text(|out| ipv6(out, address)), address.to_string());
        }

        #[test]
        fn doubles_read_back(value in any::<f64>()) {
            let mut room = [0; ROOM];
            if let Some(len) = double(&mut room, value) {
                prop_assert_eq!(std::str::from_utf8(&room[..len]).unwrap().parse::<f64>().unwrap(), value);
            } else {
                prop_assert!(!value.is_finite());
            }
        }
    }
}
