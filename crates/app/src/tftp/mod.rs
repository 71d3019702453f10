//! TFTP (RFC 1350, options RFC 2347): files that are fetched or put, mostly by machines that start.
//!
//! The request goes to port 69; everything else is between other ports, another flow. So the request is all there is to see here.

#[cfg(test)]
mod tests;

use portreeve_record::app::tftp::Tftp as Record;

use crate::context::Context;
use crate::protocol::{Peer, Probe, Protocol, Session, Transports, Verdict, Want};
use crate::text::{lower, text};

/// TFTP.
pub static TFTP: Protocol = Protocol {
    name: "tftp",
    transports: Transports::Udp,
    ports: &[69],
    detect,
    session: |_| Box::new(Tftp),
};

/// A request: whether it writes, the file, the mode.
fn request(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (writes, rest) = match bytes {
        [0, 1, rest @ ..] => (false, rest),
        [0, 2, rest @ ..] => (true, rest),
        _ => return None,
    };
    let mut texts = rest.split(|&byte| byte == 0);
    let (file, mode) = (texts.next()?, texts.next()?);
    // What is split off last has no end.
    texts.next()?;
    let known = [&b"octet"[..], b"netascii", b"mail"];
    let known = known.iter().any(|known| known.eq_ignore_ascii_case(mode));
    (known && !file.is_empty()).then_some((writes, file, mode))
}

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        if request(bytes).is_some() {
            return Verdict::Yes(peer);
        }
    }
    Verdict::No
}

struct Tftp;

impl Session for Tftp {
    fn start(&mut self, _: Peer) -> Want {
        Want::Any
    }

    fn unit(&mut self, _: Peer, unit: &[u8], context: &mut Context<'_>) -> Want {
        if let Some((wrq, file, mode)) = request(unit) {
            context.emit(Record {
                head: context.head(context.now()),
                wrq,
                fname: text(file),
                mode: lower(mode),
            });
        }
        Want::Any
    }
}
