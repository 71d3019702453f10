//! The virtual machine: QEMU without hardware help (it runs wherever the tests do), and a line to its first process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portreeve_netlab::Namespace;
use serde_json::Value;

use crate::fault::{About, Fault, Outcome, ensure, fail};
use crate::nic::{Cable, Model, Nic};
use crate::parts::Parts;

/// The longest that a boot may take: some thirty times what it takes on a machine with nothing else to do.
const BOOT: Duration = Duration::from_secs(300);
/// The longest that a command may take unless it says otherwise.
const COMMAND: Duration = Duration::from_secs(120);

/// What makes the kernel boot sooner, and be silent.
const KERNEL: &str = "console=ttyS0 panic=-1 quiet tsc=reliable mitigations=off nokaslr cryptomgr.notests audit=0 apparmor=0 \
    no_timer_check nowatchdog random.trust_cpu=on ipv6.disable=1";

/// The QEMU that is used: another than the system's where `PORTREEVE_QEMU` names one.
fn qemu() -> String {
    std::env::var("PORTREEVE_QEMU").unwrap_or_else(|_| "qemu-system-x86_64".to_owned())
}

/// Whether the QEMU that is used emulates this.
///
/// # Errors
/// There is no QEMU.
pub fn has(model: Model) -> Outcome<bool> {
    let output = Command::new(qemu())
        .args(["-device", "help"])
        .output()
        .about(qemu())?;
    let name = format!("name \"{}\"", model.device());
    Ok(String::from_utf8_lossy(&output.stdout).contains(&name))
}

/// How a machine is made.
#[derive(Clone, Debug)]
pub struct Design {
    /// Its NICs.
    pub nics: Vec<Nic>,
    /// MiB of memory.
    pub memory: u32,
    /// Pages of 1 GiB, which only a boot can reserve.
    pub gigabyte_pages: u32,
    /// Whether there is an IOMMU, which VFIO needs. It lets through what UIO does not tell it about.
    pub iommu: bool,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status.
    pub status: i32,
    /// Standard output and error.
    pub text: String,
}

/// A machine that runs; it ends when this is dropped.
pub struct Machine {
    /// Its sockets and logs.
    folder: tempfile::TempDir,
    qemu: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    next: u64,
    /// What its NICs are.
    pub nics: Vec<Nic>,
    /// Pages of 1 GiB that its boot reserved.
    pub gigabyte_pages: u32,
    namespace: Option<Namespace>,
}

