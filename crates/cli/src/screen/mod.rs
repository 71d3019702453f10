//! The screen: rates, who talks, recent conversations, applications, workers, and the ledger's line.
//!
//! [`App`] is its state: what was seen last, which page is shown, what is selected. It knows nothing of terminals: keys and the mouse come
//! in through [`App::event`], what there is to see through an [`Eye`], [`draw`] paints it, [`terminal`] owns the terminal.

pub mod detail;
pub mod draw;
pub mod eye;
pub mod lists;
pub mod rates;
pub mod rows;
pub mod terminal;
pub mod workers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use portreeve_live::{FlowAsk, FlowDetail, FlowRow, Order, Row, Second, View};
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::{Position, Rect};

pub use eye::Eye;

/// Seconds of the past that are kept for the curves.
const PAST: usize = 400;
/// Conversations that are asked for at once.
const MOST_FLOWS: usize = 500;
/// Between two questions after conversations, while nothing is pressed.
const FLOWS_EVERY: Duration = Duration::from_secs(1);
/// The longest text that can be typed.
const MOST_TYPED: usize = 200;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Rates, and some of each.
    #[default]
    Now,
    /// Addresses.
    Hosts,
    /// Conversations that move packets now.
    Talks,
    /// Recent conversations, one by one.
    Flows,
    /// Protocols and ports.
    Services,
    /// Applications and countries.
    Apps,
    /// Workers, sources, outputs, memory.
    Workers,
    /// The whole ledger.
    Ledger,
}

impl Page {
    const ALL: [Page; 8] = [
        Page::Now,
        Page::Hosts,
        Page::Talks,
        Page::Flows,
        Page::Services,
        Page::Apps,
        Page::Workers,
        Page::Ledger,
    ];

    /// Its name in the bar.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Page::Now => "now",
            Page::Hosts => "hosts",
            Page::Talks => "talks",
            Page::Flows => "flows",
            Page::Services => "services",
            Page::Apps => "apps",
            Page::Workers => "workers",
            Page::Ledger => "ledger",
        }
    }

    fn step(self, by: usize) -> Page {
        let at = Page::ALL.iter().position(|page| *page == self).unwrap_or(0);
        Page::ALL[(at + by) % Page::ALL.len()]
    }

    /// Whether it is one list, in which a row can be selected.
    fn is_list(self) -> bool {
        matches!(
            self,
            Page::Hosts | Page::Talks | Page::Flows | Page::Services | Page::Apps
        )
    }
}

/// What rows of talkers are sorted by, most first.
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

/// The name of an order in the bar.
#[must_use]
pub fn order_name(order: Order) -> &'static str {
    match order {
        Order::Newest => "newest",
        Order::Oldest => "oldest",
        Order::Bytes => "bytes",
        Order::Packets => "packets",
        Order::Duration => "duration",
        Order::Rtt => "round trip",
        Order::Retransmits => "retransmits",
    }
}

fn next_order(order: Order) -> Order {
    match order {
        Order::Newest => Order::Bytes,
        Order::Bytes => Order::Packets,
        Order::Packets => Order::Duration,
        Order::Duration => Order::Rtt,
        Order::Rtt => Order::Retransmits,
        Order::Retransmits | Order::Oldest => Order::Newest,
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

/// What stands at a place that can be clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A page's name in the bar.
    Page(Page),
    /// A row of the list.
    Row(usize),
    /// The line of the filter.
    Filter,
}

/// A conversation that is looked at.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// Its identifier.
    pub uid: String,
    /// What is known of it; `None`: nothing any more.
    pub found: Option<FlowDetail>,
    /// Lines left out at the top.
    pub scroll: usize,
}

