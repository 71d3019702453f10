//! The configuration as text: the page docs/configuration.md, and what `--check` prints.

use std::fmt::Write as _;

use super::keys::{Key, SECTIONS};
use super::layers::Layers;

/// The last word of a key's name: as it stands in its table.
fn short(key: &Key) -> &str {
    key.name.rsplit('.').next().unwrap_or(key.name)
}

/// The page docs/configuration.md.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    for section in SECTIONS {
        let title = match section.name {
            "" => "Before the first table".to_owned(),
            name => format!("`[{name}]`"),
        };
        let _ = writeln!(page, "\n## {title}\n\n{}\n", joined(section.doc));
        page.push_str("| key | type | default |\n| --- | --- | --- |\n");
        for key in section.keys {
            let _ = writeln!(
                page,
                "| [`{}`](#{}) | {} | `{}` |",
                short(key),
                key.name.replace('.', ""),
                (key.kind)(),
                (key.default)()
            );
        }
        for key in section.keys {
            let _ = writeln!(page, "\n### {}\n\n{}\n", key.name, joined(key.doc));
            if key.mask.is_some() {
                page.push_str(
                    "It may hold a secret: what prints the configuration shows `***` for that.\n\n",
                );
            }
            page.push_str(if key.live {
                "Live: a reload (SIGHUP) changes it at once.\n"
            } else {
                "Takes a restart.\n"
            });
        }
    }
    page
}

fn joined(doc: &[&str]) -> String {
    doc.iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The effective configuration as a file, each value with where it came from. Secrets are not shown.
#[must_use]
pub fn effective(layers: &Layers) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        if !section.name.is_empty() {
            let _ = writeln!(text, "\n[{}]", section.name);
        }
        for key in section.keys {
            let assignment = format!("{} = {}", short(key), layers.shown(key));
            let origin = layers
                .origin(key.name)
                .map_or_else(|| "default".to_owned(), ToString::to_string);
            let _ = writeln!(text, "{assignment:<40} # {origin}");
        }
    }
    text
}

const INTRODUCTION: &str = "\
# Configuration

Portreeve needs no configuration: every key has a default, and most have a flag. A file is for what
should stay. This page is generated from the program's own table of keys.

Portreeve reads `/etc/portreeve/portreeve.toml` when it runs as root, and
`$XDG_CONFIG_HOME/portreeve/portreeve.toml` (`~/.config/portreeve/portreeve.toml`) otherwise, if the
file is there; `--config FILE` names another, which must be there. The file is
[TOML](https://toml.io).

What is said later wins: defaults, then the file, then `--set key=value`, then flags.

```sh
portreeve --check                           # is the file right, and what is in force?
portreeve --check --set engine.memory=2GiB  # the same, with one key changed
portreeve reference                         # this page, of the version installed
```

`--check` prints the configuration in force as a file, each value with the line or flag it came
from, and exits with 0; it exits with 2 if anything is wrong, after naming every mistake. Secrets (users' hashes, headers and path of the
webhook) are shown as `***`, there and wherever the configuration is printed.

At `SIGHUP` Portreeve reads the configuration again and reopens its log files. If anything is wrong
it names every mistake and changes nothing; else it names every key that changed, with the old and
the new value. Keys called live are in force at once, the others when it is started again.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// `PORTREEVE_WRITE_DOCS=1 cargo test -p portreeve` writes the page.
    #[test]
    fn the_page_in_docs_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        if std::env::var_os("PORTREEVE_WRITE_DOCS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == markdown(),
            "docs/configuration.md is stale; write it with PORTREEVE_WRITE_DOCS=1 cargo test -p portreeve"
        );
    }

    #[test]
    fn what_check_prints_is_a_configuration_that_says_the_same() {
        let mut layers = Layers::default();
        layers.set("engine.cpus=0-3").unwrap();
        layers.set("local_nets=10.0.0.0/8").unwrap();
        let mut again = Layers::default();
        again
            .file(std::path::Path::new("again.toml"), &effective(&layers))
            .unwrap();
        assert_eq!(
            Config::from_layers(&layers).unwrap(),
            Config::from_layers(&again).unwrap()
        );
        assert!(effective(&layers).contains("cpus = \"0-3\""));
        assert!(effective(&layers).contains("# --set"));
    }

    #[test]
    fn what_check_prints_has_no_secrets() {
        let mut layers = Layers::default();
        for argument in [
            "alerts.webhook=https://hooks.example/T0/secret1",
            "alerts.webhook_headers=[\"Authorization: Bearer secret2\", \"X-Key: secret3\"]",
            "web.users=ann:secret4",
        ] {
            layers.set(argument).unwrap();
        }
        let text = effective(&layers);
        assert!(!text.contains("secret"), "{text}");
        for shown in [
            "webhook = \"https://hooks.example/***\"",
            "webhook_headers = [\"Authorization: ***\", \"X-Key: ***\"]",
            "users = \"ann:***\"",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    }
}
