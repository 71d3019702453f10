//! The history, asked.
//!
//! ```text
//! portreeve-bench-history ask DIR     answers the questions whose numbers come in on standard input, a line each: the milliseconds it took
//! portreeve-bench-history questions   the questions as JSON, for whoever asks them elsewhere
//! ```
//!
//! `scripts/bench-history` asks DuckDB the same questions about the same files, in turn.

mod questions;

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use portreeve_query::{Ask, History, QueryConfig};

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["ask", folder] => ask(Path::new(folder)),
        ["questions"] => print(&questions::json()),
        _ => Err("usage: portreeve-bench-history ask DIR | questions".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portreeve-bench-history: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

fn ask(folder: &Path) -> Result<(), String> {
    let history =
        History::open(folder, QueryConfig::default()).map_err(|error| error.to_string())?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let number: usize = line
            .trim()
            .parse()
            .map_err(|_| format!("{line}: no number"))?;
        let Some(question) = questions::QUESTIONS.get(number) else {
            return Err(format!("there is no question {number}"));
        };
        let began = Instant::now();
        let table = history
            .collect(Ask::new(question.sql))
            .map_err(|error| format!("{}: {error}", question.name))?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        print(&format!("{took:.3} {}", table.rows.len()))?;
    }
    Ok(())
}
