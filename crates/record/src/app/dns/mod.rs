//! `dns`: a name looked up.

mod names;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Enum, Interval, Str, VecInterval, VecStr};
use crate::field::Storage;
use crate::proto;
use crate::value::{Items, Value};

/// A question and what answered it (RFC 1035 section 4), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dns {
    /// The conversation; `ts` is the query's time, or the answer's where no query was seen.
    pub head: Head,
    /// Identifier of the transaction.
    pub trans_id: Option<u16>,
    /// From query to answer, nanoseconds.
    pub rtt: Option<i64>,
    /// The name asked for, without the last dot.
    pub query: Option<Box<str>>,
    /// Class of the question; over mDNS with the bit for a unicast answer (RFC 6762 section 5.4).
    pub qclass: Option<u16>,
    /// Type of the question.
    pub qtype: Option<u16>,
    /// Response code, the bits of EDNS included (RFC 6891 section 6.1.3).
    pub rcode: Option<u16>,
    /// AA, TC, RD, RA: authoritative answer, truncated, recursion desired, recursion available. As in Zeek, AA and RA are those of a reply that has answers.
    pub flags: DnsFlags,
    /// The 3 bits between RA and the response code (Z; AD and CD are two of them now).
    pub z: u8,
    /// The answers: addresses, names, texts.
    pub answers: Vec<Box<str>>,
    /// Their times to live, nanoseconds.
    pub ttls: Vec<i64>,
    /// Whether the server refused, as Zeek tells it: a reply without any record, or one with an error and without the question.
    pub rejected: bool,
    /// Operation code (RFC 1035 section 4.1.1; of NBNS RFC 1002 section 4.2.1.1): 0 is a standard query.
    pub opcode: u8,
    /// Whether the query was seen.
    pub saw_query: bool,
    /// Whether a reply was seen.
    pub saw_reply: bool,
}

/// Flags of a header of DNS (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct DnsFlags {
    pub authoritative: bool,
    pub truncated: bool,
    pub recursion_desired: bool,
    pub recursion_available: bool,
}

/// The port of NetBIOS' name service.
const NBNS_PORT: u16 = 137;

impl Dns {
    /// The name of a type of resource record, as `qtype_name` has it.
    #[must_use]
    pub fn type_name(kind: u16) -> String {
        match names::record_type(kind, false) {
            Value::Word(name) => name.to_owned(),
            Value::Text(text) => text.as_str().to_owned(),
            _ => String::new(),
        }
    }

    /// Whether it is NetBIOS' name service, whose numbers mean other things.
    fn nbns(&self) -> bool {
        self.head.resp_p == NBNS_PORT || self.head.orig_p == NBNS_PORT
    }
}

conversation_log! {
    /// The fields of `dns`.
    DNS: Dns, |d, x|
    Info::zeek("proto", Enum, "proto", Own(2), "Transport protocol.") => Value::Word(proto::name(d.head.ip_proto));
    Info::zeek("trans_id", Count, "dns.id", Own(100), "Identifier of the transaction.").optional().stored(Storage::U16) => Value::count(d.trans_id);
    Info::zeek("rtt", Interval, "dns.rtt", Own(101), "From the query to its answer.").optional() => Value::interval(d.rtt);
    Info::zeek("query", Str, "dns.rrname", Own(102), "The name asked for.").optional() => Value::str(d.query.as_deref());
    Info::zeek("qclass", Count, "dns.qclass", Own(103), "Class of the question, as a number.").optional().stored(Storage::U16) => Value::count(d.qclass);
    Info::zeek("qclass_name", Str, "dns.qclass_name", Own(104), "Class of the question.").optional().stored(Storage::Name) => d.qclass.map_or(Value::Unset, names::class);
    Info::zeek("qtype", Count, "dns.qtype", Own(105), "Type of the question, as a number.").optional().stored(Storage::U16) => Value::count(d.qtype);
    Info::zeek("qtype_name", Str, "dns.rrtype", Own(106), "Type of the question.").optional().stored(Storage::Name) => d.qtype.map_or(Value::Unset, |kind| names::record_type(kind, d.nbns()));
    Info::zeek("rcode", Count, "dns.rcode_number", Own(107), "Response code, as a number.").optional().stored(Storage::U16) => Value::count(d.rcode);
    Info::zeek("rcode_name", Str, "dns.rcode", Own(108), "Response code.").optional().stored(Storage::Name) => d.rcode.map_or(Value::Unset, names::response_code);
    Info::zeek("AA", Bool, "dns.aa", Own(109), "The answer is authoritative.") => Value::Bool(d.flags.authoritative);
    Info::zeek("TC", Bool, "dns.tc", Own(110), "The message was truncated.") => Value::Bool(d.flags.truncated);
    Info::zeek("RD", Bool, "dns.rd", Own(111), "Recursion was asked for.") => Value::Bool(d.flags.recursion_desired);
    Info::zeek("RA", Bool, "dns.ra", Own(112), "Recursion is to be had.") => Value::Bool(d.flags.recursion_available);
    Info::zeek("Z", Count, "dns.z", Own(113), "The three bits between RA and the response code: 2 is AD, 1 is CD (RFC 4035).").stored(Storage::U8) => Value::Count(d.z.into());
    Info::zeek("answers", VecStr, "dns.answers", Own(114), "The answers, in their order.").optional() => Value::items(Items::Texts(&d.answers));
    Info::zeek("TTLs", VecInterval, "dns.ttls", Own(115), "Their times to live.").optional() => Value::items(Items::Intervals(&d.ttls));
    Info::zeek("rejected", Bool, "dns.rejected", Own(116), "The server refused to answer.") => Value::Bool(d.rejected);
    Info::zeek("opcode", Count, "dns.opcode", Own(117), "Operation code, as a number.").stored(Storage::U8) => Value::Count(d.opcode.into());
    Info::zeek("opcode_name", Str, "dns.opcode_name", Own(118), "Operation code.").stored(Storage::Name) => names::opcode(d.opcode, d.nbns());
    Info::added("saw_query", Bool, "dns.saw_query", Own(119), "The query was seen.") => Value::Bool(d.saw_query);
    Info::added("saw_reply", Bool, "dns.saw_reply", Own(120), "A reply was seen: the response code is its.") => Value::Bool(d.saw_reply);
}
