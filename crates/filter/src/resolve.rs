//! A tree of terms to a condition, by the columns that a table has.

use std::net::IpAddr;

use ipnet::IpNet;
use portreeve_record::Info;
use portreeve_record::field::Kind;

use crate::FilterError;
use crate::condition::{Check, Comparison, Condition, Letters, Operand, Pattern};
use crate::fields::{Meaning, Spelling, named};
use crate::parse::{Node, Term, Value};
use crate::units;

/// Columns in which a word without a field is looked for: in the whole of the first, anywhere within the second.
const WORD_NAMES: [&str; 4] = ["service", "proto", "conn_state", "uid"];
const WORD_TEXTS: [&str; 6] = [
    "app",
    "orig_name",
    "resp_name",
    "query",
    "server_name",
    "host",
];
/// Columns of text that are written in one way only.
const IDENTIFIERS: [&str; 5] = ["uid", "community_id", "proto", "conn_state", "fingerprint"];
/// Columns in which a word that is an address is looked for.
const ADDRESSES: [&str; 3] = ["id.orig_h", "id.resp_h", "host"];
const PORTS: &[&str] = &["id.orig_p", "id.resp_p"];

/// The condition that a filter means for a table with these columns.
pub(crate) fn resolve(node: &Node, columns: &[Info]) -> Result<Condition, FilterError> {
    Table { columns }.node(node)
}

struct Table<'a> {
    columns: &'a [Info],
}

/// Any of several conditions.
fn any(mut conditions: Vec<Condition>) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            Condition::Any(conditions)
        }
        None => Condition::Any(conditions),
    }
}

/// The same test of any of several columns.
fn any_column(
    names: &'static [&'static str],
    test: impl Fn(Operand) -> Result<Condition, FilterError>,
) -> Result<Condition, FilterError> {
    let tests: Result<Vec<_>, _> = names
        .iter()
        .map(|name| test(Operand::Column(name)))
        .collect();
    tests.map(any)
}

impl Table<'_> {
    fn node(&self, node: &Node) -> Result<Condition, FilterError> {
        let all = |nodes: &[Node]| -> Result<Vec<Condition>, FilterError> {
            nodes.iter().map(|node| self.node(node)).collect()
        };
        match node {
            Node::All(nodes) => all(nodes).map(Condition::All),
            Node::Any(nodes) => all(nodes).map(Condition::Any),
            Node::Not(node) => Ok(Condition::Not(Box::new(self.node(node)?))),
            Node::Term(term) => self.term(term),
        }
    }

    fn column(&self, name: &str) -> Option<&Info> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    fn term(&self, term: &Term) -> Result<Condition, FilterError> {
        let Some(name) = &term.field else {
            let words = term.values.iter().map(|value| self.word(value));
            return words.collect::<Result<Vec<_>, _>>().map(any);
        };
        // A few columns have capitals (`TTLs`); a field may be written in any letters.
        let small = name.to_lowercase();
        let column = self.column(name).or_else(|| self.column(&small));
        let known = named(&small).filter(|field| self.means(field.meaning));
        let is_addresses = known.is_some_and(|field| matches!(field.meaning, Meaning::Address(_)));
        let addresses_only = term.values.iter().all(|value| is_address(&value.text));
        let tests = term.values.iter().map(|value| match (known, column) {
            // `host` of an HTTP request is a name; of a flow, an address.
            (Some(_), Some(column)) if is_addresses && !addresses_only => test(column, term, value),
            (Some(field), _) => meaning(field.meaning, term, value),
            (None, Some(column)) => test(column, term, value),
            (None, None) => Err(FilterError::new(
                term.at,
                format!("there is no field {name} here"),
            )),
        });
        tests.collect::<Result<Vec<_>, _>>().map(any)
    }

    /// Whether the table has the columns of a field.
    fn means(&self, meaning: Meaning) -> bool {
        match meaning {
            Meaning::Address(names)
            | Meaning::Number(names)
            | Meaning::Name(names, _)
            | Meaning::Text(names)
            | Meaning::Sum(names)
            | Meaning::Interval(names) => names.iter().all(|name| self.has(name)),
            Meaning::Names(name) => self.has(name),
        }
    }

    /// A word without a field.
    fn word(&self, value: &Value) -> Result<Condition, FilterError> {
        let term = Term {
            field: None,
            comparison: Comparison::Is,
            values: Vec::new(),
            at: value.at,
        };
        let addresses: Vec<&'static str> = ADDRESSES
            .into_iter()
            .filter(|name| {
                self.column(name)
                    .is_some_and(|column| column.kind == Kind::Addr)
            })
            .collect();
        let is_begun = value.text.contains(['.', ':'])
            && value
                .text
                .chars()
                .all(|letter| letter.is_ascii_digit() || ".*".contains(letter));
        if !value.quoted && !addresses.is_empty() && (is_address(&value.text) || is_begun) {
            let begun = Value {
                text: if is_address(&value.text) || wild(value) {
                    value.text.clone()
                } else {
                    format!("{}*", value.text)
                },
                quoted: false,
                at: value.at,
            };
            let tests = addresses
                .into_iter()
                .map(|name| address(Operand::Column(name), &term, &begun));
            return tests.collect::<Result<Vec<_>, _>>().map(any);
        }
        if !value.quoted
            && value.text.bytes().all(|byte| byte.is_ascii_digit())
            && self.has("id.resp_p")
        {
            return meaning(Meaning::Number(PORTS), &term, value);
        }
        let pattern = pattern(value);
        let like = |name, pattern| {
            Condition::Test(Operand::Column(name), Check::Like(pattern, Letters::Alike))
        };
        let names = WORD_NAMES.into_iter().filter(|name| self.has(name));
        let mut tests: Vec<Condition> = names.map(|name| like(name, pattern.clone())).collect();
        let texts = WORD_TEXTS.into_iter().filter(|name| {
            self.column(name)
                .is_some_and(|column| column.kind == Kind::Str)
        });
        tests.extend(texts.map(|name| like(name, pattern.clone().within())));
        if tests.is_empty() {
            return Err(FilterError::new(
                value.at,
                "name a field: this table has none that a word alone could be looked for in",
            ));
        }
        Ok(any(tests))
    }
}

