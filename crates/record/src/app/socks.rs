//! `socks`: a connection made through a proxy.

use std::net::IpAddr;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Addr, Count, Port, Str};
use crate::field::Storage;
use crate::value::Value;

/// A request to a SOCKS proxy and its answer (RFC 1928), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Socks {
    /// The conversation; `ts` is the client's first word.
    pub head: Head,
    /// 4 or 5.
    pub version: u8,
    /// The user's name.
    pub user: Option<Box<str>>,
    /// What the proxy answered.
    pub status: Option<&'static str>,
    /// Where the client wants to go.
    pub request: Place,
    /// What the proxy uses on the other side.
    pub bound: Place,
}

/// An address or a name, and a port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Address.
    pub host: Option<IpAddr>,
    /// Name.
    pub name: Option<Box<str>>,
    /// Port.
    pub port: Option<u16>,
}

conversation_log! {
    /// The fields of `socks`.
    SOCKS: Socks, |s, x|
    Info::zeek("version", Count, "socks.version", Own(100), "Version of the protocol: 4 or 5.").stored(Storage::U8) => Value::Count(s.version.into());
    Info::zeek("user", Str, "socks.user", Own(101), "The user's name.").optional() => Value::str(s.user.as_deref());
    Info::zeek("password", Str, "socks.password", Own(102), "Always unset: passwords are not written.").optional() => Value::Unset;
    Info::zeek("status", Str, "socks.status", Own(103), "What the proxy answered.").optional().stored(Storage::Name) => Value::str(s.status);
    Info::zeek("request.host", Addr, "socks.request_ip", Own(104), "The address that the client wants to reach.").optional() => Value::addr(s.request.host);
    Info::zeek("request.name", Str, "socks.request_name", Own(105), "The name that the client wants to reach.").optional() => Value::str(s.request.name.as_deref());
    Info::zeek("request_p", Port, "socks.request_port", Own(106), "The port that the client wants to reach.").optional() => s.request.port.map_or(Value::Unset, Value::Port);
    Info::zeek("bound.host", Addr, "socks.bound_ip", Own(107), "The address that the proxy uses for it.").optional() => Value::addr(s.bound.host);
    Info::zeek("bound.name", Str, "socks.bound_name", Own(108), "The name that the proxy uses for it.").optional() => Value::str(s.bound.name.as_deref());
    Info::zeek("bound_p", Port, "socks.bound_port", Own(109), "The port that the proxy uses for it.").optional() => s.bound.port.map_or(Value::Unset, Value::Port);
}
