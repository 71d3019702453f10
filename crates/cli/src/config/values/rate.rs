//! Rates: bits and packets a second.

use std::fmt;
use std::str::FromStr;

use super::{Setting, number_and_unit, text};

/// Bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(pub u64);

const RATE_UNITS: [(&str, u64); 4] = [
    ("Tbit/s", 1_000_000_000_000),
    ("Gbit/s", 1_000_000_000),
    ("Mbit/s", 1_000_000),
    ("kbit/s", 1_000),
];

impl FromStr for BitRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain =
            || format!("\"{text}\" is not a rate; write it like 500Mbit/s, 9.5Gbit/s or 64kbit/s");
        let (number, unit) = number_and_unit(text.trim()).ok_or_else(explain)?;
        let factor = match unit {
            "bit/s" => 1,
            other => {
                RATE_UNITS
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(other))
                    .ok_or_else(explain)?
                    .1
            }
        };
        let bits = number * factor as f64;
        // 2^63, as for bytes.
        (bits < 9.2e18)
            .then_some(BitRate(bits as u64))
            .ok_or_else(explain)
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in RATE_UNITS {
            if self.0 != 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{}{name}", self.0 / factor);
            }
        }
        write!(f, "{}bit/s", self.0)
    }
}

impl Setting for BitRate {
    fn kind() -> String {
        "rate such as `\"500Mbit/s\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        text(value, "a rate such as \"500Mbit/s\"")
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

/// Packets a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketRate(pub u64);

const PACKET_UNITS: [(&str, u64); 3] = [
    ("Gpps", 1_000_000_000),
    ("Mpps", 1_000_000),
    ("kpps", 1_000),
];

impl FromStr for PacketRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain = || {
            format!(
                "\"{text}\" is not a rate of packets; write it like 1000, 200kpps or 1.5Mpps (packets a second)"
            )
        };
        let (number, unit) = number_and_unit(text.trim()).ok_or_else(explain)?;
        let factor = match unit {
            "" | "pps" => 1,
            other => {
                PACKET_UNITS
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(other))
                    .ok_or_else(explain)?
                    .1
            }
        };
        let packets = number * factor as f64;
        // 2^63, as for bytes.
        (packets < 9.2e18)
            .then_some(PacketRate(packets as u64))
            .ok_or_else(explain)
    }
}

impl fmt::Display for PacketRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in PACKET_UNITS {
            if self.0 != 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{}{name}", self.0 / factor);
            }
        }
        write!(f, "{}pps", self.0)
    }
}

impl Setting for PacketRate {
    fn kind() -> String {
        "packets a second such as `\"200kpps\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(packets) if *packets >= 0 => {
                Ok(PacketRate(packets.unsigned_abs()))
            }
            other => text(other, "packets a second such as \"200kpps\""),
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
    fn rates_are_read_and_shown() {
        for (text, bits, shown) in [
            ("9.5Gbit/s", 9_500_000_000, "9500Mbit/s"),
            ("64 kbit/s", 64_000, "64kbit/s"),
            ("100bit/s", 100, "100bit/s"),
        ] {
            let rate: BitRate = text.parse().unwrap();
            assert_eq!((rate.0, rate.to_string().as_str()), (bits, shown));
            assert_eq!(BitRate::from_toml(&rate.to_toml()), Ok(rate));
        }
        for (text, packets, shown) in [
            ("1.5Mpps", 1_500_000, "1500kpps"),
            ("200 kpps", 200_000, "200kpps"),
            ("999", 999, "999pps"),
        ] {
            let rate: PacketRate = text.parse().unwrap();
            assert_eq!((rate.0, rate.to_string().as_str()), (packets, shown));
            assert_eq!(PacketRate::from_toml(&rate.to_toml()), Ok(rate));
        }
        for wrong in ["", "5Mbit/s", "-1", "much"] {
            assert!(wrong.parse::<PacketRate>().is_err(), "{wrong}");
        }
        for wrong in ["", "5", "5MB", "5 Gbit", "-1bit/s"] {
            assert!(wrong.parse::<BitRate>().is_err(), "{wrong}");
        }
    }
}
