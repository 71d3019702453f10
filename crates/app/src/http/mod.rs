//! HTTP/1.x (RFC 9110, RFC 9112), and what came before it.
//!
//! A connection carries messages, one behind the other: a start line, fields, an empty line, perhaps content. Requests go one way, responses come back in the
//! requests' order; a client may send the next before the last is answered. So each side is read by a machine of its own ([`side::Side`]), and what it reads
//! goes into the transactions that are open ([`transactions::Transactions`]).
//!
//! How long content is, the fields say (RFC 9112 section 6): a length, chunks that tell theirs, or up to the connection's end. Of content only the first
//! bytes are looked at, for its media type; the rest is [`Want::Skip`]: the packets of a long download cost next to nothing. Where hashes of files are asked for
//! all of it goes through them; a multipart is taken apart ([`crate::mime`]), its front if nothing is hashed.
//!
//! Where a connection stops being HTTP (CONNECT, an upgrade) the session ends, and what follows is found out anew.

pub(crate) mod content;
mod detect;
pub(crate) mod fields;
pub(crate) mod filename;
mod line;
mod session;
mod side;
mod transactions;
mod uri;

#[cfg(test)]
mod tests;

use crate::protocol::{Protocol, Transports};

const PORTS: &[u16] = &[80, 81, 631, 1080, 3128, 8000, 8080, 8888];

/// HTTP/1.x.
pub static HTTP: Protocol = Protocol {
    name: "http",
    transports: Transports::Tcp,
    ports: PORTS,
    detect: detect::detect,
    session: |_| Box::new(session::Session::default()),
};

#[cfg(doc)]
use crate::protocol::Want;
