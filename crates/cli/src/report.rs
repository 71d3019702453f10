//! What is reported at the start, on demand, and at the end.

use std::fmt::Write as _;
use std::io::Write as _;

use portreeve_capture::CaptureError;
use portreeve_engine::Snapshot;

use crate::{ledger, text};

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
    let pages = match memory.page_size {
        Some(size) if size >= 1 << 20 => format!("pages of {} MiB", size >> 20),
        Some(size) => format!("pages of {} KiB", size >> 10),
        None => "huge pages where the kernel has them".to_owned(),
    };
    let _ = write!(
        report,
        "\n  memory for {} flows: {} MiB, {pages}",
        text::count(memory.capacity as u64),
        memory.bytes >> 20
    );
    report
}

/// The answer to USR1.
#[must_use]
pub fn statistics(snapshot: &Snapshot) -> String {
    let mut page = ledger::full(&snapshot.ledger, &[], None);
    page.push_str(&workers(snapshot));
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
