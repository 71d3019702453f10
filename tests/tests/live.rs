//! The program on live interfaces, in network namespaces of its own: exact counts, overload, signals, full disks, privileges.
//!
//! These tests need root; see `portreeve_netlab::may_run_privileged`.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portreeve_netlab::{Lab, Packet, Sender, may_run_privileged};
use portreeve_tests::binary::{Output, Run, portreeve};
use portreeve_tests::conn::Line;
use portreeve_tests::patience::eventually;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

/// Packets of as many conversations.
fn conversations(count: u16, size: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| Packet::udp4(A, B, 10_000 + n, 2000).build(size))
        .collect()
}

fn conns(output: &Output) -> Vec<Line> {
    output
        .records()
        .into_iter()
        .filter(|line| line.path() == "conn")
        .collect()
}

/// Checks what must be so of every live run: the books balance, and the records hold every packet analysed.
fn assert_balanced(output: &Output) {
    let ledger = output.ledger();
    assert_eq!(ledger.faults(), Vec::<String>::new(), "{}", output.stderr);
    let in_records: u64 = conns(output)
        .iter()
        .map(|line| line.count("orig_pkts") + line.count("resp_pkts"))
        .sum();
    assert_eq!(
        in_records,
        ledger.part("delivered", "analysed"),
        "{}",
        output.stderr
    );
    assert_eq!(
        conns(output).len() as u64,
        ledger.total("flows opened"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_ledger_says_exactly_what_was_sent() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    for (workers, size, count, rate) in [
        ("1", 60, 20_000, None),
        ("1", 1514, 3_000, Some(10_000)),
        ("2", 60, 20_000, None),
        ("2", 590, 5_000, Some(10_000)),
    ] {
        let output = lab.run(|| {
            let mut run = Run::interface(Lab::RX).args(["--workers", workers]).start();
            run.wait_until_open();
            Sender::open(Lab::TX).send_at(&conversations(100, size), count, rate);
            run.signal("TERM");
            run.wait()
        });
        let what = format!(
            "{workers} workers, {size} bytes, {rate:?} a second\n{}",
            output.stderr
        );
        assert_eq!(output.code(), 0, "{what}");
        assert_balanced(&output);
        let ledger = output.ledger();
        assert_eq!(ledger.total("on the wire of"), count, "{what}");
        let dropped = ledger.part("on the wire of", "dropped by the kernel, ring full");
        assert_eq!(ledger.total("delivered") + dropped, count, "{what}");
        if rate.is_some() {
            assert_eq!(dropped, 0, "{what}");
        }
        assert_eq!(ledger.total("flows opened"), 100, "{what}");
    }
}

#[test]
fn what_a_full_ring_loses_is_in_the_kernels_account() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let count = 400_000;
    let output = lab.run(|| {
        let mut run = Run::interface(Lab::RX).args(["--workers", "1"]).start();
        run.wait_until_open();
        // Nobody takes anything out of the ring for a while.
        run.signal("STOP");
        Sender::open(Lab::TX).send(&conversations(50, 1000), count);
        run.signal("CONT");
        run.signal("TERM");
        run.wait()
    });
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert_balanced(&output);
    let ledger = output.ledger();
    let dropped = ledger.part("on the wire of", "dropped by the kernel, ring full");
    assert!(dropped > 0, "{}", output.stderr);
    assert_eq!(ledger.total("on the wire of"), count, "{}", output.stderr);
    assert_eq!(
        ledger.total("delivered") + dropped,
        count,
        "{}",
        output.stderr
    );
}

#[test]
fn losses_can_fail_the_run_and_are_told_with_their_place_and_reason() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let output = lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .args(["--workers", "1", "--fail-on-loss", "-B", "2048"])
            .args(["--mode", "poll", "--set", "alerts.raise_after=0s"])
            .start();
        run.wait_until_open();
        run.wait_for("ring of 2 blocks of 1024 KiB");
        // The worker does not look for stops in its first tenth of a second; and the alert wants a reading from before the loss.
        std::thread::sleep(Duration::from_millis(1500));
        run.signal("STOP");
        Sender::open(Lab::TX).send(&conversations(50, 1000), 20_000);
        run.signal("CONT");
        run.wait_for("of the packets are lost");
        run.signal("TERM");
        run.wait()
    });
    assert_eq!(output.code(), 3, "{}", output.stderr);
    assert_balanced(&output);
    let said = &output.stderr;
    let alert = said.lines().find(|line| line.contains("alert loss: "));
    let alert = alert.expect("an alert");
    let place = format!("dropped by the kernel at {}, ring full", Lab::RX);
    assert!(alert.contains(&place), "{said}");
    // On processors other than x86-64 nobody sees that.
    if cfg!(target_arch = "x86_64") {
        assert!(alert.contains("worker-0 was away from its ring"), "{said}");
    }
}

