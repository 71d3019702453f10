//! `mqtt_publish`: messages under a topic.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str};
use crate::field::Storage;
use crate::value::{Text, Value};

/// A message published, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MqttPublish {
    /// The flow; `ts` is the message's time.
    pub head: Head,
    /// Whether the client sent it.
    pub from_client: bool,
    /// Whether the broker is to keep it.
    pub retain: bool,
    /// How surely it is delivered: 0 to 2.
    pub qos: u8,
    /// Whether all was seen that this takes.
    pub complete: bool,
    /// Its topic.
    pub topic: Box<str>,
    /// Its beginning.
    pub payload: Box<str>,
    /// How long it is, bytes.
    pub payload_len: u64,
}

fn level(qos: u8) -> Value<'static> {
    Value::Str(match qos {
        0 => "at most once",
        1 => "at least once",
        2 => "exactly once",
        other => {
            let mut text = Text::from("unknown-qos-level-");
            text.push_number(other.into());
            return Value::Text(text);
        }
    })
}

conversation_log! {
    /// The fields of `mqtt_publish`.
    MQTT_PUBLISH: MqttPublish, |m, x|
    Info::zeek("from_client", Bool, "mqtt.from_client", Own(100), "The client sent it, not the broker.") => Value::Bool(m.from_client);
    Info::zeek("retain", Bool, "mqtt.retain", Own(101), "The broker is to keep it.") => Value::Bool(m.retain);
    Info::zeek("qos", Str, "mqtt.qos", Own(102), "How surely it is delivered.").stored(Storage::Name) => level(m.qos);
    Info::zeek("status", Str, "mqtt.status", Own(103), "Whether all was seen that this takes: ok or incomplete_qos.").stored(Storage::Name) => Value::Word(if m.complete { "ok" } else { "incomplete_qos" });
    Info::zeek("topic", Str, "mqtt.topic", Own(104), "Its topic.") => Value::Str(&m.topic);
    Info::zeek("payload", Str, "mqtt.message", Own(105), "Its beginning.") => Value::Str(&m.payload);
    Info::zeek("payload_len", Count, "mqtt.payload_len", Own(106), "How long it is, bytes.") => Value::Count(m.payload_len);
}
