//! FTP, the transfer of files (RFC 959).
//!
//! Commands and replies go over one connection, files and listings over others that are agreed on there: the server opens one to where `PORT` says, or the
//! client to where the reply to `PASV` says (`EPRT` and `EPSV` with any kind of address, RFC 2428). `AUTH TLS` makes the rest of the connection TLS (RFC 4217).

mod channel;
mod data;
mod path;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};
use crate::talk::{begins_with, first_line, has, reply};

/// The protocol.
pub static FTP: Protocol = Protocol {
    name: "ftp",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::<session::Session>::default(),
};

/// A connection for data that the server opened, known by its port alone.
pub static FTP_DATA: Protocol = Protocol {
    name: "ftp-data",
    transports: Transports::Tcp,
    ports: &[DATA_PORT],
    detect: |probe| {
        if probe.orig_p == DATA_PORT && probe.resp_p >= MIN_CLIENT_PORT {
            Verdict::Yes(Peer::Server)
        } else {
            Verdict::No
        }
    },
    session: |_| Box::new(data::Data::of_ftp()),
};

/// Stands for FTP where a connection may be for its data, by any port: whether it is the commands tell, which another worker may see. No flow is named after it;
/// what it carries goes to the output side as [`portreeve_record::app::files::UNCLAIMED`].
pub(crate) static PERHAPS_DATA: Protocol = Protocol {
    name: "",
    transports: Transports::Tcp,
    ports: &[],
    detect: |_| Verdict::No,
    session: |_| Box::new(data::Data::unclaimed()),
};

/// Whether a connection of no known protocol may be for data: between ports that anybody may open.
pub(crate) fn may_be_data(ports: [u16; 2]) -> bool {
    ports.iter().all(|port| *port >= FIRST_FREE_PORT)
}

const PORTS: &[u16] = &[21, 2121];
const DATA_PORT: u16 = 20;
/// Ports below are their services' own.
const FIRST_FREE_PORT: u16 = 1024;
/// From here on a port is likely one that a client chose at random.
const MIN_CLIENT_PORT: u16 = 10_000;

/// What a client may begin with, or go on with where the beginning was missed.
const COMMANDS: [&[u8]; 16] = [
    b"USER", b"AUTH", b"FEAT", b"SYST", b"PASS", b"PASV", b"EPSV", b"PORT", b"EPRT", b"CWD",
    b"RETR", b"STOR", b"LIST", b"TYPE", b"PWD", b"QUIT",
];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        let (asks, greets) = (is_client(client), is_server(server, probe));
        if asks == Some(false) || greets == Some(false) {
            continue;
        }
        // `220` is what servers of mail say too: the client's word decides, or the port.
        let decided = asks == Some(true) && (!server.is_empty() || probe.on(PORTS));
        if greets == Some(true) || decided && (probe.on(PORTS) || first_line(server).is_some()) {
            return Verdict::Yes(peer);
        }
        more |= !server.is_empty() || asks.is_none() && !client.is_empty() && probe.on(PORTS);
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Whether a client of FTP speaks so; `None` while it has said too little.
fn is_client(bytes: &[u8]) -> Option<bool> {
    let mut open = false;
    for command in COMMANDS {
        match begins_with(bytes, command) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(false) }
}

/// Whether a server of FTP speaks so; `None` while it has said too little, or what servers of other protocols say too.
fn is_server(bytes: &[u8], probe: &Probe<'_>) -> Option<bool> {
    if bytes.len() < 4 {
        let digits = bytes.iter().all(u8::is_ascii_digit);
        return if digits { None } else { Some(false) };
    }
    let begins = reply(bytes.get(..4)?);
    let on_port = probe.on(PORTS) && begins.is_some();
    let greets = begins.is_some_and(|reply| matches!(reply.code, 120 | 220 | 421));
    match first_line(bytes).map(reply) {
        None if greets || on_port => None,
        Some(Some(reply)) if greets && has(reply.text, b"FTP") => Some(true),
        Some(Some(_)) if probe.on(PORTS) => Some(true),
        Some(Some(_)) if greets => None,
        _ => Some(false),
    }
}
