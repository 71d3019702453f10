//! DNS records of real captures against what other programs found in them.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use portreeve_record::{App, Record};
use serde_json::Value;

/// Query or reply, name, type, response code of a reply's header.
type Item = [String; 4];

/// Ports whose name services the other programs do not count as DNS.
const NOT_DNS_PROPER: [u16; 3] = [137, 5353, 5355];

/// The items that our records of a capture stand for.
fn items(records: &[Record]) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    for record in records {
        let Record::App(App::Dns(dns)) = record else {
            continue;
        };
        let (Some(query), Some(qtype)) = (&dns.query, dns.qtype) else {
            continue;
        };
        if NOT_DNS_PROPER.contains(&dns.head.resp_p) {
            continue;
        }
        let item =
            |kind: &str, rcode: String| [kind.into(), query.to_string(), qtype.to_string(), rcode];
        if dns.saw_query {
            items.insert(item("q", String::new()));
        }
        if let Some(rcode) = dns.rcode {
            // The others give the header's bits only.
            items.insert(item("r", (rcode & 0xf).to_string()));
        }
    }
    items
}

/// Paths of the captures in the corpus, and where its truth about each is.
fn captures(corpus: &Path) -> Vec<(String, std::path::PathBuf)> {
    let index = fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let path = |line: &str| line.split('\t').nth(1).map(str::to_owned);
    index
        .lines()
        .skip(1)
        .filter_map(path)
        .filter_map(|path| {
            let (set, name) = path.split_once("/pcap/")?;
            let truth = corpus.join(format!("truth/consensus/{set}/{name}.json"));
            truth.exists().then_some((path.clone(), truth))
        })
        .collect()
}

#[test]
fn queries_and_replies_are_those_that_others_find() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let (mut wanted, mut found, mut told, mut right, mut with_dns) = (0, 0, 0, 0, 0);
    for (path, truth) in captures(&corpus) {
        let truth: Value = serde_json::from_slice(&fs::read(truth).unwrap()).unwrap();
        let truth = truth["dns"].as_array().unwrap();
        if truth.is_empty() {
            continue;
        }
        with_dns += 1;
        let ours = items(&common::records_of(&corpus.join(&path)));
        let mut theirs = BTreeSet::new();
        for item in truth {
            let key: Item = serde_json::from_value(item["key"].clone()).unwrap();
            if item["counts"].as_object().unwrap().len() > 1 {
                wanted += 1;
                if ours.contains(&key) {
                    found += 1;
                } else {
                    eprintln!("missed in {path}: {key:?}");
                }
            }
            theirs.insert(key);
        }
        told += ours.len();
        right += ours.intersection(&theirs).count();
        for item in ours.difference(&theirs) {
            eprintln!("only ours in {path}: {item:?}");
        }
    }
    eprintln!("{with_dns} captures with DNS: recall {found}/{wanted}, precision {right}/{told}");
    assert!(with_dns > 100);
    assert!(found * 100 >= wanted * 99, "recall {found}/{wanted}");
    assert!(right * 100 >= told * 99, "precision {right}/{told}");
}

/// Captures whose rows differ for a reason outside of DNS.
const APART: [&str; 3] = [
    // The two directions are in different VLANs: two flows to us.
    "zeek/dns__sshfp-trunc.pcap",
    // The second reply is the same packet once more, which we count and leave out.
    "zeek/dns-two-responses.pcap",
    // Several logs of one capture under different settings.
    "zeek/tunnels__gre-sample.pcap",
];

/// Fields that we take from a reply where no query was seen, and Zeek leaves out.
const OF_THE_QUESTION: [&str; 8] = [
    "query",
    "qclass",
    "qclass_name",
    "qtype",
    "qtype_name",
    "RD",
    "TC",
    "Z",
];

#[test]
fn rows_are_those_of_zeek() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut compared = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let (Some(rows), Some(trace)) = (
            test["logs"]["dns.log"]["rows"].as_array(),
            test["traces"][0].as_str(),
        ) else {
            continue;
        };
        if APART.contains(&trace) {
            continue;
        }
        let file = corpus.join(trace.replacen('/', "/pcap/", 1));
        let lines = common::json_lines(&common::records_of(&file));
        let ours: Vec<Value> = lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(|record: &Value| record["_path"] == "dns")
            .collect();
        assert_eq!(ours.len(), rows.len(), "{trace}");
        for row in rows {
            let row = row.as_object().unwrap();
            let best = ours
                .iter()
                .map(|record| differences(row, record))
                .min_by_key(Vec::len);
            assert_eq!(
                best.unwrap_or_default(),
                Vec::<String>::new(),
                "{trace}: {row:?}"
            );
            compared += 1;
        }
    }
    assert!(compared >= 40, "{compared}");
}

fn differences(row: &serde_json::Map<String, Value>, ours: &Value) -> Vec<String> {
    let differs = |(field, theirs): &(&String, &Value)| {
        let unasked = ours["saw_query"] == false && OF_THE_QUESTION.contains(&field.as_str());
        let ours = as_zeek(&ours[field.as_str()]);
        let theirs = theirs.as_str().unwrap_or_default();
        // 32 over NBNS is NB; Zeek has the name that it has over DNS.
        let nbns = (theirs, ours.as_str()) == ("NIMLOC", "NB");
        let ours_alone = matches!(field.as_str(), "ts" | "uid" | "auth" | "addl");
        !(ours_alone || unasked || nbns || theirs == ours)
    };
    row.iter()
        .filter(differs)
        .map(|(field, theirs)| format!("{field}: {theirs} there, {} here", ours[field.as_str()]))
        .collect()
}

/// A value as Zeek's TSV has it.
fn as_zeek(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(true) => "T".into(),
        Value::Bool(false) => "F".into(),
        Value::Number(number) if number.is_f64() => format!("{:.6}", number.as_f64().unwrap()),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_zeek).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[test]
fn multicast_names_and_netbios_are_told_one_by_one() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let records = common::records_of(&corpus.join("zeek/pcap/dns__mdns-no-assoc.pcap"));
    let dns = |record: &Record| match record {
        Record::App(App::Dns(dns)) => Some((dns.saw_query, dns.query.clone()?)),
        _ => None,
    };
    let told: Vec<_> = records.iter().filter_map(dns).collect();
    // Nobody's answer is taken for an answer to the query before it.
    assert_eq!(told.len(), 6);
    assert_eq!(told.iter().filter(|(query, _)| *query).count(), 3);
}
