//! One message.

use super::ber::{INTEGER, OBJECT, OCTETS, SEQUENCE, element, expect, unsigned};
use crate::bytes::Reader;

pub(super) const GET: u8 = 0xa0;
pub(super) const GET_NEXT: u8 = 0xa1;
pub(super) const RESPONSE: u8 = 0xa2;
pub(super) const SET: u8 = 0xa3;
const TRAP_V1: u8 = 0xa4;
pub(super) const GET_BULK: u8 = 0xa5;
const REPORT: u8 = 0xa8;

/// The user-based security model (RFC 3414).
const USER_BASED: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    TwoC,
    Three,
}

impl Version {
    pub(super) fn name(self) -> &'static str {
        match self {
            Version::One => "1",
            Version::TwoC => "2c",
            Version::Three => "3",
        }
    }
}

/// A message.
pub(super) struct Message<'a> {
    pub(super) version: Version,
    /// Of version 3: the user.
    pub(super) community: &'a [u8],
    /// Nothing where it is encrypted.
    pub(super) pdu: Option<Pdu<'a>>,
}

/// A request, response or notification.
#[derive(Clone, Copy)]
pub(super) struct Pdu<'a> {
    pub(super) tag: u8,
    variables: &'a [u8],
}

/// A variable: its name, encoded, and its value.
pub(super) struct Variable<'a> {
    pub(super) name: &'a [u8],
    pub(super) tag: u8,
    pub(super) value: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Message<'a>> {
        if bytes.first() != Some(&SEQUENCE) {
            return None;
        }
        let mut reader = Reader::new(expect(&mut Reader::new(bytes), SEQUENCE)?);
        let version = match unsigned(expect(&mut reader, INTEGER)?)? {
            0 => Version::One,
            1 => Version::TwoC,
            3 => return Message::third(reader),
            _ => return None,
        };
        Some(Message {
            version,
            community: expect(&mut reader, OCTETS)?,
            pdu: Some(Pdu::parse(&mut reader)?),
        })
    }

    /// What follows the version 3 (RFC 3412 section 6).
    fn third(mut reader: Reader<'a>) -> Option<Message<'a>> {
        let mut header = Reader::new(expect(&mut reader, SEQUENCE)?);
        // An identifier, the longest message, flags, the security model.
        expect(&mut header, INTEGER)?;
        expect(&mut header, INTEGER)?;
        expect(&mut header, OCTETS)?;
        let model = unsigned(expect(&mut header, INTEGER)?)?;
        let security = expect(&mut reader, OCTETS)?;
        let (tag, data) = element(&mut reader)?;
        let pdu = match tag {
            OCTETS => None,
            SEQUENCE => {
                let mut scoped = Reader::new(data);
                // The engine and the name of the context.
                expect(&mut scoped, OCTETS)?;
                expect(&mut scoped, OCTETS)?;
                Some(Pdu::parse(&mut scoped)?)
            }
            _ => return None,
        };
        let user = if model == USER_BASED {
            user(security)
        } else {
            None
        };
        Some(Message {
            version: Version::Three,
            community: user.unwrap_or_default(),
            pdu,
        })
    }
}

/// The user in the parameters of the user-based model (RFC 3414 section 2.4).
fn user(security: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(expect(&mut Reader::new(security), SEQUENCE)?);
    expect(&mut reader, OCTETS)?;
    expect(&mut reader, INTEGER)?;
    expect(&mut reader, INTEGER)?;
    expect(&mut reader, OCTETS)
}

impl<'a> Pdu<'a> {
    fn parse(reader: &mut Reader<'a>) -> Option<Pdu<'a>> {
        let (tag, content) = element(reader)?;
        if !(GET..=REPORT).contains(&tag) {
            return None;
        }
        let mut reader = Reader::new(content);
        if tag == TRAP_V1 {
            // Enterprise, agent, two numbers, a time.
            expect(&mut reader, OBJECT)?;
            for _ in 0..4 {
                element(&mut reader)?;
            }
        } else {
            // An identifier and two numbers.
            for _ in 0..3 {
                expect(&mut reader, INTEGER)?;
            }
        }
        Some(Pdu {
            tag,
            variables: expect(&mut reader, SEQUENCE)?,
        })
    }

    /// Whether it is what the one who was asked sends.
    pub(super) fn answers(&self) -> bool {
        matches!(self.tag, RESPONSE | REPORT)
    }

    /// The variables, as far as they are whole.
    pub(super) fn variables(&self) -> impl Iterator<Item = Variable<'a>> + use<'a> {
        let mut reader = Reader::new(self.variables);
        std::iter::from_fn(move || {
            let mut variable = Reader::new(expect(&mut reader, SEQUENCE)?);
            let name = expect(&mut variable, OBJECT)?;
            let (tag, value) = element(&mut variable)?;
            Some(Variable { name, tag, value })
        })
    }
}
