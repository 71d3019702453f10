//! What is said beside the records: on standard error, or kept while the screen has the terminal.

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Errors only (`-q`).
    Errors,
    /// The start report, news, the ledger.
    Usual,
    /// Details (`-v`).
    More,
}

/// Says things, now or when the screen is gone.
pub struct Voice {
    level: Level,
    held: Option<Vec<String>>,
}

impl Voice {
    /// A voice that says this much.
    #[must_use]
    pub fn new(quiet: bool, verbose: u8) -> Voice {
        let level = match (quiet, verbose) {
            (true, _) => Level::Errors,
            (false, 0) => Level::Usual,
            (false, _) => Level::More,
        };
        Voice { level, held: None }
    }

    /// Whether things of this level are said.
    #[must_use]
    pub fn says(&self, level: Level) -> bool {
        level <= self.level
    }

    /// The screen has the terminal: what is said waits.
    pub fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// The screen is gone.
    pub fn release(&mut self) {
        for line in self.held.take().unwrap_or_default() {
            eprintln!("{line}");
        }
    }

    /// Says a line, if that level is said.
    pub fn say(&mut self, level: Level, line: &str) {
        if !self.says(level) {
            return;
        }
        match &mut self.held {
            // Bounded: a run may last for months.
            Some(held) if held.len() < 1000 => held.push(line.to_owned()),
            Some(_) => {}
            None => eprintln!("{line}"),
        }
    }

    /// Says what went wrong.
    pub fn error(&mut self, error: &str) {
        self.say(Level::Errors, &format!("portreeve: {error}"));
    }

    /// The last thing that waits, for the screen to show.
    #[must_use]
    pub fn latest(&self) -> Option<&str> {
        self.held.as_ref()?.last().map(String::as_str)
    }
}
