//! A connection.

use portreeve_record::app::mqtt_connect::MqttConnect;
use portreeve_record::app::mqtt_publish::MqttPublish;
use portreeve_record::app::mqtt_subscribe::MqttSubscribe;

use super::packet::{self, Length, properties};
use crate::bytes::Reader;
use crate::context::Context;
use crate::protocol::{Peer, Session, Want};
use crate::text::text;

/// The most bytes of a packet that are looked at; the rest goes by.
const MAX_LOOKED_AT: usize = 16 << 10;
/// The most bytes of a message in a record.
const MAX_PAYLOAD: usize = 100;
/// The most messages, and subscriptions, that wait for their confirmation; the oldest is written as it is.
const MAX_PENDING: usize = 32;
/// The most topics of a subscription.
const MAX_TOPICS: usize = 64;
/// What a connection is taken for whose beginning was not seen: 3.1.1.
const USUAL_VERSION: u8 = 4;

/// What comes next of a peer.
#[derive(Clone, Copy, Default)]
enum Next {
    /// Type and flags, and the length's first byte.
    #[default]
    First,
    Length {
        first: u8,
        length: Length,
    },
    Body {
        first: u8,
        len: u32,
    },
}

struct Publish {
    id: u16,
    record: MqttPublish,
    released: bool,
}

struct Subscribe {
    id: u16,
    record: MqttSubscribe,
}

#[derive(Default)]
pub(super) struct Mqtt {
    next: [Next; 2],
    version: Option<u8>,
    connect: Option<Box<MqttConnect>>,
    publish: Vec<Publish>,
    subscribe: Vec<Subscribe>,
}

impl Session for Mqtt {
    fn start(&mut self, _: Peer) -> Want {
        Want::Bytes(2)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let next = &mut self.next[peer.index()];
        let (first, length) = match (*next, unit) {
            (Next::First, &[first, byte]) => {
                let mut length = Length::default();
                (first, length.take(byte).map(|last| (last, length)))
            }
            (Next::Length { first, mut length }, &[byte]) => {
                (first, length.take(byte).map(|last| (last, length)))
            }
            (Next::Body { first, len }, body) => {
                *next = Next::First;
                self.packet(peer, first, body, len, context);
                return match u64::from(len).saturating_sub(body.len() as u64) {
                    0 => Want::Bytes(2),
                    rest => Want::Skip(rest),
                };
            }
            _ => return Want::Nothing,
        };
        let kind = first >> 4;
        match length {
            Some(_) if !(packet::CONNECT..=packet::LAST).contains(&kind) => {}
            Some((false, length)) => {
                *next = Next::Length { first, length };
                return Want::Bytes(1);
            }
            Some((true, Length { value: 0, .. })) => {
                *next = Next::First;
                return Want::Bytes(2);
            }
            Some((true, length)) => {
                let len = length.value;
                if kind > packet::UNSUBACK {
                    *next = Next::First;
                    return Want::Skip(len.into());
                }
                *next = Next::Body { first, len };
                return Want::Bytes((len as usize).min(MAX_LOOKED_AT));
            }
            None => {}
        }
        context.weird("mqtt_malformed");
        Want::Nothing
    }

    fn skipped(&mut self, _: Peer, _: &mut Context<'_>) -> Want {
        Want::Bytes(2)
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if let Some(connect) = self.connect.take() {
            context.emit(*connect);
        }
        for publish in std::mem::take(&mut self.publish) {
            context.emit(publish.record);
        }
        for subscribe in std::mem::take(&mut self.subscribe) {
            context.emit(subscribe.record);
        }
    }
}

impl Mqtt {
    fn packet(&mut self, peer: Peer, first: u8, body: &[u8], len: u32, context: &mut Context<'_>) {
        let whole = match first >> 4 {
            packet::CONNECT => self.connect(body, context),
            packet::CONNACK => self.connected(body, context),
            packet::PUBLISH => self.publish(peer, first, body, len, context),
            kind @ packet::PUBACK..=packet::PUBCOMP => self.confirmed(kind, body, context),
            packet::SUBSCRIBE => self.subscribe(false, body, context),
            packet::UNSUBSCRIBE => self.subscribe(true, body, context),
            _ => self.subscribed(first >> 4, body, context),
        };
        if whole.is_none() {
            context.weird("mqtt_malformed");
        }
    }

    fn version(&self) -> u8 {
        self.version.unwrap_or(USUAL_VERSION)
    }

