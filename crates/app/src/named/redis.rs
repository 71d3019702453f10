//! Redis: a command is an array of texts, each with its length before it.

use crate::protocol::{Probe, Protocol, Transports, Verdict};

/// Redis.
pub(crate) static REDIS: Protocol = Protocol {
    name: "redis",
    transports: Transports::Tcp,
    ports: &[6379],
    detect,
    session: super::session,
};

/// The most digits of a number of texts, or of a length.
const MAX_DIGITS: usize = 6;

fn detect(probe: &Probe<'_>) -> Verdict {
    let mut verdict = Verdict::No;
    for (bytes, peer) in probe.as_client() {
        match command(bytes) {
            Some(true) => return Verdict::Yes(peer),
            None if !bytes.is_empty() => verdict = Verdict::More,
            _ => {}
        }
    }
    verdict
}

/// Whether a command begins here: `*2`, CR LF, `$4`, CR LF; `None` if that is not to be told yet.
fn command(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes;
    for mark in [b'*', b'$'] {
        let (first, behind) = rest.split_first()?;
        if *first != mark {
            return Some(false);
        }
        let digits = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        let behind_digits = behind.get(digits..).unwrap_or_default();
        if digits > MAX_DIGITS || (digits == 0 && !behind_digits.is_empty()) {
            return Some(false);
        }
        match behind_digits {
            [b'\r', b'\n', next @ ..] => rest = next,
            [] | [b'\r'] => return None,
            _ => return Some(false),
        }
    }
    Some(true)
}
