//! Zeek's own logs of the corpus' captures, beside ours.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::common;

type Row = BTreeMap<String, String>;

/// A value of Zeek JSON as Zeek writes it in tables. Times and lengths of time have a point there.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(yes) => if *yes { "T" } else { "F" }.into(),
        Value::Number(number) if number.is_f64() => {
            format!("{:.6}", number.as_f64().unwrap_or_default())
        }
        Value::Array(items) if items.is_empty() => "(empty)".into(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Our rows of `log` for a capture, by field.
fn ours(capture: &Path, log: &str) -> Vec<Row> {
    let lines = common::json_lines(&common::records_of(capture));
    let text = String::from_utf8(lines).unwrap();
    let rows = text.lines().map(|line| {
        let row: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        row.iter().map(|(k, v)| (k.clone(), cell(v))).collect()
    });
    rows.filter(|row: &Row| row.get("_path").is_some_and(|path| path == log))
        .collect()
}

/// Compares all rows of Zeek's `log` in the corpus with ours, field by field, moments and uids of flows apart. `same` says of a field
/// that differs (field, Zeek's, ours) whether that is a difference that is documented. Returns how many rows were compared.
///
/// # Panics
/// If one is different.
pub fn agree(log: &str, same: impl Fn(&str, &str, &str) -> bool) -> usize {
    let Some(corpus) = common::corpus() else {
        return usize::MAX;
    };
    let expected = std::fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut compared = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let Some(rows) = test["logs"][format!("{log}.log")]["rows"].as_array() else {
            continue;
        };
        let trace = test["traces"][0].as_str().unwrap();
        let name = trace.strip_prefix("zeek/").unwrap_or(trace);
        let mut ours = ours(&corpus.join("zeek/pcap").join(name), log);
        for row in rows {
            let row: Row = row
                .as_object()
                .unwrap()
                .iter()
                .map(|(k, v)| (k.clone(), cell(v)))
                .collect();
            let differs = |our: &Row| -> Vec<String> {
                let pairs = row
                    .iter()
                    .filter(|(field, _)| !matches!(field.as_str(), "ts" | "uid" | "uids"));
                pairs
                    .filter_map(|(field, zeek)| {
                        let our = our.get(field).map_or("-", |our| our);
                        let fine = our == zeek || same(field, zeek, our);
                        (!fine).then(|| format!("{field}: {zeek} is {our}"))
                    })
                    .collect()
            };
            let best = (0..ours.len()).min_by_key(|&at| differs(&ours[at]).len());
            let Some(best) = best else {
                panic!("{name}: missing {row:?}");
            };
            let differences = differs(&ours[best]);
            assert!(differences.is_empty(), "{name}: {differences:?}");
            ours.remove(best);
            compared += 1;
        }
        assert!(ours.is_empty(), "{name}: not Zeek's: {ours:?}");
    }
    compared
}
