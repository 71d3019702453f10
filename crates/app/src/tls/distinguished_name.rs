//! Distinguished names as text (RFC 2253, as OpenSSL writes it and Zeek logs it): the last part first, `CN=www.example.org,O=Example,C=NL`.

use std::fmt::Write;

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The longest text that is made.
const MAX_NAME: usize = 2048;

pub(super) fn text(name: &X509Name<'_>) -> Box<str> {
    let mut out = String::new();
    let parts: Vec<_> = name.iter().collect();
    for part in parts.into_iter().rev() {
        let attributes: Vec<_> = part.iter().collect();
        for (at, attribute) in attributes.into_iter().rev().enumerate() {
            if !out.is_empty() {
                out.push(if at == 0 { ',' } else { '+' });
            }
            one(&mut out, attribute);
            if out.len() > MAX_NAME {
                return out.into();
            }
        }
    }
    out.into()
}

fn one(out: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let oid = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    let data = value.data.get(..MAX_NAME).unwrap_or(value.data);
    match short_name(&oid) {
        Some(name) => out.push_str(name),
        // What is not known is written as the bytes that it is.
        None => {
            out.push_str(&oid);
            out.push_str("=#");
            let (tag, len) = (value.tag().0, value.data.len());
            let _ = write!(out, "{tag:02X}");
            let _ = match len {
                0..0x80 => write!(out, "{len:02X}"),
                0x80..0x100 => write!(out, "81{len:02X}"),
                _ => write!(out, "82{len:04X}"),
            };
            for byte in data {
                let _ = write!(out, "{byte:02X}");
            }
            return;
        }
    }
    out.push('=');
    let decoded = match value.tag() {
        Tag::BmpString => String::from_utf16_lossy(&units(data)),
        Tag::T61String | Tag::PrintableString | Tag::Ia5String => {
            data.iter().map(|&byte| char::from(byte)).collect()
        }
        _ => match std::str::from_utf8(data) {
            Ok(text) => text.to_owned(),
            Err(_) => data.iter().map(|&byte| char::from(byte)).collect(),
        },
    };
    escape(out, &decoded);
}

fn units(data: &[u8]) -> Vec<u16> {
    data.chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte)))
        .collect()
}

fn escape(out: &mut String, value: &str) {
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        let special = matches!(byte, b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';')
            || (byte == b'#' && at == 0)
            || (byte == b' ' && (at == 0 || at == last));
        if special {
            out.push('\\');
            out.push(byte.into());
        } else if (b' '..0x7f).contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "\\{byte:02X}");
        }
    }
}

fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.16" => "postalAddress",
        "2.5.4.17" => "postalCode",
        "2.5.4.18" => "postOfficeBox",
        "2.5.4.20" => "telephoneNumber",
        "2.5.4.41" => "name",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.44" => "generationQualifier",
        "2.5.4.45" => "x500UniqueIdentifier",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.3" => "mail",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.2.840.113549.1.9.2" => "unstructuredName",
        "1.2.840.113549.1.9.8" => "unstructuredAddress",
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        "1.2.643.3.131.1.1" => "INN",
        "1.2.643.100.1" => "OGRN",
        "1.2.643.100.3" => "SNILS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        let mut out = String::new();
        escape(&mut out, " #a, \"b\"\\né\u{1} ");
        assert_eq!(out, "\\ #a\\, \\\"b\\\"\\\\n\\C3\\A9\\01\\ ");
    }
}
