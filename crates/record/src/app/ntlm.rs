//! `ntlm`: authentications with NTLM.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Str};
use crate::value::Value;

/// An authentication with NTLM ([MS-NLMP]), in whatever protocol it was carried; with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ntlm {
    /// The conversation; `ts` is when its first message was seen.
    pub head: Head,
    /// The user.
    pub username: Option<Box<str>>,
    /// The client's name.
    pub hostname: Option<Box<str>>,
    /// The user's domain.
    pub domainname: Option<Box<str>>,
    /// The server's NetBIOS name.
    pub server_nb_computer_name: Option<Box<str>>,
    /// The server's DNS name.
    pub server_dns_computer_name: Option<Box<str>>,
    /// The DNS name of the server's forest.
    pub server_tree_name: Option<Box<str>>,
    /// Whether the server accepted it, if that is known.
    pub success: Option<bool>,
}

conversation_log! {
    /// The fields of `ntlm`.
    NTLM: Ntlm, |n, x|
    Info::zeek("username", Str, "ntlmssp.user", Own(100), "The user.").optional() => Value::str(n.username.as_deref());
    Info::zeek("hostname", Str, "ntlmssp.host", Own(101), "The client's name.").optional() => Value::str(n.hostname.as_deref());
    Info::zeek("domainname", Str, "ntlmssp.domain", Own(102), "The user's domain.").optional() => Value::str(n.domainname.as_deref());
    Info::zeek("server_nb_computer_name", Str, "ntlmssp.server_nb_computer_name", Own(103), "The server's NetBIOS name.").optional() => Value::str(n.server_nb_computer_name.as_deref());
    Info::zeek("server_dns_computer_name", Str, "ntlmssp.server_dns_computer_name", Own(104), "The server's DNS name.").optional() => Value::str(n.server_dns_computer_name.as_deref());
    Info::zeek("server_tree_name", Str, "ntlmssp.server_tree_name", Own(105), "The DNS name of the server's forest.").optional() => Value::str(n.server_tree_name.as_deref());
    Info::zeek("success", Bool, "ntlmssp.success", Own(106), "Whether the server accepted it.").optional() => Value::bool(n.success);
}
