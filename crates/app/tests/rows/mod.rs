//! Zeek's own rows, as its tests expect them, against ours.
#![allow(dead_code)]

use std::path::Path;

use serde_json::{Map, Value};

use crate::common;

/// A row, by field.
pub type Row = Map<String, Value>;

/// Our rows of `log` in a capture.
pub fn ours(capture: &Path, log: &str) -> Vec<Row> {
    let lines = String::from_utf8(common::json_lines(&common::records_of(capture))).unwrap();
    let rows = lines
        .lines()
        .map(|line| serde_json::from_str::<Row>(line).unwrap());
    rows.filter(|row| row["_path"] == log).collect()
}

/// A value as Zeek's TSV has it; sets and vectors sorted.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(true)) => "T".to_owned(),
        Some(Value::Bool(false)) => "F".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let mut items: Vec<String> = items.iter().map(|item| text(Some(item))).collect();
            items.sort();
            items.join(",")
        }
        Some(other) => other.to_string(),
    }
}

fn sorted(text: &str) -> String {
    let mut items: Vec<&str> = text.split(',').collect();
    items.sort_unstable();
    items.join(",")
}

/// Compares all rows that Zeek's tests expect in their file `LOG.log`: each must be among ours in all fields but moments, identifiers and those in `but`,
/// and where `also` says it is the same; and there must be as many. Returns how many there were.
pub fn compare(
    corpus: &Path,
    log: &str,
    but: &[&str],
    also: fn(&str, &str, &str) -> bool,
) -> usize {
    compare_tests(corpus, log, &[], but, also)
}

/// The same without the tests whose names end in one of `without`.
pub fn compare_tests(
    corpus: &Path,
    log: &str,
    without: &[&str],
    but: &[&str],
    also: fn(&str, &str, &str) -> bool,
) -> usize {
    let expected = std::fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut compared = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let name = test["test"].as_str().unwrap();
        let Some(rows) = test["logs"][format!("{log}.log")]["rows"].as_array() else {
            continue;
        };
        if without.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let trace = test["traces"][0]
            .as_str()
            .unwrap()
            .replacen('/', "/pcap/", 1);
        let mut ours = ours(&corpus.join(trace), log);
        assert_eq!(ours.len(), rows.len(), "{name}: {ours:#?}");
        for row in rows {
            let row = row.as_object().unwrap();
            let differences = |ours: &Row| {
                let fields = row.iter().filter(|(field, _)| {
                    !["ts", "uid"].contains(&field.as_str()) && !but.contains(&field.as_str())
                });
                let mut differences = Vec::new();
                for (field, theirs) in fields {
                    let (ours, theirs) = (text(ours.get(field)), text(Some(theirs)));
                    if sorted(&ours) != sorted(&theirs) && !also(field, &ours, &theirs) {
                        differences.push(format!("{field}: {ours} / {theirs}"));
                    }
                }
                differences
            };
            let all: Vec<_> = ours.iter().map(differences).collect();
            let Some(at) = all.iter().position(Vec::is_empty) else {
                panic!("{name}: {:#?}", all.iter().min_by_key(|d| d.len()));
            };
            ours.remove(at);
            compared += 1;
        }
    }
    compared
}
