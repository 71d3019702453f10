//! Short forms of spans of time.
//!
//! A tick is 16 ns: 32 bits of them measure spans up to 68 seconds, which no round trip exceeds.
//! The short form is a floating-point number in 16 bits, 11 of them significant: within 0.05 %, up to 68 seconds.

/// The time in ticks, modulo 2^32, never 0.
#[inline(always)]
pub(crate) fn stamp(time: i64) -> u32 {
    (time >> 4) as u32 | 1
}

/// Ticks between two stamps.
#[inline(always)]
pub(crate) fn between(earlier: u32, later: u32) -> u32 {
    later.wrapping_sub(earlier)
}

/// Nanoseconds of so many ticks.
pub(crate) fn nanoseconds(ticks: u32) -> i64 {
    i64::from(ticks) << 4
}

/// The short form of so many ticks; never 0.
pub(crate) fn shorten(ticks: u32) -> u16 {
    let ticks = ticks.max(1);
    let exponent = 21u32.saturating_sub(ticks.leading_zeros());
    // 11 significant bits, the first of which is implied where the exponent is not 0.
    let mantissa = (ticks >> exponent) as u16;
    if exponent == 0 {
        mantissa
    } else {
        ((exponent as u16) << 11) + (mantissa & 0x7ff)
    }
}

/// The ticks of a short form.
pub(crate) fn lengthen(short: u16) -> u32 {
    u32::from(short & 0x7ff) << (short >> 11)
}

/// The smoothed RTT after one more sample (RFC 6298 section 2.3: alpha 1/8).
pub(crate) fn smooth(smoothed: u16, sample: u32) -> u16 {
    if smoothed == 0 {
        return shorten(sample);
    }
    let old = u64::from(lengthen(smoothed));
    shorten(((old * 7 + u64::from(sample)) >> 3) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_close() {
        for ticks in (0..32).flat_map(|bit| {
            [
                1u32 << bit,
                (1u32 << bit) + (1u32 << bit) / 3,
                u32::MAX >> bit,
            ]
        }) {
            let back = lengthen(shorten(ticks));
            let error = f64::from(ticks.max(1)) - f64::from(back);
            assert!(error.abs() <= f64::from(ticks) / 1000.0, "{ticks} {back}");
            assert_ne!(shorten(ticks), 0);
        }
        assert!(shorten(1000) < shorten(1001) && shorten(1 << 20) < shorten(1 << 21));
    }

    #[test]
    fn spans_wrap_around() {
        let (early, late) = (
            stamp(i64::from(u32::MAX) << 4),
            stamp((i64::from(u32::MAX) + 1000) << 4),
        );
        assert_eq!(nanoseconds(between(early, late)), 1002 * 16 - 32);
        assert_eq!(smooth(0, 800), shorten(800));
        assert_eq!(lengthen(smooth(shorten(800), 1600)), 900);
    }
}
