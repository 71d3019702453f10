//! A store's memory stays within its budget, whatever comes in.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use common::*;
use portreeve_output::Output;
use portreeve_record::app::Head;
use portreeve_record::app::http::Http;
use portreeve_record::{App, Conn, Record, Uid};
use portreeve_store::{Store, StoreConfig};

/// The system's allocator; it counts what is taken and was not given back.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    let now = NOW.fetch_add(bytes, Relaxed) + bytes;
    MOST.fetch_max(now, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;

/// What fills every part of a store: conversations of addresses that are hardly ever the same, some long; updates of others; long texts.
fn record(n: u32) -> Record {
    // By a full period generator: no two alike.
    let mixed = n.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let ts = BEGIN + i64::from(n) * (SECOND / 2000);
    let mut conn = Conn {
        uid: Uid([mixed, 8, n]),
        orig_h: IpAddr::from(mixed.to_be_bytes()),
        resp_h: IpAddr::V6(Ipv6Addr::from(u128::from(mixed) << 64 | u128::from(n))),
        ..conn(n, ts)
    };
    match n % 32 {
        0 | 8 | 16 | 24 => {
            let head = Head {
                ts,
                uid: conn.uid,
                orig_h: conn.orig_h,
                resp_h: conn.resp_h,
                ..Head::default()
            };
            Record::App(App::from(Http {
                head,
                uri: Some(format!("/{mixed:0200}").into()),
                host: Some(format!("{mixed}.example").into()),
                ..Http::default()
            }))
        }
        1 | 9 | 17 | 25 => Record::ConnUpdate(conn),
        2 => {
            // Of hours.
            conn.duration = Some(i64::from(mixed % 20_000) * SECOND);
            Record::Conn(conn)
        }
        _ => Record::Conn(conn),
    }
}

#[test]
fn a_store_takes_no_more_than_its_budget() {
    const BUDGET: usize = 64 * MIB;
    let folder = Folder::new("memory");
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let mut store = Store::open(StoreConfig {
        memory: BUDGET as u64,
        ..config(&folder.0)
    })
    .unwrap();
    let context = context();
    // Until files of the first seconds have been merged, which is looked for every ten, and a little longer.
    let begun = Instant::now();
    let mut records = 0;
    let mut merged_at = None;
    while merged_at.is_none_or(|at: Instant| at.elapsed() < Duration::from_secs(2)) {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing merged");
        for _ in 0..4096 {
            store.write(&record(records), &context);
            records += 1;
        }
        store.tick(SystemTime::now());
        if merged_at.is_none() && has_merged(&folder.0) {
            merged_at = Some(Instant::now());
        }
    }
    store.finish();
    assert_eq!(store.counters().written, u64::from(records));
    let most = MOST.load(Relaxed) - before;
    eprintln!("{records} records: at most {} MiB", most / MIB);
    assert!(most <= BUDGET, "{} MiB", most / MIB);
}

/// Whether there is a file that was made of several segments: its name has FIRST-LAST.
fn has_merged(folder: &Path) -> bool {
    files(folder, ".parquet").into_iter().any(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let segments = name.split('_').nth(2).and_then(|name| name.split_once('-'));
        segments.is_some_and(|(first, last)| first != last)
    })
}
