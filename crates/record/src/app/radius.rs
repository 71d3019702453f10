//! `radius`: somebody who wants in.

use std::net::IpAddr;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Addr, Interval, Str};
use crate::field::Storage;
use crate::value::Value;

/// One authentication (RFC 2865), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Radius {
    /// The flow; `ts` is the time of the first request.
    pub head: Head,
    /// `User-Name`.
    pub username: Option<Box<str>>,
    /// `Calling-Station-Id`, where it is a hardware address.
    pub mac: Option<Box<str>>,
    /// `Framed-IP-Address` of the server.
    pub framed_addr: Option<IpAddr>,
    /// `Tunnel-Client-Endpoint` (RFC 2868).
    pub remote_ip: Option<IpAddr>,
    /// `Connect-Info` (RFC 2869).
    pub connect_info: Option<Box<str>>,
    /// `Reply-Message` of the server.
    pub reply_msg: Option<Box<str>>,
    /// `success`, `failed` or `unknown`.
    pub result: &'static str,
    /// From the first request to the result, nanoseconds.
    pub ttl: Option<i64>,
}

conversation_log! {
    /// The fields of `radius`.
    RADIUS: Radius, |r, x|
    Info::zeek("username", Str, "radius.username", Own(100), "Who wants in.").optional() => Value::str(r.username.as_deref());
    Info::zeek("mac", Str, "radius.mac", Own(101), "The hardware address of the device.").optional() => Value::str(r.mac.as_deref());
    Info::zeek("framed_addr", Addr, "radius.framed_addr", Own(102), "The address the server gives to it.").optional() => Value::addr(r.framed_addr);
    Info::zeek("remote_ip", Addr, "radius.remote_ip", Own(103), "The address it comes from through a tunnel.").optional() => Value::addr(r.remote_ip);
    Info::zeek("connect_info", Str, "radius.connect_info", Own(104), "What is said of its connection.").optional() => Value::str(r.connect_info.as_deref());
    Info::zeek("reply_msg", Str, "radius.reply_msg", Own(105), "What the server has to say.").optional() => Value::str(r.reply_msg.as_deref());
    Info::zeek("result", Str, "radius.result", Own(106), "How it ended: success, failed or unknown.").optional().stored(Storage::Name) => Value::word((!r.result.is_empty()).then_some(r.result));
    Info::zeek("ttl", Interval, "radius.ttl", Own(107), "From the first request to the result.").optional() => Value::interval(r.ttl);
}
