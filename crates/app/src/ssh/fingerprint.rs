//! Digests as people know them.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::text::hexadecimal;

/// MD5 of the parts with `;` between them, in hexadecimal: HASSH.
pub(super) fn hassh(parts: [&[u8]; 4]) -> Box<str> {
    let mut md5 = Md5::new();
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            md5.update(b";");
        }
        md5.update(part);
    }
    hexadecimal(&md5.finalize()).into()
}

/// MD5 of a key that is in pieces: pairs of digits with colons.
pub(super) fn md5(pieces: &[&[u8]]) -> Box<str> {
    let mut md5 = Md5::new();
    for piece in pieces {
        md5.update(piece);
    }
    let pairs: Vec<String> = md5.finalize().iter().map(|b| hexadecimal(&[*b])).collect();
    pairs.join(":").into()
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
        assert_eq!(
            &*hassh([b"", b"", b"", b""]),
            "95420f9d932ddd22833f17b96a80bedb"
        );
    }
}
