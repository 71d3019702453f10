//! SIP (RFC 3261): calls that are made, kept and ended, over UDP or TCP.
//!
//! Messages look like HTTP's: a first line, headers, a body whose length a header says. A response carries the request's `Call-ID` and `CSeq`; by
//! them it finds its request. Either side may ask.

mod message;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transport, Transports, Verdict};

/// SIP.
pub static SIP: Protocol = Protocol {
    name: "sip",
    transports: Transports::Both,
    ports: &[5060, 5061],
    detect,
    session: |_| Box::new(session::Sip::default()),
};

/// Methods (IANA's "SIP Methods"), each with the space behind it.
const METHODS: [&[u8]; 14] = [
    b"INVITE ",
    b"ACK ",
    b"BYE ",
    b"CANCEL ",
    b"REGISTER ",
    b"OPTIONS ",
    b"NOTIFY ",
    b"SUBSCRIBE ",
    b"MESSAGE ",
    b"INFO ",
    b"REFER ",
    b"PRACK ",
    b"UPDATE ",
    b"PUBLISH ",
];
const VERSION: &[u8] = b"SIP/2.0";
/// The longest first line that is waited for.
const MAX_FIRST_LINE: usize = 1024;

enum First {
    Request,
    Response,
    /// What there is is the beginning of one.
    Perhaps,
    No,
}

fn first_line(bytes: &[u8], transport: Transport) -> First {
    // Empty lines may come before (section 7.5).
    let at = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    let bytes = at.and_then(|at| bytes.get(at..)).unwrap_or_default();
    let begins = |with: &[u8]| {
        let len = bytes.len().min(with.len());
        bytes.get(..len) == with.get(..len)
    };
    if bytes.is_empty() {
        return First::No;
    }
    if begins(b"SIP/2.0 ") {
        return if bytes.len() > VERSION.len() {
            First::Response
        } else {
            First::Perhaps
        };
    }
    if !METHODS.iter().any(|method| begins(method)) {
        return First::No;
    }
    let window = bytes.get(..MAX_FIRST_LINE).unwrap_or(bytes);
    match window.iter().position(|&byte| byte == b'\n') {
        Some(end) => {
            let line = crate::text::line(window.get(..=end).unwrap_or(window));
            let whole = line
                .strip_suffix(VERSION)
                .is_some_and(|l| l.ends_with(b" "));
            if whole { First::Request } else { First::No }
        }
        None if transport == Transport::Tcp && window.len() < MAX_FIRST_LINE => First::Perhaps,
        None => First::No,
    }
}

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut perhaps = false;
    for (bytes, peer) in probe.as_client() {
        match first_line(bytes, probe.transport) {
            First::Request => return Verdict::Yes(peer),
            First::Response => return Verdict::Yes(peer.other()),
            First::Perhaps => perhaps = true,
            First::No => {}
        }
    }
    // A datagram may be nothing but a sign of life before the first message.
    let signs = probe.on(SIP.ports) && is_sign_of_life(probe.orig) && is_sign_of_life(probe.resp);
    if perhaps || signs {
        Verdict::More
    } else {
        Verdict::No
    }
}

/// Up to four empty lines or zeros (RFC 5626 section 3.5.1), or nothing yet.
fn is_sign_of_life(bytes: &[u8]) -> bool {
    bytes.len() <= 4 && bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
