//! IPsec's key exchange, IKE version 1 (RFC 2408 section 3.1) and 2 (RFC 7296 section 3.1), also behind the four bytes of zero that NATs make necessary (RFC 3948 section 2.2).

use crate::bytes::Reader;
use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// IKE.
pub(crate) static IPSEC: Protocol = Protocol {
    name: "ipsec",
    transports: Transports::Udp,
    ports: &[500, 4500],
    detect,
    session: super::session,
};

fn detect(probe: &Probe<'_>) -> Verdict {
    for (bytes, peer) in probe.as_client() {
        if is_ike(bytes) || bytes.strip_prefix(&[0; 4]).is_some_and(is_ike) {
            return Verdict::Yes(peer);
        }
    }
    Verdict::No
}

fn is_ike(bytes: &[u8]) -> bool {
    header(bytes) == Some(bytes.len())
}

/// The message's length, if it has a header of IKE.
fn header(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(bytes);
    let initiator = reader.u64()?;
    reader.u64()?;
    let [_, version, exchange, flags] = reader.array()?;
    reader.u32()?;
    let length = reader.u32()?;
    // Exchanges: 1 to 5 and 32, 33 of version 1 (RFC 2408 section 3.1, RFC 2409), 34 to 44 of version 2 (IANA).
    let fits = match version {
        0x10 => matches!(exchange, 1..=5 | 32 | 33) && flags & !0x07 == 0,
        0x20 => matches!(exchange, 34..=44) && flags & !0x38 == 0,
        _ => false,
    };
    (initiator != 0 && fits).then_some(length as usize)
}
