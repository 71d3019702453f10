//! Amounts: of bytes, and shares of a whole.

use std::fmt;
use std::str::FromStr;

use super::{Setting, number_and_unit, text};

/// An amount of memory or disk, in bytes; as it is read, not less than `LEAST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize<const LEAST: u64 = 0>(pub u64);

impl<const LEAST: u64> ByteSize<LEAST> {
    fn checked(bytes: u64) -> Result<Self, String> {
        if bytes >= LEAST {
            Ok(ByteSize(bytes))
        } else {
            let (given, least) = (ByteSize::<0>(bytes), ByteSize::<0>(LEAST));
            Err(format!("{given} is too little: at least {least}"))
        }
    }
}

const BYTE_UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl<const LEAST: u64> FromStr for ByteSize<LEAST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain = || {
            format!(
                "\"{text}\" is not an amount of bytes; write it like 512MiB or 2GiB (KB, MB, GB are powers of 1000)"
            )
        };
        let (number, unit) = number_and_unit(text.trim()).ok_or_else(explain)?;
        let factor: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "t" | "tib" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => return Err(explain()),
        };
        let bytes = number * factor as f64;
        // 2^63: what TOML and every later calculation can hold.
        if bytes < 9.2e18 {
            Self::checked(bytes as u64)
        } else {
            Err(format!("\"{text}\" is more than can be counted"))
        }
    }
}

impl<const LEAST: u64> fmt::Display for ByteSize<LEAST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in BYTE_UNITS {
            if self.0 != 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{}{name}", self.0 / factor);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl<const LEAST: u64> Setting for ByteSize<LEAST> {
    fn kind() -> String {
        "bytes such as `\"512MiB\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(bytes) if *bytes >= 0 => Self::checked(bytes.unsigned_abs()),
            other => text(other, "bytes such as \"512MiB\""),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

/// A share, in percent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().trim_end_matches('%').trim_end();
        let share = number
            .parse()
            .ok()
            .filter(|share| (0.0..=100.0).contains(share));
        share
            .map(Percent)
            .ok_or_else(|| format!("\"{text}\" is not a share; write it like 0.1% or 95%"))
    }
}

impl Setting for Percent {
    fn kind() -> String {
        "share such as `\"0.1%\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(_) | toml::Value::Float(_) => value.to_string().parse(),
            other => text(other, "a share such as \"0.1%\""),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(format!("{}%", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_is_said_to_be_so() {
        type Some = ByteSize<{ 1 << 20 }>;
        assert_eq!("1MiB".parse::<Some>(), Ok(ByteSize(1 << 20)));
        let error = "512KiB is too little: at least 1MiB".to_owned();
        assert_eq!("512k".parse::<Some>(), Err(error.clone()));
        let number = toml::Value::Integer(512 << 10);
        assert_eq!(Some::from_toml(&number), Err(error));
    }

    #[test]
    fn bytes_are_read_in_both_kinds_of_units_and_shown_in_the_largest_exact_one() {
        for (text, bytes, shown) in [
            ("2GiB", 2 << 30, "2GiB"),
            ("1.5 GiB", 3 << 29, "1536MiB"),
            ("100MB", 100_000_000, "100000000"),
            ("64k", 65536, "64KiB"),
            ("0", 0, "0"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown));
            assert_eq!(ByteSize::from_toml(&size.to_toml()), Ok(size));
        }
        for wrong in [
            "",
            "GiB",
            "2 parsecs",
            "-1",
            "1e9",
            "99999999999999TiB",
            "nan",
            ".",
        ] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_read_and_shown() {
        for (text, shown) in [("0.1%", "0.1%"), ("95", "95%"), ("100 %", "100%")] {
            let share: Percent = text.parse().unwrap();
            assert_eq!(share.to_toml().as_str(), Some(shown));
            assert_eq!(Percent::from_toml(&share.to_toml()), Ok(share));
        }
        for wrong in ["", "101%", "-1%", "nan", "much"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }
}
