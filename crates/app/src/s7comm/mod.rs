//! S7comm, and what it runs in: TPKT (RFC 1006) and ISO's transport protocol COTP (RFC 905), on TCP 102.
//!
//! Siemens' controllers speak it; nothing of it is published by them. Its messages are known from Wireshark's dissector and from Snap7's and ICSNPP's readings: what begins with
//! 0x32 is S7comm (a header with the kind of message, a reference, lengths, then parameters and data), what begins with 0x72 is S7comm-plus. MMS and others run in
//! COTP too: such flows are `cotp` alone.
//!
//! Recognised by a request for a connection or its confirmation whose parameters are COTP's own (RDP's, with its cookie or its negotiation in their place, is not), or, where the
//! beginning was missed, by S7comm's mark behind the header of data. On port 102 the header of data is enough.

mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// COTP, and S7comm in it.
pub static COTP: Protocol = Protocol {
    name: "cotp",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: |_| Box::<session::Session>::default(),
};

const PORTS: &[u16] = &[102];
/// TPKT's header: version 3, zero, and the length with the header.
const TPKT: usize = 4;
/// COTP's fixed part of a connection request: its length, code, two references, class.
const FIXED: usize = 7;
/// Kinds of messages: the upper half of the code.
const REQUEST: u8 = 0xe;
const CONFIRM: u8 = 0xd;
const DATA: u8 = 0xf;
/// The header of data: 2 bytes follow, code, number and the mark of a message's end.
const DATA_HEADER: usize = 3;

/// What a message's first bytes say.
enum Says {
    /// Not COTP.
    Other,
    /// Perhaps.
    More,
    /// COTP; who sends it, if that is to be told.
    Cotp(Option<Peer>),
}

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        match says(bytes, probe.on(PORTS)) {
            Says::Other => {}
            Says::More => more = true,
            Says::Cotp(Some(Peer::Client)) => return Verdict::Yes(peer),
            Says::Cotp(Some(Peer::Server)) => return Verdict::Yes(peer.other()),
            Says::Cotp(None) => {
                let turned = PORTS.contains(&probe.orig_p) && !PORTS.contains(&probe.resp_p);
                return Verdict::Yes(if turned { Peer::Server } else { Peer::Client });
            }
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

fn says(bytes: &[u8], on_port: bool) -> Says {
    if bytes.is_empty() || bytes.iter().zip([3, 0]).any(|(byte, mark)| *byte != mark) {
        return Says::Other;
    }
    let Some((&[_, _, high, low, length, code], rest)) = bytes.split_first_chunk::<6>() else {
        return Says::More;
    };
    let whole = usize::from(u16::from_be_bytes([high, low]));
    match code >> 4 {
        kind @ (REQUEST | CONFIRM) => {
            if whole < TPKT + FIXED || usize::from(length) + 1 + TPKT != whole {
                return Says::Other;
            }
            let Some(rest) = rest.get(..whole - TPKT - 2) else {
                return Says::More;
            };
            if !are_parameters(rest.get(FIXED - 2..).unwrap_or_default(), on_port) {
                return Says::Other;
            }
            Says::Cotp(Some(if kind == REQUEST {
                Peer::Client
            } else {
                Peer::Server
            }))
        }
        DATA if length == 2 && whole > TPKT + DATA_HEADER => match *rest {
            [number, ..] if number & 0x7f != 0 && !on_port => Says::Other,
            [_, ..] if on_port => Says::Cotp(None),
            [_, 0x32, kind, 0, 0, ..] => match kind {
                1 => Says::Cotp(Some(Peer::Client)),
                2 | 3 => Says::Cotp(Some(Peer::Server)),
                7 => Says::Cotp(None),
                _ => Says::Other,
            },
            [] | [_] | [_, 0x32] | [_, 0x32, _] | [_, 0x32, _, 0] => Says::More,
            _ => Says::Other,
        },
        _ => Says::Other,
    }
}

/// Whether these are parameters of a connection (RFC 905 section 13.3.4), to the end. Without any, only the port tells it from RDP's.
fn are_parameters(bytes: &[u8], on_port: bool) -> bool {
    let mut reader = Reader::new(bytes);
    while let Some(code) = reader.u8() {
        let known = matches!(code, 0x85..=0x8b | 0xc0..=0xc7 | 0xe0 | 0xf0);
        if !known || reader.vec8().is_none() {
            return false;
        }
    }
    on_port || !bytes.is_empty()
}
