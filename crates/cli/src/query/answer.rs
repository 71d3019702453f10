//! An answer on its way to a terminal, a pipe or a file.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use portreeve_query::write::{AnswerWriter, Format};
use portreeve_query::{Ask, Event, History, Progress, QueryError, Running, Stats};

use crate::exit::Failure;

/// Where an answer goes.
#[derive(Clone, Copy)]
pub(super) enum Sink<'a> {
    Stdout,
    File(&'a Path),
}

/// Asks, and writes the answer. A file is there when it is whole, or not at all.
///
/// # Errors
/// What is wrong with the question, or cannot be written.
pub(super) fn answer(
    history: &History,
    ask: Ask,
    format: Format,
    sink: Sink<'_>,
) -> Result<Stats, Failure> {
    let running = history.start(ask);
    match sink {
        Sink::Stdout => {
            if format == Format::Parquet && io::stdout().is_terminal() {
                return Err(Failure::usage(
                    "Parquet is nothing for a terminal; write it into a file: -o FILE",
                ));
            }
            match write(running, format, BufWriter::new(io::stdout())) {
                Err(Wrong::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    Ok(Stats::default())
                }
                outcome => Ok(outcome?),
            }
        }
        Sink::File(path) => {
            let named = |error: io::Error| Failure::failed(format!("{}: {error}", path.display()));
            let mut tmp = path.as_os_str().to_owned();
            tmp.push(".part");
            let file = File::create(&tmp).map_err(named)?;
            match write(running, format, BufWriter::new(file)) {
                Ok(stats) => {
                    std::fs::rename(&tmp, path).map_err(named)?;
                    Ok(stats)
                }
                Err(wrong) => {
                    let _ = std::fs::remove_file(&tmp);
                    Err(match wrong {
                        Wrong::Write(error) => named(error),
                        other => other.into(),
                    })
                }
            }
        }
    }
}

enum Wrong {
    Query(QueryError),
    Write(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Wrong::Write(error)
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Write(error) => error.into(),
            Wrong::Query(error @ (QueryError::Sql(_) | QueryError::Refused(_))) => {
                Failure::usage(error)
            }
            Wrong::Query(error) => Failure::failed(error),
        }
    }
}

fn write(mut running: Running, format: Format, sink: impl Write + Send) -> Result<Stats, Wrong> {
    let mut sink = Some(sink);
    let mut writer = None;
    let mut line = ProgressLine::new();
    while let Some(event) = running.next() {
        match event.map_err(Wrong::Query) {
            Ok(Event::Schema(schema)) => {
                if let Some(sink) = sink.take() {
                    writer = Some(AnswerWriter::new(format, &schema, sink)?);
                }
            }
            Ok(Event::Batch(batch)) => {
                line.clear();
                if let Some(writer) = &mut writer {
                    writer.write(&batch)?;
                }
            }
            Ok(Event::Progress(progress)) => line.show(progress),
            Ok(Event::Done(stats)) => {
                line.clear();
                if let Some(writer) = writer.take() {
                    writer.finish()?;
                }
                return Ok(stats);
            }
            Err(wrong) => {
                line.clear();
                return Err(wrong);
            }
        }
    }
    Err(Wrong::Query(QueryError::Cancelled))
}

/// How far a query is, on a terminal that shows nothing else yet.
struct ProgressLine {
    able: bool,
    shown: bool,
}

impl ProgressLine {
    fn new() -> Self {
        ProgressLine {
            able: io::stderr().is_terminal(),
            shown: false,
        }
    }

    fn show(&mut self, progress: Progress) {
        if self.able && progress.total > 0 {
            let done = progress.done as f64 / progress.total as f64;
            eprint!(
                "\r\x1b[K{:3.0} % of {} MB",
                done * 100.0,
                progress.total / 1_000_000
            );
            self.shown = true;
        }
    }

    fn clear(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
            self.shown = false;
        }
    }
}
