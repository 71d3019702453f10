//! A flow's transactions.

use std::net::{IpAddr, Ipv6Addr};

use portreeve_record::app::dhcpv6::Dhcpv6 as Record;

use super::message::{CLIENT_ID, Message, SERVER_ID, options, type_name};
use crate::bytes::Reader;
use crate::context::Context;
use crate::dhcp::mac;
use crate::protocol::{Peer, Session, Want};
use crate::text::{hexadecimal, text};

/// The most transactions of a flow that are open at a time; the oldest makes room.
const MAX_OPEN: usize = 16;
/// A transaction without a message for so long is over, as `dhcp` has it.
const QUIET: i64 = 5_000_000_000;
const LONGEST: i64 = 30_000_000_000;
const MAX_MESSAGES: usize = 50;
/// The most addresses, prefixes or names kept of a transaction.
const MAX_ITEMS: usize = 16;
/// The most bytes of an identifier (RFC 8415 section 11.1: 128 and a type).
const MAX_DUID: usize = 130;
/// The longest name, and the most labels of one.
const MAX_NAME: usize = 255;

const SECOND: i64 = 1_000_000_000;

struct Open {
    record: Record,
    last: i64,
}

/// A flow's transactions that are not written yet, oldest first.
#[derive(Default)]
pub(super) struct Dhcpv6 {
    open: Vec<Open>,
}

impl Session for Dhcpv6 {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let now = context.now();
        self.write(context, |open| {
            now - open.last > QUIET || now - open.record.head.ts > LONGEST
        });
        let Some(message) = Message::parse(unit) else {
            context.weird("dhcpv6_malformed");
            return Want::Any;
        };
        let known = self.find(message.xid);
        if known.is_none() && self.open.len() >= MAX_OPEN {
            let oldest = self.open.remove(0);
            context.emit(oldest.record);
        }
        let at = known.unwrap_or_else(|| {
            self.open.push(Open {
                record: Record {
                    head: context.head(now),
                    trans_id: message.xid,
                    ..Record::default()
                },
                last: now,
            });
            self.open.len() - 1
        });
        if let Some(open) = self.open.get_mut(at) {
            open.last = now;
            open.record.duration = now - open.record.head.ts;
            take(&mut open.record, &message);
        }
        self.write(context, |open| open.record.msg_types.len() >= MAX_MESSAGES);
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.write(context, |_| true);
    }
}

impl Dhcpv6 {
    fn find(&self, xid: u32) -> Option<usize> {
        self.open.iter().position(|o| o.record.trans_id == xid)
    }

    fn write(&mut self, context: &mut Context<'_>, over: impl Fn(&Open) -> bool) {
        if self.open.iter().any(&over) {
            for open in self.open.extract_if(.., |open| over(open)) {
                context.emit(open.record);
            }
        }
    }
}

fn take(record: &mut Record, message: &Message<'_>) {
    record.msg_types.push(type_name(message.kind));
    if let Some(link) = message.link.filter(|link| !link.is_unspecified()) {
        record.relay_addr = Some(link.into());
    }
    let from_client = message.is_from_client();
    if !from_client {
        // What a later message of the server assigns counts.
        record.assigned_addrs.clear();
        record.prefixes.clear();
    }
    for (code, value) in message.options() {
        match code {
            CLIENT_ID => {
                record.client_duid = duid(value);
                record.mac = hardware(value);
            }
            SERVER_ID => record.server_duid = duid(value),
            // Identity associations: for addresses (with two times before the options), temporary ones, prefixes.
            3 | 25 => association(record, value.get(12..).unwrap_or_default(), from_client),
            4 => association(record, value.get(4..).unwrap_or_default(), from_client),
            13 => status(record, value),
            16 if from_client => {
                let mut reader = Reader::new(value);
                record.vendor_class = reader.u32().and_then(|_| reader.vec16()).map(text);
            }
            23 if !from_client => record.dns_servers = addresses(value),
            24 if !from_client => record.domains = names(value),
            39 if from_client => {
                record.client_fqdn = value.get(1..).and_then(|n| names(n).into_iter().next());
            }
            _ => {}
        }
    }
}

fn association(record: &mut Record, value: &[u8], from_client: bool) {
    for (code, value) in options(value) {
        let mut reader = Reader::new(value);
        match code {
            5 => {
                let (Some(address), Some(_), Some(valid)) =
                    (reader.array::<16>(), reader.u32(), reader.u32())
                else {
                    continue;
                };
                let addresses = if from_client {
                    &mut record.requested_addrs
                } else {
                    record.lease_time = Some(i64::from(valid) * SECOND);
                    &mut record.assigned_addrs
                };
                let address = IpAddr::V6(address.into());
                if addresses.len() < MAX_ITEMS && !addresses.contains(&address) {
                    addresses.push(address);
                }
                inner_status(record, reader.rest());
            }
            26 if !from_client => {
                let (Some(_), Some(valid), Some(len), Some(prefix)) = (
                    reader.u32(),
                    reader.u32(),
                    reader.u8(),
                    reader.array::<16>(),
                ) else {
                    continue;
                };
                record.lease_time = Some(i64::from(valid) * SECOND);
                if record.prefixes.len() < MAX_ITEMS {
                    let prefix = format!("{}/{len}", Ipv6Addr::from(prefix));
                    record.prefixes.push(prefix.into());
                }
                inner_status(record, reader.rest());
            }
            13 => status(record, value),
            _ => {}
        }
    }
}

fn inner_status(record: &mut Record, bytes: &[u8]) {
    for (_, value) in options(bytes).filter(|(code, _)| *code == 13) {
        status(record, value);
    }
}

fn status(record: &mut Record, value: &[u8]) {
    let mut reader = Reader::new(value);
    if let Some(code) = reader.u16().filter(|&code| code != 0) {
        record.status = Some(code);
        record.server_message = (!reader.is_empty()).then(|| text(reader.rest()));
    }
}

fn duid(value: &[u8]) -> Option<Box<str>> {
    let kept = value.get(..MAX_DUID).unwrap_or(value);
    (!kept.is_empty()).then(|| hexadecimal(kept).into())
}

/// The hardware address of an identifier that is made of one and a time, or of one (RFC 8415 section 11).
fn hardware(duid: &[u8]) -> Option<Box<str>> {
    match duid {
        [0, 1, 0, 1, _, _, _, _, address @ ..] | [0, 3, 0, 1, address @ ..] => mac(address),
        _ => None,
    }
}

fn addresses(value: &[u8]) -> Vec<IpAddr> {
    let (whole, _) = value.as_chunks::<16>();
    let whole = whole.iter().take(MAX_ITEMS);
    whole.map(|&bytes| Ipv6Addr::from(bytes).into()).collect()
}

/// Names as labels with their lengths, never compressed (RFC 8415 section 10). One that is not ended counts too (RFC 4704 section 4.2).
fn names(value: &[u8]) -> Vec<Box<str>> {
    let mut names = Vec::new();
    let mut name = Vec::new();
    let mut reader = Reader::new(value);
    while names.len() < MAX_ITEMS {
        match reader.vec8() {
            Some(label) if !label.is_empty() && name.len() + label.len() < MAX_NAME => {
                if !name.is_empty() {
                    name.push(b'.');
                }
                name.extend_from_slice(label);
            }
            next => {
                if !name.is_empty() {
                    names.push(text(&name));
                    name.clear();
                }
                if next.is_none_or(|label| !label.is_empty()) {
                    break;
                }
            }
        }
    }
    names
}
