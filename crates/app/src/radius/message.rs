//! One message.

use crate::bytes::Reader;

/// Code, identifier, length, authenticator.
const HEADER: usize = 20;

pub(super) const ACCESS_REQUEST: u8 = 1;
pub(super) const ACCESS_ACCEPT: u8 = 2;
pub(super) const ACCESS_REJECT: u8 = 3;
pub(super) const ACCESS_CHALLENGE: u8 = 11;

pub(super) struct Message<'a> {
    pub(super) code: u8,
    pub(super) id: u8,
    attributes: &'a [u8],
    /// Whether the length it says is the datagram's.
    exact: bool,
}

impl<'a> Message<'a> {
    /// A message with a code there is. What is behind the length it says is padding.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut reader = Reader::new(bytes);
        let code = reader.u8()?;
        if !matches!(code, 1..=5 | 11..=13 | 40..=45) {
            return None;
        }
        let id = reader.u8()?;
        let len = usize::from(reader.u16()?);
        Some(Message {
            code,
            id,
            attributes: bytes.get(HEADER..len)?,
            exact: len == bytes.len(),
        })
    }

    /// Type and value of the attributes, as far as they are whole.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.attributes);
        std::iter::from_fn(move || {
            let kind = reader.u8()?;
            let len = usize::from(reader.u8()?).checked_sub(2)?;
            Some((kind, reader.take(len)?))
        })
    }

    pub(super) fn is_request(&self) -> bool {
        matches!(self.code, 1 | 4 | 12 | 40 | 43)
    }

    /// Whether its length is the datagram's, or its attributes fill it and padding follows.
    pub(super) fn is_plausible(&self) -> bool {
        if self.exact {
            return true;
        }
        let len: usize = self.attributes().map(|(_, value)| value.len() + 2).sum();
        len == self.attributes.len()
    }
}
