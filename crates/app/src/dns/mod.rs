//! DNS and what speaks like it: DNS over UDP and TCP (RFC 1035, RFC 7766), mDNS (RFC 6762), LLMNR (RFC 4795), and NetBIOS' name service (RFC 1002).
//!
//! ```text
//!  a message:   header | questions | answers | authority | additional
//!               12 bytes: id, flags, a count of each section
//!  a question:  name, type, class
//!  a record:    name, type, class, time to live, length, data      all sections behind the questions
//!  a name:      labels, each behind its length, up to an empty one; or a pointer to where in the message the rest stands
//! ```
//!
//! Over TCP each message stands behind its length (2 bytes).
//!
//! Parsing is our own, since one bad record must not cost the whole message: what stands before it, and behind it as long as its length is known, is still told.
//! Names are read by a bounded number of jumps, each of them backwards ([`name`]).
//!
//! Queries and replies are told by the flag QR, not by who sends them; they are matched by identifier and question ([`session`]).

mod answer;
mod detect;
mod message;
mod name;
mod nbns;
mod session;
#[cfg(test)]
mod tests;

use crate::protocol::{Protocol, Transports};

/// Where DNS, NBNS, mDNS and LLMNR are by custom.
const PORTS: &[u16] = &[53, NBNS_PORT, 5353, 5355];

/// NetBIOS' name service.
const NBNS_PORT: u16 = 137;

/// The most questions that a message may have, as in Zeek: what has more on these ports is something else.
const MAX_QUESTIONS: u16 = 25;

/// Bytes of the length before a message in a stream.
const LENGTH: usize = 2;

/// DNS.
pub(crate) static DNS: Protocol = Protocol {
    name: "dns",
    transports: Transports::Both,
    ports: PORTS,
    detect: detect::detect,
    session: |_| Box::<session::Dns>::default(),
};
