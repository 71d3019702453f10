//! From a pcapng interface's units of time to nanoseconds.

/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// How an interface counts time: `if_tsresol` and `if_tsoffset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    unit: Unit,
    /// Nanoseconds to add.
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds each.
    Times(u64),
    /// So many of them a nanosecond.
    Parts(u64),
    /// Two to this power of them a second.
    Binary(u8),
    /// Finer than 64 bits of them can make a nanosecond.
    Nothing,
}

impl Scale {
    /// From `if_tsresol` (a negative power of 10, or of 2 with the highest bit set) and `if_tsoffset` in seconds.
    pub(crate) fn new(resolution: u8, offset: i64) -> Scale {
        let unit = match resolution {
            0..=9 => Unit::Times(10u64.pow(u32::from(9 - resolution))),
            10..=28 => Unit::Parts(10u64.pow(u32::from(resolution - 9))),
            29..=127 => Unit::Nothing,
            128.. => Unit::Binary(resolution & 0x7f),
        };
        Scale {
            unit,
            offset: offset.saturating_mul(NANOS),
        }
    }

    /// The time in nanoseconds since 1970, or the nearest that there is.
    #[inline]
    pub(crate) fn nanoseconds(self, units: u64) -> i64 {
        let nanos = match self.unit {
            Unit::Times(each) => i64::try_from(units.saturating_mul(each)).unwrap_or(i64::MAX),
            Unit::Parts(each) => i64::try_from(units / each).unwrap_or(i64::MAX),
            Unit::Binary(power) => {
                // Under 2^64 * 2^30, so that 128 bits hold it; more than 94 places to the right leave nothing.
                let nanos =
                    (u128::from(units) * u128::from(NANOS.unsigned_abs())) >> power.min(127);
                i64::try_from(nanos).unwrap_or(i64::MAX)
            }
            Unit::Nothing => 0,
        };
        nanos.saturating_add(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_gives_nanoseconds() {
        let at = |resolution, units| Scale::new(resolution, 0).nanoseconds(units);
        assert_eq!(at(0, 3), 3_000_000_000);
        assert_eq!(at(3, 3), 3_000_000);
        assert_eq!(at(6, 1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(at(9, 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(at(12, 1_999), 1);
        assert_eq!(at(28, u64::MAX), 1);
        assert_eq!(at(127, u64::MAX), 0);
        assert_eq!(at(0x80 | 10, 1024 + 512), 1_500_000_000);
        assert_eq!(at(0x80 | 32, 1 << 31), 500_000_000);
        assert_eq!(at(0xff, u64::MAX), 0);
        assert_eq!(at(0, u64::MAX), i64::MAX);
    }

    #[test]
    fn the_offset_is_added_and_never_overflows() {
        assert_eq!(Scale::new(6, 100).nanoseconds(5), 100_000_005_000);
        assert_eq!(Scale::new(6, -1).nanoseconds(0), -1_000_000_000);
        assert_eq!(Scale::new(0, i64::MAX).nanoseconds(u64::MAX), i64::MAX);
        assert_eq!(Scale::new(0, i64::MIN).nanoseconds(0), i64::MIN);
    }
}
