//! `smb_files`: what was done to files over SMB.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Enum, Str, Time};
use crate::field::Storage;
use crate::uid::Fuid;
use crate::value::Value;

/// What was done to a file or printer's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SmbAction {
    #[default]
    FileOpen,
    FileRename,
    FileDelete,
    PrintOpen,
    PrintClose,
}

impl SmbAction {
    /// As Zeek spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SmbAction::FileOpen => "SMB::FILE_OPEN",
            SmbAction::FileRename => "SMB::FILE_RENAME",
            SmbAction::FileDelete => "SMB::FILE_DELETE",
            SmbAction::PrintOpen => "SMB::PRINT_OPEN",
            SmbAction::PrintClose => "SMB::PRINT_CLOSE",
        }
    }
}

/// Times that a server keeps of a file; nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct SmbTimes {
    pub modified: i64,
    pub accessed: i64,
    pub created: i64,
    pub changed: i64,
}

/// Something that was done to a file ([MS-SMB2], [MS-CIFS]), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmbFiles {
    /// The conversation; `ts` is when the file was asked for.
    pub head: Head,
    /// The file's identifier, once something of it was read or written.
    pub fuid: Option<Fuid>,
    /// What was done.
    pub action: SmbAction,
    /// The share.
    pub path: Option<Box<str>>,
    /// The file's name within it.
    pub name: Option<Box<str>>,
    /// Its size when it was opened, bytes.
    pub size: u64,
    /// Its name before it was renamed.
    pub prev_name: Option<Box<str>>,
    /// Its times when it was opened.
    pub times: Option<SmbTimes>,
}

fn time(files: &SmbFiles, which: impl Fn(&SmbTimes) -> i64) -> Value<'static> {
    files
        .times
        .as_ref()
        .map_or(Value::Unset, |times| Value::Time(which(times)))
}

conversation_log! {
    /// The fields of `smb_files`.
    SMB_FILES: SmbFiles, |f, x|
    Info::zeek("fuid", Str, "smb.fuid", Own(100), "The file's identifier in `files`, once something of it was read or written.").optional() => Value::text(f.fuid.map(Fuid::text));
    Info::zeek("action", Enum, "smb.action", Own(101), "What was done to the file.") => Value::Word(f.action.name());
    Info::zeek("path", Str, "smb.share", Own(102), "The share it is in.").optional().stored(Storage::Name) => Value::str(f.path.as_deref());
    Info::zeek("name", Str, "smb.filename", Own(103), "Its name within the share.").optional() => Value::str(f.name.as_deref());
    Info::zeek("size", Count, "smb.size", Own(104), "Its size when it was opened, bytes.") => Value::Count(f.size);
    Info::zeek("prev_name", Str, "smb.prev_name", Own(105), "Its name before it was renamed.").optional() => Value::str(f.prev_name.as_deref());
    Info::zeek("times.modified", Time, "smb.modified", Own(106), "When its content was last written.").optional() => time(f, |t| t.modified);
    Info::zeek("times.accessed", Time, "smb.accessed", Own(107), "When it was last read.").optional() => time(f, |t| t.accessed);
    Info::zeek("times.created", Time, "smb.created", Own(108), "When it was made.").optional() => time(f, |t| t.created);
    Info::zeek("times.changed", Time, "smb.changed", Own(109), "When it or its attributes were last changed.").optional() => time(f, |t| t.changed);
}
