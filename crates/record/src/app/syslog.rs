//! `syslog`: what programs have to say.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Enum, Str};
use crate::field::Storage;
use crate::proto;
use crate::value::{Text, Value};

/// One message (RFC 3164, RFC 5424), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Syslog {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// The number before the message: eight times the facility, and the severity.
    pub priority: Option<u16>,
    /// What follows the number.
    pub message: Box<str>,
}

const FACILITIES: [&str; 24] = [
    "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV",
    "FTP", "NTP", "AUDIT", "ALERT", "CLOCK", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4",
    "LOCAL5", "LOCAL6", "LOCAL7",
];
const SEVERITIES: [&str; 8] = [
    "EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG",
];

/// The name of a number, as Zeek has it.
fn name(names: &[&'static str], number: Option<u16>) -> Value<'static> {
    let Some(number) = number else {
        return Value::Word("UNSPECIFIED");
    };
    match names.get(usize::from(number)) {
        Some(name) => Value::Word(name),
        None => {
            let mut text = Text::from("?-");
            text.push_number(number.into());
            Value::Text(text)
        }
    }
}

conversation_log! {
    /// The fields of `syslog`.
    SYSLOG: Syslog, |s, x|
    Info::zeek("proto", Enum, "proto", Own(2), "Transport protocol.") => Value::Word(proto::name(s.head.ip_proto));
    Info::zeek("facility", Str, "syslog.facility", Own(100), "What kind of program it comes from.").stored(Storage::Name) => name(&FACILITIES, s.priority.map(|p| p >> 3));
    Info::zeek("severity", Str, "syslog.severity", Own(101), "How bad it is.").stored(Storage::Name) => name(&SEVERITIES, s.priority.map(|p| p & 7));
    Info::zeek("message", Str, "syslog.message", Own(102), "The message.") => Value::Str(&s.message);
}
