//! Base64 (RFC 4648 section 4), as far as a user name needs it.

/// The bytes of a text in base64, at most `most` of them; what is behind the first character that is none is left out.
pub(super) fn decode(text: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for &character in text {
        let Some(value) = value(character) else {
            break;
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            if out.len() == most {
                break;
            }
            out.push((bits >> count) as u8);
        }
    }
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
    use super::decode;

    #[test]
    fn it_is_decoded_as_far_as_it_goes() {
        assert_eq!(
            decode(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 99),
            b"Aladdin:open sesame"
        );
        assert_eq!(decode(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 7), b"Aladdin");
        assert_eq!(decode(b"QW*x", 99), b"A");
    }
}
