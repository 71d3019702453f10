//! What the pages *Applications*, *TCP health*, *DNS* and *TLS* show: each a few tables, each table a query; without a history, the same tables from the
//! sums that the run itself keeps of its last hour. A page that shows tables as they come asks for them one by one.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use portreeve_live::{Live, Page as LivePage, WEAK_CIPHERS, WEAK_VERSIONS};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answers::{Column, Origin, Table, Tables};
use crate::answer::{Failure, Params, Problem};
use crate::past::{Asker, ask, newest_within};
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

/// What is asked besides the range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TableAsk {
    /// The name of one of the page's tables: only that one is worked out. Without it, all are, one after the other.
    table: Option<String>,
}

impl Page {
    /// The queries of what was asked for: of one table, or of all.
    ///
    /// # Errors
    /// The page has no such table.
    fn asked(&self, asked: &TableAsk) -> Result<&[Query], Failure> {
        let Some(name) = &asked.table else {
            return Ok(self.queries);
        };
        let found = self.queries.iter().find(|query| query.name == name);
        found.map(std::slice::from_ref).ok_or_else(|| {
            let names: Vec<&str> = self.queries.iter().map(|query| query.name).collect();
            Failure::bad("table", format!("there is no table {name:?} here"))
                .hint(format!("its tables: {}", names.join(", ")))
        })
    }
}

impl Query {
    /// Its table, of what `when` says.
    fn table(&self, asker: &Asker, when: &str) -> Result<Table, Failure> {
        let sql = self
            .sql
            .replace("{where}", when)
            .replace("{weak version}", &WEAK_VERSION)
            .replace("{weak cipher}", &WEAK_CIPHER);
        let table = asker.table(format!("SELECT {sql} LIMIT {ROWS}"), ROWS)?;
        let columns = table.columns.into_iter().map(|column| {
            let is_interval = self.intervals.contains(&column.name.as_str());
            let column = Column::from(column);
            match is_interval {
                true => Column {
                    kind: "interval",
                    ..column
                },
                false => column,
            }
        });
        Ok(Table {
            columns: columns.collect(),
            rows: table.rows,
        })
    }
}

async fn page(
    app: &App,
    asked: RangeAsk,
    table: &TableAsk,
    page: &'static Page,
) -> Result<Json<Tables>, Failure> {
    let range = range(app, asked)?;
    let queries = page.asked(table)?;
    if let (Some(live), None) = (app.feed.live(), &app.history) {
        return Ok(Json(of_live(live, range, page.live, queries)));
    }
    let tables = ask(app, move |asker| {
        let catalog = asker.past.history.catalog();
        // Of all of the page's logs, so that its tables are of one time, however they are asked for.
        let of = |log: &&str| newest_within(catalog, log, range, MOST_BYTES).from;
        let since = page.logs.iter().map(of).max().unwrap_or(range.from);
        let when = Range {
            from: since,
            ..range
        }
        .sql();
        let table = |query: &Query| Ok((query.name, query.table(asker, &when)?));
        Ok(Tables {
            from: Origin::Store,
            complete: since <= range.from,
            since,
            tables: queries.iter().map(table).collect::<Result<_, Failure>>()?,
        })
    });
    tables.await.map(Json)
}

/// From the sums that the run itself keeps: the tables of these queries.
fn of_live(live: &Live, range: Range, page: LivePage, queries: &[Query]) -> Tables {
    let totals = live.totals(range.from, range.to);
    let since = totals.as_ref().and_then(portreeve_live::Totals::since);
    let since = since.unwrap_or(range.to);
    let tables = totals.map(|totals| totals.page(page)).unwrap_or_default();
    let is_asked = |name: &str| queries.iter().any(|query| query.name == name);
    let column = |(name, kind): (&str, &'static str)| Column {
        name: name.to_owned(),
        kind,
    };
    let table = |(name, table): (&'static str, portreeve_live::Table)| {
        let columns = table.columns.into_iter().map(column).collect();
        let rows = table.rows;
        (name, Table { columns, rows })
    };
    let tables = tables.into_iter().filter(|(name, _)| is_asked(name));
    Tables {
        from: Origin::Live,
        complete: since <= range.from,
        since,
        tables: tables.map(table).collect(),
    }
}

/// What the traffic is about: products, protocols, and what was not recognised.
#[utoipa::path(get, path = "/applications", tag = "history", params(RangeAsk, TableAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn applications(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(table): Params<TableAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &table, &APPLICATIONS).await
}

/// How well TCP goes: round trips by host and network, retransmissions, zero windows, refused connections, resets.
#[utoipa::path(get, path = "/tcp", tag = "history", params(RangeAsk, TableAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn tcp(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(table): Params<TableAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &table, &TCP).await
}

/// Names looked up: the most frequent, how they were answered, by whom and how fast, and what failed.
#[utoipa::path(get, path = "/dns", tag = "history", params(RangeAsk, TableAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn dns(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(table): Params<TableAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &table, &DNS).await
}

/// How it is encrypted: versions, cipher suites (weak ones first), names, certificates that expire soonest or are signed by themselves.
#[utoipa::path(get, path = "/tls", tag = "history", params(RangeAsk, TableAsk), responses((status = 200, body = Tables), (status = 400, body = Problem)))]
pub(crate) async fn tls(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(table): Params<TableAsk>,
) -> Result<Json<Tables>, Failure> {
    page(&app, asked, &table, &TLS).await
}
