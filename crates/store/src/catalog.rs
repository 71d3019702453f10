//! What is in a store now, for those who read it. The one that writes is never waited for, nor made to wait.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use crate::error::StoreError;
use crate::layout::{Layout, Listing};
use crate::parquet_file::{self, times};
use crate::segment;

/// A store, seen by a reader.
#[derive(Clone, Debug)]
pub struct Catalog {
    layout: Layout,
}

/// A Parquet file of a store: it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its table.
    pub table: String,
    /// Where it is.
    pub path: PathBuf,
    /// The least `ts` of its rows, nanoseconds since 1970 UTC.
    pub min: i64,
    /// The greatest.
    pub max: i64,
    /// Its size.
    pub bytes: u64,
}

/// What a look at all of a file found, if nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Every byte is as it was written.
    AsWritten,
    /// It has no sum, since an earlier version wrote it; all of it could be decoded.
    Decoded,
}

/// Rows that are not Parquet yet: an Arrow IPC stream that grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSegment {
    /// Its table.
    pub table: String,
    /// Where it is, as long as it is.
    pub path: PathBuf,
}

/// The files of a store that count, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Parquet files; by table, day, and the order in which they were made.
    pub parquet: Vec<StoredFile>,
    /// Open segments.
    pub open: Vec<OpenSegment>,
}

impl Catalog {
    /// The store in a folder.
    ///
    /// # Errors
    /// The folder is missing, cannot be read, or is no store.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(path);
        std::fs::read_dir(path).map_err(StoreError::io("read the store", path))?;
        if !layout.lock().exists() && !layout.open().is_dir() {
            return Err(StoreError::Content {
                path: path.to_owned(),
                what: "no store: nothing in it was written by portreeve (store.path fills one)"
                    .into(),
            });
        }
        Ok(Catalog { layout })
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// What counts now.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(&self) -> Result<Files, StoreError> {
        let listing = self
            .layout
            .list()
            .map_err(StoreError::io("list the files", self.path()))?;
        Ok(Files::of(listing))
    }

    /// What counts now of one table.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list_table(&self, table: &str) -> Result<Files, StoreError> {
        let listing = self
            .layout
            .list_table(table)
            .map_err(StoreError::io("list the files", self.path()))?;
        Ok(Files::of(listing))
    }

    /// Opens a file that was listed a while ago: where it was, or in the trash, where replaced files wait for readers that began before.
    ///
    /// # Errors
    /// It is gone from there too, or cannot be read.
    pub fn open_file(&self, path: &Path) -> io::Result<File> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                File::open(self.layout.trashed(path))
            }
            other => other,
        }
    }

    /// Looks at every byte of a file; `None`: it was replaced meanwhile, and is gone.
    ///
    /// # Errors
    /// It is damaged ([`StoreError::Content`]), or cannot be read.
    pub fn check(&self, file: &StoredFile) -> Result<Option<Checked>, StoreError> {
        let path = &file.path;
        let open = match self.open_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(StoreError::io("open", path))?,
        };
        if parquet_file::verify(path, &open)? {
            return Ok(Some(Checked::AsWritten));
        }
        parquet_file::decode(path, open)?;
        Ok(Some(Checked::Decoded))
    }

    /// The command, for a shell, that moves a file to where damaged ones are set aside.
    #[must_use]
    pub fn set_aside_command(&self, path: &Path) -> String {
        let aside = self.layout.damaged();
        format!("mv {} {}", for_shell(path), for_shell(&aside))
    }
}

/// A path as a shell takes it: in quotes, if it has anything that means something there.
fn for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-=+,:@".contains(&byte);
    if text.bytes().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

impl Files {
    fn of(listing: Listing) -> Self {
        let parquet = listing.sealed.into_iter().map(|file| StoredFile {
            table: file.table,
            path: file.path,
            min: file.min,
            max: file.max,
            bytes: file.bytes,
        });
        let open = listing.open.into_iter().map(|open| OpenSegment {
            table: open.table,
            path: open.path,
        });
        Files {
            parquet: parquet.collect(),
            open: open.collect(),
        }
    }
}

impl OpenSegment {
    /// Its bytes now; `None`: it has become Parquet meanwhile.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        std::fs::metadata(&self.path).ok().map(|meta| meta.len())
    }

    /// The rows that are whole; `None`: it has become Parquet meanwhile, list again.
    ///
    /// # Errors
    /// The system, or content that is not what it should be.
    pub fn read(&self) -> Result<Option<Vec<RecordBatch>>, StoreError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(StoreError::io("open", &self.path))?,
        };
        let content = segment::read(&file).map_err(StoreError::io("read", &self.path))?;
        // What is wrong with its end is for the one that writes to set aside; what is before it counts.
        Ok(Some(content.batches))
    }

    /// The greatest `ts` of its whole rows, nanoseconds since 1970 UTC; `None`: it has none, or has become Parquet meanwhile.
    ///
    /// # Errors
    /// As of [`read`](Self::read).
    pub fn newest(&self) -> Result<Option<i64>, StoreError> {
        let batches = self.read()?.unwrap_or_default();
        let newest = |batch| times(batch).and_then(|times| times.iter().max().copied());
        Ok(batches.iter().filter_map(newest).max())
    }
}
