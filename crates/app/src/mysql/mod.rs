//! MySQL's protocol, of MariaDB too.
//!
//! Packets: a length of three bytes, a number that counts them within an exchange, content. The server begins with its version, the client answers who it is, or that it
//! wants TLS; proofs go to and fro until the server says OK or an error. Then commands, each packet 0 of an exchange, with an answer each.

mod command;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// The protocol.
pub static MYSQL: Protocol = Protocol {
    name: "mysql",
    transports: Transports::Tcp,
    ports: &[3306],
    detect,
    session: |_| Box::<session::Session>::default(),
};

/// Version of the protocol in a greeting; older ones are gone.
const VERSION: u8 = 10;
/// The longest name of a server's version.
const MAX_VERSION: usize = 100;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for ((client, peer), server) in probe.as_client().into_iter().zip([probe.resp, probe.orig]) {
        // A server's greeting: less than 256 bytes, the first of its exchange.
        match server {
            [] => {}
            [40..=255, 0, 0, 0, VERSION, version @ ..] => {
                let end = version
                    .iter()
                    .take(MAX_VERSION)
                    .position(|&byte| !byte.is_ascii_graphic() && byte != b' ');
                match end {
                    Some(at)
                        if at > 2
                            && version.get(at) == Some(&0)
                            && version.first().is_some_and(u8::is_ascii_digit) =>
                    {
                        return Verdict::Yes(peer);
                    }
                    None if version.len() < MAX_VERSION => more = true,
                    _ => {}
                }
            }
            [40..=255] | [40..=255, 0] | [40..=255, 0, 0] | [40..=255, 0, 0, 0] => {
                more |= client.is_empty() || probe.on(MYSQL.ports);
            }
            _ => {}
        }
    }
    if more { Verdict::More } else { Verdict::No }
}
