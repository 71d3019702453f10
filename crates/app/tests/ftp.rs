//! FTP in real captures, against Zeek's rows.

mod common;
mod rows;

use std::path::Path;
use std::sync::Arc;

use portreeve_facts::{Config, Knowledge, Live};
use portreeve_record::app::files::{FTP_DATA, Files};
use portreeve_record::{App, Fate, Joiner, Record};

/// The records of the log `files`, as the output side joins them.
fn files(capture: &Path) -> Vec<Files> {
    let mut knowledge = Knowledge::new(&Config::default(), Arc::<Live>::default());
    let (mut written, mut made) = (Vec::new(), Vec::new());
    for record in common::records_of(capture) {
        if knowledge.join(&record, &mut made) == Fate::Write {
            written.push(record);
        }
        written.append(&mut made);
    }
    knowledge.finish(&mut written);
    let files = written.into_iter().filter_map(|record| match record {
        Record::App(App::Files(file)) => Some(*file),
        _ => None,
    });
    files.collect()
}

/// Sizes and media types of what FTP carried, by time.
fn of_ftp(capture: &Path) -> Vec<(u64, Option<&'static str>)> {
    let mut files = files(capture);
    files.sort_by_key(|file| file.head.ts);
    assert!(
        files.iter().all(|file| file.source == FTP_DATA),
        "{files:#?}"
    );
    files
        .iter()
        .map(|file| (file.seen_bytes, file.mime_type))
        .collect()
}

/// Passive and active, IPv4 and IPv6, none from port 20 alone: sizes are those of the segments' payload that tshark shows.
#[test]
fn data_comes_over_any_port() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let text = Some("text/plain");
    assert_eq!(
        of_ftp(&corpus.join("zeek/pcap/ftp__ipv4.pcap")),
        [(342, text), (77, text), (342, text), (77, text)]
    );
    let folder = corpus.join("suricata-verify/pcap");
    let both_ways: [u64; 14] = [
        39, 39, 44, 44, 44, 44, 83, 83, 253, 329, 693, 833, 879, 1054,
    ];
    let both_ways_v6: [u64; 14] = [
        39, 39, 44, 44, 44, 44, 83, 83, 848, 888, 2113, 2208, 2511, 2623,
    ];
    for (capture, sizes) in [
        ("tests__ftp__ftp-download-passive__input", &[25, 25, 39][..]),
        ("tests__ftp__ftp-upload-passive__input", &[25, 25, 39]),
        ("tests__ftp__ftp-download-active__input", &[25, 25, 39]),
        (
            "tests__firewall__ruletype-firewall-116-ftp-all-data-ipv4__input",
            &both_ways,
        ),
        (
            "tests__firewall__ruletype-firewall-117-ftp-all-data-ipv6__input",
            &both_ways_v6,
        ),
    ] {
        let files = of_ftp(&folder.join(format!("{capture}.pcap")));
        let mut told: Vec<u64> = files.iter().map(|(size, _)| *size).collect();
        told.sort_unstable();
        assert_eq!(told, sizes, "{capture}");
    }
}

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let also = |field: &str, _: &str, _: &str| ["fuid", "mime_type"].contains(&field);
    // These tests set other limits, or log another command.
    let without = [
        "ftp-max-arg-length",
        "ftp-max-user-length",
        "ftp.bruteforce",
    ];
    assert_eq!(rows::compare_tests(&corpus, "ftp", &without, &[], also), 6);
}
