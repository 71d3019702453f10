//! What can go wrong with a store, and on which file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process writes into this store.
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// Its process number, if the lock file tells.
        by: Option<u32>,
    },
    /// The system refused something on a file or folder.
    Io {
        /// What was to be done, as in "cannot …".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The content of a file is not what it should be, or could not be made.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl StoreError {
    pub(crate) fn io(
        doing: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| StoreError::Io {
            doing,
            path,
            source,
        }
    }

    pub(crate) fn arrow(path: &Path) -> impl FnOnce(ArrowError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            ArrowError::IoError(_, source) => StoreError::Io {
                doing: "read or write",
                path,
                source,
            },
            error => StoreError::Content {
                path,
                what: error.to_string(),
            },
        }
    }

    pub(crate) fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |error| {
            let error = match error {
                ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                    Ok(source) => {
                        return StoreError::Io {
                            doing: "read or write",
                            path,
                            source: *source,
                        };
                    }
                    Err(inner) => ParquetError::External(inner),
                },
                other => other,
            };
            StoreError::Content {
                path,
                what: error.to_string(),
            }
        }
    }

    /// What is wrong with the content of a file.
    pub(crate) fn content(path: &Path) -> impl FnOnce(String) -> Self {
        let path = path.to_owned();
        move |what| StoreError::Content { path, what }
    }

    /// Whether the file's content is at fault: trying again will not help.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self, StoreError::Content { .. })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Locked { path, by } => {
                write!(
                    f,
                    "{}: another instance writes into this store",
                    path.display()
                )?;
                if let Some(by) = by {
                    write!(f, " (process {by})")?;
                }
                f.write_str("; end it, or name another folder: --set store.path=DIR")
            }
            StoreError::Io {
                doing,
                path,
                source,
            } => write!(f, "{}: cannot {doing}: {source}", path.display()),
            StoreError::Content { path, what } => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
