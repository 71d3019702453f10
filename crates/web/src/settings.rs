//! How the server is to be run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::access::Users;

/// Where the server listens unless it is told otherwise: loopback, and the digits that spell PORT on a telephone.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7678);

/// How the server is to be run.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A certificate chain and its key, PEM files: the server speaks TLS, and nothing else.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who may look. Without any, everybody on this host.
    pub users: Users,
}

impl Default for WebSettings {
    fn default() -> Self {
        WebSettings {
            listen: DEFAULT_LISTEN,
            tls: None,
            users: Users::default(),
        }
    }
}
