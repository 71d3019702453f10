//! Paints the screen.

use std::time::Duration;

use portreeve_live::Second;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Gauge, Paragraph, Sparkline};

use super::lists::{self, Kind, Manner};
use super::{App, Page, Target, detail, order_name, workers};
use crate::{ledger, text};

/// Under this height the curves are left out.
const ROOM_FOR_CURVES: u16 = 16;
/// Under this width lists stand below each other, not side by side.
const ROOM_FOR_TWO: u16 = 100;

/// Paints the whole screen, whatever its size, and notes where it can be clicked.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    app.targets.clear();
    let progress = app.view.progress.is_some();
    let roomy = area.height >= ROOM_FOR_CURVES && app.page == Page::Now;
    let curves = u16::from(roomy) * 3;
    let apart = app.dashboard.is_some() && roomy && beside_bar(app, area.width).is_none();
    let [bar, dashboard, numbers, gauge, curve, body, books, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(apart)),
        Constraint::Length(1),
        Constraint::Length(u16::from(progress)),
        Constraint::Length(curves),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_bar(frame, app, bar);
    if let Some(url) = app.dashboard.as_ref().filter(|_| apart) {
        let line = format!(" dashboard in the browser: {url}");
        frame.render_widget(Line::styled(line, bold(app, Color::Cyan)), dashboard);
    }
    frame.render_widget(numbers_line(app, numbers.width), numbers);
    if progress && gauge.height > 0 {
        draw_progress(frame, app, gauge);
    }
    draw_curves(frame, app, curve);
    draw_page(frame, app, body);
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

/// Bold, and coloured where colours are allowed.
#[must_use]
pub fn bold(app: &App, color: Color) -> Style {
    style(app, color).add_modifier(Modifier::BOLD)
}

/// What stands in the bar for a page: its number, and its name if it is to have one.
fn label(number: usize, page: Page, whole: bool) -> String {
    if whole {
        format!(" {number} {} ", page.name())
    } else {
        format!(" {number} ")
    }
}

/// Columns of the bar with all names.
fn bar_width() -> usize {
    (1..)
        .zip(Page::ALL)
        .map(|(number, page)| label(number, page, true).len())
        .sum()
}

/// Where the dashboard is, if there is room for it beside the whole bar.
fn beside_bar(app: &App, width: u16) -> Option<&str> {
    let room = usize::from(width).saturating_sub(bar_width() + 2);
    app.dashboard.as_deref().filter(|url| url.len() <= room)
}

/// The names of the pages, and at the right where the dashboard is. Where the names do not fit, only the shown one has its name, and the others their
/// numbers.
fn draw_bar(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let whole = bar_width() <= usize::from(area.width);
    let mut spans = Vec::new();
    let mut x = area.x;
    for (number, page) in (1..).zip(Page::ALL) {
        let shown = page == app.page;
        let label = label(number, page, whole || shown);
        let width = label.len() as u16;
        if x < area.right() {
            let place = Rect {
                x,
                width: width.min(area.right() - x),
                ..area
            };
            app.targets.push((place, Target::Page(page)));
        }
        x = x.saturating_add(width);
        let label_style = if shown {
            bold(app, Color::Cyan).add_modifier(Modifier::REVERSED)
        } else {
            Style::new()
        };
        spans.push(Span::styled(label, label_style));
    }
    frame.render_widget(Line::from(spans), area);
    if let Some(url) = beside_bar(app, area.width) {
        let width = url.len() as u16 + 1;
        let place = Rect {
            x: area.right() - width,
            width,
            ..area
        };
        frame.render_widget(Line::styled(url, bold(app, Color::Cyan)), place);
    }
}

