//! What a library's panic becomes: an error like any other.
//!
//! Those that read Parquet and Arrow panic at some of what cannot be. Files are damaged now and then, and the store's threads must outlive that: one that makes
//! Parquet no more would hold everything up, and one that merges no more would let the disk fill.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does some work that leaves nothing half changed which is used afterwards; if it panics, what it said.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        format!(
            "it cannot be made sense of ({})",
            said.unwrap_or("no reason")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        assert_eq!(caught(|| 1), Ok(1));
        let said = |words: &str| Err(format!("it cannot be made sense of ({words})"));
        assert_eq!(caught(|| -> u8 { panic!("plain") }), said("plain"));
        let number = 7;
        assert_eq!(caught(|| -> u8 { panic!("of {number}") }), said("of 7"));
        assert_eq!(
            caught(|| -> u8 { std::panic::panic_any(number) }),
            said("no reason")
        );
    }
}
