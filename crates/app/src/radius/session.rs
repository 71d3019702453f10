//! A flow's authentications.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_record::app::radius::Radius as Record;

use super::message::{ACCESS_ACCEPT, ACCESS_CHALLENGE, ACCESS_REJECT, ACCESS_REQUEST, Message};
use crate::bytes::Reader;
use crate::context::Context;
use crate::dhcp::mac;
use crate::protocol::{Peer, Session, Want};
use crate::text::text;

/// The most authentications of a flow that are open at a time; the oldest makes room.
const MAX_OPEN: usize = 64;
/// The most bytes of a `State` that are kept: all an attribute holds.
const MAX_STATE: usize = 253;

struct Open {
    id: u8,
    /// What the challenge handed out, until the next request brings it back.
    state: Option<Box<[u8]>>,
    record: Record,
}

/// Authentications that have no result yet, oldest first.
#[derive(Default)]
pub(super) struct Radius {
    open: Vec<Open>,
}

impl Session for Radius {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let Some(message) = Message::parse(unit) else {
            context.weird("radius_malformed");
            return Want::Any;
        };
        match message.code {
            ACCESS_REQUEST => self.request(&message, context),
            ACCESS_CHALLENGE => {
                if let Some(open) = self.open.iter_mut().rfind(|o| o.id == message.id) {
                    let mut state = message.attributes().filter(|(kind, _)| *kind == STATE);
                    open.state = state
                        .next()
                        .map(|(_, value)| value.get(..MAX_STATE).unwrap_or(value).into());
                    reply(&mut open.record, &message);
                }
            }
            ACCESS_ACCEPT => self.result(&message, "success", context),
            ACCESS_REJECT => self.result(&message, "failed", context),
            _ => {}
        }
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for open in std::mem::take(&mut self.open) {
            unknown(open, context);
        }
    }
}

const USER_NAME: u8 = 1;
const FRAMED_ADDRESS: u8 = 8;
const REPLY_MESSAGE: u8 = 18;
const STATE: u8 = 24;
const CALLING_STATION: u8 = 31;
const TUNNEL_CLIENT: u8 = 66;
const CONNECT_INFO: u8 = 77;

fn unknown(mut open: Open, context: &mut Context<'_>) {
    open.record.result = "unknown";
    context.emit(open.record);
}

impl Radius {
    fn request(&mut self, message: &Message<'_>, context: &mut Context<'_>) {
        let state = message.attributes().find(|(kind, _)| *kind == STATE);
        let known = self
            .open
            .iter_mut()
            .rfind(|open| match (&open.state, state) {
                (Some(handed_out), Some((_, brought))) => **handed_out == *brought,
                (None, _) => open.id == message.id,
                (Some(_), None) => false,
            });
        let open = match known {
            Some(open) => {
                open.id = message.id;
                open.state = None;
                open
            }
            None => {
                if self.open.len() >= MAX_OPEN {
                    let oldest = self.open.remove(0);
                    unknown(oldest, context);
                }
                self.open.push(Open {
                    id: message.id,
                    state: None,
                    record: Record {
                        head: context.head(context.now()),
                        ..Record::default()
                    },
                });
                let Some(open) = self.open.last_mut() else {
                    return;
                };
                open
            }
        };
        let record = &mut open.record;
        for (kind, value) in message.attributes() {
            match kind {
                USER_NAME if record.username.is_none() => record.username = Some(text(value)),
                CALLING_STATION if record.mac.is_none() => record.mac = hardware(value),
                TUNNEL_CLIENT if record.remote_ip.is_none() => record.remote_ip = endpoint(value),
                CONNECT_INFO if record.connect_info.is_none() => {
                    record.connect_info = Some(text(value));
                }
                _ => {}
            }
        }
    }

    fn result(&mut self, message: &Message<'_>, result: &'static str, context: &mut Context<'_>) {
        let now = context.now();
        let at = self.open.iter().rposition(|open| open.id == message.id);
        let mut record = match at {
            Some(at) => self.open.remove(at).record,
            None => Record {
                head: context.head(now),
                ..Record::default()
            },
        };
        reply(&mut record, message);
        record.ttl = at.map(|_| now - record.head.ts);
        record.result = result;
        context.emit(record);
    }
}

/// What the server says.
fn reply(record: &mut Record, message: &Message<'_>) {
    for (kind, value) in message.attributes() {
        match kind {
            FRAMED_ADDRESS if record.framed_addr.is_none() => {
                let address = Reader::new(value).u32();
                record.framed_addr = address.map(|bits| Ipv4Addr::from(bits).into());
            }
            REPLY_MESSAGE if record.reply_msg.is_none() => record.reply_msg = Some(text(value)),
            _ => {}
        }
    }
}

/// The hexadecimal digits of a text, if there are so many as a hardware address has.
fn hardware(value: &[u8]) -> Option<Box<str>> {
    let digits: Vec<u8> = value
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    let (pairs, _) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    if matches!(digits.len(), 12 | 16) {
        mac(&bytes)
    } else {
        None
    }
}

/// An address as text; a tag may stand before it (RFC 2868 section 3.3).
fn endpoint(value: &[u8]) -> Option<IpAddr> {
    let address = match value {
        [0..=0x1f, rest @ ..] => rest,
        all => all,
    };
    std::str::from_utf8(address).ok()?.parse().ok()
}
