//! As a service: what the service manager is told, what a hanging worker brings about, and the unit that systemd runs it by.
//!
//! The test is the service manager: it has a socket of its own for what systemd calls sd_notify(3).

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_tests::binary::{Run, Running, portreeve};
use serde_json::Value;

/// The end of the line at which a service manager listens.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn listen(folder: &Path) -> Manager {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Manager { socket, path }
    }

    /// The next message, within this time.
    fn next(&self, within: Duration) -> Option<String> {
        let mut message = [0; 4096];
        self.socket.set_read_timeout(Some(within)).expect("a time");
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    /// Listens no more: nobody is to wait until messages are read.
    fn hang_up(&self) {
        self.socket.shutdown(Shutdown::Both).expect("hung up");
    }

    /// Waits for a message that has this line, and returns it.
    fn wait_for(&self, line: &str, run: &Running) -> String {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            match self.next(Duration::from_secs(1)) {
                Some(message) if message.lines().any(|l| l.starts_with(line)) => return message,
                _ => {}
            }
        }
        panic!("no {line}: {}", run.said());
    }
}

fn config(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("portreeve.toml");
    let text = config_of(&format!("{text}\n[engine]\nworkers = 2\n"));
    std::fs::write(&path, text).expect("a file");
    path
}

/// A configuration that ends with the table `[engine]`, for the laboratory's interface.
fn config_of(text: &str) -> String {
    let interface = Lab::RX;
    format!("{text}memory = \"64MiB\"\n[capture]\ninterfaces = [\"{interface}\"]\n")
}

/// The files below a folder, by their endings.
fn files(folder: &Path, ending: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let below = entries.flatten().map(|entry| entry.path());
    below
        .map(|path| match path.is_dir() {
            true => files(&path, ending),
            false => usize::from(path.to_string_lossy().ends_with(ending)),
        })
        .sum()
}

#[test]
fn the_service_manager_is_told_of_every_turn() {
    if !may_run_privileged() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, lab) = (folder.path(), Lab::new());
    let manager = Manager::listen(folder);
    let file = config(folder, "sensor = \"a\"");
    lab.run(|| {
        let mut run = Run::service(&file, folder)
            .env("NOTIFY_SOCKET", &manager.path)
            .env("WATCHDOG_USEC", "8000000")
            .start();
        manager.wait_for("READY=1", &run);
        let frames = [Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 1, 2).build(60)];
        Sender::open(Lab::TX).send_at(&frames, 1000, Some(10_000));
        assert!(folder.join("run").join("rx0.sock").exists());
        manager.wait_for("WATCHDOG=1", &run);
        let status = manager.wait_for("STATUS=", &run);
        assert!(status.contains("packets/s"), "{status}");

        // A reload that changes something, and one that is refused: the manager waits for the end of both.
        config(folder, "sensor = \"b\"");
        run.signal("HUP");
        let reloading = manager.wait_for("RELOADING=1", &run);
        assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        manager.wait_for("READY=1", &run);
        config(folder, "sensro = \"b\"");
        run.signal("HUP");
        manager.wait_for("RELOADING=1", &run);
        manager.wait_for("READY=1", &run);
        run.wait_for("did you mean sensor");

        run.signal("TERM");
        manager.wait_for("STOPPING=1", &run);
        manager.hang_up();
        let output = run.wait();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        // Standard output has the ledger, and no record.
        assert_eq!(output.ledger().total("delivered"), 1000);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(!stdout.contains('{'), "{stdout}");
    });
    assert!(
        files(&folder.join("state/store"), ".parquet") > 0,
        "history is kept"
    );
}

/// The thread of that name.
fn thread(process: u32, name: &str) -> Pid {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
    let found = tasks.flatten().find(|task| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    });
    let found = found.unwrap_or_else(|| panic!("no thread {name}"));
    Pid::from_raw(
        found
            .file_name()
            .to_string_lossy()
            .parse()
            .expect("a number"),
    )
}

