//! `dhcp`: a host that was given its address.

use std::net::{IpAddr, Ipv4Addr};

use super::{Head, head};
use crate::field::Info;
use crate::field::Ipfix::{ByFamily, Iana, Own};
use crate::field::Kind::{Addr, Count, Interval, Port, SetStr, Str, VecAddr, VecCount, VecStr};
use crate::field::Storage;
use crate::uid::Uid;
use crate::value::{Items, Value};

/// The messages of one transaction (RFC 2131), with Zeek's fields: as a session makes it, those in one flow; joined on the output side, those of all its flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dhcp {
    /// The flow of the first message; `ts` is its time.
    pub head: Head,
    /// All flows, if there are several.
    pub uids: Vec<Uid>,
    /// The client's address.
    pub client_addr: Option<IpAddr>,
    /// The server that handed the lease out.
    pub server_addr: Option<IpAddr>,
    /// The client's hardware address, six or eight bytes in hexadecimal.
    pub mac: Option<Box<str>>,
    /// Option 12 of the client.
    pub host_name: Option<Box<str>>,
    /// Option 81 of the client (RFC 4702).
    pub client_fqdn: Option<Box<str>>,
    /// Option 15 of the server.
    pub domain: Option<Box<str>>,
    /// Option 50 of the client.
    pub requested_addr: Option<Ipv4Addr>,
    /// `yiaddr` of the server.
    pub assigned_addr: Option<Ipv4Addr>,
    /// Option 51 of the server, nanoseconds.
    pub lease_time: Option<i64>,
    /// Option 56 of the client.
    pub client_message: Option<Box<str>>,
    /// Option 56 of the server.
    pub server_message: Option<Box<str>>,
    /// The types of the messages, in order.
    pub msg_types: Vec<Box<str>>,
    /// The times of the same messages, nanoseconds: they say in which order two parts go together.
    pub msg_times: Vec<i64>,
    /// From the first message to the last, nanoseconds.
    pub duration: i64,
    /// Identifier of the transaction (`xid`).
    pub trans_id: u32,
    /// Option 60 of the client.
    pub vendor_class: Option<Box<str>>,
    /// Option 55 of the client: numbers of the options it asks for, in its order.
    pub params: Vec<u64>,
    /// `giaddr`: the relay that the client is behind.
    pub relay_addr: Option<Ipv4Addr>,
    /// Option 3 of the server.
    pub routers: Vec<IpAddr>,
    /// Option 6 of the server.
    pub dns_servers: Vec<IpAddr>,
}

fn v4(address: Option<Ipv4Addr>) -> Value<'static> {
    Value::addr(address.map(IpAddr::V4))
}

fn flows(dhcp: &Dhcp) -> &[Uid] {
    if dhcp.uids.is_empty() {
        std::slice::from_ref(&dhcp.head.uid)
    } else {
        &dhcp.uids
    }
}

app_log! {
    /// The fields of `dhcp`.
    DHCP: Dhcp, |d, x|
    head::TS => Value::Time(d.head.ts);
    Info::zeek("uids", SetStr, "portreeve.uids", Own(1), "The flows the messages were in.") => Value::Set(Items::Uids(flows(d)));
    Info::zeek("client_addr", Addr, "dhcp.client_ip", Own(100), "The client's address: that of its messages, else the assigned one.").optional() => Value::addr(d.client_addr);
    Info::zeek("server_addr", Addr, "dhcp.server_ip", Own(101), "The server that handed the address out.").optional() => Value::addr(d.server_addr);
    Info::zeek("mac", Str, "dhcp.client_mac", Own(102), "The client's hardware address.").optional() => Value::str(d.mac.as_deref());
    Info::zeek("host_name", Str, "dhcp.hostname", Own(103), "The name the client gives itself (option 12).").optional() => Value::str(d.host_name.as_deref());
    Info::zeek("client_fqdn", Str, "dhcp.client_fqdn", Own(104), "The full name the client gives itself (option 81).").optional() => Value::str(d.client_fqdn.as_deref());
    Info::zeek("domain", Str, "dhcp.domain", Own(105), "The domain the server names (option 15).").optional() => Value::str(d.domain.as_deref());
    Info::zeek("requested_addr", Addr, "dhcp.requested_ip", Own(106), "The address the client asks for (option 50).").optional() => v4(d.requested_addr);
    Info::zeek("assigned_addr", Addr, "dhcp.assigned_ip", Own(107), "The address the server assigns.").optional() => v4(d.assigned_addr);
    Info::zeek("lease_time", Interval, "dhcp.lease_time", Own(108), "For how long it is assigned (option 51).").optional() => Value::interval(d.lease_time);
    Info::zeek("client_message", Str, "dhcp.client_message", Own(109), "What the client says of why it declines (option 56).").optional() => Value::str(d.client_message.as_deref());
    Info::zeek("server_message", Str, "dhcp.server_message", Own(110), "What the server says of why it refuses (option 56).").optional() => Value::str(d.server_message.as_deref());
    Info::zeek("msg_types", VecStr, "dhcp.dhcp_types", Own(111), "The types of the messages, in order.").optional() => Value::items(Items::Texts(&d.msg_types));
    Info::zeek("duration", Interval, "dhcp.duration", Own(112), "From the first message to the last.") => Value::Interval(d.duration);
    Info::added("trans_id", Count, "dhcp.id", Own(113), "Identifier of the transaction.").stored(Storage::U32) => Value::Count(d.trans_id.into());
    Info::added("vendor_class", Str, "dhcp.vendor_class_identifier", Own(114), "What the client says it is (option 60).").optional() => Value::str(d.vendor_class.as_deref());
    Info::added("params", VecCount, "dhcp.params", Own(115), "The options the client asks for, in its order (option 55).").optional() => Value::items(Items::Counts(&d.params));
    Info::added("relay_addr", Addr, "dhcp.relay_ip", Own(116), "The relay that the client is behind.").optional() => v4(d.relay_addr);
    Info::added("routers", VecAddr, "dhcp.routers", Own(117), "The routers the server names (option 3).").optional() => Value::items(Items::Addrs(&d.routers));
    Info::added("dns_servers", VecAddr, "dhcp.dns_servers", Own(118), "The name servers the server names (option 6).").optional() => Value::items(Items::Addrs(&d.dns_servers));
    Info::added("id.orig_h", Addr, "src_ip", ByFamily(8, 27), "The originator's address of the first flow.") => Value::Addr(d.head.orig_h);
    Info::added("id.orig_p", Port, "src_port", Iana(7), "Its originator's port.") => Value::Port(d.head.orig_p);
    Info::added("id.resp_h", Addr, "dest_ip", ByFamily(12, 28), "Its responder's address.") => Value::Addr(d.head.resp_h);
    Info::added("id.resp_p", Port, "dest_port", Iana(11), "Its responder's port.") => Value::Port(d.head.resp_p);
    head::SOURCE => x.source(d.head.source).into();
    head::SENSOR => x.sensor().into();
}
