//! Media types, by the first bytes of content; their names are those Zeek gives.

/// The most bytes that are looked at.
pub(crate) const PREFIX: usize = 512;

/// What stands at the very front, and the type it means.
const MARKS: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/x-gzip"),
    (b"\x1f\x9d", "application/x-compress"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"Rar!", "application/x-rar"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"MZ", "application/x-dosexec"),
    (b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),
    (
        b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
        "application/x-ms-shortcut",
    ),
    (b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    (b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (b"\n\r\r\n", "application/vnd.tcpdump.pcap"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-o-executable"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-o-executable"),
    (b"\xca\xfe\xba\xbe", "application/x-java-applet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
    (b"Cr24", "application/chrome-ext"),
    (b"FWS", "application/x-shockwave-flash"),
    (b"CWS", "application/x-shockwave-flash"),
    (b"ZWS", "application/x-shockwave-flash"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/x-flac"),
    (b"wOFF", "application/font-woff"),
    (b"wOF2", "application/font-woff2"),
    (b"OTTO", "application/vnd.ms-opentype"),
    (b"\0asm", "application/wasm"),
    (b"d8:announce", "application/x-bittorrent"),
    (b"{\\rtf", "text/rtf"),
    (b"-----BEGIN CERTIFICATE-----", "application/x-pem"),
];

/// What text of markup begins with, in lower case, and the type it means.
const MARKUP: &[(&[u8], &str)] = &[
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<head", "text/html"),
    (b"<body", "text/html"),
    (b"<title", "text/html"),
    (b"<script", "text/html"),
    (b"<table", "text/html"),
    (b"<h1", "text/html"),
    (b"<a href", "text/html"),
    (b"<meta http-equiv", "text/html"),
    (b"<svg", "image/svg+xml"),
    (b"<rss", "text/rss"),
    (b"<feed", "text/atom"),
    (b"<soap:envelope", "application/soap+xml"),
    (b"<soap-env:envelope", "application/soap+xml"),
    (b"<methodresponse>", "application/xml-rpc"),
    (
        b"<!doctype cross-domain-policy",
        "text/x-cross-domain-policy",
    ),
    (b"<cross-domain-policy", "text/x-cross-domain-policy"),
    (b"<?php", "text/x-php"),
];

/// What programs begin with, and the type it means.
const SCRIPTS: &[(&[u8], &str)] = &[
    (b"for (;;);", "application/javascript"),
    (b"(function()", "application/javascript"),
    (b"document.write", "application/javascript"),
];

/// Interpreters behind `#!`, and the type that what they read has.
const INTERPRETERS: &[(&[u8], &str)] = &[
    (b"perl", "text/x-perl"),
    (b"ruby", "text/x-ruby"),
    (b"python", "text/x-python"),
    (b"awk", "text/x-awk"),
    (b"tcl", "text/x-tcl"),
    (b"wish", "text/x-tcl"),
    (b"lua", "text/x-lua"),
    (b"node", "application/javascript"),
    (b"php", "text/x-php"),
    (b"sh", "text/x-shellscript"),
];

/// So many bytes of plain text are needed to call it that.
const PLAIN: usize = 10;

/// The media type of content that begins with `prefix`.
pub(crate) fn of(prefix: &[u8]) -> Option<&'static str> {
    if let Some((_, kind)) = MARKS.iter().find(|(mark, _)| prefix.starts_with(mark)) {
        return Some(kind);
    }
    match (prefix.get(..4), prefix.get(4..8), prefix.get(8..12)) {
        (Some(b"RIFF"), _, Some(b"WEBP")) => return Some("image/webp"),
        (Some(b"RIFF"), _, Some(b"WAVE")) => return Some("audio/x-wav"),
        (Some(b"RIFF"), _, Some(b"AVI ")) => return Some("video/x-msvideo"),
        (_, Some(b"ftyp"), Some(b"avif")) => return Some("image/avif"),
        (_, Some(b"ftyp"), Some(b"qt  ")) => return Some("video/quicktime"),
        (_, Some(b"ftyp"), Some(_)) => return Some("video/mp4"),
        _ => {}
    }
    if prefix.get(257..262) == Some(b"ustar") {
        return Some("application/x-tar");
    }
    elf(prefix)
        .or_else(|| ocsp(prefix))
        .or_else(|| text_kind(prefix))
}

/// Executables of Unix: which kind, a number behind the identification says, in its byte order.
fn elf(prefix: &[u8]) -> Option<&'static str> {
    if !prefix.starts_with(b"\x7fELF") {
        return None;
    }
    let kind = match (prefix.get(5)?, prefix.get(16..18)?) {
        (1, &[kind, 0]) | (2, &[0, kind]) => kind,
        _ => 0,
    };
    Some(match kind {
        1 => "application/x-object",
        3 => "application/x-sharedlib",
        4 => "application/x-coredump",
        _ => "application/x-executable",
    })
}

/// Questions about certificates and the answers to them (RFC 6960), by the object identifiers that stand near their front.
fn ocsp(prefix: &[u8]) -> Option<&'static str> {
    const SHA1: &[u8] = &[6, 5, 0x2b, 0x0e, 3, 2, 0x1a];
    const BASIC: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
    if prefix.first() != Some(&0x30) {
        return None;
    }
    let front = prefix.get(11..30).unwrap_or_default();
    let has = |mark: &[u8]| front.windows(mark.len()).any(|window| window == mark);
    if has(SHA1) {
        Some("application/ocsp-request")
    } else if has(BASIC) {
        Some("application/ocsp-response")
    } else {
        None
    }
}

