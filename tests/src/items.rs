//! What is said in conversations, item by item (names, fingerprints, requests): ours against the corpus's truth, as its `score.py` compares them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::binary::Run;
use crate::conn::{Line, tuple};
use crate::score::Ratio;

/// The kinds of items, by their names in the truth.
pub const KINDS: [&str; 10] = [
    "sni",
    "ja3",
    "ja3s",
    "ja4",
    "hassh",
    "hasshserver",
    "ssh_banner",
    "http_request",
    "http_status",
    "dns",
];

/// Items of one kind: each a list of texts, the conversation's tuple first (but for `dns`).
pub type Items = BTreeSet<Vec<String>>;

/// One item of the truth.
#[derive(Clone, Debug, Deserialize)]
pub struct Known {
    /// What it is.
    pub key: Vec<Value>,
    /// The tools that saw it.
    #[serde(default)]
    pub src: Vec<String>,
    /// The same, with how often (`dns`).
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

impl Known {
    fn key(&self) -> Vec<String> {
        self.key.iter().map(text).collect()
    }

    /// How many tools saw it; nDPI 4 and 5 are one family where the corpus's score counts them so.
    fn tools(&self) -> usize {
        if self.src.is_empty() {
            return self.counts.len();
        }
        let family = |tool: &String| match tool.as_str() {
            "ndpi5" => "ndpi".to_owned(),
            other => other.to_owned(),
        };
        self.src.iter().map(family).collect::<BTreeSet<_>>().len()
    }
}

/// A JSON value as Python's `str` writes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The items of a capture. Checksums are not verified, as the other tools did not: many captures were made where cards fill them in.
#[must_use]
pub fn of(capture: &Path) -> BTreeMap<&'static str, Items> {
    let run = Run::file(capture).arg("--no-checksums");
    items(&run.output().records())
}

/// The items among the records of one capture.
#[must_use]
pub fn items(lines: &[Line]) -> BTreeMap<&'static str, Items> {
    let tuples: HashMap<&str, String> = lines
        .iter()
        .filter(|line| line.path() == "conn")
        .filter_map(|line| Some((line.text("uid")?, tuple(line)?)))
        .collect();
    let mut items: BTreeMap<&'static str, Items> =
        KINDS.into_iter().map(|kind| (kind, Items::new())).collect();
    let mut add = |kind: &'static str, item: Vec<String>| {
        if let Some(set) = items.get_mut(kind) {
            set.insert(item);
        }
    };
    for line in lines {
        let Some(tuple) = line.text("uid").and_then(|uid| tuples.get(uid)) else {
            continue;
        };
        let field = |name: &str| line.text(name).map(str::to_owned);
        let mut one = |kind: &'static str, name: &str, form: fn(&str) -> &str| {
            if let Some(value) = line.text(name) {
                add(kind, vec![tuple.clone(), form(value).to_owned()]);
            }
        };
        let whole: fn(&str) -> &str = |value| value;
        match line.path() {
            "ssl" => {
                one("sni", "server_name", without_port);
                one("ja3", "ja3", whole);
                one("ja3s", "ja3s", whole);
                one("ja4", "ja4", whole);
            }
            // Google's older versions have no hello of TLS.
            "quic" => one("sni", "server_name", without_port),
            "ssh" => {
                one("hassh", "hassh", whole);
                one("hasshserver", "hasshserver", whole);
                one("ssh_banner", "client", without_comment);
                one("ssh_banner", "server", without_comment);
            }
            // The truth knows nothing of HTTP/2.
            "http" if line.text("version") != Some("2") => {
                if let Some(method) = field("method") {
                    let part = |name| line.text(name).unwrap_or_default();
                    let host = without_port(part("host")).to_owned();
                    let item = vec![tuple.clone(), method, host, part("uri").to_owned()];
                    add("http_request", item);
                }
                if line.has("status_code") {
                    let status = line.count("status_code").to_string();
                    add("http_status", vec![tuple.clone(), status]);
                }
            }
            "dns" => dns(line, &mut add),
            _ => {}
        }
    }
    items
}

/// A host without the port behind it.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// SSH's identification without its comment (RFC 4253 section 4.2).
fn without_comment(banner: &str) -> &str {
    banner.split(' ').next().unwrap_or(banner)
}

/// Ports of what speaks DNS and is not counted as such by the other tools: NBNS, mDNS, LLMNR.
const NOT_DNS: [u64; 3] = [137, 5353, 5355];

fn dns(line: &Line, add: &mut impl FnMut(&'static str, Vec<String>)) {
    if !line.has("qtype") || NOT_DNS.contains(&line.count("id.resp_p")) {
        return;
    }
    let yes = |name: &str| line.0.get(name).and_then(Value::as_bool) == Some(true);
    let name = line.text("query").unwrap_or_default().to_owned();
    let kind = line.count("qtype").to_string();
    if yes("saw_query") {
        let query = vec!["q".to_owned(), name.clone(), kind.clone(), String::new()];
        add("dns", query);
    }
    if yes("saw_reply") {
        // The others know the header's four bits only.
        let code = (line.count("rcode") & 15).to_string();
        add("dns", vec!["r".to_owned(), name, kind, code]);
    }
}

/// Items that at least two tools agree on: found; and items reported: seen by any tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemScore {
    /// Found of required.
    pub recall: Ratio,
    /// Right of reported.
    pub precision: Ratio,
    /// What was not right, for a person to read.
    pub misses: Vec<String>,
}

/// Scores one kind of items of one capture.
#[must_use]
pub fn score(found: &Items, known: &[Known]) -> ItemScore {
    let mut score = ItemScore::default();
    let all: BTreeMap<Vec<String>, usize> = known
        .iter()
        .map(|item| (item.key(), item.tools()))
        .collect();
    for (key, tools) in &all {
        if *tools >= 2 {
            score.recall.add(found.contains(key));
            if !found.contains(key) {
                score.misses.push(format!("missing: {}", key.join(" ")));
            }
        }
    }
    for key in found {
        score.precision.add(all.contains_key(key));
        if !all.contains_key(key) {
            score.misses.push(format!("only here: {}", key.join(" ")));
        }
    }
    score
}

/// The items as `score.py` reads them.
#[must_use]
pub fn as_json(items: &BTreeMap<&'static str, Items>) -> serde_json::Map<String, Value> {
    items
        .iter()
        .map(|(kind, set)| ((*kind).to_owned(), json!(set)))
        .collect()
}
