//! Files in real captures, against what Zeek's and Suricata's own tests expect of them.

mod common;
mod rows;

use std::collections::BTreeSet;
use std::path::Path;

use portreeve_app::Hashes;
use serde_json::Value;

const ALL: Hashes = Hashes {
    md5: true,
    sha1: true,
    sha256: true,
};

fn files(capture: &Path, hashes: Hashes, verify_checksums: bool) -> Vec<Value> {
    let records = common::records_with(capture, hashes, verify_checksums);
    let text = String::from_utf8(common::json_lines(&records)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|row: &Value| row["_path"] == "files")
        .collect()
}

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // Local networks are not configured. The other test is of parts of one file over several connections, which Zeek adds up.
    let but = ["fuid", "local_orig"];
    let without = ["concurrent-range-requests"];
    let same = |field: &str, ours: &str, theirs: &str| match field {
        "analyzers" => ours.is_empty() && theirs == "(empty)",
        "duration" => ours.parse::<f64>() == theirs.parse(),
        _ => false,
    };
    assert_eq!(
        rows::compare_tests(&corpus, "files", &without, &but, same),
        2
    );
    let pcap = corpus.join("zeek/pcap/http__concurrent-range-requests.pcap");
    let parts = files(&pcap, Hashes::default(), true);
    assert_eq!(parts.len(), 3);
    for part in &parts {
        assert_eq!(part["fuid"], parts[0]["fuid"]);
        assert_eq!(part["total_bytes"], 104_857_600);
        assert_eq!(part["timedout"], true);
        assert!(part.get("mime_type").is_none());
    }
    let seen: u64 = parts.iter().filter_map(|p| p["seen_bytes"].as_u64()).sum();
    assert_eq!(seen, 30_003);
}

/// Captures where Suricata tells of a file in a way that we do not: it decompresses, adds parts up, has NFS, or cuts a file off where bytes are missing.
const OTHERWISE: &[&str] = &[
    "tunnels__Teredo",
    "http-brotli-ce",
    "http-range-file",
    "http-range-multiflows",
    "http2-bugfixes",
    "http2-deflate-case",
    "http2-range",
    "nfsv3",
    "tcp-rst-unacked-stream",
];

#[test]
fn sizes_and_hashes_are_suricatas() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("suricata-verify/expected.jsonl")).unwrap();
    let mut checked = 0;
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let (Some(checks), Some(capture)) = (test["checks"].as_array(), test["pcap"].as_str())
        else {
            continue;
        };
        let told = ["sha256", "md5", "size"].map(|field| format!("fileinfo.{field}"));
        let is_of_files = |check: &&Value| {
            let wanted = &check["match"];
            wanted["event_type"] == "fileinfo"
                && check["count"].as_u64() > Some(0)
                && told.iter().any(|field| wanted.get(field).is_some())
        };
        let checks: Vec<_> = checks.iter().filter(is_of_files).collect();
        if checks.is_empty() || OTHERWISE.iter().any(|name| capture.contains(name)) {
            continue;
        }
        let path = corpus.join(capture.replacen('/', "/pcap/", 1));
        let rows = files(&path, ALL, false);
        for check in checks {
            let has = |row: &Value| {
                let pairs = told.iter().zip(["sha256", "md5", "seen_bytes"]);
                let mut pairs = pairs.filter_map(|(theirs, ours)| {
                    check["match"].get(theirs).map(|value| (value, ours))
                });
                pairs.all(|(value, ours)| row[ours] == *value)
            };
            assert!(rows.iter().any(has), "{capture}: {check} {rows:#?}");
            checked += 1;
        }
    }
    assert_eq!(checked, 15);
}

/// Sizes and hashes are of the content as tshark shows it: decompressed, where it is gzip.
#[test]
fn content_of_http_2_is_files() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let folder = corpus.join("suricata-verify/pcap");
    let of = |name: &str| {
        let records = common::records_with(&folder.join(name), ALL, false);
        let text = String::from_utf8(common::json_lines(&records)).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let (files, others): (Vec<Value>, Vec<Value>) =
            rows.partition(|row: &Value| row["_path"] == "files");
        (files, others)
    };
    let (files, others) = of("tests__http2-bugfixes__input.pcap");
    let told: Vec<_> = files
        .iter()
        .map(|row| {
            let text = |field: &str| row[field].as_str().unwrap_or("-").to_owned();
            let size = row["seen_bytes"].as_u64().unwrap();
            (row["is_orig"] == true, size, text("mime_type"), text("md5"))
        })
        .collect();
    let expected = [
        (true, 1284, "text/json", "eb3fca234c6b96d2965ee5cde3df38ec"),
        (false, 331, "text/plain", "96a33c0a63ffe7fd681d419ca495f7d1"),
        (false, 31, "-", "-"),
        (
            false,
            180,
            "image/x-icon",
            "f2a495d85735b9a0ac65deb19c129985",
        ),
        (false, 461, "-", "-"),
    ];
    let expected = expected.map(|(sent, size, kind, md5)| (sent, size, kind.into(), md5.into()));
    assert_eq!(told, expected);
    // Each is named by its request's record, on the side that sent it.
    for file in &files {
        let field = ["resp_fuids", "orig_fuids"][usize::from(file["is_orig"] == true)];
        let named = others.iter().filter(|row| row[field][0] == file["fuid"]);
        assert_eq!(named.count(), 1, "{file}");
    }
    // Behind an upgrade, and compressed.
    let (files, _) = of("tests__bug-5929-02__http2_multiple_headers.pcap");
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["md5"], "dd7fc13ece8deac358cc93617d6ac338");
    // Parts of one file, by turns over HTTP/2, where the request came before the upgrade, and over HTTP/1.1.
    let (files, _) = of("tests__http2-range__http2-range.pcap");
    let told: Vec<_> = files
        .iter()
        .map(|row| (row["seen_bytes"].as_u64().unwrap(), row["fuid"].as_str()))
        .collect();
    let [(11, a), (11, b), (11, c), (11, d), (29, e)] = told[..] else {
        panic!("{files:#?}");
    };
    assert_eq!(b, d);
    assert_eq!(BTreeSet::from([a, b, c, e]).len(), 4);
    for part in &files {
        assert_eq!(part["total_bytes"], 69);
        assert_eq!(part["timedout"], true);
    }
}

#[test]
fn hashing_changes_nothing_else() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    for name in [
        "zeek/pcap/http__multipart.pcap",
        "zeek/pcap/http__100-continue.pcap",
        "zeek/pcap/http__concurrent-range-requests.pcap",
        "zeek/pcap/smb__smb2readwrite.pcap",
        "zeek/pcap/smtp-attachment-msg.pcap",
        "zeek/pcap/smtp__rfc3030-bdat-multipart.pcap",
        "suricata-verify/pcap/tests__bug-4877__input.pcap",
        "suricata-verify/pcap/tests__http2-bugfixes__input.pcap",
        "suricata-verify/pcap/tests__http2-keywords2__input.pcap",
    ] {
        // The end of what is not looked at shows with the end of its stream.
        let mut plain = files(&corpus.join(name), Hashes::default(), false);
        for row in &mut plain {
            row.as_object_mut().unwrap().remove("duration");
        }
        let mut hashed = files(&corpus.join(name), ALL, false);
        for row in &mut hashed {
            let row = row.as_object_mut().unwrap();
            for field in ["duration", "md5", "sha1", "sha256"] {
                row.remove(field);
            }
            row.insert("analyzers".into(), Value::Array(Vec::new()));
        }
        assert!(!plain.is_empty(), "{name}");
        assert_eq!(plain, hashed, "{name}");
    }
}
