//! The terminal: taken for the screen, and given back whatever happens.

use std::io::{self, IsTerminal, Stdout, stdout};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, DisableMouseCapture, EnableMouseCapture, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::App;

/// Whether the terminal is ours now. Outside of [`Screen`]: a panic or a second signal must be able to give it back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the screen can be shown: standard output is a terminal that can move its cursor, and keys can be read from
/// standard input or, where that is a capture file, from the terminal itself.
#[must_use]
pub fn is_able() -> bool {
    let named = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
    let has_keys = || io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok();
    named && stdout().is_terminal() && has_keys()
}

/// Whether colours are wanted (no-color.org).
#[must_use]
pub fn is_color_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Gives the terminal back, if it was taken. May be called from anywhere, more than once.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing better can be done if this fails: the terminal has gone.
        let _ = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

fn take() -> io::Result<()> {
    // First: should the next steps fail half-way, `give_back` undoes them.
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, Hide)
}

/// Waits until the terminal has something to say, or for so long. Whether it may be asked: after a signal its state is not known, and a hang-up is one.
///
/// # Errors
/// It has hung up (a connection that broke): the library that reads its keys would look for them without end.
fn wait(timeout: Duration) -> io::Result<bool> {
    let stdout = stdout();
    let mut terminal = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
    match poll(&mut terminal, timeout) {
        Ok(_) => {}
        Err(nix::errno::Errno::EINTR) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    match terminal[0].revents() {
        Some(events) if events.intersects(gone) => {
            Err(io::Error::new(io::ErrorKind::BrokenPipe, "it has hung up"))
        }
        _ => Ok(true),
    }
}

/// The screen on the terminal; dropped, it gives the terminal back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal. A panic gives it back before it speaks.
    ///
    /// # Errors
    /// What the terminal refused.
    pub fn open() -> io::Result<Screen> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        let opened = take().and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match opened {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Paints.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.draw(|frame| super::draw::draw(frame, app))?;
        Ok(())
    }

    /// What the terminal has to say within `timeout`: a key, the mouse, another size.
    ///
    /// # Errors
    /// The terminal has gone.
    pub fn event(&mut self, timeout: Duration) -> io::Result<Option<Event>> {
        if wait(timeout)? && event::poll(Duration::ZERO)? {
            event::read().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Stops this process as Ctrl-Z does, and takes the terminal again when it goes on.
    ///
    /// # Errors
    /// What the terminal refused.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTSTP)?;
        take()?;
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}
