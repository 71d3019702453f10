//! TLS: a certificate and its key, from files, read again on demand.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::error::WebError;

/// The server's side of TLS; the certificate may be changed while it runs.
pub(crate) struct Tls {
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read, or is not what it should be.
    pub fn new(certificate: &Path, key: &Path) -> Result<Tls, WebError> {
        Ok(Tls {
            config: RwLock::new(read(certificate, key)?),
        })
    }

    /// What new connections get.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again. Connections that there are go on.
    ///
    /// # Errors
    /// As at first; what was read before stays.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), WebError> {
        let config = read(certificate, key)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, WebError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| content(certificate, &error))?;
    if chain.is_empty() {
        return Err(content(certificate, &PemError::NoItemsFound));
    }
    let secret =
        PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|error| content(key, &error))?;
    let wrong = |what: String| WebError::Content {
        path: certificate.to_owned(),
        what,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(format!("it and {} do not serve: {error}", key.display())))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn bytes(path: &Path) -> Result<Vec<u8>, WebError> {
    std::fs::read(path).map_err(|source| WebError::File {
        path: path.to_owned(),
        source,
    })
}

fn content(path: &Path, error: &PemError) -> WebError {
    let what = match error {
        PemError::NoItemsFound => {
            "there is none of what belongs here (a certificate chain and a private key, PEM)"
                .to_owned()
        }
        error => error.to_string(),
    };
    WebError::Content {
        path: PathBuf::from(path),
        what,
    }
}
