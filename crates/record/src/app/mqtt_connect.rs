//! `mqtt_connect`: clients that come to a broker.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::Str;
use crate::field::Storage;
use crate::value::{Text, Value};

/// A connection's beginning, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MqttConnect {
    /// The flow; `ts` is the request's time.
    pub head: Head,
    /// `MQTT`, or `MQIsdp` of version 3.1.
    pub proto_name: Option<Box<str>>,
    /// Protocol level.
    pub proto_version: Option<u8>,
    /// The client's identifier.
    pub client_id: Option<Box<str>>,
    /// The broker's return code; of version 5 its reason code.
    pub connect_status: Option<u8>,
    /// Topic of the last will.
    pub will_topic: Option<Box<str>>,
    /// The last will.
    pub will_payload: Option<Box<str>>,
}

fn numbered(prefix: &str, number: u8) -> Value<'static> {
    let mut text = Text::from(prefix);
    text.push_number(number.into());
    Value::Text(text)
}

fn version(level: u8) -> Value<'static> {
    match level {
        3 => Value::Str("3.1"),
        4 => Value::Str("3.1.1"),
        5 => Value::Str("5.0"),
        other => numbered("unknown-version-", other),
    }
}

fn status(code: u8) -> Value<'static> {
    Value::Str(match code {
        0 => "Connection Accepted",
        1 => "Refused: unacceptable protocol version",
        2 => "Refused: identifier rejected",
        3 => "Refused: server unavailable",
        4 => "Refused: bad user name or password",
        5 => "Refused: not authorized",
        other => return numbered("unknown-return-code-", other),
    })
}

conversation_log! {
    /// The fields of `mqtt_connect`.
    MQTT_CONNECT: MqttConnect, |m, x|
    Info::zeek("proto_name", Str, "mqtt.protocol_string", Own(100), "Name of the protocol.").optional().stored(Storage::Name) => Value::str(m.proto_name.as_deref());
    Info::zeek("proto_version", Str, "mqtt.protocol_version", Own(101), "Version of the protocol.").optional().stored(Storage::Name) => m.proto_version.map_or(Value::Unset, version);
    Info::zeek("client_id", Str, "mqtt.client_id", Own(102), "The client's identifier.").optional() => Value::str(m.client_id.as_deref());
    Info::zeek("connect_status", Str, "mqtt.connect_status", Own(103), "What the broker says to it.").optional().stored(Storage::Name) => m.connect_status.map_or(Value::Unset, status);
    Info::zeek("will_topic", Str, "mqtt.will_topic", Own(104), "Topic of the client's last will.").optional() => Value::str(m.will_topic.as_deref());
    Info::zeek("will_payload", Str, "mqtt.will_payload", Own(105), "The client's last will.").optional() => Value::str(m.will_payload.as_deref());
}
