//! `tftp`: files that are fetched or put without asking who.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Str};
use crate::field::Storage;
use crate::value::Value;

/// A request (RFC 1350). Zeek has no such log by default; the names are those of its package.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tftp {
    /// The flow; `ts` is the request's time.
    pub head: Head,
    /// Whether a file is written, not read.
    pub wrq: bool,
    /// The file.
    pub fname: Box<str>,
    /// `octet`, `netascii` or `mail`.
    pub mode: Box<str>,
}

conversation_log! {
    /// The fields of `tftp`.
    TFTP: Tftp, |t, x|
    Info::added("wrq", Bool, "tftp.wrq", Own(100), "A file is written, not read.") => Value::Bool(t.wrq);
    Info::added("fname", Str, "tftp.file", Own(101), "The file.") => Value::Str(&t.fname);
    Info::added("mode", Str, "tftp.mode", Own(102), "How it goes over: octet, netascii or mail.").stored(Storage::Name) => Value::Str(&t.mode);
    Info::added("packet", Str, "tftp.packet", Own(103), "What is asked: read or write.").stored(Storage::Name) => Value::Word(if t.wrq { "write" } else { "read" });
}
