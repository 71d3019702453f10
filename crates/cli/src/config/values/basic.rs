//! Types of Rust's own: truth, numbers, text, paths, what may be missing, lists.

use std::path::PathBuf;

use super::{Setting, text};

impl Setting for bool {
    fn kind() -> String {
        "`true` or `false`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| format!("expected true or false, found {value}"))
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Boolean(*self)
    }
}

impl Setting for u32 {
    fn kind() -> String {
        "number".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        value
            .as_integer()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("expected a number from 0 to {}, found {value}", u32::MAX))
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Integer((*self).into())
    }
}

impl Setting for String {
    fn kind() -> String {
        "text".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        text(value, "text in quotes")
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.clone())
    }
}

impl Setting for PathBuf {
    fn kind() -> String {
        "path".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        text(value, "a path in quotes")
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.display().to_string())
    }
}

/// Nothing is written as the empty text.
impl<T: Setting> Setting for Option<T> {
    fn kind() -> String {
        T::kind()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        if value.as_str() == Some("") {
            return Ok(None);
        }
        T::from_toml(value).map(Some)
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref()
            .map_or_else(|| toml::Value::String(String::new()), Setting::to_toml)
    }
}

/// A list; one value alone counts as a list of one.
impl<T: Setting> Setting for Vec<T> {
    fn kind() -> String {
        let kind = T::kind();
        let article = if kind.starts_with("one of") { "" } else { "a " };
        format!("list, each {article}{kind}")
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Array(values) => values.iter().map(T::from_toml).collect(),
            one => Ok(vec![T::from_toml(one)?]),
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Array(self.iter().map(Setting::to_toml).collect())
    }
}
