//! Files in real captures, against Zeek's rows.

mod common;
mod rows;

use portreeve_app::Hashes;
use serde_json::Value;

const ALL: Hashes = Hashes {
    md5: true,
    sha1: true,
    sha256: true,
};

#[test]
fn suri() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let expected = std::fs::read_to_string(corpus.join("suricata-verify/expected.jsonl")).unwrap();
    let (mut wanted, mut found) = (0, 0);
    for line in expected.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let (Some(checks), Some(capture)) = (test["checks"].as_array(), test["pcap"].as_str())
        else {
            continue;
        };
        let checks: Vec<_> = checks
            .iter()
            .filter(|c| c["match"]["event_type"] == "fileinfo" && c["count"].as_u64() > Some(0))
            .collect();
        if checks.is_empty() {
            continue;
        }
        let path = corpus.join(capture.replacen('/', "/pcap/", 1));
        let records = common::records_with(&path, ALL, false);
        let text = String::from_utf8(common::json_lines(&records)).unwrap();
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|row: &Value| row["_path"] == "files")
            .collect();
        for check in checks {
            let check = &check["match"];
            for (theirs, ours) in [
                ("fileinfo.sha256", "sha256"),
                ("fileinfo.md5", "md5"),
                ("fileinfo.size", "seen_bytes"),
            ] {
                let Some(value) = check.get(theirs) else {
                    continue;
                };
                wanted += 1;
                if rows.iter().any(|row| row[ours] == *value) {
                    found += 1;
                } else {
                    let brief: Vec<String> = rows
                        .iter()
                        .map(|r| {
                            format!(
                                "{} {} {} {} {}",
                                r["source"],
                                r["seen_bytes"],
                                r["total_bytes"],
                                r["missing_bytes"],
                                r["filename"]
                            )
                        })
                        .collect();
                    eprintln!(
                        "{} {capture}: {theirs} {value} {} / {brief:?}",
                        test["test"], check["fileinfo.filename"]
                    );
                }
            }
        }
    }
    eprintln!("{found} of {wanted}");
}
