//! Huge pages for tests that need some: reserved while they run, given back afterwards.

use std::fs;
use std::time::Duration;

const FOLDER: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";
const PAGE: u64 = 2 << 20;

/// Huge pages of 2 MiB that this reserved beyond those that there were.
#[derive(Debug)]
pub struct HugePages {
    added: u64,
}

fn read(file: &str) -> u64 {
    let text = fs::read_to_string(format!("{FOLDER}/{file}")).expect("a kernel with huge pages");
    text.trim().parse().expect("a number")
}

fn set(pages: u64) {
    fs::write(format!("{FOLDER}/nr_hugepages"), pages.to_string()).expect("root");
}

impl HugePages {
    /// Sees to it that at least so many MiB are free, whoever else takes some.
    ///
    /// # Panics
    /// Not root, or the memory is too fragmented or too small.
    #[must_use]
    pub fn free(megabytes: u64) -> HugePages {
        let needed = (megabytes << 20).div_ceil(PAGE);
        let mut added = 0;
        for _ in 0..50 {
            let free = read("free_hugepages").saturating_sub(read("resv_hugepages"));
            if free >= needed {
                return HugePages { added };
            }
            let before = read("nr_hugepages");
            set(before + needed - free);
            added += read("nr_hugepages").saturating_sub(before);
            // Joins pages that stand apart; absent in kernels without compaction.
            let _ = fs::write("/proc/sys/vm/compact_memory", "1");
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "no {megabytes} MiB of huge pages: {} pages reserved, {} free",
            read("nr_hugepages"),
            read("free_hugepages")
        );
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        if self.added > 0 {
            let now = fs::read_to_string(format!("{FOLDER}/nr_hugepages"));
            let now = now.ok().and_then(|text| text.trim().parse::<u64>().ok());
            let less = now.unwrap_or(0).saturating_sub(self.added);
            let _ = fs::write(format!("{FOLDER}/nr_hugepages"), less.to_string());
        }
    }
}
