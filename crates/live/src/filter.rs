//! The filter language: which conversations.
//!
//! ```text
//! 10.0.0.5 port:443 -service:dns bytes>1MB duration>5s
//! (app:netflix* or app:youtube) net:10.0.0.0/8
//! ```
//!
//! Terms that stand side by side must all be true; `or` between them is weaker, `-` in front turns one round, parentheses group, quotes keep blanks.
//! A word without a field is an address, its beginning, a network, or a part of a name, an application, a service or a uid.

use std::fmt;
use std::net::IpAddr;

use crate::flow::FlowRow;

/// The longest filter, bytes.
const MOST_BYTES: usize = 1024;
/// Parentheses within parentheses.
const MOST_DEPTH: usize = 16;

/// Why a filter is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from 0.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl std::error::Error for FilterError {}

/// A filter, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(Expr);

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    /// All are true; none: everything.
    All(Vec<Expr>),
    /// One is true.
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Term(Term),
}

impl Default for Expr {
    fn default() -> Self {
        Expr::All(Vec::new())
    }
}

/// Which ends of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Orig,
    Resp,
    Either,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Word(Pattern),
    Net(Ends, IpAddr, u8),
    Port(Ends, u16),
    Text(Text, Pattern),
    Number(Number, Comparison, f64),
    Open(bool),
}

/// Members that are texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Address(Ends),
    Service,
    App,
    Proto,
    State,
    Country(Ends),
    Name(Ends),
    Uid,
    History,
}

/// Members that are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Bytes,
    Packets,
    /// Seconds.
    Duration,
    /// Seconds.
    Rtt,
    Retransmits,
    Missed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    More,
    AtLeast,
    Less,
    AtMost,
    Equal,
}

enum Field {
    Host(Ends),
    Port(Ends),
    Text(Text),
    Number(Number),
    Open,
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "host" | "ip" | "net" => Field::Host(Ends::Either),
        "orig" | "src" | "id.orig_h" => Field::Host(Ends::Orig),
        "resp" | "dst" | "id.resp_h" => Field::Host(Ends::Resp),
        "port" => Field::Port(Ends::Either),
        "sport" | "id.orig_p" => Field::Port(Ends::Orig),
        "dport" | "id.resp_p" => Field::Port(Ends::Resp),
        "service" => Field::Text(Text::Service),
        "app" => Field::Text(Text::App),
        "proto" => Field::Text(Text::Proto),
        "state" | "conn_state" => Field::Text(Text::State),
        "country" | "cc" => Field::Text(Text::Country(Ends::Either)),
        "orig_cc" => Field::Text(Text::Country(Ends::Orig)),
        "resp_cc" => Field::Text(Text::Country(Ends::Resp)),
        "name" => Field::Text(Text::Name(Ends::Either)),
        "orig_name" => Field::Text(Text::Name(Ends::Orig)),
        "resp_name" => Field::Text(Text::Name(Ends::Resp)),
        "uid" => Field::Text(Text::Uid),
        "history" => Field::Text(Text::History),
        "bytes" => Field::Number(Number::Bytes),
        "packets" | "pkts" => Field::Number(Number::Packets),
        "duration" => Field::Number(Number::Duration),
        "rtt" => Field::Number(Number::Rtt),
        "retransmits" => Field::Number(Number::Retransmits),
        "missed" => Field::Number(Number::Missed),
        "open" => Field::Open,
        _ => return None,
    })
}

/// The fields that a filter may name, for whoever helps to write one.
pub(crate) const FIELDS: &[&str] = &[
    "host",
    "net",
    "orig",
    "resp",
    "port",
    "sport",
    "dport",
    "service",
    "app",
    "proto",
    "state",
    "country",
    "name",
    "uid",
    "bytes",
    "packets",
    "duration",
    "rtt",
    "retransmits",
    "missed",
    "open",
];

