//! The lists: talkers, and recent conversations.

use std::cmp::Reverse;
use std::time::Duration;

use portreeve_live::{FlowRow, Row};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::draw::bold;
use super::{App, Sort, Target};
use crate::text;

/// Width of a column of numbers.
const COLUMN: usize = 13;
/// The least width of a name.
const LEAST_NAME: usize = 20;

/// Rows in the order asked for, those that hold `search` somewhere; ties by name, so that rows do not jump.
#[must_use]
pub fn sorted<'a>(rows: &'a [Row], by: Sort, search: &str) -> Vec<&'a Row> {
    let search = search.to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&search);
    let mut found: Vec<&Row> = rows
        .iter()
        .filter(|row| holds(&row.name) || row.detail.as_deref().is_some_and(holds))
        .collect();
    let measure = |row: &Row| match by {
        Sort::Bytes => row.bits(),
        Sort::Packets => row.packets,
        Sort::Out => row.out_bits,
        Sort::In => row.in_bits,
    };
    found.sort_by(|a, b| {
        Reverse(measure(a))
            .cmp(&Reverse(measure(b)))
            .then_with(|| a.name.cmp(&b.name))
    });
    found
}

/// What a list of talkers is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Addresses.
    Hosts,
    /// Conversations.
    Talks,
    /// Protocols and ports.
    Services,
    /// Applications.
    Apps,
    /// Countries.
    Countries,
}

impl Kind {
    /// The headings of its columns: whose name, what it sent, what it received, and how many.
    fn headings(self) -> [&'static str; 4] {
        match self {
            Kind::Hosts => ["HOST", "SENT", "RECEIVED", "PACKETS/s"],
            Kind::Talks => ["CONVERSATION", "FORTH", "BACK", "PACKETS/s"],
            Kind::Services => ["SERVICE", "FROM SERVER", "TO SERVER", "PACKETS/s"],
            Kind::Apps => ["APPLICATION", "FROM SERVER", "TO SERVER", "CONNS/min"],
            Kind::Countries => ["COUNTRY", "SENT", "RECEIVED", "CONNS/min"],
        }
    }

    fn last(self, row: &Row) -> String {
        match self {
            Kind::Apps | Kind::Countries => text::short(row.flows.unwrap_or(0) as f64),
            _ => text::short(row.packets as f64),
        }
    }
}

fn bits(rate: u64) -> String {
    text::bit_rate(rate as f64 / 8.0)
}

/// A name in `width` columns. Of a talk the middle can go, not the server's end.
fn named(kind: Kind, row: &Row, width: usize) -> String {
    let usual = match (kind, row.name.split_once('/')) {
        (Kind::Services, Some((_, port))) => port.parse().ok().and_then(text::port_name),
        _ => None,
    };
    match (&row.detail, usual) {
        (Some(detail), _) => text::fit(&format!("{}  {detail}", row.name), width),
        (None, Some(usual)) => text::fit(&format!("{}  {usual}", row.name), width),
        (None, None) => text::fit(&row.name, width),
    }
}

/// How a list is shown.
#[derive(Clone, Copy, Default)]
pub struct Manner {
    /// Rows left out at the top.
    pub scroll: usize,
    /// The row that is selected.
    pub selected: Option<usize>,
    /// What to say where there are none.
    pub nothing: Option<&'static str>,
}

