//! `known_hosts`: a host that was seen to talk.

use std::net::{IpAddr, Ipv4Addr};

use super::Head;
use super::head::{SENSOR, SOURCE, TS, UID};
use crate::field::Info;
use crate::field::Ipfix::{ByFamily, Own};
use crate::field::Kind::{Addr, Str};
use crate::value::Value;

/// A host that finished a handshake of TCP, with Zeek's fields. It is made on the output side, of `conn` records.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownHosts {
    /// The conversation that showed it; `ts` is when.
    pub head: Head,
    /// Its address.
    pub host: IpAddr,
}

impl Default for KnownHosts {
    fn default() -> Self {
        KnownHosts {
            head: Head::default(),
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        }
    }
}

app_log! {
    /// The fields of `known_hosts`.
    KNOWN_HOSTS: KnownHosts, |k, x|
    TS => Value::Time(k.head.ts);
    Info::zeek("host", Addr, "known_hosts.host", ByFamily(8, 27), "The host's address.") => Value::Addr(k.host);
    Info::added(UID.name, Str, UID.eve, Own(1), "The flow that showed it.") => Value::Uid(k.head.uid);
    SOURCE => x.source(k.head.source).into();
    SENSOR => x.sensor().into();
}
