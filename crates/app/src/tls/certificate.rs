//! Certificates (RFC 5280), by `x509-parser`, as the record `x509` tells of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use portreeve_record::app::x509::Certificate;
use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{Any, FromDer as _, Integer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::distinguished_name;
use crate::seen::Places;
use crate::text::{hexadecimal, text};

/// The most names of a kind that are noted of one certificate.
const MAX_NAMES: usize = 256;
/// The most bytes of a serial number that are noted; RFC 5280 allows 20.
const MAX_SERIAL: usize = 64;
/// Keys whose kind says their size: bits of the public key, as OpenSSL counts them.
const NAMED_KEYS: [(&str, u32); 5] = [
    ("ED25519", 256),
    ("ED448", 456),
    ("ML-DSA-44", 10_496),
    ("ML-DSA-65", 15_616),
    ("ML-DSA-87", 20_736),
];
const SECOND: i64 = 1_000_000_000;

/// A certificate that was taken apart.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// What it says.
    pub(super) certificate: Arc<Certificate>,
    /// The common names of its subject.
    pub(super) common_names: Arc<[Box<str>]>,
}

/// The certificates that are remembered: a few thousand are most of what a network sees, the same ones again and again.
const REMEMBERED: usize = 1024;
/// The longest certificate that is remembered, bytes.
const MAX_REMEMBERED: usize = 4 << 10;

/// Certificates that were seen before, as they were sent.
#[derive(Default)]
pub(crate) struct Certificates {
    places: Places<(Box<[u8]>, Parsed), REMEMBERED>,
}

impl Certificates {
    /// The fingerprint of a certificate (SHA-256, in hexadecimal), and what it says; `None` if it is none.
    pub(super) fn look_up(&mut self, der: &[u8]) -> (Box<str>, Option<Parsed>) {
        let place = self.places.of(der);
        if let Some((_, parsed)) = place.as_ref().filter(|(known, _)| **known == *der) {
            let fingerprint = parsed.certificate.fingerprint.clone();
            return (fingerprint, Some(parsed.clone()));
        }
        let fingerprint: Box<str> = hexadecimal(&Sha256::digest(der)).into();
        let parsed = parse(der, fingerprint.clone());
        if let Some(parsed) = parsed.as_ref().filter(|_| der.len() <= MAX_REMEMBERED) {
            *place = Some((der.into(), parsed.clone()));
        }
        (fingerprint, parsed)
    }
}

fn parse(der: &[u8], fingerprint: Box<str>) -> Option<Parsed> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let key = &parsed.subject_pki;
    let mut certificate = Certificate {
        fingerprint,
        version: (parsed.version.0 as u8).saturating_add(1),
        serial: serial(parsed.raw_serial()),
        subject: distinguished_name::text(&parsed.subject),
        issuer: distinguished_name::text(&parsed.issuer),
        not_valid_before: nanoseconds(&parsed.validity.not_before),
        not_valid_after: nanoseconds(&parsed.validity.not_after),
        key_alg: algorithm(&key.algorithm.algorithm.to_id_string()),
        sig_alg: algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
        ..Certificate::default()
    };
    describe_key(key, &mut certificate);
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in names.general_names.iter().take(MAX_NAMES) {
                    add_name(name, &mut certificate);
                }
            }
            ParsedExtension::BasicConstraints(constraints) => {
                certificate.ca = Some(constraints.ca);
                certificate.path_len = constraints.path_len_constraint;
            }
            _ => {}
        }
    }
    let common_names = parsed
        .subject
        .iter_common_name()
        .take(MAX_NAMES)
        .map(|name| text(name.as_slice()))
        .collect();
    Some(Parsed {
        certificate: Arc::new(certificate),
        common_names,
    })
}

fn add_name(name: &GeneralName<'_>, certificate: &mut Certificate) {
    match name {
        GeneralName::DNSName(name) => certificate.san_dns.push(text(name.as_bytes())),
        GeneralName::URI(uri) => certificate.san_uri.push(text(uri.as_bytes())),
        GeneralName::RFC822Name(mail) => certificate.san_email.push(text(mail.as_bytes())),
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                certificate.san_ip.push(Ipv4Addr::from(v4).into());
            } else if let Ok(v6) = <[u8; 16]>::try_from(*bytes) {
                certificate.san_ip.push(IpAddr::V6(Ipv6Addr::from(v6)));
            }
        }
        _ => {}
    }
}

/// Years behind 2262 do not fit: the last moment that does stands for them.
fn nanoseconds(time: &ASN1Time) -> i64 {
    time.timestamp().saturating_mul(SECOND)
}

