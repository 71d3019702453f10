//! A value of a row, kept beyond its record.

use std::net::IpAddr;

use portreeve_record::Value;
use portreeve_record::value::Items;

/// A value, by how it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// There is none; an empty list is none either.
    Unset,
    Bool(bool),
    /// A number of any kind; intervals and times are nanoseconds.
    Number(i128),
    Double(f64),
    Address(IpAddr),
    Text(String),
    List(Vec<String>),
}

impl Cell {
    pub fn new(value: Value<'_>) -> Self {
        match value {
            Value::Bool(is) => Cell::Bool(is),
            Value::Port(port) => Cell::Number(port.into()),
            Value::Count(count) => Cell::Number(count.into()),
            Value::Int(number) | Value::Interval(number) | Value::Time(number) => {
                Cell::Number(number.into())
            }
            Value::Double(number) => Cell::Double(number),
            Value::Addr(address) => Cell::Address(address),
            Value::Str(text) | Value::Word(text) => Cell::Text(text.to_owned()),
            Value::Letters(letters) => Cell::Text(String::from_utf8_lossy(letters).into_owned()),
            Value::Uid(uid) => Cell::Text(uid.to_string()),
            Value::Text(text) => Cell::Text(text.as_str().to_owned()),
            Value::Set(items) if !items.is_empty() => Cell::List(strings(&items)),
            _ => Cell::Unset,
        }
    }
}

fn strings(items: &Items<'_>) -> Vec<String> {
    fn all<T: ToString>(items: &[T]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }
    match items {
        Items::Uids(uids) => all(uids),
        Items::Fuids(fuids) => all(fuids),
        Items::Strs(strs) => all(strs),
        Items::Texts(texts) => all(texts),
        Items::Intervals(intervals) => all(intervals),
        Items::Counts(counts) => all(counts),
        Items::Addrs(addresses) => all(addresses),
        _ => Vec::new(),
    }
}
