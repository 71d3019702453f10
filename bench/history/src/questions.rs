//! What a dashboard asks, in SQL that both know: times are written out, since the flows are made up for one week (by `portreeve-bench-store`).

/// A question.
pub(crate) struct Question {
    pub name: &'static str,
    pub sql: &'static str,
}

const fn question(name: &'static str, sql: &'static str) -> Question {
    Question { name, sql }
}

/// The questions, in the order of their numbers.
pub(crate) static QUESTIONS: &[Question] = &[
    question("count of all flows", "SELECT count(*) FROM conn"),
    question(
        "rate of the last hour",
        "SELECT date_trunc('minute', ts) AS t, sum(orig_ip_bytes + resp_ip_bytes) AS b FROM conn WHERE ts >= TIMESTAMP '2026-11-07 23:00:00Z' GROUP BY 1 ORDER BY 1",
    ),
    question(
        "rate of the week, by hour",
        "SELECT date_trunc('hour', ts) AS t, sum(orig_ip_bytes + resp_ip_bytes) AS b FROM conn GROUP BY 1 ORDER BY 1",
    ),
    question(
        "top hosts of the last day",
        "SELECT \"id.orig_h\", sum(orig_ip_bytes) AS s, sum(resp_ip_bytes) AS r, count(*) AS n FROM conn WHERE ts >= TIMESTAMP '2026-11-07 00:00:00Z' GROUP BY 1 ORDER BY s DESC LIMIT 20",
    ),
    question(
        "services of the week",
        "SELECT coalesce(service, proto) AS s, count(*) AS n, sum(orig_ip_bytes + resp_ip_bytes) AS b FROM conn GROUP BY 1 ORDER BY b DESC",
    ),
    question(
        "top pairs of the last hour",
        "SELECT \"id.orig_h\", \"id.resp_h\", sum(orig_ip_bytes + resp_ip_bytes) AS b FROM conn WHERE ts >= TIMESTAMP '2026-11-07 23:00:00Z' GROUP BY 1, 2 ORDER BY b DESC LIMIT 20",
    ),
    question(
        "the latest 100 flows",
        "SELECT ts, uid, \"id.orig_h\", \"id.orig_p\", \"id.resp_h\", \"id.resp_p\", proto, service, duration, orig_ip_bytes, resp_ip_bytes, conn_state FROM conn ORDER BY ts DESC LIMIT 100",
    ),
    question(
        "the latest 100 refused flows to one port",
        "SELECT ts, uid, \"id.orig_h\", \"id.resp_h\" FROM conn WHERE \"id.resp_p\" = 22 AND conn_state = 'REJ' ORDER BY ts DESC LIMIT 100",
    ),
    question(
        "all of one host",
        "SELECT count(*) AS n, sum(orig_ip_bytes) AS s, min(ts) AS f, max(ts) AS l FROM conn WHERE \"id.orig_h\" = '10.0.3.7'",
    ),
    question(
        "round trips by server, last day",
        "SELECT \"id.resp_h\", count(*) AS n, avg(syn_rtt) AS m, max(syn_rtt) AS x FROM conn WHERE ts >= TIMESTAMP '2026-11-07 00:00:00Z' AND syn_rtt IS NOT NULL GROUP BY 1 ORDER BY m DESC LIMIT 20",
    ),
    question(
        "states by protocol",
        "SELECT proto, conn_state, count(*) AS n FROM conn GROUP BY 1, 2 ORDER BY n DESC",
    ),
    question(
        "the largest flows of the last day",
        "SELECT ts, uid, \"id.orig_h\", \"id.resp_h\", orig_ip_bytes + resp_ip_bytes AS b FROM conn WHERE ts >= TIMESTAMP '2026-11-07 00:00:00Z' ORDER BY b DESC LIMIT 20",
    ),
    question(
        "hosts that were heard, by day",
        "SELECT date_trunc('day', ts) AS d, count(DISTINCT \"id.orig_h\") AS n FROM conn GROUP BY 1 ORDER BY 1",
    ),
];

/// Their names and texts.
pub(crate) fn json() -> String {
    let pairs: Vec<(&str, &str)> = QUESTIONS
        .iter()
        .map(|question| (question.name, question.sql))
        .collect();
    serde_json::json!(pairs).to_string()
}
