//! What is reported at the start, on demand, and at the end.

use std::fmt::Write as _;
use std::io::Write as _;

use portreeve_capture::CaptureError;
use portreeve_engine::Snapshot;
use portreeve_engine::snapshot::{MemoryArea, WorkerState};
use portreeve_engine::strategy::Waits;
use portreeve_pages::PageSize;

use crate::config::values::HugePages;
use crate::{ledger, text};

/// Memory that is larger than what a processor's TLB holds of 4 KiB pages, in bytes.
const LARGE: usize = 8 << 20;

/// Percent of its time that a worker stands in line for its core and nobody has to be told.
const WORTH_TELLING: f64 = 1.0;

/// The start report: what was chosen, why, and what was got.
#[must_use]
pub fn start(notes: &[String], workers: usize, snapshot: &Snapshot) -> String {
    let mut report = format!("portreeve {}", env!("CARGO_PKG_VERSION"));
    for note in notes {
        let _ = write!(report, "\n  {note}");
    }
    let plural = if workers == 1 { "" } else { "s" };
    let pinned = snapshot.workers.iter().any(|worker| worker.pinned);
    let _ = match snapshot.layout.as_ref().filter(|_| pinned) {
        Some(layout) => write!(report, "\n  {}", layout.line()),
        None => write!(report, "\n  {workers} worker{plural} on any processor"),
    };
    for line in waits(snapshot) {
        let _ = write!(report, "\n  {line}");
    }
    let memory = snapshot.flow_memory;
    let _ = write!(
        report,
        "\n  memory for {} flows: {} MiB",
        text::count(memory.capacity as u64),
        memory.bytes >> 20
    );
    if memory.application_bytes > 0 {
        let _ = write!(
            report,
            "\n  memory to look into conversations: {} MiB",
            memory.application_bytes >> 20
        );
    }
    report.push_str(&pages(&snapshot.memory));
    report
}

/// Whether every worker has its core and is known to wait in some way: for what a start report says.
#[must_use]
pub fn is_settled(snapshot: &Snapshot) -> bool {
    snapshot
        .workers
        .iter()
        .all(|worker| worker.pinned && worker.waits.sources.iter().all(|wait| wait.known))
}

/// How workers wait for each source, and why so: a line for each way there is.
fn waits(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for wait in snapshot.workers.iter().flat_map(|w| &w.waits.sources) {
        let line = format!("{}: {} mode, {}", wait.source, wait.mode, wait.why);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
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
            "  {}: {} packets, {} flows; {}{}",
            worker.name,
            text::count(worker.frames),
            text::count(worker.flows),
            time(&worker.waits),
            in_line(worker)
        );
    }
    for line in waits(snapshot) {
        let _ = writeln!(page, "  {line}");
    }
    page
}

/// How much of its time a worker stood in line for its core, where that is worth telling.
fn in_line(worker: &WorkerState) -> String {
    let waits = &worker.waits;
    let all = (waits.busy_ns + waits.spin_ns + waits.sleep_ns).max(1);
    let share = 100.0 * worker.in_line_ns as f64 / all as f64;
    if share < WORTH_TELLING {
        return String::new();
    }
    format!("; {share:.1} % in line for its core: other threads run there (see --scheduling)")
}

/// What a worker did with its time, and how fast it woke.
fn time(waits: &Waits) -> String {
    let all = (waits.busy_ns + waits.spin_ns + waits.sleep_ns).max(1);
    let share = |part: u64| 100.0 * part as f64 / all as f64;
    let mut line = format!(
        "{:.1} % busy, {:.1} % polling for nothing, {:.1} % asleep",
        share(waits.busy_ns),
        share(waits.spin_ns),
        share(waits.sleep_ns)
    );
    if waits.spin_limit_ns > 0 {
        let limit = microseconds(waits.spin_limit_ns / 1000);
        let _ = write!(line, "; now polls {limit} for nothing before it sleeps");
    }
    if waits.stalls > 0 {
        let _ = write!(
            line,
            "; {} times away from its ring for longer than it holds out ({}), {} at the longest",
            text::count(waits.stalls),
            microseconds(waits.stall_limit_ns / 1000),
            microseconds(waits.longest_stall_ns / 1000)
        );
    }
    if waits.wakes > 0 {
        let _ = write!(
            line,
            "; {} wake-ups, {} packets at them",
            text::count(waits.wakes),
            text::count(waits.wake_frames)
        );
    }
    let below = |share| waits.latency.below(share);
    if let (Some(half), Some(most)) = (below(0.5), below(0.99)) {
        let _ = write!(
            line,
            ", the first of them within {} in half, within {} in 99 % of the cases",
            microseconds(half),
            microseconds(most)
        );
    }
    line
}

fn microseconds(limit: u64) -> String {
    match limit {
        0..1_000 => format!("{limit} µs"),
        1_000..1_000_000 => format!("{:.0} ms", limit as f64 / 1e3),
        _ => format!("{:.0} s", limit as f64 / 1e6),
    }
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
