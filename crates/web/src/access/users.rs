//! Who may log in: names with the hashes of their passwords or tokens.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::hash::{Hash, hash_password};

/// The most entries: each token that comes is compared with all.
const MOST: usize = 1000;

/// Users, each with one or more secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    entries: Arc<Vec<(String, Hash)>>,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// Which entry: its number from 1, and its name if it has one.
    pub entry: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.entry, self.what)
    }
}

impl std::error::Error for UserError {}

/// A hash that no password has, with which the unknown user's password is compared: so that the time does not tell who is known.
static NOBODY: LazyLock<Option<Hash>> = LazyLock::new(|| {
    let hash = hash_password(&super::hex(&super::random::<16>()));
    hash.ok().map(Hash::Password)
});

impl Users {
    /// Reads entries, each `NAME:HASH` as `portreeve web password` and `portreeve web token` print them. Empty ones and those that begin with `#` are left out.
    ///
    /// # Errors
    /// The first entry that is wrong.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Users, UserError> {
        let mut users = Vec::new();
        for (at, entry) in entries.into_iter().enumerate() {
            let entry = entry.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let wrong = |name: &str, what: String| UserError {
                entry: format!("{} {name}", at + 1).trim_end().to_owned(),
                what,
            };
            let Some((name, hash)) = entry.split_once(':') else {
                return Err(wrong("", "write it as NAME:HASH".to_owned()));
            };
            if name.is_empty() || name.chars().any(char::is_control) {
                return Err(wrong("", "a user needs a name".to_owned()));
            }
            let hash = Hash::parse(hash.trim()).map_err(|what| wrong(name, what))?;
            users.push((name.to_owned(), hash));
            if users.len() > MOST {
                return Err(wrong(name, format!("more than {MOST} are too many")));
            }
        }
        Ok(Users {
            entries: Arc::new(users),
        })
    }

    /// Whether there are none: everybody may look.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, others: &Users) -> Users {
        Users {
            entries: Arc::new(
                self.entries
                    .iter()
                    .chain(others.entries.iter())
                    .cloned()
                    .collect(),
            ),
        }
    }

    /// Whether there is a user of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(known, _)| known == name)
    }

    /// The user with this password. No name: whoever has it, where only one user has a password. Slow on purpose.
    pub(crate) fn by_password(&self, name: Option<&str>, password: &str) -> Option<String> {
        let with_password = || {
            self.entries
                .iter()
                .filter(|(_, hash)| matches!(hash, Hash::Password(_)))
        };
        let entry = match name {
            Some(name) => with_password().find(|(known, _)| known == name),
            None => with_password()
                .next()
                .filter(|_| with_password().count() == 1),
        };
        let Some((name, hash)) = entry else {
            NOBODY
                .as_ref()
                .map(|nobody| nobody.is_of_password(password));
            return None;
        };
        hash.is_of_password(password).then(|| name.clone())
    }

    /// The user with this token.
    pub(crate) fn by_token(&self, token: &str) -> Option<String> {
        self.entries
            .iter()
            .find(|(_, hash)| hash.is_of_token(token))
            .map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::new_token;
    use super::*;

    #[test]
    fn users_are_found_by_what_they_know() {
        let (token, hash) = new_token();
        let lines = [
            "# who may look".to_owned(),
            String::new(),
            format!("ann:{}", hash_password("one").expect("a hash")),
            format!("grafana:{hash}"),
        ];
        let users = Users::parse(lines.iter().map(String::as_str)).expect("they are right");
        assert_eq!(
            users.by_password(Some("ann"), "one").as_deref(),
            Some("ann")
        );
        assert_eq!(users.by_password(None, "one").as_deref(), Some("ann"));
        assert_eq!(users.by_password(Some("ann"), "two"), None);
        assert_eq!(users.by_password(Some("bob"), "one"), None);
        assert_eq!(users.by_token(&token).as_deref(), Some("grafana"));
        assert_eq!(users.by_token("one"), None);
        assert!(users.has("ann") && !users.has("bob"));
    }

    #[test]
    fn a_name_is_needed_where_several_have_passwords() {
        let lines = ["a:", "b:"].map(|name| format!("{name}{}", hash_password("x").expect("ok")));
        let users = Users::parse(lines.iter().map(String::as_str)).expect("they are right");
        assert_eq!(users.by_password(None, "x"), None);
        assert_eq!(users.by_password(Some("b"), "x").as_deref(), Some("b"));
    }

    #[test]
    fn a_wrong_entry_is_named() {
        let error = Users::parse(["", "ann:secret"]).expect_err("no hash");
        assert!(error.to_string().starts_with("entry 2 ann: "), "{error}");
        assert!(Users::parse(["nothing"]).is_err());
        assert!(Users::parse([":$sha256$00"]).is_err());
    }
}
