//! What a filter means: tests of columns, and how they are joined. No name in it is a user's: columns come from the schema.

use std::net::IpAddr;

use ipnet::IpNet;

/// What a filter means for one table.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All are true; of none: everything.
    All(Vec<Condition>),
    /// One is true; of none: nothing.
    Any(Vec<Condition>),
    /// It is not true, and not unknown whether it is.
    Not(Box<Condition>),
    /// One test.
    Test(Operand, Check),
}

/// What is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A column.
    Column(&'static str),
    /// The sum of columns; those that are unset count nothing.
    Sum(&'static [&'static str]),
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Is,
    /// More than.
    Greater,
    /// More than, or equal.
    GreaterOrEqual,
    /// Less than.
    Less,
    /// Less than, or equal.
    LessOrEqual,
}

/// A test. What is unset passes none but [`Check::Unset`].
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// There is no value.
    Unset,
    /// There is one.
    Set,
    /// A number in this relation to another; intervals are nanoseconds.
    Number(Comparison, u64),
    /// A number between two, both included.
    Between(u64, u64),
    /// True or false.
    Bool(bool),
    /// The address.
    Address(IpAddr),
    /// An address in the network.
    Within(IpNet),
    /// The text, letter for letter.
    Same(String),
    /// A text of this pattern.
    Like(Pattern, Letters),
    /// One of several names with commas between them.
    Listed(String),
    /// A list has this text.
    Has(String),
    /// The texts of a list, with spaces between them, are of this pattern.
    HasLike(Pattern),
}

/// Whether capital letters are letters of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// They are.
    Exact,
    /// `A` is `a`.
    Alike,
}

/// A text in which something may stand for anything: its pieces, between which anything is. One piece: that text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<String>,
}

impl Pattern {
    /// Of a text in which `*` stands for anything.
    #[must_use]
    pub fn wild(text: &str) -> Self {
        Pattern {
            pieces: text.split('*').map(str::to_owned).collect(),
        }
    }

    /// Of a text in which a star is a star.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Pattern {
            pieces: vec![text.to_owned()],
        }
    }

    /// The same anywhere within a text.
    #[must_use]
    pub fn within(mut self) -> Self {
        self.pieces.insert(0, String::new());
        self.pieces.push(String::new());
        self
    }

    /// Its pieces, at least one.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(String::as_str)
    }

    /// In small letters.
    pub(crate) fn lowercase(&self) -> Pattern {
        Pattern {
            pieces: self
                .pieces
                .iter()
                .map(|piece| piece.to_lowercase())
                .collect(),
        }
    }

    /// Whether a text is of this pattern, letter for letter.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return text.is_empty();
        };
        let Some((last, middle)) = rest.split_last() else {
            return text == first;
        };
        let Some(mut left) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for piece in middle {
            match left.find(piece.as_str()) {
                Some(at) => left = &left[at + piece.len()..],
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, is) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("aa*aa", "aaa", false),
            ("*b*", "abc", true),
            ("*b*", "acc", false),
            ("**", "", true),
        ] {
            assert_eq!(
                Pattern::wild(pattern).matches(text),
                is,
                "{pattern} on {text}"
            );
        }
        assert!(!Pattern::plain("a*c").matches("abc"));
        assert!(Pattern::plain("a*c").within().matches("xa*cx"));
    }
}
