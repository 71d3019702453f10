//! What can go wrong with a query.

use std::fmt;
use std::time::Duration;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use portreeve_store::StoreError;

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum QueryError {
    /// The store cannot be read.
    Store(StoreError),
    /// The SQL is wrong: what about it, in a sentence or two.
    Sql(String),
    /// It would do more than read.
    Refused(String),
    /// It needs more memory than queries may take.
    Memory(String),
    /// It took longer than it was given.
    Timeout(Duration),
    /// Whoever asked has gone.
    Cancelled,
    /// It broke down while it read; mostly a file of the store is damaged: which, how, and what to do, if that could be found out.
    Unreadable(String),
    /// It failed while it ran: a disk, a calculation.
    Failed(String),
}

impl QueryError {
    /// A query that ended by a panic, or without a last word.
    #[must_use]
    pub fn broken_down() -> Self {
        let what = "the query broke down: a fault of Portreeve's; please report it";
        QueryError::Unreadable(what.into())
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Store(error) => error.fmt(f),
            QueryError::Sql(what) => f.write_str(what),
            QueryError::Refused(what) => {
                write!(
                    f,
                    "{what}: only queries that read are answered (SELECT, EXPLAIN, SHOW TABLES, DESCRIBE)"
                )
            }
            QueryError::Memory(what) => write!(
                f,
                "the query needs more memory than it may take: {what}; ask for less at once (a shorter time, fewer groups), or let queries have more (portreeve query --memory)"
            ),
            QueryError::Timeout(after) => {
                write!(f, "the query took longer than {} s", after.as_secs_f64())
            }
            QueryError::Cancelled => f.write_str("the query was cancelled"),
            QueryError::Unreadable(what) | QueryError::Failed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for QueryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            QueryError::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        QueryError::Store(error)
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let text = error.strip_backtrace();
        let text = text.lines().next().unwrap_or(&text).to_owned();
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => QueryError::Memory(plain(&text)),
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Diagnostic(..)
            | DataFusionError::Collection(_) => QueryError::Sql(plain(&text)),
            _ if text.contains("memory allocation failed") => QueryError::Memory(plain(&text)),
            DataFusionError::ParquetError(_) => QueryError::Unreadable(text),
            DataFusionError::ArrowError(error, _) if is_of_parquet(error) => {
                QueryError::Unreadable(text)
            }
            // A thread that panicked: what decodes files does, at some that are damaged.
            DataFusionError::ExecutionJoin(_) => QueryError::broken_down(),
            _ => QueryError::Failed(text),
        }
    }
}

fn is_of_parquet(error: &ArrowError) -> bool {
    matches!(error, ArrowError::ParquetError(_))
}

/// The sentence without the words that say which part of the program it comes from.
fn plain(text: &str) -> String {
    let mut text = text;
    for prefix in [
        "SQL error: ",
        "Error during planning: ",
        "Schema error: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Resources exhausted: ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    let text = text
        .strip_prefix("ParserError(\"")
        .and_then(|text| text.strip_suffix("\")"))
        .unwrap_or(text);
    text.to_owned()
}
