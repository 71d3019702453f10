//! `snmp`: devices that are asked how they are.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Interval, Str, Time};
use crate::field::Storage;
use crate::value::Value;

/// What was asked and answered in one flow, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snmp {
    /// The flow; `ts` is the time of the first message.
    pub head: Head,
    /// From the first message to the last, nanoseconds.
    pub duration: i64,
    /// `1`, `2c` or `3`.
    pub version: &'static str,
    /// Community of the first message that has one; of version 3 the user.
    pub community: Option<Box<str>>,
    /// Variables in get and get-next requests.
    pub get_requests: u64,
    /// Variables in get-bulk requests.
    pub get_bulk_requests: u64,
    /// Variables in responses.
    pub get_responses: u64,
    /// Variables in set requests.
    pub set_requests: u64,
    /// `sysDescr.0` in a response.
    pub display_string: Option<Box<str>>,
    /// The time of a response less its `sysUpTime.0`.
    pub up_since: Option<i64>,
}

conversation_log! {
    /// The fields of `snmp`.
    SNMP: Snmp, |s, x|
    Info::zeek("duration", Interval, "snmp.duration", Own(100), "From the first message to the last.") => Value::Interval(s.duration);
    Info::zeek("version", Str, "snmp.version", Own(101), "Version: 1, 2c or 3.").stored(Storage::Name) => Value::Str(s.version);
    Info::zeek("community", Str, "snmp.community", Own(102), "Community of the first message; of version 3 the user.").optional() => Value::str(s.community.as_deref());
    Info::zeek("get_requests", Count, "snmp.get_requests", Own(103), "Variables in get and get-next requests.") => Value::Count(s.get_requests);
    Info::zeek("get_bulk_requests", Count, "snmp.get_bulk_requests", Own(104), "Variables in get-bulk requests.") => Value::Count(s.get_bulk_requests);
    Info::zeek("get_responses", Count, "snmp.get_responses", Own(105), "Variables in responses.") => Value::Count(s.get_responses);
    Info::zeek("set_requests", Count, "snmp.set_requests", Own(106), "Variables in set requests.") => Value::Count(s.set_requests);
    Info::zeek("display_string", Str, "snmp.display_string", Own(107), "What the device says it is (sysDescr).").optional() => Value::str(s.display_string.as_deref());
    Info::zeek("up_since", Time, "snmp.up_since", Own(108), "Since when the device says it is up (sysUpTime).").optional() => s.up_since.map_or(Value::Unset, Value::Time);
}
