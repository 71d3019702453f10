//! SQL, asked by people: as a whole, as CSV, or as a stream that says how far it is.

use std::convert::Infallible;
use std::time::Instant;

use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use portreeve_query::{Ask, Event, QueryError, Stats, Table as Answer, filter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::answers::Column;
use crate::answer::{Body, Failure, Params, Problem};
use crate::limits;
use crate::past::{Asker, ask, no_store};
use crate::state::App;

/// Lines of a stream that wait for their reader.
const WAITING: usize = 16;

/// How the answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One object.
    #[default]
    Json,
    /// Comma-separated values with a line of names (RFC 4180).
    Csv,
}

/// A query.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryAsk {
    /// SQL: one statement that reads.
    sql: String,
    /// Rows, 100000 at most.
    #[serde(default = "max_rows")]
    max_rows: usize,
    /// How the answer is written.
    #[serde(default)]
    format: Format,
}

fn max_rows() -> usize {
    1000
}

/// How the answer comes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// `1`: as lines of JSON (NDJSON), each an event: `schema`, `rows`, `progress`, and at last `done` or `error`.
    #[serde(default)]
    stream: u8,
}

/// Files of a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Files {
    /// Files that were looked at.
    read: usize,
    /// Files of the tables that it named.
    total: usize,
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queried {
    /// Its columns.
    columns: Vec<Column>,
    /// Its rows: times as RFC 3339, intervals in nanoseconds.
    #[schema(value_type = Vec<Vec<Value>>)]
    rows: Vec<Vec<Value>>,
    /// Whether there were more.
    truncated: bool,
    /// How long it took.
    elapsed_ms: u64,
    /// How many files it had to look at.
    files: Files,
}

