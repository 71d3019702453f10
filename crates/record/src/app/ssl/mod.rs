//! `ssl`: a handshake of TLS, whatever carries it.

mod ciphers;
mod names;

pub use ciphers::cipher_name;
pub use names::{group_name, is_post_quantum};

use super::Head;
use crate::ascii::Ascii;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Enum, Str, VecStr};
use crate::field::Storage;
use crate::value::{Items, Value};

/// What could be seen of a handshake (RFC 8446, RFC 5246), with Zeek's fields. One for each connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ssl {
    /// The conversation; `ts` is when the first message was seen.
    pub head: Head,
    /// The version the server chose.
    pub version: Option<u16>,
    /// The cipher suite the server chose; of SSL 2.0 one of 24 bits.
    pub cipher: Option<u32>,
    /// The group the server chose for the key exchange.
    pub curve: Option<u16>,
    /// The host that the client asked for.
    pub server_name: Option<Box<str>>,
    /// Whether keys of an earlier session were used again.
    pub resumed: bool,
    /// The last alert that was not encrypted.
    pub last_alert: Option<u8>,
    /// The application protocol the server chose (ALPN); in TLS 1.3 that is encrypted.
    pub next_protocol: Option<Box<str>>,
    /// Whether both sides went over to encryption.
    pub established: bool,
    /// Which messages were seen, a letter each as in Zeek, the client's in capitals.
    pub history: Box<str>,
    /// SHA-256 of the server's certificates, its own first.
    pub cert_chain_fps: Vec<Box<str>>,
    /// SHA-256 of the client's certificates, its own first.
    pub client_cert_chain_fps: Vec<Box<str>>,
    /// Whether the server's certificate is for the name that the client asked for.
    pub sni_matches_cert: Option<bool>,
    /// Subject of the server's certificate.
    pub subject: Option<Box<str>>,
    /// Issuer of the server's certificate.
    pub issuer: Option<Box<str>>,
    /// Fingerprint of the client's hello.
    pub ja3: Option<Ascii<32>>,
    /// Fingerprint of the server's hello.
    pub ja3s: Option<Ascii<32>>,
    /// Fingerprint of the client's hello that does not depend on the order of its extensions.
    pub ja4: Option<Ascii<36>>,
    /// The application protocols the client offered.
    pub client_alpn: Vec<Box<str>>,
    /// The groups that the client sent key shares for.
    pub client_key_shares: Vec<Box<str>>,
    /// What was seen of an Encrypted Client Hello: `outer`, `inner`, `esni`.
    pub ech: Option<&'static str>,
}

conversation_log! {
    /// The fields of `ssl`.
    SSL: Ssl, |s, x|
    Info::zeek("version", Str, "tls.version", Own(200), "The version the server chose.").optional().stored(Storage::Name) => s.version.map_or(Value::Unset, names::version);
    Info::zeek("cipher", Str, "tls.cipher", Own(201), "The cipher suite the server chose.").optional().stored(Storage::Name) => s.cipher.map_or(Value::Unset, names::cipher);
    Info::zeek("curve", Str, "tls.curve", Own(202), "The group the server chose for the key exchange.").optional().stored(Storage::Name) => s.curve.map_or(Value::Unset, names::curve);
    Info::zeek("server_name", Str, "tls.sni", Own(203), "The host that the client asked for (SNI).").optional() => Value::str(s.server_name.as_deref());
    Info::zeek("resumed", Bool, "tls.session_resumed", Own(204), "Keys of an earlier session were used again.") => Value::Bool(s.resumed);
    Info::zeek("last_alert", Str, "tls.last_alert", Own(205), "The last alert that was not encrypted.").optional().stored(Storage::Name) => s.last_alert.map_or(Value::Unset, names::alert);
    Info::zeek("next_protocol", Str, "tls.next_protocol", Own(206), "The application protocol the server chose (ALPN); in TLS 1.3 it is encrypted.").optional().stored(Storage::Name) => Value::str(s.next_protocol.as_deref());
    Info::zeek("established", Bool, "tls.established", Own(207), "Both sides went over to encryption.") => Value::Bool(s.established);
    Info::zeek("ssl_history", Str, "tls.history", Own(208), "The messages seen, a letter each, the client's in capitals.").optional().stored(Storage::Name) => if s.history.is_empty() { Value::Unset } else { Value::Str(&s.history) };
    Info::zeek("cert_chain_fps", VecStr, "tls.chain", Own(209), "SHA-256 of the server's certificates, its own first.").optional() => Value::items(Items::Texts(&s.cert_chain_fps));
    Info::zeek("client_cert_chain_fps", VecStr, "tls.client_chain", Own(210), "SHA-256 of the client's certificates, its own first.").optional() => Value::items(Items::Texts(&s.client_cert_chain_fps));
    Info::zeek("sni_matches_cert", Bool, "tls.sni_matches_cert", Own(211), "The server's certificate is for the name that the client asked for.").optional() => Value::bool(s.sni_matches_cert);
    Info::added("subject", Str, "tls.subject", Own(212), "Subject of the server's certificate.").optional() => Value::str(s.subject.as_deref());
    Info::added("issuer", Str, "tls.issuerdn", Own(213), "Issuer of the server's certificate.").optional() => Value::str(s.issuer.as_deref());
    Info::added("ja3", Str, "tls.ja3.hash", Own(214), "Fingerprint of the client's hello (JA3).").optional() => Value::word(s.ja3.as_deref());
    Info::added("ja3s", Str, "tls.ja3s.hash", Own(215), "Fingerprint of the server's hello (JA3S).").optional() => Value::word(s.ja3s.as_deref());
    Info::added("ja4", Str, "tls.ja4", Own(216), "Fingerprint of the client's hello whatever the order of its extensions (JA4).").optional() => Value::word(s.ja4.as_deref());
    Info::added("client_alpn", VecStr, "tls.client_alpns", Own(217), "The application protocols the client offered.").optional() => Value::items(Items::Texts(&s.client_alpn));
    Info::added("client_key_shares", VecStr, "tls.client_key_shares", Own(218), "The groups that the client sent key shares for.").optional() => Value::items(Items::Texts(&s.client_key_shares));
    Info::added("post_quantum", Bool, "tls.post_quantum", Own(219), "The group the server chose withstands a quantum computer.").optional() => Value::bool(s.curve.map(is_post_quantum));
    Info::added("ech", Enum, "tls.ech", Own(220), "What was seen of an Encrypted Client Hello, a pretended one included: outer, inner, esni.").optional() => Value::word(s.ech);
}
