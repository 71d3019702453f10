//! Running the `portreeve` binary.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::conn::{self, Line};
use crate::ledger::Ledger;
use crate::patience::PATIENCE;

/// The `portreeve` binary of the profile this was built in (or the one that `PORTREEVE_BIN` names), brought up to date first.
///
/// # Panics
/// If it does not build.
#[must_use]
pub fn portreeve() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("PORTREEVE_BIN") {
            return PathBuf::from(path);
        }
        let this = std::env::current_exe().expect("the path of the test itself");
        let mut folder = this.parent().expect("a folder").to_path_buf();
        if folder.ends_with("deps") {
            folder.pop();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args([
            "build",
            "--quiet",
            "--package",
            "portreeve",
            "--bin",
            "portreeve",
        ]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let status = build.status().expect("cargo");
        assert!(status.success(), "portreeve does not build");
        folder.join("portreeve")
    })
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error as text.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Output {
    /// The exit code.
    ///
    /// # Panics
    /// If a signal ended the run: a crash, or out of time or memory.
    #[must_use]
    pub fn code(&self) -> i32 {
        let code = self.status.code();
        code.unwrap_or_else(|| panic!("ended by a signal: {}\n{}", self.status, self.stderr))
    }

    /// The records on standard output.
    ///
    /// # Panics
    /// If it is not JSON lines.
    #[must_use]
    pub fn records(&self) -> Vec<Line> {
        conn::read(std::str::from_utf8(&self.stdout).expect("UTF-8"))
    }

    /// The ledger that it printed at its end: on standard output, unless records go there.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let stdout = String::from_utf8_lossy(&self.stdout);
        Ledger::read(&self.stderr)
            .or_else(|| Ledger::read(&stdout))
            .unwrap_or_else(|| panic!("no ledger: {}", self.stderr))
    }
}

/// A run to be made.
#[derive(Debug)]
pub struct Run {
    command: Command,
    limit: Duration,
}

impl Run {
    /// `portreeve` with these arguments, without the user's configuration, in at most 2 GiB of address space.
    pub fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
        let mut command = Command::new("prlimit");
        command
            .arg("--as=2147483648")
            .arg(portreeve())
            .args(arguments);
        command
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("HOME", "/nonexistent");
        Run {
            command,
            limit: Duration::from_secs(60),
        }
    }

    /// Watches an interface of the network namespace that the calling thread is in, and writes JSON lines.
    #[must_use]
    pub fn interface(name: &str) -> Run {
        let mut command = Command::new(portreeve());
        command
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("HOME", "/nonexistent");
        let run = Run {
            command,
            limit: Duration::from_secs(60),
        };
        // No conn_update, so that each flow is one record.
        run.args([
            "--json",
            "--memory",
            "64MiB",
            "--set",
            "flow.active_timeout=0s",
            "-i",
            name,
        ])
    }

    /// Runs as a service by this configuration file, with its state and its sockets in `folder`.
    #[must_use]
    pub fn service(config: &Path, folder: &Path) -> Run {
        let mut command = Command::new(portreeve());
        command
            .args([
                OsStr::new("run"),
                OsStr::new("--config"),
                config.as_os_str(),
            ])
            .env("STATE_DIRECTORY", folder.join("state"))
            .env("RUNTIME_DIRECTORY", folder.join("run"))
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC");
        Run {
            command,
            limit: Duration::from_secs(60),
        }
    }

    /// With this in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Reads a capture file to its end and writes JSON lines.
    #[must_use]
    pub fn file(path: &Path) -> Run {
        Run::new([
            OsStr::new("--json"),
            OsStr::new("--memory"),
            OsStr::new("64MiB"),
            OsStr::new("-r"),
            path.as_os_str(),
        ])
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Run {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.command.args(arguments);
        self
    }

    /// Kills it, and fails the test, if it takes longer than this.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// Starts it in the background.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(self) -> Running {
        self.start_into(Stdio::piped())
    }

    /// Starts it in the background with its standard output somewhere else.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start_into(mut self, stdout: impl Into<Stdio>) -> Running {
        self.command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .expect("prlimit (util-linux) and portreeve");
        let stdout = child.stdout.take().map(Collector::of);
        let stderr = Collector::of(child.stderr.take().expect("piped"));
        Running {
            child,
            stdout,
            stderr,
            begun: Instant::now(),
            limit: self.limit,
        }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started or takes too long.
    #[must_use]
    pub fn output(self) -> Output {
        self.start().wait()
    }
}

/// Reads all that comes, and lets others look at what has come so far.
#[derive(Debug)]
struct Collector {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Collector {
    fn of(mut from: impl Read + Send + 'static) -> Collector {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let target = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 65_536];
            while let Ok(length @ 1..) = from.read(&mut chunk) {
                target
                    .lock()
                    .expect("no reader panicked")
                    .extend_from_slice(&chunk[..length]);
            }
        });
        Collector { bytes, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no reader panicked")).into_owned()
    }

    fn all(self) -> Vec<u8> {
        let _ = self.thread.join();
        std::mem::take(&mut *self.bytes.lock().expect("no reader panicked"))
    }
}

/// A run that goes on.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<Collector>,
    stderr: Collector,
    begun: Instant,
    limit: Duration,
}

impl Running {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `TERM`, `INT`, `HUP`, `USR1` …
    ///
    /// # Panics
    /// If it is gone.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .expect("kill");
        assert!(status.success(), "kill -s {signal} {pid}");
    }

    /// Waits until its standard error holds this text.
    ///
    /// # Panics
    /// If it does not come within [`PATIENCE`].
    pub fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.stderr.so_far().contains(text) {
            let late = begun.elapsed() > PATIENCE;
            assert!(
                !late && !self.has_ended(),
                "no {text:?}: {}",
                self.stderr.so_far()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends it a signal, waits until its standard error holds this text once more than before, and returns what it
    /// said since.
    ///
    /// # Panics
    /// If it is gone, or if the text does not come within [`PATIENCE`].
    pub fn ask(&mut self, signal: &str, text: &str) -> String {
        let before = self.said().len();
        self.signal(signal);
        let begun = Instant::now();
        loop {
            let since = self.said().split_off(before);
            if since.contains(text) {
                return since;
            }
            let late = begun.elapsed() > PATIENCE;
            assert!(!late && !self.has_ended(), "no {text:?}: {since}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until its sources are open: the last line of the start report.
    ///
    /// # Panics
    /// If that does not come within [`PATIENCE`].
    pub fn wait_until_open(&mut self) {
        self.wait_for("memory for ");
    }

    /// Its standard error so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.stderr.so_far()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If that takes longer than its limit.
    #[must_use]
    pub fn wait(mut self) -> Output {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            if self.begun.elapsed() > self.limit {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("no end after {:?}\n{}", self.limit, self.stderr.so_far());
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let elapsed = self.begun.elapsed();
        Output {
            status,
            stdout: self.stdout.map(Collector::all).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&self.stderr.all()).into_owned(),
            elapsed,
        }
    }
}
