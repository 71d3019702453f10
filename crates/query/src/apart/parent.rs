//! Starting a child, reading what it says, and saying what became of it.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::TIME_IS_UP;
use super::wire::{self, Order};
use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::running::{Ask, Event, Running, WAITING};

/// Bytes of a child's last words that are looked at.
const WORDS: u64 = 64 * 1024;

/// A child that answers a query.
pub(crate) struct Apart {
    child: Mutex<Child>,
    killed: AtomicBool,
}

impl Apart {
    /// Ends it.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        // One that has ended already is none that could be killed.
        let _ = self.child().kill();
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a query in a process of its own.
pub(crate) fn start(command: &[String], store: &Path, config: &QueryConfig, ask: Ask) -> Running {
    let timeout = ask.timeout.unwrap_or_default();
    let order = Order {
        store: store.to_owned(),
        config: config.clone(),
        ask,
    };
    let (child, stdin) = match spawn(command, &order) {
        Ok(spawned) => spawned,
        Err(error) => {
            return Running::refused(QueryError::Failed(format!(
                "no process for the query: {error}"
            )));
        }
    };
    let apart = Arc::new(Apart {
        child: Mutex::new(child),
        killed: AtomicBool::new(false),
    });
    let (sender, events) = sync_channel(WAITING);
    let reading = Reading {
        apart: Arc::clone(&apart),
        sender,
        timeout,
        _stdin: stdin,
    };
    let thread = std::thread::Builder::new().name("query".to_owned());
    if let Err(error) = thread.spawn(move || reading.run()) {
        apart.kill();
        let _ = apart.child().wait();
        return Running::refused(QueryError::Failed(format!("no thread for it: {error}")));
    }
    Running::apart(events, apart)
}

fn spawn(command: &[String], order: &Order) -> io::Result<(Child, ChildStdin)> {
    let [program, arguments @ ..] = command else {
        return Err(io::Error::other("there is no command for it"));
    };
    let mut child = Command::new(program)
        .arg0("portreeve")
        .args(arguments)
        // A service's child is not to be taken for the service.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_PID")
        .env_remove("WATCHDOG_USEC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let said = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe.into());
    let said = said.and_then(|mut stdin: ChildStdin| {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        stdin.write_all(&line)?;
        Ok(stdin)
    });
    match said {
        Ok(stdin) => Ok((child, stdin)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Reads what a child says.
struct Reading {
    apart: Arc<Apart>,
    sender: SyncSender<Result<Event, QueryError>>,
    timeout: Duration,
    /// The child ends when this is closed.
    _stdin: ChildStdin,
}

impl Reading {
    fn run(self) {
        let (stdout, stderr) = {
            let mut child = self.apart.child();
            (child.stdout.take(), child.stderr.take())
        };
        let end = match stdout {
            Some(stdout) => self.pass_on(&mut io::BufReader::new(stdout)),
            None => End::Odd,
        };
        if !matches!(end, End::Gone) {
            let _ = self.apart.child().kill();
        }
        let mut words = String::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(WORDS).read_to_string(&mut words);
        }
        let status = self.apart.child().wait();
        let error = match (end, status) {
            (End::Said, _) => return,
            _ if self.apart.killed.load(Ordering::SeqCst) => QueryError::Cancelled,
            (End::Gone, Ok(status)) => what_happened(status, &words, self.timeout),
            (End::Gone, Err(error)) => QueryError::Failed(format!("the query's process: {error}")),
            (End::Odd, _) => QueryError::Failed("the query's process said what it cannot".into()),
        };
        let _ = self.sender.send(Err(error));
    }

    /// Hands events on as they come. Whoever reads slowly slows the child down.
    fn pass_on(&self, stdout: &mut impl Read) -> End {
        loop {
            match wire::read(stdout) {
                Ok(Some(event)) => {
                    let is_last = matches!(event, Ok(Event::Done(_)) | Err(_));
                    if self.sender.send(event).is_err() || is_last {
                        return End::Said;
                    }
                }
                Ok(None) => return End::Gone,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return End::Gone,
                Err(_) => return End::Odd,
            }
        }
    }
}

/// How it ended that a child said something.
enum End {
    /// It said its last, or nobody listens any more.
    Said,
    /// It is no more, and was not done.
    Gone,
    /// It said what no child of ours says.
    Odd,
}

/// Why a child ended that was not done, by its end and its last words.
fn what_happened(status: ExitStatus, words: &str, timeout: Duration) -> QueryError {
    if status.code() == Some(TIME_IS_UP) {
        return QueryError::Timeout(timeout);
    }
    if words.contains("memory allocation of") {
        return QueryError::Memory("its process had no more".into());
    }
    if words.contains("overflowed its stack") {
        return QueryError::Sql("the query nests too deep".into());
    }
    // SIGKILL by nobody here: the kernel's, which needed the memory.
    if status.signal() == Some(9) {
        return QueryError::Memory("the system had no more and ended it".into());
    }
    let last = words.lines().next_back().unwrap_or_default().trim();
    QueryError::Failed(
        format!("the query broke down ({status}) {last}")
            .trim_end()
            .to_owned(),
    )
}
