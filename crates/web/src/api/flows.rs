//! Conversations: to search them, and all that is known of one.

mod cursor;
mod search;

use axum::Json;
use axum::extract::{Path, State};
use portreeve_live::{FlowAsk as LiveAsk, Live, Order as LiveOrder};
use portreeve_query::filter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{Origin, filter_problem};
use crate::answer::{Failure, Params, Problem};
use crate::past::{ask, object, quoted};
use crate::range::{Range, RangeAsk, range};
use crate::state::App;
use cursor::Cursor;
pub(crate) use search::in_milliseconds;

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) enum Order {
    /// The newest first.
    #[default]
    #[serde(rename = "-ts")]
    Newest,
    /// The oldest first.
    #[serde(rename = "ts")]
    Oldest,
    /// Most bytes first.
    #[serde(rename = "-bytes")]
    Bytes,
    /// The longest first.
    #[serde(rename = "-duration")]
    Duration,
}

/// What is asked besides the range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FlowsAsk {
    /// Which: see `GET filter/fields`.
    #[serde(default)]
    filter: String,
    /// Rows, 1000 at most.
    #[serde(default = "limit")]
    limit: usize,
    /// Where to go on: `next` of the answer before.
    cursor: Option<String>,
    /// In which order.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// Columns, with commas between them; a useful choice without.
    columns: Option<String>,
}

fn limit() -> usize {
    100
}

/// Conversations that were found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Flows {
    /// Fields of `conn` by their names; `ts` in milliseconds, intervals in nanoseconds; what is unset is left out. A conversation that goes on has
    /// `open: true`, and what its updates have told (the first comes after `flow.active_timeout`).
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Map<String, Value>>,
    /// Where to go on; none: that was all.
    next: Option<String>,
    /// How far was searched: up to (going back, down to) this moment everything that fits is in this answer or in those before.
    searched_to: i64,
    /// Whether as many rows were found as asked for, or all there are. Else the search took long and is to be gone on with at `next`.
    complete: bool,
    /// Where this comes from.
    from: Origin,
}

/// Searches conversations. The newest are found first, without a look at all others; a search that takes long answers with what it has, and where to go on.
#[utoipa::path(get, path = "/flows", tag = "history", params(RangeAsk, FlowsAsk), responses(
    (status = 200, body = Flows),
    (status = 400, body = Problem, description = "The filter, the range or the cursor is wrong.")
))]
pub(crate) async fn flows(
    State(app): State<App>,
    Params(asked): Params<RangeAsk>,
    Params(flows): Params<FlowsAsk>,
) -> Result<Json<Flows>, Failure> {
    let range = range(&app, asked)?;
    let limit = flows.limit.clamp(1, 1000);
    let condition =
        filter::to_sql(&flows.filter, "conn").map_err(|error| filter_problem(&error))?;
    if app.history.is_none() {
        let live = super::now::live(&app)?;
        return of_live(live, &flows, limit, range).map(Json);
    }
    let live = app.feed.live().cloned();
    let running = live.as_ref().map(|live| live.running(&flows.filter));
    let running = running
        .transpose()
        .map_err(|error| filter_problem(&error))?;
    let mut running = running.unwrap_or_default();
    running.retain(|row| row.ts >= range.from && row.ts < range.to);
    let cursor = flows.cursor.as_deref().map(Cursor::parse).transpose()?;
    let columns = search::columns(flows.columns.as_deref())?;
    let search = search::Search {
        range,
        condition,
        columns,
        order: flows.order,
        limit,
        cursor,
        running,
        live,
    };
    ask(&app, move |asker| search.run(asker)).await.map(Json)
}

/// The recent ones that the run itself keeps.
fn of_live(live: &Live, asked: &FlowsAsk, limit: usize, range: Range) -> Result<Flows, Failure> {
    let order = match asked.order {
        Order::Newest => LiveOrder::Newest,
        Order::Oldest => LiveOrder::Oldest,
        Order::Bytes => LiveOrder::Bytes,
        Order::Duration => LiveOrder::Duration,
    };
    let ask = LiveAsk {
        filter: asked.filter.clone(),
        order,
        limit: usize::MAX,
    };
    let found = live
        .flows(&ask)
        .map_err(|error| Failure::bad("filter", error.to_string()))?;
    let offset = match &asked.cursor {
        None => 0,
        Some(cursor) => Cursor::parse(cursor)?.offset(),
    };
    let mut rows = Vec::new();
    let mut more = false;
    let fitting = found
        .iter()
        .filter(|row| row.ts >= range.from && row.ts < range.to);
    for row in fitting.skip(offset) {
        if rows.len() == limit {
            more = true;
            break;
        }
        if let Ok(Value::Object(mut row)) = serde_json::to_value(row) {
            row.retain(|_, value| !value.is_null());
            rows.push(row);
        }
    }
    Ok(Flows {
        next: more.then(|| Cursor::of_offset(offset + rows.len()).to_string()),
        rows,
        searched_to: range.from,
        complete: true,
        from: Origin::Live,
    })
}

/// When the conversation was, which spares a search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct When {
    /// Its `ts`, in milliseconds since 1970 UTC.
    ts: Option<i64>,
}