#[test]
fn term_under_load_writes_every_open_flow() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    for workers in ["1", "2"] {
        let stop = AtomicBool::new(false);
        let output = lab.run(|| {
            let mut run = Run::interface(Lab::RX).args(["--workers", workers]).start();
            run.wait_until_open();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    lab.run(|| {
                        let (sender, frames) = (Sender::open(Lab::TX), conversations(5000, 200));
                        while !stop.load(Ordering::Relaxed) {
                            sender.send_at(&frames, 5000, Some(100_000));
                        }
                    });
                });
                std::thread::sleep(Duration::from_millis(700));
                run.signal("TERM");
                let output = run.wait();
                stop.store(true, Ordering::Relaxed);
                output
            })
        });
        assert_eq!(output.code(), 0, "{}", output.stderr);
        assert_balanced(&output);
        assert_eq!(conns(&output).len(), 5000, "{}", output.stderr);
        let at_the_end = |line: &&Line| line.text("end_reason") == Some("end_of_input");
        let ends = conns(&output).iter().filter(at_the_end).count();
        assert_eq!(ends, 5000, "all were open");
    }
}

#[test]
fn a_second_signal_leaves_at_once() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    lab.run(|| {
        // Nobody reads the records: the drain would wait for its deadline.
        let (_unread, stdout) = std::io::pipe().unwrap();
        let mut run = Run::interface(Lab::RX).start_into(stdout);
        run.wait_until_open();
        Sender::open(Lab::TX).send(&conversations(5000, 60), 5000);
        run.signal("TERM");
        std::thread::sleep(Duration::from_millis(1000));
        assert!(!run.has_ended(), "the records cannot all be in the pipe");
        let second = Instant::now();
        run.signal("TERM");
        let output = run.wait();
        assert!(
            second.elapsed() < Duration::from_secs(2),
            "{:?}",
            second.elapsed()
        );
        assert_ne!(output.status.code(), Some(0));
    });
}

#[test]
fn usr1_prints_statistics_and_the_run_goes_on() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let output = lab.run(|| {
        let mut run = Run::interface(Lab::RX).start();
        run.wait_until_open();
        Sender::open(Lab::TX).send_at(&conversations(10, 60), 1000, Some(10_000));
        std::thread::sleep(Duration::from_millis(300));
        run.signal("USR1");
        run.wait_for("analysed");
        Sender::open(Lab::TX).send_at(&conversations(10, 60), 500, Some(10_000));
        run.signal("TERM");
        run.wait()
    });
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert_balanced(&output);
    assert_eq!(output.ledger().total("on the wire of"), 1500);
}

fn lines_of(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[test]
fn hup_reopens_the_logs() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let (log, moved) = (
        folder.path().join("conn.log"),
        folder.path().join("moved.log"),
    );
    let output = lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .args(["--set", "flow.udp_idle=1s", "--log-dir"])
            .arg(folder.path())
            .start();
        run.wait_until_open();
        Sender::open(Lab::TX).send_at(&conversations(100, 60), 100, Some(10_000));
        eventually("the first flows are logged", || lines_of(&log) >= 100);
        // As logrotate does it.
        std::fs::rename(&log, &moved).unwrap();
        run.signal("HUP");
        eventually("the log is there again", || log.exists());
        Sender::open(Lab::TX).send_at(&conversations(200, 60), 200, Some(10_000));
        run.signal("TERM");
        run.wait()
    });
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert_eq!(output.ledger().faults(), Vec::<String>::new());
    assert_eq!(lines_of(&moved), 100, "{}", output.stderr);
    // At the end a log gets its final name, with its times.
    let later: usize = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path != &moved)
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("conn")
        })
        .map(|path| lines_of(&path))
        .sum();
    assert_eq!(later, 200, "{}", output.stderr);
}

