//! SOCKS, connections through a proxy (version 5: RFC 1928, its passwords: RFC 1929; version 4 was never an RFC).
//!
//! Version 5: the client lists ways to authenticate, the server picks one, perhaps a name and a password follow, then the request where to go, and the answer. Version 4: request and
//! answer. What comes behind a good answer is whatever the client talks with the other end: it is looked for anew.

mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// The protocol.
pub static SOCKS: Protocol = Protocol {
    name: "socks",
    transports: Transports::Tcp,
    ports: &[1080],
    detect,
    session: |_| Box::<session::Session>::default(),
};

/// No method is acceptable.
const NONE: u8 = 0xff;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        match (client, server) {
            ([], _) => {}
            // The methods, and not a byte more until the server has picked one of them.
            ([5, count, methods @ ..], server) if *count > 0 => {
                let Some(methods) = methods.get(..usize::from(*count)) else {
                    more |= server.is_empty();
                    continue;
                };
                match server {
                    [] => more |= client.len() == methods.len() + 2,
                    [5] => more = true,
                    [5, method, ..] if *method == NONE || methods.contains(method) => {
                        return Verdict::Yes(peer);
                    }
                    _ => {}
                }
            }
            ([4, 1 | 2, rest @ ..], server) => match server {
                [] | [0] => more = true,
                [0, 0x5a..=0x5d, answer @ ..] if rest.len() >= 7 => {
                    if answer.len() >= 6 {
                        return Verdict::Yes(peer);
                    }
                    more = true;
                }
                _ => {}
            },
            ([4] | [5], []) => more = true,
            _ => {}
        }
    }
    if more { Verdict::More } else { Verdict::No }
}
