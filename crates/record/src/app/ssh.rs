//! `ssh`: a remote login, as far as it is in the clear.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Enum, Str};
use crate::field::Storage;
use crate::value::Value;

/// A connection of SSH (RFC 4253), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ssh {
    /// The conversation; `ts` is the time of the first identification.
    pub head: Head,
    /// Major version that both speak; 0 where they have none in common, `None` where one side was not seen.
    pub version: Option<u8>,
    /// Whether the user was let in; `None` if that cannot be told.
    pub auth_success: Option<bool>,
    /// Attempts to authenticate that were seen.
    pub auth_attempts: u32,
    /// `INBOUND` or `OUTBOUND`, where only one end is in the local networks.
    pub direction: Option<&'static str>,
    /// The client's identification.
    pub client: Option<Box<str>>,
    /// The server's identification.
    pub server: Option<Box<str>>,
    /// Encryption algorithm agreed on.
    pub cipher_alg: Option<Box<str>>,
    /// MAC algorithm agreed on.
    pub mac_alg: Option<Box<str>>,
    /// Compression algorithm agreed on.
    pub compression_alg: Option<Box<str>>,
    /// Key exchange agreed on.
    pub kex_alg: Option<Box<str>>,
    /// Algorithm of the server's key agreed on.
    pub host_key_alg: Option<Box<str>>,
    /// MD5 of the server's key, in pairs of digits with colons.
    pub host_key: Option<Box<str>>,
    /// SHA-256 of the server's key, as `ssh-keygen -l` prints it.
    pub host_key_fingerprint: Option<Box<str>>,
    /// MD5 of what the client offers.
    pub hassh: Option<Box<str>>,
    /// MD5 of what the server offers.
    pub hasshserver: Option<Box<str>>,
}

conversation_log! {
    /// The fields of `ssh`.
    SSH: Ssh, |s, x|
    Info::zeek("version", Count, "ssh.version", Own(100), "Major version of the protocol that both sides speak; 0 if they have none in common.").optional().stored(Storage::U8) => Value::count(s.version);
    Info::zeek("auth_success", Bool, "ssh.auth_success", Own(101), "Whether the user was let in, judged by the sizes of encrypted packets; unset if that does not tell.").optional() => Value::bool(s.auth_success);
    Info::zeek("auth_attempts", Count, "ssh.auth_attempts", Own(102), "Attempts to authenticate, judged likewise.").stored(Storage::U32) => Value::Count(s.auth_attempts.into());
    Info::zeek("direction", Enum, "ssh.direction", Own(103), "INBOUND or OUTBOUND, where one end only is in the local networks.").optional() => Value::word(s.direction);
    Info::zeek("client", Str, "ssh.client_version", Own(104), "The client's identification.").optional() => Value::str(s.client.as_deref());
    Info::zeek("server", Str, "ssh.server_version", Own(105), "The server's identification.").optional() => Value::str(s.server.as_deref());
    Info::zeek("cipher_alg", Str, "ssh.cipher_alg", Own(106), "Encryption algorithm agreed on.").optional() => Value::str(s.cipher_alg.as_deref());
    Info::zeek("mac_alg", Str, "ssh.mac_alg", Own(107), "MAC algorithm agreed on.").optional() => Value::str(s.mac_alg.as_deref());
    Info::zeek("compression_alg", Str, "ssh.compression_alg", Own(108), "Compression algorithm agreed on.").optional() => Value::str(s.compression_alg.as_deref());
    Info::zeek("kex_alg", Str, "ssh.kex_alg", Own(109), "Key exchange algorithm agreed on.").optional() => Value::str(s.kex_alg.as_deref());
    Info::zeek("host_key_alg", Str, "ssh.host_key_alg", Own(110), "Algorithm of the server's key agreed on.").optional() => Value::str(s.host_key_alg.as_deref());
    Info::zeek("host_key", Str, "ssh.host_key", Own(111), "MD5 of the server's key (Zeek up to 7).").optional() => Value::str(s.host_key.as_deref());
    Info::zeek("host_key_fingerprint", Str, "ssh.host_key_fingerprint", Own(112), "SHA-256 of the server's key, as ssh-keygen prints it (Zeek from 8 on).").optional() => Value::str(s.host_key_fingerprint.as_deref());
    Info::added("hassh", Str, "ssh.client_hassh", Own(113), "HASSH: MD5 of the algorithms that the client offers.").optional() => Value::str(s.hassh.as_deref());
    Info::added("hasshserver", Str, "ssh.server_hassh", Own(114), "HASSHServer: MD5 of the algorithms that the server offers.").optional() => Value::str(s.hasshserver.as_deref());
}
