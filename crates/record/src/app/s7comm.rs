//! `s7comm`: Siemens' controllers that are asked and told.

use super::Head;
use super::cotp::hexadecimal;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str};
use crate::field::Storage;
use crate::value::{Text, Value};

/// One message, with the fields of ICSNPP's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct S7comm {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// Whether the flow's originator sent it.
    pub is_orig: bool,
    /// Kind of message: 1 a job, 2 its acknowledgement, 3 that with data, 7 user data.
    pub rosctr: u8,
    /// What links an answer to its request.
    pub pdu_reference: u16,
    /// Code of the function.
    pub function: Option<u8>,
    /// What of the function.
    pub subfunction: Option<Subfunction>,
    /// What went wrong, in an answer.
    pub error: Option<S7Error>,
}

/// What of a function.
#[derive(Clone, Debug, PartialEq)]
pub enum Subfunction {
    /// Of user data: a code.
    Code(u8),
    /// Of control: the name of a service.
    Service(Box<str>),
}

/// What an answer says of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S7Error {
    /// Class and code.
    Class(u8, u8),
    /// Of user data: a code alone.
    Parameter(u16),
}

const USER_DATA: u8 = 7;

fn rosctr_name(rosctr: u8) -> &'static str {
    match rosctr {
        1 => "Job-Request",
        2 => "ACK",
        3 => "ACK-Data",
        USER_DATA => "User-Data",
        _ => "unknown",
    }
}

fn function_name(s: &S7comm) -> Option<Value<'static>> {
    let code = s.function?;
    if s.rosctr != USER_DATA {
        return Some(Value::Word(match code {
            0x00 => "CPU Services",
            0x04 => "Read Variable",
            0x05 => "Write Variable",
            0x1a => "Request Download",
            0x1b => "Download Block",
            0x1c => "Download Ended",
            0x1d => "Start Upload",
            0x1e => "Upload",
            0x1f => "End Upload",
            0x28 => "PLC Control",
            0x29 => "PLC Stop",
            0xf0 => "Setup Communication",
            _ => "unknown",
        }));
    }
    let mut text = Text::from(match code >> 4 {
        4 => "Request: ",
        8 => "Response: ",
        0 => "Push: ",
        _ => "Unknown: ",
    });
    text.push_str(match code & 0xf {
        0x0 => "Mode-Transition",
        0x1 => "Programmer Controls",
        0x2 => "Cyclic Services",
        0x3 => "Block Functions",
        0x4 => "CPU Functions",
        0x5 => "Security",
        0x6 => "PBC BSEND-BRECV",
        0x7 => "Time Functions",
        0xf => "NC Programming",
        _ => "unknown",
    });
    Some(Value::Text(text))
}

/// The names of the functions of user data, by function and subfunction.
fn user_data_name(function: u8, subfunction: u8) -> &'static str {
    match (function & 0xf, subfunction) {
        (0, 0x00) => "Stop",
        (0, 0x01) => "Warm Restart",
        (0, 0x02) => "Run",
        (0, 0x03) => "Hot Restart",
        (0, 0x04) => "Hold",
        (0, 0x06) => "Cold Restart",
        (0, 0x09) => "Run_R",
        (0, 0x0b) => "Link-Up",
        (0, 0x0c) => "Update",
        (1, 0x01) => "Block Status",
        (1, 0x02) => "Variable Status",
        (1, 0x03) => "Output ISTACK",
        (1, 0x04) => "Output BSTACK",
        (1, 0x05) => "Output LSTACK",
        (1, 0x06) => "Time Measurement",
        (1, 0x07) => "Force Selection",
        (1, 0x08) => "Modify Variable",
        (1, 0x09) => "Force",
        (1, 0x0a) => "Breakpoint",
        (1, 0x0b) => "Exit HOLD",
        (1, 0x0c) => "Memory Reset",
        (1, 0x0d) => "Disable Job",
        (1, 0x0e) => "Enable Job",
        (1, 0x0f) => "Delete Job",
        (1, 0x10) => "Read Job List",
        (1, 0x11) => "Read Job",
        (1, 0x12) => "Replace Job",
        (1, 0x13) => "Block Status v2",
        (1, 0x16) => "Flash LED",
        (2, 0x01) => "Cyclic Transfer",
        (2, 0x04) => "Unsubscribe",
        (2, 0x05) => "Change Driven Transfer",
        (2, 0x07) => "Change Driven Transfer Modify",
        (2, 0x08) => "RDREC",
        (3, 0x01) => "List Blocks",
        (3, 0x02) => "List Blocks of Type",
        (3, 0x03) => "Get Block Info",
        (4, 0x01) => "Read SZL",
        (4, 0x02) => "Message Service",
        (4, 0x03) => "Diagnostic Message",
        (4, 0x04) => "ALARM_8 Indication",
        (4, 0x05) => "NOTIFY Indication",
        (4, 0x06) => "ALARM_8 Lock",
        (4, 0x07) => "ALARM_8 Unlock",
        (4, 0x08) => "SCAN Indication",
        (4, 0x0b) => "ALARM_S Indication",
        (4, 0x0c) => "ALARM_SQ Indication",
        (4, 0x0d) => "ALARM Query",
        (4, 0x0e) => "ALARM ACK",
        (4, 0x11) => "ALARM ACK Indication",
        (4, 0x12) => "ALARM Lock Indication",
        (4, 0x13) => "ALARM Unlock Indication",
        (4, 0x16) => "NOTIFY_8 Indication",
        (5, 0x01) => "PLC Password",
        (7, 0x01) => "Read Clock",
        (7, 0x02) => "Set Clock",
        (7, 0x03) => "Read Clock (Following)",
        (7, 0x04) => "Set Clock (2)",
        _ => "unknown",
    }
}

