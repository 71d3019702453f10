//! Texts in UTF-16, lowest byte first, as Windows' protocols carry them.

use crate::text::{MAX_TEXT, text};

/// UTF-16LE as text, up to the first NUL; half a pair becomes U+FFFD.
#[must_use]
pub fn utf16(bytes: &[u8]) -> Box<str> {
    let units = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit))
        .take_while(|unit| *unit != 0)
        .take(MAX_TEXT);
    let decoded: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text(decoded.as_bytes())
}

/// Where the NUL of a text in UTF-16 stands in `bytes`: how many bytes the text has before it, all if there is none.
#[must_use]
pub fn len_before_nul(bytes: &[u8]) -> usize {
    let units = bytes.as_chunks::<2>().0;
    let end = units.iter().position(|unit| *unit == [0, 0]);
    2 * end.unwrap_or(units.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_nul_and_survives_half_a_pair() {
        assert_eq!(&*utf16(b"a\0\xe9\0\0\0b\0"), "aé");
        assert_eq!(&*utf16(b"\x00\xd8b\0\n"), "\u{fffd}b");
        assert_eq!(len_before_nul(b"a\0b\0\0\0c\0"), 4);
        assert_eq!(len_before_nul(b"a\0b\0c"), 4);
    }
}
