//! Where records go in this run, and how that went.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portreeve_engine::ledger::RecordAccount;
use portreeve_engine::{Feed, LostByOutput};
use portreeve_live::{Live, OutputView};
use portreeve_output::{
    Destination, Dialect, DropReason, Finished, OpenError, Output, OutputConfig, OutputCounters,
    OutputHandle, OutputState, Rotation, TimeFormat, spawn, spawn_joined,
};
use portreeve_record::{Record, RecordContext};
use portreeve_store::{Retention, Store, StoreConfig};
use serde_json::{Value, json};

use crate::config::Config;
use crate::config::values::{ByteSize, Compression, Format, Interval, Time};
use crate::exit::Failure;
use crate::facts::Facts;
use crate::summary::{self, Summary, Sums};

/// Outputs that are ready, before the engine runs.
pub struct Planned {
    outputs: Vec<Box<dyn Output>>,
    /// Lines for the start report.
    pub notes: Vec<String>,
    /// Records go to standard output: nothing else may.
    pub on_stdout: bool,
    /// What the store keeps, if there is one.
    retention: Option<Arc<Mutex<Retention>>>,
    /// The sums of a file, if somebody reads them at the end.
    pub sums: Option<Arc<Mutex<Sums>>>,
}

/// Whether the output of this name only shows records: it is no destination.
#[must_use]
pub fn is_shown_only(name: &str) -> bool {
    name == summary::NAME || name == portreeve_live::NAME
}

/// What a record's fields are called, and how it is laid out.
fn dialect(format: Format) -> (Dialect, &'static str) {
    match format {
        Format::ZeekJson => (Dialect::ZeekJson, "JSON lines (Zeek's names)"),
        Format::ZeekTsv => (Dialect::ZeekTsv, "Zeek's tab-separated logs"),
        Format::Eve => (Dialect::Eve, "EVE JSON"),
    }
}

fn time_format(time: Time) -> TimeFormat {
    match time {
        Time::Epoch => TimeFormat::Epoch,
        Time::EpochNs => TimeFormat::EpochNs,
        Time::Iso8601 => TimeFormat::Iso8601,
        Time::Iso8601Ns => TimeFormat::Iso8601Ns,
    }
}

/// The lives of log files; zero is never.
fn rotation(config: &Config) -> Rotation {
    let output = &config.output;
    let time = |interval: Interval| Some(interval.0).filter(|time| !time.is_zero());
    let size = |size: ByteSize| Some(size.0).filter(|bytes| *bytes > 0);
    Rotation {
        every: time(output.rotate_every),
        size: size(output.rotate_size),
        compress: match output.compress {
            Compression::None => portreeve_output::Compression::None,
            Compression::Gzip => portreeve_output::Compression::Gzip,
            Compression::Zstd => portreeve_output::Compression::Zstd,
        },
        keep_for: time(output.keep_for),
        keep_size: size(output.keep_size),
    }
}

/// The name of the output to standard output.
const STDOUT: &str = "stdout";
/// The name of the output into a folder of logs.
const LOG_DIR: &str = "log-dir";

/// How records go to standard output.
/// Whether there are all the logs that are named.
///
/// # Errors
/// There is none of such a name.
pub fn known_logs(config: &Config) -> Result<(), Failure> {
    portreeve_output::known_logs(&stream(config))
        .map_err(|error| Failure::usage(format!("output.logs: {error}")))
}

fn stream(config: &Config) -> OutputConfig {
    OutputConfig {
        dialect: dialect(config.output.format).0,
        time: time_format(config.output.time),
        logs: config.output.logs.clone(),
        name: STDOUT.to_owned(),
        destination: Destination::Stdout,
    }
}

/// How records go into a folder of logs, or nowhere, where none is named.
fn folder(config: &Config) -> OutputConfig {
    let path = config.output.log_dir.clone();
    OutputConfig {
        name: LOG_DIR.to_owned(),
        destination: path.map_or(Destination::Nowhere, |path| Destination::Directory {
            path,
            rotation: rotation(config),
        }),
        ..stream(config)
    }
}

fn refused(error: OpenError) -> Failure {
    match error {
        OpenError::UnknownLog(_) => Failure::usage(error),
        _ => Failure::failed(error),
    }
}

/// What the store keeps; zero is all.
fn retention(config: &Config) -> Retention {
    let store = &config.store;
    let time = |interval: Interval| Some(interval.0).filter(|time| !time.is_zero());
    Retention {
        keep_for: time(store.keep_for),
        keep_rollups_for: time(store.keep_rollups_for),
        keep_size: Some(store.keep_size.0).filter(|bytes| *bytes > 0),
    }
}

