//! What Suricata's own tests expect of MQTT, NTP, PostgreSQL, SIP and TFTP, as far as our records have the same fields.

mod common;

use serde_json::Value;

/// Suricata's fields, and ours: log, field.
const FIELDS: [(&str, &str, &str); 11] = [
    ("pgsql.request.simple_query", "postgresql", "frontend_arg"),
    (
        "pgsql.request.startup_parameters.user",
        "postgresql",
        "user",
    ),
    ("ntp.version", "ntp", "version"),
    ("ntp.mode", "ntp", "mode"),
    ("ntp.stratum", "ntp", "stratum"),
    ("sip.method", "sip", "method"),
    ("sip.uri", "sip", "uri"),
    ("sip.reason", "sip", "status_msg"),
    ("mqtt.publish.topic", "mqtt_publish", "topic"),
    ("mqtt.publish.message", "mqtt_publish", "payload"),
    ("mqtt.connect.protocol_string", "mqtt_connect", "proto_name"),
];

#[test]
fn what_suricata_expects_is_there() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("suricata-verify/expected.jsonl")).unwrap();
    let mut checked = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let (Some(checks), Some(capture)) = (test["checks"].as_array(), test["pcap"].as_str())
        else {
            continue;
        };
        // A field and its value, and how many events have it at least.
        let mut wanted = Vec::new();
        for check in checks {
            for (theirs, log, ours) in FIELDS {
                if let Some(value) = check["match"].get(theirs) {
                    wanted.push((log, ours, value, check["count"].as_u64().unwrap_or(1)));
                }
            }
        }
        if wanted.is_empty() {
            continue;
        }
        let name = capture.strip_prefix("suricata-verify/").unwrap_or(capture);
        let path = corpus.join("suricata-verify/pcap").join(name);
        let lines = common::json_lines(&common::records_of(&path));
        let text = String::from_utf8(lines).unwrap();
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for (log, field, value, count) in wanted {
            let same = |row: &&Value| row["_path"] == log && row[field] == *value;
            let found = rows.iter().filter(same).count() as u64;
            assert!(found >= count, "{name}: {log}.{field} = {value}: {found}");
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked}");
}
