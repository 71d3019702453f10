//! What is said beside the records: on standard error, or kept while the screen has the terminal.

use std::os::unix::fs::MetadataExt;

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

/// A text for who reads standard error: lines for the journal each say how grave they are (sd-daemon(3)).
#[must_use]
pub fn for_reader(level: Level, text: &str) -> String {
    if is_journal() {
        for_journal(level, text)
    } else {
        text.to_owned()
    }
}

fn for_journal(level: Level, text: &str) -> String {
    let mut lines = String::new();
    for line in text.split_inclusive('\n') {
        let priority = match level {
            Level::Errors => 3,
            Level::Usual if line.starts_with("warning: ") => 4,
            Level::Usual => 6,
            Level::More => 7,
        };
        lines.push_str(&format!("<{priority}>{line}"));
    }
    lines
}

/// Whether standard error is the journal's: the variable may be inherited by who has it redirected.
fn is_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}

/// Says things, now or when the screen is gone.
pub struct Voice {
    level: Level,
    /// Lines say how grave they are.
    journal: bool,
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
        Voice {
            level,
            journal: is_journal(),
            held: None,
        }
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
            None if self.journal => eprintln!("{}", for_journal(level, line)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_told_how_grave_each_line_is() {
        assert_eq!(
            for_journal(Level::Usual, "portreeve 1\n  eth0"),
            "<6>portreeve 1\n<6>  eth0"
        );
        assert_eq!(for_journal(Level::Usual, "warning: x"), "<4>warning: x");
        assert_eq!(for_journal(Level::Errors, "gone\n"), "<3>gone\n");
    }
}
