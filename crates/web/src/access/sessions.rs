//! Sessions of browsers, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{hex, is_same, random};

/// The most sessions at once; the one used least recently gives way.
const MOST: usize = 1000;
/// A session that is not used for so long ends.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// One session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Who.
    pub user: String,
    /// What a page of this site sends back, and one of another site cannot know.
    pub csrf: String,
    begun: Instant,
    used: Instant,
}

impl Session {
    /// Whether that is its CSRF token.
    pub fn is_csrf(&self, token: &str) -> bool {
        is_same(self.csrf.as_bytes(), token.as_bytes())
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) > IDLE || now.duration_since(self.begun) > Sessions::LIFE
    }
}

/// All sessions, by their secret.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    /// A session ends after so long, used or not.
    pub const LIFE: Duration = Duration::from_secs(14 * 24 * 3600);

    /// Begins one: its secret, for the cookie, and itself.
    pub fn begin(&self, user: String) -> (String, Session) {
        let now = Instant::now();
        let secret = hex(&random::<32>());
        let session = Session {
            user,
            csrf: hex(&random::<16>()),
            begun: now,
            used: now,
        };
        let mut sessions = self.lock();
        sessions.retain(|_, session| !session.is_over(now));
        if sessions.len() >= MOST
            && let Some(oldest) = sessions
                .iter()
                .min_by_key(|(_, session)| session.used)
                .map(|(secret, _)| secret.clone())
        {
            sessions.remove(&oldest);
        }
        sessions.insert(secret.clone(), session.clone());
        (secret, session)
    }

    /// The session with that secret, which is used by this.
    pub fn find(&self, secret: &str) -> Option<Session> {
        let now = Instant::now();
        let mut sessions = self.lock();
        let session = sessions.get_mut(secret)?;
        if session.is_over(now) {
            sessions.remove(secret);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends it.
    pub fn end(&self, secret: &str) {
        self.lock().remove(secret);
    }

    /// Ends those of users who are not there any more.
    pub fn keep(&self, is_there: impl Fn(&str) -> bool) {
        self.lock().retain(|_, session| is_there(&session.user));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_until_it_ends() {
        let sessions = Sessions::default();
        let (secret, session) = sessions.begin("ann".to_owned());
        assert_eq!(sessions.find(&secret).expect("it goes on").user, "ann");
        assert!(session.is_csrf(&session.csrf.clone()) && !session.is_csrf(""));
        assert!(sessions.find(&session.csrf).is_none());
        sessions.end(&secret);
        assert!(sessions.find(&secret).is_none());
    }

    #[test]
    fn their_number_is_bounded_and_the_least_used_gives_way() {
        let sessions = Sessions::default();
        let (first, _) = sessions.begin("ann".to_owned());
        let (second, _) = sessions.begin("bob".to_owned());
        for _ in 2..MOST {
            sessions.begin("eve".to_owned());
        }
        assert!(sessions.find(&first).is_some());
        sessions.begin("eve".to_owned());
        assert!(sessions.find(&first).is_some() && sessions.find(&second).is_none());
        sessions.keep(|user| user == "eve");
        assert!(sessions.find(&first).is_none());
    }

    #[test]
    fn what_is_old_is_over() {
        let now = Instant::now();
        let session = |begun: Duration, used: Duration| Session {
            user: String::new(),
            csrf: String::new(),
            begun: now,
            used: now + (begun - used),
        };
        assert!(!session(IDLE, IDLE).is_over(now + IDLE));
        assert!(session(IDLE, IDLE).is_over(now + IDLE + Duration::from_secs(1)));
        assert!(
            session(Sessions::LIFE, Duration::from_secs(1))
                .is_over(now + Sessions::LIFE + Duration::from_secs(1))
        );
    }
}