    fn connect(&mut self, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        const WILL: u8 = 4;
        let mut reader = Reader::new(body);
        let name = reader.vec16()?;
        let [version, flags, _, _] = reader.array()?;
        self.version = Some(version);
        properties(&mut reader, version)?;
        let client = reader.vec16()?;
        let mut record = MqttConnect {
            head: context.head(context.now()),
            proto_name: Some(text(name)),
            proto_version: Some(version),
            client_id: Some(text(client)),
            ..MqttConnect::default()
        };
        if flags & WILL != 0 {
            properties(&mut reader, version)?;
            record.will_topic = Some(text(reader.vec16()?));
            record.will_payload = Some(text(reader.vec16()?));
        }
        // Behind it are user and password: nobody's business.
        self.connect = Some(Box::new(record));
        Some(())
    }

    fn connected(&mut self, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        let (&[_, status], _) = body.split_first_chunk()?;
        let mut record = self.connect.take().unwrap_or_else(|| {
            Box::new(MqttConnect {
                head: context.head(context.now()),
                ..MqttConnect::default()
            })
        });
        record.connect_status = Some(status);
        context.emit(*record);
        Some(())
    }

    fn publish(
        &mut self,
        peer: Peer,
        first: u8,
        body: &[u8],
        len: u32,
        context: &mut Context<'_>,
    ) -> Option<()> {
        let qos = first >> 1 & 3;
        let mut reader = Reader::new(body);
        let topic = reader.vec16()?;
        let id = if qos > 0 { reader.u16()? } else { 0 };
        properties(&mut reader, self.version())?;
        let begun = body.len() - reader.len();
        let payload = reader.rest();
        let record = MqttPublish {
            head: context.head(context.now()),
            from_client: peer == Peer::Client,
            retain: first & 1 != 0,
            qos,
            complete: qos == 0,
            topic: text(topic),
            payload: text(payload.get(..MAX_PAYLOAD).unwrap_or(payload)),
            payload_len: u64::from(len).saturating_sub(begun as u64),
        };
        if qos == 0 {
            context.emit(record);
            return Some(());
        }
        let same = |p: &Publish| p.id == id && p.record.from_client == record.from_client;
        if self.publish.iter().any(same) {
            return Some(());
        }
        if self.publish.len() >= MAX_PENDING {
            context.emit(self.publish.remove(0).record);
        }
        self.publish.push(Publish {
            id,
            record,
            released: false,
        });
        Some(())
    }

    fn confirmed(&mut self, kind: u8, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        let id = Reader::new(body).u16()?;
        let Some(at) = self.publish.iter().position(|publish| publish.id == id) else {
            return Some(());
        };
        let publish = self.publish.get_mut(at)?;
        let complete = match (kind, publish.record.qos) {
            (packet::PUBACK, 1) => true,
            (packet::PUBREL, 2) => {
                publish.released = true;
                false
            }
            (packet::PUBCOMP, 2) => publish.released,
            _ => false,
        };
        if complete {
            let mut record = self.publish.remove(at).record;
            record.complete = true;
            context.emit(record);
        }
        Some(())
    }

    fn subscribe(&mut self, ends: bool, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        const LEVEL: u8 = 3;
        let mut reader = Reader::new(body);
        let id = reader.u16()?;
        properties(&mut reader, self.version())?;
        let mut record = MqttSubscribe {
            head: context.head(context.now()),
            ends,
            ..MqttSubscribe::default()
        };
        while record.topics.len() < MAX_TOPICS
            && let Some(topic) = reader.vec16()
        {
            record.topics.push(text(topic));
            if !ends {
                record.qos_levels.push((reader.u8()? & LEVEL).into());
            }
        }
        if self.subscribe.len() >= MAX_PENDING {
            context.emit(self.subscribe.remove(0).record);
        }
        self.subscribe.push(Subscribe { id, record });
        Some(())
    }

    fn subscribed(&mut self, kind: u8, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        let mut reader = Reader::new(body);
        let id = reader.u16()?;
        properties(&mut reader, self.version())?;
        let Some(at) = self.subscribe.iter().position(|s| s.id == id) else {
            return Some(());
        };
        let mut record = self.subscribe.remove(at).record;
        record.ack = true;
        if kind == packet::SUBACK {
            record.granted_qos_level = reader.u8();
        }
        context.emit(record);
        Some(())
    }
}
