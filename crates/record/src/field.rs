//! What the schema says of one field.

use crate::key::Key;

/// The type of a field, in Zeek's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A moment.
    Time,
    /// A length of time.
    Interval,
    /// An IPv4 or IPv6 address.
    Addr,
    /// A port.
    Port,
    /// An unsigned number.
    Count,
    /// A signed number.
    Int,
    /// A real number.
    Double,
    /// True or false.
    Bool,
    /// A text.
    Str,
    /// One of a few fixed names.
    Enum,
    /// A set of strings.
    SetStr,
    /// Strings in order.
    VecStr,
    /// Lengths of time in order.
    VecInterval,
    /// Unsigned numbers in order.
    VecCount,
    /// Addresses in order.
    VecAddr,
}

impl Kind {
    /// The type as Zeek writes it in the `#types` line.
    #[must_use]
    pub fn zeek(self) -> &'static str {
        match self {
            Kind::Time => "time",
            Kind::Interval => "interval",
            Kind::Addr => "addr",
            Kind::Port => "port",
            Kind::Count => "count",
            Kind::Int => "int",
            Kind::Double => "double",
            Kind::Bool => "bool",
            Kind::Str => "string",
            Kind::Enum => "enum",
            Kind::SetStr => "set[string]",
            Kind::VecStr => "vector[string]",
            Kind::VecInterval => "vector[interval]",
            Kind::VecCount => "vector[count]",
            Kind::VecAddr => "vector[addr]",
        }
    }

    const fn storage(self) -> Storage {
        match self {
            Kind::Time => Storage::TimeNs,
            Kind::Interval => Storage::DurationNs,
            Kind::Addr => Storage::Ip,
            Kind::Port => Storage::U16,
            Kind::Count => Storage::U64,
            Kind::Int => Storage::I64,
            Kind::Double => Storage::F64,
            Kind::Bool => Storage::Bool,
            Kind::Str => Storage::Text,
            Kind::Enum => Storage::Name,
            Kind::SetStr | Kind::VecStr => Storage::Texts,
            Kind::VecInterval => Storage::DurationsNs,
            Kind::VecCount => Storage::U64s,
            Kind::VecAddr => Storage::Ips,
        }
    }
}

/// How columnar stores keep a field: gives both the Arrow and the `ClickHouse` type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Storage {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I64,
    F64,
    /// Nanoseconds since 1970-01-01 UTC.
    TimeNs,
    /// Nanoseconds.
    DurationNs,
    Ip,
    /// Any text.
    Text,
    /// A text out of few different ones: kept as a dictionary.
    Name,
    /// Several texts.
    Texts,
    /// Several lengths of time, nanoseconds.
    DurationsNs,
    /// Several numbers.
    U64s,
    /// Several addresses.
    Ips,
}

impl Storage {
    /// The Arrow data type.
    #[must_use]
    pub fn arrow(self) -> &'static str {
        match self {
            Storage::Bool => "Boolean",
            Storage::U8 => "UInt8",
            Storage::U16 => "UInt16",
            Storage::U32 => "UInt32",
            Storage::U64 => "UInt64",
            Storage::I64 | Storage::DurationNs => "Int64",
            Storage::F64 => "Float64",
            Storage::TimeNs => "Timestamp(Nanosecond, UTC)",
            Storage::Ip | Storage::Text => "Utf8",
            Storage::Name => "Dictionary(Int32, Utf8)",
            Storage::Texts | Storage::Ips => "List(Utf8)",
            Storage::DurationsNs => "List(Int64)",
            Storage::U64s => "List(UInt64)",
        }
    }

    /// The `ClickHouse` type of a value that is always there.
    #[must_use]
    pub fn clickhouse(self) -> &'static str {
        match self {
            Storage::Bool => "Bool",
            Storage::U8 => "UInt8",
            Storage::U16 => "UInt16",
            Storage::U32 => "UInt32",
            Storage::U64 => "UInt64",
            Storage::DurationNs | Storage::I64 => "Int64",
            Storage::F64 => "Float64",
            Storage::TimeNs => "DateTime64(9, 'UTC')",
            Storage::Ip => "IPv6",
            Storage::Text => "String",
            Storage::Name => "LowCardinality(String)",
            Storage::Texts => "Array(String)",
            Storage::DurationsNs => "Array(Int64)",
            Storage::U64s => "Array(UInt64)",
            Storage::Ips => "Array(IPv6)",
        }
    }
}

/// Which IPFIX information element carries a field (RFC 7011, RFC 7012).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ipfix {
    /// An element of IANA's registry.
    Iana(u16),
    /// An element of IANA's registry, for the direction from responder to originator: the same number under the
    /// reverse enterprise number 29305 (RFC 5103 section 6.1).
    Reverse(u16),
    /// The IANA element for IPv4, and the one for IPv6.
    ByFamily(u16, u16),
    /// An element of Portreeve's own, under the enterprise number that the configuration gives. Until one is
    /// registered that is 32473, which RFC 5612 sets aside for documentation.
    Own(u16),
}