fn numbers_line(app: &App, width: u16) -> Line<'static> {
    let view = &app.view;
    let second = &view.second;
    let strong = Style::new().add_modifier(Modifier::BOLD);
    // A file by its last name: the numbers must have room beside it.
    let sources: Vec<&str> = view
        .sources
        .iter()
        .map(|source| source.name.rsplit('/').next().unwrap_or_default())
        .collect();
    let mut spans = vec![Span::styled(
        format!("{} ", text::fit(&sources.join(" "), 16)),
        bold(app, Color::Cyan),
    )];
    if width >= 60 {
        let uptime = text::clock(Duration::from_millis(view.uptime_ms));
        spans.push(Span::raw(format!("{uptime}  ")));
    }
    spans.push(Span::styled(bits(second.bits), strong));
    spans.push(Span::raw("  "));
    spans.push(Span::styled(
        format!("{} packets/s", text::short(second.packets as f64)),
        strong,
    ));
    if second.lost.is_some_and(|lost| lost > 0) {
        let lost = text::short(second.lost.unwrap_or(0) as f64);
        spans.push(Span::styled(
            format!("  LOSING {lost}/s"),
            bold(app, Color::Red),
        ));
    }
    for (is, word) in [
        (app.paused, "  PAUSED"),
        (app.ending, "  ENDING"),
        (app.lost_touch.is_some(), "  NO ANSWER"),
    ] {
        if is {
            spans.push(Span::styled(word, bold(app, Color::Yellow)));
        }
    }
    spans.push(Span::raw(format!(
        "  {} flows  {} new/s",
        text::count(second.flows_active),
        text::short(second.flows_opened as f64)
    )));
    Line::from(spans)
}

fn bits(rate: u64) -> String {
    text::bit_rate(rate as f64 / 8.0)
}

/// How much of a file is read, and how long the rest will take.
#[must_use]
pub fn progress(read: u64, total: Option<u64>, read_a_second: f64) -> (f64, String) {
    let rate = format!("{}/s", text::bytes(read_a_second as u64));
    let Some(total) = total.filter(|total| *total > 0) else {
        return (0.0, format!("{} read, {rate}", text::bytes(read)));
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
    (share, label)
}

fn draw_progress(frame: &mut Frame<'_>, app: &App, area: Rect) {
    if let Some(file) = &app.view.progress {
        let (share, label) = progress(file.read, file.total, file.bytes_a_second as f64);
        let gauge = Gauge::default()
            .ratio(share)
            .label(label)
            .gauge_style(style(app, Color::Blue));
        frame.render_widget(gauge, area);
    }
}

/// Columns beside a curve: what it is, and its last value.
const CURVE_NAME: u16 = 6;
const CURVE_VALUE: u16 = 34;

/// Three curves: in and out by the local networks, with one scale, and the busiest millisecond.
fn draw_curves(frame: &mut Frame<'_>, app: &App, area: Rect) {
    if area.height < 3 {
        return;
    }
    let second = app.view.second;
    let room = usize::from(area.width.saturating_sub(CURVE_NAME + CURVE_VALUE));
    let value = |bits_now, packets: u64| {
        format!(
            "{:>13} {:>9} packets/s",
            bits(bits_now),
            text::short(packets as f64)
        )
    };
    let most = |of: fn(&Second) -> u64| app.seconds.iter().map(of).max().unwrap_or(0);
    let both = most(|second| second.in_bits).max(most(|second| second.out_bits));
    let times = second.peak_bits as f64 / second.bits.max(1) as f64;
    let peak = if second.bits == 0 {
        format!("{:>13}", bits(0))
    } else {
        format!(
            "{:>13} in 1 ms, {}× mean",
            bits(second.peak_bits),
            if times < 9.95 {
                format!("{times:.1}")
            } else {
                text::short(times)
            }
        )
    };
    type Of = fn(&Second) -> u64;
    let curves: [(&str, Color, Of, u64, String); 3] = [
        (
            "in",
            Color::Green,
            |second| second.in_bits,
            both,
            value(second.in_bits, second.in_packets),
        ),
        (
            "out",
            Color::Blue,
            |second| second.out_bits,
            both,
            value(second.out_bits, second.out_packets),
        ),
        (
            "peak",
            Color::Magenta,
            |second| second.peak_bits,
            most(|second| second.peak_bits),
            peak,
        ),
    ];
    for (at, (name, color, of, most, value)) in (0..).zip(curves) {
        let line = Rect {
            y: area.y + at,
            height: 1,
            ..area
        };
        let [left, middle, right] = Layout::horizontal([
            Constraint::Length(CURVE_NAME),
            Constraint::Fill(1),
            Constraint::Length(CURVE_VALUE),
        ])
        .areas(line);
        // What is not zero does not look like zero.
        let past = app.seconds.iter().map(of);
        let past = past.map(|value| value.max(u64::from(value > 0) * (most / 8 + 1)));
        // The newest stands at the right, from the beginning.
        let blank = std::iter::repeat_n(0, room.saturating_sub(app.seconds.len()));
        let data: Vec<u64> = blank
            .chain(past.skip(app.seconds.len().saturating_sub(room)))
            .collect();
        frame.render_widget(Line::styled(name, bold(app, color)), left);
        let curve = Sparkline::default()
            .data(data)
            .max(most.max(1))
            .style(style(app, color));
        frame.render_widget(curve, middle);
        frame.render_widget(Line::raw(value), right);
    }
}

fn books_line(app: &App) -> Line<'static> {
    let ledger = &app.view.ledger;
    let color = if !ledger.is_balanced() || ledger.lost_anything() {
        Color::Red
    } else {
        Color::Green
    };
    Line::styled(ledger::line(ledger), bold(app, color))
}

