//! Configuration: which file, what it says, and how it is shown.
//!
//! Precedence: defaults, then the file, then `--set`, then flags. Keys are described once, in [`keys`].

pub mod keys;
pub mod layers;
pub mod reference;
pub mod secrets;
pub mod values;

use std::path::{Path, PathBuf};

pub use keys::Config;
pub use layers::{ConfigError, Layers, Origin, distance};
use values::Setting;

/// The folders of a run: system-wide for root, the user's own else (XDG Base Directory Specification).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The configuration file that is read when none is named.
    pub config: PathBuf,
    /// Where control sockets are.
    pub runtime: PathBuf,
    /// Where a service keeps its history unless it is said; `None`: this is no service.
    pub store: Option<PathBuf>,
}

impl Places {
    /// The folders of the user that runs this process.
    #[must_use]
    pub fn of_this_user() -> Places {
        Places::of(nix::unistd::geteuid().as_raw(), |name| {
            std::env::var_os(name).map(PathBuf::from)
        })
    }

    /// The folders of a service: the system's, or those that the service manager made for it.
    #[must_use]
    pub fn of_service() -> Places {
        Places::of_service_by(|name| std::env::var_os(name).map(PathBuf::from))
    }

    /// Whether these are a service's.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.store.is_some()
    }

    fn of_service_by(variable: impl Fn(&str) -> Option<PathBuf>) -> Places {
        let folder = |name, usual: &str| {
            variable(name)
                .filter(|path| path.is_absolute())
                .unwrap_or_else(|| PathBuf::from(usual))
        };
        let state = folder("STATE_DIRECTORY", "/var/lib/portreeve");
        Places {
            config: "/etc/portreeve/portreeve.toml".into(),
            runtime: folder("RUNTIME_DIRECTORY", "/run/portreeve"),
            store: Some(state.join("store")),
        }
    }

    fn of(user: u32, variable: impl Fn(&str) -> Option<PathBuf>) -> Places {
        // The specification: a relative path in one of its variables is to be ignored.
        let variable = |name| variable(name).filter(|path| path.is_absolute());
        let home = variable("HOME").unwrap_or_else(|| "/".into());
        if user == 0 {
            return Places {
                config: "/etc/portreeve/portreeve.toml".into(),
                runtime: "/run/portreeve".into(),
                store: None,
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
            store: None,
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
    if let Some(store) = &places.store {
        layers.put("store.path", store.to_toml(), Origin::Service);
    }
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
    fn a_service_keeps_history_unless_its_file_says_otherwise() {
        let places = Places::of_service_by(|_| None);
        let store = |places: &Places| {
            let (layers, _) = read_file(None, places).unwrap();
            Config::from_layers(&layers).unwrap().store.path
        };
        assert_eq!(places.runtime, Path::new("/run/portreeve"));
        let file = std::env::temp_dir().join(format!("portreeve-{}.toml", std::process::id()));
        let places = Places {
            config: file.clone(),
            ..places
        };
        assert_eq!(store(&places), Some("/var/lib/portreeve/store".into()));
        std::fs::write(&file, "[store]\npath = \"\"\n").unwrap();
        assert_eq!(store(&places), None);
        std::fs::remove_file(&file).unwrap();
        let given = Places::of_service_by(|name| Some(PathBuf::from("/given").join(name)));
        assert_eq!(given.runtime, Path::new("/given/RUNTIME_DIRECTORY"));
        assert_eq!(given.store, Some("/given/STATE_DIRECTORY/store".into()));
    }

    #[test]
    fn a_named_file_must_exist_and_the_default_one_need_not() {
        let places = Places {
            config: "/nonexistent/p.toml".into(),
            runtime: "/nonexistent".into(),
            store: None,
        };
        assert_eq!(read_file(None, &places).unwrap().1, None);
        let error = read_file(Some(Path::new("/nonexistent/x.toml")), &places).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.toml"), "{error}");
    }
}
