//! `dhcpv6`: a host that was given its IPv6 address or prefix.

use std::net::IpAddr;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Addr, Count, Interval, Str, VecAddr, VecStr};
use crate::field::Storage;
use crate::value::{Items, Value};

/// The messages of one transaction in one flow (RFC 8415). Zeek has no such log by default; the names are those of `dhcp` where they mean the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dhcpv6 {
    /// The flow; `ts` is the time of the first message.
    pub head: Head,
    /// Identifier of the transaction, 24 bits.
    pub trans_id: u32,
    /// The types of the messages, in order.
    pub msg_types: Vec<Box<str>>,
    /// The client's identifier (DUID), hexadecimal.
    pub client_duid: Option<Box<str>>,
    /// The server's.
    pub server_duid: Option<Box<str>>,
    /// The hardware address in the client's identifier, if it is made of one.
    pub mac: Option<Box<str>>,
    /// Option 39 (RFC 4704).
    pub client_fqdn: Option<Box<str>>,
    /// Option 16, its first text.
    pub vendor_class: Option<Box<str>>,
    /// Addresses in the client's messages.
    pub requested_addrs: Vec<IpAddr>,
    /// Addresses in the server's.
    pub assigned_addrs: Vec<IpAddr>,
    /// Prefixes in the server's, as `address/length`.
    pub prefixes: Vec<Box<str>>,
    /// The valid lifetime of the last of them, nanoseconds.
    pub lease_time: Option<i64>,
    /// Option 23 of the server (RFC 3646).
    pub dns_servers: Vec<IpAddr>,
    /// Option 24 of the server.
    pub domains: Vec<Box<str>>,
    /// Status code, the last one that is not success.
    pub status: Option<u16>,
    /// The text that came with it.
    pub server_message: Option<Box<str>>,
    /// The link of the client, as the relay next to it says.
    pub relay_addr: Option<IpAddr>,
    /// From the first message to the last, nanoseconds.
    pub duration: i64,
}

conversation_log! {
    /// The fields of `dhcpv6`.
    DHCPV6: Dhcpv6, |d, x|
    Info::added("trans_id", Count, "dhcpv6.id", Own(100), "Identifier of the transaction.").stored(Storage::U32) => Value::Count(d.trans_id.into());
    Info::added("msg_types", VecStr, "dhcpv6.types", Own(101), "The types of the messages, in order.").optional() => Value::items(Items::Texts(&d.msg_types));
    Info::added("client_duid", Str, "dhcpv6.client_id", Own(102), "The client's identifier (DUID), hexadecimal.").optional() => Value::str(d.client_duid.as_deref());
    Info::added("server_duid", Str, "dhcpv6.server_id", Own(103), "The server's identifier (DUID), hexadecimal.").optional() => Value::str(d.server_duid.as_deref());
    Info::added("mac", Str, "dhcpv6.client_mac", Own(104), "The hardware address that the client's identifier is made of.").optional() => Value::str(d.mac.as_deref());
    Info::added("client_fqdn", Str, "dhcpv6.client_fqdn", Own(105), "The full name the client gives itself (option 39).").optional() => Value::str(d.client_fqdn.as_deref());
    Info::added("vendor_class", Str, "dhcpv6.vendor_class", Own(106), "What the client says it is (option 16).").optional() => Value::str(d.vendor_class.as_deref());
    Info::added("requested_addrs", VecAddr, "dhcpv6.requested_ips", Own(107), "The addresses the client names.").optional() => Value::items(Items::Addrs(&d.requested_addrs));
    Info::added("assigned_addrs", VecAddr, "dhcpv6.assigned_ips", Own(108), "The addresses the server assigns.").optional() => Value::items(Items::Addrs(&d.assigned_addrs));
    Info::added("prefixes", VecStr, "dhcpv6.prefixes", Own(109), "The prefixes the server delegates.").optional() => Value::items(Items::Texts(&d.prefixes));
    Info::added("lease_time", Interval, "dhcpv6.lease_time", Own(110), "For how long the last of them is valid.").optional() => Value::interval(d.lease_time);
    Info::added("dns_servers", VecAddr, "dhcpv6.dns_servers", Own(111), "The name servers the server names.").optional() => Value::items(Items::Addrs(&d.dns_servers));
    Info::added("domains", VecStr, "dhcpv6.domains", Own(112), "The domains to search that the server names.").optional() => Value::items(Items::Texts(&d.domains));
    Info::added("status", Count, "dhcpv6.status", Own(113), "Status code, where it is not success.").optional().stored(Storage::U16) => Value::count(d.status);
    Info::added("server_message", Str, "dhcpv6.status_message", Own(114), "The text that came with the status code.").optional() => Value::str(d.server_message.as_deref());
    Info::added("relay_addr", Addr, "dhcpv6.relay_ip", Own(115), "The link of the client, as the relay next to it says.").optional() => Value::addr(d.relay_addr);
    Info::added("duration", Interval, "dhcpv6.duration", Own(116), "From the first message to the last.") => Value::Interval(d.duration);
}