fn keys_line(app: &App) -> Line<'static> {
    let told = app.notice.as_ref().or(app.lost_touch.as_ref());
    if let Some(told) = told {
        return Line::styled(told.clone(), bold(app, Color::Yellow));
    }
    if let Some(alert) = app.view.alerts.first() {
        return Line::styled(format!("! {}", alert.text), bold(app, Color::Red));
    }
    let text = if app.typed.is_some() {
        match &app.filter_error {
            Some(error) => return Line::styled(error.clone(), bold(app, Color::Red)),
            None => "Enter search  Esc leave it  ^U empty the line".to_owned(),
        }
    } else if app.detail.is_some() {
        "Esc back  ↑↓ scroll  q quit  ? help".to_owned()
    } else {
        let sort = match app.page {
            Page::Flows => format!("  s sort: {}", order_name(app.order)),
            Page::Workers | Page::Ledger => String::new(),
            _ => format!("  s sort: {}", app.sort.name()),
        };
        let list = if app.page.is_list() {
            "  ↑↓ Enter open"
        } else {
            ""
        };
        let pause = if app.paused { "go on" } else { "pause" };
        format!("q quit  ? help  tab page  / search{sort}{list}  space {pause}")
    };
    Line::styled(text, Style::new().add_modifier(Modifier::DIM))
}

fn draw_page(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    if app.detail.is_some() {
        return draw_detail(frame, app, area);
    }
    match app.page {
        Page::Now => now(frame, app, area),
        Page::Flows => lists::flows(frame, app, area),
        Page::Hosts => list(frame, app, area, Kind::Hosts),
        Page::Talks => list(frame, app, area, Kind::Talks),
        Page::Services => list(frame, app, area, Kind::Services),
        Page::Apps => apps(frame, app, area),
        Page::Workers => {
            let lines = workers::lines(&app.view, area.width.into());
            app.scroll = scrolled(frame, app, area, lines, app.scroll);
        }
        Page::Ledger => {
            let mut lines: Vec<(String, bool)> = ledger::full(&app.view.ledger, &[], None)
                .lines()
                .map(|line| (line.to_owned(), !line.starts_with(' ')))
                .collect();
            // The line at the end stands below anyhow.
            lines.pop();
            app.scroll = scrolled(frame, app, area, lines, app.scroll);
        }
    }
}

/// Paints lines, `scroll` of them left out, but never so many that the last ones leave. How many were left out.
fn scrolled(
    frame: &mut Frame<'_>,
    app: &App,
    area: Rect,
    lines: Vec<(String, bool)>,
    scroll: usize,
) -> usize {
    let room = usize::from(area.height);
    let first = scroll.min(lines.len().saturating_sub(room));
    let more = lines.len().saturating_sub(first + room);
    let mut shown: Vec<Line<'_>> = lines
        .into_iter()
        .skip(first)
        .take(room)
        .map(|(line, heading)| {
            if heading {
                Line::styled(line, bold(app, Color::Cyan))
            } else {
                Line::raw(line)
            }
        })
        .collect();
    if more > 0 && room > 1 {
        shown.pop();
        shown.push(Line::styled(
            format!("↓ {} more lines", more + 1),
            Style::new().add_modifier(Modifier::DIM),
        ));
    }
    frame.render_widget(Paragraph::new(shown), area);
    first
}

fn draw_detail(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let Some(mut looked_at) = app.detail.take() else {
        return;
    };
    let lines = detail::lines(
        &looked_at.uid,
        looked_at.found.as_ref(),
        app.view.ts,
        area.width.into(),
    );
    looked_at.scroll = scrolled(frame, app, area, lines, looked_at.scroll);
    app.detail = Some(looked_at);
}

