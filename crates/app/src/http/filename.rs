//! The names of files in Content-Disposition (RFC 6266, RFC 2183) and Content-Type.
//!
//! ```text
//!  filename="a.txt"     filename*=UTF-8''%c3%a4.txt          RFC 6266 section 4.1
//!  filename*0="a long "; filename*1="name.txt"               RFC 2231 section 3
//!  filename*0*=UTF-8''%c3%a4; filename*1=".txt"              RFC 2231 section 4.1
//! ```

use std::borrow::Cow;

use super::fields::{MAX_VALUE, length};
use super::line::{trim_end, trim_start};
use super::uri;
use crate::text::text;

/// The most bytes of a file's name that are kept.
const MAX_FILENAME: usize = 255;
/// The most sections that a name is put together of.
const MAX_SECTIONS: usize = 32;

/// The file's name in a Content-Disposition; that of a form's field is none.
pub(crate) fn of_disposition(value: &[u8]) -> Option<Box<str>> {
    named(value, b"filename")
}

/// The file's name in a Content-Type.
pub(crate) fn of_type(value: &[u8]) -> Option<Box<str>> {
    named(value, b"name")
}

/// What the parameter says whose name ends in `word`: the extended form goes before others (RFC 6266 section 4.3).
fn named(value: &[u8], word: &[u8]) -> Option<Box<str>> {
    let (mut plain, mut extended) = (None, None);
    let mut sections = [None; MAX_SECTIONS];
    for (name, said) in Parameters(value.get(..MAX_VALUE).unwrap_or(value)) {
        let parameter = Parameter::of(name);
        if said.is_empty() || !ends_with(parameter.name, word) {
            continue;
        }
        match parameter.section {
            None if parameter.extended => extended = Some(said),
            None => plain = Some(said),
            Some(section) => {
                let place = usize::try_from(section).ok();
                if let Some(place) = place.and_then(|at| sections.get_mut(at)) {
                    *place = Some((said, parameter.extended));
                }
            }
        }
    }
    if let Some(said) = extended {
        return Some(shortened(&decoded(behind_charset(said))));
    }
    if let [Some((first, extended)), ..] = &mut sections {
        if *extended {
            *first = behind_charset(first);
        }
        return Some(shortened(&joined(&sections)));
    }
    plain.map(|said| shortened(&unescaped(said)))
}

/// Sections up to the first that is not there.
fn joined(sections: &[Option<(&[u8], bool)>]) -> Vec<u8> {
    let mut name = Vec::new();
    for &(said, extended) in sections.iter().map_while(Option::as_ref) {
        name.extend_from_slice(&if extended {
            decoded(said)
        } else {
            unescaped(said)
        });
    }
    name
}

/// What stands behind the character set and the language (RFC 8187 section 3.2), where they are there.
fn behind_charset(said: &[u8]) -> &[u8] {
    let behind = said.splitn(3, |&byte| byte == b'\'').nth(2);
    behind.unwrap_or(said)
}

fn decoded(said: &[u8]) -> Cow<'_, [u8]> {
    uri::decoded(said).map_or(Cow::Borrowed(said), Cow::Owned)
}

/// A quoted text without the backslashes before quotes and backslashes (RFC 9110 section 5.6.4); those of a path stay.
fn unescaped(said: &[u8]) -> Cow<'_, [u8]> {
    let escapes = |pair: &[u8]| matches!(pair, b"\\\"" | b"\\\\");
    if !said.windows(2).any(escapes) {
        return Cow::Borrowed(said);
    }
    let (mut name, mut rest) = (Vec::with_capacity(said.len()), said);
    while let [byte, behind @ ..] = rest {
        let skipped = usize::from(rest.get(..2).is_some_and(escapes));
        name.push(*behind.get(..skipped).and_then(<[u8]>::last).unwrap_or(byte));
        rest = behind.get(skipped..).unwrap_or_default();
    }
    Cow::Owned(name)
}

fn shortened(name: &[u8]) -> Box<str> {
    text(name.get(..MAX_FILENAME).unwrap_or(name))
}

fn ends_with(name: &[u8], word: &[u8]) -> bool {
    let at = name.len().checked_sub(word.len());
    at.and_then(|at| name.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// What a parameter's name says: `name*section*`.
struct Parameter<'a> {
    name: &'a [u8],
    section: Option<u64>,
    extended: bool,
}

impl Parameter<'_> {
    fn of(name: &[u8]) -> Parameter<'_> {
        let (name, extended) = match name.strip_suffix(b"*") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let mut parts = name.splitn(2, |&byte| byte == b'*');
        Parameter {
            name: parts.next().unwrap_or_default(),
            section: parts
                .next()
                .map(|digits| length(digits).unwrap_or(u64::MAX)),
            extended,
        }
    }
}

