//! What needs privileges: the port and the files of TLS. To be opened before a run gives its privileges up.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crate::error::WebError;
use crate::server::Server;
use crate::settings::WebSettings;
use crate::sources::Sources;
use crate::tls::Tls;

/// An open port, not served yet.
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) settings: WebSettings,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What TLS takes, of settings that would not show everything to everybody.
fn tls(settings: &WebSettings) -> Result<Option<Arc<Tls>>, WebError> {
    let address = settings.listen;
    if !address.ip().to_canonical().is_loopback() && settings.users.is_empty() {
        return Err(WebError::Open { address });
    }
    settings
        .tls
        .as_ref()
        .map(|(certificate, key)| Tls::new(certificate, key).map(Arc::new))
        .transpose()
}

impl Listener {
    /// Whether these settings could be served if their port were free.
    ///
    /// # Errors
    /// A file is wrong, or the settings would show everything to everybody.
    pub fn check(settings: &WebSettings) -> Result<(), WebError> {
        tls(settings).map(drop)
    }

    /// Opens the port and reads the files.
    ///
    /// # Errors
    /// The port cannot be had, a file is wrong, or the settings would show everything to everybody.
    pub fn open(settings: WebSettings) -> Result<Listener, WebError> {
        let address = settings.listen;
        let tls = tls(&settings)?;
        let listen = |source| WebError::Listen { address, source };
        let socket = TcpListener::bind(address).map_err(listen)?;
        socket.set_nonblocking(true).map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        Ok(Listener {
            socket,
            address,
            tls,
            settings,
        })
    }

    /// The address, with the port that it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser on this host finds it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let ip = self.address.ip();
        match ip {
            _ if !ip.is_unspecified() => format!("{scheme}://{}/", self.address),
            _ => format!("{scheme}://localhost:{}/", self.address.port()),
        }
    }

    /// Whether passwords would go over a network as they are.
    #[must_use]
    pub fn is_plain_on_a_network(&self) -> bool {
        self.tls.is_none() && !self.address.ip().to_canonical().is_loopback()
    }

    /// Serves it, on threads of its own.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn serve(self, sources: Sources) -> Result<Server, WebError> {
        Server::start(self, sources)
    }
}
