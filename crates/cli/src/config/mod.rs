//! Configuration: which file, what it says, and how it is shown.
//!
//! Precedence: defaults, then the file, then `--set`, then flags. Keys are described once, in [`keys`].

pub mod keys;
pub mod layers;
pub mod reference;
pub mod values;

use std::path::{Path, PathBuf};

pub use keys::Config;
pub use layers::{ConfigError, Layers, Origin};

/// The folders of a run: system-wide for root, the user's own else (XDG Base Directory Specification).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The configuration file that is read when none is named.
    pub config: PathBuf,
    /// Where control sockets are.
    pub runtime: PathBuf,
}

impl Places {
    /// The folders of the user that runs this process.
    #[must_use]
    pub fn of_this_user() -> Places {
        Places::of(nix::unistd::geteuid().as_raw(), |name| {
            std::env::var_os(name).map(PathBuf::from)
        })
    }

    fn of(user: u32, variable: impl Fn(&str) -> Option<PathBuf>) -> Places {
        // The specification: a relative path in one of its variables is to be ignored.
        let variable = |name| variable(name).filter(|path| path.is_absolute());
        let home = variable("HOME").unwrap_or_else(|| "/".into());
        if user == 0 {
            return Places {
                config: "/etc/portreeve/portreeve.toml".into(),
                runtime: "/run/portreeve".into(),
            };
        }
        Places {
            config: variable("XDG_CONFIG_HOME")
                .unwrap_or_else(|| home.join(".config"))
                .join("portreeve/portreeve.toml"),
            runtime: variable("XDG_RUNTIME_DIR").map_or_else(
                || PathBuf::from(format!("/tmp/portreeve-{user}")),
                |folder| folder.join("portreeve"),
            ),
        }
    }
}

/// The file's layer: of `named`, which must be there, or of the default place, which need not be.
/// Also the path of the file that was read.
///
/// # Errors
/// A file that cannot be read or is not TOML.
pub fn read_file(
    named: Option<&Path>,
    places: &Places,
) -> Result<(Layers, Option<PathBuf>), ConfigError> {
    let path = named.unwrap_or(&places.config);
    let mut layers = Layers::default();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            layers.file(path, &text)?;
            Ok((layers, Some(path.to_owned())))
        }
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok((layers, None))
        }
        Err(error) => Err(ConfigError {
            place: path.display().to_string(),
            what: format!("the configuration cannot be read: {error}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_the_system_s_folders_and_others_their_own() {
        let none = |_: &str| None;
        let root = Places::of(0, none);
        assert_eq!(root.config, Path::new("/etc/portreeve/portreeve.toml"));
        assert_eq!(root.runtime, Path::new("/run/portreeve"));
        let set = |name: &str| match name {
            "HOME" => Some("/home/u".into()),
            "XDG_RUNTIME_DIR" => Some("/run/user/7".into()),
            "XDG_CONFIG_HOME" => Some("relative/is/ignored".into()),
            _ => None,
        };
        let user = Places::of(7, set);
        assert_eq!(
            user.config,
            Path::new("/home/u/.config/portreeve/portreeve.toml")
        );
        assert_eq!(user.runtime, Path::new("/run/user/7/portreeve"));
        assert_eq!(Places::of(7, none).runtime, Path::new("/tmp/portreeve-7"));
    }

    #[test]
    fn a_named_file_must_exist_and_the_default_one_need_not() {
        let places = Places {
            config: "/nonexistent/p.toml".into(),
            runtime: "/nonexistent".into(),
        };
        assert_eq!(read_file(None, &places).unwrap().1, None);
        let error = read_file(Some(Path::new("/nonexistent/x.toml")), &places).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.toml"), "{error}");
    }
}
