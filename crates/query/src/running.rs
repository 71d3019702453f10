//! A query that runs: what it is asked, what comes out of it, and how it ends.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SQLOptions;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::Tokenizer;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::apart::Apart;
use crate::error::QueryError;
use crate::history::Inner;
use crate::scan::Scanned;
use crate::yielding::yielding;
use crate::{depth, names};

/// Batches that wait for whoever reads them.
pub(crate) const WAITING: usize = 4;
/// How often a query says how far it is.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The query.
    pub sql: String,
    /// No more rows than these are handed over; [`Stats::truncated`] says whether there were more.
    pub max_rows: Option<usize>,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

impl Ask {
    /// A query without bounds.
    #[must_use]
    pub fn new(sql: impl Into<String>) -> Self {
        Ask {
            sql: sql.into(),
            ..Ask::default()
        }
    }

    /// With so many rows at most.
    #[must_use]
    pub fn at_most(mut self, rows: usize) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// With so much time at most.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }
}

/// How far a query is, by the Parquet that it has to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes of files that are done with.
    pub done: u64,
    /// Bytes of files that it looks at in all.
    pub total: u64,
}

/// How a query went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// How long it took.
    pub elapsed: Duration,
    /// Rows handed over.
    pub rows: usize,
    /// There were more rows than asked for.
    pub truncated: bool,
    /// Files that were looked at.
    pub files: usize,
    /// Files of the tables that it named, whatever their times.
    pub files_of_tables: usize,
    /// Bytes of the files that were looked at.
    pub bytes: u64,
}

/// What comes out of a query: first the schema, then batches, last how it went.
#[derive(Clone, Debug)]
pub enum Event {
    /// The columns.
    Schema(SchemaRef),
    /// Rows; never none.
    Batch(RecordBatch),
    /// How far it is.
    Progress(Progress),
    /// It is done.
    Done(Stats),
}

/// A query that runs. Dropping it ends the query.
pub struct Running {
    events: Receiver<Result<Event, QueryError>>,
    ender: Ender,
}

/// Ends a query from another thread than the one that waits for its events.
#[derive(Clone)]
pub struct Ender(By);

#[derive(Clone)]
enum By {
    /// What is dropped wakes the query up.
    Dropping(Arc<Mutex<Option<oneshot::Sender<()>>>>),
    /// Its process is ended.
    Killing(Arc<Apart>),
}

