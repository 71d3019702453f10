//! Footers of Parquet files, kept: a file never changes once it has its name, and a dashboard asks the same ones again and again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use portreeve_store::Catalog;

/// The footers that were used last.
#[derive(Debug)]
pub(crate) struct Footers {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_path: HashMap<PathBuf, Entry>,
    bytes: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    footer: Arc<ParquetMetaData>,
    bytes: usize,
    used: u64,
}

impl Footers {
    /// Keeps so many bytes of them, by their own estimate of what they take.
    pub fn new(most: usize) -> Self {
        Footers {
            most,
            kept: Mutex::default(),
        }
    }

    /// The footer of a file.
    pub fn of(&self, catalog: &Catalog, path: &Path) -> Result<Arc<ParquetMetaData>, ParquetError> {
        if let Some(footer) = self.kept().find(path) {
            return Ok(footer);
        }
        let file = catalog.open_file(path).map_err(named(path))?;
        let footer = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Skip)
            .parse_and_finish(&file)
            .map_err(|error| ParquetError::General(format!("{}: {error}", path.display())))?;
        let footer = Arc::new(footer);
        self.kept().keep(path, &footer, self.most);
        Ok(footer)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error with the file's name.
pub(super) fn named(path: &Path) -> impl Fn(io::Error) -> ParquetError {
    let path = path.display().to_string();
    move |error| ParquetError::General(format!("{path}: {error}"))
}

impl Kept {
    fn find(&mut self, path: &Path) -> Option<Arc<ParquetMetaData>> {
        self.clock += 1;
        let entry = self.by_path.get_mut(path)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.footer))
    }

    fn keep(&mut self, path: &Path, footer: &Arc<ParquetMetaData>, most: usize) {
        let bytes = footer.memory_size();
        if bytes > most {
            return;
        }
        while self.bytes + bytes > most {
            let oldest = self.by_path.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else {
                break;
            };
            if let Some(entry) = self.by_path.remove(&oldest) {
                self.bytes -= entry.bytes;
            }
        }
        let entry = Entry {
            footer: Arc::clone(footer),
            bytes,
            used: self.clock,
        };
        self.bytes += bytes;
        if let Some(before) = self.by_path.insert(path.to_owned(), entry) {
            self.bytes -= before.bytes;
        }
    }
}
