//! Who may look: users, sessions, tokens, and what a page of another site cannot do.
//!
//! | settings | who asks | what he may do |
//! | --- | --- | --- |
//! | no users | anybody, by an address or `localhost` | everything; another name in `Host` is refused (DNS rebinding), and so is a POST from another origin |
//! | users | a session's cookie | everything; POST wants the session's `X-CSRF-Token` |
//! | users | `Authorization: Bearer TOKEN` | everything; no cookie, so no CSRF |
//! | users | anybody else | to log in, the pages' files, health |
//!
//! Passwords are kept as argon2id hashes; tokens, which are long and random, as SHA-256. Sessions are in memory and go with the process.

mod attempts;
mod guard;
mod hash;
mod origin;
mod sessions;
mod users;

pub use hash::{TOKEN_BYTES, hash_password, new_token};
pub use users::{UserError, Users};

pub(crate) use attempts::Attempts;
pub(crate) use guard::{Identity, guard, open_guard};
pub(crate) use sessions::{Session, Sessions};

/// So many random bytes.
///
/// # Panics
/// The system has no random numbers: nothing can be kept secret then.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's random numbers");
    bytes
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
