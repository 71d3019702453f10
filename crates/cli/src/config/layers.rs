//! Layers of settings: defaults, then the file, then `--set`, then flags; each value knows where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::{Key, key, keys};
use super::secrets;
use super::values::Setting;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// What a service has unless it is told otherwise.
    Service,
    /// A line of a configuration file.
    File(PathBuf, usize),
    /// `--set`.
    Set,
    /// A flag, as it is written.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Service => f.write_str("portreeve run"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Set => f.write_str("--set"),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// What is wrong with the configuration, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file and line, or the flag.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What was set, the later layer over the earlier.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    values: BTreeMap<String, (toml::Value, Origin)>,
}

impl Layers {
    /// Sets `name`, over what an earlier layer said.
    pub fn put(&mut self, name: &str, value: toml::Value, origin: Origin) {
        self.values.insert(name.to_owned(), (value, origin));
    }

    /// Adds the text of a configuration file; `path` is for messages.
    ///
    /// # Errors
    /// Text that is not TOML, with the line.
    pub fn file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table = toml::de::DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            ConfigError {
                place: Origin::File(path.to_owned(), line).to_string(),
                what: error.message().to_owned(),
            }
        })?;
        self.table(path, text, "", table.get_ref());
        Ok(())
    }

    fn table(&mut self, path: &Path, text: &str, prefix: &str, table: &toml::de::DeTable<'_>) {
        for (name, value) in table {
            let full = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            // An unknown table is taken apart all the same: each of its keys is reported on its line.
            if let toml::de::DeValue::Table(inner) = value.get_ref() {
                if !inner.is_empty() {
                    self.table(path, text, &full, inner);
                }
                continue;
            }
            let line = line_of(text, name.span().start);
            self.put(
                &full,
                plain(value.get_ref()),
                Origin::File(path.to_owned(), line),
            );
        }
    }

    /// Adds one `--set key=value`. The value is TOML, or text without its quotes.
    ///
    /// # Errors
    /// An argument without `=`.
    pub fn set(&mut self, argument: &str) -> Result<(), ConfigError> {
        let Some((name, text)) = argument.split_once('=') else {
            return Err(ConfigError {
                place: format!("--set {argument}"),
                what: "write it as key=value, for example --set engine.memory=2GiB".into(),
            });
        };
        let (name, text) = (name.trim(), text.trim());
        let value = toml::from_str::<toml::Table>(&format!("value = {text}"))
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| toml::Value::String(text.to_owned()));
        self.put(name, value, Origin::Set);
        Ok(())
    }

    /// Where the value of `name` came from; `None`: it is the default.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.values.get(name).map(|(_, origin)| origin)
    }

    /// The value of `key`, as it was set or its default.
    #[must_use]
    pub fn value(&self, key: &Key) -> toml::Value {
        self.values
            .get(key.name)
            .map_or_else(key.default, |(value, _)| value.clone())
    }

    /// The same, as it may be shown: of a secret only what it is known by.
    #[must_use]
    pub fn shown(&self, key: &Key) -> toml::Value {
        let value = self.value(key);
        match key.mask {
            Some(mask) => secrets::masked(&value, mask),
            None => value,
        }
    }

    /// Reads the value of `name`, if it was set.
    ///
    /// # Errors
    /// A value of the wrong type.
    pub fn read<T: Setting>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let Some((value, origin)) = self.values.get(name) else {
            return Ok(None);
        };
        T::from_toml(value).map(Some).map_err(|what| ConfigError {
            place: origin.to_string(),
            what: format!("{name}: {what}"),
        })
    }

    /// The names that no key has, each with the key that was probably meant.
    #[must_use]
    pub fn unknown(&self) -> Vec<ConfigError> {
        self.values
            .iter()
            .filter(|(name, _)| key(name).is_none())
            .map(|(name, (_, origin))| ConfigError {
                place: origin.to_string(),
                what: match nearest(name) {
                    Some(meant) => format!("there is no key {name}; did you mean {meant}?"),
                    None => format!(
                        "there is no key {name}; `portreeve --check` lists those that there are"
                    ),
                },
            })
            .collect()
    }
}

/// A parsed value without its places in the text.
fn plain(value: &toml::de::DeValue<'_>) -> toml::Value {
    use toml::de::DeValue;
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(
                |_| toml::Value::String(number.as_str().to_owned()),
                toml::Value::Integer,
            ),
        DeValue::Float(number) => number.as_str().parse().map_or_else(
            |_| toml::Value::String(number.as_str().to_owned()),
            toml::Value::Float,
        ),
        DeValue::Boolean(value) => toml::Value::Boolean(*value),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(values) => {
            toml::Value::Array(values.iter().map(|value| plain(value.get_ref())).collect())
        }
        DeValue::Table(table) => toml::Value::Table(
            table
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), plain(value.get_ref())))
                .collect(),
        ),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// The key most like `name`: the same last word in another table, or few letters away.
