//! All that is known of one address.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, State};
use portreeve_live::{FlowAsk, FlowRow, Live};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answers::Origin;
use super::flows::in_milliseconds;
use crate::answer::{Failure, Params, Problem};
use crate::past::{Asker, ask, newest_within, object, quoted};
use crate::range::{Range, RangeAsk, range};
use crate::state::App;

/// Bytes of conversations, as Parquet, that are looked at for one answer.
const MOST_BYTES: u64 = 256 << 20;
/// Rows of each list.
const ROWS: usize = 100;
/// From so long a time on, the history is by hour: milliseconds.
const LONG: i64 = 3 * 86_400_000;
/// Points of the history, at most.
const POINTS: i64 = 200;
/// A minute's sums are written within this time, an hour's within the other: milliseconds.
const MINUTES_ARE_LATE: i64 = 10 * MINUTE;
const HOURS_ARE_LATE: i64 = 2 * HOUR;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// Bytes and more, summed.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Totals {
    /// Bytes it sent.
    sent: u64,
    /// Bytes it was sent.
    received: u64,
    /// Packets both ways.
    packets: u64,
    /// Conversations.
    conns: u64,
}

/// Whom it spoke with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Peer {
    /// His address.
    name: String,
    /// His name.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Bytes both ways.
    bytes: u64,
    /// Bytes that the host sent him.
    sent: u64,
    /// Bytes that he sent the host.
    received: u64,
    /// Packets both ways.
    packets: u64,
    /// Conversations.
    conns: u64,
}

/// Where it is, by the databases that the configuration names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Geo {
    /// The country, two letters.
    country: Option<String>,
    /// The autonomous system.
    asn: Option<u64>,
    /// Who runs it.
    as_org: Option<String>,
}

/// All that is known of one address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Host {
    /// The address.
    address: String,
    /// What it was called: by DNS and DHCP.
    names: Vec<String>,
    /// Its first conversation within what was looked at.
    first_seen: Option<i64>,
    /// Its last one.
    last_seen: Option<i64>,
    /// What it offers: `service`, `proto`, `port`, `conns`, `bytes`.
    #[schema(value_type = Vec<Object>)]
    services: Vec<Map<String, Value>>,
    /// Whom it spoke with, most bytes first.
    peers: Vec<Peer>,
    /// What runs on it, as in the log `software`.
    #[schema(value_type = Vec<Object>)]
    software: Vec<Map<String, Value>>,
    /// Its leases, as in the log `dhcp`.
    #[schema(value_type = Vec<Object>)]
    dhcp: Vec<Map<String, Value>>,
    /// Sums over what was looked at.
    totals: Totals,
    /// How long a step of the history is.
    step_ms: i64,
    /// For each step its begin, bytes sent and received. With a store it has all that there are; an address that never was among the busiest has none
    /// but what is too new for the sums.
    #[schema(value_type = Vec<[i64; 3]>)]
    history: Vec<(i64, u64, u64)>,
    /// Where it is.
    geo: Option<Geo>,
    /// Whether all of the range was looked at.
    complete: bool,
    /// Where this comes from.
    from: Origin,
}

/// All that is known of one address: names, services, peers, history.
#[utoipa::path(get, path = "/hosts/{address}", tag = "history", params(("address" = String, Path, description = "IPv4 or IPv6."), RangeAsk), responses(
    (status = 200, body = Host), (status = 400, body = Problem)
))]
pub(crate) async fn host(
    State(app): State<App>,
    Path(address): Path<String>,
    Params(asked): Params<RangeAsk>,
) -> Result<Json<Host>, Failure> {
    let address: IpAddr = address
        .parse()
        .map_err(|_| Failure::bad("address", format!("{address} is no address")))?;
    let range = range(&app, asked)?;
    if app.history.is_none() {
        return of_live(super::now::live(&app)?, address, range).map(Json);
    }
    ask(&app, move |asker| stored(asker, address, range))
        .await
        .map(Json)
}

