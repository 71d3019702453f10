//! A disk that fills up and gets room again: a small tmpfs, in a mount namespace of its own (root only).

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::*;
use portreeve_output::{DropReason, Output, OutputState};
use portreeve_store::{Store, StoreConfig};

const INSIDE: &str = "PORTREEVE_TEST_SMALL_DISK";

/// Runs the test `name` of this program again, with a folder of 64 MiB.
fn on_a_small_disk(name: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(INSIDE) {
        return Some(path.into());
    }
    let folder = Folder::new(&format!("disk-{name}"));
    let script = r#"mount -t tmpfs -o size=64m none "$1" && exec "$2" --exact "$3" --nocapture"#;
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

#[test]
fn records_are_counted_and_all_others_are_there() {
    let Some(folder) = on_a_small_disk("records_are_counted_and_all_others_are_there") else {
        return;
    };
    let mut store = Store::open(StoreConfig {
        flush_every: Duration::ZERO,
        memory: StoreConfig::LEAST_MEMORY,
        rollups: false,
        ..config(&folder)
    })
    .unwrap();
    write(&mut store, (0..100).map(|n| conn(n, BEGIN)));
    store.flush();
    assert_eq!(store.counters().written, 100);
    let ballast = folder.join("ballast");
    let _ = fs::write(&ballast, vec![0; 96 << 20]);
    for i in 0..1200u32 {
        write(&mut store, (0..100).map(|n| conn(100 + i * 100 + n, BEGIN)));
        store.flush();
    }
    until(&mut store, "no error", |store| {
        store.status().state() == OutputState::Recovering
    });
    let middle = store.counters();
    assert!(
        middle.dropped_for(DropReason::WriteError) > 1000,
        "{middle:?}"
    );
    assert!(
        store
            .status()
            .last_error()
            .unwrap()
            .contains("No space left")
    );

    fs::remove_file(&ballast).unwrap();
    until(&mut store, "it does not recover", |store| {
        store.status().state() == OutputState::Ok
    });
    write(&mut store, (0..100).map(|n| conn(500_000 + n, BEGIN)));
    store.finish();
    let end = store.counters();
    assert_eq!(end.settled(), 120_200, "{end:?}");
    assert_eq!(rows(&table(&folder, "conn")) as u64, end.written);
    assert!(end.written > 300);
}
