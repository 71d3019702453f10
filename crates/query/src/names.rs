//! Column names with dots, as Zeek has them, without quotes: `id.orig_h` in a query means the column `"id.orig_h"`.

use std::collections::HashSet;

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// The same query with quotes around dotted names of columns.
///
/// `conn.id.orig_h` works as well: a qualifier may stand before.
pub(crate) fn quote(sql: &str, tokens: &[TokenWithSpan], dotted: &HashSet<String>) -> String {
    let mut places = Places::of(sql);
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
        let Some(known) = known else { continue };
        let (from, to) = (places.byte(first.span.start), places.byte(second.span.end));
        if let (Some(before), true) = (sql.get(copied..from), from < to) {
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

/// Where tokens are: the tokenizer counts lines and letters, texts are cut at bytes. Places are asked for in their order, so the text is walked through once.
struct Places<'a> {
    letters: std::str::Chars<'a>,
    bytes: usize,
    at: Location,
}

impl<'a> Places<'a> {
    fn of(sql: &'a str) -> Self {
        Places {
            letters: sql.chars(),
            bytes: 0,
            at: Location { line: 1, column: 1 },
        }
    }

    /// The byte where a place is; the end of the text for what lies behind it.
    fn byte(&mut self, place: Location) -> usize {
        while self.at < place
            && let Some(letter) = self.letters.next()
        {
            self.bytes += letter.len_utf8();
            if letter == '\n' {
                self.at.line += 1;
                self.at.column = 1;
            } else {
                self.at.column += 1;
            }
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn quoted(sql: &str) -> String {
        let dotted = ["id.orig_h", "id.resp_p"].map(String::from).into();
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location();
        quote(sql, &tokens.unwrap(), &dotted)
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
    }
}
