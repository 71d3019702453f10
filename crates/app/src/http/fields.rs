//! Fields (RFC 9110 section 5): which of them mean something here, and what their values say.

use std::borrow::Cow;

use memchr::memchr;
use portreeve_record::app::http::Http;

use super::line::{trim_end, trim_start};
use super::side::Range;
use super::uri;
use crate::protocol::Peer;
use crate::text::{MAX_TEXT, text};

/// The most bytes of a value that are kept.
pub(crate) const MAX_VALUE: usize = 2048;

/// The most fields of proxies that are kept of a request.
const MAX_PROXIED: usize = 8;
/// The most bytes of each.
const MAX_PROXIED_BYTES: usize = 512;

/// A field that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    ContentLength,
    TransferEncoding,
    ContentEncoding,
    ContentType,
    ContentDisposition,
    ContentRange,
    Upgrade,
    Host,
    Referer,
    UserAgent,
    Origin,
    Authorization,
    Location,
    Server,
    PoweredBy,
    /// One that tells of a proxy, as it is logged.
    Proxy(&'static str),
}

const NAMES: &[(&str, Name)] = &[
    ("content-length", Name::ContentLength),
    ("transfer-encoding", Name::TransferEncoding),
    ("content-encoding", Name::ContentEncoding),
    ("content-type", Name::ContentType),
    ("content-disposition", Name::ContentDisposition),
    ("content-range", Name::ContentRange),
    ("upgrade", Name::Upgrade),
    ("host", Name::Host),
    ("referer", Name::Referer),
    ("user-agent", Name::UserAgent),
    ("origin", Name::Origin),
    ("authorization", Name::Authorization),
    ("proxy-authorization", Name::Authorization),
    ("location", Name::Location),
    ("server", Name::Server),
    ("x-powered-by", Name::PoweredBy),
    ("forwarded", Name::Proxy("FORWARDED")),
    ("x-forwarded-for", Name::Proxy("X-FORWARDED-FOR")),
    ("x-forwarded-from", Name::Proxy("X-FORWARDED-FROM")),
    ("client-ip", Name::Proxy("CLIENT-IP")),
    ("via", Name::Proxy("VIA")),
    ("xroxy-connection", Name::Proxy("XROXY-CONNECTION")),
    ("proxy-connection", Name::Proxy("PROXY-CONNECTION")),
];

impl Name {
    /// The field of that name, whatever its case.
    pub(crate) fn of(name: &[u8]) -> Option<Name> {
        NAMES
            .iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map(|&(_, name)| name)
    }
}

/// A field's line: its name, and its value without blanks around it.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = trim_end(line.get(..colon)?);
    Some((name, trim_end(trim_start(line.get(colon + 1..)?))))
}

/// A value without the line ends in it, each with the blanks around it one blank (obs-fold, RFC 9112 section 5.2).
pub(crate) fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut whole = Vec::with_capacity(value.len());
    let lines = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        if !whole.is_empty() {
            whole.push(b' ');
        }
        whole.extend_from_slice(line);
    }
    Cow::Owned(whole)
}

/// So much of a value as is kept, as text.
pub(crate) fn kept(value: &[u8]) -> Box<str> {
    text(value.get(..MAX_VALUE).unwrap_or(value))
}

/// A length; none if it is no number.
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
    let mut any = None;
    for digit in digits {
        let so_far: u64 = any.unwrap_or(0);
        any = Some(
            so_far
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0')),
        );
    }
    any
}

/// What a Content-Range says (RFC 9110 section 14.4): `bytes first-last/total`. What cannot be read is taken for a part of something; `*` in the place of
/// a range says that the content is none.
pub(crate) fn range(value: &[u8]) -> Option<Range> {
    let value = value.strip_prefix(b"bytes").unwrap_or(value);
    let value = trim_start(value);
    if value.starts_with(b"*") {
        return None;
    }
    let total = value.split(|&byte| byte == b'/').nth(1);
    Some(Range {
        first: length(value).unwrap_or(u64::MAX),
        total: total.and_then(length),
    })
}

/// The size of a chunk (RFC 9112 section 7.1); none if it is no number, or one that no chunk has.
pub(crate) fn chunk_size(line: &[u8]) -> Option<u64> {
    let mut size = None;
    for &byte in trim_start(line) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            break;
        };
        let so_far: u64 = size.unwrap_or(0);
        if so_far >> 59 != 0 {
            return None;
        }
        size = Some(so_far << 4 | u64::from(digit));
    }
    size
}

