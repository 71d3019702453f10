//! One conversation: what it carried, how well, and what it was about.

use std::sync::LazyLock;

use portreeve_live::FlowDetail;
use portreeve_record::schema::{Log, logs};
use serde_json::{Map, Value};

use super::lists::{length, time_of_day};
use crate::text;

/// What stands in the head of every record, or is said above.
const SAID: [&str; 9] = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "log",
    "sensor",
    "source",
];

fn text_of<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    record.get(name)?.as_str()
}

fn number(record: &Map<String, Value>, name: &str) -> Option<i64> {
    record.get(name)?.as_i64()
}

/// A member's value as people read it.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let all: Vec<String> = values.iter().map(|value| shown(name, value)).collect();
            all.join(",")
        }
        // Intervals are nanoseconds.
        Value::Number(number) if is_interval(name) => {
            number.as_i64().map_or_else(|| number.to_string(), length)
        }
        other => other.to_string(),
    }
}

fn is_interval(name: &str) -> bool {
    name == "rtt"
        || name.ends_with("_rtt")
        || name.ends_with("rtt_min")
        || name.ends_with("rtt_smoothed")
        || matches!(
            name,
            "duration" | "lease_time" | "TTLs" | "root_delay" | "root_disp"
        )
}

/// The logs there are, and their fields in order.
static LOGS: LazyLock<Vec<Log>> = LazyLock::new(logs);

/// A record's members in the order that its log has them.
fn in_order<'a>(
    log: &str,
    record: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'static str, &'a Value)> {
    let log = LOGS.iter().find(|known| known.path == log);
    let fields = log.into_iter().flat_map(|log| &log.fields);
    fields.filter_map(|field| Some((field.name, record.get(field.name)?)))
}

fn end(conn: &Map<String, Value>, which: &str) -> String {
    let address = text_of(conn, &format!("id.{which}_h")).unwrap_or("?");
    let port = number(conn, &format!("id.{which}_p")).unwrap_or(0);
    let has_ports = matches!(
        text_of(conn, "proto"),
        None | Some("tcp" | "udp" | "sctp" | "udplite")
    );
    let name = text_of(conn, &format!("{which}_name"));
    let country = text_of(conn, &format!("{which}_cc"));
    let mut end = match (has_ports, address.contains(':')) {
        (false, _) => address.to_owned(),
        (true, true) => format!("[{address}]:{port}"),
        (true, false) => format!("{address}:{port}"),
    };
    for more in [name, country].into_iter().flatten() {
        end.push_str(&format!(" ({more})"));
    }
    end
}

/// The rows that compare both sides: what it is, its member's name behind `orig_` and `resp_`, and how to show it.
type Show = fn(i64) -> String;

fn amount(bytes: i64) -> String {
    text::bytes(bytes.max(0).unsigned_abs())
}

fn count(number: i64) -> String {
    text::count(number.max(0).unsigned_abs())
}

const TRAFFIC: [(&str, &str, Show); 3] = [
    ("packets", "pkts", count),
    ("bytes with headers", "ip_bytes", amount),
    ("payload", "bytes", amount),
];

const HEALTH: [(&str, &str, Show); 10] = [
    ("retransmitted segments", "retransmits", count),
    ("out of order", "out_of_order", count),
    ("duplicate acknowledgements", "duplicate_acks", count),
    ("zero windows", "zero_windows", count),
    ("gaps", "lost_segments", count),
    ("bytes never seen", "missed_bytes", amount),
    ("round trip, least", "rtt_min", length),
    ("round trip, smoothed", "rtt_smoothed", length),
    ("largest segment (MSS)", "mss", amount),
    ("largest window", "max_window", amount),
];

fn sides(
    lines: &mut Vec<(String, bool)>,
    conn: &Map<String, Value>,
    rows: &[(&str, &str, Show)],
    zeros: bool,
) {
    for (what, member, show) in rows {
        let side = |which: &str| number(conn, &format!("{which}_{member}"));
        let (orig, resp) = (side("orig"), side("resp"));
        // A counter that is not there is 0; a measure that is not there is unknown.
        if orig.is_none() && resp.is_none() && !zeros {
            continue;
        }
        let cell = |value: Option<i64>| match value {
            Some(value) => show(value),
            None if member.contains("rtt") || member.contains("mss") => "-".to_owned(),
            None => "0".to_owned(),
        };
        lines.push((
            format!("  {what:<28}{:>14}{:>14}", cell(orig), cell(resp)),
            false,
        ));
    }
}