/// A text in which `*` stands for anything; letters are small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Pattern {
            parts: text.to_lowercase().split('*').map(str::to_owned).collect(),
        }
    }

    /// The same text anywhere within.
    fn within(text: &str) -> Self {
        Pattern::new(&format!("*{text}*"))
    }

    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Some((first, rest)) = self.parts.split_first() else {
            return text.is_empty();
        };
        let Some((last, middle)) = rest.split_last() else {
            return text == *first;
        };
        let Some(mut left) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in middle {
            match left.find(part.as_str()) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

impl Filter {
    /// Understands `text`; nothing in it: every conversation.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        if text.len() > MOST_BYTES {
            return Err(wrong(0, "the filter is too long"));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            end: text.chars().count(),
        };
        let expr = parser.any(0)?;
        match parser.tokens.get(parser.at) {
            None => Ok(Filter(expr)),
            Some(token) => Err(wrong(token.position, "there is no ( for this )")),
        }
    }

    /// The fields that a filter may name.
    #[must_use]
    pub fn fields() -> &'static [&'static str] {
        FIELDS
    }

    /// Whether the conversation is one of them.
    #[must_use]
    pub fn matches(&self, row: &FlowRow) -> bool {
        self.0.matches(row)
    }
}

fn wrong(position: usize, message: impl Into<String>) -> FilterError {
    FilterError {
        position,
        message: message.into(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Lexeme {
    Open,
    Close,
    Or,
    Not,
    /// A term; `quoted`: from where on it stood in quotes, if any of it did.
    Term {
        text: String,
        quoted: bool,
    },
}

#[derive(Debug)]
struct Token {
    position: usize,
    lexeme: Lexeme,
}

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().enumerate().peekable();
    while let Some(&(position, character)) = characters.peek() {
        let lexeme = match character {
            blank if blank.is_whitespace() => {
                characters.next();
                continue;
            }
            '(' => {
                characters.next();
                Lexeme::Open
            }
            ')' => {
                characters.next();
                Lexeme::Close
            }
            '-' | '!' => {
                characters.next();
                Lexeme::Not
            }
            _ => {
                let (mut term, mut quoted, mut within) = (String::new(), false, None);
                while let Some(&(at, character)) = characters.peek() {
                    match (character, within) {
                        ('"', None) => (quoted, within) = (true, Some(at)),
                        ('"', Some(_)) => within = None,
                        (blank, None) if blank.is_whitespace() => break,
                        ('(' | ')', None) => break,
                        _ => term.push(character),
                    }
                    characters.next();
                }
                if let Some(at) = within {
                    return Err(wrong(at, "this quote is not closed"));
                }
                match term.to_lowercase().as_str() {
                    "or" if !quoted => Lexeme::Or,
                    "and" if !quoted => continue,
                    "not" if !quoted => Lexeme::Not,
                    _ => Lexeme::Term { text: term, quoted },
                }
            }
        };
        tokens.push(Token { position, lexeme });
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut one_of = vec![self.all(depth)?];
        while let Some(token) = self.tokens.get(self.at) {
            if token.lexeme != Lexeme::Or {
                break;
            }
            self.at += 1;
            one_of.push(self.all(depth)?);
        }
        // Nothing on one side of an `or` is nothing said, not everything.
        if one_of.len() > 1 && one_of.contains(&Expr::default()) {
            let position = self.position();
            return Err(wrong(position, "one side of this or is missing"));
        }
        Ok(match one_of.pop() {
            Some(only) if one_of.is_empty() => only,
            Some(last) => {
                one_of.push(last);
                Expr::Any(one_of)
            }
            None => Expr::default(),
        })
    }

    fn all(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut all = Vec::new();
        while let Some(token) = self.tokens.get(self.at) {
            match token.lexeme {
                Lexeme::Close | Lexeme::Or => break,
                _ => all.push(self.one(depth)?),
            }
        }
        Ok(match all.pop() {
            Some(only) if all.is_empty() => only,
            Some(last) => {
                all.push(last);
                Expr::All(all)
            }
            None => Expr::default(),
        })
    }

    fn one(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut turned = false;
        loop {
            let Some(token) = self.tokens.get(self.at) else {
                return Err(wrong(self.end, "something is missing behind -"));
            };
            self.at += 1;
            let expr = match &token.lexeme {
                Lexeme::Not => {
                    turned = !turned;
                    continue;
                }
                Lexeme::Open if depth == MOST_DEPTH => {
                    return Err(wrong(token.position, "too many parentheses"));
                }
                Lexeme::Open => {
                    let inner = self.any(depth + 1)?;
                    match self.tokens.get(self.at) {
                        Some(Token {
                            lexeme: Lexeme::Close,
                            ..
                        }) => self.at += 1,
                        _ => return Err(wrong(token.position, "this ( is not closed")),
                    }
                    inner
                }
                Lexeme::Close | Lexeme::Or => {
                    return Err(wrong(token.position, "something is missing here"));
                }
                Lexeme::Term { text, quoted } => Expr::Term(term(text, *quoted, token.position)?),
            };
            return Ok(if turned {
                Expr::Not(Box::new(expr))
            } else {
                expr
            });
        }
    }

    fn position(&self) -> usize {
        self.tokens
            .get(self.at.saturating_sub(1))
            .map_or(self.end, |token| token.position)
    }
}

fn term(text: &str, quoted: bool, position: usize) -> Result<Term, FilterError> {
    let cut = text.find([':', '<', '>', '=']);
    let Some((name, rest)) = cut.map(|cut| text.split_at(cut)) else {
        return Ok(word(text, quoted));
    };
    let Some(field) = field(&name.to_lowercase()) else {
        // An IPv6 address, or a time, has colons too.
        if net(text).is_some()
            || rest.starts_with(':') && name.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Ok(word(text, quoted));
        }
        return Err(wrong(
            position,
            format!("there is no field {name}; there are: {}", FIELDS.join(" ")),
        ));
    };
    let (comparison, value) = comparison(rest);
    let at = position + text.chars().count() - value.chars().count();
    if value.is_empty() {
        return Err(wrong(at, format!("a value is missing behind {name}")));
    }
    let is_plain = comparison == Comparison::Equal;
    match field {
        Field::Number(number) => {
            let amount = amount(value, number)
                .ok_or_else(|| wrong(at, format!("{value} is no {}", measure(number))))?;
            Ok(Term::Number(number, comparison, amount))
        }
        _ if !is_plain => Err(wrong(
            position,
            format!("{name} has no order: write {name}:{value}"),
        )),
        Field::Host(ends) => Ok(match net(value) {
            Some((address, length)) => Term::Net(ends, address, length),
            None => Term::Text(Text::Address(ends), beginning(value)),
        }),
        Field::Port(ends) => match value.parse() {
            Ok(port) => Ok(Term::Port(ends, port)),
            Err(_) => Err(wrong(at, format!("{value} is no port"))),
        },
        Field::Text(text) => Ok(Term::Text(text, Pattern::new(value))),
        Field::Open => match value.to_lowercase().as_str() {
            "yes" | "true" | "1" => Ok(Term::Open(true)),
            "no" | "false" | "0" => Ok(Term::Open(false)),
            _ => Err(wrong(at, "open is yes or no")),
        },
    }
}

fn word(text: &str, quoted: bool) -> Term {
    match net(text).filter(|_| !quoted) {
        Some((address, length)) => Term::Net(Ends::Either, address, length),
        None => Term::Word(Pattern::within(text)),
    }
}

/// An address as far as it is written: `10.0.` is the beginning of many.
fn beginning(text: &str) -> Pattern {
    if text.ends_with(['.', ':']) {
        Pattern::new(&format!("{text}*"))
    } else {
        Pattern::new(text)
    }
}

/// `10.0.0.0/8`, `10.0.0.1`, `2001:db8::/32`.
fn net(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(most);
    (length <= most).then_some((address, length))
}

fn comparison(rest: &str) -> (Comparison, &str) {
    for (sign, comparison) in [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (":>=", Comparison::AtLeast),
        (":<=", Comparison::AtMost),
        (":>", Comparison::More),
        (":<", Comparison::Less),
        (">", Comparison::More),
        ("<", Comparison::Less),
        (":", Comparison::Equal),
        ("=", Comparison::Equal),
    ] {
        if let Some(value) = rest.strip_prefix(sign) {
            return (comparison, value);
        }
    }
    (Comparison::Equal, rest)
}

fn measure(number: Number) -> &'static str {
    match number {
        Number::Bytes | Number::Missed => "amount of bytes (1MB, 500k, 2GiB)",
        Number::Packets | Number::Retransmits => "number (10, 5k)",
        Number::Duration | Number::Rtt => "time (5s, 20ms, 1h)",
    }
}

