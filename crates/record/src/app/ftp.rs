//! `ftp`: a command of a file transfer.

use std::net::IpAddr;

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Addr, Bool, Count, Port, Str};
use crate::field::Storage;
use crate::uid::Fuid;
use crate::value::Value;

/// A command and the reply to it (RFC 959), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ftp {
    /// The conversation; `ts` is the command's time.
    pub head: Head,
    /// The user's name; `None` while it was not given.
    pub user: Option<Box<str>>,
    /// What a guest gave as password, or `<hidden>`.
    pub password: Option<Box<str>>,
    /// The command.
    pub command: Box<str>,
    /// Its argument; a URL where it is a file.
    pub arg: Option<Box<str>>,
    /// Size of the file, bytes, as the server said.
    pub file_size: Option<u64>,
    /// Number of the last reply.
    pub reply_code: Option<u16>,
    /// What it said.
    pub reply_msg: Option<Box<str>>,
    /// The connection for data that it prepared.
    pub data_channel: Option<DataChannel>,
    /// When the last reply to it came, nanoseconds since 1970-01-01 UTC. No log has it: what the command moved came between.
    pub replied: Option<i64>,
    /// The file that it moved. The output side finds it: another worker may have it.
    pub fuid: Option<Fuid>,
    /// Media type of that file, by its first bytes.
    pub mime_type: Option<&'static str>,
}

/// A connection for data, as it was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataChannel {
    /// Whether the client opens it.
    pub passive: bool,
    /// Who opens it.
    pub orig_h: IpAddr,
    /// To whom.
    pub resp_h: IpAddr,
    /// And on which port.
    pub resp_p: u16,
}

conversation_log! {
    /// The fields of `ftp`.
    FTP: Ftp, |f, x|
    Info::zeek("user", Str, "ftp.user", Own(100), "The user's name, <unknown> while it was not given.") => f.user.as_deref().map_or(Value::Str("<unknown>"), Value::Str);
    Info::zeek("password", Str, "ftp.password", Own(101), "What a guest gave as password; those of others are <hidden>.").optional() => Value::str(f.password.as_deref());
    Info::zeek("command", Str, "ftp.command", Own(102), "The command.").optional().stored(Storage::Name) => Value::Str(&f.command);
    Info::zeek("arg", Str, "ftp.command_data", Own(103), "Its argument; a URL where it is a file.").optional() => Value::str(f.arg.as_deref());
    Info::zeek("mime_type", Str, "ftp.mime_type", Own(104), "Media type of the file that it moved, by its first bytes.").optional().stored(Storage::Name) => Value::word(f.mime_type);
    Info::zeek("file_size", Count, "ftp.file_size", Own(105), "Size of the file in bytes, as the server said.").optional() => Value::count(f.file_size);
    Info::zeek("reply_code", Count, "ftp.completion_code", Own(106), "Number of the last reply to it.").optional().stored(Storage::U16) => Value::count(f.reply_code);
    Info::zeek("reply_msg", Str, "ftp.reply", Own(107), "What that reply said.").optional() => Value::str(f.reply_msg.as_deref());
    Info::zeek("data_channel.passive", Bool, "ftp.passive", Own(108), "The client opens the connection for data.").optional() => Value::bool(f.data_channel.map(|c| c.passive));
    Info::zeek("data_channel.orig_h", Addr, "ftp.data_src_ip", Own(109), "Who opens it.").optional() => Value::addr(f.data_channel.map(|c| c.orig_h));
    Info::zeek("data_channel.resp_h", Addr, "ftp.data_dest_ip", Own(110), "To whom.").optional() => Value::addr(f.data_channel.map(|c| c.resp_h));
    Info::zeek("data_channel.resp_p", Port, "ftp.dynamic_port", Own(111), "And on which port.").optional() => f.data_channel.map_or(Value::Unset, |c| Value::Port(c.resp_p));
    Info::zeek("fuid", Str, "ftp.fuid", Own(112), "The file that it moved, by its `fuid` in `files`.").optional() => f.fuid.map_or(Value::Unset, |fuid| Value::Text(fuid.text()));
}
