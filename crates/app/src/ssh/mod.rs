//! SSH, remote login (RFC 4251 to 4254; version 1 was never an RFC).
//!
//! Both sides begin with a line, `SSH-2.0-OpenSSH_9.6`, each without waiting for the other (RFC 4253 section 4.2). Then come packets: length, length of the padding,
//! type, content. The first of each side, `KEXINIT`, lists the algorithms it knows, best first (section 7.1): of each kind the first of the client's list that
//! the server has too is used. A few packets later the server has shown its key, both have said `NEWKEYS`, and everything behind that is encrypted.
//!
//! What is encrypted still has sizes. A server's answer to each attempt at authentication is always as long as the one before when it fails, and 16 bytes
//! shorter than the answer to the request for the service when it succeeds: see [`auth`].

mod auth;
mod fingerprint;
mod kexinit;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use fingerprint::Hasshes;

use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// The protocol.
pub static SSH: Protocol = Protocol {
    name: "ssh",
    transports: Transports::Tcp,
    ports: &[PORT],
    detect,
    session: |_| Box::<session::Session>::default(),
};

const PORT: u16 = 22;
/// What an identification begins with.
const MARK: &[u8] = b"SSH-";
/// A server may send lines before its identification (RFC 4253 section 4.2): so many bytes of them are borne with.
const MAX_BEFORE: usize = 1024;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for side in [probe.orig, probe.resp] {
        if side.len() > MARK.len() && side.starts_with(MARK) {
            // SSH-1.5, SSH-2.0, and a server that speaks both, SSH-1.99.
            return match side.get(MARK.len()) {
                Some(b'1' | b'2') => Verdict::Yes(originator(probe)),
                _ => Verdict::No,
            };
        }
        more |= MARK.starts_with(side.get(..MARK.len()).unwrap_or(side));
    }
    // Lines before the identification: only where SSH is to be expected.
    if probe.resp_p == PORT && !probe.resp.is_empty() {
        if probe.resp.windows(5).any(|w| w == b"\nSSH-") {
            return Verdict::Yes(Peer::Client);
        }
        let text = probe
            .resp
            .iter()
            .all(|&b| b >= b' ' || b == b'\r' || b == b'\n');
        more |= text && probe.resp.len() <= MAX_BEFORE;
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Both sides speak alike: who is the client is known by who began, or, where the beginning was missed, by the port.
fn originator(probe: &Probe<'_>) -> Peer {
    if probe.orig_p == PORT && probe.resp_p != PORT {
        Peer::Server
    } else {
        Peer::Client
    }
}
