//! A tree of terms to a condition of SQL.
//!
//! Everything that came from outside gets into the text as a number that was read as one, or in quotes by [`quoted`]; names of columns come from the schema.

use std::net::IpAddr;

use ipnet::IpNet;
use portreeve_record::Info;
use portreeve_record::field::Kind;

use super::FilterError;
use super::fields::{Letters, Meaning, fields};
use super::parse::{Comparison, Node, Term, Value};
use super::units;

/// Columns in which a word without a field is looked for.
const WORD_NAMES: [&str; 4] = ["service", "proto", "conn_state", "uid"];
const WORD_TEXTS: [&str; 6] = [
    "app",
    "orig_name",
    "resp_name",
    "query",
    "server_name",
    "host",
];

/// The condition that a filter means for a table with these columns.
pub(super) fn condition(node: &Node, columns: &[Info]) -> Result<String, FilterError> {
    Ok(Writer { columns }.node(node)?.text)
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

    fn within(self, binds: Binds) -> String {
        if self.binds < binds {
            format!("({})", self.text)
        } else {
            self.text
        }
    }
}

struct Writer<'a> {
    columns: &'a [Info],
}

fn quoted(text: &str) -> String {
    // A zero byte is nothing that a value could have.
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

fn identifier(name: &str) -> String {
    format!("\"{name}\"")
}

/// With `*` for anything: a pattern of LIKE.
fn pattern(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
        .replace('*', "%");
    quoted(&escaped)
}

fn wild(value: &Value) -> bool {
    !value.quoted && value.text.contains('*')
}

/// Any of several conditions.
fn any(mut pieces: Vec<String>) -> String {
    match pieces.len() {
        1 => pieces.remove(0),
        _ => format!("({})", pieces.join(" OR ")),
    }
}

impl Writer<'_> {
    fn node(&self, node: &Node) -> Result<Piece, FilterError> {
        let many = |nodes: &[Node], word: &str, binds| {
            let pieces: Result<Vec<String>, FilterError> = nodes
                .iter()
                .map(|node| Ok(self.node(node)?.within(binds)))
                .collect();
            Ok(Piece {
                text: pieces?.join(word),
                binds,
            })
        };
        match node {
            Node::All(nodes) => many(nodes, " AND ", Binds::And),
            Node::Any(nodes) => many(nodes, " OR ", Binds::Or),
            // What is not known is not so: a flow without a country is not one from DE.
            Node::Not(node) => {
                let inner = self.node(node)?.text;
                let inner = match inner
                    .strip_prefix('(')
                    .and_then(|rest| rest.strip_suffix(')'))
                {
                    Some(bare) if !bare.contains(['(', ')']) => bare.to_owned(),
                    _ => inner,
                };
                Ok(Piece::tight(format!("NOT coalesce({inner}, FALSE)")))
            }
            Node::Term(term) => self.term(term).map(Piece::tight),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    fn term(&self, term: &Term) -> Result<String, FilterError> {
        let Some(name) = &term.field else {
            return term
                .values
                .iter()
                .map(|value| self.word(value))
                .collect::<Result<Vec<_>, _>>()
                .map(any);
        };
        let column = self.columns.iter().find(|column| column.name == *name);
        let known = fields().iter().find(|field| field.name == *name);
        let known = known.filter(|field| self.means(field.meaning));
        let is_addresses = known.is_some_and(|field| matches!(field.meaning, Meaning::Address(_)));
        let addresses_only = term.values.iter().all(|value| is_address(&value.text));
        let pieces = term.values.iter().map(|value| match (known, column) {
            // `host` of an HTTP request is a name; of a flow, an address.
            (Some(_), Some(column)) if is_addresses && !addresses_only => {
                self.column(column, term, value)
            }
            (Some(field), _) => self.meaning(field.meaning, term, value),
            (None, Some(column)) => self.column(column, term, value),
            (None, None) => Err(FilterError::new(
                term.at,
                format!("there is no field {name} here"),
            )),
        });
        pieces.collect::<Result<Vec<_>, _>>().map(any)
    }

    /// Whether the table has the columns of a field.
    fn means(&self, meaning: Meaning) -> bool {
        match meaning {
            Meaning::Address(names)
            | Meaning::Port(names)
            | Meaning::Name(names, _)
            | Meaning::Text(names)
            | Meaning::Sum(names)
            | Meaning::Interval(names) => names.iter().all(|name| self.has(name)),
            Meaning::Names(name) => self.has(name),
        }
    }

    fn meaning(&self, meaning: Meaning, term: &Term, value: &Value) -> Result<String, FilterError> {
        let each = |names: &[&str], piece: &dyn Fn(&str) -> Result<String, FilterError>| {
            names
                .iter()
                .map(|name| piece(&identifier(name)))
                .collect::<Result<Vec<_>, _>>()
                .map(any)
        };
        let sum = |names: &[&str]| {
            let parts: Vec<String> = names
                .iter()
                .map(|name| format!("coalesce({}, 0)", identifier(name)))
                .collect();
            parts.join(" + ")
        };
        match meaning {
            Meaning::Address(names) => each(names, &|column| address(column, term, value)),
            Meaning::Port(names) => {
                each(names, &|column| number(column, term, value, units::count))
            }
            Meaning::Name(names, letters) => {
                each(names, &|column| named(column, letters, term, value))
            }
            Meaning::Names(name) => {
                only_is(term)?;
                let column = identifier(name);
                if let Some(unset) = unset(&column, value) {
                    return Ok(unset);
                }
                let text = value.text.to_lowercase();
                if wild(value) {
                    return Ok(format!("{column} LIKE {}", pattern(&text)));
                }
                let within = pattern(&format!("*,{text},*"));
                Ok(format!(
                    "({column} = {} OR concat(',', {column}, ',') LIKE {within})",
                    quoted(&text)
                ))
            }
            Meaning::Text(names) => each(names, &|column| textual(column, term, value)),
            Meaning::Sum(names) => {
                let column = if names.len() == 1 {
                    identifier(names[0])
                } else {
                    format!("({})", sum(names))
                };
                number(&column, term, value, units::count)
            }
            Meaning::Interval(names) => {
                number(&format!("({})", sum(names)), term, value, units::interval)
            }
        }
    }

    fn column(&self, info: &Info, term: &Term, value: &Value) -> Result<String, FilterError> {
        let column = identifier(info.name);
        match info.kind {
            Kind::Addr => address(&column, term, value),
            Kind::Port | Kind::Count | Kind::Int | Kind::Double => {
                number(&column, term, value, units::count)
            }
            Kind::Interval => number(&column, term, value, units::interval),
            Kind::Bool => {
                only_is(term)?;
                if let Some(unset) = unset(&column, value) {
                    return Ok(unset);
                }
                let truth = match value.text.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "t" | "1" => "TRUE",
                    "false" | "no" | "f" | "0" => "FALSE",
                    other => {
                        return Err(FilterError::new(
                            value.at,
                            format!("{other:?} is neither yes nor no"),
                        ));
                    }
                };
                Ok(format!("{column} = {truth}"))
            }
            Kind::SetStr | Kind::VecStr | Kind::VecAddr => {
                only_is(term)?;
                Ok(unset(&column, value).unwrap_or_else(|| {
                    if wild(value) {
                        format!(
                            "array_to_string({column}, ' ') ILIKE {}",
                            pattern(&format!("*{}*", value.text))
                        )
                    } else {
                        format!("array_has({column}, {})", quoted(&value.text))
                    }
                }))
            }
            Kind::Enum => named(&column, Letters::AsIs, term, value),
            Kind::Time | Kind::VecInterval | Kind::VecCount => Err(FilterError::new(
                term.at,
                format!(
                    "{} cannot be filtered by; the time range is chosen apart",
                    info.name
                ),
            )),
            _ if matches!(
                info.name,
                "uid" | "community_id" | "proto" | "conn_state" | "fingerprint"
            ) =>
            {
                named(&column, Letters::AsIs, term, value)
            }
            _ => textual(&column, term, value),
        }
    }

    /// A word without a field.
    fn word(&self, value: &Value) -> Result<String, FilterError> {
        let word = Term {
            field: None,
            comparison: Comparison::Is,
            values: Vec::new(),
            at: value.at,
        };
        let addresses: Vec<String> = ["id.orig_h", "id.resp_h", "host"]
            .into_iter()
            .filter(|name| {
                self.columns
                    .iter()
                    .any(|column| column.name == *name && column.kind == Kind::Addr)
            })
            .map(identifier)
            .collect();
        let dotted = value.text.contains(['.', ':'])
            && value
                .text
                .chars()
                .all(|letter| letter.is_ascii_digit() || ".*".contains(letter));
        if !value.quoted && !addresses.is_empty() && (is_address(&value.text) || dotted) {
            let begun = Value {
                text: if is_address(&value.text) || wild(value) {
                    value.text.clone()
                } else {
                    format!("{}*", value.text)
                },
                quoted: false,
                at: value.at,
            };
            let pieces = addresses
                .iter()
                .map(|column| address(column, &word, &begun));
            return pieces.collect::<Result<Vec<_>, _>>().map(any);
        }
        if !value.quoted
            && value.text.bytes().all(|byte| byte.is_ascii_digit())
            && self.has("id.resp_p")
        {
            return self.meaning(Meaning::Port(&["id.orig_p", "id.resp_p"]), &word, value);
        }
        let mut pieces = Vec::new();
        for name in WORD_NAMES.into_iter().filter(|name| self.has(name)) {
            pieces.push(format!(
                "{} ILIKE {}",
                identifier(name),
                pattern(&value.text)
            ));
        }
        for name in WORD_TEXTS.into_iter().filter(|name| {
            self.columns
                .iter()
                .any(|column| column.name == *name && column.kind == Kind::Str)
        }) {
            let within = pattern(&format!("*{}*", value.text));
            pieces.push(format!("{} ILIKE {within}", identifier(name)));
        }
        if pieces.is_empty() {
            return Err(FilterError::new(
                value.at,
                "name a field: this table has none that a word alone could be looked for in",
            ));
        }
        Ok(any(pieces))
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

/// `none` and `any` as values: whether there is one at all.
fn unset(column: &str, value: &Value) -> Option<String> {
    match value.text.as_str() {
        "none" | "-" if !value.quoted => Some(format!("{column} IS NULL")),
        "any" | "*" if !value.quoted => Some(format!("{column} IS NOT NULL")),
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

fn address(column: &str, term: &Term, value: &Value) -> Result<String, FilterError> {
    only_is(term)?;
    if let Some(unset) = unset(column, value) {
        return Ok(unset);
    }
    if wild(value) {
        return Ok(format!("{column} LIKE {}", pattern(&value.text)));
    }
    if let Ok(address) = value.text.parse::<IpAddr>() {
        // As the records write it.
        return Ok(format!("{column} = {}", quoted(&address.to_string())));
    }
    match value.text.parse::<IpNet>() {
        Ok(net) => Ok(format!("in_net({column}, {})", quoted(&net.to_string()))),
        Err(_) => Err(FilterError::new(
            value.at,
            format!("{:?} is no address or network", value.text),
        )),
    }
}

fn number(
    column: &str,
    term: &Term,
    value: &Value,
    read: fn(&str) -> Option<u64>,
) -> Result<String, FilterError> {
    if let Some(unset) = unset(column, value) {
        only_is(term)?;
        return Ok(unset);
    }
    let wrong = || {
        let name = term.field.as_deref().unwrap_or("this");
        FilterError::new(
            value.at,
            format!("{:?} is no number for {name}", value.text),
        )
    };
    if term.comparison == Comparison::Is
        && let Some((from, to)) = value.text.split_once('-')
    {
        let (from, to) = (read(from).ok_or_else(wrong)?, read(to).ok_or_else(wrong)?);
        return Ok(format!("{column} BETWEEN {from} AND {to}"));
    }
    let number = read(&value.text).ok_or_else(wrong)?;
    Ok(format!("{column} {} {number}", term.comparison.sql()))
}

fn named(
    column: &str,
    letters: Letters,
    term: &Term,
    value: &Value,
) -> Result<String, FilterError> {
    only_is(term)?;
    if let Some(unset) = unset(column, value) {
        return Ok(unset);
    }
    let text = match letters {
        Letters::AsIs => value.text.clone(),
        Letters::Lower => value.text.to_lowercase(),
        Letters::Upper => value.text.to_uppercase(),
    };
    Ok(if wild(value) {
        format!("{column} LIKE {}", pattern(&text))
    } else {
        format!("{column} = {}", quoted(&text))
    })
}

fn textual(column: &str, term: &Term, value: &Value) -> Result<String, FilterError> {
    only_is(term)?;
    if let Some(unset) = unset(column, value) {
        return Ok(unset);
    }
    let text = if value.quoted {
        // A star in quotes is a star.
        quoted(
            &value
                .text
                .replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_"),
        )
    } else {
        pattern(&value.text)
    };
    Ok(format!("{column} ILIKE {text}"))
}