/// The screen's state.
#[derive(Default)]
pub struct App {
    /// What is shown now; older than the run if paused.
    pub view: Arc<View>,
    /// The last seconds, oldest first.
    pub seconds: Vec<Second>,
    /// Recent conversations, as they were asked for.
    pub flows: Vec<FlowRow>,
    /// Which page.
    pub page: Page,
    /// Talkers are sorted by what.
    pub sort: Sort,
    /// Conversations are sorted by what.
    pub order: Order,
    /// The filter of conversations that is in force.
    pub filter: String,
    /// What rows of the other lists must hold.
    pub search: String,
    /// What is being typed, if something is.
    pub typed: Option<String>,
    /// What is wrong with the filter.
    pub filter_error: Option<String>,
    /// The conversation that is looked at.
    pub detail: Option<Detail>,
    /// The row that is selected.
    pub selected: usize,
    /// Rows left out at the top.
    pub scroll: usize,
    /// Nothing new is shown.
    pub paused: bool,
    /// The help is shown over the page.
    pub help: bool,
    /// Colours are allowed.
    pub color: bool,
    /// The run was asked to end and drains.
    pub ending: bool,
    /// Where the dashboard in the browser is, if it is anywhere.
    pub dashboard: Option<String>,
    /// Something happened that the user should know.
    pub notice: Option<String>,
    /// Nobody answers any more.
    pub lost_touch: Option<String>,
    /// Where one can click, as it was painted last.
    pub targets: Vec<(Rect, Target)>,
    /// Rows of the list that there is room for, as it was painted last.
    pub room: usize,
    /// Conversations are to be asked for again.
    stale: bool,
    asked: Option<Instant>,
}

impl App {
    /// A screen that has not seen anything yet; in colour unless `NO_COLOR` forbids it.
    #[must_use]
    pub fn new(color: bool) -> App {
        App {
            color,
            ..App::default()
        }
    }

    /// Looks.
    pub fn look(&mut self, eye: &dyn Eye) {
        let looked = self.look_at_all(eye);
        self.lost_touch = looked.err();
    }

    fn look_at_all(&mut self, eye: &dyn Eye) -> Result<(), String> {
        if !self.paused || self.view.version == 0 {
            let view = eye.view()?;
            if view.version != self.view.version {
                let since = self.seconds.last().map_or(0, |last| last.ts + 1);
                // Another run at the same place begins anew.
                if view.version < self.view.version {
                    self.seconds.clear();
                }
                self.seconds.extend(eye.seconds(since)?);
                let over = self.seconds.len().saturating_sub(PAST);
                self.seconds.drain(..over);
                self.keep_selection(|app| app.view = view);
            }
        }
        let due = !self.paused
            && self
                .asked
                .is_none_or(|asked| asked.elapsed() >= FLOWS_EVERY);
        if (self.page == Page::Flows || self.detail.is_some()) && (due || self.stale) {
            self.ask_for_flows(eye)?;
        }
        Ok(())
    }

    fn ask_for_flows(&mut self, eye: &dyn Eye) -> Result<(), String> {
        self.stale = false;
        self.asked = Some(Instant::now());
        if let Some(detail) = &mut self.detail {
            // What is forgotten stays on the screen as it was.
            if let Some(found) = eye.flow(&detail.uid)? {
                detail.found = Some(found);
            }
            return Ok(());
        }
        let asked = FlowAsk {
            filter: self.filter.clone(),
            order: self.order,
            limit: MOST_FLOWS,
        };
        match portreeve_live::Filter::parse(&asked.filter) {
            Ok(_) => {
                let flows = eye.flows(&asked)?;
                if self.typed.is_none() {
                    self.filter_error = None;
                }
                self.keep_selection(|app| app.flows = flows);
            }
            Err(error) if self.typed.is_none() => self.filter_error = Some(error.to_string()),
            Err(_) => {}
        }
        Ok(())
    }

    /// After `change`, the row that was selected is selected still, wherever it is now.
    fn keep_selection(&mut self, change: impl FnOnce(&mut App)) {
        // The first row stays the first: one who has not moved wants to see what is on top.
        let before = (self.selected > 0).then(|| self.name_of(self.selected));
        change(self);
        if let Some(Some(name)) = before
            && let Some(at) = (0..self.len()).find(|at| self.name_of(*at).as_ref() == Some(&name))
        {
            self.scroll = (self.scroll + at).saturating_sub(self.selected);
            self.selected = at;
        }
        self.keep_in_sight();
    }

    /// What row `at` of the list is called.
    fn name_of(&self, at: usize) -> Option<String> {
        match self.page {
            Page::Flows => self.flows.get(at).map(|flow| flow.uid.clone()),
            _ => self.rows().get(at).map(|row| row.name.clone()),
        }
    }

