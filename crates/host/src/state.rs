//! What Portreeve must remember of what it changed: small JSON files in `/var/lib/portreeve`.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Root;

const FOLDER: &str = "var/lib/portreeve";

/// Where the file `name` is.
pub(crate) fn file(name: &str) -> String {
    format!("{FOLDER}/{name}.json")
}

/// What is remembered under `name`; nothing, if there is no such file.
///
/// # Errors
/// It may not be read, or is not what this version writes: then nothing is overwritten.
pub(crate) fn load<T: DeserializeOwned + Default>(root: &Root, name: &str) -> io::Result<T> {
    match std::fs::read(root.path(file(name))) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

/// Remembers `value` under `name`.
///
/// # Errors
/// It may not be written.
pub(crate) fn save<T: Serialize>(root: &Root, name: &str, value: &T) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    text.push('\n');
    root.put(file(name), &text)
}
