//! RTSP: HTTP's form with a version of its own (RFC 2326 section 6, RFC 7826 section 7).

use crate::protocol::{Probe, Protocol, Transports, Verdict};
use crate::talk;

/// RTSP.
pub(crate) static RTSP: Protocol = Protocol {
    name: "rtsp",
    transports: Transports::Tcp,
    ports: &[554, 8554],
    detect,
    session: super::session,
};

const VERSION: &[u8] = b"RTSP/";
/// Methods that a connection begins with, its target behind them.
const METHODS: [&[u8]; 7] = [
    b"OPTIONS ",
    b"DESCRIBE ",
    b"ANNOUNCE ",
    b"SETUP ",
    b"PLAY ",
    b"GET_PARAMETER ",
    b"SET_PARAMETER ",
];
/// The longest request line that is waited for.
const MAX_LINE: usize = 1024;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut more = false;
    for (bytes, peer) in probe.as_client() {
        if common(bytes, VERSION) {
            if bytes.len() > VERSION.len() {
                return Verdict::Yes(peer.other());
            }
            more = true;
        }
        if METHODS.iter().any(|method| common(bytes, method)) {
            match talk::first_line(bytes) {
                Some(line) if line.windows(VERSION.len() + 1).any(|w| w == b" RTSP/") => {
                    return Verdict::Yes(peer);
                }
                None => more |= bytes.len() < MAX_LINE,
                Some(_) => {}
            }
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

/// Whether one begins with the other.
fn common(bytes: &[u8], word: &[u8]) -> bool {
    let length = bytes.len().min(word.len());
    length > 0 && bytes.get(..length) == word.get(..length)
}