/// All lines of a conversation, in `width` columns; true: a heading.
#[must_use]
pub fn lines(uid: &str, found: Option<&FlowDetail>, now: i64, width: usize) -> Vec<(String, bool)> {
    let Some(detail) = found else {
        return vec![(
            format!("{uid}: nothing is known of it any more, or nothing yet"),
            false,
        )];
    };
    let conn = &detail.conn;
    let mut lines = vec![(
        format!("{} > {}", end(conn, "orig"), end(conn, "resp")),
        true,
    )];
    let mut facts = Vec::new();
    for name in ["proto", "service", "app"] {
        facts.extend(text_of(conn, name).map(str::to_owned));
    }
    match (detail.open, text_of(conn, "conn_state")) {
        (true, _) => facts.push("still open".to_owned()),
        (false, Some(state)) => facts.push(format!("{state}: {}", state_in_words(state))),
        (false, None) => {}
    }
    lines.push((facts.join("  "), false));
    let mut times = Vec::new();
    if let Some(began) = number(conn, "ts") {
        let ago = (now - began).max(0).saturating_mul(1_000_000);
        times.push(format!(
            "began {} UTC, {} ago",
            time_of_day(began),
            length(ago)
        ));
    }
    times.extend(number(conn, "duration").map(|lasted| format!("lasted {}", length(lasted))));
    times.extend(text_of(conn, "history").map(|history| format!("history {history}")));
    lines.push((times.join("  "), false));
    lines.push((format!("uid {uid}"), false));
    if conn.contains_key("orig_pkts") {
        lines.push((String::new(), false));
        lines.push((
            format!("{:<30}{:>14}{:>14}", "", "CLIENT SENT", "SERVER SENT"),
            true,
        ));
        sides(&mut lines, conn, &TRAFFIC, true);
        if text_of(conn, "proto") == Some("tcp") {
            lines.push(("TCP".to_owned(), true));
            for (what, member) in [
                ("handshake, to the server", "syn_rtt"),
                ("handshake, to the client", "ack_rtt"),
            ] {
                if let Some(time) = number(conn, member) {
                    lines.push((format!("  {what:<28}{:>14}", length(time)), false));
                }
            }
            sides(&mut lines, conn, &HEALTH[..4], true);
            sides(&mut lines, conn, &HEALTH[4..], false);
        }
    } else {
        lines.push((
            "Its numbers come with its first update, or its end.".to_owned(),
            false,
        ));
    }
    if !detail.records.is_empty() {
        lines.push((String::new(), false));
        lines.push((format!("RECORDS ({})", detail.records.len()), true));
    }
    for record in &detail.records {
        let when = number(record, "ts").map_or(String::new(), time_of_day);
        let log = text_of(record, "log").unwrap_or_default();
        let members: Vec<String> = in_order(log, record)
            .filter(|(name, _)| !SAID.contains(name))
            .map(|(name, value)| (name, shown(name, value)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        for (at, words) in text::wrap(&members.join("  "), width.saturating_sub(18).max(20))
            .into_iter()
            .enumerate()
        {
            let head = if at == 0 {
                format!("{when:<9}{:<8}", text::fit(log, 7))
            } else {
                " ".repeat(17)
            };
            lines.push((format!("{head}{words}"), false));
        }
    }
    lines
}

fn state_in_words(state: &str) -> &'static str {
    match state {
        "S0" => "no answer",
        "S1" => "established, end not seen",
        "SF" => "established and closed",
        "REJ" => "refused",
        "S2" => "closed by the client only",
        "S3" => "closed by the server only",
        "RSTO" => "reset by the client",
        "RSTR" => "reset by the server",
        "RSTOS0" => "client gave up by a reset, no answer",
        "RSTRH" => "server's answer, then its reset",
        "SH" => "SYN and FIN, no answer",
        "SHR" => "answer and FIN, no SYN seen",
        _ => "beginning not seen, or no TCP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn detail(conn: &Value, records: &Value) -> FlowDetail {
        serde_json::from_value(
            json!({ "conn": conn, "open": false, "updates": 0, "records": records }),
        )
        .expect("a detail")
    }

    #[test]
    fn a_conversation_is_told_with_its_health_and_records() {
        let found = detail(
            &json!({
                "ts": 1_700_000_000_000_i64, "uid": "Cx", "id.orig_h": "10.0.0.1", "id.orig_p": 40000,
                "id.resp_h": "2001:db8::1", "id.resp_p": 443, "proto": "tcp", "service": "ssl",
                "conn_state": "SF", "duration": 12_300_000, "orig_pkts": 7, "resp_pkts": 9,
                "syn_rtt": 1_500_000, "resp_retransmits": 2, "resp_name": "www.example",
            }),
            &json!([{ "log": "ssl", "ts": 1_700_000_000_100_i64, "uid": "Cx", "server_name": "www.example", "version": "TLSv13" }]),
        );
        let lines = lines("Cx", Some(&found), 1_700_000_005_000, 80);
        let page: Vec<String> = lines
            .iter()
            .map(|(line, _)| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let has = |line: &str| assert!(page.iter().any(|known| known == line), "{line}: {page:#?}");
        has("10.0.0.1:40000 > [2001:db8::1]:443 (www.example)");
        has("tcp ssl SF: established and closed");
        has("began 22:13:20 UTC, 5.0 s ago lasted 12 ms");
        has("packets 7 9");
        has("retransmitted segments 0 2");
        has("handshake, to the server 1.50 ms");
        has("22:13:20 ssl version=TLSv13 server_name=www.example");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let page = lines("Cx", None, 0, 80);
        assert!(page[0].0.contains("nothing is known"));
        let young = detail(&json!({ "id.orig_h": "10.0.0.1" }), &json!([]));
        let page = lines("Cx", Some(&young), 0, 80);
        assert!(page.iter().any(|(line, _)| line.contains("first update")));
    }
}
