//! SNMP (versions 1: RFC 1157, 2c: RFC 1901, 3: RFC 3412 and 3414): devices that are asked how they are.
//!
//! A message is BER: a sequence of the version, a community, and a request or response with its variables. In version 3 a header and the
//! parameters of the security model, an encoding of their own, take the place of the community; what follows may be encrypted.

mod ber;
mod message;
#[cfg(test)]
mod tests;

use portreeve_record::app::snmp::Snmp as Record;

use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use crate::text::text;
use message::{Message, Pdu};

/// SNMP.
pub static SNMP: Protocol = Protocol {
    name: "snmp",
    transports: Transports::Udp,
    ports: &[AGENT, MANAGER],
    detect,
    session: |_| Box::new(Snmp::default()),
};

const AGENT: u16 = 161;
const MANAGER: u16 = 162;

/// The form down to the request's tag is mark enough.
fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        let Some(message) = Message::parse(bytes) else {
            continue;
        };
        let answers = match message.pdu {
            Some(pdu) => pdu.answers(),
            // Encrypted: the port has to say it.
            None => match peer {
                Peer::Client => probe.orig_p == AGENT && probe.resp_p != AGENT,
                Peer::Server => probe.resp_p == AGENT && probe.orig_p != AGENT,
            },
        };
        return Verdict::Yes(if answers { peer.other() } else { peer });
    }
    Verdict::No
}

#[derive(Default)]
struct Snmp {
    record: Option<Box<Record>>,
}

/// `sysDescr.0` and `sysUpTime.0` (RFC 3418), encoded.
const DESCRIPTION: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 1, 0];
const UP_TIME: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 3, 0];
/// Nanoseconds in a tick of `TimeTicks`.
const TICK: i64 = 10_000_000;

impl Session for Snmp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        let now = context.now();
        let Some(message) = Message::parse(unit) else {
            context.weird("snmp_malformed");
            return Want::Any;
        };
        let record = self.record.get_or_insert_with(|| {
            Box::new(Record {
                head: context.head(now),
                version: message.version.name(),
                ..Record::default()
            })
        });
        record.duration = now - record.head.ts;
        if record.community.is_none() && !message.community.is_empty() {
            record.community = Some(text(message.community));
        }
        if let Some(pdu) = &message.pdu {
            count(record, pdu, now);
        }
        Want::Any
    }

    fn end(&mut self, context: &mut Context<'_>) {
        if let Some(record) = self.record.take() {
            context.emit(*record);
        }
    }
}

fn count(record: &mut Record, pdu: &Pdu<'_>, now: i64) {
    let counter = match pdu.tag {
        message::GET | message::GET_NEXT => &mut record.get_requests,
        message::GET_BULK => &mut record.get_bulk_requests,
        message::RESPONSE => &mut record.get_responses,
        message::SET => &mut record.set_requests,
        _ => return,
    };
    *counter += pdu.variables().count() as u64;
    if pdu.tag != message::RESPONSE {
        return;
    }
    for variable in pdu.variables() {
        match (variable.name, variable.tag) {
            (DESCRIPTION, ber::OCTETS) => record.display_string = Some(text(variable.value)),
            (UP_TIME, ber::TIME_TICKS) => {
                let ticks = ber::unsigned(variable.value).filter(|&t| t <= u32::MAX.into());
                record.up_since = ticks.map(|ticks| now - ticks as i64 * TICK);
            }
            _ => {}
        }
    }
}
