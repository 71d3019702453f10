//! Texts for records, from bytes off the wire.

use std::fmt::Write;

use portreeve_record::ascii::printable_without;

/// The most bytes of the wire that a text in a record is made of; what is longer is cut.
pub const MAX_TEXT: usize = 4096;

/// The bytes as text: UTF-8 stays as it is; what is no UTF-8, and control characters, become `\xNN` as in Zeek's logs.
#[must_use]
pub fn text(bytes: &[u8]) -> Box<str> {
    let bytes = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        // Nearly all texts are printable ASCII.
        Ok(text) if is_printable(bytes) || !text.contains(char::is_control) => text.into(),
        _ => escaped(bytes).into_boxed_str(),
    }
}

fn is_printable(bytes: &[u8]) -> bool {
    printable_without(bytes, []) == bytes.len()
}

/// The same in lower case, as host names are logged.
#[must_use]
pub fn lower(bytes: &[u8]) -> Box<str> {
    let mut text = text(bytes);
    text.make_ascii_lowercase();
    text
}

#[cold]
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                let mut buffer = [0; 4];
                hex(&mut out, character.encode_utf8(&mut buffer).as_bytes());
            } else {
                out.push(character);
            }
        }
        hex(&mut out, chunk.invalid());
    }
    out
}

fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// The bytes in hexadecimal, lower case.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |bits: u8| DIGITS[usize::from(bits & 15)];
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    let mut out = Vec::with_capacity(2 * bytes.len());
    out.extend(digits);
    String::from_utf8(out).unwrap_or_default()
}

/// A line without its LF or CR LF.
#[must_use]
pub fn line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_is_escaped() {
        assert_eq!(&*text("né".as_bytes()), "né");
        assert_eq!(&*text(b"a\xffb\0\n"), "a\\xffb\\x00\\x0a");
        assert_eq!(&*lower(b"WWW.Example"), "www.example");
        assert_eq!(text(&[b'x'; 10_000]).len(), MAX_TEXT);
        assert_eq!(&*text("\u{85}é".as_bytes()), "\\xc2\\x85é");
        assert_eq!(&*text(b"a\x7f"), "a\\x7f");
        assert_eq!(hexadecimal(&[0, 0x5f, 0xfa]), "005ffa");
        assert_eq!(line(b"GET\r\n"), b"GET");
    }
}
