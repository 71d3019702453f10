//! What all requests share.

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Semaphore, watch};

use crate::access::{Attempts, Sessions, Users};
use crate::limits;
use crate::past::Past;
use crate::sources::Sources;
use crate::stream::Feed;

/// What all requests share; cloned for each.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// The shared part.
pub(crate) struct Shared {
    /// What is shown.
    pub sources: Sources,
    /// The store, if there is one.
    pub history: Option<Past>,
    /// Sessions of browsers.
    pub sessions: Sessions,
    /// Failed attempts to log in.
    pub attempts: Attempts,
    /// One password at a time: each takes 19 MiB and a while.
    pub passwords: Semaphore,
    /// Places for live streams.
    pub streams: Arc<Semaphore>,
    /// Places for queries.
    pub queries: Arc<Semaphore>,
    /// The stream that all pages share.
    pub feed: Feed,
    /// Becomes true when the server ends.
    pub ending: watch::Receiver<bool>,
    users: RwLock<Users>,
    secure: bool,
    port: u16,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// For a server on `port`, with TLS or without.
    pub fn new(
        sources: Sources,
        users: Users,
        feed: Feed,
        ending: watch::Receiver<bool>,
        (secure, port): (bool, u16),
    ) -> App {
        App(Arc::new(Shared {
            history: sources.history.clone().map(Past::new),
            sources,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            passwords: Semaphore::new(1),
            streams: Arc::new(Semaphore::new(limits::STREAMS)),
            queries: Arc::new(Semaphore::new(limits::QUERIES)),
            feed,
            ending,
            users: RwLock::new(users),
            secure,
            port,
        }))
    }
}

impl Shared {
    /// Who may look, now.
    pub fn users(&self) -> Users {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users.clone()
    }

    /// Others may look from now on. Sessions of who may not any more end.
    pub fn set_users(&self, users: Users) {
        self.sessions.keep(|user| users.has(user));
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = users;
    }

    /// Whether cookies go over TLS only.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The name of the session's cookie. Cookies know no ports, so the name does: two servers on one host do not log each other out.
    pub fn cookie(&self) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}portreeve_{}", self.port)
    }
    /// The header that sets the session's cookie, or, with no seconds, takes it away.
    pub fn set_cookie(&self, secret: &str, seconds: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!(
            "{}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
            self.cookie()
        )
    }
}
