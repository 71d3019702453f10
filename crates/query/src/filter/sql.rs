//! Conditions as SQL.
//!
//! Everything that came from outside gets into the text as a number that was read as one, or in quotes by [`quoted`]; names of columns come from the schema.

use portreeve_filter::{Check, Comparison, Condition, Letters, Operand, Pattern};

/// The condition as a text.
pub(super) fn spell(condition: &Condition) -> String {
    piece(condition).text
}

/// A piece of a condition, and how tightly it is bound.
struct Piece {
    text: String,
    binds: Binds,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binds {
    Or,
    And,
    Tight,
}

impl Piece {
    fn tight(text: String) -> Self {
        Piece {
            text,
            binds: Binds::Tight,
        }
    }

    /// As it must be written among others that are bound so.
    fn within(self, binds: Binds) -> String {
        if self.binds < binds {
            format!("({})", self.text)
        } else {
            self.text
        }
    }
}

fn piece(condition: &Condition) -> Piece {
    let many = |conditions: &[Condition], word: &str, binds: Binds, none: &str| match conditions {
        [] => Piece::tight(none.to_owned()),
        conditions => {
            let pieces: Vec<String> = conditions
                .iter()
                .map(|condition| piece(condition).within(binds))
                .collect();
            Piece {
                text: pieces.join(word),
                binds,
            }
        }
    };
    match condition {
        Condition::All(conditions) => many(conditions, " AND ", Binds::And, "TRUE"),
        Condition::Any(conditions) => many(conditions, " OR ", Binds::Or, "FALSE"),
        // What is not known is not so: a flow without a country is not one from DE.
        Condition::Not(condition) => {
            Piece::tight(format!("NOT coalesce({}, FALSE)", piece(condition).text))
        }
        Condition::Test(operand, check) => Piece::tight(test(&column(*operand), check)),
    }
}

fn column(operand: Operand) -> String {
    match operand {
        Operand::Column(name) => format!("\"{name}\""),
        Operand::Sum(names) => {
            let parts: Vec<String> = names
                .iter()
                .map(|name| format!("coalesce(\"{name}\", 0)"))
                .collect();
            format!("({})", parts.join(" + "))
        }
    }
}

fn test(column: &str, check: &Check) -> String {
    match check {
        Check::Unset => format!("{column} IS NULL"),
        Check::Set => format!("{column} IS NOT NULL"),
        Check::Number(comparison, number) => format!("{column} {} {number}", sign(*comparison)),
        Check::Between(from, to) => format!("{column} BETWEEN {from} AND {to}"),
        Check::Bool(true) => format!("{column} = TRUE"),
        Check::Bool(false) => format!("{column} = FALSE"),
        // As the records write it.
        Check::Address(address) => format!("{column} = {}", quoted(&address.to_string())),
        Check::Within(net) => format!("in_net({column}, {})", quoted(&net.to_string())),
        Check::Same(text) => format!("{column} = {}", quoted(text)),
        Check::Like(like, Letters::Exact) => format!("{column} LIKE {}", pattern(like)),
        Check::Like(like, Letters::Alike) => format!("{column} ILIKE {}", pattern(like)),
        Check::Listed(text) => {
            let within = Pattern::plain(&format!(",{text},")).within();
            format!(
                "({column} = {} OR concat(',', {column}, ',') LIKE {})",
                quoted(text),
                pattern(&within)
            )
        }
        Check::Has(text) => format!("array_has({column}, {})", quoted(text)),
        Check::HasLike(like) => {
            format!("array_to_string({column}, ' ') ILIKE {}", pattern(like))
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Is => "=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}

fn quoted(text: &str) -> String {
    // A zero byte is nothing that a value could have.
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// As a pattern of LIKE.
fn pattern(pattern: &Pattern) -> String {
    let pieces: Vec<String> = pattern
        .pieces()
        .map(|piece| {
            piece
                .replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_")
        })
        .collect();
    quoted(&pieces.join("%"))
}
