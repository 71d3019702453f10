//! What the pages *Applications*, *TCP health*, *DNS* and *TLS* show: each a few tables, each table a query; without a history, the same tables from the
//! sums that the run itself keeps of its last hour.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use portreeve_live::{Live, Page as LivePage, WEAK_CIPHERS, WEAK_VERSIONS};

use super::answers::{Column, Origin, Table, Tables};
use crate::answer::{Failure, Params, Problem};
use crate::past::{ask, newest_within};
use crate::range::{Range, RangeAsk, range};
use crate::state::App;

/// Bytes of a log, as Parquet, that are looked at for one page.
const MOST_BYTES: u64 = 192 << 20;
/// Rows of a table.
const ROWS: usize = 200;

/// One table of a page: its name, the log it is of, what it selects behind `SELECT`, with `{where}` in the place of its condition, and the columns that are intervals.
struct Query {
    name: &'static str,
    sql: &'static str,
    intervals: &'static [&'static str],
}

const fn query(name: &'static str, sql: &'static str, intervals: &'static [&'static str]) -> Query {
    Query {
        name,
        sql,
        intervals,
    }
}

/// A page: what answers it where there is no history, the logs that it reads, and its tables.
struct Page {
    live: LivePage,
    logs: &'static [&'static str],
    queries: &'static [Query],
}

static APPLICATIONS: Page = Page {
    live: LivePage::Applications,
    logs: &["conn"],
    queries: &[
        query(
            "products",
            "app, count(*) AS conns, count(DISTINCT \"id.orig_h\") AS clients, sum(orig_ip_bytes) AS sent, sum(resp_ip_bytes) AS received \
             FROM conn WHERE {where} AND app IS NOT NULL GROUP BY 1 ORDER BY sent + received DESC",
            &[],
        ),
        query(
            "services",
            "service, count(*) AS conns, count(DISTINCT \"id.orig_h\") AS clients, count(DISTINCT \"id.resp_h\") AS servers, \
             sum(orig_ip_bytes) AS sent, sum(resp_ip_bytes) AS received FROM conn WHERE {where} GROUP BY 1 ORDER BY sent + received DESC",
            &[],
        ),
        query(
            "unrecognised",
            "proto, \"id.resp_p\" AS port, count(*) AS conns, count(DISTINCT \"id.resp_h\") AS servers, sum(orig_ip_bytes + resp_ip_bytes) AS bytes \
             FROM conn WHERE {where} AND service IS NULL AND proto IN ('tcp', 'udp') GROUP BY 1, 2 ORDER BY bytes DESC",
            &[],
        ),
    ],
};

static TCP: Page = Page {
    live: LivePage::Tcp,
    logs: &["conn"],
    queries: &[
        query(
            "rtt_by_host",
            "\"id.resp_h\" AS host, count(*) AS conns, CAST(approx_percentile_cont(syn_rtt, 0.5) AS BIGINT) AS p50, \
             CAST(approx_percentile_cont(syn_rtt, 0.95) AS BIGINT) AS p95, CAST(approx_percentile_cont(syn_rtt, 0.99) AS BIGINT) AS p99, max(syn_rtt) AS max \
             FROM conn WHERE {where} AND proto = 'tcp' AND syn_rtt IS NOT NULL GROUP BY 1 HAVING count(*) >= 3 ORDER BY p95 DESC",
            &["p50", "p95", "p99", "max"],
        ),
        query(
            "rtt_by_network",
            "network, count(*) AS conns, CAST(approx_percentile_cont(syn_rtt, 0.5) AS BIGINT) AS p50, \
             CAST(approx_percentile_cont(syn_rtt, 0.95) AS BIGINT) AS p95, max(syn_rtt) AS max \
             FROM (SELECT concat(regexp_replace(\"id.resp_h\", '\\.[0-9]+$', ''), '.0/24') AS network, syn_rtt FROM conn \
             WHERE {where} AND proto = 'tcp' AND syn_rtt IS NOT NULL AND \"id.resp_h\" LIKE '%.%.%.%') GROUP BY 1 ORDER BY p95 DESC",
            &["p50", "p95", "max"],
        ),
        query(
            "retransmissions",
            "\"id.resp_h\" AS host, count(*) AS conns, sum(orig_retransmits) AS to_it, sum(resp_retransmits) AS from_it, \
             CAST(sum(orig_retransmits + resp_retransmits) AS DOUBLE) * 100 / sum(orig_pkts + resp_pkts) AS percent \
             FROM conn WHERE {where} AND proto = 'tcp' GROUP BY 1 HAVING sum(orig_retransmits + resp_retransmits) > 0 ORDER BY to_it + from_it DESC",
            &[],
        ),
        query(
            "zero_windows",
            "host, sum(times) AS times, count(*) AS conns FROM (\
             SELECT \"id.orig_h\" AS host, orig_zero_windows AS times FROM conn WHERE {where} AND orig_zero_windows > 0 UNION ALL \
             SELECT \"id.resp_h\" AS host, resp_zero_windows AS times FROM conn WHERE {where} AND resp_zero_windows > 0) GROUP BY 1 ORDER BY times DESC",
            &[],
        ),
        query(
            "refused",
            "\"id.resp_h\" AS host, \"id.resp_p\" AS port, conn_state, count(*) AS conns, count(DISTINCT \"id.orig_h\") AS clients \
             FROM conn WHERE {where} AND proto = 'tcp' AND conn_state IN ('S0', 'REJ', 'RSTOS0', 'RSTRH', 'SH') GROUP BY 1, 2, 3 ORDER BY conns DESC",
            &[],
        ),
        query(
            "resets",
            "\"id.resp_h\" AS host, count(*) AS conns, sum(CASE WHEN conn_state IN ('RSTR', 'RSTRH') THEN 1 ELSE 0 END) AS by_it, \
             sum(CASE WHEN conn_state IN ('RSTO', 'RSTOS0') THEN 1 ELSE 0 END) AS by_clients \
             FROM conn WHERE {where} AND proto = 'tcp' AND conn_state IN ('RSTR', 'RSTRH', 'RSTO', 'RSTOS0') GROUP BY 1 ORDER BY conns DESC",
            &[],
        ),
        query(
            "missed",
            "\"id.resp_h\" AS host, count(*) AS conns, sum(missed_bytes) AS missed_bytes FROM conn WHERE {where} AND missed_bytes > 0 GROUP BY 1 ORDER BY missed_bytes DESC",
            &[],
        ),
    ],
};

