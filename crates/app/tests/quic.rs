//! QUIC in real captures, against what other programs found in them.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portreeve_record::{App, Head, Record};
use serde_json::{Map, Value};

/// A flow and what was found in it.
type Items = BTreeSet<(String, String)>;

/// What must be reached: this many of a hundred.
const ENOUGH: usize = 99;

/// A flow of UDP as the truth names it: its ends, sorted.
fn flow(head: &Head) -> String {
    let mut ends = [
        (head.orig_h.to_string(), head.orig_p),
        (head.resp_h.to_string(), head.resp_p),
    ];
    ends.sort();
    let [(low, low_p), (high, high_p)] = ends;
    format!("udp {low} {low_p} {high} {high_p}")
}

/// What we found: names, then fingerprints.
fn found(records: &[Record]) -> [Items; 2] {
    let mut items: [Items; 2] = Default::default();
    for record in records {
        match record {
            Record::App(App::Quic(quic)) => {
                if let Some(name) = &quic.server_name {
                    // One client puts a port behind the name, against RFC 6066. Zeek logs that as it is, and so do we; the others cut it off.
                    let name = name.split(':').next().unwrap_or_default();
                    items[0].insert((flow(&quic.head), name.to_owned()));
                }
            }
            Record::App(App::Ssl(ssl)) if ssl.head.ip_proto == 17 => {
                if let Some(ja4) = ssl.ja4.as_deref().filter(|ja4| ja4.starts_with('q')) {
                    items[1].insert((flow(&ssl.head), ja4.to_owned()));
                }
            }
            _ => {}
        }
    }
    items
}

/// What at least `least` other programs found in flows of UDP; two versions of one program count as one.
fn truth(all: &Value, kind: &str, least: usize) -> Items {
    let items = all[kind].as_array().unwrap().iter();
    let programs = |item: &Value| {
        let names = item["src"].as_array().unwrap().iter();
        let names: BTreeSet<_> = names
            .map(|name| name.as_str().unwrap().trim_end_matches('5'))
            .collect();
        names.len()
    };
    let text = |item: &Value, at: usize| item["key"][at].as_str().unwrap().to_owned();
    items
        .filter(|item| programs(item) >= least && text(item, 0).starts_with("udp"))
        .map(|item| (text(item, 0), text(item, 1)))
        .collect()
}

#[test]
fn names_and_fingerprints_agree_with_other_programs() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let (mut required, mut hit) = ([0; 2], [0; 2]);
    let (mut reported, mut right) = ([0; 2], [0; 2]);
    let mut missing = Vec::new();
    for set in std::fs::read_dir(corpus.join("truth/consensus")).unwrap() {
        let set = set.unwrap();
        for file in std::fs::read_dir(set.path()).unwrap() {
            let file = file.unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let all: Value = serde_json::from_str(&text).unwrap();
            let kinds = ["sni", "ja4"];
            let [mut names, prints] = kinds.map(|kind| truth(&all, kind, 1));
            // DTLS is another protocol's.
            let is_quic = |(_, print): &(String, String)| print.starts_with('q');
            if names.is_empty() && !prints.iter().any(is_quic) {
                continue;
            }
            let name = file.file_name().into_string().unwrap();
            let capture = corpus
                .join(set.file_name())
                .join("pcap")
                .join(name.trim_end_matches(".json"));
            let mut found = found(&common::records_of(&capture));
            let mut needed = kinds.map(|kind| truth(&all, kind, 2));
            needed[1].retain(is_quic);
            names.retain(|(_, name)| !name.is_empty());
            for (at, known) in [names, prints].iter().enumerate() {
                required[at] += needed[at].len();
                hit[at] += needed[at].intersection(&found[at]).count();
                // Of the versions that are there to be refused nobody else makes fingerprints: there is nothing to compare with.
                found[at]
                    .retain(|(flow, _)| at == 0 || known.iter().any(|(known, _)| known == flow));
                reported[at] += found[at].len();
                right[at] += found[at].intersection(known).count();
                missing.extend(needed[at].difference(&found[at]).cloned());
                missing.extend(found[at].difference(known).cloned());
            }
        }
    }
    eprintln!("of {required:?} found {hit:?}; of {reported:?} reported {right:?} right");
    for at in 0..2 {
        assert!(required[at] > 100, "{required:?}");
        assert!(100 * hit[at] >= ENOUGH * required[at], "{missing:#?}");
        assert!(100 * right[at] >= ENOUGH * reported[at], "{missing:#?}");
    }
}

