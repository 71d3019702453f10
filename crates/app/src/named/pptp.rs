//! PPTP's control connection: a length, a type, and a cookie that is always the same (RFC 2637 section 2).

use crate::bytes::Reader;
use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// PPTP.
pub(crate) static PPTP: Protocol = Protocol {
    name: "pptp",
    transports: Transports::Tcp,
    ports: &[1723],
    detect,
    session: super::session,
};

const COOKIE: u32 = 0x1a2b_3c4d;
/// Messages of control are of this type.
const CONTROL: u16 = 1;

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        let mut reader = Reader::new(bytes);
        if let (Some(12..=220), Some(CONTROL), Some(COOKIE), Some(kind)) =
            (reader.u16(), reader.u16(), reader.u32(), reader.u16())
        {
            // Replies have even numbers, but for those of calls that come in (RFC 2637 section 2).
            return Verdict::Yes(if kind % 2 == 0 && kind <= 8 {
                peer.other()
            } else {
                peer
            });
        }
    }
    let short = |bytes: &[u8]| (1..10).contains(&bytes.len()) && bytes.first() == Some(&0);
    if short(probe.orig) || short(probe.resp) {
        Verdict::More
    } else {
        Verdict::No
    }
}
