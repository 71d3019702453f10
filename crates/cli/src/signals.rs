//! Signals, as messages to the main loop.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use portreeve_engine::strategy::be_ordinary;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::exit::FAILED;
use crate::screen::terminal;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// INT, TERM: end in order.
    End,
    /// HUP: read the configuration again, reopen files.
    Reload,
    /// USR1: print statistics.
    Statistics,
}

/// Listens on a thread of its own; others may ask the same things by the sender. The second INT or TERM leaves at once, from there: the main loop may be what hangs.
///
/// # Errors
/// What the system refused.
pub fn listen() -> io::Result<(Sender<Asked>, Receiver<Asked>)> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
    let (asker, asked) = channel();
    let out = asker.clone();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            // It is started by the thread that starts the workers, and has inherited what is theirs.
            be_ordinary();
            let mut ending = false;
            for signal in signals.forever() {
                let ask = match signal {
                    SIGHUP => Asked::Reload,
                    SIGUSR1 => Asked::Statistics,
                    _ if ending => leave(),
                    _ => {
                        ending = true;
                        Asked::End
                    }
                };
                if out.send(ask).is_err() {
                    return;
                }
            }
        })?;
    Ok((asker, asked))
}

/// Leaves at once.
pub fn leave() -> ! {
    terminal::give_back();
    eprintln!("portreeve: left at once, as asked: what was not yet written is lost");
    std::process::exit(FAILED.into());
}
