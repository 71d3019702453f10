//! What records say, as texts in `answers`: Zeek's, where Zeek writes one.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::message::{Fault, Resource};
use super::name::Name;
use super::nbns;
use crate::bytes::Reader;
use crate::text::{hexadecimal, text};

/// The most parameters of a service binding that are told.
const MAX_PARAMETERS: usize = 16;

/// Hands each answer that `resource` is to `each`: none (it has no text), one, or over NBNS several.
pub(super) fn texts(
    message: &[u8],
    resource: &Resource<'_>,
    nbns: bool,
    each: &mut dyn FnMut(Box<str>),
) -> Result<(), Fault> {
    match resource.kind {
        NB if nbns => nbns::addresses(resource.data)
            .for_each(|address| each(Ipv4Addr::from(address).to_string().into())),
        NBSTAT if nbns => nbns::statuses(resource.data).for_each(each),
        _ => {
            if let Some(text) = one(message, resource)? {
                each(text);
            }
        }
    }
    Ok(())
}

const NB: u16 = 32;
const NBSTAT: u16 = 33;
/// EDNS (RFC 6891).
pub(super) const OPT: u16 = 41;

fn one(message: &[u8], resource: &Resource<'_>) -> Result<Option<Box<str>>, Fault> {
    let data = resource.data;
    let text = match resource.kind {
        1 => Ipv4Addr::from(whole::<4>(data)?).to_string(),
        // A6 (RFC 2874) was given up; like Zeek we take it for AAAA.
        28 | 38 => Ipv6Addr::from(whole::<16>(data)?).to_string(),
        // NS, CNAME, SOA (its first name, the zone's server), PTR, DNAME.
        2 | 5 | 6 | 12 | 39 => return name_at(message, resource, 0).map(Some),
        // MX, and AFSDB, RT, KX that are like it.
        15 | 18 | 21 | 36 => return name_at(message, resource, 2).map(Some),
        33 => return name_at(message, resource, 6).map(Some),
        // WKS, OPT, TKEY, TSIG: nothing that answers.
        11 | OPT | 249 | 250 => return Ok(None),
        13 => strings("HINFO", data, |out, _, string| {
            let _ = write!(out, " {}", text(string));
        })?,
        16 => counted("TXT", data)?,
        99 => counted("SPF", data)?,
        29 => {
            let [_, size, horizontal, vertical, ..] = *whole::<16>(data)?
                .first_chunk::<4>()
                .ok_or(Fault::BadData)?;
            format!("LOC:  {size} {horizontal} {vertical}")
        }
        35 => naptr(message, resource)?,
        43 | 59 => {
            let [_, _, algorithm, digest] = *data.first_chunk().ok_or(Fault::BadData)?;
            format!("DS {algorithm} {digest}")
        }
        44 => {
            let (_, fingerprint) = data.split_at_checked(2).ok_or(Fault::BadData)?;
            format!("SSHFP: {}", hexadecimal(fingerprint))
        }
        46 => {
            let covered = Reader::new(data).u16().ok_or(Fault::BadData)?;
            let signer = name_at(message, resource, 18)?;
            let signer = if signer.is_empty() {
                "<Root>"
            } else {
                &*signer
            };
            format!("RRSIG {covered} {signer}")
        }
        47 => {
            let mut owner = Name::new();
            owner.read(message, resource.owner)?;
            format!("NSEC {} {}", owner.text(), name_at(message, resource, 0)?)
        }
        48 | 60 => {
            let [_, _, _, algorithm] = *data.first_chunk().ok_or(Fault::BadData)?;
            format!("DNSKEY {algorithm}")
        }
        50 => "NSEC3".into(),
        51 => "NSEC3PARAM".into(),
        64 => binding("SVCB", message, resource)?,
        65 => binding("HTTPS", message, resource)?,
        256 => {
            let (_, target) = data.split_at_checked(4).ok_or(Fault::BadData)?;
            format!("URI {}", text(target))
        }
        257 => {
            let mut reader = Reader::new(data);
            let (flags, tag) = (reader.u8(), reader.vec8());
            let (Some(flags), Some(tag)) = (flags, tag) else {
                return Err(Fault::BadData);
            };
            format!("CAA {flags} {} {}", text(tag), text(reader.rest()))
        }
        // BIND's record of how far it has signed a zone.
        65534 if data.len() >= 5 => "BIND9 signing signal".into(),
        kind => format!("<unknown type={kind}>"),
    };
    Ok((!text.is_empty()).then(|| text.into_boxed_str()))
}

/// Data of so many bytes.
fn whole<const N: usize>(data: &[u8]) -> Result<[u8; N], Fault> {
    data.try_into().map_err(|_| Fault::BadData)
}

/// The name that stands `offset` bytes into the data.
fn name_at(message: &[u8], resource: &Resource<'_>, offset: usize) -> Result<Box<str>, Fault> {
    let mut name = Name::new();
    let behind = name.read(message, resource.data_at + offset)?;
    if behind > resource.data_at + resource.data.len() {
        return Err(Fault::BadData);
    }
    Ok(name.text())
}

