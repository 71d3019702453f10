//! Who and what moved most: from roll-ups where they know it, from conversations else.

use axum::Json;
use axum::extract::State;
use portreeve_live::{Live, Row as LiveRow};
use portreeve_query::filter;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Origin, filter_problem};
use crate::answer::{Failure, Params, Problem};
use crate::past::{Asker, ask, newest_within};
use crate::range::{Range, RangeAsk, range};
use crate::state::App;

/// Bytes of conversations, as Parquet, that are looked at for one answer.
const MOST_BYTES: u64 = 256 << 20;
/// Within so short a time the sums by minute are too coarse, and conversations are added up instead: milliseconds.
const SHORT: i64 = 15 * 60_000;
/// From so long a time on, sums by hour do.
const LONG: i64 = 3 * 24 * 3_600_000;
/// Seconds that the rates of a run's own lists are over.
const LIVE_SECONDS: u64 = 10;

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Addresses.
    Host,
    /// Application protocols.
    Service,
    /// Products.
    App,
    /// Pairs of addresses with the responder's port.
    Conversation,
    /// Countries.
    Country,
    /// Transport protocols.
    Proto,
    /// Responders' ports, with their protocol.
    Port,
    /// How connections went.
    ConnState,
}

/// What is asked besides the range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TopAsk {
    /// What is ranked.
    #[param(inline)]
    kind: Kind,
    /// Rows, 1000 at most.
    #[serde(default = "limit")]
    limit: usize,
    /// Only conversations that this filter finds.
    #[serde(default)]
    filter: String,
}

fn limit() -> usize {
    20
}

/// One row.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Row {
    /// Whose.
    name: String,
    /// More of it: a host's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Bits a second now, where the run itself answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_s: Option<u64>,
    /// Bytes both ways.
    bytes: u64,
    /// Bytes it sent; of what is no host, what originators sent.
    sent: u64,
    /// Bytes it was sent; of what is no host, what responders sent.
    received: u64,
    /// Packets both ways.
    packets: u64,
    /// Conversations.
    conns: u64,
}

/// Who and what moved most.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Top {
    /// The greatest first, by bytes.
    rows: Vec<Row>,
    /// Whether all of the range was looked at; else only its newest part was, since `since`.
    complete: bool,
    /// The begin of what was looked at.
    since: i64,
    /// Where this comes from. `live`: the last ten seconds (applications and countries: the last minute), whatever the range.
    from: Origin,
}

/// Who and what moved most.
#[utoipa::path(get, path = "/top", tag = "history", params(RangeAsk, TopAsk), responses(
    (status = 200, body = Top), (status = 400, body = Problem)
))]
pub(crate) async fn top(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(TopAsk {
        kind,
        limit,
        filter,
    }): Params<TopAsk>,
) -> Result<Json<Top>, Failure> {
    let range = range(&app, asked)?;
    let limit = limit.clamp(1, 1000);
    let condition = filter::to_sql(&filter, "conn").map_err(|error| filter_problem(&error))?;
    if app.history.is_none() {
        let live = super::now::live(&app)?;
        return Ok(Json(of_live(live, kind, limit, range)));
    }
    let top = ask(&app, move |asker| {
        stored(asker, range, kind, limit, &condition)
    })
    .await?;
    Ok(Json(top))
}

fn of_live(live: &Live, kind: Kind, limit: usize, range: Range) -> Top {
    let view = live.now();
    let rows: &[LiveRow] = match kind {
        Kind::Host => &view.top.hosts,
        Kind::Service | Kind::App => &view.top.applications,
        Kind::Port => &view.top.services,
        Kind::Conversation => &view.top.conversations,
        Kind::Country => &view.top.countries,
        Kind::Proto | Kind::ConnState => &[],
    };
    let seconds = match kind {
        Kind::App | Kind::Service | Kind::Country => 60,
        _ => LIVE_SECONDS,
    };
    let bytes = |bits: u64| bits.saturating_mul(seconds) / 8;
    let row = |row: &LiveRow| Row {
        name: row.name.clone(),
        detail: row.detail.clone(),
        bits_per_s: Some(row.bits()),
        bytes: bytes(row.bits()),
        sent: bytes(row.out_bits),
        received: bytes(row.in_bits),
        packets: row.packets.saturating_mul(seconds),
        conns: row.flows.unwrap_or(0),
    };
    Top {
        rows: rows.iter().take(limit).map(row).collect(),
        complete: false,
        since: view
            .ts
            .saturating_sub(seconds as i64 * 1000)
            .max(range.from),
        from: Origin::Live,
    }
}