/// The rows of one kind, sorted as asked.
fn rows_of(app: &App, kind: Kind) -> Vec<portreeve_live::Row> {
    let top = &app.view.top;
    let rows = match kind {
        Kind::Hosts => &top.hosts,
        Kind::Talks => &top.conversations,
        Kind::Services => &top.services,
        Kind::Apps => &top.applications,
        Kind::Countries => &top.countries,
    };
    let sorted = lists::sorted(rows, app.sort, "");
    sorted.into_iter().cloned().collect()
}

fn some(frame: &mut Frame<'_>, app: &mut App, area: Rect, kind: Kind) {
    let rows = rows_of(app, kind);
    let rows: Vec<&portreeve_live::Row> = rows.iter().collect();
    let manner = Manner {
        nothing: Some(match kind {
            Kind::Apps => "none yet: they are told when conversations end, or after a minute",
            _ => "nothing yet",
        }),
        ..Manner::default()
    };
    lists::talkers(frame, app, area, (kind, &rows), manner);
}

fn now(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    if area.width >= ROOM_FOR_TWO && area.height >= 8 {
        let [top, bottom] = Layout::vertical([Constraint::Fill(1); 2])
            .spacing(1)
            .areas(area);
        let halves = |area| -> [Rect; 2] {
            Layout::horizontal([Constraint::Fill(1); 2])
                .spacing(2)
                .areas(area)
        };
        let [hosts, apps] = halves(top);
        some(frame, app, hosts, Kind::Hosts);
        some(frame, app, apps, Kind::Apps);
        if app.view.top.countries.is_empty() || area.width < 140 {
            some(frame, app, bottom, Kind::Talks);
        } else {
            let [talks, countries] = halves(bottom);
            some(frame, app, talks, Kind::Talks);
            some(frame, app, countries, Kind::Countries);
        }
        return;
    }
    // On a low screen the last lists are the first to go: each needs its heading and two rows.
    let kinds = [Kind::Hosts, Kind::Talks, Kind::Services];
    let shown = usize::from(area.height / 3).clamp(1, kinds.len());
    let parts = Layout::vertical(vec![Constraint::Fill(1); shown]).split(area);
    for (kind, part) in kinds.iter().zip(parts.iter()) {
        some(frame, app, *part, *kind);
    }
}

/// One list that fills the page, with a row selected.
fn list(frame: &mut Frame<'_>, app: &mut App, area: Rect, kind: Kind) {
    let line = Rect {
        height: area.height.min(1),
        ..area
    };
    let mut area = area;
    if lists::search_line(frame, app, line) {
        area.y += line.height;
        area.height -= line.height;
    }
    app.room = usize::from(area.height).saturating_sub(1);
    app.keep_in_sight();
    let rows: Vec<portreeve_live::Row> = app.rows().into_iter().cloned().collect();
    let rows: Vec<&portreeve_live::Row> = rows.iter().collect();
    let manner = Manner {
        scroll: app.scroll,
        selected: Some(app.selected),
        nothing: (!app.search.is_empty()).then_some("none of them; Esc takes the search away"),
    };
    lists::talkers(frame, app, area, (kind, &rows), manner);
}

fn apps(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    if app.view.top.countries.is_empty() || area.width < ROOM_FOR_TWO {
        return list(frame, app, area, Kind::Apps);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2])
        .spacing(2)
        .areas(area);
    list(frame, app, left, Kind::Apps);
    some(frame, app, right, Kind::Countries);
}

const HELP: [&str; 20] = [
    "q  ^C       leave (a run of this screen's own ends)",
    "tab  1-8    next page; that page; or click it",
    "↑ ↓ j k     row or line; also the wheel",
    "Enter       open: a conversation, or the flows of",
    "            a host, a service, an application",
    "Esc         back",
    "/           flows: filter; other lists: search",
    "s           sort by the next column;  b bytes",
    "            p packets  o sent  i received",
    "            n newest  d duration (flows)",
    "space       hold the picture; the capture goes on",
    "?           this help; any key leaves it",
    "",
    "in, out: by the local networks. peak: the rate of",
    "the second's busiest millisecond. Times are UTC.",
    "Talkers: the last 10 s. Apps: the last minute.",
    "The green line is the ledger: red if anything was",
    "lost. \"unknown\": nobody counts it.",
    "Filter: 10.0.0.0/8 port:443 service:dns bytes>1MB",
    "  -state:SF (a or b)    Shift: select with the mouse",
];

fn draw_help(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let width = 54.min(area.width);
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
mod tests;
