//! A store's past: which tables there are, and questions to them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use portreeve_store::Catalog;
use portreeve_store::schema::{Table as Stored, TableKind, tables};
use tokio::runtime::{Handle, Runtime};

use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::json::{Table, collect};
use crate::running::{Ask, Running};
use crate::scan::{Footers, Scanned, StoreTable};
use crate::{apart, depth, functions};

/// Rows that go through a query at a time.
const BATCH: usize = 8192;

/// A store that can be asked. Cheap to clone.
#[derive(Clone)]
pub struct History {
    inner: Arc<Inner>,
}

/// A table that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: &'static str,
    /// What its rows are, in a sentence.
    pub doc: &'static str,
    /// Whether its rows are sums.
    pub rollup: bool,
    /// Its columns, in order.
    pub columns: Vec<ColumnInfo>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name; with dots or capitals it wants quotes in SQL.
    pub name: &'static str,
    /// What it holds: `time`, `interval`, `count`, `string`, …
    pub kind: &'static str,
    /// What it says, in a sentence.
    pub doc: &'static str,
}

pub(crate) struct Inner {
    catalog: Catalog,
    config: QueryConfig,
    /// Only its end takes it out.
    runtime: Option<Runtime>,
    handle: Handle,
    env: Arc<RuntimeEnv>,
    footers: Arc<Footers>,
    tables: Vec<(Stored, SchemaRef)>,
    dotted: HashSet<String>,
}

impl History {
    /// Opens a store to ask it.
    ///
    /// # Errors
    /// It is none, cannot be read, or there are no threads to be had.
    pub fn open(path: &Path, config: QueryConfig) -> Result<Self, QueryError> {
        let catalog = Catalog::open(path)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .thread_name("query")
            .thread_stack_size(depth::STACK)
            // Work comes in long pieces: without this, clocks would be looked at after sixty of them.
            .event_interval(1)
            .enable_time()
            .build()
            .map_err(|error| QueryError::Failed(format!("no threads for queries: {error}")))?;
        let disk = DiskManagerBuilder::default()
            .with_mode(match &config.spill {
                Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
                None => DiskManagerMode::OsTmpDirectory,
            })
            .with_max_temp_directory_size(config.most_spilled);
        let env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(config.memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let tables: Vec<(Stored, SchemaRef)> = tables()
            .into_iter()
            .map(|table| {
                let schema = read_schema(&table.schema());
                (table, schema)
            })
            .collect();
        let dotted = tables
            .iter()
            .flat_map(|(table, _)| &table.fields)
            .filter(|field| field.name.contains('.'))
            .map(|field| field.name.to_owned())
            .collect();
        Ok(History {
            inner: Arc::new(Inner {
                footers: Arc::new(Footers::new(config.footers)),
                catalog,
                config,
                handle: runtime.handle().clone(),
                runtime: Some(runtime),
                env,
                tables,
                dotted,
            }),
        })
    }

    /// The store's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.inner.catalog.path()
    }

    /// The store, for whoever wants to know its files.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// Every table, also those without rows.
    #[must_use]
    pub fn tables(&self) -> Vec<TableInfo> {
        let of = |(table, _): &(Stored, SchemaRef)| TableInfo {
            name: table.name,
            doc: table.doc,
            rollup: table.kind == TableKind::Rollup,
            columns: table
                .fields
                .iter()
                .map(|field| ColumnInfo {
                    name: field.name,
                    kind: field.kind.zeek(),
                    doc: field.doc,
                })
                .collect(),
        };
        self.inner.tables.iter().map(of).collect()
    }

    /// Begins a query.
    #[must_use]
    pub fn start(&self, ask: Ask) -> Running {
        Running::start(Arc::clone(&self.inner), ask)
    }

    /// Begins a query that somebody wrote, in a process of its own if [`QueryConfig::apart`] names one: whatever it does to that, this process goes on.
    #[must_use]
    pub fn start_apart(&self, ask: Ask) -> Running {
        let config = &self.inner.config;
        match &config.apart {
            Some(command) => apart::start(command, self.path(), config, ask),
            None => self.start(ask),
        }
    }

    /// Asks, and waits for the whole answer, as JSON values.
    ///
    /// # Errors
    /// What is wrong with the query, or went wrong with it.
    pub fn collect(&self, ask: Ask) -> Result<Table, QueryError> {
        collect(self.start(ask))
    }
}

impl Inner {
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn dotted(&self) -> &HashSet<String> {
        &self.dotted
    }

    /// A session for one query: every table as it is when the query first looks at it.
    pub fn context(&self, scanned: &Arc<Scanned>) -> SessionContext {
        let mut options = ConfigOptions::new();
        options.execution.batch_size = BATCH;
        options.execution.target_partitions = self.config.threads.max(1);
        // Rows are dropped while they are decoded, column by column.
        options.execution.parquet.pushdown_filters = true;
        options.execution.parquet.reorder_filters = true;
        options.catalog.information_schema = true;
        let config = SessionConfig::from(options);
        let context = SessionContext::new_with_config_rt(config, Arc::clone(&self.env));
        for (table, schema) in &self.tables {
            let provider = StoreTable::new(
                table.name,
                Arc::clone(schema),
                self.catalog.clone(),
                Arc::clone(&self.footers),
                Arc::clone(scanned),
            );
            // It cannot fail: no name is there twice.
            let _ = context.register_table(table.name, Arc::new(provider));
        }
        functions::register(&context);
        context
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The last to let go may be an asynchronous thread, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The schema that a table is read with: texts as views, whether or not they were dictionaries when they were written.
fn read_schema(written: &Schema) -> SchemaRef {
    let fields = written
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 | DataType::Dictionary(..) => {
                Field::new(field.name(), DataType::Utf8View, true)
            }
            other => Field::new(field.name(), other.clone(), true),
        });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
