//! Streams that end, streams that are full, and the thread that drives an output.

mod common;

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{context, full, records};
use portreeve_output::{
    Dialect, DropReason, Output, OutputState, OutputStatus, StreamOutput, TimeFormat, spawn,
    spawn_joined,
};
use portreeve_record::{Fate, Joiner, Record, RecordContext, RecordFeed};

fn stream<W: Write + Send>(stream: W, dialect: Dialect) -> StreamOutput<W> {
    StreamOutput::new("stdout", stream, dialect, TimeFormat::Epoch)
}

#[test]
fn a_reader_that_goes_away_ends_the_output_cleanly() {
    let (reader, writer) = io::pipe().unwrap();
    let mut output = stream(writer, Dialect::ZeekJson);
    output.write(&Record::Conn(full()), &context());
    output.flush();
    let mut line = String::new();
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"_path\":\"conn\","));
    drop(reader);
    for _ in 0..1000 {
        output.write(&Record::Conn(full()), &context());
    }
    output.finish();
    assert_eq!(output.status().state(), OutputState::Closed);
    assert_eq!(output.counters().written, 1);
    assert_eq!(output.counters().dropped_for(DropReason::Closed), 1000);
    assert_eq!(output.counters().errors, 0, "it is no error");
}

#[test]
fn a_full_device_costs_records_and_says_so() {
    let full_device = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut output = stream(full_device, Dialect::ZeekJson);
    for _ in 0..500 {
        output.write(&Record::Conn(full()), &context());
    }
    output.finish();
    let counters = output.counters();
    assert_eq!((counters.written, counters.dropped_total()), (0, 500));
    assert_eq!(output.status().state(), OutputState::Recovering);
    let report = output.status().take_report().unwrap();
    assert!(report.contains("No space left"), "{report}");
    assert_eq!(output.status().take_report(), None, "told once");
}

