//! Column names with dots, as Zeek has them, without quotes: `id.orig_h` in a query means the column `"id.orig_h"`.

use std::collections::HashSet;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

/// The same query with quotes around dotted names of columns; what cannot be taken apart stays as it is, for the parser to say why.
///
/// `conn.id.orig_h` works as well: a qualifier may stand before.
pub(crate) fn quote(sql: &str, dotted: &HashSet<String>) -> String {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return sql.to_owned();
    };
    let places = Places::of(sql);
    let mut out = String::with_capacity(sql.len() + 32);
    let mut copied = 0;
    for three in tokens.windows(3) {
        let [first, period, second] = three else {
            continue;
        };
        let (Token::Word(head), Token::Period, Token::Word(tail)) =
            (&first.token, &period.token, &second.token)
        else {
            continue;
        };
        let name = format!("{}.{}", head.value, tail.value);
        let known = [name.to_lowercase(), name]
            .into_iter()
            .find(|name| dotted.contains(name))
            .filter(|_| head.quote_style.is_none() && tail.quote_style.is_none());
        let (from, to) = (places.byte(first.span.start), places.byte(second.span.end));
        if let (Some(known), Some(before), true) = (known, sql.get(copied..from), from < to) {
            out.push_str(before);
            out.push('"');
            out.push_str(&known);
            out.push('"');
            copied = to;
        }
    }
    out.push_str(sql.get(copied..).unwrap_or_default());
    out
}

/// Where lines begin: the tokenizer counts lines and letters, texts are cut at bytes.
struct Places<'a> {
    sql: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(sql: &'a str) -> Self {
        let ends = sql.match_indices('\n').map(|(at, _)| at + 1);
        Places {
            sql,
            lines: std::iter::once(0).chain(ends).collect(),
        }
    }

    fn byte(&self, place: Location) -> usize {
        let number = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let begin = self.lines.get(number(place.line)).copied();
        let begin = begin.unwrap_or(self.sql.len());
        let line = self.sql.get(begin..).unwrap_or_default();
        let letters = line.char_indices().map(|(at, _)| at);
        begin
            + letters
                .chain([line.len()])
                .nth(number(place.column))
                .unwrap_or(line.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(sql: &str) -> String {
        let dotted = ["id.orig_h", "id.resp_p"].map(String::from).into();
        quote(sql, &dotted)
    }

    #[test]
    fn dotted_columns_get_quotes_and_nothing_else_changes() {
        assert_eq!(
            quoted(
                "SELECT 'é中', id.orig_h, c.id.resp_p FROM conn c -- id.orig_h\nWHERE ID.ORIG_H = 'id.orig_h'"
            ),
            "SELECT 'é中', \"id.orig_h\", c.\"id.resp_p\" FROM conn c -- id.orig_h\nWHERE \"id.orig_h\" = 'id.orig_h'"
        );
        let same = "SELECT 'é中', \"id.orig_h\", c.uid, id.other, 1.5 FROM conn AS c WHERE note = 'it''s' AND e = E'a\\n' AND \"a\"\"b\" > $1";
        assert_eq!(quoted(same), same);
        assert_eq!(quoted("SELECT 'open"), "SELECT 'open");
    }
}
