//! How the program waits for packets on a live interface: the mode by flag and at run time, priorities, and what idling costs.
//!
//! These tests need root; see `portreeve_netlab::may_run_privileged`.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_tests::binary::{Run, portreeve};

/// `SCHED_FIFO` in /proc/PID/stat.
const FIFO: &str = "1";

fn packets() -> Vec<Vec<u8>> {
    (0..100)
        .map(|n| Packet::udp4([10, 0, 0, 1], [10, 0, 0, 2], 10_000 + n, 2000).build(60))
        .collect()
}

/// The fields of a stat file behind the name in brackets: field 3 of proc(5) comes first.
fn stat(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let behind = text.rsplit_once(')').map_or("", |(_, behind)| behind);
    behind.split_whitespace().map(str::to_owned).collect()
}

/// Each thread's name, nice value and scheduling policy.
fn threads(pid: u32) -> Vec<(String, String, String)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    tasks
        .flatten()
        .map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let fields = stat(&task.path().join("stat"));
            let field = |number: usize| fields.get(number - 3).cloned().unwrap_or_default();
            (name.trim().to_owned(), field(19), field(41))
        })
        .collect()
}

/// Ticks (1/100 s) on a processor so far, of all threads.
fn ticks(pid: u32) -> u64 {
    let fields = stat(Path::new(&format!("/proc/{pid}/stat")));
    let number = |at: usize| fields[at - 3].parse::<u64>().expect("a number");
    number(14) + number(15)
}

/// Waits until `portreeve stats` tells `text` of the run on this socket: a worker's books are told as it last published them, and it
/// has not slept before it has run.
fn told(socket: &Path, text: &str) {
    let begun = Instant::now();
    loop {
        let stats = Command::new(portreeve()).arg("stats").arg(socket).output();
        let stats = stats.expect("it runs").stdout;
        let stats = String::from_utf8_lossy(&stats);
        if stats.contains(text) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{text}: {stats}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn workers_have_the_priority_asked_for_and_nobody_else_has() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    for scheduling in ["nice", "fifo"] {
        lab.run(|| {
            let mut run = Run::interface(Lab::RX)
                .args(["--workers", "2", "--scheduling", scheduling])
                .start();
            run.wait_until_open();
            let threads = threads(run.pid());
            let workers = threads
                .iter()
                .filter(|(name, ..)| name.starts_with("worker-"));
            assert_eq!(workers.clone().count(), 2, "{threads:?}");
            for (name, nice, policy) in &threads {
                let prior = name.starts_with("worker-");
                let is = (nice.as_str(), policy.as_str());
                match (scheduling, prior) {
                    ("nice", true) => assert_eq!(is, ("-10", "0"), "{threads:?}"),
                    ("fifo", true) => assert_eq!(is.1, FIFO, "{threads:?}"),
                    _ => assert_eq!(is, ("0", "0"), "{name} {threads:?}"),
                }
            }
            Sender::open(Lab::TX).send_at(&packets(), 1000, Some(10_000));
            run.signal("TERM");
            let output = run.wait();
            assert_eq!(output.code(), 0, "{}", output.stderr);
            assert!(
                output.stderr.contains("scheduling: workers"),
                "{}",
                output.stderr
            );
            assert_eq!(output.ledger().total("on the wire of"), 1000);
        });
    }
}

#[test]
fn real_time_polling_is_refused_while_the_kernel_would_stop_it() {
    let limit = std::fs::read_to_string("/proc/sys/kernel/sched_rt_runtime_us");
    let limited = limit.is_ok_and(|limit| limit.trim() == "950000");
    let output = Run::new(["--mode", "poll", "--scheduling", "fifo", "--check"]).output();
    if limited {
        assert_eq!(output.code(), 2, "{}", output.stderr);
        for word in [
            "50 ms",
            "sysctl kernel.sched_rt_runtime_us=-1",
            "--mode interrupt",
        ] {
            assert!(output.stderr.contains(word), "{}", output.stderr);
        }
    }
    let output = Run::new(["--mode", "interrupt", "--scheduling", "fifo", "--check"]).output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
}

#[test]
fn without_the_privilege_for_priority_the_line_to_type_is_printed() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let output = lab.run(|| {
        Command::new("setpriv")
            .args(["--inh-caps=-all", "--bounding-set=-sys_nice"])
            .arg(portreeve())
            .args(["-i", Lab::RX, "--json", "--scheduling", "fifo"])
            .env("HOME", "/nonexistent")
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("setpriv (util-linux)")
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("setcap") && stderr.contains("cap_sys_nice"),
        "{stderr}"
    );
}

#[test]
fn the_mode_is_changed_from_outside() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let ask = |arguments: &[&str]| {
        let output = Command::new(portreeve())
            .args(arguments)
            .arg(&socket)
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .args(["--workers", "2", "--set"])
            .arg(format!("process.control_socket={}", socket.display()))
            .start();
        run.wait_until_open();
        // Asleep, until they are told to poll: from then on they take all the time there is.
        told(&socket, "sleeps until its receive interrupt");
        told(&socket, "now polls 20 µs for nothing before it sleeps");
        assert!(ask(&["mode", "poll"]).contains("poll mode from now on"));
        told(&socket, "poll mode, as asked");
        let (before, begun) = (ticks(run.pid()), Instant::now());
        while ticks(run.pid()) < before + 20 {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "they do not poll"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(ask(&["mode", "adaptive"]).contains("adaptive mode from now on"));
        Sender::open(Lab::TX).send_at(&packets(), 1000, Some(10_000));
        assert!(ask(&["mode", "interrupt"]).contains("interrupt mode from now on"));
        Sender::open(Lab::TX).send_at(&packets(), 1000, Some(10_000));
        run.signal("TERM");
        let output = run.wait();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        assert_eq!(output.ledger().total("on the wire of"), 2000);
        assert_eq!(output.ledger().faults(), Vec::<String>::new());
    });
}

