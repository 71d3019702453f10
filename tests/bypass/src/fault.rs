//! What went wrong, in words that say where.

use std::fmt;

/// A step failed, or could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

/// A result whose error says what happened to whom.
pub type Outcome<T> = Result<T, Fault>;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// A fault with this text.
///
/// # Errors
/// Always.
pub fn fail<T>(text: impl Into<String>) -> Outcome<T> {
    Err(Fault(text.into()))
}

/// Names the object that an error is about.
pub trait About<T> {
    /// The error behind the object's name.
    ///
    /// # Errors
    /// The same as before.
    fn about(self, object: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: fmt::Display> About<T> for Result<T, E> {
    fn about(self, object: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Fault(format!("{object}: {error}")))
    }
}

/// Fails with a text unless a condition holds.
///
/// # Errors
/// It does not hold.
pub fn ensure(holds: bool, text: impl FnOnce() -> String) -> Outcome<()> {
    if holds { Ok(()) } else { Err(Fault(text())) }
}
