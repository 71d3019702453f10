//! `dnp3`: outstations that are asked and told.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Str};
use crate::field::Storage;
use crate::value::{Text, Value};

/// A request and its response (IEEE 1815), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dnp3 {
    /// The flow; `ts` is the time of the last message.
    pub head: Head,
    /// Function code of the request.
    pub fc_request: Option<u8>,
    /// Function code of the response.
    pub fc_reply: Option<u8>,
    /// The response's internal indications, 16 bits.
    pub iin: Option<u16>,
}

const REQUESTS: [&str; 34] = [
    "CONFIRM",
    "READ",
    "WRITE",
    "SELECT",
    "OPERATE",
    "DIRECT_OPERATE",
    "DIRECT_OPERATE_NR",
    "IMMED_FREEZE",
    "IMMED_FREEZE_NR",
    "FREEZE_CLEAR",
    "FREEZE_CLEAR_NR",
    "FREEZE_AT_TIME",
    "FREEZE_AT_TIME_NR",
    "COLD_RESTART",
    "WARM_RESTART",
    "INITIALIZE_DATA",
    "INITIALIZE_APPL",
    "START_APPL",
    "STOP_APPL",
    "SAVE_CONFIG",
    "ENABLE_UNSOLICITED",
    "DISABLE_UNSOLICITED",
    "ASSIGN_CLASS",
    "DELAY_MEASURE",
    "RECORD_CURRENT_TIME",
    "OPEN_FILE",
    "CLOSE_FILE",
    "DELETE_FILE",
    "GET_FILE_INFO",
    "AUTHENTICATE_FILE",
    "ABORT_FILE",
    "ACTIVATE_CONFIG",
    "AUTHENTICATE_REQ",
    "AUTHENTICATE_REQ_NR",
];

fn function(code: u8) -> Value<'static> {
    let name = match code {
        0x81 => Some("RESPONSE"),
        0x82 => Some("UNSOLICITED_RESPONSE"),
        0x83 => Some("AUTHENTICATE_RESP"),
        other => REQUESTS.get(usize::from(other)).copied(),
    };
    name.map_or_else(
        || {
            let mut text = Text::from("unknown-");
            text.push_number(code.into());
            Value::Text(text)
        },
        Value::Word,
    )
}

conversation_log! {
    /// The fields of `dnp3`.
    DNP3: Dnp3, |d, x|
    Info::zeek("fc_request", Str, "dnp3.request", Own(100), "What is asked.").optional().stored(Storage::Name) => d.fc_request.map_or(Value::Unset, function);
    Info::zeek("fc_reply", Str, "dnp3.response", Own(101), "What kind of answer it is.").optional().stored(Storage::Name) => d.fc_reply.map_or(Value::Unset, function);
    Info::zeek("iin", Count, "dnp3.iin", Own(102), "The answer's internal indications.").optional().stored(Storage::U16) => Value::count(d.iin);
}
