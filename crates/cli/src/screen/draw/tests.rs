//! Painted screens, as text.

use std::sync::Arc;

use portreeve_live::{FlowDetail, FlowRow, Progress, Row, SourceView, View, WorkerView};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::screen::Detail;

fn row(name: &str, out_bits: u64, in_bits: u64) -> Row {
    Row {
        name: name.into(),
        out_bits,
        in_bits,
        packets: in_bits / 1000,
        ..Row::default()
    }
}

fn flow(number: u8) -> FlowRow {
    serde_json::from_value(serde_json::json!({
        "uid": format!("C{number}"), "open": number == 1, "ts": 1_700_000_000_000_i64,
        "id.orig_h": format!("10.0.0.{number}"), "id.orig_p": 40_000, "id.resp_h": "192.0.2.7", "id.resp_p": 443,
        "proto": "tcp", "service": "ssl", "app": null, "duration": 12_300_000, "conn_state": "SF",
        "orig_bytes": 1, "resp_bytes": 2, "orig_pkts": 3, "orig_ip_bytes": 1000, "resp_pkts": 4, "resp_ip_bytes": 500_000,
        "local_orig": true, "local_resp": false, "history": "ShADadFf", "syn_rtt": 1_500_000, "retransmits": 0,
        "missed_bytes": 0, "orig_name": null, "resp_name": null, "orig_cc": null, "resp_cc": null,
    }))
    .expect("a row")
}

fn view() -> View {
    let mut view = View {
        version: 1,
        uptime_ms: 62_000,
        sources: vec![SourceView {
            name: "eth9".into(),
            packets: 2000,
            bits: 8_000_000,
            lost: None,
        }],
        workers: vec![WorkerView {
            name: "worker-0".into(),
            cpu: 1,
            pinned: true,
            mode: "interrupt".into(),
            packets: 2000,
            busy: 0.25,
            idle: 0.1,
            sleep: 0.65,
            ..WorkerView::default()
        }],
        ..View::default()
    };
    view.second = Second {
        packets: 2000,
        bits: 8_000_000,
        in_bits: 6_000_000,
        in_packets: 1200,
        out_bits: 2_000_000,
        out_packets: 800,
        peak_bits: 40_000_000,
        ..Second::default()
    };
    view.ledger.frames.delivered = 4000;
    view.ledger.frames.analysed = 4000;
    view.top.hosts = (1..=40)
        .map(|i| row(&format!("10.0.0.{i}"), 8_000 * i, 1_000_000 * i))
        .collect();
    let mut https = row("tcp/443", 20_000, 3_000_000);
    https.detail = Some("ssl".into());
    view.top.services = vec![https];
    view.top.conversations = vec![row(
        "[2001:db8:1234:5678:9abc:def0:1234:5678]:40000 > [2001:db8::2]:443 tcp",
        16_000,
        2_000_000,
    )];
    view
}

fn app() -> App {
    App {
        seconds: vec![view().second; 50],
        view: Arc::new(view()),
        flows: (1..=30).map(flow).collect(),
        ..App::new(false)
    }
}

fn painted(app: &mut App, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(frame, app)).expect("painted");
    let buffer = terminal.backend().buffer();
    (0..height)
        .map(|y| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        })
        .collect()
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
fn the_first_page_has_all_in_80_by_24() {
    let lines = painted(&mut app(), 80, 24);
    assert!(lines[0].starts_with(" 1 now  2 hosts "), "{lines:#?}");
    assert!(lines[0].contains("8 ledger"), "{lines:#?}");
    assert!(
        lines[1].starts_with("eth9 1:02  8.00 Mbit/s  2.00k packets/s"),
        "{lines:#?}"
    );
    assert!(line_with(&lines, "in ").ends_with("6.00 Mbit/s 1.20k packets/s"));
    assert!(line_with(&lines, "peak").ends_with("40.0 Mbit/s in 1 ms, 5.0× mean"));
    assert_eq!(
        line_with(&lines, "10.0.0.40"),
        "10.0.0.40 320 kbit/s 40.0 Mbit/s 40.0k"
    );
    assert_eq!(
        line_with(&lines, "tcp/443"),
        "tcp/443 ssl 20.0 kbit/s 3.00 Mbit/s 3.00k"
    );
    assert!(line_with(&lines, "2001:db8").contains('…'));
    assert!(
        lines[22].contains("4,000 packets · 0 lost · books balance"),
        "{lines:#?}"
    );
    assert!(lines[23].contains("q quit"), "{lines:#?}");
}

#[test]
fn where_the_dashboard_is_stands_at_the_top() {
    let mut app = app();
    app.dashboard = Some("http://127.0.0.1:7678/".into());
    // In 80 columns it has a line of its own, and nothing else is lost for it.
    let lines = painted(&mut app, 80, 24);
    assert_eq!(
        lines[1].trim_end(),
        " dashboard in the browser: http://127.0.0.1:7678/"
    );
    assert!(lines[2].starts_with("eth9 1:02"), "{lines:#?}");
    assert!(lines[0].contains("8 ledger"), "{lines:#?}");
    line_with(&lines, "tcp/443");
    assert!(lines[22].contains("books balance"), "{lines:#?}");
    // Where there is room it stands beside the pages' names, on every page.
    app.page = Page::Hosts;
    let lines = painted(&mut app, 100, 24);
    assert!(lines[0].contains("8 ledger"), "{lines:#?}");
    assert!(lines[0].ends_with(" http://127.0.0.1:7678/ "), "{lines:#?}");
    assert!(lines[1].starts_with("eth9"), "{lines:#?}");
    // A low screen is for numbers.
    app.page = Page::Now;
    let lines = painted(&mut app, 80, 12);
    assert!(lines[1].starts_with("eth9"), "{lines:#?}");
}