/// The services of control that a programmer's station calls.
fn service_name(name: &str) -> &'static str {
    match name {
        "_INSE" | "_INS2" => "Activates a PLC module",
        "_DELE" => "Removes module from the PLC's passive file system",
        "P_PROGRAM" => "PLC Start / Stop",
        "_MODU" => "PLC Copy Ram to Rom",
        "_GARB" => "Compress PLC memory",
        _ => "unknown",
    }
}

fn subfunction_code(s: &S7comm) -> Value<'_> {
    match &s.subfunction {
        None => Value::Unset,
        Some(Subfunction::Code(code)) => hexadecimal((*code).into(), 2),
        Some(Subfunction::Service(name)) => Value::Str(name),
    }
}

fn subfunction_name(s: &S7comm) -> Value<'static> {
    match &s.subfunction {
        None => Value::Unset,
        Some(Subfunction::Code(code)) => {
            Value::Word(user_data_name(s.function.unwrap_or_default(), *code))
        }
        Some(Subfunction::Service(name)) => Value::Word(service_name(name)),
    }
}

fn error_class(error: S7Error) -> Value<'static> {
    let name = match error {
        S7Error::Class(0, _) | S7Error::Parameter(0) => "No error",
        S7Error::Parameter(_) => "Parameter Error",
        S7Error::Class(class, _) => match class {
            0x81 => "Application relationship error",
            0x82 => "Object definition error",
            0x83 => "No resources available error",
            0x84 => "Error on service processing",
            0x85 => "Error on supplies",
            0x87 => "Access error",
            other => {
                let mut text = Text::from("Unknown error class-");
                if let Value::Text(code) = hexadecimal(other.into(), 2) {
                    text.push_str(code.as_str());
                }
                return Value::Text(text);
            }
        },
    };
    Value::Word(name)
}

fn error_code(error: S7Error) -> Value<'static> {
    match error {
        S7Error::Class(_, code) => hexadecimal(code.into(), 2),
        S7Error::Parameter(code) => hexadecimal(code, 2),
    }
}

conversation_log! {
    /// The fields of `s7comm`.
    S7COMM: S7comm, |s, x|
    Info::zeek("is_orig", Bool, "s7comm.is_orig", Own(100), "Whether the originator sent it.") => Value::Bool(s.is_orig);
    Info::zeek("rosctr_code", Count, "s7comm.rosctr_code", Own(101), "Kind of message: 1 a job, 2 its acknowledgement, 3 that with data, 7 user data.").stored(Storage::U8) => Value::Count(s.rosctr.into());
    Info::zeek("rosctr_name", Str, "s7comm.rosctr_name", Own(102), "Kind of message.").stored(Storage::Name) => Value::Word(rosctr_name(s.rosctr));
    Info::zeek("pdu_reference", Count, "s7comm.pdu_reference", Own(103), "What links an answer to its request; lowest byte first, as in ICSNPP.").stored(Storage::U16) => Value::Count(s.pdu_reference.into());
    Info::zeek("function_code", Str, "s7comm.function_code", Own(104), "Code of the function, hexadecimal.").optional().stored(Storage::Name) => s.function.map_or(Value::Unset, |code| hexadecimal(code.into(), 2));
    Info::zeek("function_name", Str, "s7comm.function_name", Own(105), "The function.").optional().stored(Storage::Name) => function_name(s).unwrap_or(Value::Unset);
    Info::zeek("subfunction_code", Str, "s7comm.subfunction_code", Own(106), "Code of the subfunction, hexadecimal, or the name of a service of control.").optional().stored(Storage::Name) => subfunction_code(s);
    Info::zeek("subfunction_name", Str, "s7comm.subfunction_name", Own(107), "The subfunction.").optional().stored(Storage::Name) => subfunction_name(s);
    Info::zeek("error_class", Str, "s7comm.error_class", Own(108), "Class of the error.").optional().stored(Storage::Name) => s.error.map_or(Value::Unset, error_class);
    Info::zeek("error_code", Str, "s7comm.error_code", Own(109), "Code of the error, hexadecimal.").optional().stored(Storage::Name) => s.error.map_or(Value::Unset, error_code);
}
