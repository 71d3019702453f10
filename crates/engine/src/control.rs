//! The control socket: one JSON request a line, one JSON answer a line.
//!
//! ```text
//! {"get":"snapshot"}   the whole run at this moment (Snapshot)
//! {"get":"ledger"}     its ledger
//! {"get":"talkers"}    its top talkers
//! {"get":"status"}     what the program adds: its version, its outputs
//! {"get":"view"}       what a screen shows now: rates, the greatest of each kind, workers, sources
//! {"get":{"seconds":0}}   the seconds that are kept, from that many milliseconds since 1970 on
//! {"get":{"flows":{"filter":"port:443","order":"-bytes","limit":100}}}   recent conversations
//! {"get":{"flow":"C…"}}   one conversation and what it was about, by its uid
//! {"do":"reopen"}      reopen output files, take over live configuration (as SIGHUP)
//! {"do":"stop"}        drain and stop (as SIGTERM)
//! {"do":{"mode":"poll"}}  wait for packets so from now on: poll, interrupt, adaptive
//! ```
//!
//! An answer is `{"ok": …}` or `{"error": "…"}`. The socket is the owner's alone (mode 0600).

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::strategy::Mode;

/// Clients served at the same time; a further one is told so.
const MAX_CLIENTS: usize = 16;
/// The longest request, in bytes.
const MAX_REQUEST: u64 = 4096;
/// A client that says nothing for so long is let go.
const IDLE_CLIENT: Duration = Duration::from_secs(60);

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Everything.
    Snapshot,
    /// The ledger.
    Ledger,
    /// The top talkers.
    Talkers,
    /// Version and outputs.
    Status,
    /// What a screen shows now. This and those below are kept by the program, in live runs.
    View,
    /// The seconds that are kept and began at this time (milliseconds since 1970-01-01 UTC) or later.
    Seconds(i64),
    /// Recent conversations: which, in what order and how many, in the program's own terms.
    Flows(Value),
    /// All that is known of the conversation with this uid.
    Flow(String),
}

/// What can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Reopen files, take over live configuration.
    Reopen,
    /// Drain and stop.
    Stop,
    /// Wait for packets so from now on.
    Mode(Mode),
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Show something.
    Get(Topic),
    /// Do something.
    Do(Action),
}

/// Answers requests: the value for `ok`, or what went wrong.
pub type Handler = Arc<dyn Fn(Request) -> Result<Value, String> + Send + Sync>;

/// The server; it ends, and its socket goes, when this is dropped.
pub struct Control {
    path: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Control {
    /// Listens on `path`. A socket that a dead process left there is replaced, a live one is not.
    ///
    /// # Errors
    /// What the system said, or `AddrInUse` if another process answers there.
    pub fn listen(path: &Path, handler: Handler) -> std::io::Result<Control> {
        if path.exists() {
            if UnixStream::connect(path).is_ok() {
                return Err(std::io::Error::from(std::io::ErrorKind::AddrInUse));
            }
            std::fs::remove_file(path)?;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let stop = Arc::new(AtomicBool::new(false));
        let control = Control {
            path: path.to_owned(),
            stop: Arc::clone(&stop),
        };
        std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&listener, &stop, &handler))?;
        Ok(control)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A connection wakes the listener up, so that it sees the flag.
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks a running instance. For clients.
///
/// # Errors
/// What the system said, or `InvalidData` with the instance's own error.
pub fn ask(path: &Path, request: &Request) -> std::io::Result<Value> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    let mut answer: Value = serde_json::from_str(&answer)?;
    match (answer["ok"].take(), answer["error"].as_str()) {
        (_, Some(error)) => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            error.to_owned(),
        )),
        (ok, None) => Ok(ok),
    }
}

fn accept(listener: &UnixListener, stop: &AtomicBool, handler: &Handler) {
    let clients = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = stream else {
            // Out of descriptors, perhaps: not a reason to spin.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        if clients.fetch_add(1, Ordering::Relaxed) >= MAX_CLIENTS {
            clients.fetch_sub(1, Ordering::Relaxed);
            let _ = writeln!(stream, "{}", json!({ "error": "too many clients" }));
            continue;
        }
        let handler = Arc::clone(handler);
        let served = Arc::clone(&clients);
        let thread = std::thread::Builder::new().name("control-client".to_owned());
        let spawned = thread.spawn(move || {
            let _ = serve(&stream, &handler);
            served.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            clients.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn serve(stream: &UnixStream, handler: &Handler) -> std::io::Result<()> {
    stream.set_read_timeout(Some(IDLE_CLIENT))?;
    stream.set_write_timeout(Some(IDLE_CLIENT))?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut line = Vec::new();
        (&mut reader)
            .take(MAX_REQUEST)
            .read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            if !line.is_empty() {
                writeln!(
                    writer,
                    "{}",
                    json!({ "error": "the request is too long or unfinished" })
                )?;
            }
            return Ok(());
        }
        let answer = match serde_json::from_slice(&line) {
            Ok(request) => match handler(request) {
                Ok(value) => json!({ "ok": value }),
                Err(error) => json!({ "error": error }),
            },
            Err(error) => json!({ "error": format!("not a request: {error}") }),
        };
        writeln!(writer, "{answer}")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(name: &str) -> (PathBuf, Control) {
        let path = std::env::temp_dir().join(format!("{name}-{}.sock", std::process::id()));
        let handler: Handler = Arc::new(|request| match request {
            Request::Get(topic) => Ok(json!(format!("{topic:?}"))),
            Request::Do(_) => Err("not today".to_owned()),
        });
        let control = Control::listen(&path, handler).expect("a socket in the temporary folder");
        (path, control)
    }

    #[test]
    fn questions_are_answered_and_refusals_told() {
        let (path, control) = listen("portreeve-control");
        assert_eq!(
            ask(&path, &Request::Get(Topic::Ledger)).expect("an answer"),
            "Ledger"
        );
        let refused = ask(&path, &Request::Do(Action::Stop)).expect_err("a refusal");
        assert_eq!(refused.to_string(), "not today");
        let mut stream = UnixStream::connect(&path).expect("a connection");
        stream
            .write_all(b"rubbish\n{\"get\":\"status\"}\n")
            .expect("written");
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        assert!(
            lines
                .next()
                .is_some_and(|line| line.contains("not a request"))
        );
        assert_eq!(lines.next().as_deref(), Some("{\"ok\":\"Status\"}"));
        drop(control);
        assert!(!path.exists());
        let mode = Request::Do(Action::Mode(Mode::Poll));
        let text = serde_json::to_string(&mode).expect("JSON");
        assert_eq!(text, r#"{"do":{"mode":"poll"}}"#);
    }

    #[test]
    fn a_live_socket_is_not_taken_over_and_a_dead_one_is() {
        let (path, control) = listen("portreeve-takeover");
        let handler: Handler = Arc::new(|_| Ok(Value::Null));
        assert!(Control::listen(&path, Arc::clone(&handler)).is_err());
        drop(control);
        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists());
        assert!(Control::listen(&path, handler).is_ok());
    }
}
