//! Workers, sources, outputs and memory.

use portreeve_live::{View, WorkerView};

use super::lists::length;
use crate::text;

/// Characters of a bar of a worker's time.
const BAR: usize = 20;

/// A worker's time as a bar: `█` busy, `▒` looking for packets in vain, `·` asleep.
fn bar(worker: &WorkerView) -> String {
    let cells = |share: f64| (share * BAR as f64).round() as usize;
    let busy = cells(worker.busy).min(BAR);
    let idle = cells(worker.idle).min(BAR - busy);
    format!(
        "{}{}{}",
        "█".repeat(busy),
        "▒".repeat(idle),
        "·".repeat(BAR - busy - idle)
    )
}

fn microseconds(time: u64) -> String {
    length(i64::try_from(time).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// All lines of the page; `width` columns.
#[must_use]
pub fn lines(view: &View, width: usize) -> Vec<(String, bool)> {
    let mut lines = Vec::new();
    let heading = |text: String, lines: &mut Vec<(String, bool)>| lines.push((text, true));
    let wide = width >= 100;
    heading(
        format!(
            "{:<10}{:>4}  {:<10}{:>10}{:>8}{:>6}{:>6}{:>6}  {}",
            "WORKER",
            "CPU",
            "WAITS",
            "PACKETS/s",
            "FLOWS",
            "BUSY",
            "IDLE",
            "SLEEP",
            if wide {
                "█ busy ▒ idle · asleep"
            } else {
                ""
            }
        ),
        &mut lines,
    );
    for worker in &view.workers {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        let cpu = if worker.pinned {
            worker.cpu.to_string()
        } else {
            "any".to_owned()
        };
        let mut line = format!(
            "{:<10}{cpu:>4}  {:<10}{:>10}{:>8}{:>6}{:>6}{:>6}",
            text::fit(&worker.name, 9),
            worker.mode,
            text::short(worker.packets as f64),
            text::short(worker.flows as f64),
            percent(worker.busy),
            percent(worker.idle),
            percent(worker.sleep),
        );
        if width >= 84 {
            line.push_str("  ");
            line.push_str(&bar(worker));
        }
        lines.push((line, false));
        let mut notes = Vec::new();
        if worker.in_line >= 0.01 {
            notes.push(format!(
                "{} of it in line for its core",
                percent(worker.in_line)
            ));
        }
        if worker.away > 0 {
            notes.push(format!(
                "{} times away from its ring, {} at the longest",
                text::count(worker.away),
                microseconds(worker.away_longest_us)
            ));
        }
        if let Some(latency) = worker.latency_us {
            notes.push(format!("99 % woken within {}", microseconds(latency)));
        }
        if !notes.is_empty() {
            lines.push((format!("{:<16}{}", "", notes.join(", ")), false));
        }
    }
    lines.push((String::new(), false));
    heading(
        format!(
            "{:<28}{:>12}{:>14}{:>14}",
            "SOURCE", "PACKETS/s", "RATE", "LOST/s"
        ),
        &mut lines,
    );
    for source in &view.sources {
        lines.push((
            format!(
                "{:<28}{:>12}{:>14}{:>14}",
                text::fit(&source.name, 27),
                text::short(source.packets as f64),
                text::bit_rate(source.bits as f64 / 8.0),
                source
                    .lost
                    .map_or_else(|| "unknown".to_owned(), |lost| text::short(lost as f64)),
            ),
            false,
        ));
    }
    if !view.outputs.is_empty() {
        lines.push((String::new(), false));
        heading(
            format!(
                "{:<28}{:>12}{:>14}{:>14}",
                "OUTPUT", "STATE", "WRITTEN", "DROPPED"
            ),
            &mut lines,
        );
        for output in &view.outputs {
            lines.push((
                format!(
                    "{:<28}{:>12}{:>14}{:>14}",
                    text::fit(&output.name, 27),
                    output.state,
                    text::count(output.written),
                    text::count(output.dropped),
                ),
                false,
            ));
            if let Some(error) = &output.last_error {
                lines.push((format!("  {error}"), false));
            }
        }
    }
    lines.push((String::new(), false));
    heading(
        format!("{:<28}{:>12}  {}", "MEMORY", "SIZE", "PAGES"),
        &mut lines,
    );
    for area in &view.memory {
        let node = area
            .node
            .map_or(String::new(), |node| format!(", node {node}"));
        lines.push((
            format!(
                "{:<28}{:>12}  {}{node}",
                text::fit(&area.name, 27),
                text::bytes(area.bytes as u64),
                area.pages
            ),
            false,
        ));
    }
    let memory = &view.flow_memory;
    let active = view.second.flows_active;
    lines.push((
        format!(
            "flow tables: {} of {} conversations ({})",
            text::count(active),
            text::count(memory.capacity as u64),
            text::percent(active, memory.capacity as u64)
        ),
        false,
    ));
    lines
}
