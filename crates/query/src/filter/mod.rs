//! The filter language: what a person types to find flows, as a condition of SQL.
//!
//! ```text
//! 10.0.0.5 port:443 service:dns,http bytes>1MB duration>5s -country:DE (app:netflix* or net:10.0.0.0/8)
//! ```
//!
//! - A **term** is `field:value`, or `field` with `=`, `!=`, `>`, `>=`, `<`, `<=`. Several values with commas mean any of them. `*` stands for anything.
//!   Values with spaces are quoted: `user_agent:"curl *"`.
//! - A **word** without a field is an address or network, a port, or some of a name, service, application or `uid`.
//! - Terms side by side must all be true; `or` between them: either; `-` or `not` before one: not; parentheses group.
//! - **Fields** are those of [`fields()`], and every column of the table under its own name.
//! - **Units**: `10k`, `1MB`, `2GiB`; `250us`, `5ms`, `3s`, `2m`, `1h`.
//!
//! ```text
//! text ─▶ parse ─▶ Node ─▶ sql ─▶ WHERE …
//!                           ▲
//!                        fields: what each field means, by the columns that the table has
//! ```

mod fields;
mod parse;
mod sql;
mod units;

use std::fmt;

use portreeve_record::Info;
use portreeve_store::schema::tables;

pub use fields::{FilterField, fields};

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
    fn new(position: usize, message: impl Into<String>) -> Self {
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

/// The columns of a table, if there is one of that name.
fn columns(table: &str) -> Option<Vec<Info>> {
    let table = tables().into_iter().find(|other| other.name == table)?;
    Some(table.fields)
}

/// The condition that a filter means for a table; `TRUE` for an empty one. It needs [`crate::History`], whose functions it uses.
///
/// # Errors
/// What is wrong with the filter, and where.
///
/// # Examples
/// ```
/// let condition = portreeve_query::filter::to_sql("port:53 -proto:tcp", "conn").unwrap();
/// assert_eq!(condition, r#"("id.orig_p" = 53 OR "id.resp_p" = 53) AND NOT coalesce("proto" = 'tcp', FALSE)"#);
/// ```
pub fn to_sql(text: &str, table: &str) -> Result<String, FilterError> {
    let Some(columns) = columns(table) else {
        return Err(FilterError::new(0, format!("there is no table {table}")));
    };
    match parse::parse(text)? {
        None => Ok("TRUE".to_owned()),
        Some(node) => sql::condition(&node, &columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> String {
        to_sql(text, "conn").unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn terms_become_conditions_on_columns() {
        for (text, condition) in [
            ("", "TRUE"),
            ("  ", "TRUE"),
            (
                "10.0.0.5",
                r#"("id.orig_h" = '10.0.0.5' OR "id.resp_h" = '10.0.0.5')"#,
            ),
            (
                "fe80::1",
                r#"("id.orig_h" = 'fe80::1' OR "id.resp_h" = 'fe80::1')"#,
            ),
            ("src:10.0.0.0/8", r#"in_net("id.orig_h", '10.0.0.0/8')"#),
            ("dst:10.1.*", r#""id.resp_h" LIKE '10.1.%'"#),
            ("dport:443,80", r#"("id.resp_p" = 443 OR "id.resp_p" = 80)"#),
            ("dport:1000-2000", r#""id.resp_p" BETWEEN 1000 AND 2000"#),
            ("sport>=1024", r#""id.orig_p" >= 1024"#),
            ("state:sf", r#""conn_state" = 'SF'"#),
            ("duration>1.5s", r#""duration" > 1500000000"#),
            ("orig_bytes>1KiB", r#""orig_bytes" > 1024"#),
            ("local_orig:yes", r#""local_orig" = TRUE"#),
            (
                "tunnel_parents:CAbc",
                r#"array_has("tunnel_parents", 'CAbc')"#,
            ),
            ("vlan:none", r#""vlan" IS NULL"#),
            ("app:any", r#""app" IS NOT NULL"#),
            ("id.resp_p:53", r#""id.resp_p" = 53"#),
            ("app:it's*", r#""app" ILIKE 'it''s%'"#),
            (r#"app:"a b""#, r#""app" ILIKE 'a b'"#),
        ] {
            assert_eq!(sql(text), condition, "{text}");
        }
    }

    #[test]
    fn and_or_not_and_parentheses_nest() {
        assert_eq!(
            sql("dport:1 or dport:2 dport:3"),
            r#""id.resp_p" = 1 OR "id.resp_p" = 2 AND "id.resp_p" = 3"#
        );
        assert_eq!(
            sql("(dport:1 or dport:2) -dport:3"),
            r#"("id.resp_p" = 1 OR "id.resp_p" = 2) AND NOT coalesce("id.resp_p" = 3, FALSE)"#
        );
        assert_eq!(
            sql("not (dport:1 and dport:2)"),
            r#"NOT coalesce("id.resp_p" = 1 AND "id.resp_p" = 2, FALSE)"#
        );
        assert_eq!(sql("dport!=1"), r#"NOT coalesce("id.resp_p" = 1, FALSE)"#);
    }

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
        ] {
            let error = to_sql(text, "conn").expect_err(text);
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
        }
        assert!(to_sql("x", "nothing").is_err());
        assert!(to_sql(&"(".repeat(5000), "conn").is_err());
        assert!(to_sql(&"-".repeat(100), "conn").is_err());
        assert!(
            to_sql(
                &format!("{}port:1{}", "(".repeat(100), ")".repeat(100)),
                "conn"
            )
            .is_err()
        );
    }

    #[test]
    fn other_tables_have_their_own_columns() {
        assert_eq!(
            to_sql("host:example.*", "http").unwrap(),
            r#""host" ILIKE 'example.%'"#
        );
        assert_eq!(
            to_sql("host:10.0.0.1", "http").unwrap(),
            r#"("id.orig_h" = '10.0.0.1' OR "id.resp_h" = '10.0.0.1')"#
        );
        assert!(to_sql("bytes>5", "dns").is_err());
        assert_eq!(
            to_sql("answers:1.2.3.4", "dns").unwrap(),
            r#"array_has("answers", '1.2.3.4')"#
        );
    }

    #[test]
    fn no_text_is_a_panic() {
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
            if let Err(error) = to_sql(&text, "conn") {
                assert!(text.is_char_boundary(error.position), "{text:?}: {error}");
            }
        }
    }
}
