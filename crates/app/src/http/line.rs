//! Start lines (RFC 9112 sections 3 and 4), taken as generously as servers and clients take them.

/// The most bytes of a method.
pub(super) const MAX_METHOD: usize = 32;

/// Methods that are registered, or were used by many.
#[rustfmt::skip]
const METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"PATCH",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SUBSCRIBE",
    b"SEARCH",
    b"NOTIFY", b"POLL", b"BMOVE", b"QUERY",
];

/// Whether a method is one that is known.
pub(super) fn is_known(method: &[u8]) -> bool {
    METHODS.contains(&method)
}

/// A request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    /// Major and minor; none where the line ends with its target, as in HTTP/0.9.
    pub(super) version: Option<(u8, u8)>,
}

/// A status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StatusLine<'a> {
    pub(super) version: Option<(u8, u8)>,
    /// Three digits, if it has them.
    pub(super) code: Option<u16>,
    pub(super) reason: &'a [u8],
}

/// Whether a byte may be in a token (RFC 9110 section 5.6.2), as methods and field names are.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Without blanks at the front.
pub(super) fn trim_start(bytes: &[u8]) -> &[u8] {
    let front = bytes.iter().take_while(|&&byte| is_blank(byte)).count();
    bytes.get(front..).unwrap_or_default()
}

/// Without blanks at the end.
pub(super) fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

/// The method at the front, and what is behind the blanks behind it.
pub(super) fn method(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line
        .iter()
        .take(MAX_METHOD + 1)
        .take_while(|&&byte| is_token(byte))
        .count();
    let (method, rest) = line.split_at_checked(end)?;
    let behind = trim_start(rest);
    (end > 0 && end <= MAX_METHOD && behind.len() < rest.len()).then_some((method, behind))
}

/// `HTTP/` with what may be a version, as the last word of a line: where its blanks begin, and what is behind `HTTP/`.
fn last_version(line: &[u8]) -> Option<(usize, &[u8])> {
    let line = trim_end(line);
    let mut from = line.len();
    while let Some(at) = line.get(..from)?.iter().rposition(|&byte| is_blank(byte)) {
        if let Some(version) = line.get(at + 1..)?.strip_prefix(b"HTTP/") {
            return Some((at, version));
        }
        // Only the last words are looked at: a long line costs no more than that.
        if line.len() - at > MAX_VERSION {
            return None;
        }
        from = at;
    }
    None
}

/// How far from a line's end its version may begin.
const MAX_VERSION: usize = 64;

fn version(bytes: &[u8]) -> Option<(u8, u8)> {
    match bytes {
        [major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9', ..] => Some((major - b'0', minor - b'0')),
        _ => None,
    }
}

impl<'a> RequestLine<'a> {
    /// A line (without its end) as a request line.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let (method, rest) = self::method(line)?;
        if let Some(version) = rest.strip_prefix(b"HTTP/") {
            return Some(RequestLine {
                method,
                target: &[],
                version: self::version(version),
            });
        }
        if let Some((at, version)) = last_version(rest) {
            return Some(RequestLine {
                method,
                target: trim_end(rest.get(..at)?),
                version: Some(self::version(version).unwrap_or((1, 0))),
            });
        }
        let target = trim_end(rest);
        (method.len() >= 3 && !target.is_empty()).then_some(RequestLine {
            method,
            target,
            version: None,
        })
    }

    /// The same, and so strict that hardly anything else looks like it: for a place in a stream where a message need not begin.
    pub(super) fn parse_strict(line: &'a [u8]) -> Option<Self> {
        let line = RequestLine::parse(line)?;
        let upper = line
            .method
            .iter()
            .all(|b| b.is_ascii_uppercase() || *b == b'-');
        let versioned = matches!(line.version, Some((1, _)));
        (upper && versioned && !line.target.is_empty()).then_some(line)
    }
}

impl<'a> StatusLine<'a> {
    /// A line (without its end) as a status line.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"HTTP/")?;
        let blank = rest.iter().position(|&byte| is_blank(byte))?;
        let behind = trim_start(rest.get(blank..)?);
        let digits = behind.get(..3)?;
        let code = if digits.iter().all(u8::is_ascii_digit) {
            std::str::from_utf8(digits).ok()?.parse().ok()
        } else {
            None
        };
        let behind = behind.get(3..)?;
        let blank = behind.iter().position(|&byte| is_blank(byte));
        let reason = blank.and_then(|at| behind.get(at..)).unwrap_or_default();
        Some(StatusLine {
            version: version(rest),
            code,
            reason: trim_end(trim_start(reason)),
        })
    }

    /// The same, strict.
    pub(super) fn parse_strict(line: &'a [u8]) -> Option<Self> {
        StatusLine::parse(line).filter(|line| {
            matches!(line.version, Some((1, _))) && line.code.is_some_and(|code| code >= 100)
        })
    }
}

/// A version as it is logged.
pub(super) fn version_text(version: Option<(u8, u8)>) -> Option<&'static str> {
    const ONE: [&str; 10] = [
        "1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9",
    ];
    match version? {
        (0, 9) => Some("0.9"),
        (1, minor) => ONE.get(usize::from(minor)).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Version = Option<(u8, u8)>;

    fn parse(line: &[u8]) -> Option<(&[u8], &[u8], Version)> {
        RequestLine::parse(line).map(|line| (line.method, line.target, line.version))
    }

    fn parse_status(line: &[u8]) -> Option<(Version, Option<u16>, &[u8])> {
        StatusLine::parse(line).map(|line| (line.version, line.code, line.reason))
    }

    #[test]
    fn request_lines_are_taken_generously() {
        let get: &[u8] = b"GET";
        let [spaced, root, none]: [&[u8]; 3] = [b"/a b", b"/", b""];
        let (old, new) = (Some((1, 0)), Some((1, 1)));
        assert_eq!(parse(b"GET /a b HTTP/1.1"), Some((get, spaced, new)));
        assert_eq!(parse(b"GET  /\tHTTP/1.0 "), Some((get, root, old)));
        assert_eq!(parse(b"GET /"), Some((get, root, None)));
        assert_eq!(parse(b"GET HTTP/1.1"), Some((get, none, new)));
        assert_eq!(parse(b"X /"), None);
        assert_eq!(parse(b"<html>"), None);
        assert_eq!(parse(b"GET"), None);
        assert!(RequestLine::parse_strict(b"and / HTTP/1.1").is_none());
        assert!(RequestLine::parse_strict(b"GET / HTTP/1.1").is_some());
    }

    #[test]
    fn status_lines_are_taken_generously() {
        let [reason, none]: [&[u8]; 2] = [b"Not Found", b""];
        let (old, new) = (Some((1, 0)), Some((1, 1)));
        let whole = parse_status(b"HTTP/1.1  404 Not Found");
        assert_eq!(whole, Some((new, Some(404), reason)));
        assert_eq!(parse_status(b"HTTP/1.0 200"), Some((old, Some(200), none)));
        assert_eq!(parse_status(b"HTTP/1.1 2xx"), Some((new, None, none)));
        assert_eq!(parse_status(b"HTTP/1.1 20"), None);
        assert_eq!(parse_status(b"ICY 200 OK"), None);
    }
}
