//! The dashboard's server, by the whole program: beside a run, without one, and refused. curl is the client.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use portreeve_netlab::{Lab, Namespace, Packet as Frame, Sender, may_run_privileged};
use portreeve_tests::binary::{Run, Running, portreeve};
use portreeve_tests::packets::{ethernet, ip, protocol, udp, v4};
use portreeve_tests::patience::eventually;
use portreeve_tests::pcap::{ETHERNET, Form, MS, START, file, packet};
use serde_json::{Value, json};

const PACKETS: u64 = 500;

/// What curl gets; its standard output.
fn curl(mut command: Command, arguments: &[&str]) -> String {
    let output = command
        .args(["-sS", "--max-time", "90"])
        .args(arguments)
        .output()
        .expect("curl");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json_of(command: Command, url: &str) -> Value {
    let text = curl(command, &[url]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
}

/// The address in the start report.
fn url(run: &mut Running) -> String {
    run.wait_for("web: http");
    let said = run.said();
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("web: "));
    let url = line.expect("a line of it");
    url.split(' ').next().expect("an address").to_owned()
}

#[test]
fn what_a_run_sees_is_in_its_seconds_metrics_and_ledger() {
    if !may_run_privileged() {
        return;
    }
    let lab = Lab::new();
    let mut run = lab.run(|| Run::interface(Lab::RX).start());
    let url = url(&mut run);
    assert_eq!(url, "http://127.0.0.1:7678/");
    run.wait_until_open();
    let curl_there = || lab.namespace().command("curl");
    let frames: Vec<Vec<u8>> = (0..10)
        .map(|n| Frame::udp4([10, 0, 0, 1], [10, 0, 0, 2], 10_000 + n, 53).build(200))
        .collect();
    let seconds = || json_of(curl_there(), &format!("{url}api/v1/seconds?since=0"));
    let sum = |name: &str| -> u64 {
        let seconds = seconds();
        let seconds = seconds.as_array().expect("a list");
        seconds
            .iter()
            .filter_map(|second| second[name].as_u64())
            .sum()
    };
    // Seconds are differences: the first one begins with what there was.
    eventually("a second", || seconds()[0].is_object());
    lab.run(|| Sender::open(Lab::TX).send(&frames, PACKETS));
    // A second is a rate over the time between two looks, which is a second only about.
    let is_about = |sum: u64, wanted: u64| sum.abs_diff(wanted) * 10 <= wanted;
    eventually("the packets in the seconds", || {
        is_about(sum("packets"), PACKETS)
    });
    assert!(is_about(sum("bits"), PACKETS * 200 * 8), "{}", sum("bits"));
    let ledger = json_of(curl_there(), &format!("{url}api/v1/ledger"));
    assert_eq!(ledger["frames"]["analysed"], PACKETS);
    let metrics = curl(curl_there(), &[&format!("{url}metrics")]);
    for line in [
        format!(
            "portreeve_packets_delivered_total{{source=\"{}\"}} {PACKETS}",
            Lab::RX
        ),
        format!("portreeve_packets_analysed_total {PACKETS}"),
        "portreeve_flows_opened_total 10".to_owned(),
    ] {
        assert!(
            metrics.lines().any(|known| known == line),
            "{line}\n{metrics}"
        );
    }
    let top = json_of(curl_there(), &format!("{url}api/v1/top?kind=host"));
    assert_eq!(top["from"], "live");
    assert_eq!(
        curl(curl_there(), &[&format!("{url}readyz")]),
        "packets are taken\n"
    );
    let page = curl(curl_there(), &["-i", &url]);
    assert!(
        page.contains("text/html") && page.contains("content-security-policy"),
        "{page}"
    );
    // A page that follows does not keep the run from ending.
    let mut follower = curl_there()
        .args([
            "-sS",
            "-N",
            "--max-time",
            "30",
            &format!("{url}api/v1/live"),
        ])
        .stdout(Stdio::null())
        .spawn()
        .expect("curl");
    run.signal("TERM");
    let output = run.wait();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert!(output.elapsed < Duration::from_secs(40));
    assert!(
        follower.wait().expect("its end").success(),
        "the stream was cut"
    );
}

#[test]
fn a_port_in_use_stops_nobody_who_did_not_ask_for_it() {
    if !may_run_privileged() {
        return;
    }
    let namespace = Namespace::new();
    let start = |run: Run| namespace.run(|| run.start());
    let mut first = start(Run::interface("lo"));
    first.wait_for("web: http://127.0.0.1:7678/");
    let mut third = start(Run::interface("lo"));
    third.wait_for("web: none (web: cannot listen on 127.0.0.1:7678");
    third.wait_until_open();
    third.signal("TERM");
    assert_eq!(third.wait().code(), 0);
    let asked = start(Run::interface("lo").args(["--set", "web.listen=127.0.0.1:7678"])).wait();
    assert_eq!(asked.code(), 1);
    assert!(asked.stderr.contains("web.listen"), "{}", asked.stderr);
    let off = start(Run::interface("lo").args(["--set", "web.listen=off", "-c", "1"]));
    off.signal("TERM");
    assert!(!off.wait().stderr.contains("web:"));
    first.signal("TERM");
    assert_eq!(first.wait().code(), 0);
}

#[test]
fn everybody_is_not_let_in_by_mistake() {
    for (set, part) in [
        ("web.listen=0.0.0.0:0", "portreeve web password"),
        ("web.listen=nowhere", "not an address"),
        ("web.users=ann", "NAME:HASH"),
        ("web.certificate=/x", "belong together"),
        ("web.users_file=/nonexistent/users", "/nonexistent/users"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().display().to_string();
        let output = Run::new(["web", "--store", &store, "--set", set]).output();
        assert!(
            output.code() != 0 && output.stderr.contains(part),
            "{set}: {}",
            output.stderr
        );
    }
}

/// A store with 50 conversations.
fn fill(folder: &Path) {
    let packets = (0..50u16).map(|n| {
        let (client, server) = ((v4(1 + (n % 5) as u8), 10_000 + n), (v4(200), 9));
        let frame = ethernet(
            &[],
            &ip(
                client.0,
                server.0,
                protocol::UDP,
                &udp(client, server, &[b'x'; 100]),
            ),
        );
        packet(START + i64::from(n) * 1000 * MS, frame)
    });
    let packets: Vec<_> = packets.collect();
    let path = folder.join("made.pcap");
    std::fs::write(&path, file(Form::NanoLittle, ETHERNET, &packets)).expect("written");
    let set = format!("store.path={}", folder.join("store").display());
    let output = Run::file(&path).args(["--set", &set]).output();
    assert_eq!(output.code(), 0, "{}", output.stderr);
    assert!(!output.stderr.contains("web:"), "{}", output.stderr);
}

/// What `portreeve web password` makes of a line.
fn entry(arguments: &[&str], stdin: &str) -> (String, String) {
    let mut child = Command::new(portreeve())
        .arg("web")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("portreeve");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), stdin.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_store_is_looked_at_without_a_run_by_those_who_may() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    let (password, _) = entry(&["password", "ann"], "correct horse\n");
    assert!(password.starts_with("ann:$argon2id$"), "{password}");
    let (token, said) = entry(&["token", "scraper"], "");
    let bearer = format!(
        "authorization: Bearer {}",
        said.rsplit(' ').next().expect("a token")
    );
    let (short, why) = entry(&["password", "ann"], "short\n");
    assert!(short.is_empty() && why.contains("characters"), "{why}");
    let users = folder.path().join("users");
    std::fs::write(&users, format!("# users\n{password}\n{token}\n")).expect("written");
    let store = folder.path().join("store").display().to_string();
    let users = format!("web.users_file={}", users.display());
    let mut run = Run::new([
        "web",
        "--store",
        &store,
        "--listen",
        "127.0.0.1:0",
        "--set",
        &users,
    ])
    .start();
    let url = url(&mut run);
    let there = || Command::new("curl");
    let refused = json_of(there(), &format!("{url}api/v1/flows"));
    assert_eq!(refused["error"]["code"], "login");
    let flows = curl(
        there(),
        &["-H", &bearer, &format!("{url}api/v1/flows?limit=7")],
    );
    let flows: Value = serde_json::from_str(&flows).expect("JSON");
    assert_eq!(
        (flows["rows"].as_array().map(Vec::len), &flows["from"]),
        (Some(7), &json!("store"))
    );
    let sql =
        json!({ "sql": "SELECT \"id.orig_h\", count(*) FROM conn GROUP BY 1 ORDER BY 1 LIMIT 1" })
            .to_string();
    let answer = curl(
        there(),
        &[
            "-H",
            &bearer,
            "-H",
            "content-type: application/json",
            "-d",
            &sql,
            &format!("{url}api/v1/query"),
        ],
    );
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["rows"][0][1], 10, "{answer}");
    let login = json!({ "user": "ann", "password": "correct horse" }).to_string();
    let session = curl(
        there(),
        &[
            "-H",
            "content-type: application/json",
            "-d",
            &login,
            &format!("{url}api/v1/login"),
        ],
    );
    let session: Value = serde_json::from_str(&session).expect("JSON");
    assert_eq!(
        (&session["user"], session["csrf"].is_string()),
        (&json!("ann"), true)
    );
    run.signal("TERM");
    assert_eq!(run.wait().code(), 0);
}