/// The parameters of a value: what stands between semicolons, but for those within quotes, as name and value.
struct Parameters<'a>(&'a [u8]);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let end = self.0.iter().position(|byte| b"=;".contains(byte))?;
            let sign = *self.0.get(end)?;
            let (name, behind) = cut(self.0, end);
            self.0 = behind;
            if sign == b'=' {
                let name = trim_end(trim_start(name));
                return Some((name, self.value()));
            }
        }
    }
}

impl<'a> Parameters<'a> {
    /// Takes the value at the front, and what ends it.
    fn value(&mut self) -> &'a [u8] {
        let front = trim_start(self.0);
        let Some(quoted) = front.strip_prefix(b"\"") else {
            let (said, behind) = cut(front, semicolon(front));
            self.0 = behind;
            return trim_end(said);
        };
        let (said, behind) = cut(quoted, quote(quoted));
        (_, self.0) = cut(behind, semicolon(behind));
        said
    }
}

/// What stands before the byte at `at`, and behind it.
fn cut(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    let before = bytes.get(..at).unwrap_or(bytes);
    (before, bytes.get(at + 1..).unwrap_or_default())
}

fn semicolon(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|&byte| byte == b';');
    end.unwrap_or(bytes.len())
}

/// The quote that ends a quoted text.
fn quote(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let end = bytes.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(value: &[u8], name: &str) {
        assert_eq!(of_disposition(value).as_deref(), Some(name));
    }

    #[test]
    fn names_of_files_are_found() {
        is(b"attachment; filename=\"a b.zip\"; x=1", "a b.zip");
        is(b"attachment; FileName = a.zip ; x", "a.zip");
        is(b"form-data; name=\"f\"; filename=\"x\"", "x");
        is(b"attachment; filename=\"cut o", "cut o");
        assert_eq!(of_disposition(b"inline"), None);
        assert_eq!(of_disposition(b"attachment; filename="), None);
        assert_eq!(of_disposition(b"form-data; name=\"filename=\""), None);
        assert_eq!(
            of_type(b"text/plain; name=\"a.txt\"").as_deref(),
            Some("a.txt")
        );
        assert_eq!(of_type(b"text/plain; filename=a").as_deref(), Some("a"));
        assert_eq!(of_type(b"text/plain; charset=utf-8"), None);
        let long = [&b"attachment; filename="[..], &[b'x'; 9000]].concat();
        assert_eq!(of_disposition(&long).unwrap().len(), MAX_FILENAME);
    }

    #[test]
    fn what_is_quoted_is_no_parameter() {
        is(b"attachment; filename=\"usernames.csv\"", "usernames.csv");
        is(
            b"attachment; filename=\"my name.txt\"; size=20",
            "my name.txt",
        );
        is(b"attachment; filename=\"a; filename=b\"", "a; filename=b");
        is(
            b"attachment; filename=\"say \\\"hi\\\".txt\"; x=\"\"",
            "say \"hi\".txt",
        );
        is(b"attachment; filename=\"C:\\a\\b.txt\"", "C:\\a\\b.txt");
    }

    #[test]
    fn the_extended_form_goes_first() {
        is(b"attachment; filename*=UTF-8''%41%c3%a9", "A\u{e9}");
        is(b"attachment; filename*=UTF-8'en'rename.txt", "rename.txt");
        is(
            b"attachment; filename*=utf-8''b.zip; filename=\"a.zip\"",
            "b.zip",
        );
        is(
            b"attachment; filename=\"a.zip\"; filename*=utf-8''b.zip",
            "b.zip",
        );
        // Without a character set it is read all the same.
        is(b"attachment; filename*=it's%20me", "it's me");
    }

    #[test]
    fn sections_are_put_together() {
        is(
            b"attachment; filename*1=\"me.txt\"; filename*0=\"a na\"",
            "a name.txt",
        );
        is(
            b"attachment; filename*0*=UTF-8''%c3%a4%20; filename*1=%20.txt",
            "\u{e4} %20.txt",
        );
        is(b"a; filename*0*=UTF-8''a'; filename*1*=%27b'c", "a''b'c");
        // What is behind one that is not there belongs nowhere.
        is(
            b"a; filename*0=a; filename*2=c; filename*99999999999=d",
            "a",
        );
        assert_eq!(of_disposition(b"a; filename*1=b"), None);
        let many: String = (0..60).map(|at| format!("; filename*{at}=x")).collect();
        assert_eq!(of_disposition(many.as_bytes()).unwrap().len(), MAX_SECTIONS);
    }
}
