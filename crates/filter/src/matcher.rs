//! Conditions over records in memory.

use portreeve_record::{Info, Value, Visitor};

use crate::FilterError;
use crate::cell::Cell;
use crate::condition::{Check, Comparison, Condition, Letters, Operand};

/// A filter that is ready to be asked of records: which columns it wants, and what of them it lets through.
///
/// # Examples
/// ```
/// use portreeve_filter::Matcher;
/// use portreeve_record::schema::CONN;
/// use portreeve_record::{Conn, RecordContext};
///
/// let matcher = Matcher::new("service:dns", CONN).unwrap();
/// let conn = Conn { service: Some("dns"), ..Conn::default() };
/// let mut row = matcher.row();
/// conn.visit(&RecordContext::default(), &mut row);
/// assert!(row.passes());
/// assert!(!matcher.row().passes());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher {
    tests: Tests,
    columns: Vec<&'static str>,
}

/// What a [`Matcher`] wants of one record: a [`Visitor`] that collects it. Columns that did not come are unset.
#[derive(Clone, Debug)]
pub struct Row<'m> {
    matcher: &'m Matcher,
    cells: Vec<Cell>,
}

impl Row<'_> {
    /// Sets a column, if it is wanted.
    pub fn set(&mut self, name: &str, value: Value<'_>) {
        let mut wanted = self.matcher.columns.iter();
        let place = wanted.position(|wanted| *wanted == name);
        if let Some(cell) = place.and_then(|place| self.cells.get_mut(place)) {
            *cell = Cell::new(value);
        }
    }

    /// Whether the filter lets it through.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.matcher.tests.hold(&self.cells)
    }
}

impl Visitor for Row<'_> {
    fn wants(&self, field: &'static Info) -> bool {
        self.matcher.columns.contains(&field.name)
    }

    fn field(&mut self, field: &'static Info, value: Value<'_>) {
        self.set(field.name, value);
    }
}

/// A condition in which columns are numbers: places in the row.
#[derive(Clone, Debug, PartialEq)]
enum Tests {
    All(Vec<Tests>),
    Any(Vec<Tests>),
    Not(Box<Tests>),
    Column(usize, Check),
    Sum(Vec<usize>, Check),
}

impl Matcher {
    /// Of a filter, for a table with these columns; an empty filter lets everything through.
    ///
    /// # Errors
    /// What is wrong with the filter, and where.
    pub fn new(text: &str, columns: &[Info]) -> Result<Self, FilterError> {
        let condition = crate::condition(text, columns)?;
        let mut columns = Vec::new();
        let tests = Tests::new(condition, &mut columns);
        Ok(Matcher { tests, columns })
    }

    /// Whether it lets everything through, whatever a row has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// A row of which nothing is known yet.
    #[must_use]
    pub fn row(&self) -> Row<'_> {
        Row {
            matcher: self,
            cells: vec![Cell::Unset; self.columns.len()],
        }
    }
}

impl Tests {
    fn new(condition: Condition, columns: &mut Vec<&'static str>) -> Tests {
        let mut place = |name: &'static str| {
            columns
                .iter()
                .position(|known| *known == name)
                .unwrap_or_else(|| {
                    columns.push(name);
                    columns.len() - 1
                })
        };
        match condition {
            Condition::Test(Operand::Column(name), check) => {
                Tests::Column(place(name), small(check))
            }
            Condition::Test(Operand::Sum(names), check) => {
                Tests::Sum(names.iter().copied().map(place).collect(), check)
            }
            Condition::All(all) => Tests::All(
                all.into_iter()
                    .map(|one| Tests::new(one, columns))
                    .collect(),
            ),
            Condition::Any(any) => Tests::Any(
                any.into_iter()
                    .map(|one| Tests::new(one, columns))
                    .collect(),
            ),
            Condition::Not(one) => Tests::Not(Box::new(Tests::new(*one, columns))),
        }
    }

    fn hold(&self, row: &[Cell]) -> bool {
        let at = |place: &usize| row.get(*place).unwrap_or(&Cell::Unset);
        match self {
            Tests::All(all) => all.iter().all(|one| one.hold(row)),
            Tests::Any(any) => any.iter().any(|one| one.hold(row)),
            Tests::Not(one) => !one.hold(row),
            Tests::Column(place, check) => holds(check, at(place)),
            Tests::Sum(places, check) => {
                let sum = places
                    .iter()
                    .filter_map(|place| match at(place) {
                        Cell::Number(number) => Some(*number),
                        _ => None,
                    })
                    .fold(0i128, i128::saturating_add);
                compares(check, sum)
            }
        }
    }
}