#[test]
fn a_worker_that_hangs_lets_the_watchdog_fire() {
    if !may_run_privileged() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, lab) = (folder.path(), Lab::new());
    let manager = Manager::listen(folder);
    let file = config(folder, "");
    lab.run(|| {
        let run = Run::service(&file, folder)
            .env("NOTIFY_SOCKET", &manager.path)
            .env("WATCHDOG_USEC", "4000000")
            .start();
        manager.wait_for("READY=1", &run);
        manager.wait_for("WATCHDOG=1", &run);
        // One thread alone stands still: that of a worker.
        let worker = thread(run.pid(), "worker-1");
        ptrace::seize(worker, ptrace::Options::empty()).expect("seized");
        ptrace::interrupt(worker).expect("stopped");
        waitpid(worker, Some(WaitPidFlag::__WALL)).expect("it has stopped");
        // The manager is told, and no sign of life comes any more: those that were on their way are let through.
        let status = manager.wait_for("STATUS=", &run);
        let mut said = status;
        while !said.contains("does not go on: worker-1") {
            said = manager.wait_for("STATUS=", &run);
        }
        let silence = Duration::from_secs(4);
        let begun = Instant::now();
        while begun.elapsed() < silence {
            let message = manager.next(silence).unwrap_or_default();
            assert!(!message.contains("WATCHDOG=1"), "{message}");
        }
        // It goes on, and so do the signs of life.
        ptrace::detach(worker, None).expect("let go");
        manager.wait_for("WATCHDOG=1", &run);
        manager.hang_up();
        run.signal("TERM");
        assert_eq!(run.wait().code(), 0);
    });
}

/// What the webhook was sent: the bodies of requests, each answered with 200.
fn collect(listener: TcpListener) -> Receiver<Value> {
    let (out, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            reader.into_inner().write_all(answer).expect("answered");
            if out
                .send(serde_json::from_slice(&body).expect("JSON"))
                .is_err()
            {
                return;
            }
        }
    });
    bodies
}

#[test]
fn a_link_that_goes_down_is_told_to_everybody_and_so_is_its_return() {
    if !may_run_privileged() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, lab) = (folder.path(), Lab::new());
    let file = folder.join("portreeve.toml");
    let (logs, others) = (folder.join("logs"), folder.join("others"));
    lab.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let bodies = collect(listener);
        let text = |raise_after: &str, logs: &Path| {
            format!(
                "sensor = \"probe\"\n[output]\nlog_dir = \"{}\"\n[alerts]\nwebhook = \"http://{address}/hook\"\n\
                 webhook_headers = [\"X-Key: secret-{raise_after}\"]\nraise_after = \"{raise_after}\"\nclear_after = \"1s\"\n[engine]\nworkers = WORKERS\n",
                logs.display()
            )
        };
        let write = |text: String, workers: &str| {
            let text = text.replace("WORKERS", workers);
            std::fs::write(&file, config_of(&text)).expect("a file");
        };
        write(text("1h", &logs), "1");
        let mut run = Run::service(&file, folder).start();
        run.wait_until_open();
        // An hour is too long: a reload says one second, which is live, and two workers, which is not.
        write(text("1s", &logs), "2");
        run.signal("HUP");
        run.wait_for("alerts.raise_after: \"1h\" -> \"1s\": in force now");
        run.wait_for("alerts.webhook_headers: [\"X-Key: ***\"] -> [\"X-Key: ***\"]: in force now");
        run.wait_for("engine.workers: 1 -> 2: takes a restart, 1 stays in force");
        run.wait_for("checked, log files reopened");
        // Once more: what waits for a restart is told again, what is in force is not.
        run.ask("HUP", "checked, log files reopened");
        lab.namespace().ip("link set dev tx0 down");
        run.wait_for("alert link_down: rx0 has no carrier");
        let body = bodies.recv_timeout(Duration::from_secs(20)).expect("a POST");
        assert_eq!(body["state"], "raised");
        assert_eq!(body["name"], "link_down");
        assert_eq!(body["object"], "rx0");
        assert_eq!(body["severity"], "critical");
        assert_eq!(body["sensor"], "probe");
        assert!(body["since"].as_i64() < body["ts"].as_i64(), "{body}");
        let socket = folder.join("run").join("rx0.sock");
        let stats = || {
            let output = Command::new(portreeve()).arg("stats").arg(&socket).output();
            String::from_utf8_lossy(&output.expect("portreeve").stdout).into_owned()
        };
        let said = stats();
        assert!(said.contains("critical link_down"), "{said}");
        let json = Command::new(portreeve()).args(["stats", "--json"]).arg(&socket).output();
        let json: Value = serde_json::from_slice(&json.expect("portreeve").stdout).expect("JSON");
        assert_eq!(json["alerts"]["active"][0]["object"], "rx0", "{json}");
        assert_eq!(json["outputs"][0]["name"], "log-dir", "{json}");
        assert!(json["ledger"].is_object());
        // Records go on into another folder, written otherwise. A folder that cannot be one changes nothing.
        write(text("1s", Path::new("/proc/none")), "2");
        run.signal("HUP");
        run.wait_for("cannot write logs into /proc/none");
        let elsewhere = text("1s", &others).replace("[alerts]", "format = \"zeek-tsv\"\n[alerts]");
        write(elsewhere, "2");
        run.signal("HUP");
        run.wait_for("output.format: \"zeek-json\" -> \"zeek-tsv\": in force now");
        lab.namespace().ip("link set dev tx0 up");
        run.wait_for("alert link_down is over");
        let body = bodies.recv_timeout(Duration::from_secs(20)).expect("a POST");
        assert_eq!(body["state"], "cleared");
        assert_eq!(body["message"], "rx0 has a carrier again");
        assert_eq!(body["value"], 1.0);
        let said = stats();
        assert!(said.contains("Alerts: none"), "{said}");
        let told = run.said().matches("engine.workers: 1 -> 2").count();
        assert_eq!(told, 3, "{}", run.said());
        assert_eq!(run.said().matches("alerts.raise_after:").count(), 1);
        run.signal("TERM");
        let output = run.wait();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        assert!(!output.stderr.contains("secret-"), "{}", output.stderr);
        // In the ledger, as made here: the books balance with them.
        assert_eq!(output.ledger().faults(), Vec::<String>::new());
    });
    let log = |folder: &Path| {
        let log = std::fs::read_dir(folder)
            .expect("logs")
            .flatten()
            .find(|entry| entry.file_name().to_string_lossy().starts_with("alert"))
            .expect("a log alert");
        std::fs::read_to_string(log.path()).expect("the log")
    };
    let text = log(&logs);
    let states: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|record| record["state"].clone())
        .collect();
    assert_eq!(states, ["raised"], "{text}");
    assert!(text.contains("\"sensor\":\"probe\""), "{text}");
    let text = log(&others);
    assert!(text.starts_with("#separator"), "{text}");
    assert_eq!(text.matches("\tcleared\t").count(), 1, "{text}");
}

