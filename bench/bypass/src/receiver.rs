//! Who receives: the program, or `dpdk-testpmd --forward-mode=rxonly`, each as a process whose packet count can be asked for while it runs.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver as Lines, channel};
use std::time::Duration;

use crate::ring::{CPUS, LONG_RING};
use crate::{Outcome, fail, quiet};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who receives, and how.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `dpdk-testpmd`, at this path.
    Testpmd(PathBuf),
    /// The program at this path, waiting in this mode.
    Portreeve(PathBuf, &'static str),
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Testpmd(_) => f.pad("testpmd rxonly"),
            Kind::Portreeve(_, mode) => f.pad(&format!("portreeve, {mode}")),
        }
    }
}

/// A receiver that runs. Killed when it goes out of scope.
pub struct Receiver {
    kind: Kind,
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<String>,
    control: PathBuf,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Receiver {
    /// Starts it on this device. Its files are in `folder`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(kind: &Kind, device: &str, flows: u32, folder: &Path) -> Outcome<Receiver> {
        let control = folder.join("control");
        let mut command = match kind {
            Kind::Testpmd(path) => testpmd(path, device),
            Kind::Portreeve(path, mode) => portreeve(path, mode, device, flows, &control),
        };
        crate::end_with_us(&mut command);
        let errors = std::fs::File::create(folder.join("errors")).map_err(|e| e.to_string())?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            // Read without end, so that the receiver never waits for us.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let mut receiver = Receiver {
            kind: kind.clone(),
            input: child.stdin.take(),
            child,
            lines,
            control,
        };
        if matches!(kind, Kind::Testpmd(_)) {
            receiver.type_in("start")?;
        }
        Ok(receiver)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Puts its receiving thread before ordinary ones.
    pub fn make_real_time(&self) {
        quiet::make_real_time(self.id());
    }

    fn type_in(&mut self, line: &str) -> Outcome<()> {
        let Some(input) = self.input.as_mut() else {
            return fail("testpmd's input is closed");
        };
        writeln!(input, "{line}").map_err(|error| format!("testpmd: {error}"))
    }

    /// Packets that it has had so far.
    ///
    /// # Errors
    /// It does not answer.
    pub fn count(&mut self) -> Outcome<u64> {
        match &self.kind {
            Kind::Testpmd(_) => self.ask_testpmd(),
            Kind::Portreeve(path, _) => ask_portreeve(path, &self.control),
        }
    }

    /// Packets that it has had, once no more come.
    ///
    /// # Errors
    /// It does not answer.
    pub fn settled(&mut self) -> Outcome<u64> {
        let mut before = self.count()?;
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.count()?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
    }

    fn ask_testpmd(&mut self) -> Outcome<u64> {
        while self.lines.try_recv().is_ok() {}
        self.type_in("show port stats 0")?;
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                return fail("testpmd does not answer");
            };
            if let Some((_, rest)) = line.split_once("RX-packets:") {
                let number = rest.split_whitespace().next().unwrap_or_default();
                return number.parse().map_err(|_| format!("testpmd said {line}"));
            }
        }
    }
}

fn testpmd(path: &Path, device: &str) -> Command {
    // Into a pipe it would say nothing until it has said 4 KiB.
    let mut command = Command::new("stdbuf");
    let [others, own] = CPUS;
    command
        .arg("-oL")
        .arg(path)
        .args(["-l", &format!("{others},{own}")])
        .args(["--main-lcore", &others.to_string()])
        .args(["--no-pci", "--in-memory", "--single-file-segments"])
        .args(["--no-telemetry", "--iova-mode=va", "-m", "128"])
        .args(["--vdev", device, "--", "--interactive"])
        .arg("--forward-mode=rxonly")
        .arg(format!("--total-num-mbufs={}", 2 * u32::from(LONG_RING)))
        .arg(format!("--rxd={LONG_RING}"))
        .args(["--nb-cores=1", "--burst=64"]);
    command
}

fn portreeve(path: &Path, mode: &str, device: &str, flows: u32, control: &Path) -> Command {
    let mut command = Command::new(path);
    let memory = ((flows as usize * 256 * 3 / 2) >> 20) + 8;
    command
        .args(["-i", &format!("dpdk:{device}")])
        .args(["--json", "--workers", "1", "--mode", mode])
        .args(["--memory", &format!("{memory}MiB")])
        .args(["--cpus", &CPUS[1].to_string()])
        .args([
            "--set",
            &format!("process.control_socket={}", control.display()),
        ]);
    command
}

fn ask_portreeve(path: &Path, control: &Path) -> Outcome<u64> {
    let mut said = String::new();
    // The socket is there when all ports are open.
    for _ in 0..100 {
        let output = Command::new(path)
            .args(["stats", "--json"])
            .arg(control)
            .output()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if output.status.success() {
            let snapshot: serde_json::Value =
                serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
            let delivered = snapshot["ledger"]["frames"]["delivered"].as_u64();
            return delivered.ok_or_else(|| "portreeve stats --json without a ledger".to_owned());
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        std::thread::sleep(Duration::from_millis(100));
    }
    fail(format!("portreeve stats: {said}"))
}
