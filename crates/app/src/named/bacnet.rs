//! `BACnet` over IP: a type of 0x81, a function, and the length of the whole (ANSI/ASHRAE 135, annex J).

use crate::bytes::Reader;
use crate::protocol::{Peer, Probe, Protocol, Transports, Verdict};

/// `BACnet`.
pub(crate) static BACNET: Protocol = Protocol {
    name: "bacnet",
    transports: Transports::Udp,
    ports: &[47_808],
    detect,
    session: super::session,
};

const TYPE: u8 = 0x81;
const LAST_FUNCTION: u8 = 0x0c;

fn detect(probe: &Probe<'_>) -> Verdict {
    for bytes in [probe.orig, probe.resp] {
        let mut reader = Reader::new(bytes);
        if let (Some([TYPE, 0..=LAST_FUNCTION]), Some(length)) = (reader.array(), reader.u16())
            && usize::from(length) == bytes.len()
        {
            return Verdict::Yes(Peer::Client);
        }
    }
    Verdict::No
}
