//! Records to a folder: one file for each log, rotated, compressed and removed in time.
//!
//! ```text
//! conn.log ──rotation──▶ conn.2026-11-22-10-00-00.log ──archive──▶ conn.2026-11-22-10-00-00.log.gz ──▶ removed
//! ```
//!
//! A file is made when its first record comes. What an earlier run left under the name of a live file
//! is rotated at the start, so that nothing is overwritten. When a write fails (disk full), the file is cut
//! back to its last whole line, the records are counted as lost, and the next ones are tried again. Whether it
//! could be written is looked at without a record, too: a rare log's next one may be days away. A file that
//! somebody moves or removes is begun anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portreeve_record::schema::logs;
use portreeve_record::{Record, RecordContext};
use rustix::fs::{FlockOperation, flock, statvfs};

use crate::archive::{Archive, Archivist, sync_directory};
use crate::config::{Compression, Rotation};
use crate::dialect::{Dialect, Formatter};
use crate::log_file::{self, Failing, Flushed, LogFile};
use crate::names;
use crate::open::OpenError;
use crate::output::Output;
use crate::status::{DropReason, OutputState, OutputStatus};
use crate::text::TimeFormat;

/// Bytes gathered for a file before they are written.
const BUFFER: usize = 64 << 10;
/// How often retention looks at the folder when nothing is rotated.
const SWEEP: Duration = Duration::from_secs(60);
/// How long a failed rotation waits for its next try.
const RETRY: Duration = Duration::from_secs(5);
/// How often the files are looked at: whether they are still there, and whether one that failed could be written now.
const LOOK: Duration = Duration::from_secs(1);
/// The file whose lock says that a process writes here.
const LOCK: &str = ".portreeve.lock";

/// A folder of logs.
pub struct DirectoryOutput {
    name: String,
    status: Arc<OutputStatus>,
    directory: PathBuf,
    rotation: Rotation,
    formatter: Formatter,
    files: Vec<LogFile>,
    archivist: Option<Archivist>,
    now: SystemTime,
    last_sweep: Instant,
    last_look: Instant,
    lost_since_error: u64,
    /// Held for as long as the output lives.
    _lock: File,
}

impl DirectoryOutput {
    /// Opens the folder, makes it if need be, and rotates what an earlier run left.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written, or another process writes there.
    pub fn open(
        name: String,
        directory: PathBuf,
        rotation: Rotation,
        dialect: Dialect,
        time: TimeFormat,
    ) -> Result<Self, OpenError> {
        DirectoryOutput::with_status(name, directory, rotation, dialect, time, Arc::default())
    }

