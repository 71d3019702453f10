//! Where addresses are: country and autonomous system, by database files in the format of MaxMind DB that the user has.
//!
//! Files are read into memory whole, not mapped: one that is cut short while it is mapped would end the program. They are looked through once
//! when they are opened, so that a damaged one is refused then and there.

use std::fmt;
use std::fs::Metadata;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maxminddb::{MaxMindDbError, Reader};
use portreeve_record::facts::End;
use serde::Deserialize;

use crate::bounded::Bounded;

/// How many addresses' places are kept, so that the same are not looked up over and over.
const MAX_PLACES: usize = 1 << 15;

/// Why a database cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file cannot be read.
    Read(PathBuf, std::io::Error),
    /// It is no database, or a damaged one.
    Damaged(PathBuf, MaxMindDbError),
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseError::Read(path, error) => {
                write!(f, "{}: cannot be read: {error}", path.display())
            }
            DatabaseError::Damaged(path, error) => write!(
                f,
                "{}: not a sound database (a file in MaxMind's DB format, .mmdb, is expected): {error}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for DatabaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DatabaseError::Read(_, error) => Some(error),
            DatabaseError::Damaged(_, error) => Some(error),
        }
    }
}

/// What tells that a file is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// A database file, read.
pub struct Database {
    path: PathBuf,
    stamp: Stamp,
    reader: Reader<Vec<u8>>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .field("type", &self.kind())
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Reads the file at `path` and looks through it.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let unread = |error| DatabaseError::Read(path.to_owned(), error);
        let damaged = |error| DatabaseError::Damaged(path.to_owned(), error);
        let stamp = Stamp::of(&std::fs::metadata(path).map_err(unread)?);
        let bytes = std::fs::read(path).map_err(unread)?;
        let reader = Reader::from_source(bytes).map_err(damaged)?;
        match reader.verify() {
            // Larger than what is looked through: that is no damage.
            Ok(()) | Err(MaxMindDbError::ResourceLimit { .. }) => {}
            Err(error) => return Err(damaged(error)),
        }
        Ok(Database {
            path: path.to_owned(),
            stamp,
            reader,
        })
    }

    /// `before` if the file at `path` is still the one it was read from; else reads it.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn reopen(before: Option<&Arc<Self>>, path: &Path) -> Result<Arc<Self>, DatabaseError> {
        if let Some(before) = before
            && before.path == path
            && let Ok(metadata) = std::fs::metadata(path)
            && Stamp::of(&metadata) == before.stamp
        {
            return Ok(Arc::clone(before));
        }
        Database::open(path).map(Arc::new)
    }

    /// What it calls itself: `GeoLite2-Country`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    fn look_up<'a, T: Deserialize<'a>>(&'a self, address: IpAddr) -> Option<T> {
        // An IPv6 address in a database of IPv4 is an error to the reader, and to us one without a place.
        self.reader.lookup(address).ok()?.decode().ok()?
    }
}

/// The databases of a run.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    /// The one that knows countries.
    pub country: Option<Arc<Database>>,
    /// The one that knows autonomous systems.
    pub asn: Option<Arc<Database>>,
}

impl PartialEq for Databases {
    /// Whether they are the same ones, as they were read.
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Option<Arc<Database>>, other: &Option<Arc<Database>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same(&self.country, &other.country) && same(&self.asn, &other.asn)
    }
}

impl Databases {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.country.is_none() && self.asn.is_none()
    }

    fn look_up(&self, address: IpAddr) -> Place {
        let country = self.country.as_ref().and_then(|database| {
            let found: Country<'_> = database.look_up(address)?;
            found.code().map(Arc::from)
        });
        let system: Option<System<'_>> = self
            .asn
            .as_ref()
            .and_then(|database| database.look_up(address));
        Place {
            country,
            asn: system.as_ref().and_then(System::number),
            organisation: system
                .and_then(|system| system.organisation())
                .map(Arc::from),
        }
    }
}

/// What a database of countries or cities says: MaxMind's form (DB-IP has the same), and the flat one of IPinfo.
#[derive(Deserialize)]
struct Country<'a> {
    #[serde(borrow, default)]
    country: Option<CountryForm<'a>>,
    #[serde(borrow, default)]
    registered_country: Option<CountryForm<'a>>,
    #[serde(borrow, default)]
    country_code: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CountryForm<'a> {
    Nested {
        #[serde(borrow, default)]
        iso_code: Option<&'a str>,
    },
    Flat(&'a str),
}

impl<'a> Country<'a> {
    /// The code: of two letters in capitals, whatever else it says.
    fn code(&self) -> Option<&'a str> {
        let of = |form: &Option<CountryForm<'a>>| match form {
            Some(CountryForm::Nested { iso_code }) => *iso_code,
            Some(CountryForm::Flat(code)) => Some(*code),
            None => None,
        };
        [
            of(&self.country),
            self.country_code,
            of(&self.registered_country),
        ]
        .into_iter()
        .flatten()
        .find(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()))
    }
}

/// What a database of autonomous systems says, in the same two forms.
#[derive(Deserialize)]
struct System<'a> {
    #[serde(default)]
    autonomous_system_number: Option<u32>,
    #[serde(borrow, default)]
    autonomous_system_organization: Option<&'a str>,
    #[serde(borrow, default)]
    asn: Option<&'a str>,
    #[serde(borrow, default)]
    as_name: Option<&'a str>,
}

impl<'a> System<'a> {
    fn number(&self) -> Option<u32> {
        self.autonomous_system_number
            .or_else(|| self.asn?.strip_prefix("AS")?.parse().ok())
    }

    fn organisation(&self) -> Option<&'a str> {
        self.autonomous_system_organization
            .or(self.as_name)
            .filter(|name| !name.is_empty())
    }
}

/// Where an address is.
#[derive(Clone, Debug, Default)]
struct Place {
    country: Option<Arc<str>>,
    asn: Option<u32>,
    organisation: Option<Arc<str>>,
}

/// The databases, and what was looked up in them lately.
#[derive(Debug)]
pub(crate) struct Places {
    databases: Databases,
    lately: Bounded<IpAddr, Place>,
}

impl Places {
    pub(crate) fn new(databases: Databases) -> Self {
        Places {
            databases,
            lately: Bounded::new(MAX_PLACES),
        }
    }

    /// Says where the host at this end is.
    pub(crate) fn tell(&mut self, address: IpAddr, end: &mut End) {
        let place = match self.lately.get(&address) {
            Some(place) => place,
            None => {
                let place = self.databases.look_up(address);
                self.lately.insert(address, place);
                let Some(place) = self.lately.get(&address) else {
                    return;
                };
                place
            }
        };
        end.country.clone_from(&place.country);
        end.asn = place.asn;
        end.organisation.clone_from(&place.organisation);
    }
}
