//! Percent signs in a target (RFC 3986 section 2.1).

/// The target with each `%xx` decoded, if there is any.
pub(super) fn decoded(uri: &[u8]) -> Option<Vec<u8>> {
    let first = uri.iter().position(|&byte| byte == b'%')?;
    let mut out = Vec::with_capacity(uri.len());
    out.extend_from_slice(uri.get(..first)?);
    let mut rest = uri.get(first..)?;
    let mut any = false;
    while let [byte, behind @ ..] = rest {
        let digits = match (byte, behind) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match digits {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = behind.get(2..).unwrap_or_default();
                any = true;
            }
            None => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    any.then_some(out)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character)
        .to_digit(16)
        .and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn only_what_is_a_code_is_decoded() {
        assert_eq!(decoded(b"/plain"), None);
        assert_eq!(decoded(b"/100%"), None);
        assert_eq!(decoded(b"/a%2Fb%zz%4").unwrap(), b"/a/b%zz%4");
    }
}
