//! What Suricata's own tests expect of its EVE events of applications, asked of ours.
//!
//! A check is a filter over events and how many pass it. It is first taken word for word; then with the names and forms that our events have
//! for the same thing (`tests/data/suricata.tsv`), leaving out what they do not tell. What is left out, and what is not about
//! records at all, has a reason in that table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::binary::Run;
use crate::conn;
use crate::corpus::Corpus;
use crate::parallel;
use crate::zeek::table;

#[derive(Clone, Debug, Deserialize)]
struct Test {
    test: String,
    pcap: Option<String>,
    #[serde(default)]
    requires: Option<Value>,
    #[serde(default)]
    checks: Option<Vec<Value>>,
}

/// One check of an application event.
#[derive(Clone, Debug)]
struct Check {
    test: String,
    capture: String,
    event: String,
    count: u64,
    filter: Map<String, Value>,
}

/// One line of the table.
#[derive(Clone, Debug)]
struct Rule {
    kind: &'static str,
    event: &'static str,
    what: &'static str,
    ours: &'static str,
    reason: &'static str,
}

fn rules() -> Vec<Rule> {
    table(include_str!("../data/suricata.tsv"), 5)
        .into_iter()
        .map(|columns| Rule {
            kind: columns[0],
            event: columns[1],
            what: columns[2],
            ours: columns[3],
            reason: columns[4],
        })
        .collect()
}

/// Events that are not of applications.
const OTHERS: [&str; 11] = [
    "alert",
    "flow",
    "drop",
    "stats",
    "anomaly",
    "engine",
    "netflow",
    "frame",
    "stream_tcp",
    "template",
    "arp",
];

/// The checks of application events in Suricata's present versions.
fn checks(corpus: &Corpus) -> Vec<Check> {
    let path = corpus.root().join("suricata-verify/expected.jsonl");
    let text = std::fs::read_to_string(path).expect("suricata-verify/expected.jsonl");
    let mut checks = Vec::new();
    for line in text.lines() {
        let test: Test = serde_json::from_str(line).expect("a test");
        let Some(capture) = test.pcap.as_ref().filter(|_| !old(test.requires.as_ref())) else {
            continue;
        };
        for check in test.checks.iter().flatten() {
            let Some(filter) = check.get("match").and_then(Value::as_object) else {
                continue;
            };
            let event = filter.get("event_type").and_then(Value::as_str);
            let Some(event) = event.filter(|event| !OTHERS.contains(event)) else {
                continue;
            };
            if old(check.get("requires")) {
                continue;
            }
            checks.push(Check {
                test: test.test.clone(),
                capture: capture.replacen('/', "/pcap/", 1),
                event: event.to_owned(),
                count: check.get("count").and_then(Value::as_u64).unwrap_or(0),
                filter: filter.clone(),
            });
        }
    }
    checks
}

/// Whether something is asked of older versions only.
fn old(requires: Option<&Value>) -> bool {
    requires.is_some_and(|requires| requires.get("lt-version").is_some())
}

/// What `path` leads to: names, and numbers in brackets.
fn at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = event;
    for part in path.split('.') {
        let (name, indices) = part.split_once('[').unwrap_or((part, ""));
        value = value.get(name)?;
        for index in indices.split(['[', ']']).filter(|index| !index.is_empty()) {
            value = value.get(index.parse::<usize>().ok()?)?;
        }
    }
    Some(value)
}

/// Whether an event passes one term of a filter, word for word.
fn passes(event: &Value, key: &str, wanted: &Value) -> bool {
    let all = |keys: &Value, there: bool| match keys {
        Value::Array(keys) => keys
            .iter()
            .filter_map(Value::as_str)
            .all(|key| at(event, key).is_some() == there),
        key => key
            .as_str()
            .is_none_or(|key| at(event, key).is_some() == there),
    };
    match key {
        "has-key" => all(wanted, true),
        "not-has-key" => all(wanted, false),
        _ => at(event, key) == Some(wanted),
    }
}

