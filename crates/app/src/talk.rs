//! Protocols that talk in lines: commands of a word and its argument, replies of three digits and a text (RFC 959 section 4.2, RFC 5321 section 4.2).

/// A command: its word, and what stands behind it without the blanks around it.
#[must_use]
pub fn command(line: &[u8]) -> (&[u8], &[u8]) {
    let line = crate::text::line(line).trim_ascii_start();
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    (word, rest.trim_ascii())
}

/// A line of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Its number, 100 to 599.
    pub code: u16,
    /// Whether more lines of it follow.
    pub goes_on: bool,
    /// What it says.
    pub text: &'a [u8],
}

/// A line that begins with the number of a reply.
#[must_use]
pub fn reply(line: &[u8]) -> Option<Reply<'_>> {
    let line = crate::text::line(line);
    let (&[a, b, c], rest) = line.split_first_chunk::<3>()?;
    if !(b'1'..=b'5').contains(&a) || !b.is_ascii_digit() || !c.is_ascii_digit() {
        return None;
    }
    let digit = |byte: u8| u16::from(byte - b'0');
    let (goes_on, text) = match rest.split_first() {
        None => (false, rest),
        Some((b' ', text)) => (false, text),
        Some((b'-', text)) => (true, text),
        Some(_) => return None,
    };
    Some(Reply {
        code: digit(a) * 100 + digit(b) * 10 + digit(c),
        goes_on,
        text,
    })
}

/// Whether `bytes` begin with `word`, in letters of either case, and it ends there; `None` if they are too short to tell.
#[must_use]
pub fn begins_with(bytes: &[u8], word: &[u8]) -> Option<bool> {
    match bytes.get(..word.len()) {
        Some(start) if !start.eq_ignore_ascii_case(word) => Some(false),
        Some(_) => bytes.get(word.len()).map(u8::is_ascii_whitespace),
        None if word
            .get(..bytes.len())
            .is_some_and(|w| w.eq_ignore_ascii_case(bytes)) =>
        {
            None
        }
        None => Some(false),
    }
}

/// Whether `text` has `word` in it, in letters of either case.
#[must_use]
pub fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len().max(1))
        .any(|window| window.eq_ignore_ascii_case(word))
}

/// The first line, if all of it is there.
#[must_use]
pub fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    bytes.get(..end).map(crate::text::line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        assert_eq!(
            command(b"MAIL  FROM:<a> \r\n"),
            (&b"MAIL"[..], &b"FROM:<a>"[..])
        );
        assert_eq!(command(b"\r\n"), (&b""[..], &b""[..]));
        let answer = reply(b"250-a b\r\n").unwrap();
        assert_eq!(
            (answer.code, answer.goes_on, answer.text),
            (250, true, &b"a b"[..])
        );
        assert_eq!(
            reply(b"354\n").map(|r| (r.code, r.goes_on)),
            Some((354, false))
        );
        assert!(reply(b"2500 a").is_none() && reply(b"650 a").is_none() && reply(b"25").is_none());
        assert_eq!(begins_with(b"ehlo x", b"EHLO"), Some(true));
        assert_eq!(begins_with(b"ehlox", b"EHLO"), Some(false));
        assert_eq!(begins_with(b"eh", b"EHLO"), None);
        assert_eq!(begins_with(b"ehlo", b"EHLO"), None);
        assert!(has(b"220 x Esmtp y", b"SMTP") && !has(b"x", b"SMTP"));
        assert_eq!(first_line(b"a\r\nb"), Some(&b"a"[..]));
    }
}
