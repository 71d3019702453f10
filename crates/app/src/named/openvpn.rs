//! `OpenVPN`: the reset that a client or a server begins with. A byte of opcode and key, a session, and, where nothing wraps it (tls-auth, tls-crypt), an empty list of
//! acknowledgements and packet number 0. Over TCP each packet has its length before it.

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transport, Transports, Verdict};

/// `OpenVPN`.
pub(crate) static OPENVPN: Protocol = Protocol {
    name: "openvpn",
    transports: Transports::Both,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[1194];
/// Resets of the client and of the server, version 2; key 0.
const CLIENT: u8 = 7 << 3;
const SERVER: u8 = 8 << 3;
/// A client's reset with a wrapped key, version 3.
const CLIENT_WRAPPED: u8 = 10 << 3;
/// A reset that nothing wraps; a server's has acknowledged one packet mostly, and is longer.
const SHORTEST: usize = 14;
/// The longest reset that is waited for: one with a wrapped key (tls-crypt-v2) of at most 1024 bytes.
const LONGEST: usize = 1400;

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        let packet = match probe.transport {
            Transport::Udp => Some(bytes),
            Transport::Tcp => Reader::new(bytes).vec16(),
        };
        match packet.and_then(|packet| reset(packet, probe.on(PORTS))) {
            Some(Peer::Client) => return Verdict::Yes(peer),
            Some(Peer::Server) => return Verdict::Yes(peer.other()),
            None => {}
        }
    }
    let on_port = probe.on(PORTS);
    if probe.transport == Transport::Tcp
        && [probe.orig, probe.resp].iter().any(|b| short(b, on_port))
    {
        Verdict::More
    } else {
        Verdict::No
    }
}

/// Whether this may be the beginning of a reset over TCP that is not whole yet: its length, and its opcode.
fn short(bytes: &[u8], on_port: bool) -> bool {
    let longest = if on_port { LONGEST } else { SHORTEST };
    let (high, low) = match *bytes {
        [] => return false,
        [high] => (high, None),
        [high, low, ..] => (high, Some(low)),
    };
    let length = usize::from(u16::from_be_bytes([high, low.unwrap_or(u8::MAX)]));
    let opcode = match bytes.get(2) {
        None => true,
        Some(&CLIENT) => true,
        Some(&(SERVER | CLIENT_WRAPPED)) => on_port,
        Some(_) => false,
    };
    let may_be = match low {
        None => usize::from(high) << 8 <= longest,
        Some(_) => (SHORTEST..=longest).contains(&length),
    };
    may_be && opcode && bytes.len() < length + 2
}

/// Whose reset a packet is. Wrapped ones have no mark but their opcode: they are believed on the port.
fn reset(packet: &[u8], on_port: bool) -> Option<Peer> {
    let opcode = *packet.first()?;
    let plain = packet.len() == SHORTEST && packet.get(9..).is_some_and(|rest| rest == [0; 5]);
    let wrapped = on_port && packet.len() > SHORTEST;
    match opcode {
        CLIENT if plain || wrapped => Some(Peer::Client),
        CLIENT_WRAPPED if wrapped => Some(Peer::Client),
        SERVER if on_port && packet.len() >= SHORTEST => Some(Peer::Server),
        _ => None,
    }
}