fn nearest(name: &str) -> Option<&'static str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance_of = |key: &Key| {
        let whole = distance(name, key.name);
        // Only the word after the dot: a key put before its table, or into the wrong one.
        let word = distance(&last(name), &last(key.name));
        whole.min(word)
    };
    let limit = last(name).len().div_ceil(3);
    keys()
        .map(|key| (distance_of(key), key.name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance: letters to insert, delete or replace. `-` and `_` are one letter.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a
        .chars()
        .map(|c| if c == '-' { '_' } else { c })
        .enumerate()
    {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::values::{ByteSize, Workers};

    fn file(text: &str) -> Layers {
        let mut layers = Layers::default();
        layers.file(Path::new("p.toml"), text).unwrap();
        layers
    }

    #[test]
    fn later_layers_win_and_each_value_knows_its_origin() {
        let mut layers =
            file("[engine]\nworkers = 2\nmemory = \"1GiB\"\n[flow]\ntcp_idle = \"10s\"");
        layers.set("engine.memory=3GiB").unwrap();
        layers.put(
            "engine.workers",
            Workers::Count(5).to_toml(),
            Origin::Flag("--workers"),
        );
        let config = Config::from_layers(&layers).unwrap();
        assert_eq!(config.engine.workers, Workers::Count(5));
        assert_eq!(config.engine.memory, Some(ByteSize(3 << 30)));
        assert_eq!(config.flow.tcp_idle.0.as_secs(), 10);
        assert_eq!(config.flow.udp_idle.0.as_secs(), 60);
        let origin = |name| layers.origin(name).map(ToString::to_string);
        assert_eq!(origin("engine.workers").as_deref(), Some("--workers"));
        assert_eq!(origin("engine.memory").as_deref(), Some("--set"));
        assert_eq!(origin("flow.tcp_idle").as_deref(), Some("p.toml:5"));
        assert_eq!(origin("flow.udp_idle"), None);
    }

    #[test]
    fn every_error_is_reported_with_its_line_and_what_was_meant() {
        let errors = Config::from_layers(&file(
            "snaplen = 10\n[engine]\nworker = 2\nmemory = \"lots\"\n[flow]\ntcp-idle = \"1s\"\n[quux]\nzzzzzz = 1",
        ))
        .unwrap_err();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 5, "{errors:#?}");
        let has = |text: &str| {
            assert!(
                errors.iter().any(|e| e.contains(text)),
                "{text}: {errors:#?}"
            );
        };
        has("p.toml:1: there is no key snaplen; did you mean capture.snaplen?");
        has("p.toml:3: there is no key engine.worker; did you mean engine.workers?");
        has("p.toml:4: engine.memory: \"lots\" is not an amount of bytes");
        has("p.toml:6: there is no key flow.tcp-idle; did you mean flow.tcp_idle?");
        has("p.toml:8: there is no key quux.zzzzzz; `portreeve --check`");
    }

    #[test]
    fn text_that_is_not_toml_is_reported_with_its_line() {
        let error = Layers::default()
            .file(Path::new("p.toml"), "sensor = \"a\"\n[engine\n")
            .unwrap_err();
        assert_eq!(error.place, "p.toml:2");
    }

    #[test]
    fn set_takes_toml_or_bare_text() {
        let mut layers = Layers::default();
        for argument in [
            "capture.filter=tcp port 80",
            "capture.promiscuous=false",
            "local_nets=[\"10.0.0.0/8\", \"fd00::/8\"]",
            "output.log_dir=/tmp/x",
        ] {
            layers.set(argument).unwrap();
        }
        let config = Config::from_layers(&layers).unwrap();
        assert_eq!(config.capture.filter.as_deref(), Some("tcp port 80"));
        assert!(!config.capture.promiscuous);
        assert_eq!(config.general.local_nets.len(), 2);
        assert_eq!(config.output.log_dir, Some("/tmp/x".into()));
        assert!(layers.set("capture.filter").is_err());
    }

    #[test]
    fn a_table_where_a_value_belongs_is_an_error() {
        assert!(Config::from_layers(&file("[capture.filter]\nx = 1")).is_err());
        assert!(Config::from_layers(&file("engine = 3")).is_err());
    }
}
