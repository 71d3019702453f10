//! SMB: Windows' file shares, versions 1 ([MS-CIFS], [MS-SMB]), 2 and 3 ([MS-SMB2]).
//!
//! Messages follow each other on TCP 445, each behind four bytes that say how long it is; on port 139 the same comes within a session of NetBIOS (RFC 1002
//! section 4.3). SMB2 compounds several messages behind one such length.
//!
//! Of each message only its header, its fixed part and its names are read; what is read from or written to files goes by unseen behind its first bytes, unless it is to be hashed ([`transfer`]). What goes through a named pipe is
//! DCE/RPC, and read ([`crate::dce_rpc`]); what a client authenticates with is read ([`crate::gssapi`]).
//!
//! Recognised by the four bytes `FF FE FD FC` and `SMB` behind the length, in any message, so in the middle of a conversation too.

mod frame;
mod smb1;
mod smb2;
mod state;
#[cfg(test)]
mod tests;
mod transfer;

use crate::protocol::{Peer, Probe, Protocol, Session, Transport, Transports, Verdict};

/// SMB.
pub static SMB: Protocol = Protocol {
    name: "smb",
    transports: Transports::Tcp,
    ports: &[445, 139],
    detect,
    session,
};

fn session(_transport: Transport) -> Box<dyn Session> {
    Box::<frame::Smb>::default()
}

/// A request for a session of NetBIOS: two names of 34 bytes (RFC 1002 section 4.3.2).
const NETBIOS_REQUEST: &[u8] = &[0x81, 0, 0, 0x44, 0x20];
/// Bytes up to and with the flags that tell requests from responses.
const TELLING: usize = 24;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, role) in probe.as_client() {
        match begins(bytes) {
            Verdict::Yes(Peer::Client) => return Verdict::Yes(role),
            Verdict::Yes(Peer::Server) => return Verdict::Yes(role.other()),
            Verdict::More => more |= !bytes.is_empty(),
            Verdict::No => {}
        }
    }
    let nothing_yet = probe.orig.is_empty() || probe.resp.is_empty();
    if more || (nothing_yet && probe.on(SMB.ports)) {
        Verdict::More
    } else {
        Verdict::No
    }
}

/// Whether SMB may begin so, and who says it.
fn begins(bytes: &[u8]) -> Verdict {
    let known = bytes.len().min(NETBIOS_REQUEST.len());
    if bytes.get(..known) == NETBIOS_REQUEST.get(..known) {
        return if known == NETBIOS_REQUEST.len() {
            Verdict::Yes(Peer::Client)
        } else {
            Verdict::More
        };
    }
    if bytes.first() != Some(&0) {
        return Verdict::No;
    }
    let magic = bytes.get(4..).unwrap_or_default();
    let version = match magic {
        [] => return Verdict::More,
        [version @ 0xfc..=0xff, rest @ ..] => {
            let known = rest.len().min(3);
            if rest.get(..known) != b"SMB".get(..known) {
                return Verdict::No;
            }
            *version
        }
        _ => return Verdict::No,
    };
    let Some(header) = bytes.get(4..TELLING) else {
        return Verdict::More;
    };
    let is_response = match version {
        0xff => header.get(9).is_some_and(|flags| flags & 0x80 != 0),
        0xfe => header.get(16).is_some_and(|flags| flags & 1 != 0),
        // Encrypted or compressed: who speaks first is the client.
        _ => false,
    };
    Verdict::Yes(if is_response {
        Peer::Server
    } else {
        Peer::Client
    })
}