/// Patterns for any letters in small ones, once instead of for each row.
fn small(check: Check) -> Check {
    match check {
        Check::Like(pattern, Letters::Alike) => Check::Like(pattern.lowercase(), Letters::Alike),
        Check::HasLike(pattern) => Check::HasLike(pattern.lowercase()),
        check => check,
    }
}

fn holds(check: &Check, cell: &Cell) -> bool {
    match (check, cell) {
        (Check::Unset, cell) => *cell == Cell::Unset,
        (_, Cell::Unset) => false,
        (Check::Set, _) => true,
        (Check::Number(..) | Check::Between(..), Cell::Number(number)) => compares(check, *number),
        (Check::Number(..) | Check::Between(..), Cell::Double(number)) => {
            compares_double(check, *number)
        }
        (Check::Bool(wanted), Cell::Bool(is)) => wanted == is,
        (Check::Address(wanted), Cell::Address(is)) => wanted == is,
        (Check::Within(net), Cell::Address(is)) => net.contains(is),
        (Check::Same(wanted), Cell::Text(is)) => wanted == is,
        (Check::Like(pattern, Letters::Exact), Cell::Text(is)) => pattern.matches(is),
        (Check::Like(pattern, Letters::Exact), Cell::Address(is)) => {
            pattern.matches(&is.to_string())
        }
        (Check::Like(pattern, Letters::Alike), Cell::Text(is)) => {
            pattern.matches(&is.to_lowercase())
        }
        (Check::Listed(wanted), Cell::Text(is)) => is.split(',').any(|one| one == wanted),
        (Check::Has(wanted), Cell::List(is)) => is.contains(wanted),
        (Check::HasLike(pattern), Cell::List(is)) => pattern.matches(&is.join(" ").to_lowercase()),
        _ => false,
    }
}

fn relates<T: Copy + PartialOrd>(number: T, comparison: Comparison, limit: T) -> bool {
    match comparison {
        Comparison::Is => number == limit,
        Comparison::Greater => number > limit,
        Comparison::GreaterOrEqual => number >= limit,
        Comparison::Less => number < limit,
        Comparison::LessOrEqual => number <= limit,
    }
}

fn compares(check: &Check, number: i128) -> bool {
    match *check {
        Check::Number(comparison, limit) => relates(number, comparison, i128::from(limit)),
        Check::Between(from, to) => (i128::from(from)..=i128::from(to)).contains(&number),
        // A sum is always there.
        Check::Set => true,
        _ => false,
    }
}

fn compares_double(check: &Check, number: f64) -> bool {
    match *check {
        Check::Number(comparison, limit) => relates(number, comparison, limit as f64),
        Check::Between(from, to) => (from as f64..=to as f64).contains(&number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_record::schema::CONN;
    use portreeve_record::{Conn, RecordContext};
    use std::net::IpAddr;

    fn conn() -> Conn {
        let mut conn = Conn {
            orig_h: IpAddr::from([10, 0, 0, 5]),
            orig_p: 40_000,
            resp_h: "2001:db8::7".parse().expect("an address"),
            resp_p: 443,
            ip_proto: 6,
            service: Some("ssl,http"),
            app: Some("netflix"),
            duration: Some(6_000_000_000),
            syn_rtt: Some(20_000_000),
            local_orig: Some(true),
            ..Conn::default()
        };
        conn.orig.ip_bytes = 1_500_000;
        conn.orig.pkts = 1000;
        conn
    }

    fn is(text: &str) -> bool {
        let matcher = Matcher::new(text, CONN).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut context = RecordContext::default();
        context.facts_mut().resp.country = Some("DE".into());
        context.facts_mut().resp.name = Some("www.Example.org".into());
        let conn = conn();
        let mut row = matcher.row();
        conn.visit(&context, &mut row);
        row.passes()
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
            "!dst:10.0.0.5",
            "port:443",
            "443",
            "dport:443 -sport:443",
            "dport:400-500",
            "service:ssl",
            "service:HTTP",
            "proto:tcp",
            "state:OTH",
            "state:oth",
            "bytes>1MB",
            "bytes<1.5MiB bytes>=1500000 bytes:1500000",
            "duration>5s duration<0.2m",
            "rtt:20ms rtt<21ms",
            "packets:1k",
            "country:de",
            "-orig_cc:DE",
            "orig_cc:none",
            "resp_cc:any",
            "app:netfl*",
            "app:*fl*",
            "netflix",
            "example.org",
            "\"www.example.org\"",
            "name:www.*.org",
            "local_orig:yes",
            "port:22 or port:443",
            "(port:22 or port:443) -service:dns",
            "-(port:22 or port:80)",
            "not port:22 and proto:tcp",
            "--port:443",
            "retransmits:0",
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
            "vlan:any",
            "port:443 port:22",
            "(port:443 or port:22) -netflix",
            "local_orig:no",
        ] {
            assert!(!is(text), "{text}");
        }
    }
}
