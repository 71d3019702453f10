//! NetBIOS' names (RFC 1001 section 14.1): 16 bytes, each written as two letters from A to P; the last says what kind of service it names.

use crate::bytes::Reader;
use crate::text::text;

/// Letters of an encoded name.
const ENCODED: usize = 32;
/// Bytes of a name without the last.
const NAME: usize = 15;

/// The name behind 32 letters, as Zeek decodes it: up to the first byte that is not printable, without blanks at the end and without the kind. `None` if it is
/// no encoded name, or empty.
pub(super) fn decode(encoded: &[u8]) -> Option<Box<str>> {
    if encoded.len() != ENCODED {
        return None;
    }
    let mut name = [0; ENCODED / 2];
    for (byte, pair) in name.iter_mut().zip(encoded.chunks_exact(2)) {
        let nibble = |letter: &u8| {
            letter
                .to_ascii_uppercase()
                .checked_sub(b'A')
                .filter(|n| *n < 16)
        };
        *byte = match pair {
            [high, low] => nibble(high)? << 4 | nibble(low)?,
            _ => return None,
        };
    }
    // 1 and 2 begin the name that browsers announce themselves under.
    let printable = |byte: &&u8| byte.is_ascii_graphic() || **byte == b' ' || **byte < 3;
    let len = name.iter().take_while(printable).count().min(NAME);
    let name = trimmed(name.get(..len)?);
    (!name.is_empty()).then(|| text(name))
}

fn trimmed(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| !matches!(byte, b' ' | 0));
    end.and_then(|last| name.get(..=last)).unwrap_or_default()
}

/// The addresses in the data of an `NB` record (RFC 1002 section 4.2.1.3): each behind 16 bits of flags.
pub(super) fn addresses(data: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    data.chunks_exact(6)
        .filter_map(|entry| entry.last_chunk().copied())
}

/// The names in the data of an `NBSTAT` record (RFC 1002 section 4.2.18), each with its kind: `NAME<20>`.
pub(super) fn statuses(data: &[u8]) -> impl Iterator<Item = Box<str>> + '_ {
    let mut reader = Reader::new(data);
    let count = reader.u8().unwrap_or_default();
    reader
        .rest()
        .chunks_exact(18)
        .take(count.into())
        .filter_map(|entry| {
            let (name, rest) = entry.split_at_checked(NAME)?;
            let kind = rest.first()?;
            Some(format!("{}<{kind:02x}>", text(trimmed(name))).into_boxed_str())
        })
}
