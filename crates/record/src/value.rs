//! One field's value, typed, without heap memory.

use std::fmt;
use std::net::IpAddr;

use crate::uid::{Fuid, Uid};

/// A short text made on the spot (a community ID, an ICMP type and code), kept inline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text {
    bytes: [u8; Text::CAPACITY],
    len: u8,
}

impl Default for Text {
    fn default() -> Self {
        Text {
            bytes: [0; Text::CAPACITY],
            len: 0,
        }
    }
}

impl Text {
    /// The most bytes a text holds.
    pub const CAPACITY: usize = 39;

    /// Appends `text`, or as many of its whole characters as fit.
    pub fn push_str(&mut self, text: &str) {
        let start = usize::from(self.len);
        let mut take = text.len().min(Text::CAPACITY - start);
        while !text.is_char_boundary(take) {
            take -= 1;
        }
        self.bytes[start..start + take].copy_from_slice(&text.as_bytes()[..take]);
        self.len += take as u8;
    }

    /// Appends a decimal number.
    pub fn push_number(&mut self, number: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
    }

    /// The text's bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// A text of 30 ASCII characters: a community ID.
    #[inline]
    pub(crate) fn from_ascii(ascii: &[u8; 30]) -> Self {
        let mut bytes = [0; Text::CAPACITY];
        bytes[..30].copy_from_slice(ascii);
        Text { bytes, len: 30 }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut new = Text::default();
        new.push_str(text);
        new
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The elements of a set or vector of strings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Items<'a> {
    /// Flow identifiers.
    Uids(&'a [Uid]),
    /// Identifiers of files.
    Fuids(&'a [Fuid]),
    /// Texts.
    Strs(&'a [&'a str]),
    /// Texts that the record owns.
    Texts(&'a [Box<str>]),
    /// Lengths of time, nanoseconds.
    Intervals(&'a [i64]),
    /// Numbers.
    Counts(&'a [u64]),
    /// Addresses.
    Addrs(&'a [IpAddr]),
}

impl Items<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Items::Uids(uids) => uids.len(),
            Items::Fuids(fuids) => fuids.len(),
            Items::Strs(strs) => strs.len(),
            Items::Texts(texts) => texts.len(),
            Items::Intervals(intervals) => intervals.len(),
            Items::Counts(counts) => counts.len(),
            Items::Addrs(addresses) => addresses.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The value of one field of one record.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Not known or not applicable (Zeek's `-`).
    Unset,
    /// A moment, nanoseconds since 1970-01-01 UTC.
    Time(i64),
    /// A length of time, nanoseconds.
    Interval(i64),
    /// An address.
    Addr(IpAddr),
    /// A port, or what Zeek writes in its place for ICMP.
    Port(u16),
    /// A number of things.
    Count(u64),
    /// A signed number.
    Int(i64),
    /// A real number.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// A text.
    Str(&'a str),
    /// A text of letters, digits, `_` and the like, not empty: no dialect has anything in it to escape.
    Word(&'a str),
    /// The letters of a history, at least one: a string to every dialect.
    Letters(&'a [u8]),
    /// A flow's identifier: a string to every dialect.
    Uid(Uid),
    /// A short text made on the spot, of printable ASCII without quotes, backslashes and commas: a string to every dialect, nothing in it to escape.
    Text(Text),
    /// A set or a vector.
    Set(Items<'a>),
}

impl<'a> Value<'a> {
    /// A count, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn count(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Value::Unset, |n| Value::Count(n.into()))
    }

    /// A signed number, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn int(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Value::Unset, |n| Value::Int(n.into()))
    }

    /// A length of time, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn interval(nanoseconds: Option<i64>) -> Self {
        nanoseconds.map_or(Value::Unset, Value::Interval)
    }

    /// True, false, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn bool(value: Option<bool>) -> Self {
        value.map_or(Value::Unset, Value::Bool)
    }

    /// A text, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn str(value: Option<&'a str>) -> Self {
        value.map_or(Value::Unset, Value::Str)
    }

    /// An address, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn addr(value: Option<IpAddr>) -> Self {
        value.map_or(Value::Unset, Value::Addr)
    }

    /// The elements, or nothing if there are none.
    #[inline(always)]
    #[must_use]
    pub fn items(items: Items<'a>) -> Self {
        if items.is_empty() {
            Value::Unset
        } else {
            Value::Set(items)
        }
    }

    /// A word, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn word(value: Option<&'a str>) -> Self {
        value.map_or(Value::Unset, Value::Word)
    }

    /// A text made on the spot, or nothing.
    #[inline(always)]
    #[must_use]
    pub fn text(value: Option<Text>) -> Self {
        value.map_or(Value::Unset, Value::Text)
    }

    /// Whether there is no value.
    #[inline(always)]
    #[must_use]
    pub fn is_unset(&self) -> bool {
        matches!(self, Value::Unset)
    }
}
