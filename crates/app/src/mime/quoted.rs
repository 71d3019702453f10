//! Quoted-printable (RFC 2045 section 6.7).

/// Puts the bytes of a line (without its end, and `ends` if there is one) behind those in `out`. Says whether the line's end belongs to the content.
pub(super) fn decode(line: &[u8], ends: bool, out: &mut Vec<u8>) -> bool {
    let line = if ends { trim(line) } else { line };
    let (line, goes_on) = match line.strip_suffix(b"=") {
        Some(line) if ends => (line, true),
        _ => (line, false),
    };
    let mut rest = line;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        // What is no encoding stands for itself.
        match (byte, behind) {
            (b'=', [high, low, behind @ ..]) => match hexadecimal(*high, *low) {
                Some(byte) => {
                    out.push(byte);
                    rest = behind;
                }
                None => out.push(b'='),
            },
            _ => out.push(byte),
        }
    }
    ends && !goes_on
}

/// Without blanks at the end: they may have come on the way.
fn trim(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn decoded(line: &[u8], ends: bool) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let ends = decode(line, ends, &mut out);
        (out, ends)
    }

    #[test]
    fn lines_are_decoded() {
        assert_eq!(decoded(b"a=3Db \t", true), (b"a=b".to_vec(), true));
        assert_eq!(decoded(b"soft= ", true), (b"soft".to_vec(), false));
        assert_eq!(decoded(b"=e4=G1=", false), (b"\xe4=G1=".to_vec(), false));
        assert_eq!(decoded(b"", true), (Vec::new(), true));
    }
}
