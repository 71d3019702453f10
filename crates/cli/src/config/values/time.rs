//! Lengths of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Setting, number_and_unit, text};

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(pub Duration);

impl Interval {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Interval(Duration::from_secs(seconds))
    }

    /// So many microseconds.
    #[must_use]
    pub const fn microseconds(microseconds: u64) -> Self {
        Interval(Duration::from_micros(microseconds))
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain = || {
            format!(
                "\"{text}\" is not a length of time; write it like 20us, 500ms, 30s, 5min, 1h or 7d"
            )
        };
        let (number, unit) = number_and_unit(text.trim()).ok_or_else(explain)?;
        let seconds = match unit {
            "us" | "µs" => 0.000_001,
            "ms" => 0.001,
            "" | "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(explain()),
        };
        // A century: longer is a slip of the keyboard, and nanoseconds must fit an i64.
        Duration::try_from_secs_f64(number * seconds)
            .ok()
            .filter(|duration| *duration <= Duration::from_secs(100 * 365 * 86_400))
            .map(Interval)
            .ok_or_else(explain)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if !self.0.subsec_micros().is_multiple_of(1_000) {
            return write!(f, "{}us", self.0.as_micros());
        }
        if self.0.subsec_nanos() != 0 {
            return write!(f, "{}ms", self.0.as_millis());
        }
        for (name, factor) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
            if seconds != 0 && seconds.is_multiple_of(factor) {
                return write!(f, "{}{name}", seconds / factor);
            }
        }
        write!(f, "{seconds}s")
    }
}

impl Setting for Interval {
    fn kind() -> String {
        "time such as `\"5min\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(seconds) if *seconds >= 0 => seconds.to_string().parse(),
            other => text(other, "a length of time such as \"5min\""),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        for (text, millis, shown) in [
            ("500ms", 500, "500ms"),
            ("90", 90_000, "90s"),
            ("5min", 300_000, "5min"),
            ("1.5h", 5_400_000, "90min"),
            ("7d", 604_800_000, "7d"),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(
                (interval.0.as_millis(), interval.to_string().as_str()),
                (millis, shown)
            );
            assert_eq!(Interval::from_toml(&interval.to_toml()), Ok(interval));
        }
        for wrong in ["", "soon", "5 fortnights", "-3s", "99999999d"] {
            assert!(wrong.parse::<Interval>().is_err(), "{wrong}");
        }
    }
}
