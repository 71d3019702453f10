//! Texts of a fixed length, in place: fingerprints, which nearly every record of a handshake has, and which would be a piece of memory each.

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

#[cfg(test)]
mod tests {
    use super::*;

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
