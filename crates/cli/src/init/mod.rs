//! `portreeve init`: a configuration that fits this host.

mod history;
mod look;
mod text;
mod web;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::exit::Failure;
use crate::print;

/// Arguments of `portreeve init`.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Write it into this file instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Also over a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

/// Looks at the host and writes.
///
/// # Errors
/// The host cannot be looked at, or the file is there already or cannot be written.
pub fn run(args: &InitArgs) -> Result<ExitCode, Failure> {
    let text = text::configuration(&look::host()?);
    let Some(path) = &args.output else {
        return print(text.as_bytes());
    };
    let mut how = OpenOptions::new();
    // It may come to hold secrets. Over a file that is there: owner and mode stay as they are.
    how.write(true).mode(0o640);
    if args.force {
        how.create(true).truncate(true);
    } else {
        how.create_new(true);
    }
    let written = how
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    let shown = path.display();
    match written {
        Ok(()) => {
            let next = format!(
                "{shown} written. Is it right? portreeve --check --config {shown}\nTo run by it: portreeve run --config {shown}\n"
            );
            print(next.as_bytes())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::failed(format!(
            "{shown} is there already; with --force it is written over"
        ))),
        Err(error) => Err(Failure::failed(format!("{shown}: {error}"))),
    }
}
