//! From a configuration to an output that is ready to write.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use portreeve_record::schema::logs;

use crate::changing::{Changing, Nowhere};
use crate::config::{Destination, OutputConfig};
use crate::directory::{self, DirectoryOutput};
use crate::output::Output;
use crate::select::Selected;
use crate::status::OutputStatus;
use crate::stream::{StreamOutput, stdout};

/// Why an output could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A log that does not exist was asked for.
    UnknownLog(String),
    /// Standard output cannot be used.
    Stdout(io::Error),
    /// The folder for logs could not be made or written.
    Directory(PathBuf, io::Error),
    /// Another process writes logs into the folder.
    InUse(PathBuf),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::UnknownLog(name) => {
                let known: Vec<&str> = logs().iter().map(|log| log.path).collect();
                write!(
                    f,
                    "there is no log \"{name}\"; there are {}",
                    known.join(", ")
                )
            }
            OpenError::Stdout(error) => write!(f, "cannot use standard output: {error}"),
            OpenError::Directory(path, error) => write!(
                f,
                "cannot write logs into {}: {error}; give a folder this user may write with --log-dir",
                path.display()
            ),
            OpenError::InUse(path) => write!(
                f,
                "another process writes logs into {}; give this one a folder of its own with --log-dir",
                path.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Stdout(error) | OpenError::Directory(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Opens what `config` describes. It can become another one ([`Output::change`]).
///
/// # Errors
///
/// When the configuration names a log that does not exist, or the folder cannot be used.
pub fn open(config: &OutputConfig) -> Result<Box<dyn Output>, OpenError> {
    Ok(Box::new(Changing::open(config.clone())?))
}

/// Whether an output that is as `before` can become what `config` describes. A folder that is not there is made.
///
/// # Errors
///
/// The same as for [`open`].
pub fn check(config: &OutputConfig, before: &OutputConfig) -> Result<(), OpenError> {
    known_logs(config)?;
    match (&config.destination, &before.destination) {
        // It is in use, by the output itself.
        (
            Destination::Directory { path, .. },
            Destination::Directory {
                path: path_before, ..
            },
        ) if path == path_before => Ok(()),
        (Destination::Directory { path, .. }, _) => directory::lock(path).map(drop),
        (Destination::Stdout | Destination::Nowhere, _) => Ok(()),
    }
}

/// Whether there are all the logs that `config` wants.
///
/// # Errors
///
/// [`OpenError::UnknownLog`].
pub fn known_logs(config: &OutputConfig) -> Result<(), OpenError> {
    let is_known = |name: &String| logs().iter().any(|log| log.path == name);
    match config.logs.iter().find(|name| !is_known(name)) {
        Some(name) => Err(OpenError::UnknownLog(name.clone())),
        None => Ok(()),
    }
}

/// What `config` describes, with these books.
pub(crate) fn build(
    config: &OutputConfig,
    status: &Arc<OutputStatus>,
) -> Result<Box<dyn Output>, OpenError> {
    known_logs(config)?;
    let status = Arc::clone(status);
    let output: Box<dyn Output> = match &config.destination {
        Destination::Nowhere => return Ok(Box::new(Nowhere::new(config.name.clone(), status))),
        Destination::Stdout => {
            let stream = stdout().map_err(OpenError::Stdout)?;
            let stream =
                StreamOutput::new(config.name.clone(), stream, config.dialect, config.time);
            Box::new(stream.with_status(status))
        }
        Destination::Directory { path, rotation } => Box::new(DirectoryOutput::with_status(
            config.name.clone(),
            path.clone(),
            *rotation,
            config.dialect,
            config.time,
            status,
        )?),
    };
    Ok(if config.logs.is_empty() {
        output
    } else {
        Box::new(Selected::new(output, config.logs.clone()))
    })
}