/// Paints a list of talkers.
pub fn talkers(
    frame: &mut Frame<'_>,
    app: &mut App,
    area: Rect,
    (kind, rows): (Kind, &[&Row]),
    manner: Manner,
) {
    if area.height == 0 {
        return;
    }
    let width = usize::from(area.width);
    // On a narrow screen the name is what remains, and the numbers go one after the other.
    let numbers = (3 * COLUMN).min(width.saturating_sub(LEAST_NAME) / COLUMN * COLUMN);
    let names = width - numbers;
    let cells = |a: &str, b: &str, c: &str| {
        let all = format!("{a:>COLUMN$}{b:>COLUMN$}{c:>COLUMN$}");
        all.chars().take(numbers).collect::<String>()
    };
    let [heading, sent, received, last] = kind.headings();
    let mut lines = vec![Line::styled(
        format!("{heading:<names$}{}", cells(sent, received, last)),
        bold(app, Color::Cyan),
    )];
    let room = usize::from(area.height) - 1;
    for (at, row) in rows.iter().enumerate().skip(manner.scroll).take(room) {
        let name = named(kind, row, names.saturating_sub(1));
        let line = format!(
            "{name:<names$}{}",
            cells(&bits(row.out_bits), &bits(row.in_bits), &kind.last(row))
        );
        lines.push(row_line(line, manner.selected == Some(at)));
        if manner.selected.is_some() {
            click(app, area, lines.len() - 1, Target::Row(at));
        }
    }
    if rows.is_empty() && room > 0 {
        lines.push(Line::styled(
            manner.nothing.unwrap_or("nothing yet"),
            Style::new().add_modifier(Modifier::DIM),
        ));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn row_line(line: String, selected: bool) -> Line<'static> {
    if selected {
        Line::styled(line, Style::new().add_modifier(Modifier::REVERSED))
    } else {
        Line::raw(line)
    }
}

/// Notes that line `at` of `area` can be clicked.
fn click(app: &mut App, area: Rect, at: usize, target: Target) {
    let line = Rect {
        y: area.y + at as u16,
        height: 1,
        ..area
    };
    app.targets.push((line, target));
}

/// The time of day of a moment, UTC: `14:03:22`.
#[must_use]
pub fn time_of_day(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// A length of time in nanoseconds, short: `12.3 ms`, `4.2 s`, `1:02:03`.
#[must_use]
pub fn length(nanoseconds: i64) -> String {
    let seconds = nanoseconds.max(0) as f64 / 1e9;
    match seconds {
        s if s < 0.000_999_5 => format!("{:.0} µs", s * 1e6),
        s if s < 0.009_995 => format!("{:.2} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.0} ms", s * 1e3),
        s if s < 99.95 => format!("{s:.1} s"),
        s => text::clock(Duration::from_secs_f64(s)),
    }
}

/// An end with its port, where there are ports.
fn end(address: std::net::IpAddr, port: u16, has_ports: bool) -> String {
    match address {
        _ if !has_ports => address.to_string(),
        std::net::IpAddr::V4(address) => format!("{address}:{port}"),
        std::net::IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

/// Both ends of a conversation, the originator first.
#[must_use]
pub fn ends(flow: &FlowRow) -> (String, String) {
    let has_ports = matches!(flow.proto.as_str(), "tcp" | "udp" | "sctp" | "udplite");
    (
        end(flow.orig_h, flow.orig_p, has_ports),
        end(flow.resp_h, flow.resp_p, has_ports),
    )
}

/// What a conversation is called by people: its product, else its protocol.
fn called(flow: &FlowRow) -> String {
    let called = flow.app.as_ref().or(flow.service.as_ref());
    called.unwrap_or(&flow.proto).clone()
}

/// `from > to` in `width` columns: each end gives up its name's end, not the other's.
fn both_ends(flow: &FlowRow, width: usize) -> String {
    let (from, to) = ends(flow);
    let whole = format!("{from} > {to}");
    if whole.chars().count() <= width || width < 12 {
        return text::fit(&whole, width);
    }
    let half = (width - 3) / 2;
    let spare = |text: &str| half.saturating_sub(text.chars().count());
    let (for_from, for_to) = (half + spare(&to), half + spare(&from));
    format!(
        "{} > {}",
        text::fit(&from, for_from),
        text::fit(&to, for_to)
    )
}

/// Paints the line of a filter: what is in force, or what is being typed.
fn filter_line(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    let (words, style) = match (&app.typed, &app.filter_error) {
        (Some(typed), _) => {
            let room = usize::from(area.width).saturating_sub(4);
            let over = typed.chars().count().saturating_sub(room);
            let end: String = typed.chars().skip(over).collect();
            (format!("/ {end}▏"), bold(app, Color::Yellow))
        }
        (None, _) if app.filter.is_empty() => (
            "/ filter: 10.0.0.5  port:443  service:dns  bytes>1MB  -state:SF".to_owned(),
            Style::new().add_modifier(Modifier::DIM),
        ),
        (None, _) => (format!("/ {}", app.filter), bold(app, Color::Yellow)),
    };
    app.targets.push((area, Target::Filter));
    let fitted = text::fit(&words, area.width.into());
    frame.render_widget(Line::styled(fitted, style), area);
}

/// Paints the line of the search in another list, where something is searched for. Whether it did.
pub fn search_line(frame: &mut Frame<'_>, app: &mut App, area: Rect) -> bool {
    let words = match &app.typed {
        Some(typed) => format!("/ {typed}▏"),
        None if app.search.is_empty() => return false,
        None => format!("/ {}", app.search),
    };
    app.targets.push((area, Target::Filter));
    let style = bold(app, Color::Yellow);
    frame.render_widget(
        Line::styled(text::fit(&words, area.width.into()), style),
        area,
    );
    true
}

/// Paints recent conversations.
pub fn flows(frame: &mut Frame<'_>, app: &mut App, area: Rect) {
    if area.height < 3 {
        return;
    }
    let line = Rect { height: 1, ..area };
    filter_line(frame, app, line);
    let list = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    app.room = usize::from(list.height) - 1;
    let width = usize::from(area.width);
    // Columns go one after the other as the screen gets narrower: the ends and the bytes stay.
    let columns: &[(&str, usize)] = match width {
        100.. => &[
            ("PROTO", 7),
            ("WHAT", 14),
            ("STATE", 8),
            ("SENT", 10),
            ("RECEIVED", 10),
            ("ROUND TRIP", 12),
            ("LASTED", 10),
        ],
        76.. => &[("WHAT", 11), ("STATE", 7), ("BYTES", 9), ("LASTED", 9)],
        50.. => &[("WHAT", 9), ("BYTES", 9)],
        _ => &[("BYTES", 9)],
    };
    let cell = |flow: &FlowRow, column: &str| match column {
        "PROTO" => flow.proto.clone(),
        "WHAT" => called(flow),
        "STATE" if flow.open => "open".to_owned(),
        "STATE" => flow.conn_state.clone(),
        "SENT" => text::bytes(flow.orig_ip_bytes),
        "RECEIVED" => text::bytes(flow.resp_ip_bytes),
        "BYTES" => text::bytes(flow.bytes()),
        "ROUND TRIP" => flow.syn_rtt.map(length).unwrap_or_default(),
        _ => flow.duration.map(length).unwrap_or_default(),
    };
    let numbers: usize = columns.iter().map(|(_, width)| width).sum();
    let time = if width >= 50 { 9 } else { 0 };
    let names = width.saturating_sub(numbers + time);
    let mut heading = format!("{:<time$}{:<names$}", "BEGAN", "FROM > TO");
    if time == 0 {
        heading = format!("{:<names$}", "FROM > TO");
    }
    for (name, width) in columns {
        heading.push_str(&format!("{name:>width$}"));
    }
    let mut lines = vec![Line::styled(heading, bold(app, Color::Cyan))];
    let flows = std::mem::take(&mut app.flows);
    for (at, flow) in flows.iter().enumerate().skip(app.scroll).take(app.room) {
        let mut line = String::new();
        if time > 0 {
            line.push_str(&format!("{:<time$}", time_of_day(flow.ts)));
        }
        let both = both_ends(flow, names.saturating_sub(1));
        line.push_str(&format!("{both:<names$}"));
        for (name, width) in columns {
            let cell = text::fit(&cell(flow, name), width - 1);
            line.push_str(&format!("{cell:>width$}"));
        }
        lines.push(row_line(line, at == app.selected));
        click(app, list, lines.len() - 1, Target::Row(at));
    }
    app.flows = flows;
    if let Some(error) = &app.filter_error {
        lines.insert(1, Line::styled(error.clone(), bold(app, Color::Red)));
    } else if app.flows.is_empty() {
        let said = if app.filter.is_empty() {
            "none yet: a conversation comes here when it ends, or after a minute"
        } else {
            "none of the recent ones; Esc takes the filter away"
        };
        lines.push(Line::styled(said, Style::new().add_modifier(Modifier::DIM)));
    }
    frame.render_widget(Paragraph::new(lines), list);
}
