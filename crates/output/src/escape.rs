//! Escaping of text, as Zeek does it.
//!
//! Zeek writes a control character as `\x` and two hexadecimal digits, in TSV and (with the backslash escaped
//! again, as JSON wants it) in JSON. In TSV the separators are written so too, and a backslash is doubled.
//!
//! Bytes off the wire that are no text stand in records as `\xNN` already. In TSV they stay so, as Zeek has them: one backslash.

use portreeve_record::ascii::printable_without;

use crate::text::HEX;

/// Which characters a context cannot hold as they are, and what stands for `\`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Tsv { in_set: bool },
    Json,
}

impl Context {
    /// Whether the ASCII byte needs escaping.
    fn special(self, byte: u8) -> bool {
        let control = (byte < 0x20) | (byte == 0x7f) | (byte == b'\\');
        match self {
            Context::Tsv { in_set } => control | (in_set & (byte == b',')),
            Context::Json => control | (byte == b'"'),
        }
    }
}

/// Appends `text` for a column of TSV; inside a set or vector a comma is escaped too.
pub fn tsv(out: &mut Vec<u8>, text: &str, in_set: bool) {
    append(out, text, Context::Tsv { in_set });
}

/// Appends `text` for the inside of a JSON string.
pub fn json(out: &mut Vec<u8>, text: &str) {
    append(out, text, Context::Json);
}

/// `\x` and two hexadecimal digits; in JSON the backslash is doubled.
pub fn hex_byte(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[
        b'\\',
        b'x',
        HEX[usize::from(byte >> 4)],
        HEX[usize::from(byte & 15)],
    ]);
}

/// What is special in one context or another, beside what is not printable ASCII.
const SPECIAL: [u8; 3] = *b"\"\\,";

/// Whether a text can stand in a column of TSV, or inside a JSON string, as it is. May say no to one that can.
#[inline]
pub fn is_plain(text: &[u8]) -> bool {
    printable_without(text, *b"\"\\") == text.len()
}

fn append(out: &mut Vec<u8>, mut text: &str, context: Context) {
    let mut buffer = [0u8; 4];
    // What is plain goes in one piece, what is not, one character at a time.
    loop {
        let plain = printable_without(text.as_bytes(), SPECIAL);
        let (before, from) = text.split_at_checked(plain).unwrap_or((text, ""));
        out.extend_from_slice(before.as_bytes());
        let mut characters = from.chars();
        let Some(character) = characters.next() else {
            return;
        };
        text = characters.as_str();
        if character == '\\' && context != Context::Json && stands_for_byte(from.as_bytes()) {
            out.push(b'\\');
            continue;
        }
        let encoded = character.encode_utf8(&mut buffer).as_bytes();
        let special = match encoded {
            [byte] => context.special(*byte),
            _ => ('\u{80}'..'\u{a0}').contains(&character),
        };
        if !special {
            out.extend_from_slice(encoded);
            continue;
        }
        for &byte in encoded {
            escaped(out, byte, context);
        }
    }
}

/// Whether a text goes on with `\xNN` for a byte that is no character one can see.
fn stands_for_byte(text: &[u8]) -> bool {
    let value = |digit: u8| HEX.iter().position(|hex| *hex == digit);
    let [b'\\', b'x', high, low, ..] = *text else {
        return false;
    };
    matches!((value(high), value(low)), (Some(high), Some(low)) if !matches!(16 * high + low, 0x20..=0x7e))
}

fn escaped(out: &mut Vec<u8>, byte: u8, context: Context) {
    let short = match (context, byte) {
        (_, b'\\') => Some("\\\\"),
        (Context::Json, b'"') => Some("\\\""),
        (Context::Json, 8) => Some("\\b"),
        (Context::Json, 9) => Some("\\t"),
        (Context::Json, 10) => Some("\\n"),
        (Context::Json, 12) => Some("\\f"),
        (Context::Json, 13) => Some("\\r"),
        _ => None,
    };
    match short {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => {
            if context == Context::Json {
                out.push(b'\\');
            }
            hex_byte(out, byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tsv_text(text: &str, in_set: bool) -> String {
        let mut out = Vec::new();
        tsv(&mut out, text, in_set);
        String::from_utf8(out).unwrap()
    }

    /// Reads escaped TSV back, as Zeek's own reader of logs would.
    fn unescape(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let mut back = Vec::new();
        let mut i = 0;
        while i < bytes.len() {
            match bytes[i..] {
                [b'\\', b'\\', ..] => {
                    back.push(b'\\');
                    i += 2;
                }
                [b'\\', b'x', a, b, ..] => {
                    let hex = [a, b];
                    back.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                    i += 4;
                }
                _ => {
                    back.push(bytes[i]);
                    i += 1;
                }
            }
        }
        back
    }

    #[test]
    fn zeek_forms() {
        assert_eq!(tsv_text("a\tb\nc\\d,é", false), "a\\x09b\\x0ac\\\\d,é");
        assert_eq!(tsv_text("a,b", true), "a\\x2cb");
        // What a record has in place of a byte, and what only looks like it.
        assert_eq!(tsv_text("GPS\\x00\\xff", false), "GPS\\x00\\xff");
        assert_eq!(tsv_text("\\x41\\x0", false), "\\\\x41\\\\x0");
        assert_eq!(tsv_text("\u{85}", false), "\\xc2\\x85");
        let mut out = Vec::new();
        json(&mut out, "a\u{7}\"\\\n\u{85}😄");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"a\\x07\"\\\n\\xc2\\x85😄"#
        );
    }

    proptest! {
        #[test]
        fn tsv_reads_back_and_keeps_its_column(text in any::<String>(), in_set in any::<bool>()) {
            let written = tsv_text(&text, in_set);
            prop_assert!(!written.contains(['\t', '\n', '\r']));
            prop_assert!(!in_set || !written.contains(','));
            prop_assert_eq!(unescape(&written), text.into_bytes());
        }

        #[test]
        fn plain_text_needs_no_escape(text in "[ -~\u{7f}\u{85}é\n]{0,40}") {
            let mut out = Vec::new();
            json(&mut out, &text);
            prop_assert!(!is_plain(text.as_bytes()) || out == text.as_bytes());
            prop_assert!(!is_plain(text.as_bytes()) || tsv_text(&text, false) == text);
        }

        #[test]
        fn what_needs_no_escape_is_found_plain(text in "[ !#-\\[\\]-~]{0,40}") {
            prop_assert!(is_plain(text.as_bytes()), "{}", text);
        }

        #[test]
        fn json_reads_back_but_for_control_characters(text in any::<String>()) {
            let mut out = vec![b'"'];
            json(&mut out, &text);
            out.push(b'"');
            let back: String = serde_json::from_slice(&out).unwrap();
            if !text.chars().any(|c| c.is_control() && !"\u{8}\t\n\u{c}\r".contains(c)) {
                prop_assert_eq!(back, text);
            }
        }
    }
}
