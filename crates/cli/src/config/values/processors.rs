//! Workers, and the processors that they have.

use std::fmt;
use std::str::FromStr;

use super::{Setting, text};

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// As many as suit the machine and the input.
    Auto,
    /// So many.
    Count(u16),
}

/// The most workers one run has.
const MAX_WORKERS: u16 = 256;

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Workers::Auto);
        }
        match text.parse() {
            Ok(count) if (1..=MAX_WORKERS).contains(&count) => Ok(Workers::Count(count)),
            _ => Err(format!(
                "expected auto or a number from 1 to {MAX_WORKERS}, found \"{text}\""
            )),
        }
    }
}

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Workers::Auto => f.write_str("auto"),
            Workers::Count(count) => write!(f, "{count}"),
        }
    }
}

impl Setting for Workers {
    fn kind() -> String {
        "`\"auto\"` or a number".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(count) => count.to_string().parse(),
            other => text(other, "\"auto\" or a number"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Workers::Auto => toml::Value::String("auto".into()),
            Workers::Count(count) => toml::Value::Integer((*count).into()),
        }
    }
}

/// Processors by their numbers, as `taskset -c` has them: `0-3,8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuList(pub Vec<u16>);

/// The highest processor number that Linux's affinity masks of today hold.
const MAX_CPU: u16 = 8191;

impl FromStr for CpuList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let explain =
            || format!("\"{text}\" is not a list of processors; write it like 2,3 or 0-3,8");
        let mut cpus = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: u16 = first.trim().parse().map_err(|_| explain())?;
            let last: u16 = last.trim().parse().map_err(|_| explain())?;
            if first > last || last > MAX_CPU {
                return Err(explain());
            }
            for cpu in first..=last {
                if cpus.contains(&cpu) {
                    return Err(format!("processor {cpu} is twice in \"{text}\""));
                }
                cpus.push(cpu);
            }
        }
        Ok(CpuList(cpus))
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut comma = "";
        while let [first, ..] = rest {
            let run = rest
                .iter()
                .zip(*first..)
                .take_while(|(cpu, expected)| *cpu == expected)
                .count();
            let last = rest[run - 1];
            match run {
                1 => write!(f, "{comma}{first}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
            rest = &rest[run..];
        }
        Ok(())
    }
}

impl Setting for CpuList {
    fn kind() -> String {
        "processors such as `\"0-3,8\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(cpu) => cpu.to_string().parse(),
            other => text(other, "processors such as \"0-3,8\""),
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
    fn processors_are_read_and_shown() {
        let cpus: CpuList = "0-2,8,5,6".parse().unwrap();
        assert_eq!(cpus.0, [0, 1, 2, 8, 5, 6]);
        assert_eq!(cpus.to_string(), "0-2,8,5-6");
        for wrong in ["", "3-1", "1,1", "a", "1,,2", "99999", "0-8192"] {
            assert!(wrong.parse::<CpuList>().is_err(), "{wrong}");
        }
    }
}
