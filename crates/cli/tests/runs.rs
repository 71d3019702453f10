//! Whole runs over small capture files that are made here.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[path = "../../facts/tests/common/mod.rs"]
mod mmdb;

fn portreeve(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
    command
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    portreeve(arguments).output().expect("portreeve starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The conn records; others (capture_loss) depend on time.
fn records(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("{\"_path\":\"conn\""))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// An Ethernet frame with an IPv4 UDP datagram of 8 bytes from 10.0.0.`host` to 192.0.2.53, port 53.
fn frame(host: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let mut ip = vec![
        0x45, 0, 0, 36, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, host, 192, 0, 2, 53,
    ];
    let sum: u32 = ip
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    frame.extend(ip);
    frame.extend([0x9c, 0x40, 0, 53, 0, 16, 0, 0]);
    frame.extend([0; 8]);
    frame
}

/// A capture file (pcap, microseconds) of one frame from each host, a second apart; gone when dropped.
struct Capture(PathBuf);

impl Capture {
    fn new(name: &str, hosts: &[u8]) -> Capture {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
            bytes.extend(word.to_le_bytes());
        }
        for (second, host) in (1_700_000_000_u32..).zip(hosts) {
            let frame = frame(*host);
            for word in [second, 0, frame.len() as u32, frame.len() as u32] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(frame);
        }
        let path =
            std::env::temp_dir().join(format!("portreeve-{}-{name}.pcap", std::process::id()));
        std::fs::write(&path, bytes).expect("a temporary file");
        Capture(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The number at the end of the ledger's line that begins with `what`.
fn account(text: &str, what: &str) -> Option<u64> {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(what))?;
    line.split_whitespace()
        .last()?
        .replace(',', "")
        .parse()
        .ok()
}

#[test]
fn a_file_gives_records_on_standard_output_and_its_ledger_on_standard_error() {
    let capture = Capture::new("records", &[1, 2, 3]);
    let output = run(&["-r", capture.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let records = records(&output);
    assert_eq!(records.len(), 3);
    for record in &records {
        assert_eq!(record["_path"], "conn");
        assert_eq!(record["id.resp_h"], "192.0.2.53");
        assert_eq!(record["orig_pkts"], 1);
    }
    let ledger = stderr(&output);
    assert_eq!(account(&ledger, "delivered"), Some(3), "{ledger}");
    assert_eq!(account(&ledger, "analysed"), Some(3), "{ledger}");
    assert_eq!(account(&ledger, "flows opened"), Some(3), "{ledger}");
    assert!(ledger.contains("books balance"), "{ledger}");
    assert!(!ledger.contains("worker-0:"), "{ledger}");
    let more = stderr(&run(&["-v", "-r", capture.path()]));
    assert!(more.contains("worker-0: 3 packets"), "{more}");
    assert!(more.contains("active_timeout = "), "{more}");
}

#[test]
fn workers_and_standard_input_give_the_same_flows() {
    let capture = Capture::new("same", &[1, 2, 3, 4, 5, 1, 2]);
    let flows = |output: &Output| {
        let mut flows: Vec<String> = records(output)
            .iter()
            .map(|r| format!("{} {} {}", r["uid"], r["id.orig_h"], r["orig_pkts"]))
            .collect();
        flows.sort();
        flows
    };
    let one = run(&["-q", "-r", capture.path()]);
    assert_eq!(stderr(&one), "", "-q says nothing");
    let two = run(&["-q", "-r", capture.path(), "--workers", "2"]);
    assert_eq!(flows(&one).len(), 5);
    assert_eq!(flows(&one), flows(&two));
    let mut child = portreeve(&["-q", "-r", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("portreeve starts");
    let bytes = std::fs::read(capture.path()).expect("the capture");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(&bytes)
        .expect("portreeve reads");
    let piped = child.wait_with_output().expect("portreeve ends");
    assert_eq!(flows(&one), flows(&piped));
}

#[test]
fn a_filter_is_applied_and_what_it_rejects_is_counted() {
    let capture = Capture::new("filter", &[1, 2, 3]);
    for arguments in [
        &["-r", capture.path(), "host", "10.0.0.2"][..],
        &["-r", capture.path(), "-f", "host 10.0.0.2"],
    ] {
        let output = run(arguments);
        assert_eq!(records(&output).len(), 1, "{}", stderr(&output));
        assert_eq!(account(&stderr(&output), "rejected by the filter"), Some(2));
    }
    let output = run(&["-r", capture.path(), "host", "10.0.0.2", "or"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("pcap-filter(7)"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn further_files_may_follow_the_first() {
    let (a, b) = (Capture::new("first", &[1]), Capture::new("second", &[2, 3]));
    let output = run(&["-q", "-r", a.path(), b.path(), "not", "host", "10.0.0.3"]);
    assert_eq!(records(&output).len(), 2, "{}", stderr(&output));
    let output = run(&[a.path()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(&format!("portreeve -r {}", a.path())));
}

#[test]
fn a_damaged_file_is_read_up_to_the_damage_and_exits_with_1() {
    let capture = Capture::new("damaged", &[1, 2, 3]);
    let mut bytes = std::fs::read(capture.path()).expect("the capture");
    bytes.truncate(bytes.len() - 10);
    std::fs::write(capture.path(), bytes).expect("written");
    let output = run(&["-r", capture.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(records(&output).len(), 2);
    assert!(
        stderr(&output).contains("damaged at byte"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_is_missing_or_no_capture_fails_with_its_name() {
    let text = Capture::new("text", &[]);
    std::fs::write(text.path(), "this is no capture file at all, but text").expect("written");
    for path in ["/nonexistent/x.pcap", text.path()] {
        let output = run(&["-r", path]);
        assert_eq!(output.status.code(), Some(1), "{path}: {}", stderr(&output));
        assert!(stderr(&output).contains(path), "{}", stderr(&output));
    }
    let output = run(&["-i", "nosuch0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("portreeve -D"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn counting_stops_and_needs_one_worker() {
    let capture = Capture::new("count", &[1, 2, 3, 4]);
    let output = run(&["-r", capture.path(), "-c", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(records(&output).len(), 2);
    let output = run(&["-r", capture.path(), "-c", "2", "--workers", "2"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn flags_for_interfaces_are_refused_for_files() {
    let capture = Capture::new("flags", &[1]);
    for arguments in [
        &["-r", capture.path(), "-p"][..],
        &["-r", capture.path(), "-Q", "in"],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2));
    }
}

#[test]
fn a_reader_that_goes_away_is_a_clean_end_and_a_full_disk_is_not() {
    let hosts: Vec<u8> = (1..250).collect();
    let capture = Capture::new("closed", &hosts);
    let mut child = portreeve(&["-q", "-r", capture.path()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("portreeve starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    // Lost records count for those who want to know.
    let mut child = portreeve(&["-q", "--fail-on-loss", "-r", capture.path()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("portreeve starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = portreeve(&["-r", capture.path()])
        .stdout(full)
        .output()
        .expect("portreeve starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("No space left"),
        "{}",
        stderr(&output)
    );
    let lost = account(&stderr(&output), "dropped: write error");
    assert!(lost >= Some(249), "{}", stderr(&output));
    let line = format!("0 lost · {} records dropped", lost.unwrap_or(0));
    assert!(stderr(&output).contains(&line), "{}", stderr(&output));
}

#[test]
fn packets_that_pass_the_filter_are_written_and_read_again() {
    let capture = Capture::new("write", &[1, 2, 3, 2]);
    let written = Capture::new("written", &[]);
    let output = run(&[
        "-r",
        capture.path(),
        "-w",
        written.path(),
        "host",
        "10.0.0.2",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let ledger = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(account(&ledger, "packets for -w"), Some(2), "{ledger}");
    assert_eq!(account(&ledger, "written"), Some(2), "{ledger}");
    let again = run(&["-q", "-r", written.path()]);
    assert_eq!(records(&again).len(), 1);
    assert_eq!(records(&again)[0]["orig_pkts"], 2);
    // Through a pipe, as tcpdump would.
    let piped = run(&["-q", "-r", capture.path(), "-w", "-"]);
    std::fs::write(written.path(), &piped.stdout).expect("written");
    assert_eq!(records(&run(&["-q", "-r", written.path()])).len(), 3);
    let both = run(&["-r", capture.path(), "-w", "-", "--json"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn packets_that_cannot_be_written_fail_the_run_and_a_reader_that_has_enough_does_not() {
    let capture = Capture::new("unwritable", &vec![7; 4000]);
    let full = run(&["-r", capture.path(), "-w", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1), "{}", stderr(&full));
    assert!(stderr(&full).contains("No space left"), "{}", stderr(&full));
    let ledger = String::from_utf8_lossy(&full.stdout).into_owned();
    assert_eq!(
        account(&ledger, "lost: write error"),
        Some(4000),
        "{ledger}"
    );
    // `| head -1`: it is gone before all is written.
    let mut child = portreeve(&["-q", "-r", capture.path(), "-w", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("portreeve starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn what_is_read_is_not_written_over() {
    let capture = Capture::new("itself", &[1, 2, 3]);
    let before = std::fs::read(capture.path()).expect("the capture");
    let link = format!("{}.link.pcap", capture.path());
    std::fs::hard_link(capture.path(), &link).expect("a second name");
    let pattern = format!("{}*", capture.path());
    for (read, write) in [(capture.path(), &*link), (&*pattern, capture.path())] {
        let output = run(&["-r", read, "-w", write]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("one of the files to be read"));
        assert_eq!(std::fs::read(capture.path()).expect("the capture"), before);
    }
    std::fs::remove_file(&link).expect("removed");
}

#[test]
fn written_files_are_rotated_by_time_and_end_the_run_when_there_are_enough() {
    let capture = Capture::new("rotate", &[1, 2, 3, 4, 5, 6]);
    let folder = std::env::temp_dir().join(format!("portreeve-rotate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let pattern = folder.join("w-%S.pcap").display().to_string();
    let output = run(&[
        "-q",
        "-r",
        capture.path(),
        "-w",
        &pattern,
        "-G",
        "2",
        "-W",
        "2",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    // 1,700,000,000 is 22:13:20: seconds 20 and 21, then 22 and 23.
    assert_eq!(names, ["w-20.pcap", "w-22.pcap"]);
    for name in &names {
        let path = folder.join(name).display().to_string();
        assert_eq!(records(&run(&["-q", "-r", &path])).len(), 2, "{name}");
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_folder_of_logs_has_a_file_for_each_log() {
    let capture = Capture::new("folder", &[1, 2, 3]);
    let folder = std::env::temp_dir().join(format!("portreeve-logs-{}", std::process::id()));
    let name = folder.display().to_string();
    let set = [
        "--set",
        "output.time=iso8601",
        "--set",
        "output.rotate_every=0s",
    ];
    let output = run(&[&["-r", capture.path(), "--log-dir", &name][..], &set].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let log = std::fs::read_to_string(folder.join("conn.log")).unwrap_or_else(|error| {
        let names: Vec<_> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        panic!("{error}: {names:?}")
    });
    assert_eq!(log.lines().count(), 3);
    assert!(log.contains("2023-11-14T22:13:20.000000Z"), "{log}");
    let ledger = String::from_utf8_lossy(&output.stdout).into_owned();
    let produced = account(&ledger, "records for log-dir");
    assert!(produced >= Some(3), "{ledger}");
    assert_eq!(account(&ledger, "written"), produced, "{ledger}");
    std::fs::remove_dir_all(&folder).expect("removed");
    let wrong = run(&["-r", capture.path(), "--set", "output.logs=con"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}

/// A run that reads from a pipe which stays open: it goes on until it is told to end.
struct Going {
    child: std::process::Child,
    pipe: std::process::ChildStdin,
    stderr: std::process::ChildStderr,
    said: String,
}

impl Going {
    /// Starts it with these frames in the pipe, and waits until it has reported its start.
    fn start(name: &str, hosts: &[u8], arguments: &[&str]) -> Going {
        let capture = Capture::new(name, hosts);
        let mut child = portreeve(&[&["-r", "-"][..], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("portreeve starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let bytes = std::fs::read(capture.path()).expect("the capture");
        pipe.write_all(&bytes).expect("portreeve reads");
        let stderr = child.stderr.take().expect("a pipe");
        let mut going = Going {
            child,
            pipe,
            stderr,
            said: String::new(),
        };
        going.until("memory for");
        going
    }

    /// Reads what it says until it has said this.
    fn until(&mut self, words: &str) {
        use std::io::Read;
        let mut bytes = [0; 4096];
        while !self.said.contains(words) {
            let read = self.stderr.read(&mut bytes).expect("it speaks");
            assert!(
                read > 0,
                "it ended before it said \"{words}\": {}",
                self.said
            );
            self.said.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("it lives");
    }

    /// Waits for its end: exit code, and all it said and wrote.
    fn end(mut self) -> (Option<i32>, String, Output) {
        use std::io::Read;
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("it speaks");
        self.said.push_str(&rest);
        let output = self.child.wait_with_output().expect("it ends");
        drop(self.pipe);
        (output.status.code(), self.said, output)
    }
}

#[test]
fn term_writes_every_open_flow_and_exits_with_0() {
    use nix::sys::signal::Signal;
    let mut going = Going::start("term", &[1, 2, 3], &[]);
    going.signal(Signal::SIGUSR1);
    going.until("worker-0:");
    assert!(going.said.contains("Ledger"), "{}", going.said);
    // The frames may still be on their way: the statistics say when they are in.
    while account(&going.said, "analysed") != Some(3) {
        going.said.clear();
        going.signal(Signal::SIGUSR1);
        going.until("worker-0:");
    }
    going.signal(Signal::SIGTERM);
    let (code, said, output) = going.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(records(&output).len(), 3);
    assert!(said.contains("books balance"), "{said}");
}

#[test]
fn hup_names_mistakes_and_changes_and_keeps_running() {
    use nix::sys::signal::Signal;
    let file = Capture::new("hup.toml", &[]);
    std::fs::write(file.path(), "sensor = \"a\"\n").expect("written");
    let mut going = Going::start("hup", &[1], &["--config", file.path()]);
    std::fs::write(file.path(), "sensr = \"b\"\n").expect("written");
    going.signal(Signal::SIGHUP);
    going.until("stays as it was");
    assert!(
        going.said.contains("did you mean sensor?"),
        "{}",
        going.said
    );
    std::fs::write(file.path(), "sensor = \"b\"\n").expect("written");
    going.signal(Signal::SIGHUP);
    going.until("log files reopened");
    assert!(
        going
            .said
            .contains("sensor: \"a\" -> \"b\": takes a restart"),
        "{}",
        going.said
    );
    going.signal(Signal::SIGINT);
    let (code, said, output) = going.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(records(&output)[0]["sensor"], "a");
}

#[test]
fn databases_give_places_are_read_again_at_hup_and_a_damaged_one_does_not_count() {
    use nix::sys::signal::Signal;
    let of = |code| mmdb::database("Test-Country", &[("192.0.2.0", 24, mmdb::country(code))]);
    let file = Capture::new("country.mmdb", &[]);
    let setting = format!("facts.country_database={}", file.path());
    std::fs::write(file.path(), of("NL")).expect("written");
    let capture = Capture::new("places", &[1]);
    let read = |arguments: &[&str]| {
        run(&[&["-q", "-r", capture.path(), "--set", &setting], arguments].concat())
    };
    let output = read(&[]);
    assert_eq!(records(&output)[0]["resp_cc"], "NL", "{}", stderr(&output));
    assert_eq!(records(&output)[0].get("orig_cc"), None);

    let mut going = Going::start("hup-places", &[1], &["--set", &setting]);
    std::fs::write(file.path(), "no database").expect("written");
    going.signal(Signal::SIGHUP);
    going.until("stays in force");
    assert!(
        going.said.contains("facts.country_database: "),
        "{}",
        going.said
    );
    std::fs::write(file.path(), of("BE")).expect("written");
    going.said.clear();
    going.signal(Signal::SIGHUP);
    going.until("log files reopened");
    assert!(!going.said.contains("facts."), "{}", going.said);
    going.signal(Signal::SIGINT);
    let (code, said, output) = going.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(records(&output)[0]["resp_cc"], "BE");

    std::fs::write(file.path(), &of("NL")[..100]).expect("written");
    let output = read(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("facts.country_database: "), "{said}");
    assert!(said.contains("not a sound database"), "{said}");
    std::fs::remove_file(file.path()).expect("removed");
    let output = read(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("cannot be read"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_running_instance_is_asked_and_told_by_its_socket() {
    let socket = std::env::temp_dir().join(format!("portreeve-{}-ask.sock", std::process::id()));
    let path = socket.display().to_string();
    let set = format!("process.control_socket={path}");
    let going = Going::start("ask", &[1, 2], &["--set", &set]);
    let mut ledger = String::new();
    // The frames may still be on their way.
    for _ in 0..100 {
        let output = run(&["stats", &path]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        ledger = String::from_utf8_lossy(&output.stdout).into_owned();
        if account(&ledger, "analysed") == Some(2) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(account(&ledger, "flows opened"), Some(2), "{ledger}");
    let json = run(&["stats", &path, "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["ledger"]["frames"]["analysed"], 2);
    let top = run(&["top", &path]);
    assert_eq!(top.status.code(), Some(2), "{}", stderr(&top));
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("the socket");
    stream.write_all(b"{\"do\":\"stop\"}\n").expect("written");
    let (code, said, output) = going.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(records(&output).len(), 2);
    assert!(!socket.exists());
    let gone = run(&["stats", &path]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        stderr(&gone).contains("no instance answers"),
        "{}",
        stderr(&gone)
    );
}

#[test]
fn a_second_signal_leaves_at_once_even_if_nobody_reads_what_is_written() {
    use nix::sys::signal::Signal;
    // More records than a pipe holds, and nobody reads them.
    let hosts: Vec<u8> = (0..4000).map(|i| (i % 250) as u8).collect();
    let mut going = Going::start("stuck", &hosts, &["--set", "flow.udp_idle=1ms"]);
    while account(&going.said, "analysed") != Some(4000) {
        // Every frame is a record; a full pipe stops the file, so a part of them is enough.
        going.said.clear();
        going.signal(Signal::SIGUSR1);
        going.until("worker-0:");
        if account(&going.said, "analysed") > Some(500) {
            break;
        }
    }
    going.signal(Signal::SIGINT);
    std::thread::sleep(std::time::Duration::from_millis(200));
    going.signal(Signal::SIGINT);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut going.stderr, &mut said).expect("it speaks");
    assert_eq!(
        going.child.wait().expect("it ends").code(),
        Some(1),
        "{said}"
    );
    assert!(said.contains("left at once"), "{said}");
}