impl Ender {
    /// Ends it: its last event is [`QueryError::Cancelled`].
    pub fn end(&self) {
        match &self.0 {
            By::Dropping(alive) => {
                let _ = alive.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
            By::Killing(apart) => apart.kill(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ender.end();
    }
}

impl Running {
    pub(crate) fn start(inner: Arc<Inner>, ask: Ask) -> Self {
        let (sender, events) = std::sync::mpsc::sync_channel(WAITING);
        let (alive, gone) = oneshot::channel();
        let last = sender.clone();
        let spawned = std::thread::Builder::new()
            .name("query".to_owned())
            .stack_size(depth::STACK)
            .spawn(move || {
                let scanned = Arc::new(Scanned::default());
                let handle = inner.handle();
                let asked = async {
                    tokio::select! {
                        outcome = run(&inner, &ask, &scanned, &sender) => outcome,
                        _ = gone => Err(QueryError::Cancelled),
                        () = expired(ask.timeout) => {
                            Err(QueryError::Timeout(ask.timeout.unwrap_or_default()))
                        }
                    }
                };
                // What decodes files panics at some that are damaged.
                let outcome = catch_unwind(AssertUnwindSafe(|| handle.block_on(asked)))
                    .unwrap_or_else(|_| Err(QueryError::broken_down()));
                let outcome = outcome.map_err(|error| match error {
                    QueryError::Unreadable(what) => {
                        QueryError::Unreadable(scanned.blame(inner.catalog()).unwrap_or(what))
                    }
                    other => other,
                });
                // Whoever has gone needs no answer.
                let _ = sender.send(outcome.map(Event::Done));
            });
        if let Err(error) = spawned {
            let _ = last.try_send(Err(QueryError::Failed(format!(
                "no thread for it: {error}"
            ))));
        }
        Running {
            events,
            ender: Ender(By::Dropping(Arc::new(Mutex::new(Some(alive))))),
        }
    }

    /// One in a process of its own, whose events come through that channel.
    pub(crate) fn apart(events: Receiver<Result<Event, QueryError>>, process: Arc<Apart>) -> Self {
        Running {
            events,
            ender: Ender(By::Killing(process)),
        }
    }

    /// One that cannot even begin.
    pub(crate) fn refused(error: QueryError) -> Self {
        let (sender, events) = std::sync::mpsc::sync_channel(1);
        let _ = sender.send(Err(error));
        Running {
            events,
            ender: Ender(By::Dropping(Arc::default())),
        }
    }

    /// What ends it from elsewhere.
    #[must_use]
    pub fn ender(&self) -> Ender {
        self.ender.clone()
    }

    /// The next event, when it is there; `None` after the last. After an error comes nothing more.
    #[expect(
        clippy::should_implement_trait,
        reason = "it blocks, and an iterator's adaptors would hide that"
    )]
    pub fn next(&mut self) -> Option<Result<Event, QueryError>> {
        self.events.recv().ok()
    }
}

async fn expired(after: Option<Duration>) {
    match after {
        Some(after) => tokio::time::sleep(after).await,
        None => std::future::pending().await,
    }
}

/// Sends; a full channel makes the query wait, and nothing else.
async fn send(
    sender: &SyncSender<Result<Event, QueryError>>,
    event: Event,
) -> Result<(), QueryError> {
    let mut event = Ok(event);
    loop {
        match sender.try_send(event) {
            Ok(()) => return Ok(()),
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => {
                return Err(QueryError::Cancelled);
            }
            Err(std::sync::mpsc::TrySendError::Full(back)) => event = back,
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn run(
    inner: &Inner,
    ask: &Ask,
    scanned: &Arc<Scanned>,
    sender: &SyncSender<Result<Event, QueryError>>,
) -> Result<Stats, QueryError> {
    let began = Instant::now();
    let context = inner.context(scanned);
    let sql = readied(&ask.sql, inner.dotted())?;
    let plan = context.state().create_logical_plan(&sql).await?;
    reads_only(&plan)?;
    let frame = context.execute_logical_plan(plan).await?;
    let task = Arc::new(frame.task_ctx());
    let plan = yielding(frame.create_physical_plan().await?)?;
    let mut stream = execute_stream(plan, task)?;
    send(sender, Event::Schema(stream.schema())).await?;
    let mut stats = Stats::default();
    let mut tell = tokio::time::interval(TELL_EVERY);
    tell.tick().await;
    loop {
        let batch = tokio::select! {
            biased;
            batch = stream.next() => batch,
            _ = tell.tick() => {
                send(sender, Event::Progress(scanned.progress())).await?;
                continue;
            }
        };
        let Some(batch) = batch else { break };
        let mut batch = batch?;
        if let Some(most) = ask.max_rows {
            let room = most - stats.rows;
            if batch.num_rows() > room {
                stats.truncated = true;
                batch = batch.slice(0, room);
            }
        }
        if batch.num_rows() > 0 {
            stats.rows += batch.num_rows();
            send(sender, Event::Batch(batch)).await?;
        }
        if stats.truncated {
            break;
        }
    }
    stats.elapsed = began.elapsed();
    scanned.tell(&mut stats);
    Ok(stats)
}

/// A query that may be planned, with quotes around the names that need them. What cannot be taken apart stays as it is, for the parser to say why.
fn readied(sql: &str, dotted: &HashSet<String>) -> Result<String, QueryError> {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return Ok(sql.to_owned());
    };
    depth::check(&tokens)?;
    Ok(names::quote(sql, &tokens, dotted))
}

fn reads_only(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    options
        .verify_plan(plan)
        .map_err(|_| QueryError::Refused(format!("{} does more than read", name(plan))))
}

fn name(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Ddl(_) => "it",
        LogicalPlan::Dml(_) => "writing",
        LogicalPlan::Copy(_) => "COPY",
        LogicalPlan::Statement(_) => "a statement that sets something",
        _ => "it",
    }
}
