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
    (b"\x7fELF", "application/x-executable"),
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
    (b"#!", "text/x-shellscript"),
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
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "application/xml"),
    (b"<?php", "text/x-php"),
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
    text_kind(prefix)
}

fn text_kind(prefix: &[u8]) -> Option<&'static str> {
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    let text = text.trim_ascii_start();
    let begins = |mark: &[u8]| {
        text.get(..mark.len())
            .is_some_and(|front| front.eq_ignore_ascii_case(mark))
    };
    if let Some((_, kind)) = MARKUP.iter().find(|(mark, _)| begins(mark)) {
        return Some(kind);
    }
    if is_json(text) {
        return Some("text/json");
    }
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    let front = prefix.get(..PLAIN)?;
    front.iter().all(plain).then_some("text/plain")
}

/// Whether it begins as JSON does: an object whose first member has a name, or an array of something.
fn is_json(text: &[u8]) -> bool {
    match text {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        [b'[', rest @ ..] => matches!(
            rest.trim_ascii_start().first(),
            Some(b'"' | b'{' | b'[' | b']' | b'0'..=b'9' | b'-')
        ),
        _ => false,
    }
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
        assert_eq!(of(b"short"), None);
        assert_eq!(of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(of(b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"), None);
        assert_eq!(of(b""), None);
    }
}