#[test]
fn a_reload_changes_the_filter_and_no_packet_is_missing_in_the_books() {
    if !may_run_privileged() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, lab) = (folder.path(), Lab::new());
    let file = folder.join("portreeve.toml");
    let write = |filter: &str| {
        let text = format!("[engine]\nworkers = 2\n{}{filter}", config_of(""));
        std::fs::write(&file, text).expect("a file");
    };
    write("filter = \"udp dst port 1\"\n");
    lab.run(|| {
        let mut run = Run::service(&file, folder).start();
        run.wait_until_open();
        let sender = Sender::open(Lab::TX);
        // Workers are woken for a change; and what is in the ring is for the filter of when it is taken out: both need a moment.
        let moment = || std::thread::sleep(Duration::from_millis(300));
        let send = || {
            for (port, count) in [(1, 100), (2, 50)] {
                let frame = Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 9, port).build(60);
                sender.send_at(&[frame], count, Some(10_000));
            }
            moment();
        };
        send();
        // From the kernel's filter, for which the privileges are gone by now, to one in Portreeve, and to none. What is no filter changes nothing.
        for (filter, said) in [
            (
                "filter = \"udp dst port 2\"\n",
                "capture.filter: \"udp dst port 1\" -> \"udp dst port 2\": in force now",
            ),
            ("filter = \"udp port colour\"\n", "stays as it was"),
            (
                "",
                "capture.filter: \"udp dst port 2\" -> \"\": in force now",
            ),
        ] {
            write(filter);
            run.signal("HUP");
            run.wait_for(said);
            moment();
            send();
        }
        run.signal("TERM");
        let output = run.wait();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        let ledger = output.ledger();
        assert_eq!(ledger.faults(), Vec::<String>::new());
        let kernel = "rejected by the filter in the kernel";
        assert_eq!(ledger.total("on the wire of rx0"), 600);
        assert_eq!(ledger.part("on the wire of rx0", kernel), 50);
        // Twice with the second filter, which the mistake left in force.
        assert_eq!(ledger.part("delivered", "rejected by the filter"), 200);
        assert_eq!(ledger.part("delivered", "analysed"), 100 + 50 + 50 + 150);
    });
}

/// The unit, with the program that was built here.
fn unit(folder: &Path) -> PathBuf {
    let unit = include_str!("../../packaging/portreeve.service");
    let program = portreeve().to_string_lossy().into_owned();
    let path = folder.join("portreeve.service");
    std::fs::write(&path, unit.replace("/usr/bin/portreeve", &program)).expect("a file");
    path
}

