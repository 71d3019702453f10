//! Paints the screen.

use std::time::Duration;

use portreeve_engine::Snapshot;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Gauge, Paragraph, Sparkline};

use super::rows::{self, Row};
use super::{App, View};
use crate::{ledger, text};

/// Under this height the curve is left out.
const ROOM_FOR_CURVE: u16 = 16;
/// Under this width services stand below the hosts, not beside them.
const ROOM_FOR_TWO: u16 = 100;

/// Paints the whole screen, whatever its size.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let is_file = app.snapshot.position.is_some();
    let curve = u16::from(area.height >= ROOM_FOR_CURVE) * 2;
    let [bar, numbers, progress, curve, body, books, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(u16::from(is_file)),
        Constraint::Length(curve),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(bar_line(app), bar);
    frame.render_widget(numbers_line(app), numbers);
    if is_file && progress.height > 0 {
        draw_progress(frame, app, progress);
    }
    draw_curve(frame, app, curve);
    match app.view {
        View::Overview => overview(frame, app, body),
        View::Hosts => single(frame, app, body, "HOST", rows::hosts),
        View::Services => single(frame, app, body, "SERVICE", rows::services),
        View::Flows => single(frame, app, body, "FLOW", rows::flows),
        View::Ledger => whole_ledger(frame, app, body),
    }
    frame.render_widget(books_line(app), books);
    frame.render_widget(keys_line(app), keys);
    if app.help {
        draw_help(frame, app, area);
    }
}

fn style(app: &App, color: Color) -> Style {
    if app.color {
        Style::new().fg(color)
    } else {
        Style::new()
    }
}

fn bold(app: &App, color: Color) -> Style {
    style(app, color).add_modifier(Modifier::BOLD)
}

fn bar_line(app: &App) -> Line<'static> {
    let snapshot = &app.snapshot;
    // A file by its last name: the views must have room beside it.
    let sources: Vec<&str> = snapshot
        .ledger
        .capture
        .iter()
        .map(|account| account.source.rsplit('/').next().unwrap_or_default())
        .collect();
    let sources = text::fit(&sources.join(" "), 16);
    let uptime = text::clock(Duration::from_nanos(snapshot.uptime_ns));
    let mut spans = vec![
        Span::styled("portreeve ", bold(app, Color::Cyan)),
        Span::styled(sources, Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {uptime}  ")),
    ];
    for (number, view) in (1..).zip(View::ALL) {
        let label = format!(" {number} {} ", view.name());
        let shown = view == app.view;
        let label_style = if shown {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            Style::new()
        };
        spans.push(Span::styled(label, label_style));
    }
    Line::from(spans)
}

fn numbers_line(app: &App) -> Line<'static> {
    let rates = app.meter.rates;
    let flows = &app.snapshot.ledger.flows;
    let strong = Style::new().add_modifier(Modifier::BOLD);
    let mut spans = vec![
        Span::styled(text::bit_rate(rates.bytes), strong),
        Span::raw("  "),
        Span::styled(format!("{} packets/s", text::short(rates.packets)), strong),
        Span::raw(format!(
            "  {} flows open  {} new/s",
            text::count(flows.active),
            text::short(rates.flows)
        )),
    ];
    if rates.lost > 0.0 {
        let lost = format!("  LOSING {} packets/s", text::short(rates.lost));
        spans.push(Span::styled(lost, bold(app, Color::Red)));
    }
    if app.paused {
        spans.push(Span::styled("  PAUSED", bold(app, Color::Yellow)));
    }
    if app.ending {
        spans.push(Span::styled("  ENDING", bold(app, Color::Yellow)));
    }
    Line::from(spans)
}

/// How much of a file is read, and how long the rest will take.
#[must_use]
pub fn progress(snapshot: &Snapshot, read_a_second: f64) -> Option<(f64, String)> {
    let (read, total) = snapshot.position?;
    let rate = format!("{}/s", text::bytes(read_a_second as u64));
    let Some(total) = total.filter(|total| *total > 0) else {
        return Some((0.0, format!("{} read, {rate}", text::bytes(read))));
    };
    let share = (read as f64 / total as f64).clamp(0.0, 1.0);
    let mut label = format!("{:.0} % of {}, {rate}", share * 100.0, text::bytes(total));
    if read_a_second >= 1.0 {
        let left = total.saturating_sub(read) as f64 / read_a_second;
        // More than a year is no estimate.
        if left < 3.2e7 {
            label.push_str(&format!(
                ", {} left",
                text::clock(Duration::from_secs_f64(left))
            ));
        }
    }
    Some((share, label))
}

