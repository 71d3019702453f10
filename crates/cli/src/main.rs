//! The `portreeve` command: arguments, configuration, wiring, the terminal screen. No logic of its own.
#![forbid(unsafe_code)]

mod alerts;
mod args;
mod check;
mod config;
mod doctor;
mod engine_config;
mod exit;
mod facts;
mod hint;
mod init;
mod input;
mod interface;
mod ledger;
mod live;
mod manual;
mod nic;
mod outputs;
mod packet_writer;
mod query;
mod report;
mod run;
mod say;
mod screen;
mod service;
mod settings;
mod show;
mod signals;
mod socket;
mod store;
mod summary;
mod text;
mod web;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use config::Places;
use exit::Failure;
use interface::InterfaceName;
use say::Level;

/// Records are made by workers and dropped by the threads of outputs: an allocator that was made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Wrong usage leaves in here, with 2; --help and --version with 0.
    let args = Args::parse();
    match dispatch(&args) {
        Ok(code) => code,
        Err(failure) => {
            eprint!("{}", say::for_reader(Level::Errors, &failure.to_string()));
            failure.code()
        }
    }
}

fn dispatch(args: &Args) -> Result<ExitCode, Failure> {
    let places = Places::of_this_user();
    match &args.command {
        Some(Command::Top {
            instance,
            interface,
        }) => return top(instance.as_deref(), interface.as_ref(), &places),
        Some(Command::Run(service)) => {
            let (args, places) = (service.as_run(), Places::of_service());
            let settings = settings::Settings::load(&args, &places)?;
            return run::watch(&args, settings, &places);
        }
        Some(Command::Init(args)) => return init::run(args),
        Some(Command::Stats { instance, json }) => {
            return print(socket::stats(instance.as_deref(), *json, &places)?.as_bytes());
        }
        Some(Command::Mode { mode, instance }) => {
            return print(socket::mode(instance.as_deref(), *mode, &places)?.as_bytes());
        }
        Some(Command::Query(args)) => return query::run(args, &places),
        Some(Command::QueryApart) => return Ok(portreeve_query::apart::serve()),
        Some(Command::Doctor(args)) => return doctor::run(args),
        Some(Command::Nic(command)) => return nic::run(command),
        Some(Command::Store(command)) => return store::run(command, &places),
        Some(Command::Web(args)) => return web::command::run(args, &places),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            manual::write_completions(*shell, &mut script);
            return print(&script);
        }
        Some(Command::Reference) => return print(config::reference::markdown().as_bytes()),
        Some(Command::Man) => {
            let mut page = Vec::new();
            manual::write_man(&mut page)?;
            return print(&page);
        }
        None => {}
    }
    if args.input.list_interfaces {
        return print(interface::table(&interface::list()?).as_bytes());
    }
    if let Some(page) = hint::help(&args.input.expression)? {
        return print(page.as_bytes());
    }
    let settings = settings::Settings::load(args, &places)?;
    if args.run.check {
        check::everything(&settings.config).map_err(Failure::into_usage)?;
        return print(settings.report().as_bytes());
    }
    run::watch(args, settings, &places)
}

/// The live screen: of the instance that is meant; where none is and none runs, of a run of its own.
fn top(
    instance: Option<&str>,
    interface: Option<&InterfaceName>,
    places: &Places,
) -> Result<ExitCode, Failure> {
    if interface.is_none() && (instance.is_some() || socket::is_any_running(places)) {
        return socket::attach(&socket::find(instance, places)?);
    }
    let mut words = vec!["portreeve".to_owned()];
    if let Some(interface) = interface {
        words.extend(["-i".to_owned(), interface.to_string()]);
    }
    let args = Args::try_parse_from(words).map_err(Failure::usage)?;
    let mut settings = settings::Settings::load(&args, places)?;
    // To look is all: logs and the store are the service's.
    settings.config.output.log_dir = None;
    settings.config.store.path = None;
    run::watch(&args, settings, places)
}

/// Writes to standard output; a reader that went away is no failure.
fn print(bytes: &[u8]) -> Result<ExitCode, Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
