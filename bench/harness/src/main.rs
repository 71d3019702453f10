//! The benchmark harness's command.

use std::process::ExitCode;

use portreeve_bench::held::Held;

/// The allocator that the program itself runs with, and a count where one is asked for.
#[global_allocator]
static ALLOCATOR: Held = Held;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match portreeve_bench::command::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