fn draw_progress(frame: &mut Frame<'_>, app: &App, area: Rect) {
    if let Some((share, label)) = progress(&app.snapshot, app.meter.rates.read) {
        let gauge = Gauge::default()
            .ratio(share)
            .label(label)
            .gauge_style(style(app, Color::Blue));
        frame.render_widget(gauge, area);
    }
}

fn draw_curve(frame: &mut Frame<'_>, app: &App, area: Rect) {
    if area.height == 0 {
        return;
    }
    let past = &app.meter.past;
    let shown = usize::from(area.width).min(past.len());
    let data: Vec<u64> = past.iter().skip(past.len() - shown).copied().collect();
    let curve = Sparkline::default()
        .data(data)
        .style(style(app, Color::Blue));
    frame.render_widget(curve, area);
}

fn books_line(app: &App) -> Line<'static> {
    let ledger = &app.snapshot.ledger;
    let color = if !ledger.is_balanced() || ledger.lost_anything() {
        Color::Red
    } else {
        Color::Green
    };
    Line::styled(ledger::line(ledger), bold(app, color))
}

fn keys_line(app: &App) -> Line<'static> {
    if let Some(notice) = &app.notice {
        return Line::styled(notice.clone(), bold(app, Color::Yellow));
    }
    let text = format!(
        "q quit  ? help  tab view  s sort: {}  space {}",
        app.sort.name(),
        if app.paused { "go on" } else { "pause" }
    );
    Line::styled(text, Style::new().add_modifier(Modifier::DIM))
}

fn overview(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let talkers = &app.snapshot.talkers;
    let hosts = rows::hosts(talkers, app.sort);
    let services = rows::services(talkers, app.sort);
    let flows = rows::flows(talkers, app.sort);
    if area.width >= ROOM_FOR_TWO {
        let [top, bottom] = Layout::vertical([Constraint::Fill(1); 2]).areas(area);
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2])
            .spacing(2)
            .areas(top);
        table(frame, app, left, "HOST", &hosts, 0);
        table(frame, app, right, "SERVICE", &services, 0);
        table(frame, app, bottom, "FLOW", &flows, 0);
        return;
    }
    // On a low screen the last tables are the first to go: each needs its heading and two rows.
    let tables = [("HOST", hosts), ("FLOW", flows), ("SERVICE", services)];
    let shown = usize::from(area.height / 3).clamp(1, tables.len());
    let parts = Layout::vertical(vec![Constraint::Fill(1); shown]).split(area);
    for ((heading, rows), part) in tables.iter().zip(parts.iter()) {
        table(frame, app, *part, heading, rows, 0);
    }
}

fn single(
    frame: &mut Frame<'_>,
    app: &App,
    area: Rect,
    heading: &str,
    rows: fn(&portreeve_engine::talkers::Talkers, super::Sort) -> Vec<Row>,
) {
    let rows = rows(&app.snapshot.talkers, app.sort);
    table(frame, app, area, heading, &rows, app.scroll);
}

/// Width of the three columns of numbers.
const NUMBERS: usize = 3 * 13;

