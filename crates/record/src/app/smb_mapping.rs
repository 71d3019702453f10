//! `smb_mapping`: shares that were connected to.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::Str;
use crate::field::Storage;
use crate::value::Value;

/// A share that a client connected to ([MS-SMB2] section 2.2.9, [MS-CIFS] section 2.2.4.55), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmbMapping {
    /// The conversation; `ts` is when the share was asked for.
    pub head: Head,
    /// The share.
    pub path: Option<Box<str>>,
    /// What kind of share it is, in the words of SMB1.
    pub service: Option<Box<str>>,
    /// The server's file system, as SMB1 tells it.
    pub native_file_system: Option<Box<str>>,
    /// `DISK`, `PIPE` or `PRINT`.
    pub share_type: &'static str,
    /// The dialect in use, where its negotiation was seen.
    pub dialect: Option<&'static str>,
}

conversation_log! {
    /// The fields of `smb_mapping`.
    SMB_MAPPING: SmbMapping, |m, x|
    Info::zeek("path", Str, "smb.share", Own(100), "The share.").optional() => Value::str(m.path.as_deref());
    Info::zeek("service", Str, "smb.service", Own(101), "What kind of share it is, in the words of SMB1.").optional().stored(Storage::Name) => Value::str(m.service.as_deref());
    Info::zeek("native_file_system", Str, "smb.native_file_system", Own(102), "The server's file system, as SMB1 tells it.").optional().stored(Storage::Name) => Value::str(m.native_file_system.as_deref());
    Info::zeek("share_type", Str, "smb.share_type", Own(103), "What kind of share it is: DISK, PIPE or PRINT.").stored(Storage::Name) => Value::Word(m.share_type);
    Info::added("dialect", Str, "smb.dialect", Own(104), "The dialect that was negotiated.").optional().stored(Storage::Name) => Value::str(m.dialect);
}
