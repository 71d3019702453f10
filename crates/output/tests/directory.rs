//! Folders of logs: rotation, compression, retention, and what an earlier run left behind.

mod common;

use std::fs;
use std::io::Read;
use std::time::{Duration, SystemTime};

use common::{Folder, context, full, records};
use portreeve_output::{
    Compression, Dialect, DirectoryOutput, OpenError, Output, Rotation, TimeFormat,
};
use portreeve_record::Record;

fn open(folder: &Folder, dialect: Dialect, rotation: Rotation) -> DirectoryOutput {
    DirectoryOutput::open(
        "logs".into(),
        folder.0.clone(),
        rotation,
        dialect,
        TimeFormat::Epoch,
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

fn write(output: &mut DirectoryOutput, count: usize) {
    for _ in 0..count {
        output.write(&Record::Conn(full()), &context());
    }
}

fn is_rotated(name: &str, ending: &str) -> bool {
    name.strip_prefix("conn.2")
        .and_then(|rest| rest.strip_suffix(ending))
        .is_some()
}

#[test]
fn one_file_a_log_each_with_header_and_close() {
    let folder = Folder::new("one-file");
    let mut output = open(&folder, Dialect::ZeekTsv, Rotation::default());
    for record in records() {
        output.write(&record, &context());
    }
    output.finish();
    assert_eq!(
        folder.names(),
        [
            "capture_loss.log",
            "conn.log",
            "conn_update.log",
            "dns.log",
            "weird.log"
        ]
    );
    let conn = folder.read("conn.log");
    assert!(conn.starts_with("#separator \\x09\n"));
    assert_eq!(conn.lines().filter(|l| !l.starts_with('#')).count(), 2);
    assert!(conn.lines().last().unwrap().starts_with("#close\t20"));
    assert_eq!(output.counters().written, records().len() as u64);
    assert_eq!(output.counters().dropped_total(), 0);
}

#[test]
fn eve_has_all_in_one_file() {
    let folder = Folder::new("eve");
    let mut output = open(&folder, Dialect::Eve, Rotation::default());
    for record in records() {
        output.write(&record, &context());
    }
    output.finish();
    assert_eq!(folder.names(), ["eve.json"]);
    assert_eq!(folder.read("eve.json").lines().count(), records().len());
}

#[test]
fn rotates_on_the_hour() {
    let folder = Folder::new("hour");
    let every = Some(Duration::from_secs(3600));
    let mut output = open(
        &folder,
        Dialect::ZeekTsv,
        Rotation {
            every,
            ..Rotation::default()
        },
    );
    let now = SystemTime::now();
    output.tick(now);
    write(&mut output, 3);
    output.flush();
    output.tick(now);
    assert_eq!(folder.names(), ["conn.log"]);
    output.tick(now + Duration::from_secs(3600));
    let names = folder.names();
    assert!(
        is_rotated(&names[0], ".log") && names.len() == 1,
        "{names:?}"
    );
    assert!(folder.read(&names[0]).contains("\n#close\t"));
    write(&mut output, 1);
    output.finish();
    assert_eq!(folder.names().len(), 2);
    assert_eq!(output.counters().files_rotated, 1);
    assert_eq!(output.counters().written, 4);
}

#[test]
fn size_gives_many_files_whose_records_add_up() {
    for (compress, ending) in [
        (Compression::None, ".log"),
        (Compression::Gzip, ".log.gz"),
        (Compression::Zstd, ".log.zst"),
    ] {
        let folder = Folder::new(&format!("size{}", compress.suffix()));
        let rotation = Rotation {
            size: Some(100_000),
            compress,
            ..Rotation::default()
        };
        let mut output = open(&folder, Dialect::ZeekJson, rotation);
        write(&mut output, 1000);
        output.finish();
        let names = folder.names();
        assert!(names.len() > 5, "{names:?}");
        let mut lines = 0;
        for name in &names {
            assert!(name == "conn.log" || is_rotated(name, ending), "{name}");
            let bytes = fs::read(folder.0.join(name)).unwrap();
            let mut text = String::new();
            if name.ends_with(".gz") {
                flate2::read::GzDecoder::new(&bytes[..])
                    .read_to_string(&mut text)
                    .unwrap();
            } else if name.ends_with(".zst") {
                text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
            } else {
                text = String::from_utf8(bytes).unwrap();
            }
            for line in text.lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
                lines += 1;
            }
        }
        assert_eq!(lines, 1000, "{compress:?}");
        assert_eq!(output.counters().written, 1000);
        assert_eq!(
            output.counters().files_rotated as usize,
            names.len() - usize::from(names.contains(&"conn.log".into()))
        );
    }
}

#[test]
fn retention_by_size_keeps_the_newest() {
    let folder = Folder::new("keep-size");
    let rotation = Rotation {
        size: Some(70_000),
        keep_size: Some(200_000),
        ..Rotation::default()
    };
    let mut output = open(&folder, Dialect::ZeekJson, rotation);
    for number in 0..2000 {
        let mut conn = full();
        conn.orig.missed_bytes = number + 1_000_000;
        output.write(&Record::Conn(conn), &context());
    }
    output.finish();
    let rotated: Vec<String> = folder
        .names()
        .into_iter()
        .filter(|name| name != "conn.log")
        .collect();
    let sizes: u64 = rotated
        .iter()
        .map(|name| fs::metadata(folder.0.join(name)).unwrap().len())
        .sum();
    // Files have 70 000 bytes and up to a buffer of 64 KiB more: of what fits no more than one such file is missing.
    assert!((60_000..=200_000).contains(&sizes), "{sizes}");
    // The record written last is there, whichever names the files got.
    let kept = folder.names().iter().any(|name| {
        let text = fs::read_to_string(folder.0.join(name)).unwrap();
        text.contains(r#""orig_missed_bytes":1001999,"#)
    });
    assert!(kept, "{:?}", folder.names());
    let counters = output.counters();
    assert!(counters.files_removed > 5);
    assert_eq!(counters.written, 2000);
}

#[test]
fn retention_by_age_and_what_a_crash_left() {
    let folder = Folder::new("crash");
    let put = |name: &str, text: &str| fs::write(folder.0.join(name), text).unwrap();
    put("conn.2001-01-01-00-00-00.log", "old\n");
    put("weird.2001-01-01-00-00-00-3.log.gz", "old\n");
    put(".conn.2026-01-01-00-00-00.log.gz.tmp", "half");
    put("conn.log", "{\"a\":1}\n{\"b\":");
    put("notes.2001-01-01-00-00-00.log", "not ours\n");
    put("conn.2001-01-01.log", "not ours\n");
    // A quiet log may have been begun long ago: it is as old as its last record.
    put("dns.2001-01-01-00-00-00.log", "{\"b\":1}\n");
    let aged = |name: &str, hours: u64| {
        let file = fs::File::options().write(true).open(folder.0.join(name));
        let at = SystemTime::now() - Duration::from_secs(hours * 3600);
        file.unwrap().set_modified(at).unwrap();
    };
    aged("conn.2001-01-01-00-00-00.log", 25);
    aged("weird.2001-01-01-00-00-00-3.log.gz", 25);
    aged("dns.2001-01-01-00-00-00.log", 23);
    let rotation = Rotation {
        keep_for: Some(Duration::from_secs(86_400)),
        compress: Compression::Gzip,
        ..Rotation::default()
    };
    let mut output = open(&folder, Dialect::ZeekJson, rotation);
    write(&mut output, 1);
    output.finish();
    let names = folder.names();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(names[0], "conn.2001-01-01.log");
    assert!(is_rotated(&names[1], ".log.gz"), "{names:?}");
    assert_eq!(names[2], "conn.log");
    assert_eq!(names[3], "dns.2001-01-01-00-00-00.log.gz");
    assert_eq!(names[4], "notes.2001-01-01-00-00-00.log");
    // Compressing makes it no younger.
    let dns = fs::metadata(folder.0.join(&names[3])).unwrap();
    assert!(dns.modified().unwrap() < SystemTime::now() - Duration::from_secs(22 * 3600));
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(folder.0.join(&names[1])).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "{\"a\":1}\n", "the half line is gone");
    assert_eq!(output.counters().files_removed, 2);
    assert_eq!(output.counters().errors, 0);
}

#[test]
fn a_file_that_somebody_removes_is_begun_anew() {
    let folder = Folder::new("removed");
    let mut output = open(&folder, Dialect::ZeekTsv, Rotation::default());
    write(&mut output, 2);
    output.flush();
    fs::remove_file(folder.0.join("conn.log")).unwrap();
    // It is looked at once a second.
    std::thread::sleep(Duration::from_millis(1100));
    output.tick(SystemTime::now());
    let told = output.status().take_report();
    assert!(told.is_some_and(|told| told.contains("conn.log: was moved or removed")));
    write(&mut output, 3);
    output.flush();
    let text = folder.read("conn.log");
    assert!(text.starts_with("#separator"), "{text}");
    assert_eq!(text.lines().filter(|l| !l.starts_with('#')).count(), 3);
    assert_eq!(output.counters().errors, 0);
    output.finish();
}

#[test]
fn reopens_what_was_moved_away_and_goes_on_with_what_was_not() {
    let folder = Folder::new("reopen");
    let mut output = open(&folder, Dialect::ZeekTsv, Rotation::default());
    write(&mut output, 2);
    output.flush();
    output.reopen();
    write(&mut output, 1);
    output.flush();
    assert_eq!(folder.read("conn.log").matches("#fields").count(), 1);
    fs::rename(folder.0.join("conn.log"), folder.0.join("moved")).unwrap();
    write(&mut output, 1);
    output.reopen();
    write(&mut output, 5);
    output.finish();
    let records = |name: &str| {
        let text = folder.read(name);
        text.lines().filter(|l| !l.starts_with('#')).count()
    };
    assert_eq!((records("moved"), records("conn.log")), (4, 5));
    assert_eq!(output.counters().written, 9);
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let folder = Folder::new("lock");
    let first = open(&folder, Dialect::ZeekJson, Rotation::default());
    let again = || {
        DirectoryOutput::open(
            "b".into(),
            folder.0.clone(),
            Rotation::default(),
            Dialect::ZeekJson,
            TimeFormat::Epoch,
        )
    };
    assert!(matches!(again(), Err(OpenError::InUse(_))));
    drop(first);
    assert!(again().is_ok());
}

#[test]
fn a_folder_that_cannot_be_is_an_error_that_names_it() {
    let folder = Folder::new("file");
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    let error = DirectoryOutput::open(
        "b".into(),
        file.clone(),
        Rotation::default(),
        Dialect::ZeekJson,
        TimeFormat::Epoch,
    )
    .err()
    .unwrap();
    assert!(
        error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );
}