fn rows(capture: &Path) -> Vec<Map<String, Value>> {
    let lines = String::from_utf8(common::json_lines(&common::records_of(capture))).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A field as Zeek's tables have it.
fn cell(row: &Map<String, Value>, field: &str) -> String {
    match row.get(field) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(true)) => "T".to_owned(),
        Some(Value::Bool(false)) => "F".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "(empty)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[test]
fn zeeks_rows_are_ours() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut compared = BTreeMap::new();
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        if test["logs"]["quic.log"].is_null() {
            continue;
        }
        let trace = test["traces"][0].as_str().unwrap();
        let trace = trace.strip_prefix("zeek/").unwrap();
        let ours = rows(&corpus.join("zeek/pcap").join(trace));
        for log in ["quic", "ssl"] {
            let of_log = ours.iter().filter(|row| row["_path"] == log).count();
            let theirs = test["logs"][format!("{log}.log")]["rows"]
                .as_array()
                .unwrap();
            assert_eq!(of_log, theirs.len(), "{trace} {log}");
            for row in theirs {
                let row = row.as_object().unwrap();
                let ours = ours.iter().find(|ours| {
                    ours["_path"] == log
                        && cell(ours, "id.orig_p") == row["id.orig_p"].as_str().unwrap()
                });
                let ours = ours.unwrap_or_else(|| panic!("{trace}: {row:#?}"));
                for (field, value) in row {
                    let (value, own) = (value.as_str().unwrap(), cell(ours, field));
                    let same = match field.as_str() {
                        "ts" | "uid" => true,
                        // We stop looking once the handshake is done.
                        "history" => value.starts_with(&own) && own.ends_with(['O', 'o']),
                        _ => value == own,
                    };
                    assert!(same, "{trace} {log}.{field}: {value}, ours {own}");
                }
                *compared.entry(log).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(compared, BTreeMap::from([("quic", 4), ("ssl", 4)]));
}

#[test]
fn suricatas_expectations_are_met() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("suricata-verify/expected.jsonl")).unwrap();
    let mut checked = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        for check in test["checks"].as_array().unwrap() {
            let wanted = &check["match"];
            if wanted["event_type"] != "quic" {
                continue;
            }
            let capture = test["pcap"].as_str().unwrap().replacen('/', "/pcap/", 1);
            let records = common::records_of(&corpus.join(&capture));
            let quics = records.iter().filter_map(|record| match record {
                Record::App(App::Quic(quic)) => Some(quic),
                _ => None,
            });
            let texts: Vec<_> = quics
                .flat_map(|quic| [quic.server_name.clone(), quic.client_protocol.clone()])
                .collect();
            assert!(!texts.is_empty(), "{capture}");
            // The values of the extensions for name and protocol.
            for (key, value) in wanted.as_object().unwrap() {
                if key.ends_with(".values[0]") {
                    let value = value.as_str().unwrap();
                    let has = texts.iter().any(|text| text.as_deref() == Some(value));
                    assert!(has, "{capture}: {value} not in {texts:?}");
                    checked += 1;
                }
            }
            checked += 1;
        }
    }
    assert!(checked > 8, "{checked}");
}

/// How nDPI numbers QUIC.
const NDPI_QUIC: &str = "188";
/// Flows that nDPI knows by their port, or by a match that is none: nothing in them says QUIC.
const NDPI_GUESSES: usize = 5;

#[test]
fn what_ndpi_calls_quic_is_quic_and_nothing_else() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let table = std::fs::read_to_string(corpus.join("ndpi/flows.tsv")).unwrap();
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let columns = [
        "pcap", "cfg", "l4", "a_ip", "a_port", "b_ip", "b_port", "proto_id",
    ]
    .map(column);
    let mut theirs: BTreeMap<&str, BTreeMap<String, bool>> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let [pcap, cfg, l4, a, a_p, b, b_p, number] = columns.map(|at| cells[at]);
        if cfg != "default" || l4 != "UDP" {
            continue;
        }
        let (Ok(a), Ok(b)) = (a.parse(), b.parse()) else {
            continue;
        };
        let head = Head {
            orig_h: a,
            orig_p: a_p.parse().unwrap(),
            resp_h: b,
            resp_p: b_p.parse().unwrap(),
            ..Head::default()
        };
        let quic = number.split('.').any(|part| part == NDPI_QUIC);
        theirs.entry(pcap).or_default().insert(flow(&head), quic);
    }
    let (mut agreed, mut missed, mut claimed) = (0, Vec::new(), Vec::new());
    for (pcap, flows) in &theirs {
        let records = common::records_of(&corpus.join("ndpi/pcap").join(pcap));
        let mut ours = BTreeMap::new();
        for record in &records {
            if let Record::Conn(conn) = record
                && conn.ip_proto == 17
            {
                let head = Head {
                    orig_h: conn.orig_h,
                    orig_p: conn.orig_p,
                    resp_h: conn.resp_h,
                    resp_p: conn.resp_p,
                    ..Head::default()
                };
                let quic = conn.service.is_some_and(|service| service.contains("quic"));
                *ours.entry(flow(&head)).or_insert(false) |= quic;
            }
        }
        for (flow, quic) in ours {
            match (quic, flows.get(&flow).copied().unwrap_or_default()) {
                (true, true) => agreed += 1,
                (true, false) => claimed.push((pcap, flow)),
                (false, true) => missed.push((pcap, flow)),
                (false, false) => {}
            }
        }
    }
    eprintln!("{agreed} flows in both");
    assert!(agreed > 190, "{agreed}");
    assert!(claimed.is_empty(), "{claimed:#?}");
    assert!(missed.len() <= NDPI_GUESSES, "{missed:#?}");
}
