//! Facts that span conversations: what is joined to records, as configured, and what a reload changes of it.

use std::path::PathBuf;
use std::sync::Arc;

use portreeve_app::Products;
use portreeve_facts::{Database, DatabaseError, Databases, Knowledge, Live, Networks, Now, Whose};
use portreeve_record::Joiner;

use crate::config::Config;
use crate::config::values::{Hosts, Interval};
use crate::exit::Failure;

/// What is joined in this run.
pub struct Facts {
    config: portreeve_facts::Config,
    /// The table that names products, if conversations are looked into.
    products: Option<Arc<Products>>,
    live: Arc<Live>,
}

fn whose(hosts: Hosts) -> Whose {
    match hosts {
        Hosts::Local => Whose::Local,
        Hosts::Remote => Whose::Remote,
        Hosts::All => Whose::Everybody,
        Hosts::None => Whose::Nobody,
    }
}

fn nanoseconds(interval: Interval) -> i64 {
    i64::try_from(interval.0.as_nanos()).unwrap_or(i64::MAX)
}

fn networks(config: &Config) -> Networks {
    Networks::new(config.general.local_nets.clone())
}

/// What is joined by these keys.
fn joined(config: &Config, products: Option<&Arc<Products>>) -> portreeve_facts::Config {
    let keys = &config.facts;
    // Whatever logs are written as text: the store has all of them.
    portreeve_facts::Config {
        hosts: whose(keys.known_hosts),
        services: whose(keys.known_services),
        software: whose(keys.software),
        again: nanoseconds(keys.again),
        certificates_again: nanoseconds(keys.certificates_again),
        dhcp: keys.join_dhcp,
        names: keys.names,
        products: products.filter(|_| keys.products).cloned().map(|table| {
            portreeve_facts::Products(Arc::new(move |host| table.name(table.of_host(host))))
        }),
        entries: usize::try_from(keys.entries).unwrap_or(usize::MAX),
    }
}

impl Facts {
    /// As the configuration says; `products` is the table that names products, if conversations are looked into.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn new(config: &Config, products: Option<Arc<Products>>) -> Result<Facts, Failure> {
        let keys = &config.facts;
        let open = |key: &str, path: &Option<PathBuf>| {
            let database = path.as_ref().map(|path| Database::open(path)).transpose();
            database
                .map(|database| database.map(Arc::new))
                .map_err(|error| Failure::failed(format!("facts.{key}: {error}")))
        };
        let databases = Databases {
            country: open("country_database", &keys.country_database)?,
            asn: open("asn_database", &keys.asn_database)?,
        };
        Ok(Facts {
            config: joined(config, products.as_ref()),
            products,
            live: Arc::new(Live::new(Now {
                config: None,
                networks: networks(config),
                databases,
            })),
        })
    }

    /// What stands between one output and its feed.
    #[must_use]
    pub fn joiner(&self) -> Box<dyn Joiner> {
        Box::new(Knowledge::new(&self.config, Arc::clone(&self.live)))
    }

    /// Puts the keys in force that a reload can change, and reads databases again that are other files now. Of one that cannot be read the old one
    /// stays: a warning for each.
    #[must_use]
    pub fn reload(&self, config: &Config) -> Vec<String> {
        let before = self.live.now();
        let mut warnings = Vec::new();
        let mut open = |key: &str, path: &Option<PathBuf>, before: &Option<Arc<Database>>| {
            let path = path.as_ref()?;
            match Database::reopen(before.as_ref(), path) {
                Ok(database) => Some(database),
                Err(error) => {
                    warnings.push(kept(key, &error, before.is_some()));
                    before.clone()
                }
            }
        };
        let keys = &config.facts;
        let databases = Databases {
            country: open(
                "country_database",
                &keys.country_database,
                &before.databases.country,
            ),
            asn: open("asn_database", &keys.asn_database, &before.databases.asn),
        };
        self.live.change(Now {
            config: Some(joined(config, self.products.as_ref())),
            networks: networks(config),
            databases,
        });
        warnings
    }
}

fn kept(key: &str, error: &DatabaseError, had_one: bool) -> String {
    if had_one {
        format!("facts.{key}: {error}; the one that was read before stays in force")
    } else {
        format!("facts.{key}: {error}; there is none")
    }
}
