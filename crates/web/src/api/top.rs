//! Who and what moved most: from roll-ups where they know it, from conversations else; without a history, from what the run itself keeps.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use portreeve_live::{FlowAsk, Kind as LiveKind, Live, Ranked, Row as LiveRow};
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
    /// Where this comes from. `live`: whole minutes of the last hour, counted as records come; with a filter, of the recent conversations.
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
        return of_live(live, kind, limit, range, &filter).map(Json);
    }
    let top = ask(&app, move |asker| {
        stored(asker, range, kind, limit, &condition)
    })
    .await?;
    Ok(Json(top))
}

/// From the sums that the run itself keeps; with a filter, from its recent conversations.
fn of_live(
    live: &Live,
    kind: Kind,
    limit: usize,
    range: Range,
    filter: &str,
) -> Result<Top, Failure> {
    let (ranked, since) = if filter.trim().is_empty() {
        let totals = live.totals(range.from, range.to);
        let since = totals.as_ref().and_then(portreeve_live::Totals::since);
        let ranked = totals.map(|totals| totals.top(of_kind(kind), limit));
        (ranked.unwrap_or_default(), since)
    } else {
        of_flows(live, kind, limit, range, filter)?
    };
    let since = since.unwrap_or(range.to);
    let view = live.now();
    let now: &[LiveRow] = match kind {
        Kind::Host => &view.top.hosts,
        Kind::App => &view.top.applications,
        Kind::Port => &view.top.services,
        Kind::Country => &view.top.countries,
        Kind::Service | Kind::Conversation | Kind::Proto | Kind::ConnState => &[],
    };
    let detail = |name: &str| match kind {
        Kind::Host => live.name(name.parse().ok()?),
        _ => None,
    };
    let row = |ranked: Ranked| Row {
        detail: detail(&ranked.name),
        bits_per_s: now
            .iter()
            .find(|row| row.name == ranked.name)
            .map(LiveRow::bits),
        bytes: ranked.sent.saturating_add(ranked.received),
        sent: ranked.sent,
        received: ranked.received,
        packets: ranked.packets,
        conns: ranked.conns,
        name: ranked.name,
    };
    Ok(Top {
        rows: ranked.into_iter().map(row).collect(),
        complete: since <= range.from,
        since,
        from: Origin::Live,
    })
}

fn of_kind(kind: Kind) -> LiveKind {
    match kind {
        Kind::Host => LiveKind::Host,
        Kind::Service => LiveKind::Service,
        Kind::App => LiveKind::App,
        Kind::Conversation => LiveKind::Conversation,
        Kind::Country => LiveKind::Country,
        Kind::Proto => LiveKind::Proto,
        Kind::Port => LiveKind::Port,
        Kind::ConnState => LiveKind::ConnState,
    }
}

/// The recent conversations that a filter finds, added up; and the begin of the first of them.
fn of_flows(
    live: &Live,
    kind: Kind,
    limit: usize,
    range: Range,
    filter: &str,
) -> Result<(Vec<Ranked>, Option<i64>), Failure> {
    let ask = FlowAsk {
        filter: filter.to_owned(),
        limit: usize::MAX,
        ..FlowAsk::default()
    };
    let found = live.flows(&ask);
    let flows = found.map_err(|error| Failure::bad("filter", error.to_string()))?;
    let mut sums: HashMap<String, Ranked> = HashMap::new();
    let mut since = None;
    for flow in &flows {
        if flow.ts < range.from || flow.ts >= range.to {
            continue;
        }
        since = Some(since.map_or(flow.ts, |since: i64| since.min(flow.ts)));
        let (sent, received) = (flow.orig_ip_bytes, flow.resp_ip_bytes);
        let mut add = |name: String, sent: u64, received: u64| {
            let sum = sums.entry(name.clone()).or_insert(Ranked {
                name,
                sent: 0,
                received: 0,
                packets: 0,
                conns: 0,
            });
            sum.sent = sum.sent.saturating_add(sent);
            sum.received = sum.received.saturating_add(received);
            sum.packets = sum.packets.saturating_add(flow.packets());
            sum.conns += 1;
        };
        let service = flow.service.as_deref();
        let name = match kind {
            Kind::Host => {
                add(flow.orig_h.to_string(), sent, received);
                flow.resp_h.to_string()
            }
            Kind::Country => {
                if let Some(country) = &flow.orig_cc {
                    add(country.clone(), sent, received);
                }
                let Some(country) = &flow.resp_cc else {
                    continue;
                };
                country.clone()
            }
            Kind::Service => service.unwrap_or_default().to_owned(),
            Kind::App => flow
                .app
                .as_deref()
                .or(service)
                .unwrap_or_default()
                .to_owned(),
            Kind::Proto => flow.proto.clone(),
            Kind::ConnState => flow.conn_state.clone(),
            Kind::Port => format!("{}/{}", flow.proto, flow.resp_p),
            Kind::Conversation => format!(
                "{} > {}:{} {}",
                flow.orig_h, flow.resp_h, flow.resp_p, flow.proto
            ),
        };
        match kind {
            Kind::Host | Kind::Country => add(name, received, sent),
            _ => add(name, sent, received),
        }
    }
    let mut ranked: Vec<Ranked> = sums.into_values().collect();
    let bytes = |row: &Ranked| row.sent.saturating_add(row.received);
    ranked.sort_by(|a, b| bytes(b).cmp(&bytes(a)).then_with(|| a.name.cmp(&b.name)));
    ranked.truncate(limit);
    Ok((ranked, since))
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
