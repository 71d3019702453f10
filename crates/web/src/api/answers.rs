//! Shapes that several answers share.

use std::collections::BTreeMap;

use portreeve_query::filter::FilterError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::Failure;

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// From the history on disk.
    Store,
    /// From what the run itself keeps of its last minutes, because no history is kept, or because that is all that was asked for.
    Live,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Column {
    /// Its name.
    pub name: String,
    /// What it holds: `time`, `count`, `int`, `double`, `bool`, `string`, `list`; `interval` (nanoseconds).
    #[schema(value_type = String)]
    pub kind: &'static str,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a value for each column.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
}

/// Tables by their names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tables {
    /// Where this comes from.
    pub from: Origin,
    /// Whether all of the range was looked at; else only its newest part was.
    pub complete: bool,
    /// The begin of what was looked at.
    pub since: i64,
    /// The tables.
    #[serde(flatten)]
    pub tables: BTreeMap<&'static str, Table>,
}

/// A filter that is not understood.
pub(crate) fn filter_problem(error: &FilterError) -> Failure {
    Failure::bad("filter", error.to_string())
        .hint("GET /api/v1/filter/fields lists what it may say")
}

impl From<portreeve_query::Column> for Column {
    fn from(column: portreeve_query::Column) -> Self {
        Column {
            name: column.name,
            kind: column.kind,
        }
    }
}
