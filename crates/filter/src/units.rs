//! Numbers with units.

/// A number of things or bytes: `10`, `1.5k`, `1MB` (a million), `1MiB` (2^20).
pub(crate) fn count(text: &str) -> Option<u64> {
    let (number, unit) = apart(text)?;
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let factor = match unit {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        "ki" => 1024.0,
        "mi" => 1024.0 * 1024.0,
        "gi" => 1024.0 * 1024.0 * 1024.0,
        "ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    whole(number * factor)
}

/// A length of time in nanoseconds: `5s`, `250ms`, `1.5m`; a bare number is seconds.
pub(crate) fn interval(text: &str) -> Option<u64> {
    let (number, unit) = apart(text)?;
    let factor = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "" | "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        "d" => 86_400e9,
        _ => return None,
    };
    whole(number * factor)
}

fn apart(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

/// As a whole number, if it is one that 63 bits hold.
fn whole(number: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 2^63"
    )]
    (0.0..9.2e18)
        .contains(&number)
        .then(|| number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_they_say() {
        assert_eq!(count("10"), Some(10));
        assert_eq!(count("1.5k"), Some(1500));
        assert_eq!(count("1MB"), Some(1_000_000));
        assert_eq!(count("1MiB"), Some(1 << 20));
        assert_eq!(interval("5"), Some(5_000_000_000));
        assert_eq!(interval("250us"), Some(250_000));
        assert_eq!(interval("1.5m"), Some(90_000_000_000));
        for wrong in [
            "",
            "x",
            "5 s",
            "-1",
            "1e5",
            "5parsecs",
            "99999999999999999999",
            "1..2",
        ] {
            assert_eq!((count(wrong), interval(wrong)), (None, None), "{wrong}");
        }
    }
}
