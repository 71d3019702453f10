//! `s7comm_plus`: Siemens' newer controllers that are asked and told.

use super::Head;
use super::cotp::hexadecimal;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str};
use crate::field::Storage;
use crate::value::Value;

/// One message, with the fields of ICSNPP's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct S7commPlus {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// Whether the flow's originator sent it.
    pub is_orig: bool,
    /// Version of the protocol.
    pub version: u8,
    /// Kind of message.
    pub opcode: u8,
    /// Code of the function; a notification has none.
    pub function: Option<u16>,
}

fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        0x31 => "Request",
        0x32 => "Response",
        0x33 => "Notification",
        _ => "unknown",
    }
}

fn function_name(code: u16) -> &'static str {
    match code {
        0x04bb => "Explore",
        0x04ca => "Create Object",
        0x04d4 => "Delete Object",
        0x04f2 => "Set Variable",
        0x0524 => "Get Link",
        0x0542 => "Set Multi Variables",
        0x054c => "Get Multi Variables",
        0x0556 => "Begin Sequence",
        0x0560 => "End Sequence",
        0x056b => "Invoke",
        0x0586 => "Get Variable Sub Streamed",
        _ => "unknown",
    }
}

conversation_log! {
    /// The fields of `s7comm_plus`.
    S7COMM_PLUS: S7commPlus, |s, x|
    Info::zeek("is_orig", Bool, "s7comm_plus.is_orig", Own(100), "Whether the originator sent it.") => Value::Bool(s.is_orig);
    Info::zeek("version", Count, "s7comm_plus.version", Own(101), "Version of the protocol.").stored(Storage::U8) => Value::Count(s.version.into());
    Info::zeek("opcode", Str, "s7comm_plus.opcode", Own(102), "Kind of message, hexadecimal.").stored(Storage::Name) => hexadecimal(s.opcode.into(), 2);
    Info::zeek("opcode_name", Str, "s7comm_plus.opcode_name", Own(103), "Kind of message.").stored(Storage::Name) => Value::Word(opcode_name(s.opcode));
    Info::zeek("function_code", Str, "s7comm_plus.function_code", Own(104), "Code of the function, hexadecimal.").optional().stored(Storage::Name) => s.function.map_or(Value::Unset, |code| hexadecimal(code, 4));
    Info::zeek("function_name", Str, "s7comm_plus.function_name", Own(105), "The function.").optional().stored(Storage::Name) => s.function.map_or(Value::Unset, |code| Value::Word(function_name(code)));
}
