//! `ldap`: what is asked of directories, searches apart.

mod names;

pub use names::result;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Int, Str};
use crate::field::Storage;
use crate::value::Value;

/// A request of LDAP (RFC 4511) and what answered it, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ldap {
    /// The conversation; `ts` is the request's time.
    pub head: Head,
    /// Identifier of the message.
    pub message_id: i32,
    /// Version that a bind asks for.
    pub version: Option<i32>,
    /// What was asked.
    pub opcode: Option<&'static str>,
    /// Result code (RFC 4511 section 4.1.9).
    pub result: Option<u32>,
    /// What the server says of it.
    pub diagnostic_message: Option<Box<str>>,
    /// What it is about: a name, or an extended operation.
    pub object: Option<Box<str>>,
    /// The mechanism of a bind, or what else belongs to the request.
    pub argument: Option<Box<str>>,
}

conversation_log! {
    /// The fields of `ldap`.
    LDAP: Ldap, |l, x|
    Info::zeek("message_id", Int, "ldap.message_id", Own(100), "Identifier of the message.") => Value::Int(l.message_id.into());
    Info::zeek("version", Int, "ldap.version", Own(101), "Version that a bind asks for.").optional() => Value::int(l.version);
    Info::zeek("opcode", Str, "ldap.operation", Own(102), "What was asked.").optional().stored(Storage::Name) => Value::str(l.opcode);
    Info::zeek("result", Str, "ldap.result_code", Own(103), "The result.").optional().stored(Storage::Name) => Value::str(l.result.map(names::result));
    Info::zeek("diagnostic_message", Str, "ldap.message", Own(104), "What the server says of it.").optional() => Value::str(l.diagnostic_message.as_deref());
    Info::zeek("object", Str, "ldap.object", Own(105), "What it is about: a name, or an extended operation.").optional() => Value::str(l.object.as_deref());
    Info::zeek("argument", Str, "ldap.argument", Own(106), "The mechanism of a bind; passwords are never written.").optional() => Value::str(l.argument.as_deref());
}