/// Processes of a process that answer queries.
fn children(parent: u32) -> Vec<u32> {
    let list = format!("/proc/{parent}/task");
    let tasks = std::fs::read_dir(list).expect("its threads").flatten();
    let of = |task: std::fs::DirEntry| {
        // A thread may have ended since.
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        let numbers = text
            .split_whitespace()
            .map(|number| number.parse().expect("a number"));
        numbers.collect::<Vec<u32>>()
    };
    tasks.flat_map(of).collect()
}

/// Asks in SQL: status and answer.
fn ask(url: &str, sql: &str) -> (String, Value) {
    let mut body = tempfile::NamedTempFile::new().expect("a file");
    serde_json::to_writer(&mut body, &json!({ "sql": sql })).expect("written");
    let arguments = [
        "-H",
        "content-type: application/json",
        "-w",
        "\n%{http_code}",
        "--data-binary",
        &format!("@{}", body.path().display()),
        &format!("{url}api/v1/query"),
    ];
    let text = curl(Command::new("curl"), &arguments);
    let (answer, status) = text.rsplit_once('\n').expect("a status");
    let answer = serde_json::from_str(answer);
    (status.to_owned(), answer.expect("JSON"))
}

#[test]
fn a_query_takes_nothing_with_it_but_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    let store = folder.path().join("store").display().to_string();
    let mut run = Run::new(["web", "--store", &store, "--listen", "127.0.0.1:0"]).start();
    let url = url(&mut run);
    // Memory that no budget counts: more than the machine has, and the kernel says no.
    let (status, answer) = ask(&url, "SELECT range(0, 1000000000000)");
    assert_eq!(
        (status.as_str(), &answer["error"]["code"]),
        ("422", &json!("memory")),
        "{answer}"
    );
    // More than a stack of any size: refused before anything looks at it.
    let (status, answer) = ask(&url, &format!("SELECT 1{}", "+1".repeat(100_000)));
    assert_eq!(status, "400", "{answer}");
    // A row that nobody's memory is made for.
    let (status, answer) = ask(&url, "SELECT repeat('x', 100000000)");
    assert_eq!(status, "422", "{answer}");
    // One that goes on for as long as it may, and its client does not wait.
    let endless = json!({ "sql": "SELECT count(*) FROM generate_series(1, 1000000000000)" });
    let mut client = Command::new("curl")
        .args(["-sS", "-H", "content-type: application/json", "-d"])
        .arg(endless.to_string())
        .arg(format!("{url}api/v1/query"))
        .stdout(Stdio::null())
        .spawn()
        .expect("curl");
    let pid = run.pid();
    eventually("a process for the query", || !children(pid).is_empty());
    let child = children(pid)[0];
    let of_child = |file: &str| std::fs::read_to_string(format!("/proc/{child}/{file}"));
    // It is the first to go when the machine has no memory left.
    eventually("its place among all processes", || {
        of_child("oom_score_adj").is_ok_and(|text| text.trim() == "1000")
    });
    client.kill().expect("a client that waits");
    let _ = client.wait();
    eventually("the end of the query's process", || {
        children(pid).is_empty()
    });
    // After all that it is the same process that answers, by what is in the store.
    let (status, answer) = ask(&url, "SELECT count(*), min(\"id.resp_h\") FROM conn");
    assert_eq!(
        (status.as_str(), &answer["rows"]),
        ("200", &json!([[50, "10.0.0.200"]])),
        "{answer}"
    );
    run.signal("TERM");
    assert_eq!(run.wait().code(), 0);
}

#[test]
fn who_types_the_command_for_queries_apart_is_told() {
    let mut child = Command::new(portreeve())
        .arg("query-apart")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("portreeve");
    assert_eq!(child.wait().expect("its end").code(), Some(2));
    let help = Command::new(portreeve())
        .arg("--help")
        .output()
        .expect("help");
    assert!(!String::from_utf8_lossy(&help.stdout).contains("query-apart"));
}
