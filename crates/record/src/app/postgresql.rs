//! `postgresql`: what a client asks of a database.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str};
use crate::field::Storage;
use crate::value::Value;

/// What a client of PostgreSQL asked and what came of it, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Postgresql {
    /// The conversation; `ts` is the time of what it begins with.
    pub head: Head,
    /// The user who logs in.
    pub user: Option<Box<str>>,
    /// The database that is asked for.
    pub database: Option<Box<str>>,
    /// What the client says it is.
    pub application_name: Option<Box<str>>,
    /// What the client sent.
    pub frontend: Option<&'static str>,
    /// The query.
    pub frontend_arg: Option<Box<str>>,
    /// What the server answered.
    pub backend: Option<Box<str>>,
    /// Ways to prove who one is, errors, notices.
    pub backend_arg: Option<Box<str>>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// Rows that came.
    pub rows: Option<u64>,
}

conversation_log! {
    /// The fields of `postgresql`.
    POSTGRESQL: Postgresql, |p, x|
    Info::zeek("user", Str, "pgsql.user", Own(100), "The user who logs in.").optional().stored(Storage::Name) => Value::str(p.user.as_deref());
    Info::zeek("database", Str, "pgsql.database", Own(101), "The database that is asked for.").optional().stored(Storage::Name) => Value::str(p.database.as_deref());
    Info::zeek("application_name", Str, "pgsql.application_name", Own(102), "What the client says it is.").optional().stored(Storage::Name) => Value::str(p.application_name.as_deref());
    Info::zeek("frontend", Str, "pgsql.frontend", Own(103), "What the client sent: ssl_request, gss_request, startup, simple_query, extended_query, terminate.").optional().stored(Storage::Name) => Value::word(p.frontend);
    Info::zeek("frontend_arg", Str, "pgsql.frontend_arg", Own(104), "The query.").optional() => Value::str(p.frontend_arg.as_deref());
    Info::zeek("backend", Str, "pgsql.backend", Own(105), "What the server answered.").optional().stored(Storage::Name) => Value::str(p.backend.as_deref());
    Info::zeek("backend_arg", Str, "pgsql.backend_arg", Own(106), "Its arguments: the ways to prove who one is, errors, notices.").optional() => Value::str(p.backend_arg.as_deref());
    Info::zeek("success", Bool, "pgsql.success", Own(107), "Whether it succeeded.").optional() => Value::bool(p.success);
    Info::zeek("rows", Count, "pgsql.rows", Own(108), "Rows that came.").optional() => Value::count(p.rows);
}