/// A number with its unit: bytes, a count, or seconds.
fn amount(text: &str, number: Number) -> Option<f64> {
    let cut = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(cut);
    let value: f64 = digits.parse().ok()?;
    let unit = unit.to_lowercase();
    let factor = match number {
        Number::Duration | Number::Rtt => match unit.as_str() {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        },
        _ => match unit.trim_end_matches('b') {
            "" => 1.0,
            "k" => 1e3,
            "m" => 1e6,
            "g" => 1e9,
            "t" => 1e12,
            "ki" => 1024.0,
            "mi" => 1_048_576.0,
            "gi" => 1_073_741_824.0,
            _ => return None,
        },
    };
    Some(value * factor)
}

impl Expr {
    fn matches(&self, row: &FlowRow) -> bool {
        match self {
            Expr::All(all) => all.iter().all(|expr| expr.matches(row)),
            Expr::Any(any) => any.iter().any(|expr| expr.matches(row)),
            Expr::Not(expr) => !expr.matches(row),
            Expr::Term(term) => term.matches(row),
        }
    }
}

impl Ends {
    fn any<T>(self, orig: T, resp: T, is: impl Fn(T) -> bool) -> bool {
        match self {
            Ends::Orig => is(orig),
            Ends::Resp => is(resp),
            Ends::Either => is(orig) || is(resp),
        }
    }
}

