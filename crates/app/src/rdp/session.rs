//! The connection's beginning, to a record.

use portreeve_record::app::rdp::{Rdp as Record, RdpResult};

use super::conference;
use super::{CONFIRM, DATA, FIXED, REQUEST, TPKT};
use crate::protocol::{Peer, Session, Want};
use crate::registry;
use crate::text::text;
use crate::{Context, Reader};

/// Kinds of what is negotiated ([MS-RDPBCGR] sections 2.2.1.1.1, 2.2.1.2.1, 2.2.1.2.2).
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;
/// What a cookie begins with.
const COOKIE: &[u8] = b"Cookie: mstshash=";
/// The most messages of one peer that are looked at.
const MAX_MESSAGES: u8 = 16;

/// A connection to a remote desktop.
#[derive(Debug, Default)]
pub(super) struct Rdp {
    record: Option<Box<Record>>,
    /// By peer: the length of the message that comes, if it was read.
    message: [Option<usize>; 2],
    messages: [u8; 2],
}

impl Rdp {
    fn record(&mut self, context: &Context<'_>) -> &mut Record {
        self.record.get_or_insert_with(|| {
            Box::new(Record {
                head: context.head(context.now()),
                ..Record::default()
            })
        })
    }

    fn write(&mut self, context: &mut Context<'_>) {
        let Some(record) = self.record.take() else {
            return;
        };
        if record.cookie.is_some() || record.keyboard_layout.is_some() || record.result.is_some() {
            context.emit(*record);
        }
    }

    /// A message of X.224. Whether more is to be looked at.
    fn x224(&mut self, message: &[u8], context: &mut Context<'_>) -> bool {
        let variable = message.get(FIXED - TPKT..).unwrap_or_default();
        match message.get(1) {
            Some(&REQUEST) => {
                let mut lines = variable.split_inclusive(|byte| *byte == b'\n');
                let line = lines.next().unwrap_or_default();
                let cookie = line.strip_prefix(COOKIE).unwrap_or_default();
                let cookie = text(crate::text::line(cookie));
                self.record(context).cookie = Some(cookie);
                true
            }
            Some(&CONFIRM) => self.confirmed(variable, context),
            Some(&DATA) => {
                let data = message.get(3..).unwrap_or_default();
                let record = self.record(context);
                let of_server = data.starts_with(&conference::RESPONSE);
                // What breaks off gives what it has.
                let _ = conference::data(data, record);
                if of_server {
                    self.write(context);
                    context.done();
                }
                !of_server
            }
            _ => false,
        }
    }

    fn confirmed(&mut self, variable: &[u8], context: &mut Context<'_>) -> bool {
        let mut reader = Reader::new(variable);
        let Some((kind, number)) = (|| {
            let kind = reader.u8()?;
            reader.take(3)?;
            Some((kind, reader.u32_le()?))
        })() else {
            return true;
        };
        let record = self.record(context);
        match kind {
            NEGOTIATION_RESPONSE => {
                record.security_protocol = Some(number);
                if number == 0 {
                    return true;
                }
                record.result = Some(RdpResult::Encrypted);
                self.write(context);
                match registry::by_name("ssl") {
                    Some(ssl) => context.hand_over(ssl),
                    None => context.done(),
                }
                false
            }
            NEGOTIATION_FAILURE => {
                record.result = Some(RdpResult::Failed(number));
                self.write(context);
                context.done();
                false
            }
            _ => kind == NEGOTIATION_REQUEST,
        }
    }
}

impl Session for Rdp {
    fn start(&mut self, _peer: Peer) -> Want {
        Want::Bytes(TPKT)
    }

    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let at = peer.index();
        if let Some(_len) = self.message[at].take() {
            self.messages[at] += 1;
            return if self.x224(unit, context) && self.messages[at] < MAX_MESSAGES {
                Want::Bytes(TPKT)
            } else {
                Want::Nothing
            };
        }
        let &[3, _, high, low] = unit else {
            return Want::Nothing;
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let Some(len @ 1..) = len.checked_sub(TPKT) else {
            return Want::Nothing;
        };
        self.message[at] = Some(len);
        Want::Bytes(len)
    }

    fn end(&mut self, context: &mut Context<'_>) {
        self.write(context);
    }
}
