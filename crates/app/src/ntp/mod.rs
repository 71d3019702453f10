//! NTP (RFC 5905): clocks that are set.
//!
//! A message of modes 1 to 5 is 48 bytes at fixed places, behind which there may be extensions (RFC 7822) and a digest. Mode 6 is for control (RFC 9327),
//! mode 7 for what the programs of an implementation say among themselves (`monlist`); both are recognised, and have no record, as in Zeek.

mod message;
#[cfg(test)]
mod tests;

use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use message::Header;

/// NTP.
pub static NTP: Protocol = Protocol {
    name: "ntp",
    transports: Transports::Udp,
    ports: PORTS,
    detect,
    session: |_| Box::new(Ntp),
};

const PORTS: &[u16] = &[123];

/// There is no mark in the content: the port, and a message that can be.
fn detect(probe: &Probe<'_>) -> Verdict {
    if !probe.on(PORTS) {
        return Verdict::No;
    }
    for (bytes, peer) in probe.as_client() {
        let Some(header) = Header::parse(bytes) else {
            continue;
        };
        if header.is_plausible(bytes) {
            return Verdict::Yes(if header.is_answer(bytes) {
                peer.other()
            } else {
                peer
            });
        }
    }
    Verdict::No
}

struct Ntp;

impl Session for Ntp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        match Header::parse(unit) {
            Some(header) if header.is_standard() => match message::record(header, unit) {
                Some(mut record) => {
                    record.head = context.head(context.now());
                    context.emit(record);
                }
                None => context.weird("ntp_truncated"),
            },
            Some(_) => {}
            None => context.weird("ntp_malformed"),
        }
        Want::Any
    }
}
