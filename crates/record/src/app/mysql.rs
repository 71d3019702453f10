//! `mysql`: a command to a database.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str};
use crate::field::Storage;
use crate::value::Value;

/// A command of MySQL's protocol and what came of it, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mysql {
    /// The conversation; `ts` is the command's time.
    pub head: Head,
    /// The command.
    pub cmd: &'static str,
    /// Its argument: a query, a name.
    pub arg: Box<str>,
    /// Whether it succeeded; `None` if the server did not say.
    pub success: Option<bool>,
    /// Rows that it changed.
    pub rows: Option<u64>,
    /// What the server said against it.
    pub response: Option<Box<str>>,
}

conversation_log! {
    /// The fields of `mysql`.
    MYSQL: Mysql, |m, x|
    Info::zeek("cmd", Str, "mysql.command", Own(100), "The command.").stored(Storage::Name) => Value::Word(m.cmd);
    Info::zeek("arg", Str, "mysql.arg", Own(101), "Its argument: a query, a name.") => Value::Str(&m.arg);
    Info::zeek("success", Bool, "mysql.success", Own(102), "Whether it succeeded; unset if the server did not say.").optional() => Value::bool(m.success);
    Info::zeek("rows", Count, "mysql.rows", Own(103), "Rows that it changed; 0 for a query that returns some, as in Zeek.").optional() => Value::count(m.rows);
    Info::zeek("response", Str, "mysql.response", Own(104), "What the server said against it.").optional() => Value::str(m.response.as_deref());
}
