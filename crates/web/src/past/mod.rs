//! The history as the API asks it: on a few blocking threads, with bounds, and ended when nobody waits for the answer any more.
//!
//! DataFusion waits for nobody's browser: a request takes one of a few places ([`limits::QUERIES`]), its work runs on a blocking thread, and
//! when the request's future is dropped (its client has gone) the query is ended.

mod slices;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use portreeve_query::{Ask, Column, Ender, Event, History, QueryError, Running, Stats, Table};
use portreeve_store::OpenSegment;
use serde_json::{Map, Value};

use crate::answer::Failure;
use crate::limits;
use crate::state::App;

pub(crate) use slices::{Slices, newest_within};

/// A store that is asked.
#[derive(Clone)]
pub(crate) struct Past {
    /// The store.
    pub history: History,
    /// An open segment that was read, how long it was then, and its newest time.
    seen: Arc<Mutex<Option<Seen>>>,
}

struct Seen {
    path: PathBuf,
    len: u64,
    newest: Option<i64>,
}

/// What a store has, by the names of its files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// Bytes of Parquet.
    pub bytes: u64,
    /// The oldest row, milliseconds since 1970 UTC.
    pub oldest: Option<i64>,
    /// The newest.
    pub newest: Option<i64>,
}

impl Past {
    /// Asks that store.
    pub fn new(history: History) -> Self {
        Past {
            history,
            seen: Arc::default(),
        }
    }

    /// What there is, by the names of files.
    pub fn extent(&self) -> Extent {
        let mut extent = Extent::default();
        let Ok(files) = self.history.catalog().list() else {
            return extent;
        };
        for file in &files.parquet {
            extent.bytes += file.bytes;
            let (min, max) = (
                file.min.div_euclid(1_000_000),
                file.max.div_euclid(1_000_000),
            );
            extent.oldest = Some(extent.oldest.map_or(min, |oldest| oldest.min(min)));
            extent.newest = Some(extent.newest.map_or(max, |newest| newest.max(max)));
        }
        extent
    }

    /// The newest conversation's time, milliseconds since 1970 UTC.
    pub fn newest(&self) -> Option<i64> {
        let files = self.history.catalog().list_table("conn").ok()?;
        let stored = files.parquet.iter().map(|file| file.max).max();
        let open = files.open.last().and_then(|open| self.newest_of(open));
        Some(stored.max(open)?.div_euclid(1_000_000))
    }

    /// The newest time of an open segment: its name does not tell, so it is read again when it has grown.
    fn newest_of(&self, open: &OpenSegment) -> Option<i64> {
        let len = open.bytes()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = &*seen
            && seen.path == open.path
            && seen.len == len
        {
            return seen.newest;
        }
        let newest = open.newest().ok()?;
        *seen = Some(Seen {
            path: open.path.clone(),
            len,
            newest,
        });
        newest
    }
}

/// Asks a store, as long as somebody waits for the answer.
pub(crate) struct Asker {
    /// The store.
    pub past: Past,
    waits: Arc<Waits>,
    until: Instant,
}

/// Whether somebody waits for the answer.
#[derive(Default)]
struct Waits {
    gone: AtomicBool,
    /// What ends the query that runs.
    ender: Mutex<Option<Ender>>,
}

impl Waits {
    fn ender(&self) -> MutexGuard<'_, Option<Ender>> {
        self.ender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the query when nobody waits any more.
struct Waiting(Arc<Waits>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::SeqCst);
        if let Some(ender) = self.0.ender().take() {
            ender.end();
        }
    }
}

/// There is no history here.
pub(crate) fn no_store() -> Failure {
    Failure::missing("no_store", "no history is kept here")
        .hint("start with --set store.path=DIR to keep one")
}

/// Does `work` on a blocking thread, with the store, when it is this one's turn.
///
/// # Errors
/// There is no store, all places are taken for long, or what `work` says.
pub(crate) async fn ask<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Asker) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let past = app.history.clone().ok_or_else(no_store)?;
    let places = Arc::clone(&app.queries).acquire_owned();
    let place = match tokio::time::timeout(limits::QUERY_PATIENCE, places).await {
        Ok(Ok(place)) => place,
        _ => {
            return Err(Failure::busy(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many queries at once",
                5,
            ));
        }
    };
    let waits = Arc::new(Waits::default());
    let _waiting = Waiting(Arc::clone(&waits));
    let asker = Asker {
        past,
        waits,
        until: Instant::now() + limits::QUERY_TIME,
    };
    let done = tokio::task::spawn_blocking(move || {
        // The place is taken for as long as the work goes on, not for as long as somebody waits for it.
        let _place = place;
        work(&asker)
    });
    done.await.map_err(|_| {
        Failure::fault("the query broke down: a fault of Portreeve's; please report it")
    })?
}

impl Asker {
    /// Whether nobody waits any more.
    pub fn is_alone(&self) -> bool {
        self.waits.gone.load(Ordering::SeqCst)
    }

