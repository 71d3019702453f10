//! `known_services`: a host that serves something.

use std::net::{IpAddr, Ipv4Addr};

use super::Head;
use super::head::{SENSOR, SOURCE, TS, UID};
use crate::field::Info;
use crate::field::Ipfix::{ByFamily, Iana, Own};
use crate::field::Kind::{Addr, Enum, Port, SetStr, Str};
use crate::proto;
use crate::value::{Items, Value};

/// A port that answered, with Zeek's fields. It is made on the output side, of `conn` records.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownServices {
    /// The conversation that showed it; `ts` is when.
    pub head: Head,
    /// The address that serves.
    pub host: IpAddr,
    /// The port, host order.
    pub port_num: u16,
    /// Number of the transport protocol.
    pub port_proto: u8,
    /// The protocols of the conversation, in capitals as in Zeek; none if they were not recognised.
    pub service: Vec<Box<str>>,
}

impl Default for KnownServices {
    fn default() -> Self {
        KnownServices {
            head: Head::default(),
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port_num: 0,
            port_proto: 0,
            service: Vec::new(),
        }
    }
}

app_log! {
    /// The fields of `known_services`.
    KNOWN_SERVICES: KnownServices, |k, x|
    TS => Value::Time(k.head.ts);
    Info::zeek("host", Addr, "known_services.host", ByFamily(8, 27), "The address that serves.") => Value::Addr(k.host);
    Info::zeek("port_num", Port, "known_services.port_num", Iana(7), "The port that answered.") => Value::Port(k.port_num);
    Info::zeek("port_proto", Enum, "known_services.port_proto", Own(2), "Its transport protocol.") => Value::Word(proto::name(k.port_proto));
    Info::zeek("service", SetStr, "known_services.service", Own(100), "The protocols it spoke, in capitals as in Zeek; empty if none was recognised.") => Value::Set(Items::Texts(&k.service));
    Info::added(UID.name, Str, UID.eve, Own(1), "The flow that showed it.") => Value::Uid(k.head.uid);
    SOURCE => x.source(k.head.source).into();
    SENSOR => x.sensor().into();
}
