//! Why the server does not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::access::UserError;

/// Why the server does not start, or does not take over new settings.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Others than this host could look, and there are no users.
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// A file of the settings cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what it should be.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An entry of the users is wrong.
    User(UserError),
    /// The system refused a thread.
    Thread(io::Error),
}

impl WebError {
    /// Whether another program has the address.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(self, WebError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }

    /// Whether the settings are at fault, and not the system.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, WebError::Open { .. } | WebError::User(_))
    }
}

impl fmt::Display for WebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebError::Listen { address, source } => {
                write!(f, "web: cannot listen on {address}: {source}")?;
                if self.is_in_use() {
                    f.write_str(
                        "; name another port: --set web.listen=127.0.0.1:PORT, or switch it off: --set web.listen=off",
                    )?;
                }
                Ok(())
            }
            WebError::Open { address } => write!(
                f,
                "web: {address} can be reached from other hosts, and nobody would have to log in; make a user with \
                 `portreeve web password NAME` and name him in web.users, or listen on loopback: --set web.listen={}",
                SocketAddr::new(
                    if address.is_ipv6() {
                        std::net::Ipv6Addr::LOCALHOST.into()
                    } else {
                        std::net::Ipv4Addr::LOCALHOST.into()
                    },
                    address.port()
                )
            ),
            WebError::File { path, source } => write!(f, "web: {}: {source}", path.display()),
            WebError::Content { path, what } => write!(f, "web: {}: {what}", path.display()),
            WebError::User(error) => write!(f, "web.users: {error}"),
            WebError::Thread(source) => write!(f, "web: no thread: {source}"),
        }
    }
}

impl std::error::Error for WebError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WebError::Listen { source, .. }
            | WebError::File { source, .. }
            | WebError::Thread(source) => Some(source),
            WebError::User(error) => Some(error),
            WebError::Open { .. } | WebError::Content { .. } => None,
        }
    }
}

impl From<UserError> for WebError {
    fn from(error: UserError) -> Self {
        WebError::User(error)
    }
}
