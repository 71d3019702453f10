//! What all records of a conversation begin with.

use std::net::{IpAddr, Ipv4Addr};

use crate::field::Ipfix::{ByFamily, Iana, Own};
use crate::field::Kind::{Addr, Port, Str, Time};
use crate::field::{Info, Storage};
use crate::{SourceId, Uid};

/// Whose record it is: the conversation, and a moment in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// When what the record tells of began; nanoseconds since 1970-01-01 UTC.
    pub ts: i64,
    /// The flow.
    pub uid: Uid,
    /// Originator's address.
    pub orig_h: IpAddr,
    /// Originator's port.
    pub orig_p: u16,
    /// Responder's address.
    pub resp_h: IpAddr,
    /// Responder's port.
    pub resp_p: u16,
    /// IP protocol number.
    pub ip_proto: u8,
    /// Which of the run's sources the flow began on.
    pub source: SourceId,
}

impl Default for Head {
    fn default() -> Self {
        Head {
            ts: 0,
            uid: Uid::default(),
            orig_h: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            orig_p: 0,
            resp_h: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            resp_p: 0,
            ip_proto: 0,
            source: SourceId::default(),
        }
    }
}

pub(super) const TS: Info = Info::zeek(
    "ts",
    Time,
    "timestamp",
    Iana(323),
    "When it was seen: the first packet of what the record tells of.",
);
pub(super) const UID: Info = Info::zeek(
    "uid",
    Str,
    "portreeve.uid",
    Own(1),
    "The flow it belongs to.",
);
pub(super) const ORIG_H: Info = Info::zeek(
    "id.orig_h",
    Addr,
    "src_ip",
    ByFamily(8, 27),
    "The originator's address.",
);
pub(super) const ORIG_P: Info = Info::zeek(
    "id.orig_p",
    Port,
    "src_port",
    Iana(7),
    "The originator's port.",
);
pub(super) const RESP_H: Info = Info::zeek(
    "id.resp_h",
    Addr,
    "dest_ip",
    ByFamily(12, 28),
    "The responder's address.",
);
pub(super) const RESP_P: Info = Info::zeek(
    "id.resp_p",
    Port,
    "dest_port",
    Iana(11),
    "The responder's port.",
);
pub(super) const SOURCE: Info = Info::added(
    "source",
    Str,
    "in_iface",
    Iana(82),
    "Interface or file the flow began on.",
)
.optional()
.stored(Storage::Name);
pub(super) const SENSOR: Info = Info::added(
    "sensor",
    Str,
    "host",
    Iana(300),
    "Name of the sensor that saw it.",
)
.stored(Storage::Name);
