//! The types of configuration values: how each is written, read and shown.
//!
//! The command line and the configuration file share them, so that `--memory 2GiB` and
//! `memory = "2GiB"` are read by the same code and refused with the same words.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

/// A value that a configuration key can have.
pub trait Setting: Sized {
    /// What the reference page calls the type, with an example where the form is not obvious.
    fn kind() -> String;

    /// Reads it from the file.
    ///
    /// # Errors
    /// A sentence for the user: what was expected.
    fn from_toml(value: &toml::Value) -> Result<Self, String>;

    /// Writes it as the file has it.
    fn to_toml(&self) -> toml::Value;
}

/// Reads a value that is text in the file, by its `FromStr`.
fn text<T: FromStr>(value: &toml::Value, expected: &str) -> Result<T, String>
where
    T::Err: fmt::Display,
{
    match value {
        toml::Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
        other => Err(format!("expected {expected}, found {other}")),
    }
}

impl Setting for bool {
    fn kind() -> String {
        "`true` or `false`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| format!("expected true or false, found {value}"))
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Boolean(*self)
    }
}

impl Setting for u32 {
    fn kind() -> String {
        "number".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value
            .as_integer()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("expected a number from 0 to {}, found {value}", u32::MAX))
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Integer((*self).into())
    }
}

impl Setting for String {
    fn kind() -> String {
        "text".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        text(value, "text in quotes")
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.clone())
    }
}

impl Setting for PathBuf {
    fn kind() -> String {
        "path".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        text(value, "a path in quotes")
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.display().to_string())
    }
}

/// Nothing is written as the empty text.
impl<T: Setting> Setting for Option<T> {
    fn kind() -> String {
        T::kind()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        if value.as_str() == Some("") {
            return Ok(None);
        }
        T::from_toml(value).map(Some)
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref()
            .map_or_else(|| toml::Value::String(String::new()), Setting::to_toml)
    }
}

/// A list; one value alone counts as a list of one.
impl<T: Setting> Setting for Vec<T> {
    fn kind() -> String {
        let kind = T::kind();
        let article = if kind.starts_with("one of") { "" } else { "a " };
        format!("list, each {article}{kind}")
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Array(values) => values.iter().map(T::from_toml).collect(),
            one => Ok(vec![T::from_toml(one)?]),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Array(self.iter().map(Setting::to_toml).collect())
    }
}

impl Setting for IpNet {
    fn kind() -> String {
        "network such as `10.0.0.0/8`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let net = value
            .as_str()
            .ok_or_else(|| format!("expected a network such as \"10.0.0.0/8\", found {value}"))?;
        parse_net(net)
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

/// A protocol that conversations can be in, by its name in `service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolName(pub String);

impl Setting for ProtocolName {
    fn kind() -> String {
        "protocol such as `dns`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let name: String = text(value, "a protocol such as \"dns\"")?;
        portreeve_app::Applications::only([name.as_str()]).map_err(|error| error.to_string())?;
        Ok(ProtocolName(name))
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

/// Reads a network; an address alone is the network of that one address.
///
/// # Errors
/// A sentence for the user.
pub fn parse_net(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| format!("\"{text}\" is not a network; write it like 10.0.0.0/8 or fd00::/8"))
}

/// Splits `12.5MiB` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    Some((number, unit.trim()))
}

/// An amount of memory or disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const BYTE_UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl FromStr for ByteSize {
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
            Ok(ByteSize(bytes as u64))
        } else {
            Err(format!("\"{text}\" is more than can be counted"))
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in BYTE_UNITS {
            if self.0 != 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{}{name}", self.0 / factor);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Setting for ByteSize {
    fn kind() -> String {
        "bytes such as `\"512MiB\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(bytes) if *bytes >= 0 => Ok(ByteSize(bytes.unsigned_abs())),
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

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// As many as suit the machine and the input.
    Auto,
    /// So many.
    Count(u16),
}

/// The most workers one run has.
pub const MAX_WORKERS: u16 = 256;

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

/// Where the dashboard is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// On this address and port.
    At(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let loopback = |port: &str| Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)));
        match text {
            "off" => return Ok(Listen::Off),
            _ => text
                .parse()
                .ok()
                .or_else(|| loopback(text.strip_prefix("localhost:").unwrap_or(text))),
        }
        .map(Listen::At)
        .ok_or_else(|| {
            format!(
                "\"{text}\" is not an address to listen on; write it like 127.0.0.1:7678, [::]:443, 7678 (on loopback) or off"
            )
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Off => f.write_str("off"),
            Listen::At(address) => address.fmt(f),
        }
    }
}

