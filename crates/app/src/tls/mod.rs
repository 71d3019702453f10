//! TLS and DTLS: who talks to whom over an encrypted connection, and what can be known of it from outside.
//!
//! # What is seen
//!
//! ```text
//!  client                                        server
//!    ClientHello ──────────────────────────────▶            what it offers, the host it wants      [`hello`]
//!              ◀────────────────────────────── ServerHello  what was chosen
//!              ◀────────────────────────────── Certificate  up to TLS 1.2                          [`certificate`]
//!              ◀────────────────────────────── ServerKeyExchange, ServerHelloDone
//!    ClientKeyExchange, ChangeCipherSpec ──────▶            from here on its records are encrypted
//!              ◀────────────────────────────── ChangeCipherSpec
//!    application data ◀────────────────────────▶
//! ```
//!
//! Messages of the handshake (RFC 8446 section 4, RFC 5246 section 7.4) stand in records (RFC 8446 section 5): several in one, or one in several. In TLS 1.3 everything behind
//! the server's hello is encrypted. DTLS (RFC 6347, RFC 9147) has the same messages in datagrams, in fragments that say where they belong. SSL 2.0 has a
//! form of its own, whose hello was long used to offer newer versions too.
//!
//! # When it is over
//!
//! As in Zeek a handshake is *established* with the first encrypted record once both sides encrypt: by their `ChangeCipherSpec`, or by application data
//! where TLS 1.3 was chosen. Then the record `ssl` is written, and the flow's packets are looked at no more. Certificates are written as they are
//! seen (`x509`).

pub mod hello;

mod certificate;
mod detect;
mod distinguished_name;
mod dtls;
mod findings;
mod fragments;
mod handshake;
mod hostname;
mod letters;
mod messages;
mod said;
mod session;
mod v2;

#[cfg(test)]
mod tests;

use crate::protocol::{Protocol, Transports};

pub(crate) use certificate::Certificates;
pub use findings::Findings;
pub(crate) use hello::Known;

/// TLS and SSL over streams. It can begin at the first byte of TLS after another protocol (STARTTLS).
pub static SSL: Protocol = Protocol {
    name: "ssl",
    transports: Transports::Tcp,
    ports: &[
        443, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5223, 8443,
    ],
    detect: detect::stream,
    session: |_| Box::new(session::Session::new()),
};

/// TLS over datagrams.
pub static DTLS: Protocol = Protocol {
    name: "dtls",
    transports: Transports::Udp,
    ports: &[443, 853, 5349, 5684],
    detect: detect::datagram,
    session: |_| Box::new(dtls::Session::new()),
};
