//! How deep a query may nest.
//!
//! What takes SQL apart, plans it and computes with it calls itself for every level of an expression, and `a OR b OR c …` is a level for each `OR`. A thread whose stack is full
//! takes the whole process with it, so the levels that a query can have are bounded before it is looked at, and its threads have the stack for as many.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::QueryError;

/// Words and operators of a query, at most: each is a level at most. Values are none, so lists of them (`IN (…)`) are as long as they like.
const MOST: usize = 4_000;
/// The stack of a thread that works on queries, bytes of address space: pages that no query needed are none. Frames that nobody optimised are larger.
pub(crate) const STACK: usize = if cfg!(debug_assertions) { 128 } else { 64 } << 20;

/// Refuses what may nest deeper than threads can follow.
///
/// # Errors
/// It may.
pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    let levels = tokens.iter().filter(|token| nests(&token.token)).count();
    if levels <= MOST {
        return Ok(());
    }
    Err(QueryError::Sql(format!(
        "the query has {levels} names, keywords and operators, and may have {MOST}: many values go into a list, as in id.orig_h IN ('192.0.2.1', '192.0.2.2')"
    )))
}

/// Whether an expression or a plan can be a level deeper for it. (The parser itself bounds how deep parentheses and signs nest.)
fn nests(token: &Token) -> bool {
    !matches!(
        token,
        Token::Whitespace(_)
            | Token::Comma
            | Token::Period
            | Token::LParen
            | Token::RParen
            | Token::SemiColon
            | Token::EOF
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::DollarQuotedString(_)
    )
}
