//! Protocols by their names.

use super::{Setting, text};

/// A protocol that conversations can be in, by its name in `service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolName(pub String);

impl Setting for ProtocolName {
    fn kind() -> String {
        "protocol such as `dns`".into()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let name: String = text(value, "a protocol such as \"dns\"")?;
        portreeve_app::Applications::only([name.as_str()]).map_err(|error| error.to_string())?;
        Ok(ProtocolName(name))
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}