static DNS: Page = Page {
    live: LivePage::Dns,
    logs: &["dns"],
    queries: &[
        query(
            "queries",
            "query, count(*) AS count, count(DISTINCT \"id.orig_h\") AS clients FROM dns WHERE {where} AND query IS NOT NULL GROUP BY 1 ORDER BY count DESC",
            &[],
        ),
        query(
            "rcodes",
            "coalesce(rcode_name, CASE WHEN saw_reply THEN 'other' ELSE 'no answer' END) AS rcode, count(*) AS count FROM dns WHERE {where} GROUP BY 1 ORDER BY count DESC",
            &[],
        ),
        query(
            "types",
            "coalesce(qtype_name, CAST(qtype AS VARCHAR)) AS type, count(*) AS count FROM dns WHERE {where} GROUP BY 1 ORDER BY count DESC",
            &[],
        ),
        query(
            "servers",
            "\"id.resp_h\" AS server, count(*) AS count, CAST(approx_percentile_cont(rtt, 0.5) AS BIGINT) AS p50, \
             CAST(approx_percentile_cont(rtt, 0.95) AS BIGINT) AS p95, max(rtt) AS max, sum(CASE WHEN saw_reply THEN 0 ELSE 1 END) AS unanswered \
             FROM dns WHERE {where} GROUP BY 1 ORDER BY p95 DESC NULLS LAST",
            &["p50", "p95", "max"],
        ),
        query(
            "failures",
            "query, rcode_name AS rcode, count(*) AS count, count(DISTINCT \"id.orig_h\") AS clients FROM dns \
             WHERE {where} AND rcode <> 0 AND rcode IS NOT NULL GROUP BY 1, 2 ORDER BY count DESC",
            &[],
        ),
        query(
            "clients",
            "\"id.orig_h\" AS client, count(*) AS count, count(DISTINCT query) AS names, sum(CASE WHEN rcode = 3 THEN 1 ELSE 0 END) AS nxdomain \
             FROM dns WHERE {where} GROUP BY 1 ORDER BY count DESC",
            &[],
        ),
    ],
};

/// Of a cipher suite: that it is weak.
static WEAK_CIPHER: LazyLock<String> = LazyLock::new(|| {
    let like = WEAK_CIPHERS.map(|pattern| format!("cipher LIKE '{pattern}'"));
    format!("({})", like.join(" OR "))
});

/// Of a version: that it is weak.
static WEAK_VERSION: LazyLock<String> = LazyLock::new(|| {
    let names = WEAK_VERSIONS.map(|name| format!("'{name}'"));
    format!("version IN ({})", names.join(", "))
});

