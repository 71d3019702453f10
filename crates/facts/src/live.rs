//! What a reload may change while outputs run: what is joined, the local networks and the databases.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, Networks};
use crate::geo::Databases;

/// What is in force.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// What is joined, if it is something else than when the joiners were made. The size of their tables stays.
    pub config: Option<Config>,
    /// The networks that are ours.
    pub networks: Networks,
    /// The databases of places.
    pub databases: Databases,
}

/// What is in force, shared by all joiners. They compare a number, and only when it is new take the lock behind it.
#[derive(Debug, Default)]
pub struct Live {
    version: AtomicU64,
    now: Mutex<Arc<Now>>,
}

impl Live {
    /// `now` is in force.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Live {
            version: AtomicU64::new(0),
            now: Mutex::new(Arc::new(now)),
        }
    }

    /// Puts `now` in force.
    pub fn change(&self, now: Now) {
        let mut held = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(now);
        self.version.fetch_add(1, Relaxed);
    }

    /// What is in force.
    #[must_use]
    pub fn now(&self) -> Arc<Now> {
        Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in force, if it is another than that of `version`, which becomes its number.
    pub(crate) fn newer(&self, version: &mut u64) -> Option<Arc<Now>> {
        let newest = self.version.load(Relaxed);
        if newest == *version {
            return None;
        }
        *version = newest;
        Some(self.now())
    }
}
