//! `portreeve store`: looks after a store from outside; whoever writes it goes on writing.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use portreeve_store::{Catalog, Checked};
use serde::Serialize;

use crate::args::store::{CheckArgs, StoreCommand};
use crate::config::{self, Config, Places};
use crate::exit::{FAILED, Failure};
use crate::nic::print_json;
use crate::{print, text};

/// Time between two words on how far a look has come.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Does what was asked for.
///
/// # Errors
/// There is no such store, or it cannot be read.
pub fn run(command: &StoreCommand, places: &Places) -> Result<ExitCode, Failure> {
    match command {
        StoreCommand::Check(args) => check(args, places),
    }
}

/// The store that was named, or that the configuration names; `command` is what was typed, to be typed again with one.
///
/// # Errors
/// The configuration, or neither names one.
pub fn named(
    store: Option<&Path>,
    config: Option<&Path>,
    places: &Places,
    command: &str,
) -> Result<PathBuf, Failure> {
    if let Some(path) = store {
        return Ok(path.to_owned());
    }
    let (layers, _) = config::read_file(config, places)?;
    let config = Config::from_layers(&layers)?;
    config.store.path.ok_or_else(|| {
        Failure::usage(format!(
            "which store? Name its folder: {command} --store DIR …, or store.path in the configuration"
        ))
    })
}

/// What a look at all files found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Parquet files that were looked at, and their bytes.
    files: u64,
    bytes: u64,
    /// Those whose every byte is as it was written.
    as_written: u64,
    /// Those without a sum, of an earlier version, all of which could be decoded.
    decoded: u64,
    /// The others.
    damaged: Vec<Damaged>,
}

/// A file that is not as it was, or cannot be read.
#[derive(Debug, Serialize)]
struct Damaged {
    path: PathBuf,
    /// What is wrong, the path before it.
    what: String,
    /// What moves it away, so that the others can be asked again.
    command: String,
}

fn check(args: &CheckArgs, places: &Places) -> Result<ExitCode, Failure> {
    let (store, config) = (args.store.as_deref(), args.config.as_deref());
    let path = named(store, config, places, "portreeve store check")?;
    let catalog = Catalog::open(&path).map_err(Failure::failed)?;
    let files = catalog.list().map_err(Failure::failed)?.parquet;
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    let mut report = Report::default();
    let mut progress = Progress::new(total);
    for file in &files {
        match catalog.check(file) {
            Ok(None) => continue,
            Ok(Some(Checked::AsWritten)) => report.as_written += 1,
            Ok(Some(Checked::Decoded)) => report.decoded += 1,
            Err(error) => {
                let damaged = Damaged {
                    path: file.path.clone(),
                    what: error.to_string(),
                    command: catalog.set_aside_command(&file.path),
                };
                if !args.json {
                    progress.clear();
                    let line =
                        format!("{}\n  to move it away: {}\n", damaged.what, damaged.command);
                    print(line.as_bytes())?;
                }
                report.damaged.push(damaged);
            }
        }
        report.files += 1;
        report.bytes += file.bytes;
        progress.say(report.bytes);
    }
    progress.clear();
    if args.json {
        print_json(&report)?;
    } else {
        print(summary(&report).as_bytes())?;
    }
    Ok(if report.damaged.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn summary(report: &Report) -> String {
    let mut line = format!(
        "{} files, {}: {} as they were written",
        text::count(report.files),
        text::bytes(report.bytes),
        text::count(report.as_written)
    );
    if report.decoded > 0 {
        line += &format!(
            ", {} without a sum (an earlier version's) that can be decoded",
            text::count(report.decoded)
        );
    }
    line += &format!(", {} damaged\n", text::count(report.damaged.len() as u64));
    line
}

/// How far it has come, for somebody at a terminal.
struct Progress {
    total: u64,
    said: Option<Instant>,
    begun: Instant,
}

impl Progress {
    fn new(total: u64) -> Self {
        Progress {
            total,
            said: None,
            begun: Instant::now(),
        }
    }

    fn say(&mut self, done: u64) {
        let last = self.said.unwrap_or(self.begun);
        if last.elapsed() < SAY_EVERY || !std::io::stderr().is_terminal() {
            return;
        }
        self.said = Some(Instant::now());
        let (done, total) = (text::bytes(done), text::bytes(self.total));
        let _ = write!(std::io::stderr(), "\r\x1b[K{done} of {total}");
    }

    fn clear(&mut self) {
        if self.said.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
