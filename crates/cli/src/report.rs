//! What is reported at the start, on demand, and at the end.

use std::fmt::Write as _;
use std::io::Write as _;

use portreeve_capture::CaptureError;
use portreeve_engine::Snapshot;
use portreeve_engine::snapshot::MemoryArea;
use portreeve_pages::PageSize;

use crate::config::values::HugePages;
use crate::{ledger, text};

/// Memory that is larger than what a processor's TLB holds of 4 KiB pages, in bytes.
const LARGE: usize = 8 << 20;

/// The start report: what was chosen, why, and what was got.
#[must_use]
pub fn start(notes: &[String], workers: usize, snapshot: &Snapshot) -> String {
    let mut report = format!("portreeve {}", env!("CARGO_PKG_VERSION"));
    for note in notes {
        let _ = write!(report, "\n  {note}");
    }
    let cpus: Vec<String> = snapshot
        .workers
        .iter()
        .filter(|worker| worker.pinned)
        .map(|worker| worker.cpu.to_string())
        .collect();
    let plural = if workers == 1 { "" } else { "s" };
    let placed = if cpus.is_empty() {
        "on any processor".to_owned()
    } else {
        format!("on processor {}", cpus.join(", "))
    };
    let _ = write!(report, "\n  {workers} worker{plural} {placed}");
    let memory = snapshot.flow_memory;
    let _ = write!(
        report,
        "\n  memory for {} flows: {} MiB",
        text::count(memory.capacity as u64),
        memory.bytes >> 20
    );
    report.push_str(&pages(&snapshot.memory));
    report
}

/// What memory stands on, a line for each purpose and page size, each after a line break.
fn pages(areas: &[MemoryArea]) -> String {
    let mut lines = String::new();
    for area in areas {
        let MemoryArea { name, pages, .. } = area;
        let size = match area.bytes {
            bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            bytes => format!("{} KiB", bytes >> 10),
        };
        let _ = write!(lines, "\n  {name}: {size} on {pages}");
        if let Some(node) = area.node {
            let _ = write!(lines, " of node {node}");
        }
    }
    lines
}

/// Warnings about memory that stands on smaller pages than it should, with what that costs and what to type.
#[must_use]
pub fn page_warnings(wanted: HugePages, snapshot: &Snapshot) -> Vec<String> {
    let named = matches!(wanted, HugePages::Gigabyte | HugePages::TwoMegabytes);
    let mut warnings = Vec::new();
    for area in &snapshot.memory {
        let MemoryArea { name, pages, .. } = area;
        let large = area.bytes >= LARGE && wanted != HugePages::Off;
        let small = large && area.pages == PageSize::Small.to_string();
        let missing = area.missing.as_ref().filter(|_| named || small);
        if !small && missing.is_none() {
            continue;
        }
        let mut warning = format!("{name}: {} MiB on {pages}", area.bytes >> 20);
        if small {
            warning.push_str(
                ": most packets wait for a walk through the page tables before they find their flow",
            );
        }
        if let Some(missing) = missing {
            let _ = write!(warning, "; {missing}");
        }
        warnings.push(warning);
    }
    warnings
}

/// The answer to USR1.
#[must_use]
pub fn statistics(snapshot: &Snapshot) -> String {
    let mut page = ledger::full(&snapshot.ledger, &[], None);
    page.push_str(&workers(snapshot));
    page.push_str(pages(&snapshot.memory).trim_start_matches('\n'));
    page.push('\n');
    page
}

/// What each worker did.
#[must_use]
pub fn workers(snapshot: &Snapshot) -> String {
    let mut page = String::new();
    for worker in &snapshot.workers {
        let _ = writeln!(
            page,
            "  {}: {} packets, {} flows, asleep {} of {} s",
            worker.name,
            text::count(worker.frames),
            text::count(worker.flows),
            worker.sleep_ns / 1_000_000_000,
            snapshot.uptime_ns / 1_000_000_000
        );
    }
    page
}

/// A source's error, with what it means for the rest.
#[must_use]
pub fn source_error(source: &str, error: &CaptureError) -> String {
    let after = match error {
        CaptureError::Damaged { .. } => "; everything before it was read",
        _ => "",
    };
    let text = error.to_string();
    // Most errors name their file or interface themselves.
    if text.contains(source) {
        format!("{text}{after}")
    } else {
        format!("{source}: {text}{after}")
    }
}

/// Prints a page: to standard output if nothing else is there, else to standard error.
pub fn print(page: &str, to_stdout: bool) {
    // A reader that went away wants no ledger.
    let _ = if to_stdout {
        std::io::stdout().lock().write_all(page.as_bytes())
    } else {
        std::io::stderr().lock().write_all(page.as_bytes())
    };
}
