//! Which file is to blame for a query that failed while it read.
//!
//! What decodes pages tells what is wrong, and not where; some of what cannot be makes it panic. An operator needs the file's name. So a query notes which files it
//! read last, and when it fails those are decoded once more, one by one, until one fails alone.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use portreeve_store::Catalog;

/// Files that are remembered: each partition of a query has one that it reads, and one that it has just read.
const RECENT: usize = 64;
/// How long is looked for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rows that are decoded at a time.
const BATCH: usize = 8192;

/// The files that a query read last, each once.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<PathBuf>>);

impl Recent {
    /// Bytes of this file are asked for.
    pub fn note(&self, path: &PathBuf) {
        let mut files = self.files();
        if !files.contains(path) {
            if files.len() == RECENT {
                files.pop_back();
            }
            files.push_front(path.clone());
        }
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of them that cannot be decoded, and what is wrong with it; the last read first.
    pub fn damaged(&self, catalog: &Catalog) -> Option<(PathBuf, String)> {
        let until = Instant::now() + PATIENCE;
        let files = self.files().clone();
        files.into_iter().find_map(|path| {
            let file = catalog.open_file(&path).ok()?;
            let decoded = catch_unwind(AssertUnwindSafe(|| decode(file, until)));
            match decoded {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some((path, error.to_string())),
                Err(_) => Some((path, "what it says cannot be".to_owned())),
            }
        })
    }
}

/// Decodes a file to its end, or as far as there is time.
fn decode(file: File, until: Instant) -> Result<(), ArrowError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    for batch in builder.with_batch_size(BATCH).build()? {
        batch?;
        if Instant::now() >= until {
            break;
        }
    }
    Ok(())
}
