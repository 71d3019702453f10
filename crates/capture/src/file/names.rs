//! From what the user named to the files there are.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::CaptureError;

/// The files that `names` stand for, patterns expanded, each in the order given.
pub(crate) fn expand<'a>(
    names: impl Iterator<Item = &'a OsStr>,
) -> Result<Vec<PathBuf>, CaptureError> {
    let mut paths = Vec::new();
    for name in names {
        let path = Path::new(name);
        let pattern = name.to_str().filter(|name| name.contains(['*', '?', '[']));
        match pattern {
            Some(pattern) if !path.exists() => {
                let before = paths.len();
                let matches = glob::glob(pattern).map_err(|error| CaptureError::File {
                    path: path.to_owned(),
                    error: io::Error::new(io::ErrorKind::InvalidInput, error),
                })?;
                // Folders that may not be read and folders that fit are passed over, as shells do.
                paths.extend(matches.filter_map(Result::ok).filter(|path| !path.is_dir()));
                if paths.len() == before {
                    return Err(CaptureError::File {
                        path: path.to_owned(),
                        error: io::Error::new(io::ErrorKind::NotFound, "no file fits the pattern"),
                    });
                }
            }
            _ => paths.push(path.to_owned()),
        }
    }
    if paths.is_empty() {
        return Err(CaptureError::File {
            path: PathBuf::new(),
            error: io::Error::new(io::ErrorKind::InvalidInput, "no file was named"),
        });
    }
    Ok(paths)
}
