//! `x509`: a certificate that was seen in a handshake.

use std::net::IpAddr;
use std::sync::Arc;

use super::Head;
use super::head::{TS, UID};
use crate::field::Info;
use crate::field::Ipfix::{Iana, Own};
use crate::field::Kind::{Bool, Count, Str, Time, VecAddr, VecStr};
use crate::field::Storage;
use crate::value::{Items, Value};

/// A certificate that was seen, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct X509 {
    /// The conversation; `ts` is when it was seen.
    pub head: Head,
    /// What it says: the same for all who see it.
    pub certificate: Arc<Certificate>,
    /// Whether it was the first of its chain.
    pub host_cert: bool,
    /// Whether a client sent it.
    pub client_cert: bool,
}

/// What a certificate says (RFC 5280).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Certificate {
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: Box<str>,
    /// Version: 1 to 3.
    pub version: u8,
    /// Serial number, in hexadecimal capitals.
    pub serial: Box<str>,
    /// Whose key it is, as RFC 4514 writes names.
    pub subject: Box<str>,
    /// Who says so.
    pub issuer: Box<str>,
    /// From when it is valid, nanoseconds since 1970-01-01 UTC.
    pub not_valid_before: i64,
    /// Until when, likewise.
    pub not_valid_after: i64,
    /// Algorithm of its key.
    pub key_alg: Box<str>,
    /// Algorithm of its signature.
    pub sig_alg: Box<str>,
    /// Kind of its key: `rsa`, `dsa`, `ecdsa`.
    pub key_type: Option<&'static str>,
    /// Bits of its key.
    pub key_length: Option<u32>,
    /// Exponent of an RSA key, decimal.
    pub exponent: Option<Box<str>>,
    /// Curve of an elliptic key.
    pub curve: Option<Box<str>>,
    /// Host names it is for.
    pub san_dns: Vec<Box<str>>,
    /// URIs it is for.
    pub san_uri: Vec<Box<str>>,
    /// Mail addresses it is for.
    pub san_email: Vec<Box<str>>,
    /// Addresses it is for.
    pub san_ip: Vec<IpAddr>,
    /// Whether it may sign others, where it says so or not.
    pub ca: Option<bool>,
    /// How many may follow between it and the last.
    pub path_len: Option<u32>,
}

app_log! {
    /// The fields of `x509`.
    X509_FIELDS: X509, |c, x|
    TS => Value::Time(c.head.ts);
    Info::zeek("fingerprint", Str, "x509.fingerprint", Own(250), "SHA-256 of the certificate.") => Value::Word(&c.certificate.fingerprint);
    Info::zeek("certificate.version", Count, "x509.version", Own(251), "Its version.").stored(Storage::U8) => Value::Count(c.certificate.version.into());
    Info::zeek("certificate.serial", Str, "x509.serial", Own(252), "Its serial number.") => Value::Str(&c.certificate.serial);
    Info::zeek("certificate.subject", Str, "x509.subject", Own(253), "Whose key it is.") => Value::Str(&c.certificate.subject);
    Info::zeek("certificate.issuer", Str, "x509.issuerdn", Own(254), "Who says so.") => Value::Str(&c.certificate.issuer);
    Info::zeek("certificate.not_valid_before", Time, "x509.notbefore", Own(255), "From when it is valid.") => Value::Time(c.certificate.not_valid_before);
    Info::zeek("certificate.not_valid_after", Time, "x509.notafter", Own(256), "Until when it is valid.") => Value::Time(c.certificate.not_valid_after);
    Info::zeek("certificate.key_alg", Str, "x509.key_alg", Own(257), "Algorithm of its key.").stored(Storage::Name) => Value::Str(&c.certificate.key_alg);
    Info::zeek("certificate.sig_alg", Str, "x509.sig_alg", Own(258), "Algorithm of its signature.").stored(Storage::Name) => Value::Str(&c.certificate.sig_alg);
    Info::zeek("certificate.key_type", Str, "x509.key_type", Own(259), "Kind of its key: rsa, dsa, ecdsa.").optional().stored(Storage::Name) => Value::word(c.certificate.key_type);
    Info::zeek("certificate.key_length", Count, "x509.key_length", Own(260), "Bits of its key.").optional().stored(Storage::U32) => Value::count(c.certificate.key_length);
    Info::zeek("certificate.exponent", Str, "x509.exponent", Own(261), "Exponent of an RSA key.").optional().stored(Storage::Name) => Value::str(c.certificate.exponent.as_deref());
    Info::zeek("certificate.curve", Str, "x509.curve", Own(262), "Curve of an elliptic key.").optional().stored(Storage::Name) => Value::str(c.certificate.curve.as_deref());
    Info::zeek("san.dns", VecStr, "x509.san_dns", Own(263), "Host names it is for.").optional() => Value::items(Items::Texts(&c.certificate.san_dns));
    Info::zeek("san.uri", VecStr, "x509.san_uri", Own(264), "URIs it is for.").optional() => Value::items(Items::Texts(&c.certificate.san_uri));
    Info::zeek("san.email", VecStr, "x509.san_email", Own(265), "Mail addresses it is for.").optional() => Value::items(Items::Texts(&c.certificate.san_email));
    Info::zeek("san.ip", VecAddr, "x509.san_ip", Own(266), "Addresses it is for.").optional() => Value::items(Items::Addrs(&c.certificate.san_ip));
    Info::zeek("basic_constraints.ca", Bool, "x509.ca", Own(267), "It may sign others.").optional() => Value::bool(c.certificate.ca);
    Info::zeek("basic_constraints.path_len", Count, "x509.path_len", Own(268), "How many may follow between it and the last.").optional().stored(Storage::U32) => Value::count(c.certificate.path_len);
    Info::zeek("host_cert", Bool, "x509.host_cert", Own(269), "It was the first of its chain.") => Value::Bool(c.host_cert);
    Info::zeek("client_cert", Bool, "x509.client_cert", Own(270), "A client sent it.") => Value::Bool(c.client_cert);
    Info::added(UID.name, Str, UID.eve, Own(1), "The flow it was seen in.") => Value::Uid(c.head.uid);
    Info::added("source", Str, "in_iface", Iana(82), "Interface or file the flow began on.").optional().stored(Storage::Name) => x.source(c.head.source).into();
    Info::added("sensor", Str, "host", Iana(300), "Name of the sensor that saw it.").stored(Storage::Name) => x.sensor().into();
}