/// All that is known of one conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Flow {
    /// Its record; of one that goes on, the sums of its updates; none: there is no update yet.
    #[schema(value_type = Option<Object>)]
    conn: Option<Map<String, Value>>,
    /// It goes on, as far as is known.
    open: bool,
    /// Its updates, the oldest first: what was added in each.
    #[schema(value_type = Vec<Object>)]
    updates: Vec<Map<String, Value>>,
    /// What it was about, the oldest first: records of other logs, each with its log's name in `log`.
    #[schema(value_type = Vec<Object>)]
    records: Vec<Map<String, Value>>,
    /// Where this comes from.
    from: Origin,
}

/// All that is known of one conversation: its record, its updates, and the application records that belong to it.
#[utoipa::path(get, path = "/flows/{uid}", tag = "history", params(("uid" = String, Path, description = "Its `uid`."), When), responses(
    (status = 200, body = Flow),
    (status = 404, body = Problem, description = "It is not known, or not any more.")
))]
pub(crate) async fn flow(
    State(app): State<App>,
    Path(uid): Path<String>,
    Params(When { ts }): Params<When>,
) -> Result<Json<Flow>, Failure> {
    if uid.is_empty() || uid.len() > 40 || !uid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Failure::bad("uid", "that is no uid"));
    }
    let known = app.feed.live().and_then(|live| live.flow(&uid));
    let recent = known.map(|known| Flow {
        open: known.open,
        conn: Some(known.conn),
        updates: Vec::new(),
        records: known.records,
        from: Origin::Live,
    });
    if app.history.is_none() {
        let missing = || Failure::missing("flow", format!("there is no conversation {uid}"));
        return recent.ok_or_else(missing).map(Json);
    }
    let uid_of_it = uid.clone();
    let stored = ask(&app, move |asker| one(asker, &uid_of_it, ts)).await?;
    match (stored, recent) {
        // What has just been is not on disk yet.
        (None, Some(recent)) => Ok(Json(recent)),
        (Some(stored), Some(recent)) if stored.conn.is_none() => Ok(Json(Flow {
            conn: recent.conn,
            open: recent.open,
            ..stored
        })),
        (Some(stored), _) => Ok(Json(stored)),
        (None, None) => Err(Failure::missing(
            "flow",
            format!("there is no conversation {uid}"),
        )),
    }
}

/// Rows of each log, at most.
const RECORDS: usize = 200;
/// How far around its time a conversation's records are looked for, milliseconds.
const AROUND: i64 = 60_000;
/// Its updates and records come until it ends; where that is not known, for so long.
const LONGEST: i64 = 24 * 3_600_000;

fn one(asker: &crate::past::Asker, uid: &str, ts: Option<i64>) -> Result<Option<Flow>, Failure> {
    let around = |when: Option<Range>| when.map_or("TRUE".to_owned(), Range::sql);
    let near = ts.map(|ts| Range {
        from: ts.saturating_sub(AROUND),
        to: ts.saturating_add(AROUND),
    });
    let of_table = |table: &str, when: &str, rows: usize| {
        asker.table(
            format!(
                "SELECT * FROM {table} WHERE {when} AND uid = {} ORDER BY ts LIMIT {rows}",
                quoted(uid)
            ),
            rows,
        )
    };
    let rows_of = |table: portreeve_query::Table| -> Vec<Map<String, Value>> {
        let columns = table.columns;
        let rows = table.rows.into_iter();
        rows.map(|row| search::in_milliseconds(object(&columns, row)))
            .collect()
    };
    let conn = rows_of(of_table("conn", &around(near), 1)?).pop();
    let begin = conn
        .as_ref()
        .and_then(|conn| conn.get("ts")?.as_i64())
        .or(ts);
    let lasted = conn
        .as_ref()
        .and_then(|conn| conn.get("duration")?.as_i64());
    let span = begin.map(|begin| Range {
        from: begin.saturating_sub(AROUND),
        to: begin.saturating_add(match (&conn, lasted) {
            (Some(_), lasted) => lasted.unwrap_or(0) / 1_000_000 + AROUND,
            (None, _) => LONGEST,
        }),
    });
    let when = around(span);
    let updates = rows_of(of_table("conn_update", &when, RECORDS)?);
    let mut records = Vec::new();
    for table in asker.past.history.tables() {
        let has_uid = table.columns.iter().any(|column| column.name == "uid");
        if table.rollup || !has_uid || matches!(table.name, "conn" | "conn_update") {
            continue;
        }
        if asker.is_alone() {
            return Ok(None);
        }
        // Most logs are empty, and many have nothing of that time.
        if !search::has_rows(asker, table.name, span) {
            continue;
        }
        for mut row in rows_of(of_table(table.name, &when, RECORDS)?) {
            row.insert("log".to_owned(), table.name.into());
            records.push(row);
        }
    }
    records.sort_by_key(|row| row.get("ts").and_then(Value::as_i64));
    if conn.is_none() && updates.is_empty() && records.is_empty() {
        return Ok(None);
    }
    Ok(Some(Flow {
        // Of a run that is over, or of another one, nobody knows better.
        open: false,
        conn,
        updates,
        records,
        from: Origin::Store,
    }))
}
