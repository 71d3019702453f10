//! Reads a Parquet file of the store: by `pread`, wherever it is now.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use portreeve_store::Catalog;

use super::Scanned;
use super::footers::{Footers, named};

/// Where a file is: goes with DataFusion's own idea of a path, which is for object stores.
#[derive(Clone, Debug)]
pub(super) struct StoredAt(pub PathBuf);

/// Makes readers.
pub(super) struct Readers {
    catalog: Catalog,
    footers: Arc<Footers>,
    scanned: Arc<Scanned>,
}

impl Readers {
    pub fn new(catalog: Catalog, footers: Arc<Footers>, scanned: Arc<Scanned>) -> Self {
        Readers {
            catalog,
            footers,
            scanned,
        }
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Readers({})", self.catalog.path().display())
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let Some(StoredAt(path)) = file.extension::<StoredAt>().cloned() else {
            return Err(DataFusionError::Internal("a file of no store".into()));
        };
        Ok(Box::new(Reader {
            bytes: file.effective_size(),
            path,
            file: None,
            catalog: self.catalog.clone(),
            footers: Arc::clone(&self.footers),
            scanned: Arc::clone(&self.scanned),
        }))
    }
}

/// Reads one file, or a part of it.
struct Reader {
    path: PathBuf,
    /// Opened when bytes are asked for: its statistics may say that none are.
    file: Option<File>,
    bytes: u64,
    catalog: Catalog,
    footers: Arc<Footers>,
    scanned: Arc<Scanned>,
}

impl Reader {
    fn read(&mut self, range: &Range<u64>) -> ParquetResult<Bytes> {
        let length = range.end.checked_sub(range.start);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let Some(length) = length else {
            return Err(ParquetError::General(format!(
                "{}: its footer tells of bytes that cannot be",
                self.path.display()
            )));
        };
        let file = match &mut self.file {
            Some(file) => file,
            closed => {
                self.scanned.recent.note(&self.path);
                closed.insert(open(&self.catalog, &self.path)?)
            }
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, range.start)
            .map_err(named(&self.path))?;
        Ok(bytes.into())
    }
}

fn open(catalog: &Catalog, path: &Path) -> ParquetResult<File> {
    catalog.open_file(path).map_err(named(path))
}

// Reading blocks its thread, which is one of those that queries have to themselves: mostly the pages are in memory, and waking up a thread to fetch them would
// take longer.
impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        ready(self.read(&range)).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        ready(ranges.iter().map(|range| self.read(range)).collect()).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let footer = self.footers.of(&self.catalog, &self.path);
        if footer.is_err() {
            self.scanned.recent.note(&self.path);
        }
        ready(footer).boxed()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.scanned.finished(self.bytes);
    }
}
