//! What the tests share: capture files through decode, tracker and application stage.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use portreeve_app::{
    Applications, Frames, Hashes, Stage, StageConfig, StageCounters, stream::Overlap,
};
use portreeve_capture::file::FileSource;
use portreeve_capture::{Burst, Fetch, Source};
use portreeve_flow::{Tracker, TrackerConfig};
use portreeve_output::{Dialect, Formatter, TimeFormat};
use portreeve_packet::{DecodeOptions, Views, decode};
use portreeve_record::{Record, RecordContext};

/// The corpus' folder, or a loud word that it is missing.
pub fn corpus() -> Option<PathBuf> {
    match std::env::var_os("PORTREEVE_CORPUS") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            eprintln!(
                "PORTREEVE_CORPUS is not set: NOT tested against the corpus of public captures"
            );
            None
        }
    }
}

struct Frame<'a, 'b>(&'a Burst<'b>);

impl Frames for Frame<'_, '_> {
    fn bytes(&self, frame: u16) -> &[u8] {
        self.0.frame(frame.into()).map_or(&[], |frame| frame.data)
    }
}

/// All records of a capture file, read to its end or to its damage.
pub fn records_of(path: &Path) -> Vec<Record> {
    records_and_counters_of(path).0
}

/// The same, and what the stage counted.
pub fn records_and_counters_of(path: &Path) -> (Vec<Record>, StageCounters) {
    read(path, Hashes::default(), true)
}

/// The records, where these hashes of files are asked for, and checksums are verified or not.
pub fn records_with(path: &Path, hashes: Hashes, verify_checksums: bool) -> Vec<Record> {
    read(path, hashes, verify_checksums).0
}

fn read(path: &Path, hashes: Hashes, verify_checksums: bool) -> (Vec<Record>, StageCounters) {
    let config = TrackerConfig::default();
    let mut tracker = Tracker::new(config).unwrap();
    let mut stage = Stage::new(&StageConfig {
        flows: tracker.memory().capacity,
        memory: 64 << 20,
        overlap: Overlap::First,
        protocols: Applications::default(),
        products: Default::default(),
        weirds_per_second: 1000,
        hashes,
    });
    let (mut views, mut records) = (Views::default(), Vec::new());
    let options = DecodeOptions {
        verify_checksums,
        ..DecodeOptions::default()
    };
    let Ok(mut source) = FileSource::open([path]) else {
        return (records, stage.counters());
    };
    loop {
        match source.next_burst() {
            Ok(Fetch::Frames(burst)) => {
                let frames = Frame(&burst);
                for (index, frame) in burst.frames().enumerate() {
                    if !views.has_room() {
                        tracker.process_watched(&mut views, &mut stage.over(&frames), &mut records);
                        views.clear();
                    }
                    decode(&frame.bytes(index as u16), &options, &mut views);
                }
                tracker.process_watched(&mut views, &mut stage.over(&frames), &mut records);
                views.clear();
            }
            Ok(Fetch::Empty) => {}
            Ok(Fetch::End) | Err(_) => break,
        }
    }
    while tracker.drain_watched(&mut stage.over(&()), &mut records) {}
    assert_eq!((stage.counters().open, stage.counters().held), (0, 0));
    let counters = stage.counters();
    (records, counters)
}

/// The records as lines of Zeek JSON, each with `_path` naming its log.
pub fn json_lines(records: &[Record]) -> Vec<u8> {
    let context = RecordContext::new("sensor", vec!["file".into()]);
    let mut formatter = Formatter::new(Dialect::ZeekJson, TimeFormat::Epoch, true);
    let mut out = Vec::new();
    for record in records {
        formatter.record(&mut out, record, &context);
    }
    out
}
