//! Names of the numbers in RDP ([MS-RDPBCGR]; keyboards: [MS-LCID]), as Zeek spells them.

use super::RdpResult;
use crate::value::{Text, Value};

/// Keyboard layouts: a number and a name a line.
static KEYBOARDS: &str = include_str!("keyboards.txt");

/// `prefix` and the number, for one that has no name.
fn unnamed(prefix: &str, number: u32) -> Value<'static> {
    let mut text = Text::from(prefix);
    text.push_number(number.into());
    Value::Text(text)
}

pub(super) fn result(result: RdpResult) -> Value<'static> {
    Value::Str(match result {
        RdpResult::Encrypted => "encrypted",
        RdpResult::Failed(1) => "SSL_REQUIRED_BY_SERVER",
        RdpResult::Failed(2) => "SSL_NOT_ALLOWED_BY_SERVER",
        RdpResult::Failed(3) => "SSL_CERT_NOT_ON_SERVER",
        RdpResult::Failed(4) => "INCONSISTENT_FLAGS",
        RdpResult::Failed(5) => "HYBRID_REQUIRED_BY_SERVER",
        RdpResult::Failed(6) => "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
        RdpResult::Failed(other) => return unnamed("failure_code-", other),
        RdpResult::Conference(0) => "Success",
        RdpResult::Conference(1) => "User rejected",
        RdpResult::Conference(2) => "Resources not available",
        RdpResult::Conference(3) => "Rejected for symmetry breaking",
        RdpResult::Conference(4) => "Locked conference",
        RdpResult::Conference(other) => return unnamed("result-", other.into()),
    })
}

pub(super) fn security_protocol(number: u32) -> Value<'static> {
    Value::Word(match number {
        0 => "RDP",
        1 => "SSL",
        2 => "HYBRID",
        8 => "HYBRID_EX",
        other => return unnamed("security_protocol-", other),
    })
}

/// A keyboard layout's name; where only its lower half has one, that, and that it is a guess.
#[must_use]
pub fn keyboard(number: u32) -> Box<str> {
    let named = |number: u32| {
        let mut lines = KEYBOARDS.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(known, _)| known.parse() == Ok(number))
    };
    match (named(number), named(number & 0xffff)) {
        (Some((_, name)), _) => name.into(),
        (None, Some((_, name))) => format!("{name} (Best Guess for {number})").into(),
        (None, None) => format!("keyboard-{number}").into(),
    }
}

pub(super) fn build(number: u32) -> Value<'static> {
    Value::Str(match number {
        419 => "RDP 4.0",
        2195 | 2221 => "RDP 5.0",
        2600 => "RDP 5.1",
        3790 => "RDP 5.2",
        6000 => "RDP 6.0",
        6001 => "RDP 6.1",
        6002 => "RDP 6.2",
        7600 => "RDP 7.0",
        7601 => "RDP 7.1",
        9200 => "RDP 8.0",
        9600 => "RDP 8.1",
        25189 | 25282 => "RDP 8.0 (Mac)",
        other => return unnamed("client_build-", other),
    })
}

pub(super) fn color_depth(bits: u16) -> Value<'static> {
    Value::Word(match bits {
        4 => "4bit",
        8 => "8bit",
        15 => "15bit",
        16 => "16bit",
        24 => "24bit",
        32 => "32bit",
        other => return unnamed("high_color_depth-", other.into()),
    })
}

pub(super) fn cert_type(number: u32) -> Value<'static> {
    Value::Str(match number {
        1 => "RSA",
        2 => "X.509",
        other => return unnamed("cert_type-", other),
    })
}

pub(super) fn encryption_level(number: u32) -> Value<'static> {
    Value::Str(match number {
        0 => "None",
        1 => "Low",
        2 => "Client compatible",
        3 => "High",
        4 => "FIPS",
        other => return unnamed("encryption_level-", other),
    })
}

pub(super) fn encryption_method(number: u32) -> Value<'static> {
    Value::Word(match number {
        0 => "None",
        1 => "40bit",
        2 => "128bit",
        8 => "56bit",
        // Zeek writes this number in decimal; the specification has 0x10.
        10 | 16 => "FIPS",
        other => return unnamed("encryption_method-", other),
    })
}
