//! What is joined, and whose hosts are told of.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// Whose hosts a log tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Nobody's: the log is not written.
    Nobody,
    /// Those in the local networks.
    #[default]
    Local,
    /// All others.
    Remote,
    /// Everybody's.
    Everybody,
}

impl Whose {
    /// Whether a host is one of those.
    #[must_use]
    pub fn is(self, local: bool) -> bool {
        match self {
            Whose::Nobody => false,
            Whose::Local => local,
            Whose::Remote => !local,
            Whose::Everybody => true,
        }
    }
}

/// Tells the product that a host name is of.
pub type ProductOf = dyn Fn(&str) -> Option<&'static str> + Send + Sync;

/// The products behind host names.
#[derive(Clone)]
pub struct Products(pub Arc<ProductOf>);

impl fmt::Debug for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Products")
    }
}

/// What is joined. All but `entries` can change while a run goes on, by [`Live`](crate::Live).
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose hosts `known_hosts` tells of.
    pub hosts: Whose,
    /// Whose hosts `known_services` tells of.
    pub services: Whose,
    /// Whose hosts `software` tells of.
    pub software: Whose,
    /// How long what was told is not told again, nanoseconds.
    pub again: i64,
    /// How long a certificate that was written is not written again, nanoseconds; 0: each is written each time.
    pub certificates_again: i64,
    /// Messages of one DHCP transaction that travel in several flows are one record.
    pub dhcp: bool,
    /// Addresses get their names.
    pub names: bool,
    /// Flows get their product by what their originator looked up; `None`: they do not.
    pub products: Option<Products>,
    /// The most entries of each table.
    pub entries: usize,
}

/// A day in nanoseconds.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// A second in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

impl Default for Config {
    fn default() -> Self {
        Config {
            hosts: Whose::Local,
            services: Whose::Local,
            software: Whose::Local,
            again: DAY,
            certificates_again: DAY,
            dhcp: true,
            names: false,
            products: None,
            entries: 1 << 17,
        }
    }
}

/// The networks that are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Those; none: the ranges that are nobody's in particular (see [`Networks::has`]).
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Networks(networks)
    }

    /// Whether an address is in them. Where none are configured, private ones are ours, as in Zeek: RFC 1918, the shared range of RFC 6598, loopback, link-local ones, unique local ones (RFC 4193).
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        if self.0.is_empty() {
            return is_private(address.to_canonical());
        }
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_the_configured_ones_or_else_private_ones() {
        let none = Networks::default();
        for ours in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.7.7",
            "100.64.0.1",
            "127.0.0.1",
            "fe80::1",
            "fd00::1",
        ] {
            assert!(none.has(ours.parse().unwrap()), "{ours}");
        }
        for others in ["172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1"] {
            assert!(!none.has(others.parse().unwrap()), "{others}");
        }
        let some = Networks::new(vec!["192.0.2.0/24".parse().unwrap()]);
        assert!(some.has("192.0.2.9".parse().unwrap()));
        assert!(!some.has("10.1.2.3".parse().unwrap()));
    }
}