/// How the store is to be written; `None`: there is none.
fn store(config: &Config) -> Option<StoreConfig> {
    let store = &config.store;
    Some(StoreConfig {
        flush_every: store.flush_every.0,
        segment_every: store.segment_every.0,
        memory: store.memory.0,
        retention: retention(config),
        community_id: store.community_id,
        rollups: store.rollups,
        ..StoreConfig::new(store.path.clone()?)
    })
}

impl Planned {
    /// The outputs that the configuration names; `records`: somebody wants records on standard output if they go nowhere else;
    /// `summary`: somebody reads the sums at the end.
    ///
    /// # Errors
    /// An output that cannot be opened.
    pub fn new(config: &Config, records: bool, summary: bool) -> Result<Planned, Failure> {
        let mut planned = Planned {
            outputs: Vec::new(),
            notes: Vec::new(),
            on_stdout: false,
            retention: None,
            sums: None,
        };
        let (_, called) = dialect(config.output.format);
        if records {
            let output = portreeve_output::open(&stream(config)).map_err(refused)?;
            planned.outputs.push(output);
            planned.on_stdout = true;
            planned
                .notes
                .push(format!("records: {called} to standard output"));
        }
        if let Some(path) = &config.output.log_dir {
            let output = portreeve_output::open(&folder(config)).map_err(refused)?;
            planned.outputs.push(output);
            planned
                .notes
                .push(format!("records: {called} into {}", path.display()));
        }
        if let Some(config) = store(config) {
            let path = config.path.clone();
            let store = Store::open(config).map_err(Failure::failed)?;
            planned
                .notes
                .push(format!("records: Parquet into {}", path.display()));
            planned.notes.extend(store.notes().iter().cloned());
            planned.retention = Some(store.retention());
            planned.outputs.push(Box::new(store));
        }
        if summary {
            let (summary, sums) = Summary::new();
            planned.outputs.push(Box::new(summary));
            planned.sums = Some(sums);
        }
        Ok(planned)
    }

    /// One more output: what the run keeps of its last minutes, for screens.
    pub fn show(&mut self, live: &Live) {
        self.outputs.push(Box::new(live.output()));
    }

    /// The outputs' names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.outputs
            .iter()
            .map(|output| output.name().to_owned())
            .collect()
    }

    /// Gives each output its thread and its feed, and what joins facts to its records.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn start(
        self,
        feeds: Vec<Feed>,
        context: &Arc<RecordContext>,
        facts: &Facts,
    ) -> io::Result<Outputs> {
        let mut handles = Vec::new();
        for (output, feed) in self.outputs.into_iter().zip(feeds) {
            let (feed, context) = (Box::new(feed), Arc::clone(context));
            // The summary adds up flows, and shows none of what is joined.
            handles.push(if output.name() == summary::NAME {
                spawn(output, feed, context)?
            } else {
                spawn_joined(output, facts.joiner(), feed, context)?
            });
        }
        Ok(Outputs {
            handles,
            retention: self.retention,
        })
    }
}

/// Running outputs.
pub struct Outputs {
    handles: Vec<OutputHandle>,
    retention: Option<Arc<Mutex<Retention>>>,
}

impl Outputs {
    /// Whether a reload can go from the one configuration to the other.
    ///
    /// # Errors
    /// A log that does not exist, a folder that cannot be written.
    pub fn check(&self, config: &Config, before: &Config) -> Result<(), Failure> {
        for handle in &self.handles {
            match handle.name() {
                STDOUT => portreeve_output::check(&stream(config), &stream(before)),
                LOG_DIR => portreeve_output::check(&folder(config), &folder(before)),
                _ => Ok(()),
            }
            .map_err(refused)?;
        }
        Ok(())
    }

    /// Whether there is an output for a folder of logs: one that was not there at the start has no ring.
    #[must_use]
    pub fn has_folder(&self) -> bool {
        self.handles.iter().any(|handle| handle.name() == LOG_DIR)
    }

    /// Puts in force what a reload can change.
    pub fn reload(&self, config: &Config) {
        for handle in &self.handles {
            match handle.name() {
                STDOUT => handle.change(stream(config)),
                LOG_DIR => handle.change(folder(config)),
                _ => {}
            }
        }
        if let Some(kept) = &self.retention {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = retention(config);
        }
    }

    /// Has all outputs open their files again.
    pub fn reopen(&self) {
        for handle in &self.handles {
            handle.reopen();
        }
    }

    /// Gives all outputs a record that comes from no worker.
    pub fn insert(&self, record: &Record) {
        for handle in &self.handles {
            handle.insert(record.clone());
        }
    }

    /// How each fares, for alerts: its name, what it lost, and why it cannot write.
    pub fn fare(&self) -> impl Iterator<Item = (&str, u64, Option<String>)> {
        let written = self
            .handles
            .iter()
            .filter(|handle| !is_shown_only(handle.name()));
        written.map(|handle| {
            let status = handle.status();
            let failing = (status.state() == OutputState::Recovering)
                .then(|| status.last_error().unwrap_or_default());
            (handle.name(), status.counters().dropped_total(), failing)
        })
    }

