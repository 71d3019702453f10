//! The product behind a conversation, by the names in it and a table of them: data, not code.
//!
//! The table is a text file: a domain, white space, the product's name; `#` begins a comment. A domain stands for itself and everything below it, and the longest that
//! fits decides. The one that comes with Portreeve is `data/applications.tsv`; a user's takes its place.

use std::collections::HashMap;

use ahash::RandomState;

/// The table that comes with Portreeve.
const OWN: &str = include_str!("../data/applications.tsv");
/// Products that are known by what a conversation is, whatever table there is: they have the first numbers.
const FIXED: [&str; 3] = ["DNS over TLS", "DNS over HTTPS", "DNS over QUIC"];
/// The number of DNS over TLS.
pub(crate) const DNS_OVER_TLS: u16 = 1;
/// The number of DNS over HTTPS.
pub(crate) const DNS_OVER_HTTPS: u16 = 2;
/// The number of DNS over QUIC.
pub(crate) const DNS_OVER_QUIC: u16 = 3;

/// Whether that is the number of a product that is known by what a conversation is: it stands, whatever names were seen before.
pub(crate) fn is_fixed(number: u16) -> bool {
    (1..=FIXED.len()).contains(&usize::from(number))
}

/// The most products of a table: their numbers have so many bits in a flow's entry.
const MAX_PRODUCTS: usize = (1 << 15) - 1;
/// Domains of more labels than this are looked up by their last ones.
const MAX_LABELS: usize = 32;

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    /// A line that is not a domain and a name.
    Line(usize),
    /// More products than there are numbers for.
    TooMany,
}

impl std::fmt::Display for TableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TableError::Line(line) => write!(
                f,
                "line {line} is not a domain and a product's name, such as: example.com Example"
            ),
            TableError::TooMany => write!(f, "it has more than {MAX_PRODUCTS} products"),
        }
    }
}

impl std::error::Error for TableError {}

/// Domains and the products behind them.
#[derive(Clone, Debug)]
pub struct Products {
    domains: HashMap<Box<str>, u16, RandomState>,
    /// Kept for as long as the process lives: records name them.
    names: Vec<&'static str>,
}

impl Default for Products {
    /// The table that comes with Portreeve.
    fn default() -> Self {
        // A test reads it: it is sound.
        Products::read(OWN).unwrap_or_else(|_| Products {
            domains: HashMap::default(),
            names: FIXED.to_vec(),
        })
    }
}

impl Products {
    /// Reads a table.
    ///
    /// # Errors
    /// [`TableError`] with the first line that is wrong.
    pub fn read(text: &str) -> Result<Products, TableError> {
        let mut domains = HashMap::default();
        let mut names: Vec<&'static str> = FIXED.to_vec();
        let fixed = FIXED.into_iter().zip(1..);
        let mut numbers: HashMap<&str, u16> = fixed.collect();
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (domain, name) = line
                .split_once(char::is_whitespace)
                .map(|(domain, name)| (domain, name.trim()))
                .filter(|(domain, name)| domain.contains('.') && !name.is_empty())
                .ok_or(TableError::Line(at + 1))?;
            let number = match numbers.get(name) {
                Some(number) => *number,
                None if names.len() == MAX_PRODUCTS => return Err(TableError::TooMany),
                None => {
                    names.push(Box::leak(name.to_owned().into_boxed_str()));
                    let number = names.len() as u16;
                    numbers.insert(name, number);
                    number
                }
            };
            let domain = domain.trim_matches('.').to_ascii_lowercase();
            domains.insert(domain.into_boxed_str(), number);
        }
        Ok(Products { domains, names })
    }

    /// The number of the product that a host is of; 0 if it is of none. `host` may have a port behind it.
    #[must_use]
    pub fn of_host(&self, host: &str) -> u16 {
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = host.as_str();
        for _ in 0..MAX_LABELS {
            if let Some(number) = self.domains.get(rest) {
                return *number;
            }
            match rest.split_once('.') {
                Some((_, behind)) => rest = behind,
                None => return 0,
            }
        }
        0
    }

    /// The name of that number.
    #[must_use]
    pub fn name(&self, number: u16) -> Option<&'static str> {
        let at = usize::from(number).checked_sub(1)?;
        self.names.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_domain_that_fits_decides() {
        let table = "# ours\nexample.com Example\nmail.example.com\tExample Mail # and below\n";
        let products = Products::read(table).unwrap();
        let name = |host| products.name(products.of_host(host));
        assert_eq!(name("www.example.com"), Some("Example"));
        assert_eq!(name("EXAMPLE.com."), Some("Example"));
        assert_eq!(name("a.b.mail.example.com:8443"), Some("Example Mail"));
        assert_eq!(name("notexample.com"), None);
        assert_eq!(name("com"), None);
        assert_eq!(name(""), None);
        assert_eq!(Products::read("a b\n").unwrap_err(), TableError::Line(1));
    }

    #[test]
    fn our_own_table_is_sound() {
        let products = Products::read(OWN).unwrap();
        assert!(products.domains.len() > 200);
        let name = |host| products.name(products.of_host(host));
        assert_eq!(name("r3---sn-abc.googlevideo.com"), Some("YouTube"));
        assert_eq!(name("www.google.com"), Some("Google"));
    }
}
