//! `portreeve query --shell`: one question after another, with history and completion.

use std::borrow::Cow;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use portreeve_query::write::Format;
use portreeve_query::{Ask, History};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

use super::answer::{Sink, answer};
use super::{columns, seconds, tables};
use crate::exit::Failure;

const HELP: &str = "\
A question ends with a semicolon, and may have several lines.
  \\d          the tables
  \\d TABLE    the columns of one
  \\find TEXT  the latest flows that a filter lets through, as: \\find port:443 bytes>1MB
  \\q          leave (also Ctrl-D); Ctrl-C drops what was typed
";

const WORDS: [&str; 22] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "DESC",
    "AND",
    "OR",
    "NOT",
    "AS",
    "JOIN",
    "ON",
    "USING",
    "COUNT(*)",
    "SUM(",
    "AVG(",
    "APPROX_PERCENTILE_CONT(",
    "DISTINCT",
    "INTERVAL",
    "DATE_BIN(",
    "IN_NET(",
];

/// Answers questions until there are no more.
///
/// # Errors
/// The terminal; what is wrong with a question is said, and the next one is waited for. From a pipe, the first wrong one ends it.
pub(super) fn run(
    history: &History,
    format: Format,
    timeout: Option<Duration>,
) -> Result<ExitCode, Failure> {
    let shell = Shell {
        history,
        format,
        timeout,
    };
    if std::io::stdin().is_terminal() {
        shell.interactive()
    } else {
        shell.piped()
    }
}

struct Shell<'a> {
    history: &'a History,
    format: Format,
    timeout: Option<Duration>,
}

impl Shell<'_> {
    fn interactive(&self) -> Result<ExitCode, Failure> {
        let mut editor: Editor<Typing, FileHistory> = Editor::new().map_err(Failure::failed)?;
        editor.set_helper(Some(Typing::new(self.history)));
        let kept = kept();
        if let Some(path) = &kept {
            // There is none the first time.
            let _ = editor.load_history(path);
        }
        eprintln!("{} · \\? helps, \\q leaves", self.history.path().display());
        loop {
            match editor.readline("portreeve> ") {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    let _ = editor.add_history_entry(text.trim());
                    if matches!(text.trim(), "\\q" | "quit" | "exit" | "quit;" | "exit;") {
                        break;
                    }
                    if let Err(failure) = self.ask(&text) {
                        eprint!("{failure}");
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(Failure::failed(error)),
            }
        }
        if let Some(path) = &kept {
            if let Some(folder) = path.parent() {
                let _ = std::fs::create_dir_all(folder);
            }
            let _ = editor.save_history(path);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn piped(&self) -> Result<ExitCode, Failure> {
        let mut question = String::new();
        for line in std::io::stdin().lock().lines() {
            question.push_str(&line?);
            question.push('\n');
            if is_whole(&question) {
                self.ask(&std::mem::take(&mut question))?;
            }
        }
        if !question.trim().is_empty() {
            self.ask(&question)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn ask(&self, text: &str) -> Result<(), Failure> {
        let text = text.trim();
        let text = text.strip_suffix(';').unwrap_or(text).trim();
        let sql = match text.strip_prefix('\\') {
            None => text.to_owned(),
            Some(command) => match command.split_once(' ').unwrap_or((command, "")) {
                ("d", "") => tables(self.history),
                ("d", table) => columns(self.history, table.trim())?,
                ("find", filter) => found(filter)?,
                ("?" | "h" | "help", _) => {
                    eprint!("{HELP}");
                    return Ok(());
                }
                _ => {
                    return Err(Failure::usage(format!(
                        "\\{command} is nothing; \\? says what there is"
                    )));
                }
            },
        };
        if sql.is_empty() {
            return Ok(());
        }
        let ask = Ask {
            sql,
            max_rows: None,
            timeout: self.timeout,
        };
        let stats = answer(self.history, ask, self.format, Sink::Stdout)?;
        if std::io::stdin().is_terminal() {
            eprintln!(
                "{} rows in {}, {} of {} files\n",
                stats.rows,
                seconds(stats.elapsed),
                stats.files,
                stats.files_of_tables
            );
        }
        Ok(())
    }
}

fn found(filter: &str) -> Result<String, Failure> {
    let condition = portreeve_query::filter::to_sql(filter, "conn").map_err(Failure::usage)?;
    Ok(format!(
        "SELECT {} FROM conn WHERE {condition} ORDER BY ts DESC LIMIT 20",
        super::FLOW
    ))
}

/// Where questions are kept: in the user's folder for such things.
fn kept() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = variable("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(folder.join("portreeve/query_history"))
}

/// Whether a text is to be answered now: a command, or a question with its semicolon.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text.starts_with('\\')
        || text.ends_with(';')
        || matches!(text, "quit" | "exit")
}

/// Helps while typing: completes words, tables and columns; goes on until the semicolon.
struct Typing {
    words: Vec<String>,
}

impl Typing {
    fn new(history: &History) -> Self {
        let mut words: Vec<String> = WORDS.iter().map(ToString::to_string).collect();
        for table in history.tables() {
            words.push(table.name.to_owned());
            words.extend(table.columns.iter().map(|column| column.name.to_owned()));
        }
        words.sort();
        words.dedup();
        Typing { words }
    }
}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let head = line.get(..position).unwrap_or(line);
        let begin = head
            .rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'))
            .map_or(0, |at| {
                at + head[at..].chars().next().map_or(1, char::len_utf8)
            });
        let part = head[begin..].to_lowercase();
        let words = self.words.iter();
        let fitting =
            words.filter(|word| !part.is_empty() && word.to_lowercase().starts_with(&part));
        let pair = |word: &String| Pair {
            display: word.clone(),
            replacement: word.clone(),
        };
        Ok((begin, fitting.map(pair).collect()))
    }
}

impl Validator for Typing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Hinter for Typing {
    type Hint = String;
}

impl Highlighter for Typing {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }
}

impl Helper for Typing {}
