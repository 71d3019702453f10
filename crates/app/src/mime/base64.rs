//! Base64 (RFC 4648 section 4).

/// A text in base64, taken apart as it comes. Characters that are none of it (line ends, above all) are passed over, as RFC 2045 section 6.8 asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decoder {
    bits: u32,
    count: u32,
}

impl Decoder {
    /// Puts the bytes of the next piece of text behind those in `out`.
    pub(crate) fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for &character in text {
            match value(character) {
                Some(value) => {
                    self.bits = (self.bits << 6 | u32::from(value)) & 0x00ff_ffff;
                    self.count += 6;
                    if self.count >= 8 {
                        self.count -= 8;
                        out.push((self.bits >> self.count) as u8);
                    }
                }
                // Padding: what comes behind it begins anew.
                None if character == b'=' => *self = Decoder::default(),
                None => {}
            }
        }
    }
}

/// The bytes of a text in base64, at most `most` of them; what is behind the first character that is none is left out.
pub(crate) fn decode(text: &[u8], most: usize) -> Vec<u8> {
    let end = text
        .iter()
        .position(|&character| value(character).is_none());
    let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    // Four characters are three bytes.
    let text = text.get(..most.div_ceil(3) * 4).unwrap_or(text);
    let mut out = Vec::new();
    Decoder::default().decode(text, &mut out);
    out.truncate(most);
    out
}

fn value(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_decoded_as_far_as_it_goes() {
        assert_eq!(
            decode(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 99),
            b"Aladdin:open sesame"
        );
        assert_eq!(decode(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 7), b"Aladdin");
        assert_eq!(decode(b"QW*x", 99), b"A");
    }

    #[test]
    fn pieces_are_the_whole() {
        let text = b"QWxh\r\nZGRpbj pvcGVu\r\nIHNlc2FtZQ==\r\nQUI=";
        for size in 1..text.len() {
            let (mut decoder, mut out) = (Decoder::default(), Vec::new());
            for piece in text.chunks(size) {
                decoder.decode(piece, &mut out);
            }
            assert_eq!(out, b"Aladdin:open sesameAB", "{size}");
        }
    }
}
