//! `redis`: a command to a store of keys and values.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Str};
use crate::field::Storage;
use crate::value::Value;

/// A command of Redis' protocol and the reply to it, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redis {
    /// The conversation; `ts` is the command's time.
    pub head: Head,
    /// The command, as it was written; `None` for a reply to one that was not seen.
    pub name: Option<Box<str>>,
    /// The key that it is about.
    pub key: Option<Box<str>>,
    /// The value.
    pub value: Option<Box<str>>,
    /// Whether it succeeded; `None` without a reply.
    pub success: Option<bool>,
    /// The reply.
    pub reply: Option<Box<str>>,
}

conversation_log! {
    /// The fields of `redis`.
    REDIS: Redis, |r, x|
    Info::zeek("cmd.name", Str, "redis.command", Own(100), "The command, as it was written.").optional().stored(Storage::Name) => Value::str(r.name.as_deref());
    Info::zeek("cmd.key", Str, "redis.key", Own(101), "The key that it is about.").optional() => Value::str(r.key.as_deref());
    Info::zeek("cmd.value", Str, "redis.value", Own(102), "The value.").optional() => Value::str(r.value.as_deref());
    Info::zeek("success", Bool, "redis.success", Own(103), "Whether it succeeded; unset without a reply.").optional() => Value::bool(r.success);
    Info::zeek("reply.value", Str, "redis.reply", Own(104), "The reply.").optional() => Value::str(r.reply.as_deref());
}
