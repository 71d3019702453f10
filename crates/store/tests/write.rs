//! Records in, Parquet out.

mod common;

use std::time::Duration;

use common::*;
use portreeve_output::Output;
use portreeve_record::{Conn, Record};
use portreeve_store::{Store, StoreConfig};

#[test]
fn a_file_a_day_sorted_by_time() {
    let folder = Folder::new("days");
    let mut store = Store::open(config(&folder.0)).unwrap();
    // Three days, not in order.
    let at = |n: u32| BEGIN + i64::from(n * 7919 % 3000) * (DAY / 1000);
    write(&mut store, (0..3000).map(|n| conn(n, at(n))));
    store.finish();
    assert_eq!(store.counters().written, 3000);
    assert_eq!(store.counters().errors, 0);
    let files = files(&folder.0.join("conn"), ".parquet");
    let days: Vec<String> = files
        .iter()
        .map(|path| {
            path.parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(
        days,
        [
            "date=2023-11-14",
            "date=2023-11-15",
            "date=2023-11-16",
            "date=2023-11-17"
        ]
    );
    let mut all = 0;
    for path in &files {
        let batches = read(path);
        let times = times(&batches);
        assert!(times.is_sorted());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name.starts_with(&format!("{}_{}_", times[0], times[times.len() - 1])),
            "{name}"
        );
        all += times.len();
    }
    assert_eq!(all, 3000);
    assert_eq!(
        sum(&table(&folder.0, "conn"), "orig_bytes"),
        (0..3000).sum::<u64>()
    );
}

#[test]
fn what_is_not_parquet_yet_survives_a_crash() {
    let folder = Folder::new("crash");
    let quick = StoreConfig {
        flush_every: Duration::ZERO,
        ..config(&folder.0)
    };
    let mut store = Store::open(quick.clone()).unwrap();
    for i in 0..5 {
        write(
            &mut store,
            (i * 100..(i + 1) * 100).map(|n| conn(n, BEGIN + i64::from(n))),
        );
        store.flush();
    }
    assert_eq!(store.counters().written, 500);
    // These are in memory only.
    write(&mut store, (500..510).map(|n| conn(n, BEGIN)));
    crash(store);
    assert!(files(&folder.0.join("conn"), ".parquet").is_empty());
    let open = files(&folder.0.join("open"), ".arrows");
    assert_eq!(open.len(), 1, "{open:?}");

    let mut store = Store::open(quick).unwrap();
    write(&mut store, [conn(1000, BEGIN + DAY)]);
    store.finish();
    assert!(files(&folder.0.join("open"), ".arrows").is_empty());
    assert_eq!(rows(&table(&folder.0, "conn")), 501);
}

#[test]
fn segments_become_parquet_when_they_are_full_or_old() {
    let folder = Folder::new("full");
    let small = StoreConfig {
        memory: StoreConfig::LEAST_MEMORY,
        segment_every: Duration::from_millis(300),
        ..config(&folder.0)
    };
    let mut store = Store::open(small).unwrap();
    // A row of conn has more than 250 bytes in memory, a segment 2 MiB: less than 8400 rows.
    write(
        &mut store,
        (0..40_000).map(|n| conn(n, BEGIN + i64::from(n))),
    );
    until(&mut store, "full", |_| {
        files(&folder.0.join("conn"), ".parquet").len() >= 3
    });
    until(&mut store, "old", |store| {
        rows(&table(&folder.0, "conn")) == 40_000 && store.counters().written == 40_000
    });
    store.finish();
    assert_eq!(rows(&table(&folder.0, "conn")), 40_000);
}

#[test]
fn a_clock_that_steps_back_loses_nothing() {
    let folder = Folder::new("clock");
    for (run, ts) in [BEGIN, BEGIN - 10 * DAY, BEGIN + SECOND]
        .into_iter()
        .enumerate()
    {
        let mut store = Store::open(config(&folder.0)).unwrap();
        write(
            &mut store,
            (0..100).map(|n| conn(n + 100 * run as u32, ts - i64::from(n) * SECOND)),
        );
        store.finish();
        assert_eq!(store.counters().written, 100);
    }
    assert_eq!(rows(&table(&folder.0, "conn")), 300);
}

#[test]
fn absurd_times_have_their_place() {
    let folder = Folder::new("absurd");
    let mut store = Store::open(config(&folder.0)).unwrap();
    let days = (0..1000).map(|n| i64::from(n) * 100 * DAY);
    let times: Vec<i64> = days.chain([i64::MIN, i64::MAX, -1]).collect();
    write(
        &mut store,
        times.iter().enumerate().map(|(n, ts)| conn(n as u32, *ts)),
    );
    store.finish();
    assert_eq!(rows(&table(&folder.0, "conn")), times.len());
    assert!(files(&folder.0.join("conn"), ".parquet").len() <= 64);
}

#[test]
fn roll_ups_add_up_to_the_conversations() {
    let folder = Folder::new("rollups");
    let mut store = Store::open(config(&folder.0)).unwrap();
    let context = context();
    let update = |n: u32, ts: i64| Conn {
        duration: Some(10 * SECOND),
        ..conn(n, ts)
    };
    for n in 0..2000 {
        let mut whole = conn(n, BEGIN + i64::from(n) * SECOND);
        if n % 10 == 0 {
            // Two updates, one of them the last, which tells the rest.
            for i in 0..2 {
                let record = Record::ConnUpdate(update(n, whole.ts + i * 10 * SECOND));
                store.write(&record, &context);
            }
            whole.orig.pkts = 10;
            whole.orig.ip_bytes = 1000;
            whole.resp.pkts = 12;
            whole.resp.ip_bytes = 12_000;
            whole.duration = Some(20 * SECOND);
        }
        store.write(&Record::Conn(whole), &context);
    }
    store.finish();
    let conns = table(&folder.0, "conn");
    let bytes = sum(&conns, "orig_ip_bytes") + sum(&conns, "resp_ip_bytes");
    for width in ["rollup_1s", "rollup_1m", "rollup_1h"] {
        let sums = table(&folder.0, width);
        assert_eq!(sum(&sums, "conns"), 2000, "{width}");
        for column in ["orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"] {
            assert_eq!(sum(&sums, column), sum(&conns, column), "{width} {column}");
        }
    }
    for width in ["hosts_1m", "hosts_1h"] {
        let sums = table(&folder.0, width);
        assert_eq!(sum(&sums, "sent_ip_bytes"), bytes, "{width}");
        assert_eq!(sum(&sums, "received_ip_bytes"), bytes, "{width}");
    }
    // Roll-ups are no records: the ledger does not count them.
    assert_eq!(store.counters().written, 2400);
}