    /// Begins a query that somebody wrote, in a process of its own; it ends when nobody waits any more.
    pub fn start_apart(&self, ask: Ask) -> Running {
        self.waited_for(self.past.history.start_apart(ask))
    }

    /// Ends with the one who waits.
    fn waited_for(&self, running: Running) -> Running {
        *self.waits.ender() = Some(running.ender());
        if self.is_alone() {
            // He went before the ender was there to be used.
            running.ender().end();
        }
        running
    }

    /// The rows of a query, at most so many.
    ///
    /// # Errors
    /// The query failed, took too long, or nobody waits any more.
    pub fn table(&self, sql: String, rows: usize) -> Result<Table, Failure> {
        self.table_within(sql, rows, self.left())
            .map_err(Failure::from)
    }

    /// The rows of a query that somebody wrote, at most so many.
    ///
    /// # Errors
    /// As of [`table`](Self::table).
    pub fn table_apart(&self, sql: String, rows: usize) -> Result<Table, Failure> {
        let running = self.start_apart(Ask {
            sql,
            max_rows: Some(rows),
            timeout: Some(self.left()),
        });
        whole(running).map_err(Failure::from)
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// The rows of a query, if it takes no longer than `time`.
    ///
    /// # Errors
    /// As of [`table`](Self::table).
    pub fn table_within(
        &self,
        sql: String,
        rows: usize,
        time: Duration,
    ) -> Result<Table, QueryError> {
        let running = self.past.history.start(Ask {
            sql,
            max_rows: Some(rows),
            timeout: Some(time),
        });
        whole(self.waited_for(running))
    }
}

/// All that comes of a query.
fn whole(mut running: Running) -> Result<Table, QueryError> {
    let mut table = Table {
        columns: Vec::new(),
        rows: Vec::new(),
        stats: Stats::default(),
    };
    let mut bytes = 0;
    while let Some(event) = running.next() {
        match event? {
            Event::Schema(schema) => table.columns = Table::columns_of(&schema),
            Event::Batch(batch) => {
                let rows = Table::rows_of(&batch);
                bytes += rows.iter().flatten().map(size).sum::<usize>();
                if bytes > limits::QUERY_BYTES {
                    let most = limits::QUERY_BYTES >> 20;
                    return Err(QueryError::Memory(format!(
                        "its answer has more than {most} MiB"
                    )));
                }
                table.rows.extend(rows);
            }
            Event::Progress(_) => {}
            Event::Done(stats) => {
                table.stats = stats;
                return Ok(table);
            }
        }
    }
    Err(QueryError::broken_down())
}

/// Bytes of memory that a value takes, about.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            _ => 0,
        }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let text = error.to_string();
        let (status, code) = match error {
            QueryError::Sql(_) => (StatusCode::BAD_REQUEST, "sql"),
            QueryError::Refused(_) => (StatusCode::BAD_REQUEST, "refused"),
            QueryError::Memory(_) => (StatusCode::UNPROCESSABLE_ENTITY, "memory"),
            QueryError::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            QueryError::Cancelled => (StatusCode::REQUEST_TIMEOUT, "cancelled"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
        };
        let failure = Failure::new(status, code, text);
        match code {
            "timeout" => failure.hint("ask for a shorter time"),
            "sql" => failure.hint("GET /api/v1/tables has the tables and their columns"),
            _ => failure,
        }
    }
}

/// A row as an object: what is unset is left out.
pub(crate) fn object(columns: &[Column], row: Vec<Value>) -> Map<String, Value> {
    columns
        .iter()
        .zip(row)
        .filter(|(_, value)| !value.is_null())
        .map(|(column, value)| (column.name.clone(), value))
        .collect()
}

/// A time as the history's rows have it (RFC 3339, UTC), in milliseconds since 1970.
pub(crate) fn milliseconds_of(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.rsplitn(3, '-');
    let day: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let year: i64 = parts.next()?.parse().ok()?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut seconds = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + part.parse::<i64>().ok()?;
    }
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    // Days since 1970 of a date of the Gregorian calendar, by Howard Hinnant's algorithm.
    let (shifted, of_year) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let of_year = (153 * of_year + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468;
    Some((days * 86_400 + seconds) * 1000 + digits.parse::<i64>().ok()?)
}

/// A text in SQL.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00.000000000Z", 0),
            ("2026-11-26T07:08:09.123999999Z", 1_795_676_889_123),
            ("2000-02-29T23:59:59Z", 951_868_799_000),
            ("1969-12-31T23:59:59.5Z", -500),
        ] {
            assert_eq!(milliseconds_of(text), Some(milliseconds), "{text}");
        }
        for text in ["", "Z", "2026-11-26", "2026-11-26T07:08:09", "xT:Z"] {
            assert_eq!(milliseconds_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_stays_a_text_in_sql() {
        assert_eq!(quoted("a'; DROP"), "'a''; DROP'");
    }
}
