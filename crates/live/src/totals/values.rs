//! Keys and sums that several kinds of totals share.

use std::net::IpAddr;

use portreeve_record::{App, ConnState, RecordContext, Value};

use super::bounded::{Key, Tally};
use super::sketch::{Distinct, Spread};
use crate::sum::Sum;

/// Bytes of a text that is a key, at most.
const LONGEST: usize = 256;

impl Key for IpAddr {}
impl Key for u8 {}
impl Key for [u8; 2] {}
impl Key for [u8; 3] {}
impl Key for (u8, u16) {}
impl Key for &'static str {}
impl Key for Option<&'static str> {}
impl Key for ConnState {}
impl Key for Option<u16> {}
impl Key for (Option<u16>, bool) {}
impl Key for Option<u32> {}
impl Key for (IpAddr, IpAddr, u16, u8) {}
impl Key for (IpAddr, u16, ConnState) {}

impl Key for Box<str> {
    fn heap(&self) -> usize {
        self.len()
    }
}

impl Key for (Box<str>, u16) {
    fn heap(&self) -> usize {
        self.0.len()
    }
}

impl Key for (Box<str>, Box<str>) {
    fn heap(&self) -> usize {
        self.0.len() + self.1.len()
    }
}

impl Key for (Option<Box<str>>, IpAddr, Option<u8>) {
    fn heap(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len())
    }
}

/// A text as a key: its begin, if it is very long.
pub(super) fn text(text: &str) -> Box<str> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

/// The name that a record gives a number, by the field that has it.
pub(super) fn name(app: &App, context: &RecordContext, field: &str) -> Option<Box<str>> {
    let mut name = None;
    app.record().fields(context, &mut |fields, values| {
        let its = fields
            .iter()
            .zip(values)
            .find(|(info, _)| info.name == field);
        name = match its {
            Some((_, Value::Word(word) | Value::Str(word))) => Some(text(word)),
            Some((_, Value::Text(short))) => Some(short.as_str().into()),
            _ => None,
        };
    });
    name
}

impl Tally for Sum {
    fn add(&mut self, other: &Self) {
        Sum::add(self, other);
    }

    fn weight(&self) -> u64 {
        self.bytes()
    }
}

/// What was carried, and between how many.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    pub sum: Sum,
    pub clients: Distinct,
    pub servers: Distinct,
}

impl Tally for Used {
    fn add(&mut self, other: &Self) {
        self.sum.add(&other.sum);
        self.clients.add(&other.clients);
        self.servers.add(&other.servers);
    }

    fn weight(&self) -> u64 {
        self.sum.bytes()
    }

    fn heap(&self) -> usize {
        self.clients.heap() + self.servers.heap()
    }
}

/// How often, between how many; and the name of a key that is a number.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub count: u64,
    pub clients: Distinct,
    pub servers: Distinct,
    pub name: Option<Box<str>>,
}

impl Seen {
    /// Once more.
    pub fn see(&mut self, client: IpAddr, server: IpAddr) {
        self.count += 1;
        self.clients.see(&client);
        self.servers.see(&server);
    }

    /// The same; the first time its name is asked for.
    pub fn see_named(
        &mut self,
        client: IpAddr,
        server: IpAddr,
        name: impl FnOnce() -> Option<Box<str>>,
    ) {
        if self.count == 0 {
            self.name = name();
        }
        self.see(client, server);
    }
}

impl Tally for Seen {
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.clients.add(&other.clients);
        self.servers.add(&other.servers);
        if self.name.is_none() {
            self.name.clone_from(&other.name);
        }
    }

    fn weight(&self) -> u64 {
        self.count
    }

    fn heap(&self) -> usize {
        let name = self.name.as_ref().map_or(0, |name| name.len());
        self.clients.heap() + self.servers.heap() + name
    }
}

impl Tally for Spread {
    fn add(&mut self, other: &Self) {
        Spread::add(self, other);
    }

    fn weight(&self) -> u64 {
        self.count()
    }

    fn heap(&self) -> usize {
        Spread::heap(self)
    }
}
