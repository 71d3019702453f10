//! Keys and the mouse, against a run that is made up.

use std::cell::RefCell;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

/// Says what it was made with, and remembers what it was asked.
#[derive(Default)]
struct Made {
    view: RefCell<Arc<View>>,
    flows: Vec<FlowRow>,
    asked: RefCell<Vec<FlowAsk>>,
}

impl Eye for Made {
    fn view(&self) -> Result<Arc<View>, String> {
        Ok(Arc::clone(&self.view.borrow()))
    }

    fn seconds(&self, _: i64) -> Result<Vec<Second>, String> {
        Ok(vec![Second::default()])
    }

    fn flows(&self, asked: &FlowAsk) -> Result<Vec<FlowRow>, String> {
        self.asked.borrow_mut().push(asked.clone());
        Ok(self.flows.clone())
    }

    fn flow(&self, _: &str) -> Result<Option<FlowDetail>, String> {
        Ok(Some(FlowDetail::default()))
    }
}

fn made(hosts: &[(&str, u64)]) -> Made {
    let mut view = View {
        version: 1,
        ..View::default()
    };
    view.top.hosts = hosts
        .iter()
        .map(|(name, out_bits)| Row {
            name: (*name).into(),
            out_bits: *out_bits,
            ..Row::default()
        })
        .collect();
    Made {
        view: RefCell::new(Arc::new(view)),
        ..Made::default()
    }
}

fn press(app: &mut App, code: KeyCode) -> Action {
    app.event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn write(app: &mut App, text: &str) {
    for character in text.chars() {
        press(app, KeyCode::Char(character));
    }
}

fn paint(app: &mut App) {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
    terminal
        .draw(|frame| draw::draw(frame, app))
        .expect("painted");
}

fn click(app: &mut App, target: Target) {
    let place = app.targets.iter().find(|(_, known)| *known == target);
    let (area, _) = *place.unwrap_or_else(|| panic!("{target:?}: {:?}", app.targets));
    app.event(&Event::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: area.x + 1,
        row: area.y,
        modifiers: KeyModifiers::NONE,
    }));
}

#[test]
fn keys_change_the_page_the_order_and_the_pause() {
    let mut app = App::new(true);
    press(&mut app, KeyCode::Tab);
    assert_eq!(app.page, Page::Hosts);
    press(&mut app, KeyCode::BackTab);
    press(&mut app, KeyCode::BackTab);
    assert_eq!(app.page, Page::Ledger);
    press(&mut app, KeyCode::Char('4'));
    assert_eq!(app.page, Page::Flows);
    press(&mut app, KeyCode::Char('p'));
    assert_eq!(app.order, Order::Packets);
    press(&mut app, KeyCode::Char('2'));
    press(&mut app, KeyCode::Char('s'));
    assert_eq!(app.sort, Sort::Packets);
    let eye = made(&[]);
    app.look(&eye);
    press(&mut app, KeyCode::Char(' '));
    eye.view.replace(Arc::new(View {
        version: 2,
        ..View::default()
    }));
    app.look(&eye);
    assert_eq!(app.view.version, 1, "paused");
    press(&mut app, KeyCode::Char(' '));
    app.look(&eye);
    assert_eq!(app.view.version, 2);
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
    assert_eq!(app.event(&Event::Key(interrupt)), Action::Quit);
}

#[test]
fn a_filter_is_typed_checked_and_asked_for() {
    let eye = made(&[]);
    let mut app = App::new(true);
    press(&mut app, KeyCode::Char('/'));
    assert_eq!(app.page, Page::Flows);
    // Keys that mean something elsewhere are letters here.
    write(&mut app, "quantity:1");
    assert!(
        app.filter_error
            .as_deref()
            .is_some_and(|error| error.contains("quantity"))
    );
    // Looking meanwhile does not take the error away.
    app.look(&eye);
    assert!(app.filter_error.is_some());
    let empty = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
    app.event(&Event::Key(empty));
    write(&mut app, "port:444");
    press(&mut app, KeyCode::Backspace);
    write(&mut app, "3");
    assert_eq!(app.filter_error, None);
    press(&mut app, KeyCode::Enter);
    press(&mut app, KeyCode::Char('b'));
    app.look(&eye);
    let asked = eye.asked.borrow().last().cloned().expect("it asked");
    assert_eq!(
        (asked.filter.as_str(), asked.order),
        ("port:443", Order::Bytes)
    );
    press(&mut app, KeyCode::Esc);
    assert_eq!((app.filter.as_str(), app.page), ("", Page::Flows));
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.page, Page::Now);
}

