//! `cotp`: connections that controllers' protocols run in.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Str};
use crate::field::Storage;
use crate::value::{Text, Value};

/// A message of ISO's transport protocol (RFC 905 section 13) other than data, with the fields of ICSNPP's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cotp {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// Whether the flow's originator sent it.
    pub is_orig: bool,
    /// The kind of message: the upper half of its code.
    pub pdu: u8,
}

fn name(pdu: u8) -> Value<'static> {
    Value::Word(match pdu {
        0x1 => "ED Expedited Data",
        0x2 => "EA Expedited Data Acknowledgement",
        0x5 => "RJ Reject",
        0x6 => "AK Data Acknowledgement",
        0x7 => "ER TPDU Error",
        0x8 => "DR Disconnect Request",
        0xc => "DC Disconnect Confirm",
        0xd => "CC Connection Confirm",
        0xe => "CR Connection Request",
        0xf => "DT Data",
        _ => "unknown",
    })
}

/// A number as `0x` and at least `digits` hexadecimal digits.
pub(super) fn hexadecimal(number: u16, digits: u32) -> Value<'static> {
    let mut text = Text::from("0x");
    let needed = (u16::BITS - number.leading_zeros()).div_ceil(4).max(digits);
    for at in (0..needed).rev() {
        let digit = usize::from(number >> (4 * at) & 0xf);
        text.push_str("0123456789abcdef".get(digit..=digit).unwrap_or_default());
    }
    Value::Text(text)
}

conversation_log! {
    /// The fields of `cotp`.
    COTP: Cotp, |c, x|
    Info::zeek("is_orig", Bool, "cotp.is_orig", Own(100), "Whether the originator sent it.") => Value::Bool(c.is_orig);
    Info::zeek("pdu_code", Str, "cotp.pdu_code", Own(101), "Kind of message, hexadecimal.").stored(Storage::Name) => hexadecimal(c.pdu.into(), 2);
    Info::zeek("pdu_name", Str, "cotp.pdu_name", Own(102), "Kind of message.").stored(Storage::Name) => name(c.pdu);
}
