//! Digests as people know them.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::seen::Places;
use crate::text::hexadecimal;

/// Programs whose sum is remembered.
const REMEMBERED: usize = 256;
/// The longest lists of which it is, bytes.
const MAX_REMEMBERED: usize = 4 << 10;

/// The sums of lists that were seen before: a program sends the same ones each time.
#[derive(Default)]
pub(crate) struct Hasshes {
    text: Vec<u8>,
    places: Places<(Box<[u8]>, Box<str>), REMEMBERED>,
}

impl Hasshes {
    /// MD5 of the parts with `;` between them, in hexadecimal: HASSH.
    pub(super) fn of(&mut self, parts: [&[u8]; 4]) -> Box<str> {
        let text = &mut self.text;
        text.clear();
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                text.push(b';');
            }
            text.extend_from_slice(part);
        }
        let place = self.places.of(&text[..]);
        if let Some((_, sum)) = place.as_ref().filter(|(known, _)| **known == **text) {
            return sum.clone();
        }
        let sum: Box<str> = hexadecimal(&Md5::digest(&text)).into();
        if text.len() <= MAX_REMEMBERED {
            *place = Some((text.as_slice().into(), sum.clone()));
        }
        sum
    }
}

/// MD5 of a key that is in pieces: pairs of digits with colons.
pub(super) fn md5(pieces: &[&[u8]]) -> Box<str> {
    let mut md5 = Md5::new();
    for piece in pieces {
        md5.update(piece);
    }
    let digits = hexadecimal(&md5.finalize());
    let mut pairs = String::with_capacity(3 * digits.len() / 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 2 == 0 {
            pairs.push(':');
        }
        pairs.push(digit);
    }
    pairs.into()
}

/// SHA-256 of a key that is in pieces: `SHA256:` and base 64 without padding.
pub(super) fn sha256(pieces: &[&[u8]]) -> Box<str> {
    let mut sha256 = Sha256::new();
    for piece in pieces {
        sha256.update(piece);
    }
    let mut text = String::from("SHA256:");
    base64(&sha256.finalize(), &mut text);
    text.into()
}

/// Base 64 without padding (RFC 4648 section 4).
fn base64(bytes: &[u8], out: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            let letter = (bits >> (18 - 6 * at) & 63) as usize;
            out.push(LETTERS[letter].into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_usual() {
        assert_eq!(
            &*md5(&[b"a", b"bc"]),
            "90:01:50:98:3c:d2:4f:b0:d6:96:3f:7d:28:e1:7f:72"
        );
        assert_eq!(
            &*sha256(&[b"abc"]),
            "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0"
        );
        let mut hasshes = Hasshes::default();
        for (parts, sum) in [
            (
                [&b""[..], b"", b"", b""],
                "95420f9d932ddd22833f17b96a80bedb",
            ),
            ([b"a", b"b", b"c", b"d"], "845425be4f77f4097e014a6591497010"),
        ]
        .repeat(2)
        {
            assert_eq!(&*hasshes.of(parts), sum);
        }
    }
}