impl Machine {
    /// Starts a machine and waits until its first process answers.
    ///
    /// # Errors
    /// QEMU is missing or ended, or the guest does not come up.
    pub fn boot(parts: &Parts, initramfs: &Path, design: &Design) -> Outcome<Machine> {
        let folder = tempfile::tempdir().about("a temporary folder")?;
        let namespace = design.namespace();
        let mut command = match &namespace {
            Some(namespace) => namespace.command(&qemu()),
            None => Command::new(qemu()),
        };
        command.args(design.arguments(parts, initramfs, folder.path()));
        let log = |name: &str| {
            let path = folder.path().join(name);
            File::create(&path).about(path.display())
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log("qemu.log")?);
        let mut qemu = command
            .spawn()
            .about(format!("{} (package qemu-system-x86)", qemu()))?;
        let (Some(stdin), Some(stdout)) = (qemu.stdin.take(), qemu.stdout.take()) else {
            return fail("qemu has no pipes");
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            while matches!(stdout.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if sender.send(text).is_err() {
                    break;
                }
            }
        });
        let mut machine = Machine {
            folder,
            qemu,
            stdin,
            lines,
            next: 1,
            nics: design.nics.clone(),
            gigabyte_pages: design.gigabyte_pages,
            namespace,
        };
        machine
            .answer(0, BOOT)
            .about("the guest does not come up")?;
        Ok(machine)
    }

    /// The folder of its sockets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The namespace in which its tap interfaces are.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The NIC of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn nic(&self, name: &str) -> Outcome<Nic> {
        let found = self.nics.iter().find(|nic| nic.name == name);
        found
            .cloned()
            .ok_or_else(|| Fault(format!("the machine has no NIC {name}")))
    }

    /// Runs a command of the guest's shell and waits for its end, whatever that is.
    ///
    /// # Errors
    /// The machine does not answer.
    pub fn run(&mut self, command: &str) -> Outcome<Answer> {
        self.run_within(command, COMMAND)
    }

    /// The same with another limit.
    ///
    /// # Errors
    /// The machine does not answer.
    pub fn run_within(&mut self, command: &str, limit: Duration) -> Outcome<Answer> {
        ensure(!command.contains('\n'), || {
            format!("more than one line: {command}")
        })?;
        let number = self.next;
        self.next += 1;
        writeln!(self.stdin, "{number} {command}")
            .and_then(|()| self.stdin.flush())
            .map_err(|error| self.fault(&error.to_string()))?;
        self.answer(number, limit).about(command)
    }

    /// Runs a command that must succeed; what it said.
    ///
    /// # Errors
    /// It fails, or the machine does not answer.
    pub fn must(&mut self, command: &str) -> Outcome<String> {
        let answer = self.run(command)?;
        ensure(answer.status == 0, || {
            format!("{command}: exit status {}\n{}", answer.status, answer.text)
        })?;
        Ok(answer.text)
    }

    fn answer(&mut self, number: u64, limit: Duration) -> Outcome<Answer> {
        let begun = Instant::now();
        let wanted = format!("@@ {number} ");
        let mut text = String::new();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(status) = line.strip_prefix(&wanted) {
                        let status = status.trim().parse().about("an exit status")?;
                        // The empty line before the mark ends a last line that had no end of its own.
                        let text = text.trim_end_matches('\n').to_owned();
                        return Ok(Answer { status, text });
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => {
                    let what = format!("no answer within {} s; so far: {text}", limit.as_secs());
                    return Err(self.fault(&what));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.qemu.wait().about("qemu")?;
                    return Err(self.fault(&format!("qemu ended ({status})")));
                }
            }
        }
    }

    /// A fault with what QEMU and the guest's kernel said last.
    fn fault(&self, what: &str) -> Fault {
        let (qemu, console) = (self.log("qemu.log"), self.log("console.log"));
        Fault(format!(
            "{what}\nqemu: {qemu}\nthe guest's kernel: {console}"
        ))
    }

    fn log(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace('\r', "");
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Whether what broke was one of QEMU's known faults, which say nothing about Portreeve: its name.
    ///
    /// Two in QEMU 7.2, both with an e1000 whose legacy interrupt a user-space driver masks: the interrupt stays raised until the guest's kernel turns it off
    /// for good ("nobody cared"), and an assertion of QEMU's own fails.
    #[must_use]
    pub fn known_fault(&mut self) -> Option<&'static str> {
        if self.log("console.log").contains("nobody cared") {
            return Some("irq: nobody cared");
        }
        let ended = matches!(self.qemu.try_wait(), Ok(Some(_)));
        (ended && self.log("qemu.log").contains("Assertion")).then_some("QEMU's own assertion")
    }

    /// Pulls a NIC out of its port and waits until it is out: until the guest has let go of it.
    ///
    /// # Errors
    /// It does not.
    pub fn unplug(&mut self, nic: &Nic) -> Outcome<()> {
        let mut monitor = Monitor::connect(&self.folder.path().join(MONITOR))?;
        monitor.ask(&serde_json::json!({ "execute": "qmp_capabilities" }))?;
        let id = nic.id();
        monitor.ask(&serde_json::json!({ "execute": "device_del", "arguments": { "id": id } }))?;
        monitor
            .wait_for(|said| said["event"] == "DEVICE_DELETED" && said["data"]["device"] == *id)
            .map_err(|fault| self.fault(&fault.0))
    }

    /// Ends the machine in order.
    pub fn end(mut self) {
        let _ = writeln!(self.stdin, "0 poweroff -f");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if matches!(self.qemu.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// The socket that QEMU takes orders on, in the machine's folder.
const MONITOR: &str = "monitor";
/// The longest that QEMU takes for what it is told: kernels are in no hurry to let go of a device.
const ANSWER: Duration = Duration::from_secs(60);

/// A line to QEMU itself (QMP).
struct Monitor {
    lines: BufReader<UnixStream>,
}

impl Monitor {
    fn connect(path: &Path) -> Outcome<Monitor> {
        let stream = UnixStream::connect(path).about(path.display())?;
        stream
            .set_read_timeout(Some(ANSWER))
            .about("a limit of time")?;
        Ok(Monitor {
            lines: BufReader::new(stream),
        })
    }

    /// Tells it to do something and waits until it has heard it.
    fn ask(&mut self, order: &Value) -> Outcome<()> {
        writeln!(self.lines.get_mut(), "{order}").about("QEMU's monitor")?;
        self.wait_for(|said| said.get("return").is_some())
    }

    fn wait_for(&mut self, is_it: impl Fn(&Value) -> bool) -> Outcome<()> {
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).about("QEMU's monitor")?;
            let said: Value = serde_json::from_str(&line).about(line.trim())?;
            if let Some(error) = said.get("error") {
                return fail(format!("QEMU: {error}"));
            }
            if is_it(&said) {
                return Ok(());
            }
        }
    }
}