impl Ipfix {
    /// RFC 5103's reverse enterprise number.
    pub const REVERSE_ENTERPRISE: u32 = 29305;
    /// Enterprise number of [`Ipfix::Own`] elements where the configuration gives no other (RFC 5612).
    pub const OWN_ENTERPRISE: u32 = 32473;
}

/// Whose idea a field was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Zeek writes it under this name, in this place.
    Zeek,
    /// Portreeve adds it, behind Zeek's own.
    Added,
}

/// The object of an EVE event that a field stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EveObject {
    /// The event itself.
    Event,
    /// The event's own object: `flow`, `anomaly`, `stats.capture_loss`.
    Own,
    /// `portreeve`: what EVE has no place for.
    Ours,
    /// None: EVE has it in a form of its own, not as the schema describes it.
    Apart,
    /// In the object `email`, beside that of an event `smtp`.
    Mail,
}

/// Everything that is said of a field, in one place. Each dialect takes from it what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Native (Zeek) name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Whether a record may lack it.
    pub optional: bool,
    /// Whether only TCP has it: unset in records of other protocols.
    pub tcp: bool,
    /// Whether it is a counter of ours, mostly 0: JSON dialects leave a 0 out.
    pub counter: bool,
    /// Path in EVE, its parts divided by dots.
    pub eve: &'static str,
    /// Type in columnar stores.
    pub storage: Storage,
    /// IPFIX element.
    pub ipfix: Ipfix,
    /// Whose field it is.
    pub origin: Origin,
    /// What it says, its unit, in one line.
    pub doc: &'static str,
    /// `name` as Zeek JSON writes it before the value.
    pub key: Key,
    /// The last part of `eve` as EVE writes it before the value.
    pub eve_key: Key,
    /// Where in an EVE event it stands: what `eve` says before its last part.
    pub eve_object: EveObject,
    /// The object within the event's own that it is the one member of, as `ja3` in `tls.ja3.hash`; empty for most.
    pub eve_inside: &'static str,
}

impl Info {
    /// A field of Zeek's; always present, stored by its kind.
    #[must_use]
    pub const fn zeek(
        name: &'static str,
        kind: Kind,
        eve: &'static str,
        ipfix: Ipfix,
        doc: &'static str,
    ) -> Self {
        Info {
            name,
            kind,
            optional: false,
            tcp: false,
            counter: false,
            eve,
            storage: kind.storage(),
            ipfix,
            origin: Origin::Zeek,
            doc,
            key: Key::new(name),
            eve_key: Key::of_last_part(eve),
            eve_object: eve_object(eve),
            eve_inside: eve_inside(eve),
        }
    }

    /// A field that Portreeve adds.
    #[must_use]
    pub const fn added(
        name: &'static str,
        kind: Kind,
        eve: &'static str,
        ipfix: Ipfix,
        doc: &'static str,
    ) -> Self {
        let mut info = Self::zeek(name, kind, eve, ipfix, doc);
        info.origin = Origin::Added;
        info
    }

    /// The same field, which a record may lack.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same field, which records of TCP alone have.
    #[must_use]
    pub const fn tcp(mut self) -> Self {
        self.tcp = true;
        self.optional()
    }

    /// The same field, a counter of ours that JSON dialects leave out where it is 0.
    #[must_use]
    pub const fn counter(mut self) -> Self {
        self.counter = true;
        self
    }

    /// The same field, stored in another way than its kind says.
    #[must_use]
    pub const fn stored(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// The `ClickHouse` type, nullable where a record may lack the value. Arrays cannot be null there: empty stands for unset.
    #[must_use]
    pub fn clickhouse(&self) -> String {
        let plain = self.storage.clickhouse();
        match (self.optional, self.storage) {
            (false, _) => plain.to_owned(),
            (_, Storage::Texts | Storage::DurationsNs | Storage::U64s | Storage::Ips) => {
                plain.to_owned()
            }
            (true, Storage::Name) => "LowCardinality(Nullable(String))".to_owned(),
            (true, _) => format!("Nullable({plain})"),
        }
    }
}

/// Where an EVE path leads. The paths that stand apart are written by the dialect itself.
const fn eve_object(path: &str) -> EveObject {
    if is(path, "timestamp") || is(path, "flow.start") || is(path, "proto") || is(path, "vlan") {
        return EveObject::Apart;
    }
    let bytes = path.as_bytes();
    let mut dot = 0;
    while dot < bytes.len() && bytes[dot] != b'.' {
        dot += 1;
    }
    if dot == bytes.len() {
        EveObject::Event
    } else if is(path.split_at(dot).0, "portreeve") {
        EveObject::Ours
    } else if is(path.split_at(dot).0, "email") {
        EveObject::Mail
    } else {
        EveObject::Own
    }
}

/// What stands between the first and the last of three parts of an EVE path. (The events of `stats` have two objects around all of their members.)
const fn eve_inside(path: &str) -> &str {
    let bytes = path.as_bytes();
    let (mut first, mut last) = (bytes.len(), bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'.' {
            last = i;
            if first == bytes.len() {
                first = i;
            }
        }
        i += 1;
    }
    if first == last || is(path.split_at(first).0, "stats") {
        return "";
    }
    path.split_at(last).0.split_at(first + 1).1
}

/// Whether two texts are the same, when compiling.
const fn is(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