    /// The same, with books that were begun before.
    pub(crate) fn with_status(
        name: String,
        directory: PathBuf,
        rotation: Rotation,
        dialect: Dialect,
        time: TimeFormat,
        status: Arc<OutputStatus>,
    ) -> Result<Self, OpenError> {
        let lock = lock(&directory)?;
        let failed = |error| OpenError::Directory(directory.clone(), error);
        let extension = dialect.extension();
        let mut stems: Vec<&'static str> =
            logs().iter().map(|log| dialect.stem(log.path)).collect();
        stems.dedup();
        let files: Vec<LogFile> = stems
            .iter()
            .map(|stem| LogFile::new(stem, directory.join(format!("{stem}.{extension}"))))
            .collect();
        for file in &files {
            match fs::metadata(&file.path) {
                Ok(metadata) if metadata.len() > 0 => {
                    log_file::trim(&file.path).map_err(failed)?;
                    let begun = log_file::begun(&metadata);
                    let rotated = names::free(&directory, file.stem, extension, begun);
                    fs::rename(&file.path, rotated).map_err(failed)?;
                    status.add_rotated();
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        sync_directory(&directory).map_err(failed)?;
        let archives = rotation.compress != Compression::None
            || rotation.keep_for.is_some()
            || rotation.keep_size.is_some();
        let now = SystemTime::now();
        let archivist = if archives {
            let archivist = Archivist::start(Archive {
                directory: directory.clone(),
                stems,
                extension,
                rotation,
                status: Arc::clone(&status),
                stop: Arc::<AtomicBool>::default(),
            })
            .map_err(failed)?;
            archivist.sweep(now);
            Some(archivist)
        } else {
            None
        };
        Ok(DirectoryOutput {
            name,
            status,
            directory,
            rotation,
            formatter: Formatter::new(dialect, time, false),
            files,
            archivist,
            now,
            last_sweep: Instant::now(),
            last_look: Instant::now(),
            lost_since_error: 0,
            _lock: lock,
        })
    }

    fn flush_file(&mut self, index: usize) {
        let file = &mut self.files[index];
        if file.buffer.is_empty() {
            return;
        }
        let flushed = if file.is_open() {
            file.flush()
        } else {
            let (stem, now) = (file.stem, self.now);
            match file.open(|lines| self.formatter.header(lines, stem, now)) {
                Ok(()) => file.flush(),
                Err(error) => file.lose(Some(error)),
            }
        };
        self.account(index, flushed);
        let limit = self.rotation.size.unwrap_or(u64::MAX);
        if self.files[index].size >= limit {
            self.rotate(index);
        }
    }

    fn account(&mut self, index: usize, flushed: Flushed) {
        self.status.add_written(flushed.written, flushed.bytes);
        if flushed.lost > 0 {
            self.status
                .add_dropped(DropReason::WriteError, flushed.lost);
            self.lost_since_error += flushed.lost;
        }
        if let Some(error) = flushed.error {
            self.status.error(format!(
                "{}: cannot write: {error}",
                self.files[index].path.display()
            ));
        }
        self.judge();
    }

    /// What all files together say of the output's state.
    fn judge(&mut self) {
        if self.files.iter().any(|file| file.failing.is_some()) {
            self.status.set_state(OutputState::Recovering);
        } else if self.status.state() == OutputState::Recovering {
            self.status.set_state(OutputState::Ok);
            self.status.recovered(format!(
                "{}: writing again, {} records were lost",
                self.directory.display(),
                std::mem::take(&mut self.lost_since_error)
            ));
        }
    }

    /// Looks after files that nobody writes to just now.
    fn look(&mut self) {
        self.last_look = Instant::now();
        for index in 0..self.files.len() {
            let file = &mut self.files[index];
            if file.was_taken_away() {
                file.release();
                self.status.recovered(format!(
                    "{}: was moved or removed, and is begun anew",
                    file.path.display()
                ));
            }
            if file.buffer.is_empty()
                && let Some(failing) = file.failing
                && self.could_write(index, failing)
            {
                self.files[index].failing = None;
                self.judge();
            }
        }
    }

    /// Whether a file whose last try to write failed like that could be written now.
    fn could_write(&mut self, index: usize, failing: Failing) -> bool {
        if failing == Failing::Full {
            return statvfs(&self.directory)
                .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= BUFFER as u64);
        }
        let (file, now) = (&mut self.files[index], self.now);
        let stem = file.stem;
        !file.is_open()
            && file
                .open(|lines| self.formatter.header(lines, stem, now))
                .is_ok()
    }

    fn rotate(&mut self, index: usize) {
        let file = &mut self.files[index];
        if !file.is_open() || file.rotate_after.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let extension = self.formatter.dialect().extension();
        let rotated = names::free(&self.directory, file.stem, extension, file.begun);
        let mut footer = Vec::new();
        self.formatter.footer(&mut footer, self.now);
        let done = file
            .rotate(&footer, &rotated)
            .and_then(|()| sync_directory(&self.directory));
        match done {
            Ok(()) => {
                self.files[index].rotate_after = None;
                self.status.add_rotated();
                self.sweep();
            }
            Err(error) => {
                self.files[index].rotate_after = Some(Instant::now() + RETRY);
                self.status.error(format!(
                    "cannot rotate {} to {}: {error}",
                    self.files[index].path.display(),
                    rotated.display()
                ));
            }
        }
    }

    fn sweep(&mut self) {
        self.last_sweep = Instant::now();
        if let Some(archivist) = &self.archivist {
            archivist.sweep(self.now);
        }
    }
}

/// Makes the folder if need be, and takes the lock that says that a process writes there: for as long as the file is open.
pub(crate) fn lock(directory: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::Directory(directory.to_owned(), error);
    fs::create_dir_all(directory).map_err(failed)?;
    let lock = File::create(directory.join(LOCK)).map_err(failed)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(directory.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// Which of the intervals since 1970 a moment lies in.
fn interval(at: SystemTime, every: Duration) -> u128 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() / every.as_nanos().max(1)
}

impl Output for DirectoryOutput {
    fn name(&self) -> &str {
        &self.name
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, record: &Record, context: &RecordContext) {
        let stem = self.formatter.dialect().stem(record.path());
        let Some(index) = self.files.iter().position(|file| file.stem == stem) else {
            self.status.add_unwanted();
            return;
        };
        let file = &mut self.files[index];
        self.formatter.record(&mut file.buffer, record, context);
        file.buffered += 1;
        if file.buffer.len() >= BUFFER {
            self.flush_file(index);
        }
    }

    fn tick(&mut self, now: SystemTime) {
        self.now = now;
        if self.last_look.elapsed() >= LOOK {
            self.look();
        }
        if let Some(every) = self.rotation.every {
            for index in 0..self.files.len() {
                let file = &self.files[index];
                if file.is_open() && interval(now, every) > interval(file.begun, every) {
                    self.flush_file(index);
                    self.rotate(index);
                }
            }
        }
        if self.last_sweep.elapsed() >= SWEEP {
            self.sweep();
        }
    }

    fn reopen(&mut self) {
        for index in 0..self.files.len() {
            self.flush_file(index);
            let (file, now) = (&mut self.files[index], self.now);
            if !file.is_open() {
                continue;
            }
            file.release();
            let stem = file.stem;
            if let Err(error) = file.open(|lines| self.formatter.header(lines, stem, now)) {
                let lost = file.lose(Some(error));
                self.account(index, lost);
            }
        }
    }

    fn flush(&mut self) {
        for index in 0..self.files.len() {
            self.flush_file(index);
        }
    }

    fn finish(&mut self) {
        self.flush();
        let mut footer = Vec::new();
        self.formatter.footer(&mut footer, SystemTime::now());
        for file in &mut self.files {
            if let Err(error) = file.close(&footer) {
                self.status
                    .error(format!("cannot close {}: {error}", file.path.display()));
            }
        }
        if let Some(archivist) = self.archivist.take() {
            archivist.finish();
        }
    }
}