impl Setting for Listen {
    fn kind() -> String {
        "address and port such as `\"127.0.0.1:7678\"`, or `\"off\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(port) => port.to_string().parse(),
            other => text(other, "an address and port in quotes"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

/// An enum whose values are words, the same in the file and on the command line.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $variant_doc:literal])* $variant:ident => $word:literal,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
        pub enum $name {
            $($(#[doc = $variant_doc])* #[value(name = $word)] $variant,)*
        }

        impl Setting for $name {
            fn kind() -> String {
        concat!("one of", $(" `\"", $word, "\"`",)*).into()
    }

            fn from_toml(value: &toml::Value) -> Result<Self, String> {
                match value.as_str() {
                    $(Some($word) => Ok($name::$variant),)*
                    _ => Err(format!(concat!("expected one of", $(" \"", $word, "\"",)* ", found {}"), value)),
                }
            }

            fn to_toml(&self) -> toml::Value {
                toml::Value::String(match self { $($name::$variant => $word,)* }.into())
            }
        }
    };
}

words! {
    /// A hash of files.
    FileHash {
        /// MD5
        Md5 => "md5",
        /// SHA-1
        Sha1 => "sha1",
        /// SHA-256
        Sha256 => "sha256",
    }
}

words! {
    /// Which packets of an interface are watched.
    Direction {
        /// Packets that arrive at the interface
        In => "in",
        /// Packets that leave by it
        Out => "out",
        /// Both
        Inout => "inout",
    }
}

words! {
    /// How records are written.
    Format {
        /// Zeek's logs as JSON lines
        ZeekJson => "zeek-json",
        /// Zeek's logs as tab-separated values with their header lines
        ZeekTsv => "zeek-tsv",
        /// EVE JSON, as Suricata writes it
        Eve => "eve",
    }
}

words! {
    /// Which copy of a byte counts.
    Overlap {
        /// The first, as most systems do
        First => "first",
        /// The last
        Last => "last",
    }
}

words! {
    /// Whose hosts a log tells of.
    Hosts {
        /// Those in the local networks
        Local => "local",
        /// All others
        Remote => "remote",
        /// Everybody's
        All => "all",
        /// Nobody's
        None => "none",
    }
}

words! {
    /// Which pages memory stands on.
    HugePages {
        /// The largest there are
        Auto => "auto",
        /// Pages of 1 GiB, then the next smaller
        Gigabyte => "1G",
        /// Pages of 2 MiB, then transparent ones
        TwoMegabytes => "2M",
        /// Transparent huge pages, which the kernel makes where it can
        Transparent => "transparent",
        /// Pages of 4 KiB
        Off => "off",
    }
}

words! {
    /// Where the program of AF_XDP runs.
    XdpMode {
        /// In the driver if it can
        Auto => "auto",
        /// In the driver or not at all
        Native => "native",
        /// In the kernel's generic receive path
        Generic => "generic",
    }
}

words! {
    /// Whether the NIC writes frames into our memory.
    ZeroCopy {
        /// If its driver can
        Auto => "auto",
        /// Or not at all
        On => "on",
        /// The kernel copies
        Off => "off",
    }
}

words! {
    /// How workers wait for live packets.
    WaitMode {
        /// Interrupt mode, and adaptive for what has no receive interrupt
        Auto => "auto",
        /// Never sleep: the least delay, a processor at 100 %
        Poll => "poll",
        /// Sleep until the receive interrupt when there is nothing to do
        Interrupt => "interrupt",
        /// Sleep by the clock when there is nothing to do
        Adaptive => "adaptive",
    }
}

words! {
    /// How an answer to a query is written.
    AnswerFormat {
        /// Columns side by side
        Table => "table",
        /// Comma-separated values, with a line of names
        Csv => "csv",
        /// A JSON object a line
        Json => "json",
        /// A Parquet file
        Parquet => "parquet",
    }
}

words! {
    /// Whom the workers go before, where they share a processor.
    Scheduling {
        /// Nobody
        Normal => "normal",
        /// Ordinary threads, by a nice value of -10
        Nice => "nice",
        /// Everything that is not real-time itself (SCHED_FIFO)
        Fifo => "fifo",
    }
}

words! {
    /// Whether transport checksums are verified.
    Checksums {
        /// For files, not for interfaces, whose offloads leave them wrong
        Auto => "auto",
        /// Always
        On => "on",
        /// Never
        Off => "off",
    }
}

words! {
    /// How moments are written in Zeek's logs.
    Time {
        /// Seconds since 1970 with six decimals, as Zeek does
        Epoch => "epoch",
        /// The same with nine decimals
        EpochNs => "epoch-ns",
        /// Date and time in UTC (ISO 8601), six decimals
        Iso8601 => "iso8601",
        /// The same with nine decimals
        Iso8601Ns => "iso8601-ns",
    }
}

words! {
    /// How rotated log files are compressed.
    Compression {
        /// Not
        None => "none",
        /// By gzip
        Gzip => "gzip",
        /// By zstd
        Zstd => "zstd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn shares_and_rates_are_read_and_shown() {
        for (text, shown) in [("0.1%", "0.1%"), ("95", "95%"), ("100 %", "100%")] {
            let share: Percent = text.parse().unwrap();
            assert_eq!(share.to_toml().as_str(), Some(shown));
            assert_eq!(Percent::from_toml(&share.to_toml()), Ok(share));
        }
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
        for wrong in ["", "101%", "-1%", "nan", "much"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
        for wrong in ["", "5", "5MB", "5 Gbit", "-1bit/s"] {
            assert!(wrong.parse::<BitRate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn processors_are_read_and_shown() {
        let cpus: CpuList = "0-2,8,5,6".parse().unwrap();
        assert_eq!(cpus.0, [0, 1, 2, 8, 5, 6]);
        assert_eq!(cpus.to_string(), "0-2,8,5-6");
        for wrong in ["", "3-1", "1,1", "a", "1,,2", "99999", "0-8192"] {
            assert!(wrong.parse::<CpuList>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_may_be_single_addresses() {
        assert_eq!(parse_net("192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
        assert_eq!(parse_net("fd00::/8").unwrap().to_string(), "fd00::/8");
        assert!(parse_net("10.0.0.0/33").is_err());
    }
}