/// A serial number in hexadecimal capitals, without the zero that only keeps it positive.
fn serial(bytes: &[u8]) -> Box<str> {
    let bytes = bytes.get(..MAX_SERIAL).unwrap_or(bytes);
    let bytes = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    hexadecimal(bytes).to_ascii_uppercase().into()
}

fn describe_key(key: &SubjectPublicKeyInfo<'_>, certificate: &mut Certificate) {
    match &*certificate.key_alg {
        "rsaEncryption" | "rsassaPss" => {
            certificate.key_type = Some("rsa");
            let Ok((_, rsa)) = RSAPublicKey::from_der(&key.subject_public_key.data) else {
                return;
            };
            certificate.key_length = Some(bits(rsa.modulus));
            certificate.exponent = decimal(rsa.exponent);
        }
        "dsaEncryption" => {
            certificate.key_type = Some("dsa");
            let parameters = key.algorithm.parameters.as_ref();
            certificate.key_length = parameters
                .and_then(|parameters| Integer::from_der(parameters.data).ok())
                .map(|(_, prime)| bits(prime.as_ref()));
        }
        "id-ecPublicKey" => {
            certificate.key_type = Some("ecdsa");
            let oid = key.algorithm.parameters.as_ref().map(Any::as_oid);
            let Some(Ok(oid)) = oid else {
                return;
            };
            let (name, bits) = curve(oid.to_id_string());
            certificate.curve = Some(name);
            certificate.key_length = bits;
        }
        name => {
            if let Some(&(name, bits)) = NAMED_KEYS.iter().find(|(known, _)| *known == name) {
                certificate.key_type = Some(name);
                certificate.key_length = Some(bits);
            }
        }
    }
}

/// How many bits a number has, highest byte first.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    match number.get(zeros..) {
        Some([first, rest @ ..]) => 8 - first.leading_zeros() + 8 * rest.len() as u32,
        _ => 0,
    }
}

/// A number of at most 64 bits in decimal.
fn decimal(number: &[u8]) -> Option<Box<str>> {
    if bits(number) > 64 {
        return None;
    }
    let number = number
        .iter()
        .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    Some(number.to_string().into())
}

/// A curve's name, and its bits.
fn curve(oid: String) -> (Box<str>, Option<u32>) {
    let (name, bits) = match oid.as_str() {
        "1.2.840.10045.3.1.7" => ("prime256v1", 256),
        "1.3.132.0.34" => ("secp384r1", 384),
        "1.3.132.0.35" => ("secp521r1", 521),
        "1.3.132.0.10" => ("secp256k1", 256),
        "1.3.132.0.33" => ("secp224r1", 224),
        "1.2.840.10045.3.1.1" => ("prime192v1", 192),
        "1.3.132.0.8" => ("secp160r1", 161),
        "1.3.36.3.3.2.8.1.1.7" => ("brainpoolP256r1", 256),
        "1.3.36.3.3.2.8.1.1.11" => ("brainpoolP384r1", 384),
        "1.3.36.3.3.2.8.1.1.13" => ("brainpoolP512r1", 512),
        "1.2.156.10197.1.301" => ("SM2", 256),
        _ => return (oid.into(), None),
    };
    (name.into(), Some(bits))
}

/// An algorithm's name as OpenSSL, and so Zeek, writes it; the numbers where it has none here.
fn algorithm(oid: &str) -> Box<str> {
    match oid {
        "1.2.840.113549.1.1.1" => "rsaEncryption",
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.3.14.3.2.29" => "sha1WithRSA",
        "1.2.840.10040.4.1" => "dsaEncryption",
        "1.2.840.10040.4.3" => "dsaWithSHA1",
        "2.16.840.1.101.3.4.3.1" => "dsa_with_SHA224",
        "2.16.840.1.101.3.4.3.2" => "dsa_with_SHA256",
        "1.2.840.10045.2.1" => "id-ecPublicKey",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.112" => "ED25519",
        "1.3.101.113" => "ED448",
        "1.2.156.10197.1.501" => "SM2-with-SM3",
        "1.2.643.2.2.19" => "GOST R 34.10-2001",
        "1.2.643.2.2.3" => "GOST R 34.11-94 with GOST R 34.10-2001",
        "1.2.643.7.1.1.1.1" => "GOST R 34.10-2012 with 256 bit modulus",
        "1.2.643.7.1.1.3.2" => "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        other => other,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_not_remembered_and_has_its_sum_all_the_same() {
        let mut certificates = Certificates::default();
        for _ in 0..2 {
            let (fingerprint, parsed) = certificates.look_up(b"abc");
            // FIPS 180-4's own example.
            assert!(fingerprint.starts_with("ba7816bf8f01cfea414140de5dae2223"));
            assert!(parsed.is_none());
            assert!(certificates.places.of(&b"abc"[..]).is_none());
        }
    }
}
