//! What the headers of an entity say of its body (RFC 2045, RFC 2183).

use crate::http::fields::{self, Name};
use crate::http::filename;

/// The longest boundary that is compared; RFC 2046 section 5.1.1 allows 70 bytes.
const MAX_BOUNDARY: usize = 200;

/// What a body is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Content.
    #[default]
    Leaf,
    /// Entities with this boundary between them.
    Multipart(Box<[u8]>),
    /// Another entity, with headers of its own.
    Message,
}

/// How content is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is.
    #[default]
    None,
    Base64,
    QuotedPrintable,
}

/// What the headers of an entity said so far.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) kind: Kind,
    pub(super) encoding: Encoding,
    pub(super) filename: Option<Box<str>>,
}

impl Headers {
    /// A header, unfolded.
    pub(super) fn add(&mut self, header: &[u8]) {
        let Some((name, value)) = fields::split(header) else {
            return;
        };
        match Name::of(name) {
            Some(Name::ContentType) => {
                self.kind = kind(value);
                if let Some(name) = filename::of_type(value).filter(|_| self.kind == Kind::Leaf) {
                    self.filename = Some(name);
                }
            }
            Some(Name::ContentDisposition) => {
                self.filename = filename::of_disposition(value).or(self.filename.take());
            }
            None if name.eq_ignore_ascii_case(b"content-transfer-encoding") => {
                self.encoding = if value.eq_ignore_ascii_case(b"base64") {
                    Encoding::Base64
                } else if value.eq_ignore_ascii_case(b"quoted-printable") {
                    Encoding::QuotedPrintable
                } else {
                    Encoding::None
                };
            }
            _ => {}
        }
    }
}

/// What a Content-Type says a body is.
pub(crate) fn kind(value: &[u8]) -> Kind {
    let begins = |word: &[u8]| {
        let front = value.get(..word.len());
        front.is_some_and(|front| front.eq_ignore_ascii_case(word))
    };
    if begins(b"message/") {
        return Kind::Message;
    }
    match boundary(value) {
        Some(boundary) if begins(b"multipart/") => Kind::Multipart(boundary.into()),
        _ => Kind::Leaf,
    }
}

/// The parameter `boundary`.
fn boundary(value: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"boundary";
    let parameters = value.split(|&byte| byte == b';').skip(1);
    for parameter in parameters {
        let parameter = parameter.trim_ascii();
        let Some((name, rest)) = parameter.split_at_checked(NAME.len()) else {
            continue;
        };
        if !name.eq_ignore_ascii_case(NAME) {
            continue;
        }
        let rest = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
        let boundary = match rest.strip_prefix(b"\"") {
            Some(quoted) => quoted.split(|&byte| byte == b'"').next()?,
            None => rest,
        };
        return Some(boundary).filter(|b| !b.is_empty() && b.len() <= MAX_BOUNDARY);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told() {
        let multipart = |boundary: &[u8]| Kind::Multipart(boundary.into());
        assert_eq!(kind(b"multipart/mixed; boundary=ab"), multipart(b"ab"));
        assert_eq!(
            kind(b"Multipart/form-data; x=y;\tBOUNDARY = \"a b\"; z"),
            multipart(b"a b")
        );
        assert_eq!(kind(b"multipart/mixed"), Kind::Leaf);
        assert_eq!(kind(b"message/rfc822"), Kind::Message);
        assert_eq!(kind(b"text/plain; boundary=x"), Kind::Leaf);
    }

    #[test]
    fn headers_are_read() {
        let mut headers = Headers::default();
        headers.add(b"Content-Type: text/plain; name=\"a.txt\"");
        assert_eq!(headers.filename.as_deref(), Some("a.txt"));
        headers.add(b"content-disposition: form-data; name=\"field\"");
        assert_eq!(headers.filename.as_deref(), Some("a.txt"));
        headers.add(b"Content-Disposition: attachment; filename=b.txt");
        headers.add(b"Content-Disposition: attachment; filename=");
        headers.add(b"Content-Transfer-Encoding: BASE64");
        assert_eq!(headers.encoding, Encoding::Base64);
        assert_eq!(headers.filename.as_deref(), Some("b.txt"));
        headers.add(b"Content-Disposition: attachment; filename=\"usernames.csv\"");
        assert_eq!(headers.filename.as_deref(), Some("usernames.csv"));
    }
}
