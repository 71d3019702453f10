//! Under load a worker takes no lock, allocates nothing and makes no system call: seen from outside, by strace and by an allocator that counts.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What a worker may ask of the system in one second: nothing for packets, but for the counters of its sources ten times, and what a signal or
/// a debugger may cause.
const CALLS_A_SECOND: f64 = 20.0;

/// What `portreeve-busy` printed.
#[derive(Default)]
struct Seen {
    /// Thread, allocations.
    workers: Vec<(String, u64)>,
    begin: f64,
    end: f64,
    frames: u64,
    records: u64,
}

fn read(text: &str) -> Seen {
    let mut seen = Seen::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["worker", thread, count] => {
                let count = count.parse().expect("a number");
                seen.workers.push(((*thread).to_owned(), count));
            }
            ["records", count] => seen.records = count.parse().expect("a number"),
            ["window", begin, end, frames] => {
                seen.begin = begin.parse().expect("a time");
                seen.end = end.parse().expect("a time");
                seen.frames = frames.parse().expect("a number");
            }
            _ => {}
        }
    }
    seen
}

/// The system calls of one thread in the window, by name.
fn calls(trace: &Path, seen: &Seen) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(trace).expect("strace wrote a file for each thread");
    let mut calls = BTreeMap::new();
    for line in text.lines() {
        let Some((time, call)) = line.split_once(' ') else {
            continue;
        };
        let Ok(time) = time.parse::<f64>() else {
            continue;
        };
        // The clocks of the two programs are the same one; a little is left out at both ends.
        if time > seen.begin + 0.05 && time < seen.end - 0.05 {
            let name = call.split(['(', ' ']).next().unwrap_or(call);
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

fn look(mode: &str, workers: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let prefix = folder.path().join("trace");
    let output = Command::new("strace")
        .args(["-ff", "-qq", "-ttt", "-o"])
        .arg(&prefix)
        .arg(env!("CARGO_BIN_EXE_portreeve-busy"))
        .args([mode, workers, "3"])
        .output()
        .expect("strace is installed: scripts/setup test");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let seen = read(&String::from_utf8_lossy(&output.stdout));
    let what = format!("{mode} mode, {workers} workers, {} frames", seen.frames);
    assert_eq!(seen.workers.len().to_string(), workers, "{what}");
    // Load enough that anything done for each packet, burst or record would show.
    assert!(seen.frames > 20_000 && seen.records > 1000, "{what}");
    for (thread, allocations) in &seen.workers {
        assert_eq!(*allocations, 0, "{what}: allocations of a worker");
        let mut trace = prefix.clone().into_os_string();
        trace.push(format!(".{thread}"));
        let calls = calls(Path::new(&trace), &seen);
        let sum: u64 = calls.values().sum();
        assert!(!calls.contains_key("futex"), "{what}: a lock: {calls:?}");
        assert!(
            (sum as f64) <= CALLS_A_SECOND * (seen.end - seen.begin),
            "{what}: {calls:?}"
        );
    }
}

#[test]
fn a_polling_worker_under_load_asks_the_system_for_nothing() {
    look("poll", "1");
}

#[test]
fn nor_does_one_that_may_sleep() {
    look("interrupt", "1");
}

#[test]
fn nor_do_two_that_hand_frames_to_each_other() {
    look("poll", "2");
}