#[test]
fn any_size_is_painted() {
    let mut app = app();
    app.dashboard = Some("https://[2001:db8::1]:7678/".into());
    app.view = Arc::new(View {
        progress: Some(Progress::default()),
        ..view()
    });
    for page in Page::ALL {
        app.page = page;
        for (width, height) in [
            (1, 1),
            (3, 2),
            (10, 5),
            (40, 8),
            (79, 12),
            (120, 40),
            (300, 90),
        ] {
            for (help, scroll, detail) in [
                (false, 0, None),
                (true, 0, None),
                (false, usize::MAX, None),
                (false, 0, Some(Detail::default())),
            ] {
                (app.help, app.scroll, app.detail) = (help, scroll, detail);
                assert_eq!(painted(&mut app, width, height).len(), usize::from(height));
            }
        }
    }
}

#[test]
fn flows_fit_and_the_selected_one_is_in_sight() {
    let mut app = app();
    app.page = Page::Flows;
    let lines = painted(&mut app, 80, 24);
    assert_eq!(
        line_with(&lines, "10.0.0.1:"),
        "22:13:20 10.0.0.1:40000 > 192.0.2.7:443 ssl open 501 kB 12 ms"
    );
    app.event(&ratatui::crossterm::event::Event::Key(
        ratatui::crossterm::event::KeyCode::End.into(),
    ));
    let lines = painted(&mut app, 80, 24);
    assert!(
        lines.iter().any(|line| line.contains("10.0.0.30:")),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.contains("10.0.0.1:")));
    let lines = painted(&mut app, 40, 24);
    assert!(
        line_with(&lines, "10.0.0.30").ends_with("501 kB"),
        "{lines:#?}"
    );
}

#[test]
fn a_narrow_bar_keeps_the_name_of_the_page_that_is_shown() {
    let mut app = app();
    app.page = Page::Workers;
    let lines = painted(&mut app, 40, 20);
    assert!(
        lines[0].starts_with(" 1  2  3  4  5  6  7 workers  8 "),
        "{lines:#?}"
    );
}

#[test]
fn workers_and_detail_are_told() {
    let mut app = app();
    app.page = Page::Workers;
    let lines = painted(&mut app, 100, 30);
    assert!(
        line_with(&lines, "worker-0")
            .starts_with("worker-0 1 interrupt 2.00k 0 25% 10% 65% █████▒▒·"),
        "{lines:#?}"
    );
    assert_eq!(
        line_with(&lines, "eth9  "),
        "eth9 2.00k 8.00 Mbit/s unknown"
    );
    app.detail = Some(Detail {
        uid: "C1".into(),
        found: Some(FlowDetail::default()),
        scroll: 0,
    });
    let lines = painted(&mut app, 80, 24);
    assert!(
        lines.iter().any(|line| line.starts_with("uid C1")),
        "{lines:#?}"
    );
    assert!(lines[23].starts_with("Esc back"), "{lines:#?}");
}

#[test]
fn losses_are_seen() {
    let mut app = app();
    let mut lossy = view();
    lossy.second.lost = Some(500);
    lossy.ledger.capture = vec![portreeve_engine::ledger::CaptureAccount {
        source: "eth9".into(),
        wire: Some(4500),
        kernel_drops: Some(500),
        delivered: 4000,
        unaccounted: Some(0),
        ..Default::default()
    }];
    app.view = Arc::new(lossy);
    let lines = painted(&mut app, 100, 24);
    assert!(line_with(&lines, "LOSING").contains("LOSING 500/s"));
    assert!(line_with(&lines, "500 lost").contains("(11.1 %)"));
    app.page = Page::Ledger;
    let lines = painted(&mut app, 100, 40);
    assert_eq!(
        line_with(&lines, "by the kernel"),
        "dropped by the kernel, ring full 500"
    );
    assert_eq!(line_with(&lines, "missed by"), "missed by the NIC unknown");
}

#[test]
fn files_have_progress_with_the_time_left() {
    let (share, label) = progress(250, Some(1000), 50.0);
    assert!((share - 0.25).abs() < 1e-9);
    assert_eq!(label, "25 % of 1.00 kB, 50 B/s, 0:15 left");
    assert_eq!(progress(2_000, None, 0.0).1, "2.00 kB read, 0 B/s");
    let mut app = app();
    app.view = Arc::new(View {
        progress: Some(Progress {
            read: 250,
            total: Some(1000),
            bytes_a_second: 0,
        }),
        ..view()
    });
    assert!(line_with(&painted(&mut app, 80, 24), "25 %").contains("of 1.00 kB"));
}

#[test]
fn without_colours_there_are_none() {
    for color in [false, true] {
        let mut app = app();
        app.color = color;
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
        terminal
            .draw(|frame| draw(frame, &mut app))
            .expect("painted");
        let coloured = terminal
            .backend()
            .buffer()
            .content()
            .iter()
            .any(|cell| cell.fg != Color::Reset);
        assert_eq!(coloured, color);
    }
}
