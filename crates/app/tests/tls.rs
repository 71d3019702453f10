//! Handshakes of real captures against what other programs found in them.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use portreeve_record::{App, Head, Record};
use serde_json::Value;

/// A flow as the truth names it, and what was found in it.
type Item = (String, String);
/// Items by kind: `sni`, `ja3`, `ja3s`, `ja4`.
type Items = BTreeMap<&'static str, BTreeSet<Item>>;

const KINDS: [&str; 4] = ["sni", "ja3", "ja3s", "ja4"];

/// Captures whose TLS begins behind another protocol: that one's tests look at it.
const BEHIND_OTHERS: [&str; 6] = [
    "starttls",
    "pop3_stls",
    "connect-with",
    "sql",
    "socks",
    "proxy",
];

/// `tcp lower-address port higher-address port`, ordered as texts.
fn flow_key(head: &Head) -> String {
    let end = |address: IpAddr, port: u16| (address.to_string(), port);
    let mut ends = [end(head.orig_h, head.orig_p), end(head.resp_h, head.resp_p)];
    ends.sort();
    let [(low, low_port), (high, high_port)] = ends;
    format!("tcp {low} {low_port} {high} {high_port}")
}

/// What our records of a capture say, and the flows of which segments were not believed.
fn found(records: &[Record]) -> (Items, HashSet<String>) {
    let (mut items, mut damaged) = (Items::new(), HashSet::new());
    for record in records {
        match record {
            Record::App(App::Ssl(ssl)) if ssl.head.ip_proto == 6 => {
                let found = [
                    ssl.server_name.as_deref(),
                    ssl.ja3.as_deref(),
                    ssl.ja3s.as_deref(),
                    ssl.ja4.as_deref(),
                ];
                for (kind, text) in KINDS.into_iter().zip(found) {
                    if let Some(text) = text {
                        let item = (flow_key(&ssl.head), text.to_string());
                        items.entry(kind).or_default().insert(item);
                    }
                }
            }
            Record::Weird(weird) if weird.name.starts_with("bad_") => {
                if let Some((orig_h, orig_p, resp_h, resp_p)) = weird.endpoints {
                    damaged.insert(flow_key(&Head {
                        orig_h,
                        orig_p,
                        resp_h,
                        resp_p,
                        ..Head::default()
                    }));
                }
            }
            _ => {}
        }
    }
    (items, damaged)
}

/// Captures that have a handshake over TCP: their path, and what others found.
fn captures(corpus: &Path) -> Vec<(PathBuf, Value)> {
    let index = fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut captures = Vec::new();
    for line in index.lines().skip(1) {
        let Some(path) = line.split('\t').nth(1) else {
            continue;
        };
        let Some((set, name)) = path.split_once("/pcap/") else {
            continue;
        };
        let truth = corpus.join(format!("truth/consensus/{set}/{name}.json"));
        let Ok(text) = fs::read_to_string(truth) else {
            continue;
        };
        let truth: Value = serde_json::from_str(&text).unwrap();
        let any = KINDS.iter().any(|kind| !items_of(&truth, kind).is_empty());
        if any && !BEHIND_OTHERS.iter().any(|part| path.contains(part)) {
            captures.push((corpus.join(path), truth));
        }
    }
    captures
}

/// Items of a kind over TCP, and how many independent programs saw each.
fn items_of(truth: &Value, kind: &str) -> HashMap<Item, usize> {
    let items = truth[kind].as_array().into_iter().flatten();
    items
        .filter_map(|item| {
            let text = |at: usize| item["key"][at].as_str().map(str::to_owned);
            let programs: HashSet<_> = item["src"]
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .map(|name| if name == "ndpi5" { "ndpi" } else { name })
                .collect();
            Some(((text(0)?, text(1)?), programs.len()))
        })
        .filter(|((flow, _), _)| flow.starts_with("tcp"))
        .collect()
}

#[test]
fn what_several_programs_agree_on_is_found() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // Asked for, found; reported, seen by any other.
    let mut scores = BTreeMap::<&str, [usize; 4]>::new();
    for (path, truth) in captures(&corpus) {
        let (found, damaged) = found(&common::records_of(&path));
        for kind in KINDS {
            let known = items_of(&truth, kind);
            let ours = found.get(kind).cloned().unwrap_or_default();
            let score = scores.entry(kind).or_default();
            for (item, &programs) in &known {
                if programs >= 2 && !damaged.contains(&item.0) {
                    score[0] += 1;
                    score[1] += usize::from(ours.contains(item));
                    if !ours.contains(item) {
                        eprintln!("missing {kind} {} {item:?}", path.display());
                    }
                }
            }
            for item in &ours {
                score[2] += 1;
                score[3] += usize::from(known.contains_key(item));
                if !known.contains_key(item) {
                    eprintln!("alone with {kind} {} {item:?}", path.display());
                }
            }
        }
    }
    eprintln!("{scores:?}");
    for (kind, [asked, found, reported, seen]) in scores {
        assert!(asked > 300, "{kind}: the corpus has {asked}");
        assert!(found * 1000 >= asked * 995, "{kind}: {found} of {asked}");
        // Servers' hellos without extensions have a JA3S that few programs make.
        assert!(seen * 100 >= reported * 98, "{kind}: {seen} of {reported}");
    }
}

/// What Zeek's text of a value would be.
fn zeek_text(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::Bool(value)) => if *value { "T" } else { "F" }.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| zeek_text(Some(item))).collect();
            items.join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// Fields that cannot be the same, or that Zeek's tests add by scripts.
const NOT_COMPARED: [&str; 5] = [
    "ts",
    "uid",
    "validation_status",
    "certificate.tbs_sig_alg",
    "fingerprint",
];

#[test]
fn records_are_those_of_zeek() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut compared = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let Some(trace) = test["traces"][0].as_str() else {
            continue;
        };
        // A chain of more than 64 KiB is passed over; TLS behind other protocols is theirs; what Zeek believes with a wrong checksum we do not.
        let left_out = ["fragmented", "starttls", "ml-dsa"];
        let name = trace.trim_start_matches("zeek/");
        if !name.starts_with("tls__") || left_out.iter().any(|part| name.contains(part)) {
            continue;
        }
        let lines = common::json_lines(&common::records_of(&corpus.join("zeek/pcap").join(name)));
        let ours: Vec<Value> = lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        for (log, key) in [("ssl", "id.orig_p"), ("x509", "fingerprint")] {
            let rows = test["logs"][format!("{log}.log")]["rows"].as_array();
            for row in rows.into_iter().flatten() {
                let same = |ours: &&Value| {
                    ours["_path"] == log && zeek_text(ours.get(key)) == zeek_text(row.get(key))
                };
                let Some(ours) = ours.iter().find(same) else {
                    panic!("{name}: no {log} for {row}");
                };
                for (field, value) in row.as_object().unwrap() {
                    let value = match zeek_text(Some(value)) {
                        empty if empty == "(empty)" => "-".to_owned(),
                        text => text,
                    };
                    if NOT_COMPARED.contains(&field.as_str()) {
                        continue;
                    }
                    let mut mine = zeek_text(ours.get(field));
                    if field.contains("not_valid") {
                        mine = format!("{:.6}", mine.parse::<f64>().unwrap());
                    }
                    assert_eq!(mine, value, "{name}: {log} {field}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 200, "only {compared} fields were compared");
}