#[test]
fn a_reload_changes_the_mode() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let (socket, config) = (
        folder.path().join("s"),
        folder.path().join("portreeve.toml"),
    );
    let write = |mode: &str| {
        let text = format!("[engine]\nmode = \"{mode}\"\nspin = \"50us\"\n");
        std::fs::write(&config, text).unwrap();
    };
    write("interrupt");
    lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .arg("--config")
            .arg(&config)
            .arg("--set")
            .arg(format!("process.control_socket={}", socket.display()))
            .start();
        run.wait_until_open();
        told(&socket, "interrupt mode");
        write("poll");
        run.signal("HUP");
        run.wait_for("engine.mode: ");
        run.wait_for("configuration checked");
        told(&socket, "poll mode, as asked");
        write("sideways");
        run.signal("HUP");
        run.wait_for("stays as it was");
        told(&socket, "poll mode, as asked");
        Sender::open(Lab::TX).send_at(&packets(), 1000, Some(10_000));
        run.signal("TERM");
        let output = run.wait();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        assert_eq!(output.ledger().total("on the wire of"), 1000);
    });
}

/// Somebody else's program on the worker's core.
struct Crowd(std::process::Child);

impl Crowd {
    fn on(cpu: usize) -> Crowd {
        let child = Command::new("taskset")
            .args(["-c", &cpu.to_string(), "sh", "-c", "while :; do :; done"])
            .spawn();
        Crowd(child.expect("taskset (util-linux)"))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_worker_that_others_keep_from_its_core_says_so() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .args(["--workers", "1", "--cpus", "0", "--mode", "poll", "--set"])
            .arg(format!("process.control_socket={}", socket.display()))
            .start();
        run.wait_until_open();
        let crowd = Crowd::on(0);
        told(&socket, "in line for its core: other threads run there");
        drop(crowd);
        run.signal("TERM");
        assert_eq!(run.wait().code(), 0);
    });
}

/// How often each thread of a process has left its core so far, by their names.
fn switches(pid: u32) -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        let task = task.unwrap().path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap();
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        let counts = counts.map(|line| line.rsplit('\t').next().unwrap().parse::<u64>().unwrap());
        (name.trim().to_owned(), counts.sum())
    };
    tasks.map(of).collect()
}

#[test]
fn a_program_that_has_nothing_to_do_sleeps() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        let mut run = Run::interface(Lab::RX).args(["--workers", "2"]).start();
        run.wait_until_open();
        std::thread::sleep(Duration::from_secs(1));
        // What that costs depends on the machine, and `make bench-idle` tells; how often it wakes does not. A slow machine wakes it less.
        let before = switches(run.pid());
        std::thread::sleep(Duration::from_secs(4));
        let after = switches(run.pid());
        assert!(
            before
                .iter()
                .filter(|(name, _)| name.starts_with("worker-"))
                .count()
                == 2
        );
        for ((name, before), (same, after)) in before.iter().zip(&after) {
            assert_eq!(name, same);
            let often = (after - before) / 4;
            assert!(often <= 30, "{name} has woken {often} times a second");
        }
        // And what comes then is seen at once: the output that rests is woken.
        Sender::open(Lab::TX).send_at(&packets(), 1000, Some(10_000));
        run.signal("TERM");
        let output = run.wait();
        assert_eq!(output.code(), 0, "{}", output.stderr);
        assert_eq!(output.ledger().total("on the wire of"), 1000);
    });
}
