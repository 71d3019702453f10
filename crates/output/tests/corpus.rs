//! Our files against what Zeek and Suricata themselves wrote, in the corpus.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use common::{context, full, records};
use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_record::Record;
use portreeve_record::conn::Conn;
use serde_json::Value as Json;

fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("PORTREEVE_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        eprintln!("PORTREEVE_CORPUS is not set: nothing is compared with Zeek and Suricata");
    }
    corpus
}

fn columns<'a>(text: &'a str, line: &str) -> Option<Vec<&'a str>> {
    let found = text.lines().find(|l| l.starts_with(line))?;
    Some(found.split('\t').skip(1).collect())
}

fn ours(record: &Record) -> String {
    let mut out = Vec::new();
    let mut formatter = Formatter::new(Dialect::ZeekTsv, TimeFormat::Epoch, false);
    formatter.header(&mut out, record.path(), UNIX_EPOCH);
    formatter.record(&mut out, record, &context());
    String::from_utf8(out).unwrap()
}

/// Zeek's own baselines of `conn.log` and `weird.log`: same lines before the fields, fields in the same order with the same types.
#[test]
fn headers_are_zeeks() {
    let Some(corpus) = corpus() else { return };
    let mut compared = 0;
    for test in fs::read_dir(corpus.join("zeek/expected")).unwrap() {
        let test = test.unwrap().path();
        for record in [Record::Conn(Conn::default()), records()[3].clone()] {
            let file = test.join(format!("{}.log", record.path()));
            let Ok(theirs) = fs::read_to_string(&file) else {
                continue;
            };
            let (Some(names), Some(types)) =
                (columns(&theirs, "#fields"), columns(&theirs, "#types"))
            else {
                continue;
            };
            // Baselines of tests that rename or leave out fields.
            if names.first() != Some(&"ts")
                || !names.contains(&"id.resp_p")
                || theirs.contains("l2_addr")
            {
                continue;
            }
            let ours = ours(&record);
            for line in [
                "#separator",
                "#set_separator",
                "#empty_field",
                "#unset_field",
                "#path",
            ] {
                let of = |text: &str| {
                    text.lines()
                        .find(|l| l.starts_with(line))
                        .map(str::to_owned)
                };
                assert_eq!(of(&theirs), of(&ours), "{}", file.display());
            }
            let our_names = columns(&ours, "#fields").unwrap();
            let our_types = columns(&ours, "#types").unwrap();
            let mut at = 0;
            for (name, kind) in names.iter().zip(&types) {
                let found = our_names.iter().position(|n| n == name);
                let found = found.unwrap_or_else(|| panic!("no {name} ({})", file.display()));
                assert!(found >= at, "{name} stands elsewhere ({})", file.display());
                at = found;
                assert_eq!(our_types[found], *kind, "{name} ({})", file.display());
            }
            compared += 1;
        }
    }
    assert!(compared >= 50, "only {compared} logs compared");
}

/// The form of values: what Zeek wrote in `conn.log` is, column by column, of the form we write.
#[test]
fn values_have_zeeks_form() {
    let Some(corpus) = corpus() else { return };
    let mut checked = 0;
    for test in fs::read_dir(corpus.join("zeek/expected")).unwrap() {
        let Ok(theirs) = fs::read_to_string(test.unwrap().path().join("conn.log")) else {
            continue;
        };
        let Some(names) = columns(&theirs, "#fields") else {
            continue;
        };
        let mut conn = full();
        conn.duration = Some(555_571_000);
        let ours = ours(&Record::Conn(conn));
        let our_names = columns(&ours, "#fields").unwrap();
        let our_row: Vec<&str> = ours.lines().last().unwrap().split('\t').collect();
        for row in theirs.lines().filter(|line| !line.starts_with(['#', '{'])) {
            for (name, value) in names.iter().zip(row.split('\t')) {
                let Some(at) = our_names.iter().position(|n| n == name) else {
                    continue;
                };
                // Decimals after the point, letters of a boolean, numbers as numbers.
                let form = |text: &str| match *name {
                    "ts" | "duration" => text.split_once('.').map(|(_, d)| d.len()),
                    "local_orig" | "local_resp" => Some(usize::from(text == "T" || text == "F")),
                    "orig_bytes" | "orig_pkts" | "id.orig_p" | "ip_proto" => {
                        text.parse::<u64>().ok().map(|_| 0)
                    }
                    _ => None,
                };
                if value != "-" {
                    assert_eq!(form(value), form(our_row[at]), "{name}: {value}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 1000, "only {checked} values checked");
}

/// Every path that Suricata's own tests ask for in `flow` events is one that we write, or one of a known few that we do not have.
#[test]
fn eve_paths_are_suricatas() {
    const NOT_OURS: &[&str] = &[
        // Verdicts, rules and Ethernet addresses.
        "flow.action",
        "flow.bypass",
        "flow.tx_cnt",
        "flow.exception_policy",
        "metadata",
        "traffic",
        "ether",
        "not-has-key",
        // Reassembly internals; flags that a history does not keep; what needs application parsers.
        "tcp.ts_max_regions",
        "tcp.tc_max_regions",
        "tcp.psh",
        "app_proto_orig",
        "app_proto_tc",
        "spi",
    ];
    let Some(corpus) = corpus() else { return };
    let mut ours = BTreeSet::new();
    let mut icmp = full();
    (icmp.ip_proto, icmp.orig_p) = (1, 8);
    let mut reset = full();
    reset.history = common::history("ShRr");
    for conn in [full(), icmp, reset] {
        let mut out = Vec::new();
        let record = Record::Conn(conn);
        Formatter::new(Dialect::Eve, TimeFormat::Epoch, false).record(
            &mut out,
            &record,
            &context(),
        );
        let json: Json = serde_json::from_slice(&out).unwrap();
        for (name, value) in json.as_object().unwrap() {
            ours.insert(name.clone());
            if let Some(inner) = value.as_object() {
                ours.extend(inner.keys().map(|key| format!("{name}.{key}")));
            }
        }
    }
    let text = fs::read_to_string(corpus.join("suricata-verify/expected.jsonl")).unwrap();
    let mut asked = 0;
    for line in text.lines() {
        let test: Json = serde_json::from_str(line).unwrap();
        for check in test["checks"].as_array().into_iter().flatten() {
            if check["match"]["event_type"] != "flow" {
                continue;
            }
            for path in check["match"].as_object().unwrap().keys() {
                let path = path.split('[').next().unwrap();
                let not_ours = NOT_OURS.iter().any(|prefix| path.starts_with(prefix));
                assert!(
                    not_ours || ours.contains(path),
                    "{path} in {}",
                    test["test"]
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 1000, "only {asked} paths");
}
