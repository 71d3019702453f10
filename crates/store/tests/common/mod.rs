//! Stores that tests write and read.
#![allow(dead_code)]

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{TimestampNanosecondType, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use portreeve_output::Output;
use portreeve_record::{Conn, ConnState, Record, RecordContext, Uid};
use portreeve_store::{Retention, Store, StoreConfig};

pub const SECOND: i64 = 1_000_000_000;
pub const DAY: i64 = 86_400 * SECOND;
/// 2023-11-14 22:13:20 UTC.
pub const BEGIN: i64 = 1_700_000_000 * SECOND;

/// A folder that is gone at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("portreeve-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn context() -> RecordContext {
    RecordContext::new("sensor-1", vec!["eth0".into()])
}

/// The `n`th conversation.
pub fn conn(n: u32, ts: i64) -> Conn {
    let mut conn = Conn {
        ts,
        uid: Uid([7, 8, n]),
        orig_h: IpAddr::from([10, 0, (n >> 8) as u8, n as u8]),
        orig_p: 40_000 + (n % 20_000) as u16,
        resp_h: IpAddr::from([192, 0, 2, (n % 7) as u8]),
        resp_p: 443,
        ip_proto: 6,
        service: Some("ssl"),
        duration: Some(i64::from(n % 100) * SECOND / 10),
        conn_state: ConnState::SF,
        ..Conn::default()
    };
    (conn.orig.pkts, conn.orig.ip_bytes, conn.orig.bytes) = (5, 500, Some(u64::from(n)));
    (conn.resp.pkts, conn.resp.ip_bytes, conn.resp.bytes) = (6, 6000, Some(5000));
    conn
}

pub fn config(folder: &Path) -> StoreConfig {
    StoreConfig {
        retention: Retention::default(),
        ..StoreConfig::new(folder.to_owned())
    }
}

pub fn write(store: &mut Store, conns: impl IntoIterator<Item = Conn>) {
    let context = context();
    for conn in conns {
        store.write(&Record::Conn(conn), &context);
    }
}

/// Ticks until `done`, as the output's thread would.
pub fn until(store: &mut Store, what: &str, mut done: impl FnMut(&mut Store) -> bool) {
    let begun = Instant::now();
    while !done(store) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
        store.tick(SystemTime::now());
    }
}

/// Files below the folder with that ending, by name.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn read(path: &Path) -> Vec<RecordBatch> {
    let file = fs::File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// The rows of a table's Parquet files.
pub fn table(folder: &Path, name: &str) -> Vec<RecordBatch> {
    files(&folder.join(name), ".parquet")
        .iter()
        .flat_map(|path| read(path))
        .collect()
}

pub fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

pub fn sum(batches: &[RecordBatch], column: &str) -> u64 {
    batches
        .iter()
        .flat_map(|batch| {
            let column = batch.column_by_name(column).unwrap();
            let numbers = column.as_primitive::<UInt64Type>();
            numbers.iter().flatten().collect::<Vec<_>>()
        })
        .sum()
}

pub fn times(batches: &[RecordBatch]) -> Vec<i64> {
    batches
        .iter()
        .flat_map(|batch| {
            let ts = batch.column_by_name("ts").unwrap();
            ts.as_primitive::<TimestampNanosecondType>()
                .values()
                .to_vec()
        })
        .collect()
}

/// Ends a store as a crash does: nothing that is in memory is written.
pub fn crash(store: Store) {
    drop(store);
}
