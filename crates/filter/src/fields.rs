//! The fields that a filter knows beside the columns of a table.

use serde::Serialize;

/// What a field's values are, and what they are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An address or network, in any of these columns.
    Address(&'static [&'static str]),
    /// A number, in any of these columns.
    Number(&'static [&'static str]),
    /// A text that is written in one way only, in any of these columns.
    Name(&'static [&'static str], Spelling),
    /// Some of several names with commas between them, in this column.
    Names(&'static str),
    /// Any text, in any of these columns.
    Text(&'static [&'static str]),
    /// The sum of these columns.
    Sum(&'static [&'static str]),
    /// The sum of these columns, which are lengths of time.
    Interval(&'static [&'static str]),
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    AsIs,
    Lower,
    Upper,
}

/// A field that a filter knows, for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FilterField {
    /// Its name.
    pub name: &'static str,
    /// What it finds, in a sentence.
    pub doc: &'static str,
    /// A term with it.
    pub example: &'static str,
    #[serde(skip)]
    pub(crate) meaning: Meaning,
}

const fn field(
    name: &'static str,
    meaning: Meaning,
    example: &'static str,
    doc: &'static str,
) -> FilterField {
    FilterField {
        name,
        doc,
        example,
        meaning,
    }
}

const ADDRESSES: &[&str] = &["id.orig_h", "id.resp_h"];

static FIELDS: &[FilterField] = &[
    field(
        "host",
        Meaning::Address(ADDRESSES),
        "host:10.0.0.5",
        "An address or network at either end.",
    ),
    field(
        "net",
        Meaning::Address(ADDRESSES),
        "net:10.0.0.0/8",
        "The same as host.",
    ),
    field(
        "src",
        Meaning::Address(&["id.orig_h"]),
        "src:10.0.0.5",
        "The originator's address or network.",
    ),
    field(
        "dst",
        Meaning::Address(&["id.resp_h"]),
        "dst:192.0.2.0/24",
        "The responder's address or network.",
    ),
    field(
        "port",
        Meaning::Number(&["id.orig_p", "id.resp_p"]),
        "port:443",
        "A port at either end; 1000-2000 for a range.",
    ),
    field(
        "sport",
        Meaning::Number(&["id.orig_p"]),
        "sport:68",
        "The originator's port.",
    ),
    field(
        "dport",
        Meaning::Number(&["id.resp_p"]),
        "dport:443,8443",
        "The responder's port.",
    ),
    field(
        "proto",
        Meaning::Name(&["proto"], Spelling::Lower),
        "proto:udp",
        "Transport protocol.",
    ),
    field(
        "service",
        Meaning::Names("service"),
        "service:dns",
        "Application protocol.",
    ),
    field(
        "app",
        Meaning::Text(&["app"]),
        "app:netflix*",
        "The product behind the conversation.",
    ),
    field(
        "state",
        Meaning::Name(&["conn_state"], Spelling::Upper),
        "state:S0",
        "How a connection went, as conn_state.",
    ),
    field(
        "name",
        Meaning::Text(&["orig_name", "resp_name"]),
        "name:*.example.org",
        "A name of either end.",
    ),
    field(
        "country",
        Meaning::Name(&["orig_cc", "resp_cc"], Spelling::Upper),
        "country:DE",
        "The country of either end, two letters.",
    ),
    field(
        "asn",
        Meaning::Number(&["orig_asn", "resp_asn"]),
        "asn:15169",
        "The autonomous system of either end.",
    ),
    field(
        "as",
        Meaning::Text(&["orig_as_org", "resp_as_org"]),
        "as:*cloud*",
        "Who runs the autonomous system of either end.",
    ),
    field(
        "uid",
        Meaning::Name(&["uid"], Spelling::AsIs),
        "uid:C8Tr…",
        "The flow with this uid.",
    ),
    field(
        "bytes",
        Meaning::Sum(&["orig_ip_bytes", "resp_ip_bytes"]),
        "bytes>1MB",
        "Bytes of IP packets, both ways.",
    ),
    field(
        "sent",
        Meaning::Sum(&["orig_ip_bytes"]),
        "sent>1MB",
        "Bytes from the originator.",
    ),
    field(
        "received",
        Meaning::Sum(&["resp_ip_bytes"]),
        "received>1MB",
        "Bytes from the responder.",
    ),
    field(
        "packets",
        Meaning::Sum(&["orig_pkts", "resp_pkts"]),
        "packets>1000",
        "Packets, both ways.",
    ),
    field(
        "rtt",
        Meaning::Interval(&["syn_rtt", "ack_rtt"]),
        "rtt>100ms",
        "Round trip of the TCP handshake, both parts.",
    ),
    field(
        "retransmits",
        Meaning::Sum(&["orig_retransmits", "resp_retransmits"]),
        "retransmits>10",
        "Retransmitted segments, both ways.",
    ),
    field(
        "zero_windows",
        Meaning::Sum(&["orig_zero_windows", "resp_zero_windows"]),
        "zero_windows>0",
        "Times that a window became zero, both ways.",
    ),
    field(
        "missed",
        Meaning::Sum(&["missed_bytes"]),
        "missed>0",
        "Bytes that were acknowledged and never seen.",
    ),
];

/// The fields that a filter knows beside the columns of the table, in the order in which they are worth being offered.
#[must_use]
pub fn fields() -> &'static [FilterField] {
    FIELDS
}

/// The field that a name means: its own, or one of the other names that people know it by.
pub(crate) fn named(name: &str) -> Option<&'static FilterField> {
    let name = match name {
        "ip" => "host",
        "orig" => "src",
        "resp" => "dst",
        "cc" => "country",
        "pkts" => "packets",
        name => name,
    };
    FIELDS.iter().find(|field| field.name == name)
}