/// A value without what differs in form alone: case, the brackets of mail addresses, the signs in names of versions, numbers as texts.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return address.to_string();
    }
    let text = text.to_lowercase();
    let text = text.strip_suffix('\0').unwrap_or(&text);
    text.trim_matches(['<', '>'])
        .replace("tlsv", "tls ")
        .replace(['.', ' '], "")
}

/// Whether an event passes a term in our own form: `path`, or `path~in` for a member of a list (or a part of a TXT record there), `path=value` for one value whatever is asked.
fn passes_ours(event: &Value, ours: &str, wanted: &Value) -> bool {
    if let Some((path, value)) = ours.split_once('=') {
        return at(event, path).is_some_and(|found| plain(found) == value);
    }
    match ours.strip_suffix("~in") {
        Some(path) => at(event, path)
            .and_then(Value::as_array)
            .is_some_and(|items| {
                let wanted = plain(wanted);
                let has = |item: &Value| {
                    let item = plain(item);
                    item == wanted || (item.starts_with("txt") && item.contains(&wanted))
                };
                items.iter().any(has)
            }),
        None => at(event, ours).is_some_and(|found| plain(found) == plain(wanted)),
    }
}

/// How the checks of one type of events went.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Checks.
    pub checks: u64,
    /// Met word for word.
    pub met: u64,
    /// Met under our own names and forms.
    pub otherwise: u64,
    /// Not asked of records, or of none that Portreeve has.
    pub outside: u64,
    /// Not met.
    pub open: u64,
}

/// All checks.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// By type of event.
    pub events: BTreeMap<String, Sum>,
    /// Reasons, and how many checks each is about.
    pub reasons: BTreeMap<(String, &'static str), u64>,
    /// Checks that are not met, and not known to be.
    pub faults: Vec<String>,
}

/// Asks all checks.
#[must_use]
pub fn compare(corpus: &Corpus) -> Agreement {
    let (checks, rules) = (checks(corpus), rules());
    let no_event = |event: &str| {
        rules
            .iter()
            .find(|rule| rule.kind == "event" && rule.event == event)
    };
    let captures: Vec<&str> = checks
        .iter()
        .filter(|check| no_event(&check.event).is_none())
        .map(|check| check.capture.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let events = parallel::map(&captures, |capture| {
        let run = Run::new([
            "--format",
            "eve",
            "--memory",
            "64MiB",
            "--no-checksums",
            "-r",
        ])
        .arg(corpus.root().join(capture));
        let text = String::from_utf8(run.output().stdout).expect("UTF-8");
        conn::read(&text)
            .into_iter()
            .map(|line| Value::Object(line.0))
            .collect::<Vec<_>>()
    });
    let events: BTreeMap<&str, Vec<Value>> = captures.into_iter().zip(events).collect();
    let mut agreement = Agreement::default();
    for check in &checks {
        let sum = agreement.events.entry(check.event.clone()).or_default();
        sum.checks += 1;
        let mut because = |reason| {
            *agreement
                .reasons
                .entry((check.event.clone(), reason))
                .or_default() += 1;
        };
        if let Some(rule) = no_event(&check.event) {
            sum.outside += 1;
            because(rule.reason);
            continue;
        }
        let events: Vec<&Value> = events[check.capture.as_str()]
            .iter()
            .filter(|event| at(event, "event_type").and_then(Value::as_str) == Some(&check.event))
            .collect();
        let literally = |event: &&&Value| check.filter.iter().all(|(k, v)| passes(event, k, v));
        if events.iter().filter(literally).count() as u64 == check.count {
            sum.met += 1;
            continue;
        }
        let of_event = |rule: &&Rule| rule.event == check.event || rule.event == "*";
        let test = rules
            .iter()
            .filter(of_event)
            .find(|rule| rule.kind == "test" && check.test.contains(rule.what));
        if let Some(rule) = test {
            sum.outside += 1;
            because(rule.reason);
            continue;
        }
        let (terms, reasons) = in_our_words(check, &rules);
        let fits = |event: &&&Value| {
            terms.iter().all(|(key, ours, wanted)| match ours {
                Some(ours) => passes_ours(event, ours, wanted),
                None => passes(event, key, wanted) || passes_ours(event, key, wanted),
            })
        };
        let found = events.iter().filter(fits).count() as u64;
        // Where a record stands for several of Suricata's events, one is enough.
        if found == check.count || (found > 0 && check.count > 0 && !reasons.is_empty()) {
            if terms.len() > 1 {
                sum.otherwise += 1;
            } else {
                // Nothing of the filter is left but the type of the event.
                sum.outside += 1;
            }
            for reason in reasons {
                because(reason);
            }
            continue;
        }
        sum.open += 1;
        let left: Vec<String> = terms
            .iter()
            .filter(|(key, ours, wanted)| {
                !events.iter().any(|event| match ours {
                    Some(ours) => passes_ours(event, ours, wanted),
                    None => passes(event, key, wanted) || passes_ours(event, key, wanted),
                })
            })
            .map(|(key, _, wanted)| format!("{key}={wanted}"))
            .collect();
        agreement.faults.push(format!(
            "{}\t{}\twanted {}, found {found} of {}\t{}",
            check.event,
            check.test,
            check.count,
            events.len(),
            left.join(" ")
        ));
    }
    agreement
}

type Term<'a> = (&'a str, Option<&'static str>, &'a Value);

