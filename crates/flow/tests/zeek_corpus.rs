//! Field by field against the conn logs that Zeek's own tests expect.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufRead;

use portreeve_flow::{PortSet, TrackerConfig};
use portreeve_record::Conn;
use serde_json::Value;

/// Tests whose scripts or command lines change what is in the log: filters, other timeouts, other ports.
const ALTERED: &[&str] = &[
    "core.checksums_ignore_nets",
    "core.expire-all-timers",
    "core.pcap.dynamic-filter",
    "core.pcap.read-trace-with-filter",
    "core.wlanmon",
    "plugins.packet-protocol",
    "spicy.terminate-session",
];

fn row_of(conn: &Conn) -> (String, BTreeMap<&'static str, String>) {
    let proto = match conn.ip_proto {
        6 => "tcp",
        17 => "udp",
        1 | 58 => "icmp",
        _ => "unknown_transport",
    };
    let id = format!(
        "{proto} {} {} {} {}",
        conn.orig_h, conn.orig_p, conn.resp_h, conn.resp_p
    );
    let dash = || "-".to_owned();
    let count = |n: Option<u64>| n.map_or_else(dash, |n| n.to_string());
    let history = conn.history.as_str();
    let fields = [
        (
            "duration",
            conn.duration.map_or_else(dash, |d| {
                let micros = (d + 500) / 1000;
                format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
            }),
        ),
        ("orig_bytes", count(conn.orig.bytes)),
        ("resp_bytes", count(conn.resp.bytes)),
        ("conn_state", conn.conn_state.name().to_owned()),
        (
            "missed_bytes",
            (conn.orig.missed_bytes + conn.resp.missed_bytes).to_string(),
        ),
        (
            "history",
            if history.is_empty() {
                dash()
            } else {
                history.to_owned()
            },
        ),
        ("orig_pkts", conn.orig.pkts.to_string()),
        ("orig_ip_bytes", conn.orig.ip_bytes.to_string()),
        ("resp_pkts", conn.resp.pkts.to_string()),
        ("resp_ip_bytes", conn.resp.ip_bytes.to_string()),
    ];
    (id, fields.into_iter().collect())
}

#[derive(Default)]
struct Agreement {
    rows: usize,
    found: usize,
    fields: usize,
    same: usize,
    report: String,
}

/// Compares one expected log with our flows.
fn compare(name: &str, rows: &[Value], conns: &[Conn]) -> Agreement {
    let mut result = Agreement::default();
    let mut ours: BTreeMap<String, Vec<BTreeMap<&str, String>>> = BTreeMap::new();
    for conn in conns {
        let (id, fields) = row_of(conn);
        ours.entry(id).or_default().push(fields);
    }
    for row in rows {
        let text = |field: &str| row[field].as_str().unwrap_or("?").to_owned();
        let ends = ["proto", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"].map(text);
        if ends.iter().any(|end| end == "?") {
            // The test gives the columns other names.
            continue;
        }
        let id = ends.join(" ");
        result.rows += 1;
        let Some(candidates) = ours.get_mut(&id).filter(|list| !list.is_empty()) else {
            let _ = writeln!(result.report, "{name}: no flow {id}");
            continue;
        };
        result.found += 1;
        // Of several flows of one tuple the one that agrees most.
        let agreement =
            |flow: &BTreeMap<&str, String>| flow.iter().filter(|(k, v)| text(k) == **v).count();
        let best = (0..candidates.len())
            .max_by_key(|i| agreement(&candidates[*i]))
            .unwrap();
        let flow = candidates.remove(best);
        for (field, value) in &flow {
            // Packet counts are not in the log unless the test loads what makes them.
            if text(field) == "?"
                || (text(field) == "-" && field.ends_with("pkts"))
                || (text(field) == "-" && field.ends_with("ip_bytes"))
            {
                continue;
            }
            result.fields += 1;
            if text(field) == *value {
                result.same += 1;
            } else {
                let _ = writeln!(
                    result.report,
                    "{name}: {id} {field}: Zeek {} ours {value}",
                    text(field)
                );
            }
        }
    }
    result
}

#[test]
fn agrees_with_zeeks_own_logs() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let file = std::fs::File::open(corpus.join("zeek/expected.jsonl")).unwrap();
    let mut all = Agreement::default();
    for line in std::io::BufReader::new(file).lines() {
        let test: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let name = test["test"].as_str().unwrap();
        let log = &test["logs"]["conn.log"];
        if ALTERED.contains(&name) || log["path"] != "conn" {
            continue;
        }
        let trace = test["traces"][0]
            .as_str()
            .unwrap()
            .replacen("zeek/", "zeek/pcap/", 1);
        let rows = log["rows"].as_array().unwrap();
        // Zeek's bare mode knows no server ports but those of the scripts it was told to load.
        let port_sets = if test["bare_mode"] == true {
            vec![PortSet::empty(), PortSet::default()]
        } else {
            vec![PortSet::default()]
        };
        let best = port_sets
            .into_iter()
            .map(|server_ports| {
                let mut config = TrackerConfig::default();
                config.server_ports = server_ports;
                let (records, counters) = common::records_of(&corpus.join(&trace), config);
                assert!(
                    counters.balanced() && counters.active == 0,
                    "{name}: {counters:?}"
                );
                compare(&format!("{name} {trace}"), rows, &common::conns(&records))
            })
            .max_by_key(|agreement| agreement.same)
            .unwrap();
        all.rows += best.rows;
        all.found += best.found;
        all.fields += best.fields;
        all.same += best.same;
        all.report += &best.report;
    }
    eprintln!(
        "{}rows {}/{}, fields {}/{}",
        all.report, all.found, all.rows, all.same, all.fields
    );
    assert!(all.rows > 200, "the corpus' expectations are there");
    assert!(all.found * 1000 >= all.rows * 970, "{}", all.report);
    assert!(all.same * 1000 >= all.fields * 985, "{}", all.report);
}