const BOTH: &str = "sum(orig_ip_bytes) AS sent, sum(resp_ip_bytes) AS received, sum(orig_pkts + resp_pkts) AS packets";

/// The roll-up that knows this kind, and the query over it.
fn of_rollups(kind: Kind, range: Range) -> Option<String> {
    let width = if range.length() >= LONG { "1h" } else { "1m" };
    let when = range.sql();
    match kind {
        _ if range.length() < SHORT => None,
        Kind::Host => Some(format!(
            "SELECT host AS name, sum(sent_ip_bytes) AS sent, sum(received_ip_bytes) AS received, sum(sent_pkts + received_pkts) AS packets, \
             sum(conns) AS conns FROM hosts_{width} WHERE {when} AND host IS NOT NULL GROUP BY 1"
        )),
        Kind::Service | Kind::Proto => {
            let column = if kind == Kind::Proto {
                "proto"
            } else {
                "service"
            };
            Some(format!(
                "SELECT coalesce({column}, '') AS name, {BOTH}, sum(conns) AS conns FROM rollup_{width} WHERE {when} GROUP BY 1"
            ))
        }
        _ => None,
    }
}

/// The query over conversations.
fn of_conns(kind: Kind, range: Range, condition: &str) -> String {
    let matching = format!("FROM conn WHERE {} AND ({condition})", range.sql());
    let ends = |orig: &str, resp: &str| {
        format!(
            "SELECT name, sum(sent) AS sent, sum(received) AS received, sum(packets) AS packets, count(*) AS conns FROM (\
             SELECT {orig} AS name, orig_ip_bytes AS sent, resp_ip_bytes AS received, orig_pkts + resp_pkts AS packets {matching} UNION ALL \
             SELECT {resp} AS name, resp_ip_bytes AS sent, orig_ip_bytes AS received, orig_pkts + resp_pkts AS packets {matching}\
             ) WHERE name IS NOT NULL GROUP BY 1"
        )
    };
    let name = match kind {
        Kind::Host => return ends("\"id.orig_h\"", "\"id.resp_h\""),
        Kind::Country => return ends("orig_cc", "resp_cc"),
        Kind::Service => "coalesce(service, '')",
        Kind::App => "coalesce(app, service, '')",
        Kind::Proto => "proto",
        Kind::ConnState => "conn_state",
        Kind::Port => "concat(proto, '/', \"id.resp_p\")",
        Kind::Conversation => {
            "concat(\"id.orig_h\", ' > ', \"id.resp_h\", ':', \"id.resp_p\", ' ', proto)"
        }
    };
    format!("SELECT {name} AS name, {BOTH}, count(*) AS conns {matching} GROUP BY 1")
}

fn stored(
    asker: &Asker,
    range: Range,
    kind: Kind,
    limit: usize,
    condition: &str,
) -> Result<Top, Failure> {
    let rollups = of_rollups(kind, range).filter(|_| condition == "TRUE");
    let (query, since) = match rollups {
        Some(query) => (query, range.from),
        None => {
            let part = newest_within(asker.past.history.catalog(), "conn", range, MOST_BYTES);
            (of_conns(kind, part, condition), part.from)
        }
    };
    let table = asker.table(
        format!("{query} ORDER BY sent + received DESC, name LIMIT {limit}"),
        limit,
    )?;
    let rows = table.rows.iter().filter_map(|row| {
        let [name, sent, received, packets, conns] = row.as_slice() else {
            return None;
        };
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        Some(Row {
            name: name.as_str().unwrap_or_default().to_owned(),
            detail: None,
            bits_per_s: None,
            bytes: number(sent) + number(received),
            sent: number(sent),
            received: number(received),
            packets: number(packets),
            conns: number(conns),
        })
    });
    Ok(Top {
        rows: rows.collect(),
        complete: since <= range.from,
        since,
        from: Origin::Store,
    })
}
