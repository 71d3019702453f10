//! A disk that fills up and gets room again: a tiny tmpfs, in a mount namespace of its own (root only).

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use common::{context, full};
use portreeve_output::{
    Compression, Dialect, DirectoryOutput, DropReason, Output, OutputState, Rotation, TimeFormat,
};
use portreeve_record::Record;

const INSIDE: &str = "PORTREEVE_TEST_SMALL_DISK";

/// Runs the test `name` of this program again, with a folder of 256 KiB.
fn on_a_small_disk(name: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(INSIDE) {
        return Some(path.into());
    }
    let folder = common::Folder::new(&format!("disk-{name}"));
    let script = r#"mount -t tmpfs -o size=256k none "$1" && exec "$2" --exact "$3" --nocapture"#;
    let outcome = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&folder.0)
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, &folder.0)
        .output();
    match outcome {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("1 passed"), "{text}");
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                text.contains("unshare failed") || text.contains("must be superuser"),
                "{}{text}",
                String::from_utf8_lossy(&output.stdout)
            );
            eprintln!("no mount namespace here (not root?): {name} is NOT run");
        }
        Err(error) => eprintln!("no unshare here ({error}): {name} is NOT run"),
    }
    None
}

fn open(folder: &std::path::Path, dialect: Dialect, rotation: Rotation) -> DirectoryOutput {
    DirectoryOutput::open(
        "logs".into(),
        folder.into(),
        rotation,
        dialect,
        TimeFormat::Epoch,
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

fn fill(folder: &std::path::Path) {
    // As much as goes.
    let _ = fs::write(folder.join("ballast"), vec![0; 1 << 20]);
}

#[test]
fn records_are_counted_and_writing_goes_on_when_there_is_room() {
    let Some(folder) =
        on_a_small_disk("records_are_counted_and_writing_goes_on_when_there_is_room")
    else {
        return;
    };
    for dialect in [Dialect::ZeekJson, Dialect::ZeekTsv, Dialect::Eve] {
        let mut output = open(&folder, dialect, Rotation::default());
        let write = |output: &mut DirectoryOutput, count: u64| {
            for _ in 0..count {
                output.write(&Record::Conn(full()), &context());
            }
            output.flush();
        };
        write(&mut output, 10);
        fs::write(folder.join("ballast"), vec![0; 100 << 10]).unwrap();
        write(&mut output, 500);
        let middle = output.counters();
        assert_eq!(output.status().state(), OutputState::Recovering);
        assert!(
            middle.written > 50 && middle.dropped_for(DropReason::WriteError) > 50,
            "{middle:?}"
        );
        assert_eq!(middle.settled(), 510);
        assert!(
            output
                .status()
                .last_error()
                .unwrap()
                .contains("No space left")
        );

        let path = folder.join(format!("{}.{}", dialect.stem("conn"), dialect.extension()));
        assert!(
            fs::read_to_string(&path).unwrap().ends_with('\n'),
            "no half line"
        );
        fs::remove_file(folder.join("ballast")).unwrap();
        write(&mut output, 7);
        assert_eq!(output.status().state(), OutputState::Ok);
        output.finish();
        let counters = output.counters();
        assert_eq!(counters.written, middle.written + 7);
        assert_eq!(counters.settled(), 517);
        let text = fs::read_to_string(&path).unwrap();
        let records = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(records.count() as u64, counters.written);
        fs::remove_file(&path).unwrap();
    }
}

/// The log of alerts is the one that has no more records until the output is sound again.
#[test]
fn a_log_without_further_records_recovers_with_its_disk() {
    let Some(folder) = on_a_small_disk("a_log_without_further_records_recovers_with_its_disk")
    else {
        return;
    };
    let mut output = open(&folder, Dialect::ZeekJson, Rotation::default());
    fill(&folder);
    output.write(&Record::Conn(full()), &context());
    output.flush();
    assert_eq!(output.status().state(), OutputState::Recovering);
    let mut look = || {
        std::thread::sleep(Duration::from_millis(1100));
        output.tick(SystemTime::now());
        output.status().state()
    };
    assert_eq!(look(), OutputState::Recovering);
    fs::remove_file(folder.join("ballast")).unwrap();
    assert_eq!(look(), OutputState::Ok);
    output.finish();
    assert_eq!(output.counters().dropped_for(DropReason::WriteError), 1);
}

#[test]
fn a_disk_that_is_full_from_the_start() {
    let Some(folder) = on_a_small_disk("a_disk_that_is_full_from_the_start") else {
        return;
    };
    let mut output = open(&folder, Dialect::ZeekTsv, Rotation::default());
    fill(&folder);
    output.write(&Record::Conn(full()), &context());
    output.flush();
    assert_eq!(output.counters().dropped_total(), 1);
    fs::remove_file(folder.join("ballast")).unwrap();
    output.write(&Record::Conn(full()), &context());
    output.finish();
    let text = fs::read_to_string(folder.join("conn.log")).unwrap();
    assert_eq!(text.matches("#separator").count(), 1);
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).count(),
        1
    );
}

#[test]
fn compression_without_room_leaves_the_plain_file_and_tries_again() {
    let Some(folder) =
        on_a_small_disk("compression_without_room_leaves_the_plain_file_and_tries_again")
    else {
        return;
    };
    let rotation = Rotation {
        compress: Compression::Gzip,
        ..Rotation::default()
    };
    let names = || {
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("conn") || name.starts_with(".conn"))
            .collect();
        names.sort();
        names
    };
    let mut output = open(&folder, Dialect::ZeekJson, Rotation::default());
    for _ in 0..30 {
        output.write(&Record::Conn(full()), &context());
    }
    output.finish();
    drop(output);
    fill(&folder);
    let mut output = open(&folder, Dialect::ZeekJson, rotation);
    output.finish();
    assert!(output.counters().errors > 0);
    drop(output);
    assert_eq!(names().len(), 1, "{:?}", names());
    assert!(names()[0].ends_with(".log"), "{:?}", names());
    fs::remove_file(folder.join("ballast")).unwrap();
    let mut output = open(&folder, Dialect::ZeekJson, rotation);
    output.finish();
    assert_eq!(output.counters().errors, 0);
    assert_eq!(names().len(), 1);
    assert!(names()[0].ends_with(".log.gz"), "{:?}", names());
}