fn systemd_analyze(arguments: &[&str], file: &Path) -> String {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(file)
        .output()
        .expect("systemd-analyze (package systemd)");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_little_exposed() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = unit(folder.path());
    let said = systemd_analyze(&["verify", "--man=no"], &unit);
    assert!(!said.contains("portreeve"), "{said}");
    // From 0 (nothing exposed) to 100; a service without any hardening has 96.
    systemd_analyze(&["security", "--offline=true", "--threshold=28"], &unit);
}

/// System calls of a group of systemd's, groups in it taken apart.
fn group(name: &str) -> BTreeSet<String> {
    let output = Command::new("systemd-analyze")
        .args(["syscall-filter", name])
        .output()
        .expect("systemd-analyze (package systemd)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut calls = BTreeSet::new();
    for line in text.lines().map(str::trim).skip(1) {
        match line.chars().next() {
            None | Some('#') => {}
            Some('@') => calls.extend(group(line)),
            Some(_) => _ = calls.insert(line.to_owned()),
        }
    }
    calls
}

#[test]
fn the_unit_permits_every_system_call_that_a_run_makes() {
    if !may_run_privileged() {
        return;
    }
    let unit = include_str!("../../packaging/portreeve.service");
    let mut permitted = BTreeSet::new();
    for line in unit
        .lines()
        .filter_map(|l| l.strip_prefix("SystemCallFilter="))
    {
        for word in line.split_whitespace() {
            if word.starts_with('@') {
                permitted.extend(group(word));
            } else {
                permitted.insert(word.to_owned());
            }
        }
    }
    assert!(permitted.len() > 100, "{permitted:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, lab) = (folder.path(), Lab::new());
    let manager = Manager::listen(folder);
    // A filter that the kernel counts by (eBPF), logs, priority: all that takes a right.
    let file = config(
        folder,
        "[output]\nlog_dir = \"LOGS\"\n[store]\nflush_every = \"100ms\"\n",
    );
    let text = std::fs::read_to_string(&file).expect("the file");
    let logs = folder.join("logs");
    let text = text.replace("LOGS", &logs.to_string_lossy());
    let text = text.replace("[engine]\n", "[engine]\nscheduling = \"nice\"\n");
    std::fs::write(&file, text).expect("a file");
    let trace = folder.join("trace");
    lab.run(|| {
        let mut strace = Command::new("strace")
            .args(["-f", "-qq", "-o"])
            .arg(&trace)
            .arg(portreeve())
            .args(["run", "--set", "capture.filter=udp", "--config"])
            .arg(&file)
            .env("STATE_DIRECTORY", folder.join("state"))
            .env("RUNTIME_DIRECTORY", folder.join("run"))
            .env("NOTIFY_SOCKET", &manager.path)
            .env_remove("WATCHDOG_USEC")
            .spawn()
            .expect("strace");
        let begun = Instant::now();
        let mut ready = false;
        while !ready && begun.elapsed() < Duration::from_secs(60) {
            let message = manager.next(Duration::from_secs(1)).unwrap_or_default();
            ready = message.contains("READY=1");
        }
        assert!(ready, "not ready under strace");
        manager.hang_up();
        let frames = [Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 1, 2).build(60)];
        Sender::open(Lab::TX).send_at(&frames, 100, Some(1000));
        let socket = folder.join("run").join("rx0.sock");
        for (command, more) in [("stats", None), ("mode", Some("adaptive"))] {
            let done = Command::new(portreeve())
                .arg(command)
                .args(more)
                .arg(&socket)
                .output()
                .expect("portreeve");
            assert!(done.status.success(), "{command}");
        }
        // strace hands no signal on: the one that it runs gets it.
        let strace_id = strace.id();
        let children = format!("/proc/{strace_id}/task/{strace_id}/children");
        let child = std::fs::read_to_string(children).expect("its child");
        Command::new("kill")
            .args(["-s", "TERM", child.trim()])
            .status()
            .expect("kill");
        assert!(strace.wait().is_ok());
    });
    let text = std::fs::read_to_string(&trace).expect("a trace");
    let made: BTreeSet<String> = text
        .lines()
        .filter_map(|line| {
            let call = line.split_whitespace().nth(1)?;
            let (name, _) = call.split_once('(')?;
            Some(name.to_owned())
        })
        .collect();
    assert!(made.contains("bpf") && made.contains("sendto"), "{made:?}");
    // The kernel's own, which no filter sees; and what strace itself starts the program by.
    let beyond: Vec<&String> = made
        .difference(&permitted)
        .filter(|name| !matches!(name.as_str(), "restart_syscall" | "execve"))
        .collect();
    assert!(beyond.is_empty(), "not permitted by the unit: {beyond:?}");
}