fn number(row: &Map<String, Value>, name: &str) -> u64 {
    row.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn text(row: &Map<String, Value>, name: &str) -> Option<String> {
    row.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn stored(asker: &Asker, address: IpAddr, range: Range) -> Result<Host, Failure> {
    let host = quoted(&address.to_string());
    let rows = |sql: String| -> Result<Vec<Map<String, Value>>, Failure> {
        let table = asker.table(sql, 10_000)?;
        let columns = table.columns;
        let rows = table.rows.into_iter();
        Ok(rows
            .map(|row| in_milliseconds(object(&columns, row)))
            .collect())
    };
    let part = newest_within(asker.past.history.catalog(), "conn", range, MOST_BYTES);
    let when = part.sql();
    // Its conversations from its own side: what it sent and was sent, and with whom.
    let own = format!(
        "(SELECT ts, \"id.resp_h\" AS peer, orig_ip_bytes AS sent, resp_ip_bytes AS received, orig_pkts + resp_pkts AS packets, \
          orig_name AS own_name, resp_name AS peer_name, orig_cc AS cc, orig_asn AS asn, orig_as_org AS as_org FROM conn WHERE {when} AND \"id.orig_h\" = {host} \
          UNION ALL SELECT ts, \"id.orig_h\", resp_ip_bytes, orig_ip_bytes, orig_pkts + resp_pkts, resp_name, orig_name, resp_cc, resp_asn, resp_as_org \
          FROM conn WHERE {when} AND \"id.resp_h\" = {host})"
    );
    let all = rows(format!(
        "SELECT min(CAST(ts AS BIGINT) / 1000000) AS first, max(CAST(ts AS BIGINT) / 1000000) AS last, sum(sent) AS sent, sum(received) AS received, sum(packets) AS packets, \
         count(*) AS conns, max(cc) AS cc, max(asn) AS asn, max(as_org) AS as_org FROM {own}"
    ))?
    .pop()
    .unwrap_or_default();
    let names = rows(format!(
        "SELECT own_name AS name, count(*) AS count FROM {own} WHERE own_name IS NOT NULL GROUP BY 1 ORDER BY count DESC LIMIT 20"
    ))?;
    let peers = rows(format!(
        "SELECT peer, max(peer_name) AS detail, sum(sent) AS sent, sum(received) AS received, sum(packets) AS packets, count(*) AS conns \
         FROM {own} GROUP BY 1 ORDER BY sent + received DESC LIMIT {ROWS}"
    ))?;
    let services = rows(format!(
        "SELECT service, proto, \"id.resp_p\" AS port, count(*) AS conns, sum(orig_ip_bytes + resp_ip_bytes) AS bytes FROM conn \
         WHERE {when} AND \"id.resp_h\" = {host} AND resp_pkts > 0 GROUP BY 1, 2, 3 ORDER BY conns DESC LIMIT {ROWS}"
    ))?;
    let software = rows(format!(
        "SELECT * FROM software WHERE {} AND host = {host} ORDER BY ts DESC LIMIT {ROWS}",
        range.sql()
    ))?;
    let dhcp = rows(format!(
        "SELECT * FROM dhcp WHERE {} AND (assigned_addr = {host} OR client_addr = {host} OR requested_addr = {host}) ORDER BY ts DESC LIMIT {ROWS}",
        range.sql()
    ))?;
    let bucket = if range.length() < LONG { MINUTE } else { HOUR };
    // Whole buckets, so that no step has more of them than another.
    let step_ms = (range.length() / POINTS / bucket + 1) * bucket;
    let history = rows(history(asker, &host, range, step_ms)?)?;
    let moment = |name: &str| all.get(name).and_then(Value::as_i64);
    let geo = Geo {
        country: text(&all, "cc"),
        asn: all.get("asn").and_then(Value::as_u64),
        as_org: text(&all, "as_org"),
    };
    let from_dhcp = dhcp.iter().filter_map(|row| text(row, "host_name"));
    let mut called: Vec<String> = names.iter().filter_map(|row| text(row, "name")).collect();
    for name in from_dhcp {
        if !called.contains(&name) {
            called.push(name);
        }
    }
    Ok(Host {
        address: address.to_string(),
        names: called,
        first_seen: moment("first"),
        last_seen: moment("last"),
        services,
        peers: peers
            .iter()
            .map(|row| Peer {
                name: text(row, "peer").unwrap_or_default(),
                detail: text(row, "detail"),
                bytes: number(row, "sent") + number(row, "received"),
                sent: number(row, "sent"),
                received: number(row, "received"),
                packets: number(row, "packets"),
                conns: number(row, "conns"),
            })
            .collect(),
        software,
        dhcp,
        totals: Totals {
            sent: number(&all, "sent"),
            received: number(&all, "received"),
            packets: number(&all, "packets"),
            conns: number(&all, "conns"),
        },
        step_ms,
        history: history
            .iter()
            .filter_map(|row| {
                Some((
                    row.get("at")?.as_i64()?,
                    number(row, "sent"),
                    number(row, "received"),
                ))
            })
            .collect(),
        geo: Some(geo).filter(|geo| geo.country.is_some() || geo.asn.is_some()),
        complete: part.from <= range.from,
        from: Origin::Store,
    })
}

/// The query of a host's history: from the sums by hour or minute; what those do not have yet from narrower ones, and at last from conversations.
fn history(asker: &Asker, host: &str, range: Range, step: i64) -> Result<String, Failure> {
    // Behind the last bucket that is written nothing is counted twice.
    let written_until = |table: &str, width: i64, late: i64| -> Result<i64, Failure> {
        let near = Range {
            from: range.from.max(range.to.saturating_sub(late)),
            to: range.to,
        };
        let sql = format!(
            "SELECT max(CAST(ts AS BIGINT)) / 1000000 FROM {table} WHERE {}",
            near.sql()
        );
        let last = asker.table(sql, 1)?;
        let last = last.rows.first().and_then(|row| row.first()?.as_i64());
        Ok(last.map_or(near.from, |last| (last + width).min(range.to)))
    };
    let sums = |table: &str, from: i64, to: i64| {
        let piece = Range { from, to }.sql();
        format!(
            "SELECT ts, sent_ip_bytes AS sent, received_ip_bytes AS received FROM {table} WHERE {piece} AND host = {host}"
        )
    };
    let by_minute = written_until("hosts_1m", MINUTE, MINUTES_ARE_LATE)?;
    let mut parts = Vec::new();
    let mut from = range.from;
    if step >= HOUR {
        let by_hour = written_until("hosts_1h", HOUR, HOURS_ARE_LATE)?;
        parts.push(sums("hosts_1h", from, by_hour));
        from = by_hour;
    }
    if by_minute > from {
        parts.push(sums("hosts_1m", from, by_minute));
        from = by_minute;
    }
    if range.to > from {
        let newest = Range { from, to: range.to };
        let when = newest.sql();
        // What goes on is told by its updates, until its end tells all.
        let ended = format!("SELECT uid FROM conn WHERE {when}");
        for (table, alone) in [
            ("conn", "TRUE".to_owned()),
            ("conn_update", format!("uid NOT IN ({ended})")),
        ] {
            for (own, sent, received) in [
                ("orig", "orig_ip_bytes", "resp_ip_bytes"),
                ("resp", "resp_ip_bytes", "orig_ip_bytes"),
            ] {
                parts.push(format!(
                    "SELECT ts, {sent} AS sent, {received} AS received FROM {table} WHERE {when} AND \"id.{own}_h\" = {host} AND {alone}"
                ));
            }
        }
    }
    Ok(format!(
        "SELECT CAST(ts AS BIGINT) / {} * {step} AS at, sum(sent) AS sent, sum(received) AS received FROM ({}) GROUP BY 1 ORDER BY 1",
        step * 1_000_000,
        parts.join(" UNION ALL ")
    ))
}

/// What the run itself knows: of the conversations that it keeps.
fn of_live(live: &Live, address: IpAddr, range: Range) -> Result<Host, Failure> {
    let ask = FlowAsk {
        filter: format!("host:{address}"),
        limit: usize::MAX,
        ..FlowAsk::default()
    };
    let flows = live
        .flows(&ask)
        .map_err(|error| Failure::fault(error.to_string()))?;
    let totals = live.totals(range.from, range.to);
    let history = totals.map(|totals| totals.host(address));
    let flows: Vec<&FlowRow> = flows
        .iter()
        .filter(|flow| flow.ts >= range.from && flow.ts < range.to)
        .collect();
    let mut host = Host {
        address: address.to_string(),
        names: Vec::new(),
        first_seen: flows.iter().map(|flow| flow.ts).min(),
        last_seen: flows.iter().map(|flow| flow.ts).max(),
        services: Vec::new(),
        peers: Vec::new(),
        software: Vec::new(),
        dhcp: Vec::new(),
        totals: Totals::default(),
        step_ms: MINUTE,
        history: history.unwrap_or_default(),
        geo: None,
        complete: false,
        from: Origin::Live,
    };
    let mut names = BTreeSet::new();
    let mut peers = std::collections::HashMap::new();
    let mut services = std::collections::BTreeMap::new();
    for flow in flows {
        let is_orig = flow.orig_h == address;
        let (sent, received) = match is_orig {
            true => (flow.orig_ip_bytes, flow.resp_ip_bytes),
            false => (flow.resp_ip_bytes, flow.orig_ip_bytes),
        };
        let (name, peer, peer_name, country) = match is_orig {
            true => (&flow.orig_name, flow.resp_h, &flow.resp_name, &flow.orig_cc),
            false => (&flow.resp_name, flow.orig_h, &flow.orig_name, &flow.resp_cc),
        };
        names.extend(name.clone());
        if let Some(country) = country {
            host.geo = Some(Geo {
                country: Some(country.clone()),
                asn: None,
                as_org: None,
            });
        }
        let entry = peers.entry(peer).or_insert_with(|| Peer {
            name: peer.to_string(),
            detail: peer_name.clone(),
            bytes: 0,
            sent: 0,
            received: 0,
            packets: 0,
            conns: 0,
        });
        entry.bytes += sent + received;
        entry.sent += sent;
        entry.received += received;
        entry.packets += flow.packets();
        entry.conns += 1;
        host.totals.sent += sent;
        host.totals.received += received;
        host.totals.packets += flow.packets();
        host.totals.conns += 1;
        if !is_orig && flow.resp_pkts > 0 {
            let key = (flow.service.clone(), flow.proto.clone(), flow.resp_p);
            let sums: &mut (u64, u64) = services.entry(key).or_default();
            sums.0 += 1;
            sums.1 += sent + received;
        }
    }
    host.names = names.into_iter().collect();
    host.peers = peers.into_values().collect();
    host.peers.sort_by_key(|peer| std::cmp::Reverse(peer.bytes));
    host.peers.truncate(ROWS);
    for ((service, proto, port), (conns, bytes)) in services {
        let mut row = Map::new();
        if let Some(service) = service {
            row.insert("service".to_owned(), service.into());
        }
        row.insert("proto".to_owned(), proto.into());
        row.insert("port".to_owned(), port.into());
        row.insert("conns".to_owned(), conns.into());
        row.insert("bytes".to_owned(), bytes.into());
        host.services.push(row);
    }
    Ok(host)
}