fn milliseconds(stats: &Stats) -> u64 {
    u64::try_from(stats.elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn files(stats: &Stats) -> Files {
    Files {
        read: stats.files,
        total: stats.files_of_tables,
    }
}

/// Asks the history in SQL. When the client goes away the query ends.
#[utoipa::path(post, path = "/query", tag = "history", params(How), request_body = QueryAsk, responses(
    (status = 200, description = "The answer.", content((Queried = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"))),
    (status = 400, body = Problem, description = "The SQL is wrong, or would do more than read."),
    (status = 404, body = Problem, description = "No history is kept."),
    (status = 422, body = Problem, description = "It wants more memory than it gets."),
    (status = 504, body = Problem, description = "It took too long.")
))]
pub(crate) async fn query(
    State(app): State<App>,
    Params(How { stream }): Params<How>,
    Body(mut asked): Body<QueryAsk>,
) -> Result<Response, Failure> {
    asked.max_rows = asked.max_rows.clamp(1, limits::QUERY_ROWS);
    if stream != 0 {
        return streamed(&app, asked);
    }
    let QueryAsk {
        sql,
        max_rows,
        format,
    } = asked;
    let table = ask(&app, move |asker| asker.table_apart(sql, max_rows)).await?;
    Ok(match format {
        Format::Json => Json(Queried {
            truncated: table.stats.truncated,
            elapsed_ms: milliseconds(&table.stats),
            files: files(&table.stats),
            columns: table.columns.into_iter().map(Column::from).collect(),
            rows: table.rows,
        })
        .into_response(),
        Format::Csv => (
            [(header::CONTENT_TYPE, "text/csv; charset=utf-8")],
            csv(&table),
        )
            .into_response(),
    })
}

fn csv(table: &Answer) -> String {
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        text.push_str(&cells.map(csv_cell).collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    };
    line(&mut table.columns.iter().map(|column| column.name.clone()));
    for row in &table.rows {
        line(&mut row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    }
    text
}

fn csv_cell(cell: String) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// Answers at once, with lines as they come.
fn streamed(app: &App, asked: QueryAsk) -> Result<Response, Failure> {
    if app.history.is_none() {
        return Err(no_store());
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(WAITING);
    let app = app.clone();
    tokio::spawn(async move {
        let gone = sender.clone();
        let lines = sender.clone();
        let work = ask(&app, move |asker| run(asker, asked, &lines));
        // Dropped when the client has gone, and with it the query ends.
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = gone.closed() => return,
        };
        if let Err(failure) = outcome {
            let _ = sender.send(line(&failure.event())).await;
        }
    });
    let lines = stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((Ok::<_, Infallible>(line), receiver))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((StatusCode::OK, kind, HttpBody::from_stream(lines)).into_response())
}

fn line(event: &Value) -> Bytes {
    format!("{event}\n").into()
}

fn run(asker: &Asker, asked: QueryAsk, lines: &mpsc::Sender<Bytes>) -> Result<(), Failure> {
    let began = Instant::now();
    let mut running = asker.start_apart(Ask {
        sql: asked.sql,
        max_rows: Some(asked.max_rows),
        timeout: Some(limits::QUERY_TIME),
    });
    let mut is_done = false;
    while let Some(event) = running.next() {
        let event = match event? {
            Event::Schema(schema) => {
                let columns = Answer::columns_of(&schema).into_iter().map(Column::from);
                json!({ "event": "schema", "columns": columns.collect::<Vec<_>>() })
            }
            Event::Batch(batch) => json!({ "event": "rows", "rows": Answer::rows_of(&batch) }),
            Event::Progress(progress) => json!({
                "event": "progress",
                "done": progress.done,
                "total": progress.total,
                "elapsed_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            }),
            Event::Done(stats) => {
                is_done = true;
                json!({
                    "event": "done",
                    "truncated": stats.truncated,
                    "elapsed_ms": milliseconds(&stats),
                    "files": files(&stats),
                })
            }
        };
        // Whoever reads slowly slows the query down; whoever has gone ends it.
        if asker.is_alone() || lines.blocking_send(line(&event)).is_err() {
            return Err(QueryError::Cancelled.into());
        }
    }
    if is_done {
        Ok(())
    } else {
        Err(QueryError::broken_down().into())
    }
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableInfo {
    /// Its name.
    #[schema(value_type = String)]
    name: &'static str,
    /// What its rows are.
    #[schema(value_type = String)]
    doc: &'static str,
    /// Its columns.
    columns: Vec<ColumnInfo>,
}

/// A column of a table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnInfo {
    /// Its name; with dots or capitals it wants quotes in SQL.
    #[schema(value_type = String)]
    name: &'static str,
    /// What it holds.
    #[schema(value_type = String)]
    kind: &'static str,
    /// What it says.
    #[schema(value_type = String)]
    doc: &'static str,
}

/// The tables that can be asked.
#[utoipa::path(get, path = "/tables", tag = "history", responses(
    (status = 200, body = [TableInfo]),
    (status = 404, body = Problem, description = "No history is kept.")
))]
pub(crate) async fn tables(State(app): State<App>) -> Result<Json<Vec<TableInfo>>, Failure> {
    let past = app.history.as_ref().ok_or_else(no_store)?;
    let tables = past.history.tables().into_iter().map(|table| TableInfo {
        name: table.name,
        doc: table.doc,
        columns: table
            .columns
            .into_iter()
            .map(|column| ColumnInfo {
                name: column.name,
                kind: column.kind,
                doc: column.doc,
            })
            .collect(),
    });
    Ok(Json(tables.collect()))
}

/// A field that a filter knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Field {
    /// Its name.
    #[schema(value_type = String)]
    name: &'static str,
    /// What it finds.
    #[schema(value_type = String)]
    doc: &'static str,
    /// A term with it.
    #[schema(value_type = String)]
    example: &'static str,
}

/// The fields that a filter knows beside the columns of `conn`, in the order in which they are worth being offered.
#[utoipa::path(get, path = "/filter/fields", tag = "history", responses((status = 200, body = [Field])))]
pub(crate) async fn fields() -> Json<Vec<Field>> {
    let fields = filter::fields().iter().map(|field| Field {
        name: field.name,
        doc: field.doc,
        example: field.example,
    });
    Json(fields.collect())
}

/// A filter.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterAsk {
    /// Its text.
    #[serde(default)]
    text: String,
}

/// Whether a filter is understood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// Whether it is.
    ok: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Where: characters before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
}

/// Whether a filter is understood, and if not, what is wrong with it, and where.
#[utoipa::path(get, path = "/filter/check", tag = "history", params(FilterAsk), responses((status = 200, body = Check)))]
pub(crate) async fn check(Params(FilterAsk { text }): Params<FilterAsk>) -> Json<Check> {
    Json(match filter::to_sql(&text, "conn") {
        Ok(_) => Check {
            ok: true,
            error: None,
            position: None,
        },
        Err(error) => Check {
            ok: false,
            position: Some(
                text.get(..error.position)
                    .map_or(0, |before| before.chars().count()),
            ),
            error: Some(error.message),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_quotes_where_it_needs_them() {
        let column = |name: &str| portreeve_query::Column {
            name: name.to_owned(),
            kind: "string",
        };
        let table = Answer {
            columns: vec![column("a"), column("b,c")],
            rows: vec![
                vec![Value::Null, "x\"y".into()],
                vec![1.into(), "é\n".into()],
            ],
            stats: Stats::default(),
        };
        assert_eq!(csv(&table), "a,\"b,c\"\r\n,\"x\"\"y\"\r\n1,\"é\n\"\r\n");
    }
}
