//! A store, filled.
//!
//! ```text
//! portreeve-bench-store DIR FLOWS [SECONDS [MIB]]   makes up conversations and writes them into a store; prints records per second, CPU, bytes a record, memory
//! ```
//!
//! SECONDS is the time over which they begin: a week unless it is given, which is a history to ask questions about. FLOWS as many as come in that time on a
//! full link is what the store must keep up with. MIB is the store's memory, `store.memory`.

mod fill;
mod flows;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        [folder, flows] => run(folder, flows, None, None),
        [folder, flows, seconds] => run(folder, flows, Some(seconds), None),
        [folder, flows, seconds, memory] => run(folder, flows, Some(seconds), Some(memory)),
        _ => Err("usage: portreeve-bench-store DIR FLOWS [SECONDS [MIB]]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portreeve-bench-store: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    folder: &str,
    flows: &str,
    seconds: Option<&str>,
    memory: Option<&str>,
) -> Result<(), String> {
    let number = |text: &str| {
        let number: Result<u64, _> = text.parse();
        number.map_err(|_| format!("{text} is no number"))
    };
    let seconds = seconds.map(number).transpose()?.unwrap_or(flows::WEEK);
    let memory = memory.map(number).transpose()?;
    let line = fill::fill(Path::new(folder), number(flows)?, seconds, memory)?;
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}
