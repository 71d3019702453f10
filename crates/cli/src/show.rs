//! What is shown while a run goes on, beside its records.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use portreeve_engine::Snapshot;

use crate::config::{Config, Layers, Origin};
use crate::screen::draw;
use crate::screen::rates::Meter;
use crate::screen::terminal::{self, Screen};
use crate::screen::{Action, App, Eye};
use crate::{ledger, text};

/// A file that is read within this time needs no screen.
const PATIENCE: Duration = Duration::from_millis(700);
/// Between two pictures.
const FRAME: Duration = Duration::from_millis(250);
/// Between two lines.
const LINE: Duration = Duration::from_secs(1);

/// What standard output and error are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Records go to standard output.
    pub records: bool,
    /// What is shown meanwhile.
    pub kind: Kind,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The live screen, on standard output.
    Screen,
    /// A line each second, on standard output: the terminal cannot move its cursor.
    Lines,
    /// How far the file is read, on standard error.
    Progress,
    /// Nothing.
    Nothing,
}

/// What the plan is made from.
pub struct Circumstances {
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// The terminal can move its cursor.
    pub able: bool,
    /// `-q`.
    pub quiet: bool,
    /// Packets come whether we are ready or not.
    pub live: bool,
    /// `-w`.
    pub writes: bool,
    /// `portreeve run`.
    pub service: bool,
}

impl Circumstances {
    /// Those of this process.
    #[must_use]
    pub fn here(quiet: bool, live: bool, writes: bool, service: bool) -> Circumstances {
        Circumstances {
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            able: terminal::is_able(),
            quiet,
            live,
            writes,
            service,
        }
    }
}

impl Plan {
    /// On a terminal without another output asked for: the screen. In a pipe: records.
    #[must_use]
    pub fn new(config: &Config, layers: &Layers, at: &Circumstances) -> Plan {
        if at.service {
            // Standard output is the journal's, for people.
            let (records, kind) = (false, Kind::Nothing);
            return Plan { records, kind };
        }
        // The file says how records are written; a flag also says that they are wanted here.
        let asked = matches!(layers.origin("output.format"), Some(Origin::Flag(_)));
        let elsewhere = config.output.log_dir.is_some() || at.writes;
        let records = match (asked, elsewhere) {
            (true, _) => config.output.log_dir.is_none(),
            (false, true) => false,
            (false, false) => !at.stdout || at.quiet,
        };
        let kind = if at.quiet {
            Kind::Nothing
        } else if at.stdout && !asked && !elsewhere {
            if at.able { Kind::Screen } else { Kind::Lines }
        } else if !at.live && at.stderr && !(records && at.stdout) {
            Kind::Progress
        } else {
            Kind::Nothing
        };
        Plan { records, kind }
    }
}

/// Shows it.
pub struct Show {
    kind: Kind,
    begun: Instant,
    /// When the screen comes up.
    patience: Duration,
    next: Instant,
    screen: Option<Screen>,
    /// The screen's state.
    pub app: App,
    meter: Meter,
    /// What was told last.
    told: Option<String>,
    drawn: bool,
}

impl Show {
    /// For a run that begins now.
    #[must_use]
    pub fn new(kind: Kind, live: bool) -> Show {
        Show {
            kind,
            begun: Instant::now(),
            patience: if live { Duration::ZERO } else { PATIENCE },
            next: Instant::now(),
            screen: None,
            app: App::new(terminal::is_color_wanted()),
            meter: Meter::default(),
            told: None,
            drawn: false,
        }
    }

    /// Whether the screen has the terminal.
    #[must_use]
    pub fn has_terminal(&self) -> bool {
        self.screen.is_some()
    }

    /// Whether it will have before long.
    #[must_use]
    pub fn is_screen_due(&self) -> bool {
        self.kind == Kind::Screen && self.screen.is_none() && self.begun.elapsed() >= self.patience
    }

    /// Takes the terminal.
    ///
    /// # Errors
    /// It refused; lines are shown then.
    pub fn open_screen(&mut self) -> io::Result<()> {
        match Screen::open() {
            Ok(screen) => {
                self.screen = Some(screen);
                Ok(())
            }
            Err(error) => {
                self.kind = Kind::Lines;
                Err(error)
            }
        }
    }

    /// Something happened that the user should know. Once he has seen it, a key takes it away.
    pub fn tell(&mut self, latest: Option<&str>) {
        if self.told.as_deref() != latest {
            self.told = latest.map(str::to_owned);
            self.app.notice.clone_from(&self.told);
        }
    }

