//! DCE/RPC, mostly connection-oriented (DCE 1.1: Remote Procedure Call, chapter 12; [MS-RPCE]): what Windows' services are called by, on TCP 135 and ports that the endpoint
//! mapper there gives out, and through SMB's named pipes.
//!
//! A client binds to interfaces, each a UUID, and then calls their procedures by number. Names of both are in `names.txt`, data rather than code. Only headers are
//! read, bindings whole; what is passed to procedures goes by unseen.
//!
//! Recognised by its header: version 5, a kind of packet, a data representation, lengths that fit. Over UDP it is version 4, with a header of its own
//! ([`datagram`]).

mod datagram;
mod names;
mod pdu;
mod rpc;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use names::make_ready;
pub use rpc::Rpc;

use crate::protocol::{Peer, Probe, Protocol, Session, Transport, Transports, Verdict};

/// DCE/RPC over TCP and UDP.
pub static DCE_RPC: Protocol = Protocol {
    name: "dce_rpc",
    transports: Transports::Both,
    ports: &[135],
    detect,
    session,
};

fn session(transport: Transport) -> Box<dyn Session> {
    match transport {
        Transport::Tcp => Box::<session::DceRpc>::default(),
        Transport::Udp => Box::<datagram::Datagrams>::default(),
    }
}

fn detect(probe: &Probe<'_>) -> Verdict {
    let is_stream = probe.transport == Transport::Tcp;
    let mut more =
        is_stream && probe.on(DCE_RPC.ports) && (probe.orig.is_empty() || probe.resp.is_empty());
    let begins = if is_stream {
        pdu::begins
    } else {
        datagram::begins
    };
    for (bytes, role) in probe.as_client() {
        match begins(bytes) {
            Verdict::Yes(Peer::Client) => return Verdict::Yes(role),
            Verdict::Yes(Peer::Server) => return Verdict::Yes(role.other()),
            Verdict::More => more |= !bytes.is_empty(),
            Verdict::No if !bytes.is_empty() => return Verdict::No,
            Verdict::No => {}
        }
    }
    if more { Verdict::More } else { Verdict::No }
}
