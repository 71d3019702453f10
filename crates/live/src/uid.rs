//! A uid's text, read.

use portreeve_record::Uid;

/// The digits of a uid.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The uid that `text` is: `C` and 17 digits.
pub(crate) fn parse(text: &str) -> Option<Uid> {
    let digits = text.strip_prefix('C')?.as_bytes();
    if digits.len() != 17 {
        return None;
    }
    let mut number = 0u128;
    for digit in digits {
        let value = DIGITS.iter().position(|known| known == digit)?;
        // 62^17 is less than 2^102: there is room.
        number = number * 62 + value as u128;
    }
    (number >> 96 == 0).then_some(Uid([
        (number >> 64) as u32,
        (number >> 32) as u32,
        number as u32,
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back() {
        for words in [[0, 0, 0], [0, 0, 61], [1, 2, 3], [u32::MAX; 3]] {
            assert_eq!(parse(&Uid(words).to_string()), Some(Uid(words)));
        }
        for text in [
            "",
            "C",
            "C0000000000000000",
            "C000000000000000000",
            "F00000000000000000",
            "Czzzzzzzzzzzzzzzzz",
            "C0000000000000000?",
            "C0000000000000000é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
