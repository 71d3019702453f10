//! `modbus`: controllers that are asked and told.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Str};
use crate::field::Storage;
use crate::value::{Text, Value};

/// One message, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modbus {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// Identifier of the transaction.
    pub tid: u16,
    /// Unit behind the address.
    pub unit: u8,
    /// Function code; its highest bit says that it failed.
    pub func: u8,
    /// Whether it is a request.
    pub request: bool,
    /// Why it failed.
    pub exception: Option<u8>,
}

const FAILED: u8 = 0x80;

fn function(code: u8) -> Option<&'static str> {
    Some(match code {
        0x01 => "READ_COILS",
        0x02 => "READ_DISCRETE_INPUTS",
        0x03 => "READ_HOLDING_REGISTERS",
        0x04 => "READ_INPUT_REGISTERS",
        0x05 => "WRITE_SINGLE_COIL",
        0x06 => "WRITE_SINGLE_REGISTER",
        0x07 => "READ_EXCEPTION_STATUS",
        0x08 => "DIAGNOSTICS",
        0x09 => "PROGRAM_484",
        0x0a => "POLL_484",
        0x0b => "GET_COMM_EVENT_COUNTER",
        0x0c => "GET_COMM_EVENT_LOG",
        0x0d => "PROGRAM_584_984",
        0x0e => "POLL_584_984",
        0x0f => "WRITE_MULTIPLE_COILS",
        0x10 => "WRITE_MULTIPLE_REGISTERS",
        0x11 => "REPORT_SLAVE_ID",
        0x12 => "PROGRAM_884_U84",
        0x13 => "RESET_COMM_LINK_884_U84",
        0x14 => "READ_FILE_RECORD",
        0x15 => "WRITE_FILE_RECORD",
        0x16 => "MASK_WRITE_REGISTER",
        0x17 => "READ_WRITE_MULTIPLE_REGISTERS",
        0x18 => "READ_FIFO_QUEUE",
        0x28 => "PROGRAM_CONCEPT",
        0x29 => "MULTIPLE_FUNCTION_CODES",
        0x2b => "ENCAP_INTERFACE_TRANSPORT",
        0x5a => "PROGRAM_UNITY",
        0x5b => "OBJECT_MESSAGING",
        0x7d => "FIRMWARE_REPLACEMENT",
        0x7e => "PROGRAM_584_984_2",
        0x7f => "REPORT_LOCAL_ADDRESS",
        _ => return None,
    })
}

fn unknown(number: u8) -> Value<'static> {
    let mut text = Text::from("unknown-");
    text.push_number(number.into());
    Value::Text(text)
}

fn function_name(code: u8) -> Value<'static> {
    match function(code & !FAILED) {
        Some(name) if code & FAILED == 0 => Value::Word(name),
        Some(name) => {
            let mut text = Text::from(name);
            text.push_str("_EXCEPTION");
            Value::Text(text)
        }
        None => unknown(code),
    }
}

fn exception_name(code: u8) -> Value<'static> {
    Value::Word(match code {
        0x01 => "ILLEGAL_FUNCTION",
        0x02 => "ILLEGAL_DATA_ADDRESS",
        0x03 => "ILLEGAL_DATA_VALUE",
        0x04 => "SLAVE_DEVICE_FAILURE",
        0x05 => "ACKNOWLEDGE",
        0x06 => "SLAVE_DEVICE_BUSY",
        0x08 => "MEMORY_PARITY_ERROR",
        0x0a => "GATEWAY_PATH_UNAVAILABLE",
        0x0b => "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND",
        other => return unknown(other),
    })
}

conversation_log! {
    /// The fields of `modbus`.
    MODBUS: Modbus, |m, x|
    Info::zeek("tid", Count, "modbus.id", Own(100), "Identifier of the transaction.").stored(Storage::U16) => Value::Count(m.tid.into());
    Info::zeek("unit", Count, "modbus.unit_id", Own(101), "Unit behind the address.").stored(Storage::U8) => Value::Count(m.unit.into());
    Info::zeek("func", Str, "modbus.function", Own(102), "What is asked or answered.").stored(Storage::Name) => function_name(m.func);
    Info::zeek("pdu_type", Str, "modbus.pdu_type", Own(103), "REQ for a request, RESP for a response.").stored(Storage::Name) => Value::Word(if m.request { "REQ" } else { "RESP" });
    Info::zeek("exception", Str, "modbus.exception", Own(104), "Why it failed.").optional().stored(Storage::Name) => m.exception.map_or(Value::Unset, exception_name);
}
