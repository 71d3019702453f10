//! Networks, and where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::{Setting, text};

impl Setting for IpNet {
    fn kind() -> String {
        "network such as `10.0.0.0/8`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let net = value
            .as_str()
            .ok_or_else(|| format!("expected a network such as \"10.0.0.0/8\", found {value}"))?;
        parse_net(net)
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

/// Reads a network; an address alone is the network of that one address.
///
/// # Errors
/// A sentence for the user.
pub fn parse_net(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| format!("\"{text}\" is not a network; write it like 10.0.0.0/8 or fd00::/8"))
}

/// Where the dashboard is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// On this address and port.
    At(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let loopback = |port: &str| Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)));
        match text {
            "off" => return Ok(Listen::Off),
            _ => text
                .parse()
                .ok()
                .or_else(|| loopback(text.strip_prefix("localhost:").unwrap_or(text))),
        }
        .map(Listen::At)
        .ok_or_else(|| {
            format!(
                "\"{text}\" is not an address to listen on; write it like 127.0.0.1:7678, [::]:443, 7678 (on loopback) or off"
            )
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Off => f.write_str("off"),
            Listen::At(address) => address.fmt(f),
        }
    }
}

impl Setting for Listen {
    fn kind() -> String {
        "address and port such as `\"127.0.0.1:7678\"`, or `\"off\"`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(port) => port.to_string().parse(),
            other => text(other, "an address and port in quotes"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_may_be_single_addresses() {
        assert_eq!(parse_net("192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
        assert_eq!(parse_net("fd00::/8").unwrap().to_string(), "fd00::/8");
        assert!(parse_net("10.0.0.0/33").is_err());
    }
}
