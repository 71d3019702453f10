//! `quic`: a connection over QUIC.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::Str;
use crate::field::Storage;
use crate::value::{Text, Value};

/// The beginning of a connection over QUIC (RFC 9000, RFC 9001), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quic {
    /// The conversation; `ts` is the time of the first packet.
    pub head: Head,
    /// The version of the first packet with a long header.
    pub version: u32,
    /// What the client first called the server by, in hexadecimal: the keys of Initial packets are made of it.
    pub client_initial_dcid: Option<Box<str>>,
    /// What the client is called by, in hexadecimal; empty where it needs no name.
    pub client_scid: Option<Box<str>>,
    /// What the server is called by, in hexadecimal.
    pub server_scid: Option<Box<str>>,
    /// The host the client wants to talk to.
    pub server_name: Option<Box<str>>,
    /// The first application protocol the client offers.
    pub client_protocol: Option<Box<str>>,
    /// What was seen, a letter each.
    pub history: Box<str>,
    /// Google's versions: what the client says it is.
    pub user_agent: Option<Box<str>>,
}

/// What Zeek calls a version.
fn version(version: u32) -> Value<'static> {
    let known = |name| Value::Text(Text::from(name));
    match version {
        1 => known("1"),
        0x6b33_43cf => known("quicv2"),
        0xff00_0016..=0xff00_0022 => {
            let mut text = Text::from("draft-");
            text.push_number(u64::from(version & 0xff));
            Value::Text(text)
        }
        0xface_b001 | 0xface_b002 | 0xface_b00e | 0xface_b011..=0xface_b013 => {
            let mut text = Text::from("mvfst (");
            text.push_str(hexadecimal(version).as_str());
            text.push_str(")");
            Value::Text(text)
        }
        // Google's, four letters and digits.
        _ if version.to_be_bytes().iter().all(u8::is_ascii_alphanumeric) => {
            let mut text = Text::default();
            for byte in version.to_be_bytes() {
                text.push_str(char::from(byte).encode_utf8(&mut [0; 4]));
            }
            Value::Text(text)
        }
        _ => {
            let mut text = Text::from("unknown-");
            text.push_str(hexadecimal(version).as_str());
            Value::Text(text)
        }
    }
}

/// A number in hexadecimal, without zeros before it.
fn hexadecimal(number: u32) -> Text {
    let mut text = Text::default();
    let digits = (8 - number.leading_zeros() / 4).max(1);
    for digit in (0..digits).rev() {
        let digit = char::from_digit(number >> (4 * digit) & 15, 16).unwrap_or('0');
        text.push_str(digit.encode_utf8(&mut [0; 4]));
    }
    text
}

conversation_log! {
    /// The fields of `quic`.
    QUIC: Quic, |q, x|
    Info::zeek("version", Str, "quic.version", Own(100), "Version of the first packet.").stored(Storage::Name) => version(q.version);
    Info::zeek("client_initial_dcid", Str, "quic.client_initial_dcid", Own(101), "What the client first called the server by, in hexadecimal.").optional() => Value::str(q.client_initial_dcid.as_deref());
    Info::zeek("client_scid", Str, "quic.client_scid", Own(102), "What the client is called by, in hexadecimal; empty where it needs no name.").optional() => Value::str(q.client_scid.as_deref());
    Info::zeek("server_scid", Str, "quic.server_scid", Own(103), "What the server is called by, in hexadecimal.").optional() => Value::str(q.server_scid.as_deref());
    Info::zeek("server_name", Str, "quic.sni", Own(104), "The host the client wants to talk to.").optional() => Value::str(q.server_name.as_deref());
    Info::zeek("client_protocol", Str, "quic.client_protocol", Own(105), "The first application protocol the client offers.").optional() => Value::str(q.client_protocol.as_deref());
    Info::zeek("history", Str, "quic.history", Own(106), "What was seen, the client in capitals: I Initial, H Handshake, Z 0-RTT, R Retry, C close, S hello, U version not known or negotiated, X discarded, O the 1st, 2nd, 4th, 8th … short packet.") => Value::Str(&q.history);
    Info::added("user_agent", Str, "quic.ua", Own(107), "Google's versions: what the client says it is.").optional() => Value::str(q.user_agent.as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: u32) -> String {
        match version(number) {
            Value::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn versions_have_zeeks_names() {
        for (number, name) in [
            (1, "1"),
            (0x6b33_43cf, "quicv2"),
            (0xff00_001d, "draft-29"),
            (0xface_b002, "mvfst (faceb002)"),
            (0x5130_3436, "Q046"),
            (0x0a1a_2a3a, "unknown-a1a2a3a"),
            (0, "unknown-0"),
        ] {
            assert_eq!(named(number), name);
        }
    }
}