fn text_kind(prefix: &[u8]) -> Option<&'static str> {
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    let (xml, text) = behind_prologue(text);
    let begins = |(mark, _): &&(&[u8], &str)| {
        text.get(..mark.len())
            .is_some_and(|front| front.eq_ignore_ascii_case(mark))
    };
    if let Some((_, kind)) = MARKUP.iter().find(begins) {
        return Some(kind);
    }
    if xml {
        return Some("application/xml");
    }
    if is_json(text) {
        return Some("text/json");
    }
    if let Some((_, kind)) = SCRIPTS.iter().find(begins) {
        return Some(kind);
    }
    script(prefix).or_else(|| plain(prefix))
}

/// What stands behind blanks, comments and the declaration of XML, and whether that was there.
fn behind_prologue(text: &[u8]) -> (bool, &[u8]) {
    let (mut xml, mut text) = (false, text.trim_ascii_start());
    loop {
        let end: &[u8] = if text.starts_with(b"<!--") {
            b"-->"
        } else if text.starts_with(b"<?xml ") && !xml {
            xml = true;
            b"?>"
        } else {
            return (xml, text);
        };
        let Some(at) = text.windows(end.len()).position(|window| window == end) else {
            return (xml, &[]);
        };
        text = text
            .get(at + end.len()..)
            .unwrap_or_default()
            .trim_ascii_start();
    }
}

/// A program that names its interpreter.
fn script(prefix: &[u8]) -> Option<&'static str> {
    let line = prefix.strip_prefix(b"#!")?;
    let line = line.split(|&byte| byte == b'\n').next()?;
    let found = INTERPRETERS
        .iter()
        .find(|(name, _)| crate::talk::has(line, name));
    found.map(|(_, kind)| *kind)
}

fn plain(prefix: &[u8]) -> Option<&'static str> {
    // Marks of a byte order: UTF-32, UTF-16, UTF-8.
    const ORDERS: &[&[u8]] = &[
        b"\0\0\xfe\xff",
        b"\xff\xfe\0\0",
        b"\xfe\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ];
    let mark = ORDERS.iter().find(|mark| prefix.starts_with(mark));
    let front = prefix
        .get(mark.map_or(0, |mark| mark.len())..)?
        .get(..PLAIN)?;
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t'..=b'\r');
    front.iter().all(is_plain).then_some("text/plain")
}

/// Whether it begins as JSON does: an object whose first member has a name and a value, or an array of something.
fn is_json(text: &[u8]) -> bool {
    match text {
        [b'{', rest @ ..] => {
            let rest = rest.trim_ascii_start();
            rest == b"}" || member(rest).is_some_and(is_value)
        }
        [b'[', rest @ ..] => match rest.trim_ascii_start() {
            [b'{' | b'[', ..] | [b']'] => true,
            element => {
                let len = match element.first() {
                    Some(b'"') => quoted(element),
                    _ => element.iter().position(|byte| {
                        !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'-')
                    }),
                };
                let behind = len.and_then(|len| element.get(len..));
                is_value(element)
                    && behind.is_some_and(|behind| behind.trim_ascii_start().starts_with(b","))
            }
        },
        _ => false,
    }
}

/// What stands behind a member's name and its colon.
fn member(text: &[u8]) -> Option<&[u8]> {
    let len = match text.first()? {
        b'"' => quoted(text).filter(|len| *len > 2)?,
        first if first.is_ascii_alphabetic() => text
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')?,
        _ => return None,
    };
    let behind = text.get(len..)?.trim_ascii_start().strip_prefix(b":")?;
    Some(behind.trim_ascii_start())
}

/// How long a text in quotes is, with them.
fn quoted(text: &[u8]) -> Option<usize> {
    let end = text.get(1..)?.iter().position(|&byte| byte == b'"')?;
    Some(end + 2)
}

fn is_value(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'"' | b'[' | b'{' | b'0'..=b'9'))
        || text.starts_with(b"true")
        || text.starts_with(b"false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_by_its_first_bytes() {
        assert_eq!(of(b"GIF89a"), Some("image/gif"));
        assert_eq!(of(b"\r\n <!DOCTYPE HTML PUBLIC"), Some("text/html"));
        assert_eq!(of(b"{ \"a\": 1 }"), Some("text/json"));
        assert_eq!(of(b"{not json}"), Some("text/plain"));
        assert_eq!(of(b"{\"a\" : null}"), Some("text/plain"));
        assert_eq!(of(b"[\"a\", 1]"), Some("text/json"));
        assert_eq!(of(b"[see below]"), Some("text/plain"));
        assert_eq!(of(b"{}"), Some("text/json"));
        assert_eq!(
            of(b"<?xml version=\"1.0\"?>\n<!-- x -->\n<!DOCTYPE html>"),
            Some("text/html")
        );
        assert_eq!(of(b"<?xml version=\"1.0\"?><a/>"), Some("application/xml"));
        assert_eq!(of(b"<?xml version=\"1.0\"?><rss>"), Some("text/rss"));
        assert_eq!(of(b"#!/usr/bin/env python3\n"), Some("text/x-python"));
        assert_eq!(of(b"#!/bin/bash\n"), Some("text/x-shellscript"));
        assert_eq!(of(b"\xff\xfeplain text"), Some("text/plain"));
        assert_eq!(
            of(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0"),
            Some("application/x-sharedlib")
        );
        assert_eq!(of(b"short"), None);
        assert_eq!(of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(of(b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"), None);
        assert_eq!(of(b""), None);
    }
}
