//! `rtp`: voices and pictures on their way.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Interval};
use crate::field::Storage;
use crate::value::Value;

/// One sender's stream as it began (RFC 3550). Zeek has no such log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rtp {
    /// The flow; `ts` is the time of the stream's first packet.
    pub head: Head,
    /// Whether the flow's originator sends it.
    pub from_orig: bool,
    /// The source's identifier.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Packets looked at.
    pub pkts: u64,
    /// Packets that are missing among them by their numbers.
    pub lost: u64,
    /// Interarrival jitter, nanoseconds (section 6.4.1), where the type says what its clock is.
    pub jitter: Option<i64>,
}

conversation_log! {
    /// The fields of `rtp`.
    RTP: Rtp, |r, x|
    Info::added("from_orig", Bool, "rtp.from_orig", Own(100), "The flow's originator sends it.") => Value::Bool(r.from_orig);
    Info::added("ssrc", Count, "rtp.ssrc", Own(101), "The source's identifier.").stored(Storage::U32) => Value::Count(r.ssrc.into());
    Info::added("payload_type", Count, "rtp.payload_type", Own(102), "Payload type: which codec.").stored(Storage::U8) => Value::Count(r.payload_type.into());
    Info::added("pkts", Count, "rtp.pkts", Own(103), "Packets looked at: the first ones of the stream.") => Value::Count(r.pkts);
    Info::added("lost", Count, "rtp.lost", Own(104), "Packets that are missing among them by their numbers.") => Value::Count(r.lost);
    Info::added("jitter", Interval, "rtp.jitter", Own(105), "Interarrival jitter (RFC 3550 section 6.4.1), where the payload type says what its clock is.").optional() => Value::interval(r.jitter);
}
