//! From a configuration to an output that is ready to write.

use std::fmt;
use std::io;
use std::path::PathBuf;

use portreeve_record::schema::logs;

use crate::config::{Destination, OutputConfig};
use crate::directory::DirectoryOutput;
use crate::output::Output;
use crate::select::Selected;
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

/// Opens what `config` describes.
///
/// # Errors
///
/// When the configuration names a log that does not exist, or the folder cannot be used.
pub fn open(config: &OutputConfig) -> Result<Box<dyn Output>, OpenError> {
    for name in &config.logs {
        if !logs().iter().any(|log| log.path == name) {
            return Err(OpenError::UnknownLog(name.clone()));
        }
    }
    let output: Box<dyn Output> = match &config.destination {
        Destination::Stdout => Box::new(StreamOutput::new(
            config.name.clone(),
            stdout().map_err(OpenError::Stdout)?,
            config.dialect,
            config.time,
        )),
        Destination::Directory { path, rotation } => Box::new(DirectoryOutput::open(
            config.name.clone(),
            path.clone(),
            *rotation,
            config.dialect,
            config.time,
        )?),
    };
    Ok(if config.logs.is_empty() {
        output
    } else {
        Box::new(Selected::new(output, config.logs.clone()))
    })
}
