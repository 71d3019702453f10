//! `mqtt_subscribe`: topics that are asked for.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Enum, VecCount, VecStr};
use crate::field::Storage;
use crate::value::{Items, Value};

/// A subscription or its end, with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MqttSubscribe {
    /// The flow; `ts` is the request's time.
    pub head: Head,
    /// Whether it ends the subscription.
    pub ends: bool,
    /// Topics, or patterns of topics.
    pub topics: Vec<Box<str>>,
    /// Levels asked for.
    pub qos_levels: Vec<u64>,
    /// The first level granted.
    pub granted_qos_level: Option<u8>,
    /// Whether the broker confirmed it.
    pub ack: bool,
}

conversation_log! {
    /// The fields of `mqtt_subscribe`.
    MQTT_SUBSCRIBE: MqttSubscribe, |m, x|
    Info::zeek("action", Enum, "mqtt.action", Own(100), "MQTT::SUBSCRIBE or MQTT::UNSUBSCRIBE.") => Value::Str(if m.ends { "MQTT::UNSUBSCRIBE" } else { "MQTT::SUBSCRIBE" });
    Info::zeek("topics", VecStr, "mqtt.topics", Own(101), "Topics, or patterns of topics.").optional() => Value::items(Items::Texts(&m.topics));
    Info::zeek("qos_levels", VecCount, "mqtt.qos_levels", Own(102), "Levels asked for.").optional() => Value::items(Items::Counts(&m.qos_levels));
    Info::zeek("granted_qos_level", Count, "mqtt.granted_qos_level", Own(103), "The first level granted.").optional().stored(Storage::U8) => Value::count(m.granted_qos_level);
    Info::zeek("ack", Bool, "mqtt.ack", Own(104), "The broker confirmed it.") => Value::Bool(m.ack);
}
