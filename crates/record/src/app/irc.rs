//! `irc`: what a client does in a chat.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Str};
use crate::field::Storage;
use crate::value::Value;

/// A command of a client of IRC (RFC 2812), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Irc {
    /// The conversation; `ts` is the command's time.
    pub head: Head,
    /// The name it goes by, before the command.
    pub nick: Option<Box<str>>,
    /// The user's name, before the command.
    pub user: Option<Box<str>>,
    /// `NICK`, `USER`, `JOIN`, or `DCC` for a file that is offered.
    pub command: &'static str,
    /// The new name, the user, the channel, or to whom the file is offered.
    pub value: Option<Box<str>>,
    /// What else was said.
    pub addl: Option<Box<str>>,
    /// Name of the file.
    pub dcc_file_name: Option<Box<str>>,
    /// Its size, bytes.
    pub dcc_file_size: Option<u64>,
}

conversation_log! {
    /// The fields of `irc`.
    IRC: Irc, |i, x|
    Info::zeek("nick", Str, "irc.nick", Own(100), "The name that the client goes by, before the command.").optional() => Value::str(i.nick.as_deref());
    Info::zeek("user", Str, "irc.user", Own(101), "The user's name, before the command.").optional() => Value::str(i.user.as_deref());
    Info::zeek("command", Str, "irc.command", Own(102), "NICK, USER, JOIN, or DCC for a file that is offered.").optional().stored(Storage::Name) => Value::Word(i.command);
    Info::zeek("value", Str, "irc.value", Own(103), "The new name, the user, the channel, or to whom the file is offered.").optional() => Value::str(i.value.as_deref());
    Info::zeek("addl", Str, "irc.addl", Own(104), "What else was said with the command.").optional() => Value::str(i.addl.as_deref());
    Info::zeek("dcc_file_name", Str, "irc.dcc_file_name", Own(105), "Name of the file that is offered.").optional() => Value::str(i.dcc_file_name.as_deref());
    Info::zeek("dcc_file_size", Count, "irc.dcc_file_size", Own(106), "Its size in bytes.").optional() => Value::count(i.dcc_file_size);
    Info::zeek("dcc_mime_type", Str, "irc.dcc_mime_type", Own(107), "Always unset: files are not looked into.").optional().stored(Storage::Name) => Value::Unset;
    Info::zeek("fuid", Str, "irc.fuid", Own(108), "Always unset: files are not taken out.").optional() => Value::Unset;
}