static TLS: Page = Page {
    live: LivePage::Tls,
    logs: &["ssl", "x509"],
    queries: &[
        query(
            "versions",
            "version, count(*) AS conns, count(DISTINCT \"id.resp_h\") AS servers, {weak version} AS weak \
             FROM ssl WHERE {where} AND version IS NOT NULL GROUP BY 1, 4 ORDER BY conns DESC",
            &[],
        ),
        query(
            "ciphers",
            "cipher, {weak cipher} AS weak, count(*) AS conns, count(DISTINCT \"id.resp_h\") AS servers FROM ssl WHERE {where} AND cipher IS NOT NULL GROUP BY 1, 2 ORDER BY weak DESC, conns DESC",
            &[],
        ),
        query(
            "names",
            "server_name, count(*) AS conns, count(DISTINCT \"id.orig_h\") AS clients, count(DISTINCT \"id.resp_h\") AS servers FROM ssl \
             WHERE {where} AND server_name IS NOT NULL GROUP BY 1 ORDER BY conns DESC",
            &[],
        ),
        query(
            "expiring",
            "\"certificate.subject\" AS subject, \"certificate.issuer\" AS issuer, max(\"certificate.not_valid_after\") AS not_valid_after, count(*) AS seen \
             FROM x509 WHERE {where} GROUP BY 1, 2 ORDER BY not_valid_after",
            &[],
        ),
        query(
            "self_signed",
            "\"certificate.subject\" AS subject, max(\"certificate.not_valid_after\") AS not_valid_after, count(*) AS seen \
             FROM x509 WHERE {where} AND \"certificate.subject\" = \"certificate.issuer\" GROUP BY 1 ORDER BY seen DESC",
            &[],
        ),
        query(
            "clients",
            "ja4, count(*) AS conns, count(DISTINCT \"id.orig_h\") AS clients, max(server_name) AS server_name FROM ssl WHERE {where} AND ja4 IS NOT NULL GROUP BY 1 ORDER BY conns DESC",
            &[],
        ),
        query(
            "failed",
            "server_name, \"id.resp_h\" AS server, last_alert, count(*) AS conns FROM ssl WHERE {where} AND established = FALSE GROUP BY 1, 2, 3 ORDER BY conns DESC",
            &[],
        ),
    ],
};

async fn page(app: &App, asked: RangeAsk, page: &'static Page) -> Result<Json<Tables>, Failure> {
    let range = range(app, asked)?;
    if let (Some(live), None) = (app.feed.live(), &app.history) {
        return Ok(Json(of_live(live, range, page.live)));
    }
    let tables = ask(app, move |asker| {
        let catalog = asker.past.history.catalog();
        let of = |log: &&str| newest_within(catalog, log, range, MOST_BYTES).from;
        let since = page.logs.iter().map(of).max().unwrap_or(range.from);
        let when = Range {
            from: since,
            ..range
        }
        .sql();
        let mut tables = BTreeMap::new();
        for query in page.queries {
            let sql = query
                .sql
                .replace("{where}", &when)
                .replace("{weak version}", &WEAK_VERSION)
                .replace("{weak cipher}", &WEAK_CIPHER);
            let table = asker.table(format!("SELECT {sql} LIMIT {ROWS}"), ROWS)?;
            let columns = table.columns.into_iter().map(|column| {
                let is_interval = query.intervals.contains(&column.name.as_str());
                let column = Column::from(column);
                match is_interval {
                    true => Column {
                        kind: "interval",
                        ..column
                    },
                    false => column,
                }
            });
            tables.insert(
                query.name,
                Table {
                    columns: columns.collect(),
                    rows: table.rows,
                },
            );
        }
        Ok(Tables {
            from: Origin::Store,
            complete: since <= range.from,
            since,
            tables,
        })
    });
    tables.await.map(Json)
}

/// From the sums that the run itself keeps.
fn of_live(live: &Live, range: Range, page: LivePage) -> Tables {
    let totals = live.totals(range.from, range.to);
    let since = totals.as_ref().and_then(portreeve_live::Totals::since);
    let since = since.unwrap_or(range.to);
    let tables = totals.map(|totals| totals.page(page)).unwrap_or_default();
    let column = |(name, kind): (&str, &'static str)| Column {
        name: name.to_owned(),
        kind,
    };
    let table = |(name, table): (&'static str, portreeve_live::Table)| {
        let columns = table.columns.into_iter().map(column).collect();
        let rows = table.rows;
        (name, Table { columns, rows })
    };
    Tables {
        from: Origin::Live,
        complete: since <= range.from,
        since,
        tables: tables.into_iter().map(table).collect(),
    }
}

/// What the traffic is about: products, protocols, and what was not recognised.
#[utoipa::path(get, path = "/applications", tag = "history", params(RangeAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn applications(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &APPLICATIONS).await
}

/// How well TCP goes: round trips by host and network, retransmissions, zero windows, refused connections, resets.
#[utoipa::path(get, path = "/tcp", tag = "history", params(RangeAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn tcp(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &TCP).await
}

/// Names looked up: the most frequent, how they were answered, by whom and how fast, and what failed.
#[utoipa::path(get, path = "/dns", tag = "history", params(RangeAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn dns(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &DNS).await
}

/// How it is encrypted: versions, cipher suites (weak ones first), names, certificates that expire soonest or are signed by themselves.
#[utoipa::path(get, path = "/tls", tag = "history", params(RangeAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn tls(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &TLS).await
}
