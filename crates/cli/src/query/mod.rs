//! `portreeve query`: asks the history that a store holds.

mod answer;
mod shell;

use std::fs;
use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::time::Duration;

use portreeve_query::write::Format;
use portreeve_query::{Ask, History, QueryConfig, filter};

use crate::args::query::QueryArgs;
use crate::config::Places;
use crate::config::values::AnswerFormat;
use crate::exit::Failure;
use crate::store;
use answer::{Sink, answer};

/// Columns that `--find` shows of a flow on a terminal, where all would not fit.
const FLOW: &str = r#"ts, uid, "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", proto, service, app, duration / 1e9 AS seconds, orig_ip_bytes, resp_ip_bytes, conn_state"#;

/// Answers a question, or many.
///
/// # Errors
/// There is no store, the question is wrong, or the answer cannot be written.
pub fn run(args: &QueryArgs, places: &Places) -> Result<ExitCode, Failure> {
    let history = open(args, places)?;
    let format = format(args);
    if args.shell {
        return shell::run(&history, format, args.timeout.map(|time| time.0));
    }
    let ask = Ask {
        sql: question(args, &history, format)?,
        max_rows: None,
        timeout: args.timeout.map(|time| time.0),
    };
    let sink = match &args.output {
        Some(path) => Sink::File(path),
        None => Sink::Stdout,
    };
    answer(&history, ask, format, sink)?;
    Ok(ExitCode::SUCCESS)
}

fn open(args: &QueryArgs, places: &Places) -> Result<History, Failure> {
    let (store, config) = (args.store.as_deref(), args.config.as_deref());
    let path = store::named(store, config, places, "portreeve query")?;
    let config = QueryConfig {
        memory: usize::try_from(args.memory.0).unwrap_or(usize::MAX),
        ..QueryConfig::default()
    };
    History::open(&path, config).map_err(Failure::failed)
}

fn format(args: &QueryArgs) -> Format {
    match args.format {
        Some(AnswerFormat::Table) => Format::Table,
        Some(AnswerFormat::Csv) => Format::Csv,
        Some(AnswerFormat::Json) => Format::Json,
        Some(AnswerFormat::Parquet) => Format::Parquet,
        None => {
            let ending = args.output.as_ref().and_then(|path| path.extension());
            match ending.and_then(|ending| ending.to_str()) {
                Some("csv") => Format::Csv,
                Some("parquet") => Format::Parquet,
                Some("json" | "jsonl" | "ndjson") => Format::Json,
                None if std::io::stdout().is_terminal() => Format::Table,
                Some("txt") => Format::Table,
                _ => Format::Json,
            }
        }
    }
}

/// The SQL that was asked for, one way or another.
fn question(args: &QueryArgs, history: &History, format: Format) -> Result<String, Failure> {
    if let Some(text) = &args.find {
        let condition = filter::to_sql(text, &args.table).map_err(Failure::usage)?;
        let columns = if args.table == "conn" && format == Format::Table {
            FLOW
        } else {
            "*"
        };
        let (table, limit) = (&args.table, args.limit);
        return Ok(format!(
            r#"SELECT {columns} FROM "{table}" WHERE {condition} ORDER BY ts DESC LIMIT {limit}"#
        ));
    }
    match &args.tables {
        Some(name) if name.is_empty() => return Ok(tables(history)),
        Some(name) => return columns(history, name),
        None => {}
    }
    if let Some(path) = &args.file {
        let text = fs::read_to_string(path);
        return text.map_err(|error| Failure::failed(format!("{}: {error}", path.display())));
    }
    match args.sql.as_deref() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            Ok(text)
        }
        Some(sql) => Ok(sql.to_owned()),
        None => Err(Failure::usage(
            "ask something: portreeve query \"SELECT …\", --find FILTER, --tables or --shell; portreeve query --help has examples",
        )),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The tables, as a question: so that they come in every format.
fn tables(history: &History) -> String {
    let rows = history.tables().into_iter().enumerate().map(|(at, table)| {
        let (name, doc) = (quoted(table.name), quoted(table.doc));
        format!("({at}, {name}, {}, {doc})", table.columns.len())
    });
    values("\"table\", columns, says", rows)
}

fn columns(history: &History, name: &str) -> Result<String, Failure> {
    let tables = history.tables();
    let Some(table) = tables.iter().find(|table| table.name == name) else {
        return Err(Failure::usage(format!(
            "there is no table {name}; portreeve query --tables lists them"
        )));
    };
    let rows = table.columns.iter().enumerate().map(|(at, column)| {
        let (name, kind) = (quoted(column.name), quoted(column.kind));
        format!("({at}, {name}, {kind}, {})", quoted(column.doc))
    });
    Ok(values("\"column\", kind, says", rows))
}

fn values(names: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.collect();
    format!(
        "SELECT {names} FROM (VALUES {}) AS list(at, {names}) ORDER BY at",
        rows.join(", ")
    )
}

/// A length of time for people.
fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
