//! A table of the store, as DataFusion sees it.
//!
//! What it consists of is looked up once, when the query first looks at it: the Parquet files by their names, the open segments as far as they are
//! written. A join of a table with itself sees the same rows twice.

mod blame;
mod footers;
mod prune;
mod reader;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use portreeve_store::schema::adapt;
use portreeve_store::{Catalog, StoreError, StoredFile};

use crate::running::{Progress, Stats};
use blame::Recent;
use prune::TimeRange;
use reader::{Readers, StoredAt};

pub(crate) use footers::Footers;

/// Open segments that become Parquet while they are looked at: so often the table is listed again.
const TRIES: usize = 10;

/// What a query has looked at, counted by its scans and its readers.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    files: AtomicU64,
    of_tables: AtomicU64,
    total: AtomicU64,
    done: AtomicU64,
    recent: Recent,
}

impl Scanned {
    /// What the query failed with, if a file that it read is to blame: that one, what is wrong with it, and what to do.
    pub fn blame(&self, catalog: &Catalog) -> Option<String> {
        let (path, what) = self.recent.damaged(catalog)?;
        Some(format!(
            "{}: damaged: {what}; no query that needs it is answered until it is moved away: {}",
            path.display(),
            catalog.set_aside_command(&path)
        ))
    }

    pub fn progress(&self) -> Progress {
        let total = self.total.load(Relaxed);
        Progress {
            done: self.done.load(Relaxed).min(total),
            total,
        }
    }

    pub fn tell(&self, stats: &mut Stats) {
        let number = |word: &AtomicU64| usize::try_from(word.load(Relaxed)).unwrap_or(usize::MAX);
        stats.files = number(&self.files);
        stats.files_of_tables = number(&self.of_tables);
        stats.bytes = self.total.load(Relaxed);
    }

    fn finished(&self, bytes: u64) {
        self.done.fetch_add(bytes, Relaxed);
    }
}

/// What a table consists of at one moment.
struct Content {
    files: Vec<StoredFile>,
    open: Vec<RecordBatch>,
}

/// A table of the store, for one query.
pub(crate) struct StoreTable {
    name: &'static str,
    schema: SchemaRef,
    catalog: Catalog,
    footers: Arc<Footers>,
    scanned: Arc<Scanned>,
    content: OnceLock<Arc<Content>>,
    looking: Mutex<()>,
}

impl StoreTable {
    pub fn new(
        name: &'static str,
        schema: SchemaRef,
        catalog: Catalog,
        footers: Arc<Footers>,
        scanned: Arc<Scanned>,
    ) -> Self {
        StoreTable {
            name,
            schema,
            catalog,
            footers,
            scanned,
            content: OnceLock::new(),
            looking: Mutex::new(()),
        }
    }

    /// What it consists of. Looked up by the first that asks.
    fn content(&self) -> Result<Arc<Content>> {
        let _only = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = self.content.get() {
            return Ok(Arc::clone(content));
        }
        let content = Arc::new(self.look().map_err(external)?);
        self.scanned
            .of_tables
            .fetch_add(content.files.len() as u64, Relaxed);
        Ok(Arc::clone(self.content.get_or_init(|| content)))
    }

    fn look(&self) -> std::result::Result<Content, StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let listing = self.catalog.list_table(self.name)?;
            let mut open = Vec::new();
            let mut gone = false;
            for segment in &listing.open {
                match segment.read() {
                    Ok(Some(batches)) => open.extend(batches),
                    Ok(None) => gone = true,
                    // The one that writes will set it aside; a query goes on without.
                    Err(StoreError::Content { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if !gone || tried == TRIES {
                return Ok(Content {
                    files: listing.parquet,
                    open,
                });
            }
        }
    }

    /// The Parquet files whose times meet a range, the newest first: a query for the latest rows has its bound from the first file, and leaves most others out.
    fn files(&self, content: &Content, range: TimeRange) -> Vec<StoredFile> {
        let mut files: Vec<StoredFile> = content
            .files
            .iter()
            .filter(|file| range.meets(file.min, file.max))
            .cloned()
            .collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.max));
        files
    }

    fn parquet(
        &self,
        files: Vec<StoredFile>,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let readers = Readers::new(
            self.catalog.clone(),
            Arc::clone(&self.footers),
            Arc::clone(&self.scanned),
        );
        let config = session.config();
        let groups = config.target_partitions().clamp(1, files.len().max(1));
        let mut shared: Vec<Vec<PartitionedFile>> = vec![Vec::new(); groups];
        let mut rows = 0;
        let mut exact = true;
        for (at, file) in files.into_iter().enumerate() {
            self.scanned.files.fetch_add(1, Relaxed);
            self.scanned.total.fetch_add(file.bytes, Relaxed);
            // A damaged file fails when it is read, with its name.
            let of_file = self.footers.of(&self.catalog, &file.path).ok();
            let of_file = of_file.map(|footer| footer.file_metadata().num_rows());
            let of_file = of_file.and_then(|rows| usize::try_from(rows).ok());
            exact &= of_file.is_some();
            rows += of_file.unwrap_or(0);
            let mut statistics = Statistics::new_unknown(&self.schema);
            statistics.num_rows = of_file.map_or(Precision::Absent, Precision::Exact);
            statistics.column_statistics[0] = times(file.min, file.max);
            let partitioned = PartitionedFile::new(file.path.display().to_string(), file.bytes)
                .with_extension(StoredAt(file.path))
                .with_statistics(Arc::new(statistics));
            shared[at % groups].push(partitioned);
        }
        let mut statistics = Statistics::new_unknown(&self.schema);
        if exact {
            statistics.num_rows = Precision::Exact(rows);
        }
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(datafusion::common::config::TableParquetOptions {
                global: config.options().execution.parquet.clone(),
                ..Default::default()
            })
            .with_enable_page_index(false)
            .with_bloom_filter_on_read(false)
            .with_parquet_file_reader_factory(Arc::new(readers));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file_groups(shared.into_iter().map(FileGroup::new).collect())
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    fn open(
        &self,
        batches: &[RecordBatch],
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let batches = batches
            .iter()
            .map(|batch| adapt(batch, &schema))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let source = MemorySourceConfig::try_new_exec(&[batches], schema, None)?;
        Ok(source)
    }
}

/// Statistics of the column `ts`.
fn times(min: i64, max: i64) -> ColumnStatistics {
    let value = |at| ScalarValue::TimestampNanosecond(Some(at), Some("UTC".into()));
    ColumnStatistics {
        min_value: Precision::Exact(value(min)),
        max_value: Precision::Exact(value(max)),
        ..ColumnStatistics::new_unknown()
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl fmt::Debug for StoreTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreTable({})", self.name)
    }
}

#[async_trait]
impl TableProvider for StoreTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let content = self.content()?;
        let files = self.files(&content, TimeRange::of(filters));
        let mut inputs = Vec::new();
        if !content.open.is_empty() {
            inputs.push(self.open(&content.open, projection)?);
        }
        if !files.is_empty() {
            inputs.push(self.parquet(files, session, projection, limit)?);
        }
        match inputs.len() {
            0 => {
                let schema = match projection {
                    Some(columns) => Arc::new(self.schema.project(columns)?),
                    None => Arc::clone(&self.schema),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(inputs.remove(0)),
            _ => UnionExec::try_new(inputs),
        }
    }

    /// Files are pruned by what is asked of `ts`; that alone is never enough.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