/// Whether one of the words of a list is `word`, whatever its case.
pub(crate) fn has_word(value: &[u8], word: &str) -> bool {
    value
        .split(|&byte| byte == b',' || byte == b';')
        .any(|one| trim_end(trim_start(one)).eq_ignore_ascii_case(word.as_bytes()))
}

/// A media type without its parameters, in lower case.
pub(crate) fn media_type(value: &[u8]) -> Box<str> {
    let end = value.iter().position(|&byte| byte == b';');
    let value = end.and_then(|end| value.get(..end)).unwrap_or(value);
    crate::text::lower(trim_end(value.get(..MAX_VALUE).unwrap_or(value)))
}

/// The user of Basic authentication (RFC 7617), and whether there is a password. What is not of that form is not told: it could be a secret.
pub(crate) fn user(value: &[u8]) -> Option<(Box<str>, bool)> {
    let (scheme, behind) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = crate::mime::base64::decode(trim_start(behind), MAX_VALUE);
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let name = text(decoded.get(..colon)?);
    Some((name, decoded.len() > colon + 1))
}

/// The text of a record that a field of `peer` goes into as it is.
fn text_of(record: &mut Http, peer: Peer, name: Name) -> Option<&mut Option<Box<str>>> {
    Some(match (peer, name) {
        (Peer::Client, Name::Host) => &mut record.host,
        (Peer::Client, Name::Referer) => &mut record.referrer,
        (Peer::Client, Name::UserAgent) => &mut record.user_agent,
        (Peer::Client, Name::Origin) => &mut record.origin,
        (Peer::Server, Name::Location) => &mut record.location,
        (Peer::Server, Name::Server) => &mut record.server,
        (Peer::Server, Name::PoweredBy) => &mut record.powered_by,
        _ => return None,
    })
}

/// Puts what a field of `peer` says into a record.
pub(crate) fn note(record: &mut Http, peer: Peer, name: Name, value: &[u8]) {
    if let Some(place) = text_of(record, peer, name) {
        *place = Some(kept(value));
        return;
    }
    match (peer, name) {
        (Peer::Client, Name::Authorization) => {
            if let Some((user, has_password)) = user(value) {
                record.username = Some(user);
                record.has_password = has_password;
            }
        }
        (Peer::Client, Name::Proxy(name)) if record.proxied.len() < MAX_PROXIED => {
            let value = value.get(..MAX_PROXIED_BYTES).unwrap_or(value);
            let proxied = format!("{name} -> {}", text(value));
            record.proxied.push(proxied.into_boxed_str());
        }
        (Peer::Server, Name::ContentType) => record.content_type = Some(media_type(value)),
        _ => {}
    }
}

/// Puts a request's target into a record.
pub(crate) fn note_target(record: &mut Http, target: &[u8]) {
    record.uri = Some(text(target));
    let kept = target.get(..MAX_TEXT).unwrap_or(target);
    record.uri_decoded = uri::decoded(kept).map(|decoded| text(&decoded));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_their_digits_do() {
        assert_eq!(length(b"17, 18"), Some(17));
        assert_eq!(length(b"-5"), None);
        assert_eq!(length(b"99999999999999999999999"), Some(u64::MAX));
        assert_eq!(chunk_size(b" 1aF;name=value"), Some(0x1af));
        assert_eq!(chunk_size(b"xyz"), None);
        assert_eq!(chunk_size(b"fffffffffffffffff"), None);
    }

    #[test]
    fn ranges_are_of_what_is_sent() {
        let part = |value| range(value).map(|range| (range.first, range.total));
        assert_eq!(part(b"bytes 5-9/100"), Some((5, Some(100))));
        assert_eq!(part(b"bytes 0-9/*"), Some((0, None)));
        assert_eq!(part(b"pages one"), Some((u64::MAX, None)));
        // Content of status 416 says what is wrong.
        assert_eq!(part(b"bytes */100"), None);
    }

    #[test]
    fn of_credentials_only_the_user_is_told() {
        let (name, password) = user(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!((&*name, password), ("Aladdin", true));
        assert_eq!(user(b"Bearer abc"), None);
        assert_eq!(user(b"Basic AAAA"), None);
    }
}
