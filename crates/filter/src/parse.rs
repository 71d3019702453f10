//! Text to a tree of terms.

use crate::condition::Comparison;
use crate::{DEEPEST, FilterError, LONGEST};

/// A filter, taken apart.
#[derive(Debug)]
pub(crate) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
}

/// A field with values, or a word.
#[derive(Debug)]
pub(crate) struct Term {
    /// The field's name as it was written; `None`: a word alone.
    pub field: Option<String>,
    pub comparison: Comparison,
    /// Any of these.
    pub values: Vec<Value>,
    /// Where it begins.
    pub at: usize,
}

#[derive(Debug)]
pub(crate) struct Value {
    pub text: String,
    /// In quotes: `none` and `*` are themselves.
    pub quoted: bool,
    /// Where it begins.
    pub at: usize,
}

/// A filter's tree; `None`: it is empty.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, FilterError> {
    if text.len() > LONGEST {
        return Err(FilterError::new(
            0,
            format!("a filter has at most {LONGEST} bytes"),
        ));
    }
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(None);
    }
    let node = parser.any(0)?;
    if !parser.rest().is_empty() {
        return Err(FilterError::new(
            parser.at,
            "this parenthesis closes nothing",
        ));
    }
    Ok(Some(node))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a word that stands alone, such as `or`.
    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let Some(head) = rest.get(..word.len()) else {
            return false;
        };
        let alone = rest[word.len()..]
            .chars()
            .next()
            .is_none_or(|next| next.is_whitespace() || next == '(' || next == ')');
        let taken = alone && head.eq_ignore_ascii_case(word);
        if taken {
            self.at += word.len();
            self.skip_space();
        }
        taken
    }

    fn any(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all(depth)?];
        loop {
            let at = self.at;
            if !self.take("or") {
                break;
            }
            if self.is_at_end() {
                return Err(FilterError::new(at, "nothing stands after this or"));
            }
            nodes.push(self.all(depth)?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn is_at_end(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with(')')
    }

    fn all(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = Vec::new();
        while !self.is_at_end() {
            let at = self.at;
            if self.take("or") {
                self.at = at;
                break;
            }
            if !nodes.is_empty() && self.take("and") && self.is_at_end() {
                return Err(FilterError::new(at, "nothing stands after this and"));
            }
            nodes.push(self.one(depth)?);
        }
        if nodes.is_empty() {
            let what = if self.rest().is_empty() || self.rest().starts_with(')') {
                "a term is missing here"
            } else {
                "nothing stands before this or"
            };
            return Err(FilterError::new(self.at, what));
        }
        Ok(one_or(nodes, Node::All))
    }

    fn one(&mut self, depth: usize) -> Result<Node, FilterError> {
        let at = self.at;
        if depth > DEEPEST {
            return Err(FilterError::new(at, "the filter is nested too deeply"));
        }
        if self.take("not") {
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if let Some(rest) = self.rest().strip_prefix(['-', '!']) {
            if rest.is_empty() || rest.starts_with(|next: char| next.is_whitespace() || next == ')')
            {
                let sign = &self.rest()[..1];
                return Err(FilterError::new(
                    at,
                    format!("nothing stands after this {sign}"),
                ));
            }
            self.at += 1;
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.rest().starts_with('(') {
            self.at += 1;
            self.skip_space();
            if self.rest().is_empty() {
                return Err(FilterError::new(at, "this parenthesis is not closed"));
            }
            let node = self.any(depth + 1)?;
            if !self.rest().starts_with(')') {
                return Err(FilterError::new(at, "this parenthesis is not closed"));
            }
            self.at += 1;
            self.skip_space();
            return Ok(node);
        }
        self.term()
    }

    fn term(&mut self) -> Result<Node, FilterError> {
        let at = self.at;
        let word = self.word_end()?;
        let whole = &self.text[at..word];
        // An IPv6 address has colons of its own.
        let is_address = whole
            .split('/')
            .next()
            .is_some_and(|head| head.parse::<std::net::IpAddr>().is_ok() || head.ends_with("::"));
        let field = (!is_address).then(|| field_of(whole)).flatten();
        let (field, comparison, negated, start) = match field {
            None => (None, Comparison::Is, false, at),
            Some((name, length, comparison, negated)) => (
                Some(name.to_owned()),
                comparison,
                negated,
                at + name.len() + length,
            ),
        };
        self.at = start;
        let mut values = Vec::new();
        loop {
            let value = self.value(word)?;
            if value.text.is_empty() && !value.quoted {
                return Err(FilterError::new(self.at, "a value is missing here"));
            }
            values.push(value);
            if field.is_none() || !self.rest().starts_with(',') {
                break;
            }
            self.at += 1;
        }
        self.at = word;
        self.skip_space();
        let term = Node::Term(Term {
            field,
            comparison,
            values,
            at,
        });
        Ok(if negated {
            Node::Not(Box::new(term))
        } else {
            term
        })
    }

    /// Where the word that begins here ends: at a space or parenthesis that is not in quotes.
    fn word_end(&self) -> Result<usize, FilterError> {
        let mut quote = None;
        for (offset, letter) in self.rest().char_indices() {
            match letter {
                '"' => quote = if quote.is_some() { None } else { Some(offset) },
                '(' | ')' if quote.is_none() => return Ok(self.at + offset),
                letter if letter.is_whitespace() && quote.is_none() => return Ok(self.at + offset),
                _ => {}
            }
        }
        match quote {
            Some(offset) => Err(FilterError::new(
                self.at + offset,
                "this quote is not closed",
            )),
            None => Ok(self.text.len()),
        }
    }

    fn value(&mut self, end: usize) -> Result<Value, FilterError> {
        let at = self.at;
        let rest = self.text.get(at..end).unwrap_or_default();
        if let Some(inner) = rest.strip_prefix('"') {
            let Some(length) = inner.find('"') else {
                return Err(FilterError::new(at, "this quote is not closed"));
            };
            self.at += length + 2;
            return Ok(Value {
                text: inner[..length].to_owned(),
                quoted: true,
                at,
            });
        }
        let length = rest.find(',').unwrap_or(rest.len());
        self.at += length;
        Ok(Value {
            text: rest[..length].to_owned(),
            quoted: false,
            at,
        })
    }
}

/// `field:`, `field>=` and the like at the beginning of a word: the name, the length of what follows it, what that means, and whether it is denied.
fn field_of(word: &str) -> Option<(&str, usize, Comparison, bool)> {
    let length = word
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '.'))?;
    let (name, rest) = word.split_at(length);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    for (sign, comparison, negated) in [
        (">=", Comparison::GreaterOrEqual, false),
        ("<=", Comparison::LessOrEqual, false),
        ("!=", Comparison::Is, true),
        (":", Comparison::Is, false),
        ("=", Comparison::Is, false),
        (">", Comparison::Greater, false),
        ("<", Comparison::Less, false),
    ] {
        if rest.starts_with(sign) {
            return Some((name, sign.len(), comparison, negated));
        }
    }
    None
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, Some(last)) => {
            nodes.push(last);
            many(nodes)
        }
        (_, None) => many(nodes),
    }
}
