//! The live screen: top talkers, rates, and the ledger's line.
//!
//! [`App`] is its state: the last snapshot, which view is shown, how it is sorted. It knows nothing of terminals: keys come
//! in through [`App::key`], [`draw`] paints it, [`terminal`] owns the terminal.

pub mod draw;
pub mod rates;
pub mod rows;
pub mod terminal;

use portreeve_engine::Snapshot;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use rates::Meter;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Some of each.
    #[default]
    Overview,
    /// Hosts only.
    Hosts,
    /// Services only.
    Services,
    /// Flows only.
    Flows,
    /// The whole ledger and the workers.
    Ledger,
}

impl View {
    const ALL: [View; 5] = [
        View::Overview,
        View::Hosts,
        View::Services,
        View::Flows,
        View::Ledger,
    ];

    /// Its name in the bar.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            View::Overview => "overview",
            View::Hosts => "hosts",
            View::Services => "services",
            View::Flows => "flows",
            View::Ledger => "ledger",
        }
    }

    fn step(self, by: usize) -> View {
        let at = View::ALL.iter().position(|view| *view == self).unwrap_or(0);
        View::ALL[(at + by) % View::ALL.len()]
    }
}

/// What rows are sorted by, most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Bytes, both ways.
    #[default]
    Bytes,
    /// Packets, both ways.
    Packets,
    /// Bytes sent.
    Out,
    /// Bytes received.
    In,
}

impl Sort {
    /// Its name in the bar.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sort::Bytes => "bytes",
            Sort::Packets => "packets",
            Sort::Out => "sent",
            Sort::In => "received",
        }
    }

    fn next(self) -> Sort {
        match self {
            Sort::Bytes => Sort::Packets,
            Sort::Packets => Sort::Out,
            Sort::Out => Sort::In,
            Sort::In => Sort::Bytes,
        }
    }
}

/// What a key asks of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the screen dealt with it.
    None,
    /// Leave.
    Quit,
    /// Stop this process as Ctrl-Z does.
    Suspend,
}

/// The screen's state.
#[derive(Default)]
pub struct App {
    /// What is shown now; older than the run if paused.
    pub snapshot: Snapshot,
    /// Rates between snapshots.
    pub meter: Meter,
    /// Which view.
    pub view: View,
    /// Sorted by what.
    pub sort: Sort,
    /// New snapshots are not shown.
    pub paused: bool,
    /// The help is shown over the view.
    pub help: bool,
    /// Rows left out at the top of a single view.
    pub scroll: usize,
    /// Colours are allowed.
    pub color: bool,
    /// The run was asked to end and drains.
    pub ending: bool,
    /// Something happened that the user should know; more of it is said when the screen is gone.
    pub notice: Option<String>,
}

impl App {
    /// A screen without a snapshot yet; in colour unless `NO_COLOR` forbids it.
    #[must_use]
    pub fn new(color: bool) -> App {
        App {
            color,
            ..App::default()
        }
    }

    /// Takes a snapshot in.
    pub fn take(&mut self, snapshot: Snapshot) {
        if self.paused {
            return;
        }
        self.meter.take(&snapshot);
        self.snapshot = snapshot;
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Action::Quit,
                KeyCode::Char('z') => Action::Suspend,
                _ => Action::None,
            };
        }
        if self.help {
            self.help = false;
            // Any key leaves the help; q also means what it says.
            return if key.code == KeyCode::Char('q') {
                Action::Quit
            } else {
                Action::None
            };
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = true,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Tab | KeyCode::Right => self.show(self.view.step(1)),
            KeyCode::BackTab | KeyCode::Left => self.show(self.view.step(View::ALL.len() - 1)),
            KeyCode::Char(digit @ '1'..='5') => {
                self.show(View::ALL[digit as usize - '1' as usize]);
            }
            KeyCode::Esc => self.show(View::Overview),
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('b') => self.sort = Sort::Bytes,
            KeyCode::Char('p') => self.sort = Sort::Packets,
            KeyCode::Char('o') => self.sort = Sort::Out,
            KeyCode::Char('i') => self.sort = Sort::In,
            KeyCode::Down | KeyCode::Char('j') => self.scroll_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown => self.scroll_by(10),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        Action::None
    }

    /// No view has more rows than this: the keys back work at once.
    fn scroll_by(&mut self, rows: usize) {
        self.scroll = (self.scroll + rows).min(100);
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.scroll = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(app: &mut App, code: KeyCode) -> Action {
        app.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn keys_change_the_view_the_order_and_the_pause() {
        let mut app = App::new(true);
        press(&mut app, KeyCode::Tab);
        assert_eq!(app.view, View::Hosts);
        press(&mut app, KeyCode::BackTab);
        press(&mut app, KeyCode::BackTab);
        assert_eq!(app.view, View::Ledger);
        press(&mut app, KeyCode::Char('4'));
        assert_eq!(app.view, View::Flows);
        press(&mut app, KeyCode::Char('p'));
        assert_eq!(app.sort, Sort::Packets);
        press(&mut app, KeyCode::Char(' '));
        app.take(Snapshot {
            uptime_ns: 5,
            ..Snapshot::default()
        });
        assert_eq!(app.snapshot.uptime_ns, 0, "paused");
        press(&mut app, KeyCode::Char(' '));
        app.take(Snapshot {
            uptime_ns: 6,
            ..Snapshot::default()
        });
        assert_eq!(app.snapshot.uptime_ns, 6);
    }

    #[test]
    fn the_help_goes_with_any_key_and_q_leaves_from_anywhere() {
        let mut app = App::new(true);
        press(&mut app, KeyCode::Char('?'));
        assert!(app.help);
        assert_eq!(press(&mut app, KeyCode::Char('x')), Action::None);
        assert!(!app.help);
        press(&mut app, KeyCode::Char('?'));
        assert_eq!(press(&mut app, KeyCode::Char('q')), Action::Quit);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(app.key(interrupt), Action::Quit);
    }
}
