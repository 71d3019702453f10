//! What is shown of values that hold secrets: enough to know them by, and `***`.

use toml::Value;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// What of a text may be shown.
pub type Mask = fn(&str) -> String;

/// `Authorization: Bearer abc` → `Authorization: ***`.
pub fn header(text: &str) -> String {
    match text.split_once(':') {
        Some((name, _)) => format!("{}: {HIDDEN}", name.trim()),
        None => HIDDEN.to_owned(),
    }
}

/// `ann:$argon2id$…` → `ann:***`.
pub fn user(text: &str) -> String {
    match text.split_once(':') {
        Some((name, _)) => format!("{name}:{HIDDEN}"),
        None => HIDDEN.to_owned(),
    }
}

/// `https://me:word@host/path/token` → `https://host/***`: for many services the path is the secret.
pub fn url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return HIDDEN.to_owned();
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match path {
        "" | "/" => format!("{scheme}://{host}{path}"),
        _ => format!("{scheme}://{host}/{HIDDEN}"),
    }
}

/// A value with each of its texts masked.
pub fn masked(value: &Value, mask: Mask) -> Value {
    match value {
        // Nothing is no secret.
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(text) => Value::String(mask(text)),
        Value::Array(values) => {
            Value::Array(values.iter().map(|value| masked(value, mask)).collect())
        }
        // Of another type than it should have: it is refused, and not shown meanwhile.
        _ => Value::String(HIDDEN.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hosts_are_shown_and_the_rest_is_not() {
        assert_eq!(header("Authorization: Bearer abc"), "Authorization: ***");
        assert_eq!(header("X-Key:a:b"), "X-Key: ***");
        assert_eq!(header("abc"), "***");
        assert_eq!(user("ann:$argon2id$v=19$x"), "ann:***");
        assert_eq!(user("$argon2id$v=19$x"), "***");
        for (text, shown) in [
            ("https://host", "https://host"),
            ("https://host/", "https://host/"),
            ("https://host:8443/hook/T0/abc", "https://host:8443/***"),
            ("https://me:word@host/x", "https://host/***"),
            ("https://host?key=abc", "https://host/***"),
            ("http://me:wo@rd@[::1]:80/", "http://[::1]:80/"),
            ("abc", "***"),
        ] {
            assert_eq!(url(text), shown);
        }
    }
}