/// Character strings (RFC 1035 section 3.3), each added to `start` by `add`.
fn strings(
    start: &str,
    data: &[u8],
    mut add: impl FnMut(&mut String, usize, &[u8]),
) -> Result<String, Fault> {
    let mut out = String::from(start);
    let mut reader = Reader::new(data);
    let mut number = 0;
    while !reader.is_empty() {
        let string = reader.vec8().ok_or(Fault::BadData)?;
        add(&mut out, number, string);
        number += 1;
    }
    Ok(out)
}

/// Each string behind `kind` and its length in bytes.
fn counted(kind: &str, data: &[u8]) -> Result<String, Fault> {
    strings("", data, |out, number, string| {
        let blank = if number == 0 { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(out, "{blank}{kind} {} {}", string.len(), text(string));
    })
}

/// NAPTR (RFC 3403 section 4.1).
fn naptr(message: &[u8], resource: &Resource<'_>) -> Result<String, Fault> {
    let mut reader = Reader::new(resource.data);
    let mut fields = || {
        let numbers = (reader.u16()?, reader.u16()?);
        Some((
            numbers,
            reader.vec8()?,
            reader.vec8()?,
            reader.vec8()?,
            reader.len(),
        ))
    };
    let ((order, preference), flags, service, pattern, left) = fields().ok_or(Fault::BadData)?;
    let replacement = name_at(message, resource, resource.data.len() - left)?;
    let mut out = format!(
        "NAPTR {order} {preference} {} {} {}",
        text(flags),
        text(service),
        text(pattern)
    );
    if !pattern.is_empty() && !replacement.is_empty() {
        out.push(' ');
    }
    out.push_str(&replacement);
    Ok(out)
}

/// SVCB and HTTPS (RFC 9460 section 2.1).
fn binding(kind: &str, message: &[u8], resource: &Resource<'_>) -> Result<String, Fault> {
    let priority = Reader::new(resource.data).u16().ok_or(Fault::BadData)?;
    let mut target = Name::new();
    let behind = target.read(message, resource.data_at + 2)?;
    let parameters = behind
        .checked_sub(resource.data_at)
        .and_then(|at| resource.data.get(at..));
    let mut reader = Reader::new(parameters.ok_or(Fault::BadData)?);
    let target = target.text();
    let target = if target.is_empty() { "." } else { &*target };
    let mut out = format!("{kind} {priority} {target}");
    for _ in 0..MAX_PARAMETERS {
        if reader.is_empty() {
            break;
        }
        let key = reader.u16().ok_or(Fault::BadData)?;
        parameter(&mut out, key, reader.vec16().ok_or(Fault::BadData)?);
    }
    Ok(out)
}

/// A parameter of a service binding as zone files have it (RFC 9460 section 2.1); one of another form than its key says in hexadecimal.
fn parameter(out: &mut String, key: u16, value: &[u8]) {
    let list = |items: Vec<String>| items.join(",");
    let shown = match key {
        0 if value.len().is_multiple_of(2) => {
            let keys = value
                .chunks_exact(2)
                .filter_map(|pair| pair.first_chunk().copied());
            Some(list(keys.map(u16::from_be_bytes).map(key_name).collect()))
        }
        1 => protocols(value).map(list),
        3 => value
            .try_into()
            .ok()
            .map(|port| u16::from_be_bytes(port).to_string()),
        4 if value.len().is_multiple_of(4) => {
            let each = value
                .chunks_exact(4)
                .filter_map(|a| a.first_chunk::<4>().copied());
            Some(list(each.map(|a| Ipv4Addr::from(a).to_string()).collect()))
        }
        6 if value.len().is_multiple_of(16) => {
            let each = value
                .chunks_exact(16)
                .filter_map(|a| a.first_chunk::<16>().copied());
            Some(list(each.map(|a| Ipv6Addr::from(a).to_string()).collect()))
        }
        // An ECH configuration is long; that there is one is what matters.
        5 => Some(format!("<{} bytes>", value.len())),
        7 => Some(text(value).into_string()),
        _ => None,
    };
    out.push(' ');
    out.push_str(&key_name(key));
    if !value.is_empty() {
        out.push('=');
        out.push_str(&shown.unwrap_or_else(|| hexadecimal(value)));
    }
}

fn protocols(value: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(value);
    let mut names = Vec::new();
    while !reader.is_empty() {
        names.push(text(reader.vec8()?).into_string());
    }
    Some(names)
}

fn key_name(key: u16) -> String {
    match key {
        0 => "mandatory".into(),
        1 => "alpn".into(),
        2 => "no-default-alpn".into(),
        3 => "port".into(),
        4 => "ipv4hint".into(),
        5 => "ech".into(),
        6 => "ipv6hint".into(),
        7 => "dohpath".into(),
        other => format!("key{other}"),
    }
}
