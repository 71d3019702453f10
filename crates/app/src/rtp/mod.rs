//! RTP and RTCP (RFC 3550): voices and pictures, and reports of how well they come.
//!
//! Neither has a mark but two bits of version. A packet of RTP can be told only by the next ones: the same source, numbers that go on. So a
//! first packet that could be one is taken for one, and the flow is named after it when [`session::CONFIRM`] have come that fit together. A datagram
//! of RTCP is a chain of packets, each with its length, that must fill it, a report first: mark enough.

mod packet;
mod session;
#[cfg(test)]
mod tests;

use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};

/// RTP.
pub static RTP: Protocol = Protocol {
    name: "rtp",
    transports: Transports::Udp,
    ports: &[],
    detect: detect_rtp,
    session: |_| Box::new(session::Rtp::default()),
};

/// RTCP.
pub static RTCP: Protocol = Protocol {
    name: "rtcp",
    transports: Transports::Udp,
    ports: &[],
    detect: detect_rtcp,
    session: |_| Box::new(Rtcp),
};

/// Media is between ports that nobody is assigned.
const FIRST_PORT: u16 = 1024;

fn detect_rtp(probe: &Probe<'_>) -> Verdict {
    if probe.orig_p < FIRST_PORT || probe.resp_p < FIRST_PORT {
        return Verdict::No;
    }
    // What the other side said must fit too, if it has said something.
    let fits = |bytes| packet::Packet::parse(bytes).is_some() || packet::is_rtcp(bytes);
    let sides = probe.as_client();
    let plausible = sides
        .iter()
        .all(|(bytes, _)| bytes.is_empty() || fits(bytes));
    if plausible && sides.iter().any(|(bytes, _)| !bytes.is_empty()) {
        Verdict::Yes(Peer::Client)
    } else {
        Verdict::No
    }
}

fn detect_rtcp(probe: &Probe<'_>) -> Verdict {
    let ports = probe.orig_p >= FIRST_PORT && probe.resp_p >= FIRST_PORT;
    let mut sides = probe.as_client().into_iter();
    if ports && sides.any(|(bytes, _)| packet::is_rtcp(bytes)) {
        Verdict::Yes(Peer::Client)
    } else {
        Verdict::No
    }
}

struct Rtcp;

impl Session for Rtcp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, _: &[u8], context: &mut Context<'_>) -> Want {
        context.done();
        Want::Nothing
    }
}
