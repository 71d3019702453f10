//! Messages (RFC 4511 section 4).

use crate::ber::{ENUMERATED, Elements, INTEGER, OCTET_STRING, SEQUENCE, head, number};
use crate::text::text;

pub(super) const BIND_REQUEST: u8 = 0x60;
pub(super) const BIND_RESPONSE: u8 = 0x61;
pub(super) const UNBIND_REQUEST: u8 = 0x42;
pub(super) const SEARCH_REQUEST: u8 = 0x63;
pub(super) const SEARCH_ENTRY: u8 = 0x64;
pub(super) const SEARCH_DONE: u8 = 0x65;
pub(super) const SEARCH_REFERENCE: u8 = 0x73;
pub(super) const MODIFY_REQUEST: u8 = 0x66;
pub(super) const MODIFY_RESPONSE: u8 = 0x67;
pub(super) const ADD_REQUEST: u8 = 0x68;
pub(super) const ADD_RESPONSE: u8 = 0x69;
pub(super) const DELETE_REQUEST: u8 = 0x4a;
pub(super) const DELETE_RESPONSE: u8 = 0x6b;
pub(super) const RENAME_REQUEST: u8 = 0x6c;
pub(super) const RENAME_RESPONSE: u8 = 0x6d;
pub(super) const COMPARE_REQUEST: u8 = 0x6e;
pub(super) const COMPARE_RESPONSE: u8 = 0x6f;
pub(super) const ABANDON_REQUEST: u8 = 0x50;
pub(super) const EXTENDED_REQUEST: u8 = 0x77;
pub(super) const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE_RESPONSE: u8 = 0x79;

/// How a message begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begins {
    pub(super) id: i32,
    pub(super) operation: u8,
    pub(super) is_request: bool,
}

/// The frame that `bytes` begin with; its end need not be there. What an operation's content must begin with is looked at as far as it is there.
pub(super) fn begins(bytes: &[u8]) -> Option<Begins> {
    let outer = head(bytes).filter(|head| head.tag == SEQUENCE)?;
    let mut inner = Elements::new(bytes.get(outer.len..)?);
    let id = i32::try_from(number(inner.content(INTEGER)?)?).ok()?;
    let rest = inner.rest();
    let operation = head(rest)?;
    let used = outer
        .content
        .checked_sub(bytes.len() - outer.len - rest.len())?;
    if id < 0 || operation.len + operation.content > used {
        return None;
    }
    let content = rest.get(operation.len..)?;
    let first = |tags: &[u8]| content.first().is_some_and(|tag| tags.contains(tag));
    let (fits, is_request) = match operation.tag {
        BIND_REQUEST => (matches!(content, [INTEGER, 1, 1..=4, ..]), true),
        UNBIND_REQUEST => (operation.content == 0, true),
        SEARCH_REQUEST | MODIFY_REQUEST | ADD_REQUEST | RENAME_REQUEST | COMPARE_REQUEST => {
            (first(&[OCTET_STRING]), true)
        }
        DELETE_REQUEST => (true, true),
        ABANDON_REQUEST => ((1..=5).contains(&operation.content), true),
        EXTENDED_REQUEST => (first(&[0x80]), true),
        SEARCH_ENTRY => (first(&[OCTET_STRING]), false),
        SEARCH_REFERENCE => (first(&[OCTET_STRING]), false),
        BIND_RESPONSE | SEARCH_DONE | MODIFY_RESPONSE | ADD_RESPONSE | DELETE_RESPONSE
        | RENAME_RESPONSE | COMPARE_RESPONSE | EXTENDED_RESPONSE => (first(&[ENUMERATED]), false),
        INTERMEDIATE_RESPONSE => (first(&[0x80, 0x81]), false),
        _ => return None,
    };
    fits.then_some(Begins {
        id,
        operation: operation.tag,
        is_request,
    })
}

/// The operation's content in a message that is whole.
pub(super) fn operation(message: &[u8]) -> Option<Elements<'_>> {
    let mut inner = Elements::new(message).inside(SEQUENCE)?;
    inner.content(INTEGER)?;
    inner.next().map(|(_, content)| Elements::new(content))
}

/// LDAPResult (section 4.1.9), and what servers add to it.
#[derive(Debug, Default)]
pub(super) struct Outcome<'a> {
    pub(super) code: u32,
    pub(super) diagnostic: Option<Box<str>>,
    /// Credentials of a bind's response.
    pub(super) credentials: Option<&'a [u8]>,
}

pub(super) fn outcome<'a>(mut content: Elements<'a>) -> Option<Outcome<'a>> {
    const CREDENTIALS: u8 = 0x87;
    let code = u32::try_from(content.number(ENUMERATED)?).ok()?;
    content.content(OCTET_STRING);
    let diagnostic = content
        .content(OCTET_STRING)
        .filter(|text| !text.is_empty());
    Some(Outcome {
        code,
        diagnostic: diagnostic.map(text),
        credentials: content
            .find(|(tag, _)| *tag == CREDENTIALS)
            .map(|(_, credentials)| credentials),
    })
}

/// What an operation is called.
pub(super) fn name(operation: u8) -> &'static str {
    match operation {
        BIND_REQUEST | BIND_RESPONSE => "bind",
        UNBIND_REQUEST => "unbind",
        MODIFY_REQUEST | MODIFY_RESPONSE | RENAME_REQUEST | RENAME_RESPONSE => "modify",
        ADD_REQUEST | ADD_RESPONSE => "add",
        DELETE_REQUEST | DELETE_RESPONSE => "delete",
        COMPARE_REQUEST | COMPARE_RESPONSE => "compare",
        ABANDON_REQUEST => "abandon",
        EXTENDED_REQUEST | EXTENDED_RESPONSE => "extended",
        INTERMEDIATE_RESPONSE => "intermediate",
        _ => "unknown",
    }
}