impl Term {
    fn matches(&self, row: &FlowRow) -> bool {
        match self {
            Term::Word(pattern) => {
                pattern.matches(&row.orig_h.to_string())
                    || pattern.matches(&row.resp_h.to_string())
                    || [&row.service, &row.app, &row.orig_name, &row.resp_name]
                        .into_iter()
                        .flatten()
                        .any(|text| pattern.matches(text))
                    || pattern.matches(&row.proto)
                    || pattern.matches(&row.uid)
            }
            Term::Net(ends, net, length) => ends.any(row.orig_h, row.resp_h, |address| {
                is_in(address, *net, *length)
            }),
            Term::Port(ends, port) => ends.any(row.orig_p, row.resp_p, |known| known == *port),
            Term::Text(text, pattern) => text.matches(row, pattern),
            Term::Number(number, comparison, amount) => number
                .of(row)
                .is_some_and(|value| comparison.holds(value, *amount)),
            Term::Open(open) => row.open == *open,
        }
    }
}

impl Text {
    fn matches(self, row: &FlowRow, pattern: &Pattern) -> bool {
        let optional =
            |text: &Option<String>| text.as_ref().is_some_and(|text| pattern.matches(text));
        match self {
            Text::Address(ends) => ends.any(row.orig_h, row.resp_h, |address| {
                pattern.matches(&address.to_string())
            }),
            // Several with commas between them.
            Text::Service => row
                .service
                .iter()
                .flat_map(|services| services.split(','))
                .any(|service| pattern.matches(service)),
            Text::App => optional(&row.app),
            Text::Proto => pattern.matches(&row.proto),
            Text::State => pattern.matches(&row.conn_state),
            Text::Country(ends) => ends.any(&row.orig_cc, &row.resp_cc, optional),
            Text::Name(ends) => ends.any(&row.orig_name, &row.resp_name, optional),
            Text::Uid => pattern.matches(&row.uid),
            Text::History => pattern.matches(&row.history),
        }
    }
}

impl Number {
    fn of(self, row: &FlowRow) -> Option<f64> {
        let seconds = |time: Option<i64>| time.map(|time| time as f64 / 1e9);
        match self {
            Number::Bytes => Some(row.bytes() as f64),
            Number::Packets => Some(row.packets() as f64),
            Number::Duration => Some(seconds(row.duration).unwrap_or(0.0)),
            Number::Rtt => seconds(row.syn_rtt),
            Number::Retransmits => Some(row.retransmits as f64),
            Number::Missed => Some(row.missed_bytes as f64),
        }
    }
}

