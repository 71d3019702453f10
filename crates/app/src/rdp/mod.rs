//! RDP: Windows' remote desktop ([MS-RDPBCGR]), on TCP 3389.
//!
//! Messages are TPKT (RFC 1006) around X.224. The client asks for a connection, mostly with a cookie and a list of security protocols; the server chooses one. With
//! TLS (or CredSSP within it) the rest is TLS's: the conversation is handed over, and the record is written. With RDP's own security a conference follows in
//! clear (T.124 within T.125's MCS): what the client is, which channels it wants, how the server encrypts. Behind that nothing is looked at.
//!
//! Recognised by the connection request or its confirmation: X.224 as it can only be RDP's (a cookie, a negotiation), or any on its port.

mod conference;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Session, Transport, Transports, Verdict};

/// RDP over TCP.
pub static RDP: Protocol = Protocol {
    name: "rdp",
    transports: Transports::Tcp,
    ports: &[3389],
    detect,
    session,
};

fn session(_transport: Transport) -> Box<dyn Session> {
    Box::<session::Rdp>::default()
}

/// TPKT's header.
const TPKT: usize = 4;
/// X.224 connection request.
const REQUEST: u8 = 0xe0;
/// X.224 connection confirm.
const CONFIRM: u8 = 0xd0;
/// X.224 data.
const DATA: u8 = 0xf0;
/// TPKT's header and the fixed part of a connection request.
const FIXED: usize = 11;

fn detect(probe: &Probe<'_>) -> Verdict {
    let on_port = probe.on(RDP.ports);
    let mut more = false;
    for (bytes, role) in probe.as_client() {
        let kind = match *bytes {
            [3, 0, _, _, _, kind @ (REQUEST | CONFIRM), ..] => kind,
            [] | [3] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, _] => {
                more |= !bytes.is_empty();
                continue;
            }
            _ => return Verdict::No,
        };
        let Some((&[_, _, high, low, indicator], rest)) = bytes.split_first_chunk::<5>() else {
            continue;
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len < FIXED || usize::from(indicator) + 5 != len {
            return Verdict::No;
        }
        if rest.len() + 5 < len {
            more = true;
            continue;
        }
        let variable = bytes.get(FIXED..len).unwrap_or_default();
        let is_rdp = match variable {
            [] => on_port,
            [b'C', b'o', b'o', b'k', b'i', b'e', b':', ..] => true,
            [1..=3, _, 8, 0, ..] => true,
            _ => on_port,
        };
        if !is_rdp {
            return Verdict::No;
        }
        return Verdict::Yes(if kind == REQUEST { role } else { role.other() });
    }
    if more { Verdict::More } else { Verdict::No }
}
