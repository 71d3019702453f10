//! The filter language: what a person types to find flows.
//!
//! ```text
//! 10.0.0.5 port:443 service:dns,http bytes>1MB duration>5s -country:DE (app:netflix* or net:10.0.0.0/8)
//! ```
//!
//! - A **term** is `field:value`, or `field` with `=`, `!=`, `>`, `>=`, `<`, `<=`. Several values with commas mean any of them. `*` stands for anything.
//!   Values with spaces are quoted: `user_agent:"curl *"`.
//! - A **word** without a field is an address or network, a port, or some of a name, service, application or `uid`.
//! - Terms side by side must all be true; `or` between them: either; `-`, `!` or `not` before one: not; parentheses group.
//! - **Fields** are those of [`fields()`], and every column of the table under its own name.
//! - **Units**: `10k`, `1MB`, `2GiB`; `250us`, `5ms`, `3s`, `2m`, `1h`.
//!
//! It means the same wherever it is typed: on the terminal, over what a run keeps in memory, and in the dashboard, over years of history.
//!
//! ```text
//!                       fields: what each field means, by the columns that the table has
//!                         ▼
//! text ─▶ parse ─▶ Node ─▶ resolve ─▶ Condition ─┬─▶ Matcher: over records in memory, here
//!                                                └─▶ WHERE …: for SQL, in portreeve-query
//! ```
//!
//! What is not known is not so: a flow without a country is not one from DE, and `-country:DE` finds it.

#![forbid(unsafe_code)]

mod cell;
mod condition;
mod fields;
mod matcher;
mod parse;
mod resolve;
mod units;

use std::fmt;

use portreeve_record::Info;

pub use condition::{Check, Comparison, Condition, Letters, Operand, Pattern};
pub use fields::{FilterField, fields};
pub use matcher::{Matcher, Row};

/// Nested parentheses and negations at most.
const DEEPEST: usize = 32;
/// The longest filter, in bytes.
const LONGEST: usize = 4096;

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The byte at which it is wrong.
    pub position: usize,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl FilterError {
    /// Something wrong at a byte of the filter.
    #[must_use]
    pub fn new(position: usize, message: impl Into<String>) -> Self {
        FilterError {
            position,
            message: message.into(),
        }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.message, self.position + 1)
    }
}

impl std::error::Error for FilterError {}

/// What a filter means for a table with these columns; [`Condition::All`] of nothing for an empty one.
///
/// # Errors
/// What is wrong with the filter, and where: it is no filter, or names what the table does not have.
pub fn condition(text: &str, columns: &[Info]) -> Result<Condition, FilterError> {
    match parse::parse(text)? {
        None => Ok(Condition::All(Vec::new())),
        Some(node) => resolve::resolve(&node, columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::schema::CONN;
    use portreeve_record::{Conn, RecordContext};

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, position, part) in [
            ("port:http", 5, "port"),
            ("nofield:1", 0, "nofield"),
            ("port:1 (", 7, "parenthes"),
            ("port:1 )", 7, "parenthes"),
            ("(", 0, "parenthes"),
            ("port:1 or", 7, "or"),
            ("or port:1", 0, "or"),
            ("port:", 5, "value"),
            ("src:300.1.2.3/8", 4, "300.1.2.3/8"),
            ("duration>5parsecs", 9, "5parsecs"),
            ("app:\"open", 4, "quote"),
            ("state>SF", 6, "state"),
            ("-", 0, "-"),
            ("port:1 !", 7, "!"),
        ] {
            let error = condition(text, CONN).expect_err(text);
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
        }
        assert!(condition(&"(".repeat(5000), CONN).is_err());
        assert!(condition(&"-".repeat(100), CONN).is_err());
        let deep = format!("{}port:1{}", "(".repeat(100), ")".repeat(100));
        assert!(condition(&deep, CONN).is_err());
    }

    #[test]
    fn no_text_is_a_panic() {
        let (conn, context) = (Conn::default(), RecordContext::default());
        let pieces = [
            "port",
            ":",
            "\"",
            "(",
            ")",
            "-",
            " ",
            "or",
            ",",
            "*",
            "é",
            "10.0.0.0/8",
            ">",
            "=",
            "'",
            "\\",
            "1e999",
            "\u{0}",
        ];
        let mut seed = 1u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            match Matcher::new(&text, CONN) {
                Err(error) => {
                    assert!(text.is_char_boundary(error.position), "{text:?}: {error}");
                }
                // What does not pass is what passes when it is turned round.
                Ok(matcher) => {
                    let turned = Matcher::new(&format!("-({text})"), CONN);
                    let passes = [Some(matcher), turned.ok()].map(|matcher| {
                        let matcher = matcher?;
                        let mut row = matcher.row();
                        conn.visit(&context, &mut row);
                        Some(row.passes())
                    });
                    assert!(
                        passes[1].is_none_or(|turned| Some(!turned) == passes[0]),
                        "{text:?}"
                    );
                }
            }
        }
    }
}
