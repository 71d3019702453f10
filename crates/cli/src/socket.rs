//! Control sockets: where they are, and the commands that use them.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use portreeve_engine::Snapshot;
use portreeve_engine::control::{self, Request, Topic, ask};
use serde_json::Value;

use crate::config::Places;
use crate::config::values::WaitMode;
use crate::exit::Failure;
use crate::screen::eye::Remote;
use crate::screen::terminal::{self, Screen};
use crate::screen::{Action, App};
use crate::{alerts, engine_config, report};

/// Between two questions of `portreeve top`.
const EVERY: Duration = Duration::from_millis(500);

/// Makes the folder for sockets, or finds that it is ours: in a folder of somebody else's, he could put himself in our place.
///
/// # Errors
/// It cannot be made, or it is not ours.
pub fn prepare(folder: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new()
        .mode(0o755)
        .recursive(true)
        .create(folder)
    {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let owner = std::fs::symlink_metadata(folder)?.uid();
    if owner != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::other(format!(
            "{} belongs to somebody else",
            folder.display()
        )));
    }
    Ok(())
}

/// The socket of the instance meant: a path, a name in the folder of sockets, or the only one there is.
///
/// # Errors
/// There is none, or there are several.
pub fn find(instance: Option<&str>, places: &Places) -> Result<PathBuf, Failure> {
    let folder = &places.runtime;
    if let Some(name) = instance {
        let path = if name.contains('/') {
            PathBuf::from(name)
        } else {
            folder.join(format!("{name}.sock"))
        };
        return Ok(path);
    }
    let names = running(folder);
    match names.as_slice() {
        [] => Err(Failure::failed(format!(
            "no instance is running (no socket in {}); to start one: portreeve -i IFACE",
            folder.display()
        ))),
        [only] => Ok(folder.join(format!("{only}.sock"))),
        several => Err(Failure::usage(format!(
            "several instances are running: {}; name one",
            several.join(", ")
        ))),
    }
}

/// Whether somebody answers there, or may: one whose socket belongs to somebody else cannot be asked.
fn answers(socket: &Path) -> bool {
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

/// The names of the instances that run. Sockets that dead ones left behind are none.
fn running(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| answers(&entry.path()))
        .filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_suffix(".sock").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

/// Whether an instance runs.
#[must_use]
pub fn is_any_running(places: &Places) -> bool {
    !running(&places.runtime).is_empty()
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => "; no instance answers there",
        io::ErrorKind::PermissionDenied => "; it belongs to another user, try sudo",
        _ => "",
    };
    Failure::failed(format!("{}: {error}{hint}", path.display()))
}

fn snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let answer = ask(path, &Request::Get(Topic::Snapshot)).map_err(|error| failed(path, &error))?;
    serde_json::from_value(answer).map_err(|error| {
        Failure::failed(format!(
            "{}: the instance is of another version ({error})",
            path.display()
        ))
    })
}

/// `portreeve stats`: the ledger, or the whole snapshot as JSON.
///
/// # Errors
/// Nobody answers.
pub fn stats(instance: Option<&str>, json: bool, places: &Places) -> Result<String, Failure> {
    let path = find(instance, places)?;
    let status = ask(&path, &Request::Get(Topic::Status)).map_err(|error| failed(&path, &error))?;
    if json {
        let mut answer =
            ask(&path, &Request::Get(Topic::Snapshot)).map_err(|error| failed(&path, &error))?;
        if let (Some(all), Value::Object(status)) = (answer.as_object_mut(), status) {
            all.extend(status);
        }
        return Ok(format!("{answer}\n"));
    }
    let mut page = report::statistics(&snapshot(&path)?);
    page.push_str(&alerts::page(&status["alerts"]));
    Ok(page)
}

/// `portreeve mode`: has a running instance wait otherwise.
///
/// # Errors
/// Nobody answers, or the instance refuses.
pub fn mode(instance: Option<&str>, mode: WaitMode, places: &Places) -> Result<String, Failure> {
    let path = find(instance, places)?;
    let mode = engine_config::mode(mode);
    ask(&path, &Request::Do(control::Action::Mode(mode))).map_err(|error| failed(&path, &error))?;
    Ok(format!("{}: {mode} mode from now on\n", path.display()))
}

/// The live screen of a running instance. Leaving it leaves the instance alone.
///
/// # Errors
/// Nobody answers, or there is no terminal.
pub fn attach(path: &Path) -> Result<ExitCode, Failure> {
    if !terminal::is_able() {
        return Err(Failure::usage(
            "top needs a terminal; for a pipe: portreeve stats --json",
        ));
    }
    let eye = Remote::new(path);
    // An instance that does not answer is told before the terminal is taken.
    let status = ask(path, &Request::Get(Topic::Status)).map_err(|error| failed(path, &error))?;
    let mut app = App::new(terminal::is_color_wanted());
    app.dashboard = status["dashboard"].as_str().map(str::to_owned);
    let mut screen = Screen::open()?;
    loop {
        app.look(&eye);
        screen.draw(&mut app)?;
        let until = Instant::now() + EVERY;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let Some(event) = screen.event(left)? else {
                break;
            };
            match app.event(&event) {
                Action::Quit => return Ok(ExitCode::SUCCESS),
                Action::Suspend => screen.suspend()?,
                Action::None => {}
            }
            app.look(&eye);
            screen.draw(&mut app)?;
        }
    }
}