fn meaning(meaning: Meaning, term: &Term, value: &Value) -> Result<Condition, FilterError> {
    match meaning {
        Meaning::Address(names) => any_column(names, |column| address(column, term, value)),
        Meaning::Number(names) => {
            any_column(names, |column| number(column, term, value, units::count))
        }
        Meaning::Name(names, spelling) => {
            any_column(names, |column| name(column, spelling, term, value))
        }
        Meaning::Names(name) => {
            only_is(term)?;
            let text = value.text.to_lowercase();
            let check = match unset(value) {
                Some(check) => check,
                None if wild(value) => Check::Like(Pattern::wild(&text), Letters::Exact),
                None => Check::Listed(text),
            };
            Ok(Condition::Test(Operand::Column(name), check))
        }
        Meaning::Text(names) => any_column(names, |column| text(column, term, value)),
        Meaning::Sum([one]) => number(Operand::Column(one), term, value, units::count),
        Meaning::Sum(names) => number(Operand::Sum(names), term, value, units::count),
        Meaning::Interval(names) => number(Operand::Sum(names), term, value, units::interval),
    }
}

/// A test of a column under its own name.
fn test(column: &Info, term: &Term, value: &Value) -> Result<Condition, FilterError> {
    let operand = Operand::Column(column.name);
    match column.kind {
        Kind::Addr => address(operand, term, value),
        Kind::Port | Kind::Count | Kind::Int | Kind::Double => {
            number(operand, term, value, units::count)
        }
        Kind::Interval => number(operand, term, value, units::interval),
        Kind::Bool => {
            only_is(term)?;
            let check = match (unset(value), value.text.to_ascii_lowercase().as_str()) {
                (Some(check), _) => check,
                (None, "true" | "yes" | "t" | "1") => Check::Bool(true),
                (None, "false" | "no" | "f" | "0") => Check::Bool(false),
                (None, other) => {
                    return Err(FilterError::new(
                        value.at,
                        format!("{other:?} is neither yes nor no"),
                    ));
                }
            };
            Ok(Condition::Test(operand, check))
        }
        Kind::SetStr | Kind::VecStr | Kind::VecAddr => {
            only_is(term)?;
            let check = match unset(value) {
                Some(check) => check,
                None if wild(value) => Check::HasLike(Pattern::wild(&value.text).within()),
                None => Check::Has(value.text.clone()),
            };
            Ok(Condition::Test(operand, check))
        }
        Kind::Enum => name(operand, Spelling::AsIs, term, value),
        Kind::Time | Kind::VecInterval | Kind::VecCount => Err(FilterError::new(
            term.at,
            format!(
                "{} cannot be filtered by; the time range is chosen apart",
                column.name
            ),
        )),
        Kind::Str if IDENTIFIERS.contains(&column.name) => {
            name(operand, Spelling::AsIs, term, value)
        }
        _ => text(operand, term, value),
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

fn wild(value: &Value) -> bool {
    !value.quoted && value.text.contains('*')
}

fn pattern(value: &Value) -> Pattern {
    if value.quoted {
        Pattern::plain(&value.text)
    } else {
        Pattern::wild(&value.text)
    }
}

/// `none` and `any` as values: whether there is one at all.
fn unset(value: &Value) -> Option<Check> {
    match value.text.as_str() {
        "none" | "-" if !value.quoted => Some(Check::Unset),
        "any" | "*" if !value.quoted => Some(Check::Set),
        _ => None,
    }
}

fn only_is(term: &Term) -> Result<(), FilterError> {
    if term.comparison == Comparison::Is {
        return Ok(());
    }
    let name = term.field.as_deref().unwrap_or("this");
    Err(FilterError::new(
        term.at + name.len() + 1,
        format!("{name} has no order: use {name}:value"),
    ))
}

fn address(operand: Operand, term: &Term, value: &Value) -> Result<Condition, FilterError> {
    only_is(term)?;
    let like = |text: &str| Check::Like(Pattern::wild(text), Letters::Exact);
    let check = if let Some(check) = unset(value) {
        check
    } else if wild(value) {
        like(&value.text)
    } else if let Ok(address) = value.text.parse() {
        Check::Address(address)
    } else if let Ok(net) = value.text.parse() {
        Check::Within(net)
    } else if is_beginning(&value.text) {
        like(&format!("{}*", value.text))
    } else {
        return Err(FilterError::new(
            value.at,
            format!("{:?} is no address or network", value.text),
        ));
    };
    Ok(Condition::Test(operand, check))
}

/// `10.0.`, `2001:db8:`: many addresses begin so.
fn is_beginning(text: &str) -> bool {
    text.ends_with(['.', ':'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
}

fn number(
    operand: Operand,
    term: &Term,
    value: &Value,
    read: fn(&str) -> Option<u64>,
) -> Result<Condition, FilterError> {
    if let Some(check) = unset(value) {
        only_is(term)?;
        return Ok(Condition::Test(operand, check));
    }
    let wrong = || {
        let name = term.field.as_deref().unwrap_or("this");
        FilterError::new(
            value.at,
            format!("{:?} is no number for {name}", value.text),
        )
    };
    let check = match value.text.split_once('-') {
        Some((from, to)) if term.comparison == Comparison::Is => {
            Check::Between(read(from).ok_or_else(wrong)?, read(to).ok_or_else(wrong)?)
        }
        _ => Check::Number(term.comparison, read(&value.text).ok_or_else(wrong)?),
    };
    Ok(Condition::Test(operand, check))
}

fn name(
    operand: Operand,
    spelling: Spelling,
    term: &Term,
    value: &Value,
) -> Result<Condition, FilterError> {
    only_is(term)?;
    let text = match spelling {
        Spelling::AsIs => value.text.clone(),
        Spelling::Lower => value.text.to_lowercase(),
        Spelling::Upper => value.text.to_uppercase(),
    };
    let check = match unset(value) {
        Some(check) => check,
        None if wild(value) => Check::Like(Pattern::wild(&text), Letters::Exact),
        None => Check::Same(text),
    };
    Ok(Condition::Test(operand, check))
}

fn text(operand: Operand, term: &Term, value: &Value) -> Result<Condition, FilterError> {
    only_is(term)?;
    let check = unset(value).unwrap_or_else(|| Check::Like(pattern(value), Letters::Alike));
    Ok(Condition::Test(operand, check))
}