    /// Whether there were outputs and nobody reads any of them any more. What is only shown is none of them.
    #[must_use]
    pub fn all_closed(&self) -> bool {
        let mut written = self
            .handles
            .iter()
            .filter(|handle| !is_shown_only(handle.name()))
            .peekable();
        written.peek().is_some()
            && written.all(|handle| handle.status().state() == OutputState::Closed)
    }

    /// The outputs for screens.
    #[must_use]
    pub fn views(&self) -> Vec<OutputView> {
        let one = |handle: &OutputHandle| {
            let counters = handle.counters();
            OutputView {
                name: handle.name().to_owned(),
                state: handle.status().state().name().to_owned(),
                written: counters.written,
                dropped: counters.dropped_total(),
                bytes: counters.bytes,
                errors: counters.errors,
                last_error: handle.status().last_error(),
            }
        };
        let written = self
            .handles
            .iter()
            .filter(|handle| !is_shown_only(handle.name()));
        written.map(one).collect()
    }

    /// Who knows what each output lost, for the ledger.
    #[must_use]
    pub fn losses(&self) -> LostByOutput {
        let one = |handle: &OutputHandle| (handle.name().to_owned(), Arc::clone(handle.status()));
        let all: Vec<_> = self.handles.iter().map(one).collect();
        Box::new(move |name| {
            let status = all.iter().find(|(output, _)| output == name);
            status.map_or(0, |(_, status)| status.counters().dropped_total())
        })
    }

    /// What the outputs have to tell the user: what failed, and that it works again; of what comes again and again the last, every ten seconds.
    pub fn news(&self) -> Vec<String> {
        let told = self.handles.iter();
        told.filter_map(|handle| handle.status().take_report())
            .collect()
    }

    /// The outputs for the control socket.
    #[must_use]
    pub fn status(&self) -> Value {
        let one = |handle: &OutputHandle| {
            let counters = handle.counters();
            json!({
                "name": handle.name(),
                "state": handle.status().state().name(),
                "written": counters.written,
                "dropped": counters.dropped_total(),
                "unwanted": counters.unwanted,
                "made": counters.made,
                "taken_in": counters.taken_in,
                "bytes": counters.bytes,
                "errors": counters.errors,
                "files_rotated": counters.files_rotated,
                "files_removed": counters.files_removed,
                "last_error": handle.status().last_error(),
            })
        };
        self.handles.iter().map(one).collect()
    }

    /// Waits on a thread of its own until all is written, or for so long.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn finish(self, within: Duration) -> io::Result<std::sync::mpsc::Receiver<Vec<Ended>>> {
        let (out, ended) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("finish".into())
            .spawn(move || {
                let deadline = Instant::now() + within;
                let all = self.handles.into_iter().map(|handle| {
                    let status = Arc::clone(handle.status());
                    let name = handle.name().to_owned();
                    let finished = handle.finish(deadline);
                    Ended {
                        name,
                        failing: status.state() == OutputState::Recovering,
                        error: status.last_error(),
                        finished,
                    }
                });
                // Nobody listens if the run was left.
                let _ = out.send(all.collect());
            })?;
        Ok(ended)
    }
}

/// How an output ended.
pub struct Ended {
    /// Its name.
    pub name: String,
    /// It could not write to the last.
    pub failing: bool,
    /// What went wrong last.
    pub error: Option<String>,
    /// Its counters.
    pub finished: Finished,
}

impl Ended {
    /// Records lost here. What is only shown is nobody's loss.
    #[must_use]
    pub fn lost(&self) -> u64 {
        if is_shown_only(&self.name) {
            return 0;
        }
        self.finished.counters.dropped_total()
    }

    /// Its account: lines below the engine's for the same output.
    #[must_use]
    pub fn account(&self, produced: &RecordAccount) -> Vec<(String, u64)> {
        let counters: &OutputCounters = &self.finished.counters;
        let mut lines = vec![("written".to_owned(), counters.written)];
        if counters.unwanted > 0 {
            lines.push(("not wanted by this output".to_owned(), counters.unwanted));
        }
        if counters.taken_in > 0 {
            lines.push((
                "repeated, or joined into others".to_owned(),
                counters.taken_in,
            ));
        }
        for reason in DropReason::ALL {
            let lost = counters.dropped_for(*reason);
            if lost > 0 {
                lines.push((
                    format!("dropped: {}", reason.name().replace('_', " ")),
                    lost,
                ));
            }
        }
        let given = produced.queued + counters.made;
        let left = given.saturating_sub(counters.settled());
        if left > 0 {
            lines.push(("left behind in the output".to_owned(), left));
        }
        lines
    }
}
