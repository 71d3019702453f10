//! The protocols there are, and which of them a conversation is.

use crate::protocol::{Peer, Probe, Protocol, Transport, Verdict};

/// Every protocol; where two could claim the same bytes, the one that stands first has them. One line each.
#[rustfmt::skip]
pub static PROTOCOLS: &[&Protocol] = &[
    &crate::ssh::SSH,
    &crate::smtp::SMTP,
    &crate::ftp::FTP,
    &crate::ftp::FTP_DATA,
    &crate::pop3::POP3,
    &crate::imap::IMAP,
    &crate::irc::IRC,
    &crate::socks::SOCKS,
    &crate::mysql::MYSQL,
];

/// The protocol of that name: for one that hands over to another.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS
        .iter()
        .copied()
        .find(|protocol| protocol.name == name)
}

/// Protocols that a conversation may still be: a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidates(u128);

const _: () = assert!(PROTOCOLS.len() <= u128::BITS as usize);

impl Candidates {
    /// All that `transport` carries.
    pub(crate) fn all(transport: Transport) -> Candidates {
        let has = |(at, protocol): (usize, &&Protocol)| {
            u128::from(protocol.transports.has(transport)) << at
        };
        Candidates(PROTOCOLS.iter().enumerate().map(has).sum())
    }
}

/// What the protocols say together.
pub(crate) enum Found {
    /// It is this one; the originator plays this part.
    Protocol(&'static Protocol, Peer),
    /// More bytes may tell.
    Perhaps,
    /// None.
    Nothing,
}

/// Asks every protocol that is still in question: first those whose port it is.
pub(crate) fn detect(probe: &Probe<'_>, candidates: &mut Candidates) -> Found {
    let mut perhaps = false;
    let mut asked = 0u128;
    for by_port in [true, false] {
        for (at, protocol) in PROTOCOLS.iter().enumerate() {
            let bit = 1u128 << at;
            let in_question = candidates.0 & !asked & bit != 0;
            if !in_question || (by_port && !probe.on(protocol.ports)) {
                continue;
            }
            asked |= bit;
            match (protocol.detect)(probe) {
                Verdict::Yes(orig) => return Found::Protocol(protocol, orig),
                Verdict::More => perhaps = true,
                Verdict::No => candidates.0 &= !bit,
            }
        }
    }
    if perhaps {
        Found::Perhaps
    } else {
        Found::Nothing
    }
}
