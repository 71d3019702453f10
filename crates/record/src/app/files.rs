//! `files`: what was carried by a conversation and has a beginning and an end.

use super::Head;
use super::head::{ORIG_H, ORIG_P, RESP_H, RESP_P, SENSOR, TS, UID};
use crate::field::Info;
use crate::field::Ipfix::{Iana, Own};
use crate::field::Kind::{Bool, Count, Interval, SetStr, Str};
use crate::field::Storage;
use crate::uid::Fuid;
use crate::value::{Items, Value};

/// `source` of what a connection without a known protocol carried: the output side finds out whether FTP had agreed on that connection, and writes
/// the record then, with FTP's name. No log has one of it.
pub const UNCLAIMED: &str = "";
/// `source` of what FTP carried, as Zeek names it.
pub const FTP_DATA: &str = "FTP_DATA";

/// A file that a conversation carried, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    /// The conversation; `ts` is when the file's first bytes were seen.
    pub head: Head,
    /// The file's identifier.
    pub fuid: Fuid,
    /// The protocol that carried it, as Zeek names it; [`UNCLAIMED`] where the output side is to find out.
    pub source: &'static str,
    /// In a mail, which of its parts it is.
    pub depth: u64,
    /// What was done with its bytes.
    pub analyzers: &'static [&'static str],
    /// Media type, by its first bytes.
    pub mime_type: Option<&'static str>,
    /// The name that the protocol gave it.
    pub filename: Option<Box<str>>,
    /// From its first bytes to its last, nanoseconds.
    pub duration: i64,
    /// Whether its sender is in the local networks; `None` if none are configured.
    pub local_orig: Option<bool>,
    /// Whether the originator sent it.
    pub is_orig: bool,
    /// Bytes that were seen of it, decoded where the protocol encodes them.
    pub seen_bytes: u64,
    /// Bytes that it has, where the protocol says so.
    pub total_bytes: Option<u64>,
    /// Bytes that were never seen.
    pub missing_bytes: u64,
    /// Bytes that came more than once.
    pub overflow_bytes: u64,
    /// Whether its end was not seen.
    pub timedout: bool,
    /// MD5 of all its bytes, in hexadecimal.
    pub md5: Option<Box<str>>,
    /// SHA-1 of all its bytes, in hexadecimal.
    pub sha1: Option<Box<str>>,
    /// SHA-256 of all its bytes, in hexadecimal.
    pub sha256: Option<Box<str>>,
}

app_log! {
    /// The fields of `files`. `source` is Zeek's: what is called so in other logs is `interface` here.
    FILES: Files, |f, x|
    TS => Value::Time(f.head.ts);
    UID => Value::Uid(f.head.uid);
    ORIG_H => Value::Addr(f.head.orig_h);
    ORIG_P => Value::Port(f.head.orig_p);
    RESP_H => Value::Addr(f.head.resp_h);
    RESP_P => Value::Port(f.head.resp_p);
    Info::zeek("fuid", Str, "fileinfo.fuid", Own(100), "The file's identifier: other logs name it.") => Value::Text(f.fuid.text());
    Info::zeek("source", Str, "fileinfo.source", Own(101), "The protocol that carried it.").optional().stored(Storage::Name) => Value::Word(f.source);
    Info::zeek("depth", Count, "fileinfo.depth", Own(102), "In a mail, which of its connection's parts it is; else 0.") => Value::Count(f.depth);
    Info::zeek("analyzers", SetStr, "fileinfo.analyzers", Own(103), "What was done with its bytes: the hashes that were asked for.") => Value::Set(Items::Strs(f.analyzers));
    Info::zeek("mime_type", Str, "fileinfo.mimetype", Own(104), "Media type, by its first bytes.").optional().stored(Storage::Name) => Value::word(f.mime_type);
    Info::zeek("filename", Str, "fileinfo.filename", Own(105), "The name that the protocol gave it.").optional() => Value::str(f.filename.as_deref());
    Info::zeek("duration", Interval, "fileinfo.duration", Own(106), "From its first bytes to its last.") => Value::Interval(f.duration);
    Info::zeek("local_orig", Bool, "fileinfo.local_orig", Own(107), "Its sender is in `local_nets`; unset without them.").optional() => Value::bool(f.local_orig);
    Info::zeek("is_orig", Bool, "fileinfo.is_orig", Own(108), "The originator sent it.").optional() => Value::Bool(f.is_orig);
    Info::zeek("seen_bytes", Count, "fileinfo.size", Own(109), "Bytes of it that were seen, decoded where the protocol encodes them.") => Value::Count(f.seen_bytes);
    Info::zeek("total_bytes", Count, "fileinfo.total_bytes", Own(110), "Bytes that it has, where the protocol says so.").optional() => Value::count(f.total_bytes);
    Info::zeek("missing_bytes", Count, "fileinfo.missing_bytes", Own(111), "Bytes of it that were never seen.") => Value::Count(f.missing_bytes);
    Info::zeek("overflow_bytes", Count, "fileinfo.overflow_bytes", Own(112), "Bytes that came more than once.") => Value::Count(f.overflow_bytes);
    Info::zeek("timedout", Bool, "fileinfo.timedout", Own(113), "Its end was not seen.") => Value::Bool(f.timedout);
    Info::zeek("parent_fuid", Str, "fileinfo.parent_fuid", Own(114), "The file that it was taken out of: none are.").optional() => Value::Unset;
    Info::zeek("md5", Str, "fileinfo.md5", Own(115), "MD5, if `app.hash` asks for it and all bytes were seen.").optional() => Value::word(f.md5.as_deref());
    Info::zeek("sha1", Str, "fileinfo.sha1", Own(116), "SHA-1, the same.").optional() => Value::word(f.sha1.as_deref());
    Info::zeek("sha256", Str, "fileinfo.sha256", Own(117), "SHA-256, the same.").optional() => Value::word(f.sha256.as_deref());
    Info::zeek("extracted", Str, "fileinfo.extracted", Own(118), "Where a copy is: none are made.").optional() => Value::Unset;
    Info::zeek("extracted_cutoff", Bool, "fileinfo.extracted_cutoff", Own(119), "Whether the copy is cut off.").optional() => Value::Unset;
    Info::zeek("extracted_size", Count, "fileinfo.extracted_size", Own(120), "Bytes of the copy.").optional() => Value::Unset;
    Info::added("interface", Str, "in_iface", Iana(82), "Interface or file the flow began on.").optional().stored(Storage::Name) => x.source(f.head.source).into();
    SENSOR => x.sensor().into();
}
