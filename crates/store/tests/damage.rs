//! Files that are not what they should be, and folders that are somebody else's.

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use common::*;
use portreeve_output::Output;
use portreeve_store::{Store, StoreConfig, StoreError};

/// A store that was left open by a crash, with 300 rows in its open segment.
fn left_open(folder: &Folder) -> std::path::PathBuf {
    let mut store = Store::open(StoreConfig {
        flush_every: Duration::ZERO,
        ..config(&folder.0)
    })
    .unwrap();
    for i in 0..3 {
        write(
            &mut store,
            (i * 100..(i + 1) * 100).map(|n| conn(n, BEGIN + i64::from(n))),
        );
        store.flush();
    }
    crash(store);
    files(&folder.0.join("open"), ".arrows").remove(0)
}

fn again(folder: &Folder) -> Store {
    let mut store = Store::open(config(&folder.0)).unwrap();
    store.finish();
    store
}

#[test]
fn two_instances_do_not_share_a_store() {
    let folder = Folder::new("two");
    let first = Store::open(config(&folder.0)).unwrap();
    let Err(error) = Store::open(config(&folder.0)) else {
        panic!("two instances write into one store");
    };
    assert!(
        matches!(error, StoreError::Locked { by, .. } if by == Some(std::process::id())),
        "{error}"
    );
    drop(first);
    assert!(Store::open(config(&folder.0)).is_ok());
}

#[test]
fn a_torn_end_costs_what_was_torn() {
    let folder = Folder::new("torn");
    let open = left_open(&folder);
    let len = fs::metadata(&open).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(&open)
        .unwrap()
        .set_len(len - 10)
        .unwrap();
    let store = again(&folder);
    assert_eq!(store.counters().errors, 0);
    assert_eq!(rows(&table(&folder.0, "conn")), 200);
    assert!(files(&folder.0.join("open"), "").is_empty());
}

#[test]
fn a_damaged_segment_gives_what_can_be_read_and_is_kept_aside() {
    let folder = Folder::new("nonsense");
    let open = left_open(&folder);
    OpenOptions::new()
        .append(true)
        .open(&open)
        .unwrap()
        .write_all(&[0x55; 100])
        .unwrap();
    let store = again(&folder);
    assert_eq!(rows(&table(&folder.0, "conn")), 300);
    assert_eq!(store.counters().errors, 1);
    assert!(store.status().last_error().unwrap().contains("damaged"));
    assert_eq!(files(&folder.0.join("damaged"), ".arrows").len(), 1);
}

#[test]
fn a_segment_of_nothing_but_nonsense_stands_in_nobody_s_way() {
    let folder = Folder::new("nothing");
    let open = left_open(&folder);
    fs::write(&open, [0x55; 1000]).unwrap();
    let store = again(&folder);
    assert_eq!(rows(&table(&folder.0, "conn")), 0);
    assert_eq!(store.counters().errors, 1);
    assert_eq!(files(&folder.0.join("damaged"), ".arrows").len(), 1);
    assert!(files(&folder.0.join("open"), "").is_empty());
}

#[test]
fn a_damaged_parquet_file_is_set_aside() {
    let folder = Folder::new("parquet");
    for i in 0..2 {
        let mut store = Store::open(config(&folder.0)).unwrap();
        write(&mut store, (0..100).map(|n| conn(n, BEGIN + i * SECOND)));
        store.finish();
    }
    let all = files(&folder.0.join("conn"), ".parquet");
    let len = fs::metadata(&all[0]).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(&all[0])
        .unwrap()
        .set_len(len / 2)
        .unwrap();
    let store = Store::open(config(&folder.0)).unwrap();
    assert_eq!(store.notes().len(), 1);
    assert!(store.notes()[0].contains("damaged"), "{:?}", store.notes());
    assert_eq!(rows(&table(&folder.0, "conn")), 100);
    assert_eq!(files(&folder.0.join("damaged"), ".parquet").len(), 1);
}

#[test]
fn what_a_run_left_half_done_is_tidied_up() {
    let folder = Folder::new("tidy");
    left_open(&folder);
    fs::write(folder.0.join("tmp/conn-0000000009-0"), "half a file").unwrap();
    again(&folder);
    assert!(files(&folder.0.join("tmp"), "").is_empty());
    assert_eq!(rows(&table(&folder.0, "conn")), 300);
    // The numbers of segments go on: none has two.
    let mut store = Store::open(config(&folder.0)).unwrap();
    write(&mut store, [conn(1, BEGIN)]);
    store.finish();
    assert_eq!(rows(&table(&folder.0, "conn")), 301);
}