    /// The rows of the page's list, sorted and searched; none for a page without.
    #[must_use]
    pub fn rows(&self) -> Vec<&Row> {
        let top = &self.view.top;
        let rows = match self.page {
            Page::Hosts => &top.hosts,
            Page::Talks => &top.conversations,
            Page::Services => &top.services,
            Page::Apps => &top.applications,
            _ => return Vec::new(),
        };
        lists::sorted(rows, self.sort, &self.search)
    }

    /// How many rows the page's list has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.page {
            Page::Flows => self.flows.len(),
            _ => self.rows().len(),
        }
    }

    /// Takes a key, the mouse or another size of the terminal.
    pub fn event(&mut self, event: &Event) -> Action {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key),
            Event::Mouse(mouse) => {
                self.mouse(*mouse);
                Action::None
            }
            _ => Action::None,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Action::Quit,
                KeyCode::Char('z') => Action::Suspend,
                KeyCode::Char('u') => {
                    if let Some(typed) = &mut self.typed {
                        typed.clear();
                    }
                    Action::None
                }
                _ => Action::None,
            };
        }
        if self.typed.is_some() {
            self.typing(key.code);
            return Action::None;
        }
        self.notice = None;
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
            KeyCode::Tab | KeyCode::Right => self.show(self.page.step(1)),
            KeyCode::BackTab | KeyCode::Left => self.show(self.page.step(Page::ALL.len() - 1)),
            KeyCode::Char(digit @ '1'..='8') => {
                self.show(Page::ALL[digit as usize - '1' as usize]);
            }
            KeyCode::Char('/' | 'f') => self.begin_typing(),
            KeyCode::Char('s') => self.next_sort(),
            KeyCode::Char('b') => self.sort_by(Sort::Bytes, Order::Bytes),
            KeyCode::Char('p') => self.sort_by(Sort::Packets, Order::Packets),
            KeyCode::Char('o') => self.sort_by(Sort::Out, self.order),
            KeyCode::Char('i') => self.sort_by(Sort::In, self.order),
            KeyCode::Char('n') => self.sort_by(self.sort, Order::Newest),
            KeyCode::Char('d') => self.sort_by(self.sort, Order::Duration),
            KeyCode::Enter => self.enter(),
            KeyCode::Esc | KeyCode::Backspace => self.back(),
            KeyCode::Down | KeyCode::Char('j') => self.down(1),
            KeyCode::Up | KeyCode::Char('k') => self.up(1),
            KeyCode::PageDown => self.down(self.room.max(2) - 1),
            KeyCode::PageUp => self.up(self.room.max(2) - 1),
            KeyCode::Home | KeyCode::Char('g') => self.up(usize::MAX),
            KeyCode::End | KeyCode::Char('G') => self.down(usize::MAX / 2),
            _ => {}
        }
        Action::None
    }

    fn typing(&mut self, key: KeyCode) {
        let Some(typed) = &mut self.typed else { return };
        match key {
            KeyCode::Char(character) if typed.chars().count() < MOST_TYPED => {
                typed.push(character);
            }
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Esc => {
                self.typed = None;
                self.filter_error = None;
                return;
            }
            KeyCode::Enter => {
                let text = self.typed.take().unwrap_or_default();
                self.set_filter(text.trim());
                return;
            }
            _ => return,
        }
        // What is typed is checked at once, and put in force with Enter.
        if self.page == Page::Flows {
            let parsed = portreeve_live::Filter::parse(typed);
            self.filter_error = parsed.err().map(|error| error.to_string());
        }
    }

    fn begin_typing(&mut self) {
        if !self.page.is_list() {
            self.show(Page::Flows);
        }
        self.detail = None;
        self.typed = Some(self.narrowed_by().to_owned());
    }

    /// What the rows of the page's list must be, or hold.
    fn narrowed_by(&self) -> &str {
        if self.page == Page::Flows {
            &self.filter
        } else {
            &self.search
        }
    }

    fn set_filter(&mut self, text: &str) {
        if self.page == Page::Flows {
            text.clone_into(&mut self.filter);
        } else {
            text.clone_into(&mut self.search);
        }
        (self.selected, self.scroll) = (0, 0);
        self.stale = true;
    }

    fn next_sort(&mut self) {
        if self.page == Page::Flows {
            self.order = next_order(self.order);
        } else {
            self.sort = self.sort.next();
        }
        self.sorted_anew();
    }

    fn sort_by(&mut self, sort: Sort, order: Order) {
        if self.page == Page::Flows {
            self.order = order;
        } else {
            self.sort = sort;
        }
        self.sorted_anew();
    }

    fn sorted_anew(&mut self) {
        (self.selected, self.scroll) = (0, 0);
        self.stale = true;
    }

    /// Opens the row that is selected: a conversation, or the conversations of a host, a service, an application.
    fn enter(&mut self) {
        if self.detail.is_some() {
            return;
        }
        if self.page == Page::Flows {
            if let Some(flow) = self.flows.get(self.selected) {
                self.open(flow.uid.clone());
            }
            return;
        }
        let Some(row) = self.rows().get(self.selected).map(|row| (*row).clone()) else {
            return;
        };
        match (self.page, &row.ends) {
            (Page::Talks, Some(ends)) => match &ends.uid {
                Some(uid) => self.open(uid.clone()),
                None => {
                    self.notice = Some("no record of it has come yet: a moment, please".into());
                }
            },
            (Page::Hosts, _) => self.show_flows(format!("host:{}", row.name)),
            (Page::Services, _) => self.show_flows(match row.name.split_once('/') {
                Some((proto, port)) => format!("proto:{proto} dport:{port}"),
                None => format!("proto:{}", row.name),
            }),
            (Page::Apps, _) if row.name == portreeve_live::UNRECOGNISED => {
                self.show_flows("-service:* -app:*".into());
            }
            (Page::Apps, _) => {
                // Several protocols in one conversation stand with commas between them.
                let one = row.name.split(',').next().unwrap_or_default();
                self.show_flows(format!("(app:\"{one}\" or service:\"{one}\")"));
            }
            _ => {}
        }
    }

    fn open(&mut self, uid: String) {
        self.detail = Some(Detail {
            uid,
            ..Detail::default()
        });
        self.stale = true;
    }

    fn show_flows(&mut self, filter: String) {
        self.show(Page::Flows);
        self.filter = filter;
    }

    fn back(&mut self) {
        self.notice = None;
        if self.detail.take().is_some() {
            self.stale = true;
        } else if self.page.is_list() && !self.narrowed_by().is_empty() {
            self.set_filter("");
        } else {
            self.show(Page::Now);
        }
    }

    fn down(&mut self, rows: usize) {
        if let Some(detail) = &mut self.detail {
            detail.scroll = detail.scroll.saturating_add(rows);
        } else if self.page.is_list() {
            self.selected = self.selected.saturating_add(rows);
            self.keep_in_sight();
        } else {
            self.scroll = self.scroll.saturating_add(rows);
        }
    }

    fn up(&mut self, rows: usize) {
        if let Some(detail) = &mut self.detail {
            detail.scroll = detail.scroll.saturating_sub(rows);
        } else if self.page.is_list() {
            self.selected = self.selected.saturating_sub(rows);
            self.keep_in_sight();
        } else {
            self.scroll = self.scroll.saturating_sub(rows);
        }
    }

    fn keep_in_sight(&mut self) {
        if !self.page.is_list() {
            return;
        }
        let (len, room) = (self.len(), self.room.max(1));
        self.selected = self.selected.min(len.saturating_sub(1));
        let last = self.selected.saturating_sub(room - 1);
        self.scroll = self.scroll.clamp(last, self.selected.max(last));
        self.scroll = self.scroll.min(len.saturating_sub(room));
    }

    fn show(&mut self, page: Page) {
        self.page = page;
        self.detail = None;
        self.notice = None;
        (self.selected, self.scroll) = (0, 0);
        self.stale = true;
    }

    fn mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollDown => self.down(3),
            MouseEventKind::ScrollUp => self.up(3),
            MouseEventKind::Down(MouseButton::Left) => {
                if std::mem::take(&mut self.help) {
                    return;
                }
                let at = Position::new(mouse.column, mouse.row);
                let hit = self.targets.iter().find(|(area, _)| area.contains(at));
                match hit.map(|(_, target)| *target) {
                    Some(Target::Page(page)) => {
                        self.typed = None;
                        self.show(page);
                    }
                    // A second click on a row opens it.
                    Some(Target::Row(row)) if row == self.selected => self.enter(),
                    Some(Target::Row(row)) => self.selected = row,
                    Some(Target::Filter) => self.begin_typing(),
                    None => {}
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
