//! Filters (RFC 4511 section 4.5.1.7), written as in RFC 4515.

use crate::ber::{Elements, OCTET_STRING};
use crate::text::text;

/// How deep filters may stand in each other.
const MAX_DEPTH: u8 = 32;
/// How long a filter is written; what is longer breaks off.
const MAX_LEN: usize = 4096;

const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUAL: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const AT_LEAST: u8 = 0xa5;
const AT_MOST: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xa8;
const EXTENSIBLE: u8 = 0xa9;

/// The next element as a filter.
pub(super) fn filter(elements: &mut Elements<'_>) -> Option<Box<str>> {
    let (tag, content) = elements.next()?;
    let mut out = String::new();
    write(tag, content, 0, &mut out)?;
    Some(out.into())
}

fn write(tag: u8, content: &[u8], depth: u8, out: &mut String) -> Option<()> {
    if depth >= MAX_DEPTH || out.len() > MAX_LEN {
        return None;
    }
    out.push('(');
    let mut elements = Elements::new(content);
    match tag {
        AND | OR | NOT => {
            out.push(match tag {
                AND => '&',
                OR => '|',
                _ => '!',
            });
            for (tag, content) in elements {
                write(tag, content, depth + 1, out)?;
            }
        }
        EQUAL => assertion(&mut elements, "=", out)?,
        AT_LEAST => assertion(&mut elements, ">=", out)?,
        AT_MOST => assertion(&mut elements, "<=", out)?,
        APPROXIMATE => assertion(&mut elements, "~=", out)?,
        PRESENT => {
            out.push_str(&text(content));
            out.push_str("=*");
        }
        SUBSTRINGS => substrings(&mut elements, out)?,
        EXTENSIBLE => extensible(elements, out),
        _ => return None,
    }
    out.push(')');
    Some(())
}

fn assertion(elements: &mut Elements<'_>, sign: &str, out: &mut String) -> Option<()> {
    let name = elements.content(OCTET_STRING)?;
    let value = elements.content(OCTET_STRING)?;
    out.push_str(&text(name));
    out.push_str(sign);
    out.push_str(&text(value));
    Some(())
}

fn substrings(elements: &mut Elements<'_>, out: &mut String) -> Option<()> {
    const INITIAL: u8 = 0x80;
    const FINAL: u8 = 0x82;
    let name = elements.content(OCTET_STRING)?;
    out.push_str(&text(name));
    out.push('=');
    let mut last = INITIAL;
    for (tag, part) in elements.inside(crate::ber::SEQUENCE)? {
        if tag != INITIAL {
            out.push('*');
        }
        out.push_str(&text(part));
        last = tag;
        if out.len() > MAX_LEN {
            return None;
        }
    }
    if last != FINAL {
        out.push('*');
    }
    Some(())
}

/// MatchingRuleAssertion: `attribute:dn:rule:=value`.
fn extensible(elements: Elements<'_>, out: &mut String) {
    let (mut rule, mut name, mut value, mut dn) = (None, None, None, false);
    for (tag, content) in elements {
        match tag {
            0x81 => rule = Some(text(content)),
            0x82 => name = Some(text(content)),
            0x83 => value = Some(text(content)),
            0x84 => dn = content.first().is_some_and(|byte| *byte != 0),
            _ => {}
        }
    }
    out.push_str(name.as_deref().unwrap_or(""));
    if dn {
        out.push_str(":dn");
    }
    if let Some(rule) = rule {
        out.push(':');
        out.push_str(&rule);
    }
    out.push_str(":=");
    out.push_str(value.as_deref().unwrap_or(""));
}
