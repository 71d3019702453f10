//! Reading the records that `portreeve` writes: JSON lines, each with `_path` naming its log.

use std::net::IpAddr;

use serde_json::{Map, Value};

/// One record, as it was written.
#[derive(Clone, Debug)]
pub struct Line(pub Map<String, Value>);

impl Line {
    /// The log it belongs to.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text("_path").unwrap_or_default()
    }

    /// A field as text; `None` if it is not there or not text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }

    /// A field as a count; 0 if it is not there.
    #[must_use]
    pub fn count(&self, field: &str) -> u64 {
        self.0.get(field).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A field as a number; `None` if it is not there.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<f64> {
        self.0.get(field)?.as_f64()
    }

    /// Whether a field is there.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// A field as Zeek's TSV would write it: `-` if it is not there.
    #[must_use]
    pub fn zeek(&self, field: &str) -> String {
        match self.0.get(field) {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(value)) => if *value { "T" } else { "F" }.to_owned(),
            Some(Value::Number(number)) => match (field, number.as_f64()) {
                ("ts" | "duration", Some(seconds)) => format!("{seconds:.6}"),
                _ => number.to_string(),
            },
            Some(Value::Array(items)) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.join(",")
            }
            Some(Value::Object(_)) => "{}".to_owned(),
        }
    }

    /// An address field.
    ///
    /// # Panics
    /// If it is there and not an address: the tests read only what `portreeve` wrote.
    #[must_use]
    pub fn address(&self, field: &str) -> Option<IpAddr> {
        let text = self.text(field)?;
        Some(
            text.parse()
                .unwrap_or_else(|_| panic!("{field}={text:?} is not an address")),
        )
    }
}

/// Reads JSON lines.
///
/// # Panics
/// If a line is not a JSON object.
#[must_use]
pub fn read(text: &str) -> Vec<Line> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => Line(object),
            other => panic!("not a JSON object ({other:?}): {line}"),
        })
        .collect()
}

/// A TCP or UDP conversation as the truth names it: `tcp 1.2.3.4 5 6.7.8.9 443`, the ends in the order of their text.
///
/// `None` for other protocols.
#[must_use]
pub fn tuple(line: &Line) -> Option<String> {
    let protocol = match line.text("proto")? {
        "tcp" => "tcp",
        "udp" => "udp",
        _ => return None,
    };
    let end = |who: &str| {
        let address = line.address(&format!("id.{who}_h"))?;
        Some((truth_text(address), line.count(&format!("id.{who}_p"))))
    };
    let (mut low, mut high) = (end("orig")?, end("resp")?);
    if low > high {
        std::mem::swap(&mut low, &mut high);
    }
    Some(format!(
        "{protocol} {} {} {} {}",
        low.0, low.1, high.0, high.1
    ))
}

/// An address as the truth writes it: an IPv4-mapped one (`::ffff:1.2.3.4`) in hexadecimal.
fn truth_text(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let segments = v6.segments();
            format!("::ffff:{:x}:{:x}", segments[6], segments[7])
        }
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"_path":"conn","ts":1.5,"uid":"C1","id.orig_h":"9.9.9.9","id.orig_p":443,"id.resp_h":"10.0.0.1","id.resp_p":5,"proto":"tcp","duration":0.25,"local_orig":true,"tunnel_parents":["C2"]}"#;

    #[test]
    fn fields_read_as_zeek_writes_them() {
        let lines = read(LINE);
        let written: Vec<String> = [
            "duration",
            "local_orig",
            "tunnel_parents",
            "id.orig_p",
            "service",
        ]
        .map(|field| lines[0].zeek(field))
        .to_vec();
        assert_eq!(written, ["0.250000", "T", "C2", "443", "-"]);
    }

    #[test]
    fn a_tuple_has_its_ends_in_text_order() {
        // As text "10.0.0.1" comes before "9.9.9.9".
        assert_eq!(
            tuple(&read(LINE)[0]).as_deref(),
            Some("tcp 10.0.0.1 5 9.9.9.9 443")
        );
    }
}