/// Takes so many bytes, then refuses, until it is given more room.
#[derive(Clone, Default)]
struct Bounded(Arc<Mutex<(Vec<u8>, usize)>>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        let take = bytes.len().min(inner.1);
        if take == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.1 -= take;
        inner.0.extend_from_slice(&bytes[..take]);
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn wherever_a_stream_stops_its_lines_stay_whole_and_records_add_up() {
    for dialect in [Dialect::ZeekJson, Dialect::ZeekTsv] {
        for room in (0..9000).step_by(97) {
            let bounded = Bounded::default();
            bounded.0.lock().unwrap().1 = room;
            let mut output = stream(bounded.clone(), dialect);
            for record in records() {
                output.write(&record, &context());
            }
            output.flush();
            bounded.0.lock().unwrap().1 = usize::MAX;
            for record in records() {
                output.write(&record, &context());
            }
            output.finish();
            let text = String::from_utf8(bounded.0.lock().unwrap().0.clone()).unwrap();
            assert!(text.ends_with('\n'));
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let mut count = 0;
            for line in lines {
                if dialect == Dialect::ZeekJson {
                    serde_json::from_str::<serde_json::Value>(line)
                        .unwrap_or_else(|error| panic!("{error}: {line}"));
                }
                count += 1;
            }
            let counters = output.counters();
            assert_eq!(counters.written, count, "room for {room}");
            assert_eq!(
                counters.settled(),
                2 * records().len() as u64,
                "room for {room}"
            );
            assert_eq!(output.status().state(), OutputState::Ok);
        }
    }
}

/// So many records, then the end, or never the end.
struct Fixed {
    left: usize,
    ends: bool,
}

impl RecordFeed for Fixed {
    fn drain(&mut self, each: &mut dyn FnMut(&Record)) -> usize {
        let now = self.left.min(100);
        for _ in 0..now {
            each(&Record::Conn(full()));
        }
        self.left -= now;
        now
    }

    fn is_finished(&self) -> bool {
        self.ends && self.left == 0
    }

    fn wait(&mut self, timeout: Duration) {
        std::thread::sleep(timeout.min(Duration::from_millis(5)));
    }
}

/// Takes a while for each record.
struct Slow(Arc<OutputStatus>, Duration);

impl Output for Slow {
    fn name(&self) -> &str {
        "slow"
    }
    fn status(&self) -> &Arc<OutputStatus> {
        &self.0
    }
    fn write(&mut self, _: &Record, _: &RecordContext) {
        std::thread::sleep(self.1);
        self.0.add_written(1, 1);
    }
    fn flush(&mut self) {}
}

#[test]
fn the_thread_writes_all_and_ends() {
    let sink = Bounded::default();
    sink.0.lock().unwrap().1 = usize::MAX;
    let feed = Fixed {
        left: 5000,
        ends: true,
    };
    let output = stream(sink.clone(), Dialect::ZeekJson);
    let handle = spawn(Box::new(output), Box::new(feed), Arc::new(context())).unwrap();
    assert_eq!(handle.name(), "stdout");
    let finished = handle.finish(Instant::now() + Duration::from_secs(20));
    assert!(!finished.timed_out && !finished.stuck);
    assert_eq!(finished.counters.written, 5000);
    let inner = sink.0.lock().unwrap();
    assert_eq!(finished.counters.bytes, inner.0.len() as u64);
    assert_eq!(inner.0.iter().filter(|&&byte| byte == b'\n').count(), 5000);
}

#[test]
fn at_the_deadline_what_is_queued_is_counted_as_lost() {
    let slow = Slow(Arc::default(), Duration::from_millis(2));
    let feed = Fixed {
        left: 5000,
        ends: false,
    };
    let handle = spawn(Box::new(slow), Box::new(feed), Arc::new(context())).unwrap();
    let begun = Instant::now();
    let finished = handle.finish(Instant::now() + Duration::from_millis(100));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(finished.timed_out && !finished.stuck);
    assert!(finished.counters.written > 0);
    assert!(finished.counters.dropped_for(DropReason::Shutdown) > 4000);
    assert_eq!(finished.counters.settled(), 5000);
}

#[test]
fn a_write_that_never_returns_does_not_hold_up_the_end() {
    let slow = Slow(Arc::default(), Duration::from_secs(3600));
    let feed = Fixed {
        left: 10,
        ends: true,
    };
    let handle = spawn(Box::new(slow), Box::new(feed), Arc::new(context())).unwrap();
    let begun = Instant::now();
    let finished = handle.finish(Instant::now() + Duration::from_millis(50));
    assert!(finished.stuck && begun.elapsed() < Duration::from_secs(5));
}

/// Takes in every second record, and makes one of each that it takes in, and one at the end.
struct EverySecond(u64);

impl Joiner for EverySecond {
    fn join(&mut self, record: &Record, made: &mut Vec<Record>) -> Fate {
        self.0 += 1;
        if self.0.is_multiple_of(2) {
            made.push(record.clone());
            made.push(record.clone());
            Fate::TakeIn
        } else {
            Fate::Write
        }
    }

    fn describe(&mut self, _: &Record, context: &mut RecordContext) {
        context.facts_mut().orig.name = Some(format!("host-{}", self.0).into());
    }

    fn finish(&mut self, made: &mut Vec<Record>) {
        made.push(Record::Conn(full()));
    }
}

#[test]
fn what_is_made_and_taken_in_is_in_the_books() {
    let sink = Bounded::default();
    sink.0.lock().unwrap().1 = usize::MAX;
    let feed = Fixed {
        left: 100,
        ends: true,
    };
    let output = Box::new(stream(sink.clone(), Dialect::ZeekJson));
    let joiner = Box::new(EverySecond(0));
    let handle = spawn_joined(output, joiner, Box::new(feed), Arc::new(context())).unwrap();
    let finished = handle.finish(Instant::now() + Duration::from_secs(20));
    let counters = finished.counters;
    assert_eq!((counters.made, counters.taken_in), (101, 50));
    assert_eq!(counters.written, 151);
    assert_eq!(counters.settled(), 100 + counters.made);
    let inner = sink.0.lock().unwrap();
    let text = String::from_utf8_lossy(&inner.0).into_owned();
    assert_eq!(text.lines().count(), 151);
    // What is made is described as well.
    for (line, name) in text.lines().zip(["host-1", "host-2", "host-2", "host-3"]) {
        assert!(
            line.contains(&format!("\"orig_name\":\"{name}\"")),
            "{line}"
        );
    }
}
