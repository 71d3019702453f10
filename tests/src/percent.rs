//! Percent signs in URIs, and the backslashes of Zeek's tables.

/// A text with its `%41` decoded, as bytes.
#[must_use]
pub fn decoded(text: &str) -> Vec<u8> {
    hexadecimal(text.as_bytes(), b"%")
}

/// A text of Zeek's tables with its `\x41` and double backslashes decoded, as bytes.
#[must_use]
pub fn unescaped(text: &str) -> Vec<u8> {
    let pieces: Vec<Vec<u8>> = text
        .split("\\\\")
        .map(|piece| hexadecimal(piece.as_bytes(), b"\\x"))
        .collect();
    pieces.join(&b'\\')
}

fn hexadecimal(bytes: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        let digits = rest
            .strip_prefix(mark)
            .and_then(|rest| rest.get(..2))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = digits {
            out.push(byte);
            rest = &rest[mark.len() + 2..];
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_the_same_bytes() {
        assert_eq!(decoded("a%20b%FC%2"), b"a b\xfc%2");
        assert_eq!(unescaped("a b\\xfc%2"), b"a b\xfc%2");
        assert_eq!(unescaped("a\\\\x07"), b"a\\x07");
    }
}
