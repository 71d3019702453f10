//! The messages of a handshake, in what CRYPTO frames carry.

/// The message of a handshake that begins at `at`: its type, its body, and where the next begins (RFC 8446 section 4). `None` if it is not whole yet.
pub(super) fn message(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let mut reader = crate::Reader::new(bytes.get(at..)?);
    let kind = reader.u8()?;
    let body = reader.vec24()?;
    Some((kind, body, bytes.len() - reader.len()))
}
