//! The dashboard's server: what of the configuration it takes, and what of the run it shows.

pub mod command;
mod users;
mod watched;

use std::path::Path;
use std::time::SystemTime;

use portreeve_live::Live;
use portreeve_query::{History, QueryConfig};
use portreeve_web::{About, Listener, Server, Sources, WebError, WebSettings};

use crate::args::QUERY_APART;
use crate::config::Config;
use crate::config::values::Listen;
use crate::exit::Failure;
use crate::settings::{self, Settings};

pub use watched::Run;

/// The open port of a run that begins, if it is to have one.
#[derive(Default)]
pub struct Planned {
    listener: Option<Listener>,
    /// A line for the start report.
    pub note: Option<String>,
}

impl From<WebError> for Failure {
    fn from(error: WebError) -> Self {
        if error.is_usage() {
            Failure::usage(error)
        } else {
            Failure::failed(error)
        }
    }
}

/// What the configuration says of the server; `None`: there is to be none.
///
/// # Errors
/// Users or files that are wrong.
pub fn settings(config: &Config) -> Result<Option<WebSettings>, Failure> {
    let Listen::At(listen) = config.web.listen else {
        return Ok(None);
    };
    let tls = match (&config.web.certificate, &config.web.key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => {
            return Err(Failure::usage(
                "web.certificate and web.key belong together: name both, or none",
            ));
        }
    };
    let users = users::users(&config.web.users, config.web.users_file.as_deref())?;
    Ok(Some(WebSettings { listen, tls, users }))
}

impl Planned {
    /// Opens the port, as long as there are privileges for it: of what watches interfaces always, of what reads files where it was asked for.
    ///
    /// # Errors
    /// The configuration is wrong, or a port that was asked for cannot be had. One that was not is only told.
    pub fn new(settings: &Settings, live: bool) -> Result<Planned, Failure> {
        let asked = settings.layers.origin("web.listen").is_some();
        let Some(web) = self::settings(&settings.config)?.filter(|_| live || asked) else {
            return Ok(Planned::default());
        };
        match Listener::open(web) {
            Ok(listener) => Ok(Planned {
                note: Some(note(&listener)),
                listener: Some(listener),
            }),
            Err(error @ WebError::Listen { .. }) if !asked => Ok(Planned {
                listener: None,
                note: Some(format!("web: none ({error})")),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Serves, if there is a port.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn start(
        self,
        config: &Config,
        about: About,
        run: Run,
        live: Option<Live>,
    ) -> Result<Option<Server>, Failure> {
        let Some(listener) = self.listener else {
            return Ok(None);
        };
        let history = config.store.path.as_deref().map(history).transpose()?;
        let sources = Sources {
            about,
            watched: Some(std::sync::Arc::new(run)),
            live,
            history,
        };
        Ok(Some(listener.serve(sources)?))
    }
}

/// Where it is, for the start report.
fn note(listener: &Listener) -> String {
    let url = listener.url();
    if listener.is_plain_on_a_network() {
        format!("web: {url} (without TLS: passwords can be read on the way; see web.certificate)")
    } else {
        format!("web: {url}")
    }
}

/// The history that a store has. What people ask in SQL runs in a process of its own, of this program, also where its file has been replaced meanwhile.
fn history(path: &Path) -> Result<History, Failure> {
    let config = QueryConfig {
        apart: Some(vec!["/proc/self/exe".to_owned(), QUERY_APART.to_owned()]),
        ..QueryConfig::default()
    };
    History::open(path, config).map_err(Failure::failed)
}

/// What the server says of the run.
pub fn about(config: &Config, sources: Vec<String>) -> About {
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sensor: settings::sensor(config),
        started: SystemTime::now(),
        sources,
        local_nets: config
            .general
            .local_nets
            .iter()
            .map(ToString::to_string)
            .collect(),
        geo: config.facts.country_database.is_some() || config.facts.asn_database.is_some(),
    }
}

/// Takes over what a reload changes: users and the certificate.
///
/// # Errors
/// What is wrong with them; what was in force stays.
pub fn change(server: &Server, config: &Config) -> Result<(), Failure> {
    match settings(config)? {
        Some(web) => Ok(server.change(&web)?),
        // The port itself takes a restart.
        None => Ok(()),
    }
}