impl Design {
    /// A namespace with the tap interfaces that the NICs want; none without.
    fn namespace(&self) -> Option<Namespace> {
        let taps: Vec<&str> = self
            .nics
            .iter()
            .filter_map(|nic| match nic.cable() {
                Cable::Tap { name, .. } => Some(name.as_str()),
                Cable::Socket => None,
            })
            .collect();
        if taps.is_empty() {
            return None;
        }
        let namespace = Namespace::new();
        for tap in taps {
            namespace.ip(&format!(
                "tuntap add dev {tap} mode tap multi_queue vnet_hdr"
            ));
            namespace.ip(&format!(
                "link set dev {tap} arp off addrgenmode none txqueuelen 10000"
            ));
            namespace.ip(&format!("link set dev {tap} up"));
        }
        Some(namespace)
    }

    fn arguments(&self, parts: &Parts, initramfs: &Path, folder: &Path) -> Vec<String> {
        let mut kernel = KERNEL.to_owned();
        if self.iommu {
            kernel.push_str(" intel_iommu=on iommu=pt");
        }
        if self.gigabyte_pages > 0 {
            kernel.push_str(&format!(" hugepagesz=1G hugepages={}", self.gigabyte_pages));
        }
        let path = |path: PathBuf| path.display().to_string();
        let mut arguments: Vec<String> = [
            "-M",
            "q35",
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ]
        .map(str::to_owned)
        .into();
        let console = format!("file:{}", path(folder.join("console.log")));
        let pairs = [
            ("-m", self.memory.to_string()),
            ("-kernel", path(parts.kernel.clone())),
            ("-initrd", path(initramfs.to_owned())),
            ("-append", kernel),
            ("-serial", console),
            ("-chardev", "stdio,id=line,signal=off".to_owned()),
            ("-serial", "chardev:line".to_owned()),
            (
                "-qmp",
                format!("unix:{},server=on,wait=off", path(folder.join(MONITOR))),
            ),
        ];
        for (flag, value) in pairs {
            arguments.extend([flag.to_owned(), value]);
        }
        if self.iommu {
            let iommu = ["-device", "intel-iommu,intremap=on,caching-mode=on"];
            arguments.extend(iommu.map(str::to_owned));
        }
        for nic in &self.nics {
            arguments.extend(nic.arguments(folder));
        }
        arguments
    }
}