    /// Shows what is due; the screen looks through `eye`, the others at a `snapshot`, which is only called if something is due.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn show(
        &mut self,
        eye: Option<&dyn Eye>,
        snapshot: impl FnOnce() -> Snapshot,
    ) -> io::Result<()> {
        if self.kind == Kind::Nothing || Instant::now() < self.next {
            return Ok(());
        }
        match self.kind {
            Kind::Nothing => {}
            Kind::Screen => {
                self.next = Instant::now() + FRAME;
                if let Some(eye) = eye {
                    self.app.look(eye);
                }
                if let Some(screen) = &mut self.screen {
                    screen.draw(&mut self.app)?;
                }
            }
            Kind::Lines => {
                self.next = Instant::now() + LINE;
                let snapshot = snapshot();
                self.meter.take(&snapshot);
                writeln!(io::stdout(), "{}", line(&snapshot, &self.meter))?;
            }
            Kind::Progress => {
                self.next = Instant::now() + FRAME;
                let snapshot = snapshot();
                self.meter.take(&snapshot);
                if self.begun.elapsed() >= PATIENCE {
                    self.draw_progress(&snapshot)?;
                }
            }
        }
        Ok(())
    }

    fn draw_progress(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let Some((read, total)) = snapshot.position else {
            return Ok(());
        };
        let (share, label) = draw::progress(read, total, self.meter.rates.read);
        let width =
            ratatui::crossterm::terminal::size().map_or(80, |(width, _)| usize::from(width));
        let line = text::fit(&bar(share, &label), width.saturating_sub(1));
        self.drawn = true;
        // Back to the first column, and the rest of the old line away (ECMA-48: CR, EL).
        write!(io::stderr(), "\r{line}\x1b[K")
    }

    /// Waits for a key or the timeout; what the key asks for is done, except for leaving, which is returned.
    /// `None`: there is no screen, and the caller is to wait by itself.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn wait(&mut self, eye: Option<&dyn Eye>, timeout: Duration) -> io::Result<Option<Action>> {
        let Some(screen) = &mut self.screen else {
            return Ok(None);
        };
        let Some(event) = screen.event(timeout)? else {
            return Ok(Some(Action::None));
        };
        let action = self.app.event(&event);
        if action == Action::Suspend {
            screen.suspend()?;
        }
        if let Some(eye) = eye {
            self.app.look(eye);
        }
        screen.draw(&mut self.app)?;
        Ok(Some(action))
    }

    /// Ends it: the terminal is given back, the progress bar wiped out.
    pub fn end(&mut self) {
        self.screen = None;
        self.kind = Kind::Nothing;
        if std::mem::take(&mut self.drawn) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A bar of characters that every terminal has.
fn bar(share: f64, label: &str) -> String {
    const WIDTH: usize = 24;
    let done = (share * WIDTH as f64) as usize;
    format!("[{:#<done$}{:WIDTH$}", "", "")
        .chars()
        .take(WIDTH + 1)
        .chain("] ".chars())
        .chain(label.chars())
        .collect()
}

/// The run in one line.
#[must_use]
pub fn line(snapshot: &Snapshot, meter: &Meter) -> String {
    format!(
        "{}  {}  {} packets/s  {} flows  {}",
        text::clock(Duration::from_nanos(snapshot.uptime_ns)),
        text::bit_rate(meter.rates.bytes),
        text::short(meter.rates.packets),
        text::count(snapshot.ledger.flows.active),
        ledger::line(&snapshot.ledger)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(set: &[&str], flag: bool, at: &Circumstances) -> Plan {
        let mut layers = Layers::default();
        for argument in set {
            layers.set(argument).unwrap();
        }
        if flag {
            let json = toml::Value::String("zeek-json".into());
            layers.put("output.format", json, Origin::Flag("--json"));
        }
        Plan::new(&Config::from_layers(&layers).unwrap(), &layers, at)
    }

    #[test]
    fn what_is_shown_follows_from_where_it_goes() {
        let at = |stdout, stderr, able, quiet, live, writes| Circumstances {
            stdout,
            stderr,
            able,
            quiet,
            live,
            writes,
            service: false,
        };
        let screen = Plan {
            records: false,
            kind: Kind::Screen,
        };
        let records = Plan {
            records: true,
            kind: Kind::Nothing,
        };
        // On a terminal; on a dumb one; with -q; with --json; with a format in the file only.
        let terminal = at(true, true, true, false, true, false);
        assert_eq!(plan(&[], false, &terminal), screen);
        assert_eq!(plan(&["output.format=eve"], false, &terminal), screen);
        assert_eq!(
            plan(&[], false, &at(true, true, false, false, true, false)).kind,
            Kind::Lines
        );
        assert_eq!(
            plan(&[], false, &at(true, true, true, true, true, false)),
            records
        );
        assert_eq!(plan(&[], true, &terminal), records);
        // In a pipe; in a pipe with a file: progress, since standard error is a terminal still.
        assert_eq!(
            plan(&[], false, &at(false, true, false, false, true, false)),
            records
        );
        assert_eq!(
            plan(&[], false, &at(false, true, false, false, false, false)),
            Plan {
                records: true,
                kind: Kind::Progress
            }
        );
        assert_eq!(
            plan(&[], false, &at(false, false, false, false, false, false)),
            records
        );
        // Into a folder, or with -w: nothing to standard output.
        let nothing = Plan {
            records: false,
            kind: Kind::Nothing,
        };
        assert_eq!(plan(&["output.log_dir=/tmp"], false, &terminal), nothing);
        assert_eq!(
            plan(&[], false, &at(true, true, true, false, true, true)),
            nothing
        );
        assert_eq!(
            plan(&[], true, &at(true, true, true, false, true, true)),
            records
        );
        // As a service: nothing, wherever it was started from.
        let service = Circumstances {
            service: true,
            ..terminal
        };
        assert_eq!(plan(&[], false, &service), nothing);
    }

    #[test]
    fn the_bar_is_as_long_as_its_share() {
        assert_eq!(bar(0.0, "x"), "[                        ] x");
        assert_eq!(bar(0.5, "x"), "[############            ] x");
        assert_eq!(bar(1.0, "x"), "[########################] x");
    }
}
