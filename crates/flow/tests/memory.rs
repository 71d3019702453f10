//! A tracker takes the memory of its budget, and its own account says so.

use portreeve_flow::{MemoryReport, Tracker, TrackerConfig};
use portreeve_pages::Preference;

fn report(budget: usize, pages: Preference) -> MemoryReport {
    let mut config = TrackerConfig::default();
    config.memory = budget;
    config.huge_pages = pages;
    Tracker::new(config).unwrap().memory()
}

#[test]
fn the_account_is_the_budget() {
    for budget in [256 << 10, 1 << 20, 2_560_000, 64 << 20] {
        for pages in [Preference::Off, Preference::Transparent] {
            let report = report(budget, pages);
            let total = report.total();
            assert!(
                total <= budget && budget - total <= 8192,
                "{budget}: {report:?}"
            );
        }
    }
}

#[test]
fn a_flow_takes_at_most_256_bytes() {
    for flows in [10_000, 100_000] {
        let report = report(flows * 256, Preference::Transparent);
        assert!(report.capacity >= flows, "{report:?}");
        assert!(report.bytes_per_flow() <= 256.0, "{report:?}");
    }
}
