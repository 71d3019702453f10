//! What becomes of rotated files: compression and retention, on a thread of their own.
//!
//! A file is compressed into a hidden temporary file, made durable, renamed to its final name, and only then is the
//! uncompressed one removed: under a final name there is never half a file, whenever the machine stops.
//! What an earlier run left half done is done again at the start.
//!
//! A file is as old as its last record: as its last change, which a compressed one takes over.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crate::config::{Compression, Rotation};
use crate::names::{self, Rotated};
use crate::status::OutputStatus;

/// Bytes compressed between two looks at whether to stop.
const CHUNK: usize = 256 << 10;
/// How long the end of the run waits for a compression under way. What is not done then is done at the next start.
const GRACE: Duration = Duration::from_secs(2);

/// What a sweep of a folder needs to know.
pub(crate) struct Archive {
    pub(crate) directory: PathBuf,
    pub(crate) stems: Vec<&'static str>,
    pub(crate) extension: &'static str,
    pub(crate) rotation: Rotation,
    pub(crate) status: Arc<OutputStatus>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// The thread that archives.
pub(crate) struct Archivist {
    sweeps: Sender<SystemTime>,
    done: Receiver<()>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Archivist {
    /// Starts the thread.
    pub(crate) fn start(archive: Archive) -> io::Result<Self> {
        let (sweeps, requests) = channel::<SystemTime>();
        let (finished, done) = channel();
        let stop = Arc::clone(&archive.stop);
        let thread = Builder::new().name("archive".into()).spawn(move || {
            while let Ok(mut now) = requests.recv() {
                // Several rotations at once need one sweep.
                while let Ok(later) = requests.try_recv() {
                    now = later;
                }
                archive.sweep(now);
            }
            let _ = finished.send(());
        })?;
        Ok(Archivist {
            sweeps,
            done,
            stop,
            thread,
        })
    }

    /// Asks for a sweep.
    pub(crate) fn sweep(&self, now: SystemTime) {
        // It ends only when we let go of this channel.
        let _ = self.sweeps.send(now);
    }

    /// Ends the thread, after what it does if that is soon done.
    pub(crate) fn finish(self) {
        drop(self.sweeps);
        if self.done.recv_timeout(GRACE).is_err() {
            self.stop.store(true, Relaxed);
        }
        let deadline = Instant::now() + GRACE;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Archive {
    /// Compresses what is to be compressed, then removes what is too old or too much.
    pub(crate) fn sweep(&self, now: SystemTime) {
        if let Err(error) = self.try_sweep(now) {
            self.status.error(format!(
                "cannot look through {}: {error}",
                self.directory.display()
            ));
        }
    }

    fn try_sweep(&self, now: SystemTime) -> io::Result<()> {
        if self.rotation.compress != Compression::None {
            for (rotated, path) in self.rotated()? {
                if self.stop.load(Relaxed) {
                    return Ok(());
                }
                if !rotated.compressed
                    && let Err(error) = self.compress(&rotated, &path)
                {
                    self.status
                        .error(format!("cannot compress {}: {error}", path.display()));
                }
            }
        }
        self.retain(now)
    }

    /// The rotated files, oldest first. Temporary files, which nobody works on at this moment, are removed.
    fn rotated(&self) -> io::Result<Vec<(Rotated, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(rotated) = names::parse(name, &self.stems, self.extension) {
                found.push((rotated, entry.path()));
            } else if names::of_temporary(name)
                .is_some_and(|name| names::parse(name, &self.stems, self.extension).is_some())
            {
                fs::remove_file(entry.path())?;
            }
        }
        found.sort();
        Ok(found)
    }

    fn compress(&self, rotated: &Rotated, path: &Path) -> io::Result<()> {
        let name = format!("{}{}", rotated.plain, self.rotation.compress.suffix());
        let target = self.directory.join(&name);
        // An earlier run may have been stopped between renaming and removing.
        if !target.exists() {
            let temporary = self.directory.join(names::temporary(&name));
            let made = self.compress_into(path, &temporary);
            if !matches!(made, Ok(true)) {
                let _ = fs::remove_file(&temporary);
                return made.map(|_| ());
            }
            fs::rename(&temporary, &target)?;
            sync_directory(&self.directory)?;
        }
        fs::remove_file(path)
    }

    /// Whether all of `from` went into `into`: not if the thread was told to stop.
    fn compress_into(&self, from: &Path, into: &Path) -> io::Result<bool> {
        let mut source = File::open(from)?;
        let target = File::create(into)?;
        let target = match self.rotation.compress {
            Compression::Gzip => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::GzEncoder::new(target, level);
                if !self.copy(&mut source, &mut encoder)? {
                    return Ok(false);
                }
                encoder.finish()?
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(target, 3)?;
                encoder.include_checksum(true)?;
                if !self.copy(&mut source, &mut encoder)? {
                    return Ok(false);
                }
                encoder.finish()?
            }
            Compression::None => return Ok(false),
        };
        target.set_modified(source.metadata()?.modified()?)?;
        target.sync_all()?;
        Ok(true)
    }

    fn copy(&self, from: &mut impl Read, into: &mut impl Write) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.stop.load(Relaxed) {
                return Ok(false);
            }
            match from.read(&mut chunk) {
                Ok(0) => return Ok(true),
                Ok(read) => into.write_all(&chunk[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn retain(&self, now: SystemTime) -> io::Result<()> {
        let Rotation {
            keep_for,
            keep_size,
            ..
        } = self.rotation;
        if keep_for.is_none() && keep_size.is_none() {
            return Ok(());
        }
        let oldest = keep_for.and_then(|age| now.checked_sub(age));
        let mut files = Vec::new();
        let mut total = 0;
        for (_, path) in self.rotated()? {
            // Someone else may have removed it meanwhile.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            total += metadata.len();
            files.push((path, metadata.modified()?, metadata.len()));
        }
        for (path, last, size) in files {
            let too_old = oldest.is_some_and(|oldest| last < oldest);
            let too_much = keep_size.is_some_and(|limit| total > limit);
            if too_old || too_much {
                fs::remove_file(&path)?;
                total -= size;
                self.status.add_removed(1);
            }
        }
        Ok(())
    }
}

/// Makes renames in a folder durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
