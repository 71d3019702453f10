//! Records to a stream: standard output, a pipe, anything that writes bytes.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::SystemTime;

use portreeve_record::{Record, RecordContext};

use crate::dialect::{Dialect, Formatter};
use crate::lines;
use crate::output::Output;
use crate::status::{DropReason, OutputState, OutputStatus};
use crate::text::TimeFormat;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 << 10;

/// Standard output without the standard library's buffer: what was written is with the operating system.
///
/// # Errors
///
/// When the operating system has no file descriptor left.
pub fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Records to a stream, all logs mixed. Each Zeek JSON line names its log in `_path`; in Zeek TSV the header
/// lines stand again wherever the log changes.
///
/// When the reader goes away (`EPIPE`) the state becomes [`OutputState::Closed`]: for a caller on a terminal that
/// is the clean end of `portreeve … | head`. Any other error loses the lines that were not written, counted.
pub struct StreamOutput<W> {
    name: String,
    status: Arc<OutputStatus>,
    stream: W,
    formatter: Formatter,
    buffer: Vec<u8>,
    buffered: u64,
    /// What is still to be written of a line that was begun when a write failed, and whether it is a record.
    rest: Vec<u8>,
    rest_records: u64,
    path: &'static str,
    opened: SystemTime,
}

impl<W: Write + Send> StreamOutput<W> {
    /// An output to `stream`, which should be unbuffered: the output gathers lines itself.
    pub fn new(name: impl Into<String>, stream: W, dialect: Dialect, time: TimeFormat) -> Self {
        StreamOutput {
            name: name.into(),
            status: Arc::default(),
            stream,
            formatter: Formatter::new(dialect, time, true),
            buffer: Vec::with_capacity(BUFFER + 4096),
            buffered: 0,
            rest: Vec::new(),
            rest_records: 0,
            path: "",
            opened: SystemTime::now(),
        }
    }

    /// With books that were begun before.
    pub(crate) fn with_status(self, status: Arc<OutputStatus>) -> Self {
        StreamOutput { status, ..self }
    }

    fn closed(&mut self) {
        self.status.set_state(OutputState::Closed);
        self.rest.clear();
        self.lose(DropReason::Closed);
    }

    /// Gives up the lines in the buffer, and the record whose line was begun if its rest was given up before.
    fn lose(&mut self, reason: DropReason) {
        if self.rest.is_empty() {
            self.buffered += std::mem::take(&mut self.rest_records);
        }
        self.status
            .add_dropped(reason, std::mem::take(&mut self.buffered));
        self.buffer.clear();
        // Header lines may have been among them.
        self.path = "";
    }

    fn failed(&mut self, error: &io::Error) {
        if error.kind() == ErrorKind::BrokenPipe {
            return self.closed();
        }
        self.lose(DropReason::WriteError);
        self.status
            .error(format!("{}: cannot write: {error}", self.name));
        self.status.set_state(OutputState::Recovering);
    }

    fn write_buffer(&mut self) {
        if !self.rest.is_empty() {
            let (done, error) = lines::write(&mut self.stream, &self.rest);
            self.rest.drain(..done);
            if let Some(error) = error {
                return self.failed(&error);
            }
            let records = std::mem::take(&mut self.rest_records);
            self.status.add_written(records, done as u64);
        }
        if self.buffer.is_empty() {
            return;
        }
        let (done, error) = lines::write(&mut self.stream, &self.buffer);
        let Some(error) = error else {
            self.status
                .add_written(std::mem::take(&mut self.buffered), done as u64);
            self.buffer.clear();
            if self.status.state() == OutputState::Recovering {
                self.status.set_state(OutputState::Ok);
                self.status
                    .recovered(format!("{}: writing again", self.name));
            }
            return;
        };
        let (whole, records) = lines::whole(&self.buffer[..done]);
        self.status.add_written(records, done as u64);
        self.buffered -= records.min(self.buffered);
        if done > whole {
            // A line that was begun must be ended before the next.
            let end = whole + lines::first(&self.buffer[whole..]);
            self.rest_records = lines::whole(&self.buffer[whole..end]).1;
            self.buffered -= self.rest_records.min(self.buffered);
            self.rest.extend_from_slice(&self.buffer[done..end]);
        }
        self.failed(&error);
    }
}

impl<W: Write + Send> Output for StreamOutput<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn status(&self) -> &Arc<OutputStatus> {
        &self.status
    }

    fn write(&mut self, record: &Record, context: &RecordContext) {
        if self.status.state() == OutputState::Closed {
            self.status.add_dropped(DropReason::Closed, 1);
            return;
        }
        if self.path != record.path() {
            self.path = record.path();
            self.formatter
                .header(&mut self.buffer, self.path, self.opened);
        }
        self.formatter.record(&mut self.buffer, record, context);
        self.buffered += 1;
        if self.buffer.len() >= BUFFER {
            self.write_buffer();
        }
    }

    fn flush(&mut self) {
        self.write_buffer();
        if self.status.state() != OutputState::Closed
            && let Err(error) = self.stream.flush()
            && error.kind() == ErrorKind::BrokenPipe
        {
            self.closed();
        }
    }

    fn finish(&mut self) {
        if !self.path.is_empty() && self.status.state() != OutputState::Closed {
            self.formatter.footer(&mut self.buffer, SystemTime::now());
        }
        self.flush();
        // What a refused write left behind has had its last chance.
        self.rest.clear();
        self.lose(DropReason::WriteError);
    }
}
