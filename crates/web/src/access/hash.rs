//! Hashes of passwords and tokens, as lines of a users' file.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};

use super::{hex, is_same, random};

/// Random bytes of a token: as hard to guess as a key.
pub const TOKEN_BYTES: usize = 24;
/// What a token begins with, so that it is recognised where it should not be.
const TOKEN_MARK: &str = "portreeve_";
/// How the hash of a token begins.
const TOKEN_HASH: &str = "$sha256$";

/// What is kept of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    /// argon2, in PHC's form, of a password.
    Password(String),
    /// SHA-256 of a token.
    Token([u8; 32]),
}

/// The hash of a password (argon2id with the library's parameters: 19 MiB, two passes), as a users' file has it.
///
/// # Errors
/// The password is longer than argon2 takes.
pub fn hash_password(password: &str) -> Result<String, String> {
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// A new token, and its hash as a users' file has it. The token itself is kept nowhere.
#[must_use]
pub fn new_token() -> (String, String) {
    let token = format!("{TOKEN_MARK}{}", hex(&random::<TOKEN_BYTES>()));
    let hash = format!("{TOKEN_HASH}{}", hex(&digest(&token)));
    (token, hash)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Hash {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Hash, String> {
        if let Some(digits) = text.strip_prefix(TOKEN_HASH) {
            return token_hash(digits)
                .map(Hash::Token)
                .ok_or_else(|| "the hash of a token has 64 hexadecimal digits".to_owned());
        }
        match PasswordHash::new(text) {
            Ok(hash) if hash.algorithm.as_str().starts_with("argon2") => {
                Ok(Hash::Password(text.to_owned()))
            }
            _ => Err("that is no hash; `portreeve web password NAME` makes one".to_owned()),
        }
    }

    /// Whether this is the hash of that password. Slow on purpose: some 20 ms and 19 MiB.
    pub fn is_of_password(&self, password: &str) -> bool {
        match self {
            Hash::Password(text) => PasswordHash::new(text).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            }),
            Hash::Token(_) => false,
        }
    }

    /// Whether this is the hash of that token.
    pub fn is_of_token(&self, token: &str) -> bool {
        matches!(self, Hash::Token(hash) if is_same(hash, &digest(token)))
    }
}

fn token_hash(digits: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_and_of_no_other() {
        let text = hash_password("correct horse").expect("a hash");
        assert!(text.starts_with("$argon2id$"), "{text}");
        let hash = Hash::parse(&text).expect("what was made is read");
        assert!(hash.is_of_password("correct horse"));
        assert!(!hash.is_of_password("correct horsf"));
        assert!(!hash.is_of_token("correct horse"));
        assert_ne!(
            text,
            hash_password("correct horse").expect("a hash"),
            "salted"
        );
    }

    #[test]
    fn a_token_is_known_by_its_hash() {
        let (token, text) = new_token();
        let hash = Hash::parse(&text).expect("what was made is read");
        assert!(hash.is_of_token(&token));
        assert!(!hash.is_of_token(&format!("{token}0")));
        assert!(!hash.is_of_password(&token));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in [
            "",
            "secret",
            "$sha256$00",
            "$2y$10$abcdefghijklmnopqrstuv",
            &format!("$sha256${}", "é".repeat(32)),
        ] {
            assert!(Hash::parse(text).is_err(), "{text}");
        }
    }
}
