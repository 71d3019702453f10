//! TDS, Microsoft SQL Server's: the message before a login and its answer ([MS-TDS] sections 2.2.3.1 and 2.2.6.5), or a login of old.

use crate::bytes::Reader;
use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// TDS.
pub(crate) static TDS: Protocol = Protocol {
    name: "tds",
    transports: Transports::Tcp,
    ports: PORTS,
    detect,
    session: super::session,
};

const PORTS: &[u16] = &[1433];
const HEADER: usize = 8;
const BATCH: u8 = 1;
const REMOTE_CALL: u8 = 3;
const RESPONSE: u8 = 4;
const LOGIN: u8 = 16;
const PRELOGIN: u8 = 18;
/// An option's token, its offset and its length come first in the message before a login; the version is the first option.
const VERSION_OPTION: [u8; 2] = [0, 0];

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        // In the middle of a connection the whole message is waited for, on its port.
        let known = matches!(
            bytes.first(),
            Some(&(BATCH | REMOTE_CALL | LOGIN | RESPONSE))
        );
        more |= known && probe.on(PORTS) && bytes.len() < HEADER;
        let mut reader = Reader::new(bytes);
        let (Some([kind, status]), Some(length)) = (reader.array(), reader.u16()) else {
            continue;
        };
        let (Some(_), Some([_, 0])) = (reader.u16(), reader.array()) else {
            continue;
        };
        let fits = status <= 0x1f && usize::from(length) > HEADER;
        let whole = bytes.len() >= usize::from(length);
        more |= known && probe.on(PORTS) && fits && !whole;
        match kind {
            PRELOGIN if fits && reader.array() == Some(VERSION_OPTION) => {
                return Verdict::Yes(peer);
            }
            BATCH | REMOTE_CALL | LOGIN if fits && whole && probe.on(PORTS) => {
                return Verdict::Yes(peer);
            }
            RESPONSE if fits && whole && probe.on(PORTS) => return Verdict::Yes(peer.other()),
            _ => {}
        }
    }
    let header =
        |bytes: &[u8]| (1..HEADER + 2).contains(&bytes.len()) && bytes.first() == Some(&PRELOGIN);
    if more || header(probe.orig) || header(probe.resp) {
        Verdict::More
    } else {
        Verdict::No
    }
}