/// A filter's terms with our names for them, and the reasons of those that are left out or have other names.
fn in_our_words<'a>(check: &'a Check, rules: &[Rule]) -> (Vec<Term<'a>>, BTreeSet<&'static str>) {
    let (mut terms, mut reasons) = (Vec::new(), BTreeSet::new());
    for (key, wanted) in &check.filter {
        let form: String = key
            .chars()
            .map(|c| if c.is_ascii_digit() { 'N' } else { c })
            .collect();
        let rule = rules.iter().find(|rule| {
            let what = match rule.what.split_once('=') {
                Some((what, value)) if wanted.as_str() == Some(value) => what,
                Some(_) => return false,
                None => rule.what,
            };
            let same = match what.strip_suffix('*') {
                Some(beginning) => form.starts_with(beginning),
                None => form == what,
            };
            rule.kind == "field" && (rule.event == check.event || rule.event == "*") && same
        });
        match rule {
            Some(rule) if rule.ours == "-" => drop(reasons.insert(rule.reason)),
            Some(rule) => {
                reasons.insert(rule.reason);
                terms.push((key.as_str(), Some(rule.ours), wanted));
            }
            None => terms.push((key.as_str(), None, wanted)),
        }
    }
    (terms, reasons)
}

impl Agreement {
    /// The tables in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| Suricata's checks of | checks | met word for word | met under our names | outside | not met |\n\
             | --- | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for (event, sum) in &self.events {
            let _ = writeln!(
                text,
                "| {event} | {} | {} | {} | {} | {} |",
                sum.checks, sum.met, sum.otherwise, sum.outside, sum.open
            );
        }
        text.push_str("\n| Suricata's events | checks | otherwise in ours, or outside |\n| --- | ---: | --- |\n");
        for ((event, reason), checks) in &self.reasons {
            let _ = writeln!(text, "| {event} | {checks} | {reason} |");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_through_objects_and_lists() {
        let event = json!({"dns": {"answers": [{"rdata": "a"}, {"rdata": "b"}]}, "vlan": [3, 4]});
        assert_eq!(at(&event, "dns.answers[1].rdata"), Some(&json!("b")));
        assert_eq!(at(&event, "vlan[0]"), Some(&json!(3)));
        assert_eq!(at(&event, "dns.answers[2].rdata"), None);
        assert!(passes(&event, "not-has-key", &json!("dns.type")));
    }

    #[test]
    fn forms_are_not_values() {
        assert_eq!(plain(&json!("TLSv12")), plain(&json!("TLS 1.2")));
        assert_eq!(plain(&json!("<a@b>")), plain(&json!("a@b")));
        assert_eq!(plain(&json!("2001:0:0::1")), plain(&json!("2001::1")));
        assert_ne!(plain(&json!(1)), plain(&json!(2)));
    }
}
