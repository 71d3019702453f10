//! HTTP against what other programs found in the captures of the corpus.

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;

use portreeve_record::app::http::Http;
use portreeve_record::{App, Record};
use serde_json::Value;

/// A capture's place below the corpus, and below the folders of truth about it.
fn captures(corpus: &Path) -> Vec<(String, String)> {
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let path = |line: &str| line.split('\t').nth(1).map(str::to_owned);
    index
        .lines()
        .skip(1)
        .filter_map(path)
        .map(|path| {
            let truth = format!("truth/consensus/{}.json", path.replace("/pcap/", "/"));
            (path, truth)
        })
        .collect()
}

fn https(records: &[Record]) -> impl Iterator<Item = &Http> {
    records.iter().filter_map(|record| match record {
        Record::App(App::Http(http)) => Some(&**http),
        _ => None,
    })
}

fn has_bad_checksums(records: &[Record]) -> bool {
    records.iter().any(|record| match record {
        Record::Weird(weird) => weird.name.ends_with("_checksum"),
        _ => false,
    })
}

fn flow_key(http: &Http) -> String {
    let head = &http.head;
    // An IPv4 address within IPv6 is written as IPv6 there.
    let text = |address: IpAddr| match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let [.., high, low] = v6.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        _ => address.to_string(),
    };
    let mut ends = [
        (text(head.orig_h), head.orig_p),
        (text(head.resp_h), head.resp_p),
    ];
    ends.sort();
    let [(low, low_p), (high, high_p)] = ends;
    format!("tcp {low} {low_p} {high} {high_p}")
}

/// A host without its port, in lower case.
fn host(http: &Http) -> String {
    let host = http.host.as_deref().unwrap_or_default().to_lowercase();
    match host.split_once(']') {
        Some((address, _)) if host.starts_with('[') => format!("{address}]"),
        _ => host.split(':').next().unwrap_or_default().to_owned(),
    }
}

#[derive(Default)]
struct Score {
    required: usize,
    found: usize,
    told: usize,
    confirmed: usize,
    odd: Vec<String>,
}

impl Score {
    /// `truth`: items, with how many programs saw each.
    fn add(&mut self, capture: &str, truth: &Value, told: HashSet<Vec<String>>) {
        let mut seen = HashMap::new();
        for item in truth.as_array().into_iter().flatten() {
            let key: Vec<String> = item["key"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|part| part.as_str().unwrap_or_default().to_owned())
                .collect();
            seen.insert(key, item["src"].as_array().map_or(0, Vec::len));
        }
        for (key, _) in seen.iter().filter(|(_, programs)| **programs >= 2) {
            self.required += 1;
            if told.contains(key) {
                self.found += 1;
            } else {
                self.odd.push(format!("not found: {capture} {key:?}"));
            }
        }
        for key in told {
            self.told += 1;
            if seen.contains_key(&key) {
                self.confirmed += 1;
            } else {
                self.odd.push(format!("nobody else: {capture} {key:?}"));
            }
        }
    }

    fn assert(&self, what: &str) {
        let list = self.odd.join("\n");
        let rates = (
            self.found as f64 / self.required as f64,
            self.confirmed as f64 / self.told as f64,
        );
        eprintln!(
            "{what}: {} of {}, {} of {}\n{list}",
            self.found, self.required, self.confirmed, self.told
        );
        assert!(
            rates.0 >= 0.99 && rates.1 >= 0.99,
            "{what}: {rates:?}\n{list}"
        );
    }
}

#[test]
fn requests_and_statuses_are_those_that_others_found() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let (mut requests, mut statuses) = (Score::default(), Score::default());
    for (number, (capture, truth)) in captures(&corpus).into_iter().enumerate() {
        let Ok(truth) = std::fs::read(corpus.join(truth)) else {
            continue;
        };
        let truth: Value = serde_json::from_slice(&truth).unwrap();
        let has = |what: &str| {
            truth[what]
                .as_array()
                .is_some_and(|items| !items.is_empty())
        };
        // Where nobody found any, one capture of eight is enough to show that none is claimed.
        if !has("http_request") && !has("http_status") && number % 8 != 0 {
            continue;
        }
        let records = common::records_of(&corpus.join(&capture));
        // The others looked into packets whose checksums are wrong.
        if has_bad_checksums(&records) {
            continue;
        }
        let (mut asked, mut answered) = (HashSet::new(), HashSet::new());
        for http in https(&records) {
            // Truth has none of HTTP/2's.
            if http.version == Some("2") {
                continue;
            }
            let key = flow_key(http);
            if let Some(code) = http.status_code {
                answered.insert(vec![key.clone(), code.to_string()]);
            }
            if let Some(method) = &http.method {
                let uri = http.uri.as_deref().unwrap_or_default();
                asked.insert(vec![key, method.to_string(), host(http), uri.to_owned()]);
            }
        }
        requests.add(&capture, &truth["http_request"], asked);
        statuses.add(&capture, &truth["http_status"], answered);
    }
    requests.assert("requests");
    statuses.assert("statuses");
}

