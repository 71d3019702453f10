//! One log file that is being written: whole lines or nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use crate::lines;

/// How far back the last whole line of a file is looked for.
const LONGEST_LINE: u64 = 1 << 20;

/// A log file. Its buffer holds whole lines; [`LogFile::flush`] writes them, and takes back what it could not write whole.
pub(crate) struct LogFile {
    /// Name of the log whose records it takes.
    pub(crate) stem: &'static str,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Lines that wait to be written.
    pub(crate) buffer: Vec<u8>,
    /// How many of them are records.
    pub(crate) buffered: u64,
    /// When the file was begun.
    pub(crate) begun: SystemTime,
    /// Bytes in the file.
    pub(crate) size: u64,
    /// Why the last try to write failed, if it did.
    pub(crate) failing: Option<Failing>,
    /// A rotation failed, and is not tried again before then.
    pub(crate) rotate_after: Option<Instant>,
    file: Option<File>,
}

/// Why a file cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Its disk, or our share of it, is full.
    Full,
    /// Anything else.
    Itself,
}

impl Failing {
    fn of(error: &io::Error) -> Failing {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failing::Full,
            _ => Failing::Itself,
        }
    }
}

/// What a flush did.
#[derive(Debug, Default)]
pub(crate) struct Flushed {
    pub(crate) written: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    pub(crate) error: Option<io::Error>,
}

impl LogFile {
    /// A file that is not open yet.
    pub(crate) fn new(stem: &'static str, path: PathBuf) -> Self {
        LogFile {
            stem,
            path,
            buffer: Vec::new(),
            buffered: 0,
            begun: SystemTime::now(),
            size: 0,
            failing: None,
            rotate_after: None,
            file: None,
        }
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Opens the file at its end and makes it, if need be. `header` appends the lines that a new file begins with.
    pub(crate) fn open(&mut self, header: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        let metadata = file.metadata()?;
        self.size = metadata.len();
        if self.size == 0 {
            self.begun = SystemTime::now();
            let mut lines = Vec::new();
            header(&mut lines);
            let (done, error) = lines::write(&mut file, &lines);
            if let Some(error) = error {
                take_back(&file, done as u64)?;
                return Err(error);
            }
            self.size = lines.len() as u64;
        } else {
            self.begun = begun(&metadata);
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes the buffer. What does not go in whole lines is taken out of the file again and is lost.
    pub(crate) fn flush(&mut self) -> Flushed {
        let Some(file) = &mut self.file else {
            return self.lose(None);
        };
        let (done, error) = lines::write(file, &self.buffer);
        let Some(error) = error else {
            self.size += done as u64;
            self.failing = None;
            self.buffer.clear();
            return Flushed {
                written: std::mem::take(&mut self.buffered),
                bytes: done as u64,
                ..Flushed::default()
            };
        };
        let (whole, written) = lines::whole(&self.buffer[..done]);
        let error = match take_back(file, (done - whole) as u64) {
            Ok(()) => error,
            Err(worse) => worse,
        };
        self.size += whole as u64;
        self.failing = Some(Failing::of(&error));
        self.buffer.clear();
        Flushed {
            written,
            bytes: whole as u64,
            lost: std::mem::take(&mut self.buffered).saturating_sub(written),
            error: Some(error),
        }
    }

    /// Gives up what is in the buffer.
    pub(crate) fn lose(&mut self, error: Option<io::Error>) -> Flushed {
        if let Some(error) = &error {
            self.failing = Some(Failing::of(error));
        }
        self.buffer.clear();
        Flushed {
            lost: std::mem::take(&mut self.buffered),
            error,
            ..Flushed::default()
        }
    }

    /// Ends the file with `footer`, makes it durable and gives it the name `rotated`. It stays as it was if that fails.
    pub(crate) fn rotate(&mut self, footer: &[u8], rotated: &Path) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let (done, error) = lines::write(file, footer);
        let renamed = match error {
            Some(error) => Err(error),
            None => file
                .sync_all()
                .and_then(|()| std::fs::rename(&self.path, rotated)),
        };
        if let Err(error) = renamed {
            take_back(file, done as u64)?;
            return Err(error);
        }
        self.file = None;
        self.size = 0;
        Ok(())
    }

    /// Ends the file with `footer`, makes it durable and closes it, under the name it has.
    pub(crate) fn close(&mut self, footer: &[u8]) -> io::Result<()> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let (done, error) = lines::write(&mut file, footer);
        if let Some(error) = error {
            take_back(&file, done as u64)?;
            return Err(error);
        }
        file.sync_all()
    }

    /// Whether somebody moved or removed the file: what is written goes where nobody looks for it.
    pub(crate) fn was_taken_away(&self) -> bool {
        let Some(Ok(ours)) = self.file.as_ref().map(File::metadata) else {
            return false;
        };
        match std::fs::metadata(&self.path) {
            Ok(there) => (there.dev(), there.ino()) != (ours.dev(), ours.ino()),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Lets go of the file without a closing line, to open it again.
    pub(crate) fn release(&mut self) {
        self.file = None;
    }
}

/// Removes the last `bytes` of the file. Its length is asked for: someone may have truncated it under us.
fn take_back(file: &File, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let len = file.metadata()?.len();
    file.set_len(len.saturating_sub(bytes))
}

/// When a file was begun: its birth, or where the file system does not know that, its last change.
pub(crate) fn begun(metadata: &std::fs::Metadata) -> SystemTime {
    metadata
        .created()
        .or_else(|_| metadata.modified())
        .unwrap_or_else(|_| SystemTime::now())
}

/// Cuts off a line that a crash left half written at the end of a file. Returns the bytes removed.
pub(crate) fn trim(path: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let len = file.metadata()?.len();
    let from = len.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut tail)?;
    let after = tail.iter().rev().take_while(|&&byte| byte != b'\n').count();
    if after == 0 || (after == tail.len() && from > 0) {
        return Ok(0);
    }
    OpenOptions::new()
        .write(true)
        .open(path)?
        .set_len(len - after as u64)?;
    Ok(after as u64)
}