fn table(frame: &mut Frame<'_>, app: &App, area: Rect, heading: &str, rows: &[Row], scroll: usize) {
    if area.height == 0 {
        return;
    }
    let width = usize::from(area.width);
    // On a narrow screen the name is what remains, and the numbers go one after the other.
    let numbers = NUMBERS.min(width.saturating_sub(20) / 13 * 13);
    let names = width - numbers;
    let cells = |a: &str, b: &str, c: &str| {
        let all = format!("{a:>13}{b:>13}{c:>13}");
        all.chars().take(numbers).collect::<String>()
    };
    let (sent, received) = match heading {
        "FLOW" => ("ONE WAY", "BACK"),
        // A service's bytes are those of both sides.
        "SERVICE" => ("", "RATE"),
        _ => ("SENT", "RECEIVED"),
    };
    let mut lines = vec![Line::styled(
        format!("{heading:<names$}{}", cells(sent, received, "PACKETS/s")),
        bold(app, Color::Cyan),
    )];
    let room = usize::from(area.height) - 1;
    // Scrolling ends where the last row would leave.
    let first = scroll.min(rows.len().saturating_sub(room));
    for row in rows.iter().skip(first).take(room) {
        let name = text::fit(&row.who, names.saturating_sub(1));
        let volume = row.volume;
        let (sent_cell, back) = match sent {
            "" => (String::new(), volume.bytes()),
            _ => (text::bit_rate(volume.bytes_out as f64), volume.bytes_in),
        };
        lines.push(Line::raw(format!(
            "{name:<names$}{}",
            cells(
                &sent_cell,
                &text::bit_rate(back as f64),
                &text::short(volume.packets as f64),
            )
        )));
    }
    if rows.is_empty() && room > 0 {
        lines.push(Line::styled(
            "nothing yet",
            Style::new().add_modifier(Modifier::DIM),
        ));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn whole_ledger(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let snapshot = &app.snapshot;
    let mut lines: Vec<String> = ledger::full(&snapshot.ledger, &[], None)
        .lines()
        .map(str::to_owned)
        .collect();
    // The line at the end stands below anyhow.
    lines.pop();
    lines.push("Workers".into());
    for worker in &snapshot.workers {
        let waits = &worker.waits;
        let share = |part: u64| 100.0 * part as f64 / snapshot.uptime_ns.max(1) as f64;
        let late = waits.latency.below(0.99);
        let late = late.map_or(String::new(), |limit| format!(" 99 % within {limit} µs"));
        lines.push(format!(
            "  {:<12} {:>8} {:>20} packets {:>14} flows {:>4.0} % busy {:>4.0} % idle {:>9} wake-ups{late}",
            worker.name,
            if worker.pinned {
                format!("cpu {}", worker.cpu)
            } else {
                "any cpu".into()
            },
            text::count(worker.frames),
            text::count(worker.flows),
            share(waits.busy_ns).min(100.0),
            share(waits.spin_ns).min(100.0),
            text::short(waits.wakes as f64),
        ));
    }
    let room = usize::from(area.height);
    let first = app.scroll.min(lines.len().saturating_sub(room));
    let lines: Vec<Line<'_>> = lines
        .into_iter()
        .skip(first)
        .take(room)
        .map(Line::raw)
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

const HELP: [&str; 14] = [
    "q         leave: drain, print the ledger",
    "space     pause the screen (not the capture)",
    "tab  1-5  next view; overview, hosts,",
    "          services, flows, ledger",
    "s         sort by the next column",
    "b p o i   sort by bytes, packets, sent (out),",
    "          received (in)",
    "up down   scroll",
    "?         this help; any key leaves it",
    "",
    "Rates are of about the last second, IP bytes.",
    "The green line is the ledger: red if anything",
    "was lost. \"unknown\" is what the hardware or",
    "the kernel does not tell.",
];

fn draw_help(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let width = 48.min(area.width);
    let height = (HELP.len() as u16 + 2).min(area.height);
    let area = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let block = ratatui::widgets::Block::bordered()
        .title(" help ")
        .border_style(style(app, Color::Cyan));
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::raw(*line)).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

#[cfg(test)]
mod tests {
    use portreeve_engine::ledger::CaptureAccount;
    use portreeve_engine::talkers::{Service, Talker, TalkingFlow, Volume};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn snapshot(second: u64) -> Snapshot {
        let mut snapshot = Snapshot {
            uptime_ns: second * 1_000_000_000,
            ..Snapshot::default()
        };
        snapshot.ledger.capture = vec![CaptureAccount {
            source: "eth9".into(),
            wire: Some(second * 2_000),
            ..CaptureAccount::default()
        }];
        snapshot.ledger.frames.delivered = second * 2_000;
        snapshot.ledger.frames.analysed = second * 2_000;
        snapshot.ledger.frames.delivered_bytes = second * 1_000_000;
        let volume = |n: u64| Volume {
            bytes_out: 1_000 * n,
            bytes_in: 125_000 * n,
            packets: 10 * n,
        };
        snapshot.talkers.hosts = (1..=40u8)
            .map(|i| Talker {
                who: std::net::IpAddr::from([10, 0, 0, i]),
                a_second: volume(i.into()),
            })
            .collect();
        snapshot.talkers.services = vec![Talker {
            who: Service {
                protocol: 6,
                port: 443,
            },
            a_second: volume(3),
        }];
        snapshot.talkers.flows = vec![Talker {
            who: TalkingFlow {
                a: "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap(),
                a_port: 40_000,
                b: "2001:db8::2".parse().unwrap(),
                b_port: 443,
                protocol: 6,
            },
            a_second: volume(2),
        }];
        snapshot
    }

    fn painted(app: &App, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, app)).unwrap();
        let buffer = terminal.backend().buffer();
        (0..height)
            .map(|y| {
                (0..width)
                    .map(|x| buffer[(x, y)].symbol())
                    .collect::<String>()
            })
            .collect()
    }

    fn app() -> App {
        let mut app = App::new(false);
        app.take(snapshot(1));
        app.take(snapshot(2));
        app
    }

    fn line_with(lines: &[String], word: &str) -> String {
        lines
            .iter()
            .find(|line| line.contains(word))
            .unwrap_or_else(|| panic!("{word}: {lines:#?}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn the_overview_has_all_in_80_by_24() {
        let lines = painted(&app(), 80, 24);
        assert!(lines[0].contains("portreeve eth9  0:02"), "{lines:#?}");
        assert!(
            lines[1].contains("8.00 Mbit/s  2.00k packets/s"),
            "{lines:#?}"
        );
        assert_eq!(
            line_with(&lines, "10.0.0.40"),
            "10.0.0.40 320 kbit/s 40.0 Mbit/s 400"
        );
        assert_eq!(line_with(&lines, "https"), "tcp/443 https 3.02 Mbit/s 30");
        assert!(line_with(&lines, "2001:db8").contains('…'));
        assert!(
            lines[22].contains("4,000 packets · 0 lost · books balance"),
            "{lines:#?}"
        );
        assert!(lines[23].contains("q quit"), "{lines:#?}");
    }

    #[test]
    fn any_size_is_painted() {
        let mut app = app();
        for view in View::ALL {
            app.view = view;
            for (width, height) in [
                (1, 1),
                (3, 2),
                (10, 5),
                (40, 8),
                (79, 12),
                (120, 40),
                (300, 90),
            ] {
                for (help, scroll) in [(false, 0), (true, 0), (false, usize::MAX)] {
                    app.help = help;
                    app.scroll = scroll;
                    assert_eq!(painted(&app, width, height).len(), usize::from(height));
                }
            }
        }
    }

    #[test]
    fn a_single_view_scrolls_to_its_last_row_and_not_further() {
        let mut app = app();
        app.view = View::Hosts;
        app.scroll = 1_000;
        let lines = painted(&app, 80, 12);
        assert!(
            lines.iter().any(|line| line.starts_with("10.0.0.1 ")),
            "{lines:#?}"
        );
        assert!(
            lines.iter().any(|line| line.starts_with("10.0.0.7 ")),
            "{lines:#?}"
        );
    }

    #[test]
    fn losses_are_seen() {
        let mut app = app();
        let mut lossy = snapshot(3);
        lossy.ledger.capture[0].kernel_drops = Some(500);
        app.take(lossy);
        let lines = painted(&app, 100, 24);
        assert!(line_with(&lines, "LOSING").contains("LOSING 500 packets/s"));
        assert!(line_with(&lines, "500 lost").contains("(7.7 %)"));
        app.view = View::Ledger;
        let lines = painted(&app, 100, 40);
        assert_eq!(
            line_with(&lines, "by the kernel"),
            "dropped by the kernel, ring full 500"
        );
        assert_eq!(line_with(&lines, "missed by"), "missed by the NIC unknown");
    }

    #[test]
    fn files_have_progress_with_the_time_left() {
        let mut read = snapshot(4);
        read.position = Some((250, Some(1000)));
        let (share, label) = progress(&read, 50.0).unwrap();
        assert!((share - 0.25).abs() < 1e-9);
        assert_eq!(label, "25 % of 1.00 kB, 50 B/s, 0:15 left");
        read.position = Some((2_000, None));
        assert_eq!(progress(&read, 0.0).unwrap().1, "2.00 kB read, 0 B/s");
        let mut app = app();
        read.position = Some((250, Some(1000)));
        app.take(read);
        assert!(line_with(&painted(&app, 80, 24), "25 %").contains("of 1.00 kB"));
    }

    #[test]
    fn without_colours_there_are_none() {
        for color in [false, true] {
            let mut app = app();
            app.color = color;
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            terminal.draw(|frame| draw(frame, &app)).unwrap();
            let coloured = terminal
                .backend()
                .buffer()
                .content()
                .iter()
                .any(|cell| cell.fg != Color::Reset);
            assert_eq!(coloured, color);
        }
    }
}
