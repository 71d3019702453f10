//! The store, by the whole program: filled from captures and live, its files opened by other tools.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use portreeve_netlab::{Lab, Packet as Frame, Sender, may_run_privileged};
use portreeve_tests::binary::Run;
use portreeve_tests::conn::Line;
use portreeve_tests::packets::{ethernet, ip, protocol, udp, v4};
use portreeve_tests::pcap::{ETHERNET, Form, MS, Packet, START, file, packet};
use portreeve_tests::python::python;
use serde_json::Value;

/// A capture of 300 conversations over four days: each a question and an answer.
fn capture(folder: &Path) -> PathBuf {
    let mut packets: Vec<Packet> = Vec::new();
    for n in 0..300u16 {
        let (client, server) = ((v4((n % 40) as u8 + 1), 10_000 + n), (v4(200), 9));
        let time = START + i64::from(n) * 1_100_000 * MS;
        for (from, to, size, after) in [(client, server, 30, 0), (server, client, 300, 20)] {
            let payload = vec![b'x'; size + usize::from(n)];
            let frame = ethernet(
                &[],
                &ip(from.0, to.0, protocol::UDP, &udp(from, to, &payload)),
            );
            packets.push(packet(time + after * MS, frame));
        }
    }
    let path = folder.join("made.pcap");
    std::fs::write(&path, file(Form::NanoLittle, ETHERNET, &packets)).unwrap();
    path
}

/// What other tools find in a store.
fn found(store: &Path, what: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/store/readers.py");
    let output = Command::new(python())
        .arg(script)
        .arg(store)
        .arg(what)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rows(store: &Path, table: &str) -> u64 {
    found(store, "rows")[table].as_u64().unwrap_or(0)
}

fn store_of(folder: &Path) -> (PathBuf, String) {
    let store = folder.join("store");
    let set = format!("store.path={}", store.display());
    (store, set)
}

/// Fills a store from a capture; the records that the same capture gives on standard output.
fn fill(capture: &Path, set: &str) -> Vec<Line> {
    let output = Run::file(capture).args(["--set", set]).output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("records for store"),
        "{}",
        output.stderr
    );
    output.records()
}

#[test]
fn every_record_of_a_capture_is_in_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let (store, set) = store_of(folder.path());
    let records = fill(&capture(folder.path()), &set);
    let mut logs: BTreeMap<&str, u64> = BTreeMap::new();
    for record in &records {
        *logs.entry(record.path()).or_default() += 1;
    }
    assert_eq!(logs["conn"], 300);
    let tables = found(&store, "rows");
    for (log, records) in &logs {
        assert_eq!(tables[log].as_u64(), Some(*records), "{log}");
    }
    let sum = |field: &str| -> u64 {
        let conns = records.iter().filter(|line| line.path() == "conn");
        conns.map(|line| line.count(field)).sum()
    };
    let whole = serde_json::json!([300, sum("orig_ip_bytes"), sum("resp_ip_bytes")]);
    let sums = found(&store, "sums");
    for table in ["conn", "rollup_1s", "rollup_1m", "rollup_1h"] {
        assert_eq!(sums[table], whole, "{table}");
    }
}

#[test]
fn duckdb_and_pandas_open_the_files_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (store, set) = store_of(folder.path());
    let records = fill(&capture(folder.path()), &set);
    let conns: Vec<&Line> = records
        .iter()
        .filter(|line| line.path() == "conn")
        .collect();
    let sent: u64 = conns.iter().map(|line| line.count("orig_ip_bytes")).sum();
    let hosts: BTreeSet<String> = conns.iter().map(|line| line.zeek("id.orig_h")).collect();
    let found = found(&store, "files");
    for reader in ["duckdb", "pandas"] {
        let theirs = &found[reader];
        assert_eq!(theirs["rows"], 300, "{found}");
        assert_eq!(theirs["sent"], sent, "{found}");
        assert_eq!(theirs["hosts"], hosts.len(), "{found}");
        assert_eq!(theirs["first"], START, "{found}");
        // 20 milliseconds each.
        assert_eq!(theirs["seconds"], 6.0, "{found}");
        assert_eq!(theirs["days"], 4, "{found}");
        assert_eq!(
            (&theirs["text"], &theirs["time"]),
            (&true.into(), &true.into()),
            "{found}"
        );
    }
}

#[test]
fn a_second_instance_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, set) = store_of(folder.path());
    let capture = capture(folder.path());
    fill(&capture, &set);
    // Another that holds the lock, as an instance does.
    let flock = |arguments: &[&str]| {
        let mut flock = Command::new("flock");
        flock
            .args(["--nonblock", "--no-fork"])
            .arg(store.join("lock"))
            .args(arguments);
        flock
    };
    let mut holder = Command::new("flock")
        .arg("--no-fork")
        .arg(store.join("lock"))
        .args(["sleep", "60"])
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while flock(&["true"]).status().unwrap().success() {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    let output = Run::file(&capture).args(["--set", &set]).output();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(output.code(), 1);
    assert!(
        output.stderr.contains("another instance"),
        "{}",
        output.stderr
    );
    assert_eq!(rows(&store, "conn"), 300);
}

#[test]
fn kill_9_costs_no_more_than_the_last_second() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let (store, set) = store_of(folder.path());
    lab.run(|| {
        for round in 1..=2u64 {
            let mut run = Run::interface(Lab::RX)
                .args(["--set", "flow.udp_idle=1s", "--set", &set])
                .start();
            run.wait_until_open();
            let frames: Vec<Vec<u8>> = (0..500)
                .map(|n| Frame::udp4([10, 0, 0, 1], [10, 0, 0, 2], 10_000 + n, 2000).build(100))
                .collect();
            Sender::open(Lab::TX).send(&frames, 500);
            // What is on disk while it runs is what survives.
            let begun = Instant::now();
            while rows(&store, "conn") < 500 * round {
                assert!(begun.elapsed() < Duration::from_secs(60), "{}", run.said());
            }
            run.signal("KILL");
            let _ = run.wait();
            assert_eq!(rows(&store, "conn"), 500 * round);
        }
    });
    // The next run makes Parquet of what was left open.
    fill(&capture(folder.path()), &set);
    assert_eq!(rows(&store, "conn"), 1300);
    assert_eq!(std::fs::read_dir(store.join("open")).unwrap().count(), 0);
}