#[test]
fn enter_on_a_host_shows_its_flows_and_a_search_narrows_the_list() {
    let eye = made(&[("10.0.0.1", 10), ("10.0.0.2", 30), ("192.0.2.1", 20)]);
    let mut app = App::new(true);
    app.look(&eye);
    press(&mut app, KeyCode::Char('2'));
    press(&mut app, KeyCode::Char('/'));
    write(&mut app, "10.0");
    press(&mut app, KeyCode::Enter);
    let names: Vec<&str> = app.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["10.0.0.2", "10.0.0.1"]);
    paint(&mut app);
    press(&mut app, KeyCode::Down);
    press(&mut app, KeyCode::Enter);
    assert_eq!(
        (app.page, app.filter.as_str()),
        (Page::Flows, "host:10.0.0.1")
    );
}

#[test]
fn what_is_selected_stays_selected_when_the_rows_change() {
    let eye = made(&[("10.0.0.1", 10), ("10.0.0.2", 30), ("192.0.2.1", 20)]);
    let mut app = App::new(true);
    app.look(&eye);
    press(&mut app, KeyCode::Char('2'));
    paint(&mut app);
    press(&mut app, KeyCode::Down);
    assert_eq!(app.rows()[app.selected].name, "192.0.2.1");
    let mut next = View::clone(&eye.view.borrow());
    next.version = 2;
    next.top.hosts[0].out_bits = 100;
    eye.view.replace(Arc::new(next));
    app.look(&eye);
    assert_eq!(
        (app.selected, app.rows()[2].name.as_str()),
        (2, "192.0.2.1")
    );
}

#[test]
fn the_mouse_selects_opens_and_turns() {
    let eye = made(&[("10.0.0.1", 10), ("10.0.0.2", 30)]);
    let mut app = App::new(true);
    app.look(&eye);
    paint(&mut app);
    click(&mut app, Target::Page(Page::Hosts));
    assert_eq!(app.page, Page::Hosts);
    paint(&mut app);
    click(&mut app, Target::Row(1));
    assert_eq!((app.page, app.selected), (Page::Hosts, 1));
    click(&mut app, Target::Row(1));
    assert_eq!(
        (app.page, app.filter.as_str()),
        (Page::Flows, "host:10.0.0.1")
    );
    let wheel = |kind| {
        Event::Mouse(MouseEvent {
            kind,
            column: 5,
            row: 10,
            modifiers: KeyModifiers::NONE,
        })
    };
    press(&mut app, KeyCode::Char('8'));
    app.event(&wheel(MouseEventKind::ScrollDown));
    assert_eq!(app.scroll, 3);
    app.event(&wheel(MouseEventKind::ScrollUp));
    assert_eq!(app.scroll, 0);
}

#[test]
fn an_instance_that_falls_silent_is_told() {
    struct Gone;
    impl Eye for Gone {
        fn view(&self) -> Result<Arc<View>, String> {
            Err("it has gone".into())
        }
        fn seconds(&self, _: i64) -> Result<Vec<Second>, String> {
            Err("it has gone".into())
        }
        fn flows(&self, _: &FlowAsk) -> Result<Vec<FlowRow>, String> {
            Err("it has gone".into())
        }
        fn flow(&self, _: &str) -> Result<Option<FlowDetail>, String> {
            Err("it has gone".into())
        }
    }
    let mut app = App::new(true);
    app.look(&Gone);
    assert_eq!(app.lost_touch.as_deref(), Some("it has gone"));
    app.look(&made(&[]));
    assert_eq!(app.lost_touch, None);
}
