//! `portreeve web`: a dashboard over a store that nobody fills now, passwords and tokens.

use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

use portreeve_web::access::{hash_password, new_token};
use portreeve_web::{Listener, Sources};

use super::{about, history, note, settings};
use crate::args::web::{WebArgs, WebTask};
use crate::config::values::{Listen, Setting};
use crate::config::{self, Config, Origin, Places};
use crate::exit::Failure;
use crate::print;
use crate::signals::{self, Asked};

/// A password needs so many characters.
const SHORTEST: usize = 8;

/// Serves, or makes what was asked for.
///
/// # Errors
/// What is wrong, and what to type next.
pub fn run(args: &WebArgs, places: &Places) -> Result<ExitCode, Failure> {
    match &args.task {
        Some(WebTask::Password { name }) => password(name),
        Some(WebTask::Token { name }) => token(name),
        None => serve(args, places),
    }
}

fn load(args: &WebArgs, places: &Places) -> Result<Config, Failure> {
    let (mut layers, _) = config::read_file(args.config.as_deref(), places)?;
    for assignment in &args.set {
        layers.set(assignment)?;
    }
    if let Some(store) = &args.store {
        layers.put("store.path", store.to_toml(), Origin::Flag("--store"));
    }
    if let Some(listen) = args.listen {
        layers.put("web.listen", listen.to_toml(), Origin::Flag("--listen"));
    }
    Ok(Config::from_layers(&layers)?)
}

fn serve(args: &WebArgs, places: &Places) -> Result<ExitCode, Failure> {
    let config = load(args, places)?;
    let Some(path) = config.store.path.clone() else {
        return Err(Failure::usage(
            "no store is named: portreeve web --store DIR (portreeve -r FILE --set store.path=DIR fills one)",
        ));
    };
    let Some(web) = settings(&config)? else {
        return Err(Failure::usage(format!(
            "web.listen is off: portreeve web --listen {}",
            Listen::At(portreeve_web::DEFAULT_LISTEN)
        )));
    };
    let listener = Listener::open(web)?;
    let history = history(&path)?;
    let note = note(&listener);
    let (_asker, asked) = signals::listen()?;
    let server = listener.serve(Sources {
        about: about(&config, Vec::new()),
        watched: None,
        live: None,
        history: Some(history),
    })?;
    eprintln!("{note}");
    loop {
        match asked.recv() {
            Ok(Asked::End) | Err(_) => return Ok(ExitCode::SUCCESS),
            Ok(Asked::Reload) => {
                let changed = load(args, places).and_then(|config| match settings(&config)? {
                    Some(web) => Ok(server.change(&web)?),
                    None => Ok(()),
                });
                match changed {
                    Ok(()) => eprintln!("portreeve: users and certificate read again"),
                    Err(failure) => eprint!("{failure}"),
                }
            }
            Ok(Asked::Statistics) => eprintln!("portreeve: {note}"),
        }
    }
}

/// A name as an entry of the users has it.
fn checked(name: &str) -> Result<&str, Failure> {
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        return Err(Failure::usage("a user's name has no colon in it"));
    }
    Ok(name)
}

fn password(name: &str) -> Result<ExitCode, Failure> {
    let name = checked(name)?;
    let password = if io::stdin().is_terminal() {
        let first = rpassword::prompt_password(format!("Password of {name}: "))?;
        if rpassword::prompt_password("Again: ")? != first {
            return Err(Failure::failed("these were two different passwords"));
        }
        first
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if password.chars().count() < SHORTEST {
        return Err(Failure::failed(format!(
            "a password has {SHORTEST} characters at least"
        )));
    }
    let hash = hash_password(&password).map_err(Failure::failed)?;
    print(format!("{name}:{hash}\n").as_bytes())
}

fn token(name: &str) -> Result<ExitCode, Failure> {
    let name = checked(name)?;
    let (token, hash) = new_token();
    // To be kept by the program that uses it; nobody can tell it again.
    eprintln!("token (shown once): {token}");
    print(format!("{name}:{hash}\n").as_bytes())
}
