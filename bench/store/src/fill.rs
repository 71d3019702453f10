//! How fast records get into a store, and how large they are there.

use std::path::Path;
use std::time::{Instant, SystemTime};

use nix::sys::resource::{UsageWho, getrusage};
use portreeve_output::Output;
use portreeve_record::{Record, RecordContext};
use portreeve_store::{Catalog, Store, StoreConfig};

use crate::flows::Flows;

/// Records between two looks at the clock, as a burst of the output's ring.
const BURST: u64 = 1024;

/// Seconds of processor that this process has had.
fn cpu() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return 0.0;
    };
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// The most memory that this process has had, bytes.
fn peak() -> u64 {
    let kibibytes = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss());
    kibibytes.unsigned_abs() * 1024
}

/// Writes so many flows, which begin within so many seconds, and says how that went.
pub(crate) fn fill(folder: &Path, count: u64, seconds: u64) -> Result<String, String> {
    let mut config = StoreConfig::new(folder.to_owned());
    config.retention.keep_for = None;
    let budget = config.memory;
    let mut store = Store::open(config).map_err(|error| error.to_string())?;
    let context = RecordContext::new("bench".to_owned(), vec!["made-up".to_owned()]);
    // What making them up costs is not the store's.
    let mut flows = Flows::new(count, seconds);
    let began = cpu();
    for _ in 0..count.min(1_000_000) {
        std::hint::black_box(flows.next());
    }
    let making = (cpu() - began) / count.clamp(1, 1_000_000) as f64;
    let mut flows = Flows::new(count, seconds);
    let (clock, began) = (Instant::now(), cpu());
    let mut left = count;
    while left > 0 {
        for _ in 0..left.min(BURST) {
            store.write(&Record::Conn(flows.next()), &context);
        }
        left = left.saturating_sub(BURST);
        store.tick(SystemTime::now());
        store.flush();
    }
    store.finish();
    let (wall, used) = (
        clock.elapsed().as_secs_f64(),
        cpu() - began - making * count as f64,
    );
    let counters = store.counters();
    let dropped = counters.dropped_total();
    drop(store);
    let files = Catalog::open(folder)
        .and_then(|catalog| catalog.list_table("conn"))
        .map_err(|error| error.to_string())?;
    let bytes: u64 = files.parquet.iter().map(|file| file.bytes).sum();
    let count = count as f64;
    Ok(format!(
        "{count:.0} conn records of {seconds} s: {:.0} records/s on the clock, {:.0} records/s of one core ({:.2} us each, making them up not counted), {:.1} bytes each in {} files, {dropped} lost; at most {} MiB of memory, the whole process (store.memory is {} MiB)",
        count / wall,
        count / used,
        used / count * 1e6,
        bytes as f64 / count,
        files.parquet.len(),
        peak() >> 20,
        budget >> 20,
    ))
}