impl Comparison {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Comparison::More => value > limit,
            Comparison::AtLeast => value >= limit,
            Comparison::Less => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::Equal => (value - limit).abs() < f64::EPSILON * limit.abs().max(1.0),
        }
    }
}

fn is_in(address: IpAddr, net: IpAddr, length: u8) -> bool {
    let (address, net, bits) = match (address, net) {
        (IpAddr::V4(address), IpAddr::V4(net)) => {
            (u128::from(address.to_bits()), u128::from(net.to_bits()), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(net)) => (address.to_bits(), net.to_bits(), 128),
        _ => return false,
    };
    let host_bits = bits - u32::from(length).min(bits);
    host_bits == 128 || (address ^ net) >> host_bits == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::{Conn, Facts};

    fn row() -> FlowRow {
        let mut conn = Conn {
            orig_h: IpAddr::from([10, 0, 0, 5]),
            orig_p: 40_000,
            resp_h: "2001:db8::7".parse().expect("an address"),
            resp_p: 443,
            ip_proto: 6,
            service: Some("ssl,http"),
            duration: Some(6_000_000_000),
            syn_rtt: Some(20_000_000),
            ..Conn::default()
        };
        conn.orig.ip_bytes = 1_500_000;
        conn.orig.pkts = 1000;
        let mut facts = Facts::default();
        facts.resp.country = Some("DE".into());
        facts.resp.name = Some("www.Example.org".into());
        facts.app = Some("netflix");
        FlowRow::new(&conn, Some(&facts), false)
    }

    fn is(text: &str) -> bool {
        Filter::parse(text)
            .unwrap_or_else(|error| panic!("{text}: {error:?}"))
            .matches(&row())
    }

    #[test]
    fn terms_are_understood() {
        for text in [
            "",
            "   ",
            "10.0.0.5",
            "10.0.0.0/8",
            "10.0",
            "2001:db8::7",
            "2001:db8::/32",
            "net:10.0.0.0/24",
            "host:10.0.",
            "orig:10.0.0.5",
            "-resp:10.0.0.5",
            "port:443",
            "dport:443 -sport:443",
            "service:ssl",
            "service:HTTP",
            "proto:tcp",
            "state:OTH",
            "bytes>1MB",
            "bytes<1.5MiB bytes>=1500000 bytes:1500000",
            "duration>5s duration<0.2m",
            "rtt:>10ms rtt<21ms",
            "packets:1k",
            "country:de",
            "-orig_cc:DE",
            "app:netfl*",
            "app:*fl*",
            "netflix",
            "example.org",
            "\"www.example.org\"",
            "name:www.*.org",
            "open:no",
            "port:22 or port:443",
            "(port:22 or port:443) -service:dns",
            "-(port:22 or port:80)",
            "not port:22 and proto:tcp",
            "--port:443",
        ] {
            assert!(is(text), "{text}");
        }
        for text in [
            "10.0.0.6",
            "11.0.0.0/8",
            "resp:10.0.0.5",
            "-port:443",
            "port:22",
            "service:ss",
            "bytes>1GB",
            "rtt>1s",
            "retransmits>0",
            "country:NL",
            "app:flix",
            "nothing-of-this",
            "open:yes",
            "port:443 port:22",
            "(port:443 or port:22) -netflix",
        ] {
            assert!(!is(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_place() {
        let at = |text: &str| Filter::parse(text).expect_err(text).position;
        assert_eq!(at("port:"), 5);
        assert_eq!(at("10.0.0.1 port:abc"), 14);
        assert_eq!(at("é colour:red"), 2);
        assert_eq!(at("bytes>lots"), 6);
        assert_eq!(at("(port:1"), 0);
        assert_eq!(at("port:1)"), 6);
        assert_eq!(at("port:1 or"), 7);
        assert_eq!(at("a \"b"), 2);
        assert_eq!(at("port:1 -"), 8);
        assert_eq!(at("service>ssl"), 0);
        let deep = "(".repeat(100);
        assert!(Filter::parse(&deep).is_err());
        assert!(Filter::parse(&"a ".repeat(1000)).is_err());
        let message = Filter::parse("colour:red")
            .expect_err("no such field")
            .message;
        assert!(
            message.contains("colour") && message.contains("service"),
            "{message}"
        );
    }
}
