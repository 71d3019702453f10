//! EtherNet/IP: commands with a header of 24 bytes, lowest byte first: command, length of the rest, session, status, context, options.

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transport, Transports, Verdict};

/// EtherNet/IP.
pub(crate) static ENIP: Protocol = Protocol {
    name: "enip",
    transports: Transports::Both,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[44_818];
const HEADER: usize = 24;
/// NOP, list services, identity, interfaces, register, unregister, send data of requests and of connections.
const COMMANDS: [u16; 8] = [0x00, 0x04, 0x63, 0x64, 0x65, 0x66, 0x6f, 0x70];

/// Small numbers are hardly a mark: the port has to fit.
fn detect(probe: &Probe<'_>) -> Verdict {
    if !probe.on(PORTS) {
        return Verdict::No;
    }
    let mut more = false;
    for bytes in [probe.orig, probe.resp] {
        // Of a header that is not whole yet: its first byte.
        let begins = |first: &u8| {
            COMMANDS
                .iter()
                .any(|command| command.to_le_bytes()[0] == *first)
        };
        more |= bytes.len() < HEADER && bytes.first().is_some_and(begins);
        let mut reader = Reader::new(bytes);
        let (Some(command), Some(length)) = (reader.u16_le(), reader.u16_le()) else {
            continue;
        };
        let whole = HEADER + usize::from(length);
        let fits = match probe.transport {
            Transport::Tcp => bytes.len() >= HEADER,
            Transport::Udp => bytes.len() == whole,
        };
        if COMMANDS.contains(&command) && fits {
            return Verdict::Yes(if PORTS.contains(&probe.resp_p) {
                Peer::Client
            } else {
                Peer::Server
            });
        }
    }
    if more && probe.transport == Transport::Tcp {
        Verdict::More
    } else {
        Verdict::No
    }
}