/// Where a row differs from Zeek's for a reason that docs/protocols/http.md names.
const KNOWN: &[(&str, &[&str])] = &[
    ("tunnels__Teredo.pcap", &["response_body_len"]),
    ("http__x-gzip.pcap", &["response_body_len"]),
    ("http__http-single-conn-22.pcap", &["response_body_len"]),
    ("http__no-version.pcap", &["status_code", "status_msg"]),
];
/// Fields that are not compared: of the run, or not ours.
const LEFT_OUT: &[&str] = &["ts", "uid", "client_header_names", "server_header_names"];

/// A value as Zeek's log has it.
fn as_text(row: &Value, name: &str) -> String {
    let name = match name {
        "uri" if row.get("uri_decoded").is_some() => "uri_decoded",
        name => name,
    };
    match row.get(name) {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.is_empty() => "(empty)".to_owned(),
        Some(Value::Array(items)) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// How many there are in a list, as Zeek's log has it.
fn count(list: &str) -> usize {
    list.split(',').filter(|item| item.starts_with('F')).count()
}

#[test]
fn rows_are_zeeks() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut rows_of: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let name = test["test"].as_str().unwrap();
        // One anonymises addresses, one decrypts.
        let other = name.contains("anon") || name.contains("decryption");
        if let (Some(rows), false) = (test["logs"]["http.log"]["rows"].as_array(), other) {
            let capture = test["traces"][0].as_str().unwrap();
            rows_of.insert(capture.replace("zeek/", ""), rows.clone());
        }
    }
    let (mut compared, mut odd) = (0, Vec::new());
    for (capture, rows) in rows_of {
        let records = common::records_of(&corpus.join("zeek/pcap").join(&capture));
        let ours: Vec<Value> = common::json_lines(&records)
            .split(|&byte| byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(|row: &Value| row["_path"] == "http")
            .collect();
        let known = KNOWN.iter().find(|(name, _)| *name == capture);
        let known = known.map_or(&[][..], |(_, fields)| fields);
        for row in rows {
            let keys = ["id.orig_h", "id.orig_p", "id.resp_p", "trans_depth"];
            let is_it = |our: &&Value| {
                keys.iter()
                    .all(|key| as_text(our, key) == as_text(&row, key))
            };
            let Some(our) = ours.iter().find(is_it) else {
                odd.push(format!("{capture}: no row for {row}"));
                continue;
            };
            for (name, value) in row.as_object().unwrap() {
                let (name, value) = (name.as_str(), value.as_str().unwrap());
                if LEFT_OUT.contains(&name) || known.contains(&name) {
                    continue;
                }
                compared += 1;
                let told = as_text(our, name);
                // Identifiers are each program's own: their number is not.
                if name.ends_with("fuids") && count(&told) == count(value) {
                    continue;
                }
                if told != value {
                    odd.push(format!("{capture}: {name} is {told}, not {value}"));
                }
            }
        }
    }
    // Zeek makes a second, empty row of what follows a request of HTTP/0.9.
    odd.retain(|text| !text.starts_with("http__no-version.pcap: no row"));
    assert!(compared > 600, "{compared}");
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}

#[test]
fn flows_are_named_after_it() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let services = |capture: &str| -> Vec<Option<&'static str>> {
        let records = common::records_of(&corpus.join(capture));
        records
            .iter()
            .filter_map(|record| match record {
                Record::Conn(conn) => Some(conn.service),
                _ => None,
            })
            .collect()
    };
    assert_eq!(
        services("zeek/pcap/http__100-continue.pcap"),
        [Some("http")]
    );
    assert!(services("zeek/pcap/http__http-single-conn-22.pcap").contains(&Some("http")));
    let upgraded = services("zeek/pcap/websocket__wstunnel-http.pcap");
    assert_eq!(upgraded, [Some("http,websocket")]);
    let switched = services("flowtest/pcap/pcap__http2_switch.pcap");
    assert!(switched.contains(&Some("http,http2")), "{switched:?}");
    let rtsp = services("ndpi/pcap/default__pcap__rtsp.pcap");
    assert!(!rtsp.is_empty() && !rtsp.contains(&Some("http")));
}

#[test]
fn http2_is_what_others_found() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let rows = |capture: &str| -> Vec<(Option<String>, Option<String>, Option<u16>)> {
        let records = common::records_of(&corpus.join("suricata-verify/pcap").join(capture));
        let owned = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        https(&records)
            .map(|http| (owned(&http.host), owned(&http.uri), http.status_code))
            .collect()
    };
    let row = |host: &str, uri: &str, status| (Some(host.into()), Some(uri.into()), Some(status));
    assert_eq!(
        rows("tests__bug-5929-02__http2_multiple_headers.pcap"),
        [row("bugertor.com", "/watchdog/watchdog.exe", 404)]
    );
    assert_eq!(
        rows("tests__http2-userinfo-authority__http2_userinfo_in_authority_1.pcap"),
        [row("secdsm.org", "/", 400)]
    );
    let keywords = rows("tests__http2-keywords2__input.pcap");
    assert!(
        keywords.contains(&row("nghttp2.org", "/humans.txt", 404)),
        "{keywords:?}"
    );
}
