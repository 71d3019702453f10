//! `ldap_search`: searches in directories.

use super::Head;
use super::ldap::result;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Count, Int, Str, VecStr};
use crate::field::Storage;
use crate::value::Value;

/// A search (RFC 4511 section 4.5), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LdapSearch {
    /// The conversation; `ts` is the request's time.
    pub head: Head,
    /// Identifier of the message.
    pub message_id: i32,
    /// How far below the base is searched: 0 the base alone, 1 one level, 2 the whole tree.
    pub scope: Option<u32>,
    /// Which aliases are followed: 0 none, 1 in searching, 2 in finding the base, 3 all.
    pub deref_aliases: Option<u32>,
    /// Where the search begins.
    pub base_object: Option<Box<str>>,
    /// How many entries came.
    pub result_count: u64,
    /// Result code.
    pub result: Option<u32>,
    /// What the server says of it.
    pub diagnostic_message: Option<Box<str>>,
    /// What is searched for, written as in RFC 4515.
    pub filter: Option<Box<str>>,
}

fn scope(number: u32) -> &'static str {
    match number {
        0 => "base",
        1 => "single",
        2 => "tree",
        _ => "unknown",
    }
}

fn aliases(number: u32) -> &'static str {
    match number {
        0 => "never",
        1 => "searching",
        2 => "finding",
        3 => "always",
        _ => "unknown",
    }
}

conversation_log! {
    /// The fields of `ldap_search`.
    LDAP_SEARCH: LdapSearch, |l, x|
    Info::zeek("message_id", Int, "ldap.message_id", Own(100), "Identifier of the message.") => Value::Int(l.message_id.into());
    Info::zeek("scope", Str, "ldap.scope", Own(101), "How far below the base is searched.").optional().stored(Storage::Name) => Value::word(l.scope.map(scope));
    Info::zeek("deref_aliases", Str, "ldap.deref_alias", Own(102), "Which aliases are followed.").optional().stored(Storage::Name) => Value::word(l.deref_aliases.map(aliases));
    Info::zeek("base_object", Str, "ldap.base_object", Own(103), "Where the search begins.").optional() => Value::str(l.base_object.as_deref());
    Info::zeek("result_count", Count, "ldap.result_count", Own(104), "How many entries came.") => Value::Count(l.result_count);
    Info::zeek("result", Str, "ldap.result_code", Own(105), "The result.").optional().stored(Storage::Name) => Value::str(l.result.map(result));
    Info::zeek("diagnostic_message", Str, "ldap.message", Own(106), "What the server says of it.").optional() => Value::str(l.diagnostic_message.as_deref());
    Info::zeek("filter", Str, "ldap.filter", Own(107), "What is searched for, written as in RFC 4515.").optional() => Value::str(l.filter.as_deref());
    Info::zeek("attributes", VecStr, "ldap.attributes", Own(108), "Attributes that were asked for: not written, as in Zeek without more ado.").optional() => Value::Unset;
}
