//! A flow's transactions.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_record::app::dhcp::Dhcp as Record;

use super::mac;
use super::message::{Message, type_name};
use crate::bytes::Reader;
use crate::context::Context;
use crate::protocol::{Peer, Session, Want};
use crate::text::text;

/// The most transactions of a flow that are open at a time; the oldest makes room.
const MAX_OPEN: usize = 16;
/// A transaction without a message for so long is over, as in Zeek.
const QUIET: i64 = 5_000_000_000;
/// One that has gone on for so long is written, and what follows is another.
const LONGEST: i64 = 30_000_000_000;
/// The most messages in one record, as in Zeek.
const MAX_MESSAGES: usize = 50;
/// The most addresses kept of an option.
const MAX_ADDRESSES: usize = 16;

const ETHERNET: u8 = 1;
const SECOND: i64 = 1_000_000_000;

struct Open {
    record: Record,
    last: i64,
    /// The client's address in the fixed part: what counts if neither an option nor the server says another.
    chaddr: Option<Box<str>>,
}

/// A flow's transactions that are not written yet, oldest first.
#[derive(Default)]
pub(super) struct Dhcp {
    open: Vec<Open>,
}

impl Session for Dhcp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let now = context.now();
        self.write(context, |open| {
            now - open.last > QUIET || now - open.record.head.ts > LONGEST
        });
        let Some(message) = Message::parse(unit) else {
            context.weird("dhcp_malformed");
            return Want::Any;
        };
        let Some((_, &[kind])) = message.options().find(|(code, _)| *code == 53) else {
            context.weird("DHCP_no_type_option");
            return Want::Any;
        };
        if self.open.len() >= MAX_OPEN && self.find(message.xid).is_none() {
            let oldest = self.open.remove(0);
            emit(oldest, context);
        }
        let at = self.find(message.xid).unwrap_or_else(|| {
            self.open.push(Open {
                record: Record {
                    head: context.head(now),
                    trans_id: message.xid,
                    ..Record::default()
                },
                last: now,
                chaddr: None,
            });
            self.open.len() - 1
        });
        if let Some(open) = self.open.get_mut(at) {
            open.last = now;
            open.record.duration = now - open.record.head.ts;
            open.record.msg_types.push(type_name(kind));
            open.record.msg_times.push(now);
            open.take(&message, sender(peer, context));
        }
        self.write(context, |open| open.record.msg_types.len() >= MAX_MESSAGES);
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.write(context, |_| true);
    }
}

impl Dhcp {
    fn find(&self, xid: u32) -> Option<usize> {
        self.open.iter().position(|o| o.record.trans_id == xid)
    }

    /// Writes those that are `over`.
    fn write(&mut self, context: &mut Context<'_>, over: impl Fn(&Open) -> bool) {
        if self.open.iter().any(&over) {
            for open in self.open.extract_if(.., |open| over(open)) {
                emit(open, context);
            }
        }
    }
}

fn emit(mut open: Open, context: &mut Context<'_>) {
    if open.record.mac.is_none() {
        open.record.mac = open.chaddr;
    }
    context.emit(open.record);
}

/// The address that the message came from.
fn sender(peer: Peer, context: &Context<'_>) -> IpAddr {
    let head = context.head(0);
    if (peer == Peer::Client) == context.client_is_orig() {
        head.orig_h
    } else {
        head.resp_h
    }
}

fn is_somebody(address: IpAddr) -> bool {
    !address.is_unspecified() && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn address(value: &[u8]) -> Option<Ipv4Addr> {
    Reader::new(value).u32().map(Ipv4Addr::from)
}

fn addresses(value: &[u8]) -> Vec<IpAddr> {
    let (whole, _) = value.as_chunks::<4>();
    let whole = whole.iter().take(MAX_ADDRESSES);
    whole.map(|&bytes| Ipv4Addr::from(bytes).into()).collect()
}

/// The hardware address in a client's identifier, if it is made of one of Ethernet.
fn hardware(identifier: &[u8]) -> Option<Box<str>> {
    let (&kind, address) = identifier.split_first()?;
    if kind == ETHERNET { mac(address) } else { None }
}

/// Texts may end with NULs, which are no part of them (RFC 2132 section 2).
fn option_text(value: &[u8]) -> Option<Box<str>> {
    let end = value.iter().rposition(|&byte| byte != 0)?;
    value.get(..=end).map(text)
}

/// RFC 4702: three bytes, then the name: as labels with their lengths if bit E is set, else as it is.
fn full_name(value: &[u8]) -> Option<Box<str>> {
    const LABELS: u8 = 4;
    let (&[flags, _, _], name) = value.split_first_chunk()?;
    if flags & LABELS == 0 {
        return option_text(name);
    }
    let mut reader = Reader::new(name);
    let mut labels = Vec::new();
    while let Some(label) = reader.vec8().filter(|label| !label.is_empty()) {
        if !labels.is_empty() {
            labels.push(b'.');
        }
        labels.extend_from_slice(label);
    }
    option_text(&labels)
}

impl Open {
    fn take(&mut self, message: &Message<'_>, sender: IpAddr) {
        if !message.giaddr.is_unspecified() {
            self.record.relay_addr = Some(message.giaddr);
        }
        if message.from_client {
            self.take_from_client(message, sender);
        } else {
            self.take_from_server(message, sender);
        }
    }

    fn take_from_client(&mut self, message: &Message<'_>, sender: IpAddr) {
        let record = &mut self.record;
        if is_somebody(sender) {
            record.client_addr = Some(sender);
        }
        let mut by_option = None;
        for (code, value) in message.options() {
            match code {
                12 => record.host_name = option_text(value),
                50 => record.requested_addr = address(value),
                55 => record.params = value.iter().map(|&code| code.into()).collect(),
                56 => record.client_message = option_text(value),
                60 => record.vendor_class = option_text(value),
                61 => by_option = hardware(value),
                81 => record.client_fqdn = full_name(value),
                _ => {}
            }
        }
        match by_option {
            Some(mac) => record.mac = Some(mac),
            None => self.chaddr = mac(message.chaddr),
        }
    }

    fn take_from_server(&mut self, message: &Message<'_>, sender: IpAddr) {
        let record = &mut self.record;
        if !message.yiaddr.is_unspecified() {
            record.server_addr = Some(sender);
            record.assigned_addr = Some(message.yiaddr);
        }
        if record.mac.is_none() {
            record.mac = mac(message.chaddr);
        }
        if record.client_addr.is_none() {
            record.client_addr = record.assigned_addr.map(IpAddr::V4);
        }
        for (code, value) in message.options() {
            match code {
                3 => record.routers = addresses(value),
                6 => record.dns_servers = addresses(value),
                15 => record.domain = option_text(value),
                51 => {
                    let seconds = Reader::new(value).u32();
                    record.lease_time = seconds.map(|s| i64::from(s) * SECOND);
                }
                56 => record.server_message = option_text(value),
                _ => {}
            }
        }
    }
}
