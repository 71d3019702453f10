//! The two messages that open every handshake of TLS, in the clear: `ClientHello` and `ServerHello` (RFC 8446 section 4.1, RFC 5246 section 7.4.1; RFC 9147
//! section 5.3 for DTLS; RFC 9001 section 4 for QUIC), and the fingerprints that are made of them.
//!
//! ```text
//!  ClientHello                       ServerHello
//!   legacy_version        2           legacy_version        2
//!   random               32           random               32
//!   session_id        1+0..32         session_id        1+0..32
//!   cookie (DTLS)     1+0..255        cipher_suite          2
//!   cipher_suites     2+2n            compression_method    1
//!   compression       1+n             extensions        2+n
//!   extensions        2+n
//! ```
//!
//! Bytes in, a structure out that borrows from them: nothing is allocated, nothing kept. The bytes are a message's body, without the header of the handshake
//! protocol (type and length). A body that ends early gives what it has: [`ClientHello::whole`] says so.
//!
//! Work is bounded by the body: it is walked once, and each fingerprint walks it once more. Fingerprints that were seen before are not worked out again.

mod client;
mod extension;
mod ja3;
mod ja4;
mod known;
mod list;
mod server;

#[cfg(test)]
mod tests;

pub use client::{ClientHello, Ech};
pub use extension::{Extension, Extensions, kind};
pub use ja3::Sum;
pub(crate) use known::{ClientPrints, Ja4, Known};
pub use list::{KeyShares, Numbers, Texts};
pub use server::ServerHello;

/// What carries a handshake. It decides the form of a `ClientHello`, and the first letter of its JA4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// TLS' own records, mostly over TCP.
    Tls,
    /// QUIC's CRYPTO frames.
    Quic,
    /// DTLS' records: the client's hello has a cookie.
    Dtls,
}

/// Whether a number is one of those that mean nothing and are sent to keep servers tolerant (GREASE, RFC 8701): `0x0a0a`, `0x1a1a` … `0xfafa`.
#[inline]
#[must_use]
pub fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}
