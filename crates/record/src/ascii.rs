//! ASCII: what of a text is it, and texts of a fixed length, in place: fingerprints, which nearly every record of a handshake has, and which would be a piece of memory each.

use std::fmt;
use std::ops::Deref;

/// A text of so many letters of ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ascii<const LETTERS: usize>([u8; LETTERS]);

impl<const LETTERS: usize> Ascii<LETTERS> {
    /// These letters; what is no ASCII among them stands as `?`.
    #[must_use]
    pub fn new(mut letters: [u8; LETTERS]) -> Self {
        if !letters.is_ascii() {
            for letter in letters.iter_mut().filter(|letter| !letter.is_ascii()) {
                *letter = b'?';
            }
        }
        Ascii(letters)
    }
}

impl Ascii<32> {
    /// 16 bytes in hexadecimal, lower case.
    #[must_use]
    pub fn hexadecimal(bytes: &[u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut letters = [0; 32];
        for at in 0..bytes.len() {
            letters[2 * at] = DIGITS[usize::from(bytes[at] >> 4)];
            letters[2 * at + 1] = DIGITS[usize::from(bytes[at] & 15)];
        }
        Ascii(letters)
    }
}

impl<const LETTERS: usize> Deref for Ascii<LETTERS> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const LETTERS: usize> fmt::Debug for Ascii<LETTERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// How many bytes at the front of `text` are printable ASCII (0x20 to 0x7e) and none of `others`, which are such characters: eight are looked at at a time.
#[inline(always)]
#[must_use]
pub fn printable_without<const N: usize>(text: &[u8], others: [u8; N]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    // The highest bit of a byte is set that is none of these. A borrow may set it above such a byte: the lowest that is set is right.
    let marks = |eight: u64| {
        let is = |byte: u8| (eight ^ (ONES * u64::from(byte))).wrapping_sub(ONES);
        let odd = eight | eight.wrapping_sub(ONES * u64::from(b' ')) | is(0x7f);
        others.iter().fold(odd, |odd, &byte| odd | is(byte)) & (ONES << 7)
    };
    let first = |eight: &[u8; 8]| match marks(u64::from_le_bytes(*eight)) {
        0 => None,
        found => Some(found.trailing_zeros() as usize / 8),
    };
    let Some(last) = text.last_chunk() else {
        let odd = |byte: &u8| !matches!(byte, b' '..=b'~') || others.contains(byte);
        return text.iter().position(odd).unwrap_or(text.len());
    };
    let (eights, _) = text.as_chunks();
    for (at, eight) in eights.iter().enumerate() {
        if let Some(within) = first(eight) {
            return 8 * at + within;
        }
    }
    // These overlap the ones before, which have nothing.
    first(last).map_or(text.len(), |within| text.len() - 8 + within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_front_that_is_printable(text in proptest::collection::vec(prop_oneof![9 => b' '..=b'~', 1 => any::<u8>()], 0..40)) {
            let odd = |byte: &u8| !(b' '..=b'~').contains(byte) || *byte == b'"' || *byte == b'x';
            let expected = text.iter().position(odd).unwrap_or(text.len());
            prop_assert_eq!(printable_without(&text, *b"\"x"), expected);
        }
    }

    #[test]
    fn letters_are_a_text() {
        assert_eq!(&*Ascii::new(*b"t13d"), "t13d");
        assert_eq!(&*Ascii::new([b'a', 0xff]), "a?");
        let bytes: [u8; 16] = std::array::from_fn(|i| (i * 17) as u8);
        assert_eq!(
            &*Ascii::hexadecimal(&bytes),
            "00112233445566778899aabbccddeeff"
        );
    }
}