/// A small file system of its own, gone at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> SmallDisk {
        let disk = SmallDisk(tempfile::tempdir().unwrap());
        disk.mount(&format!("size={size}"));
        disk
    }

    fn mount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "portreeve-test"])
            .arg(self.0.path())
            .status();
        assert!(status.unwrap().success(), "mount -o {options}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}

#[test]
fn a_full_disk_costs_records_not_packets_and_is_survived() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let disk = SmallDisk::new("256k");
    let folder = disk.0.path();
    let logged = || {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries.map(|path| lines_of(&path)).sum::<usize>()
    };
    let output = lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .args(["--set", "flow.udp_idle=1s", "--log-dir"])
            .arg(folder)
            .start();
        run.wait_until_open();
        let sender = Sender::open(Lab::TX);
        // Each record is about a kilobyte.
        sender.send_at(&conversations(3000, 60), 3000, Some(10_000));
        run.wait_for("No space left on device");
        let full = logged();
        assert!(
            (50..1000).contains(&full),
            "{full} records on a disk of 256 KiB"
        );
        disk.mount("remount,size=64m");
        sender.send_at(&conversations(3000, 60), 3000, Some(10_000));
        eventually("records are written again", || logged() > full + 1000);
        run.signal("TERM");
        run.wait()
    });
    let ledger = output.ledger();
    assert_eq!(ledger.faults(), Vec::<String>::new(), "{}", output.stderr);
    assert_eq!(ledger.total("on the wire of"), 6000, "{}", output.stderr);
    assert_eq!(
        ledger.total("delivered"),
        6000,
        "capture is not affected: {}",
        output.stderr
    );
    assert_eq!(ledger.total("flows opened"), 6000, "{}", output.stderr);
}

/// What of a record does not depend on when its packets came.
fn timeless(line: &Line) -> String {
    let mut fields = line.0.clone();
    fields.retain(|name, _| {
        !["ts", "uid", "duration", "source", "tunnel_parents"].contains(&name.as_str())
            && !name.contains("rtt")
    });
    serde_json::to_string(&fields).unwrap()
}

#[test]
fn a_replay_gives_the_records_of_the_file() {
    if !may_run_privileged() {
        return;
    }
    // Conversations of a few milliseconds each: no timer fires, in the file or live.
    let frames = conversations(40, 300);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.pcap");
    let packets: Vec<_> = (0..2000)
        .map(|n| {
            let time = portreeve_tests::pcap::START + n * 100_000;
            portreeve_tests::pcap::packet(time, frames[n as usize % frames.len()].clone())
        })
        .collect();
    portreeve_tests::pcap::write(&path, &packets);
    let file = Run::file(&path).arg("--no-checksums").output();
    let mut expected: Vec<String> = conns(&file).iter().map(timeless).collect();
    expected.sort();
    assert_eq!(expected.len(), 40);
    let lab = Lab::new();
    for workers in ["1", "2"] {
        let output = lab.run(|| {
            let mut run = Run::interface(Lab::RX).args(["--workers", workers]).start();
            run.wait_until_open();
            Sender::open(Lab::TX).send_at(&frames, 2000, Some(10_000));
            run.signal("TERM");
            run.wait()
        });
        let mut live: Vec<String> = conns(&output).iter().map(timeless).collect();
        live.sort();
        let differing = live
            .iter()
            .zip(&expected)
            .find(|(live, expected)| live != expected);
        assert!(differing.is_none(), "{differing:?}");
        assert_eq!(live.len(), expected.len());
    }
}

#[test]
fn without_privileges_the_line_to_type_is_printed() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let binary = folder.path().join("portreeve");
    std::fs::copy(portreeve(), &binary).unwrap();
    let output = lab.run(|| {
        Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
            ])
            .arg(&binary)
            .args(["-i", Lab::RX, "--json"])
            .env("HOME", "/nonexistent")
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("setpriv (util-linux)")
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("setcap") && stderr.contains("cap_net_raw"),
        "{stderr}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn an_interface_that_is_not_there_is_named_with_those_that_are() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let output = lab.run(|| Run::interface("nosuch0").output());
    assert_eq!(output.code(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("nosuch0"), "{}", output.stderr);
    assert!(output.stderr.contains(Lab::RX), "{}", output.stderr);
}

/// Time on a processor so far, of all threads.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 on every Linux that matters.
    Duration::from_millis(ticks * 10)
}

#[test]
fn an_idle_interface_costs_less_than_two_percent_of_a_core() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let (used, time) = lab.run(|| {
        let mut run = Run::interface(Lab::RX).start();
        run.wait_until_open();
        std::thread::sleep(Duration::from_secs(1));
        let (before, begun) = (processor_time(run.pid()), Instant::now());
        std::thread::sleep(Duration::from_secs(5));
        let (used, time) = (processor_time(run.pid()) - before, begun.elapsed());
        run.signal("TERM");
        assert_eq!(run.wait().code(), 0);
        (used, time)
    });
    assert!(
        used.as_secs_f64() < 0.02 * time.as_secs_f64(),
        "{used:?} of {time:?}"
    );
}
