//! SSH in real captures, against what other tools found in them.

mod common;
mod rows;

use std::collections::BTreeSet;
use std::path::Path;

use portreeve_app::testing::timeless;
use portreeve_record::{App, Head, Record};
use serde_json::Value;

type Items = BTreeSet<(String, String)>;

/// The kinds of truth there are for SSH.
const KINDS: [&str; 3] = ["hassh", "hasshserver", "ssh_banner"];

/// A flow as the truth names it: its ends, sorted.
fn flow(head: &Head) -> String {
    let mut ends = [
        (head.orig_h.to_string(), head.orig_p),
        (head.resp_h.to_string(), head.resp_p),
    ];
    ends.sort();
    let [(low, low_p), (high, high_p)] = ends;
    format!("tcp {low} {low_p} {high} {high_p}")
}

/// What we found, in the order of `KINDS`; of banners what stands before the comment.
fn found(records: &[Record]) -> [Items; 3] {
    let mut items: [Items; 3] = Default::default();
    for record in records {
        let Record::App(App::Ssh(ssh)) = record else {
            continue;
        };
        let all = [
            (0, &ssh.hassh),
            (1, &ssh.hasshserver),
            (2, &ssh.client),
            (2, &ssh.server),
        ];
        for (kind, text) in all {
            if let Some(text) = text {
                let text = text.split(' ').next().unwrap_or_default();
                items[kind].insert((flow(&ssh.head), text.to_owned()));
            }
        }
    }
    items
}

/// What at least `tools` other tools found.
fn truth(all: &Value, kind: &str, tools: usize) -> Items {
    let items = all[kind].as_array().unwrap();
    let enough = items
        .iter()
        .filter(|item| item["src"].as_array().unwrap().len() >= tools);
    let text = |item: &Value, at: usize| item["key"][at].as_str().unwrap().to_owned();
    enough.map(|item| (text(item, 0), text(item, 1))).collect()
}

/// The other tools looked into packets with wrong checksums too; we do not.
fn checksums_are_right(records: &[Record]) -> bool {
    !records
        .iter()
        .any(|record| timeless(record).contains("bad_TCP_checksum"))
}

#[test]
fn fingerprints_and_banners_agree_with_other_tools() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let (mut required, mut hit, mut captures) = ([0; 3], [0; 3], 0);
    let mut wrong = Vec::new();
    for set in std::fs::read_dir(corpus.join("truth/consensus")).unwrap() {
        let set = set.unwrap();
        for file in std::fs::read_dir(set.path()).unwrap() {
            let file = file.unwrap();
            let truths: Value =
                serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
            if KINDS
                .iter()
                .all(|kind| truths[kind].as_array().is_none_or(Vec::is_empty))
            {
                continue;
            }
            let name = file.file_name().into_string().unwrap();
            let capture = Path::new(&set.file_name())
                .join("pcap")
                .join(name.trim_end_matches(".json"));
            let records = common::records_of(&corpus.join(&capture));
            if !checksums_are_right(&records) {
                continue;
            }
            captures += 1;
            for (at, ours) in found(&records).iter().enumerate() {
                let needed = truth(&truths, KINDS[at], 2);
                required[at] += needed.len();
                hit[at] += needed.intersection(ours).count();
                let any = truth(&truths, KINDS[at], 1);
                // The one flow whose bytes no other tool read as SSH is a server on port 8000.
                let extra = ours
                    .difference(&any)
                    .filter(|(flow, _)| !flow.contains(" 8000 "));
                wrong.extend(extra.map(|item| (capture.clone(), item.clone())));
            }
        }
    }
    eprintln!("{captures} captures: {hit:?} of {required:?}");
    assert!(captures >= 20);
    assert_eq!(hit, required);
    assert!(wrong.len() * 100 <= hit.iter().sum::<usize>(), "{wrong:?}");
}

#[test]
fn zeeks_own_rows() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // Local networks are Zeek's default there; and Zeek cuts the fingerprint.
    let compared = rows::compare(&corpus, "ssh", &["direction"], |field, ours, theirs| {
        field == "host_key_fingerprint" && theirs != "-" && ours.starts_with(theirs)
    });
    assert_eq!(compared, 22);
}
