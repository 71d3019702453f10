//! How fast records get from a worker's ring into a store, and how large they are there.
//!
//! As in a run: one thread makes records and puts them into a ring, the output's own thread takes them out and has the store write them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use portreeve_output::spawn;
use portreeve_record::{Record, RecordContext, RecordFeed};
use portreeve_store::{Catalog, Store, StoreConfig};
use rtrb::{Consumer, RingBuffer};

use crate::flows::Flows;

/// Records of the ring, as the engine has it.
const RING: usize = 8192;
/// Records that are taken from it between two looks at the clock, as the engine's feeds do.
const TURN: usize = 256;
/// How long either end waits for the other.
const PAUSE: Duration = Duration::from_millis(1);

/// The reading end of the ring.
struct Feed(Consumer<Record>);

impl RecordFeed for Feed {
    fn drain(&mut self, each: &mut dyn FnMut(&Record)) -> usize {
        let Ok(chunk) = self.0.read_chunk(self.0.slots().min(TURN)) else {
            return 0;
        };
        let (first, second) = chunk.as_slices();
        first.iter().chain(second).for_each(each);
        let taken = chunk.len();
        chunk.commit_all();
        taken
    }

    fn is_finished(&self) -> bool {
        self.0.is_abandoned() && self.0.is_empty()
    }

    fn wait(&mut self, timeout: Duration) {
        std::thread::sleep(PAUSE.min(timeout));
    }
}

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

/// Writes so many flows, which begin within so many seconds, with a store of so many MiB of memory, and says how that went.
pub(crate) fn fill(
    folder: &Path,
    count: u64,
    seconds: u64,
    memory: Option<u64>,
) -> Result<String, String> {
    let mut config = StoreConfig::new(folder.to_owned());
    config.memory = memory.map_or(config.memory, |mebibytes| mebibytes << 20);
    config.retention.keep_for = None;
    let budget = config.memory;
    let store = Store::open(config).map_err(|error| error.to_string())?;
    let context = RecordContext::new("bench".to_owned(), vec!["made-up".to_owned()]);
    // What making them up costs is not the store's.
    let mut flows = Flows::new(count, seconds);
    let began = cpu();
    for _ in 0..count.min(1_000_000) {
        std::hint::black_box(flows.next());
    }
    let making = (cpu() - began) / count.clamp(1, 1_000_000) as f64;
    let (mut ring, feed) = RingBuffer::new(RING);
    let (clock, began) = (Instant::now(), cpu());
    let output = spawn(Box::new(store), Box::new(Feed(feed)), Arc::new(context))
        .map_err(|error| error.to_string())?;
    let mut flows = Flows::new(count, seconds);
    for _ in 0..count {
        while ring.is_full() {
            std::thread::sleep(PAUSE);
        }
        // There is room: nobody else writes.
        let _ = ring.push(Record::Conn(flows.next()));
    }
    drop(ring);
    let finished = output.finish(Instant::now() + Duration::from_secs(3600));
    let (wall, used) = (
        clock.elapsed().as_secs_f64(),
        cpu() - began - making * count as f64,
    );
    let dropped = finished.counters.dropped_total();
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
