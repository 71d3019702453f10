//! `ntp`: clocks that are set.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Interval, Str, Time};
use crate::field::Storage;
use crate::value::Value;

/// One message of modes 1 to 5 (RFC 5905 section 7.3), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ntp {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// Version, 1 to 4.
    pub version: u8,
    /// Mode.
    pub mode: u8,
    /// Stratum.
    pub stratum: u8,
    /// The longest interval between messages, nanoseconds.
    pub poll: i64,
    /// Precision of the clock, nanoseconds.
    pub precision: i64,
    /// Round trip to the reference clock, nanoseconds.
    pub root_delay: i64,
    /// Dispersion to the reference clock, nanoseconds.
    pub root_disp: i64,
    /// The reference: a kiss code, a clock's name, or an address.
    pub ref_id: Box<str>,
    /// When the clock was last set.
    pub ref_time: i64,
    /// When the request left the client.
    pub org_time: i64,
    /// When it came to the server.
    pub rec_time: i64,
    /// When this message left.
    pub xmt_time: i64,
    /// Extension fields (RFC 7822).
    pub num_exts: u32,
    /// The two leap bits: 3 is a clock that is not set.
    pub leap: u8,
}

conversation_log! {
    /// The fields of `ntp`.
    NTP: Ntp, |n, x|
    Info::zeek("version", Count, "ntp.version", Own(100), "Version of the protocol.").stored(Storage::U8) => Value::Count(n.version.into());
    Info::zeek("mode", Count, "ntp.mode", Own(101), "Mode: 1 and 2 symmetric, 3 client, 4 server, 5 broadcast.").stored(Storage::U8) => Value::Count(n.mode.into());
    Info::zeek("stratum", Count, "ntp.stratum", Own(102), "Distance from a reference clock, which is 1.").stored(Storage::U8) => Value::Count(n.stratum.into());
    Info::zeek("poll", Interval, "ntp.poll", Own(103), "The longest interval between messages.") => Value::Interval(n.poll);
    Info::zeek("precision", Interval, "ntp.precision", Own(104), "Precision of the clock.") => Value::Interval(n.precision);
    Info::zeek("root_delay", Interval, "ntp.root_delay", Own(105), "Round trip to the reference clock.") => Value::Interval(n.root_delay);
    Info::zeek("root_disp", Interval, "ntp.root_disp", Own(106), "Dispersion to the reference clock.") => Value::Interval(n.root_disp);
    Info::zeek("ref_id", Str, "ntp.reference_id", Own(107), "The reference: a kiss code (stratum 0), a clock's name (1), or an address.") => Value::Str(&n.ref_id);
    Info::zeek("ref_time", Time, "ntp.ref_time", Own(108), "When the clock was last set.") => Value::Time(n.ref_time);
    Info::zeek("org_time", Time, "ntp.org_time", Own(109), "When the request left the client.") => Value::Time(n.org_time);
    Info::zeek("rec_time", Time, "ntp.rec_time", Own(110), "When the request came to the server.") => Value::Time(n.rec_time);
    Info::zeek("xmt_time", Time, "ntp.xmt_time", Own(111), "When this message left.") => Value::Time(n.xmt_time);
    Info::zeek("num_exts", Count, "ntp.num_exts", Own(112), "Number of extension fields.").stored(Storage::U32) => Value::Count(n.num_exts.into());
    Info::added("leap", Count, "ntp.leap", Own(113), "Leap indicator: 3 is a clock that is not set.").stored(Storage::U8) => Value::Count(n.leap.into());
}
