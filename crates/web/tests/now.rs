//! What goes on: the live stream, metrics, and what is answered without a history.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use common::{eventually, get, serve, snapshot, sources};
use portreeve_live::Live;
use portreeve_web::Server;
use portreeve_web::access::Users;
use serde_json::{Value, json};

/// Seconds that pass faster than they do.
struct Ticking {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticking {
    fn start(live: &Live) -> Ticking {
        let end = Arc::new(AtomicBool::new(false));
        let (live, ends) = (live.clone(), Arc::clone(&end));
        let begin = SystemTime::now() - Duration::from_secs(3600);
        let thread = std::thread::spawn(move || {
            for second in 1.. {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                live.take(&snapshot(second), begin + Duration::from_secs(second));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Ticking {
            end,
            thread: Some(thread),
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The next event of a stream: its name, identifier and data.
fn event(stream: &mut impl BufRead) -> Option<(String, String, Value)> {
    let (mut name, mut id, mut data) = (String::new(), String::new(), Value::Null);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("event", value)) => name = value.to_owned(),
            Some(("id", value)) => id = value.to_owned(),
            Some(("data", value)) => data = serde_json::from_str(value).expect("JSON"),
            _ if line.trim_end().is_empty() && !name.is_empty() => return Some((name, id, data)),
            _ => {}
        }
    }
}

/// Follows the stream with curl.
fn follow(server: &Server, last: Option<&str>) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new("curl");
    command.args(["-sS", "-N", "--max-time", "30"]);
    if let Some(last) = last {
        command.args(["-H", &format!("last-event-id: {last}")]);
    }
    command.arg(format!("{}api/v1/live", server.url()));
    let mut child = command.stdout(Stdio::piped()).spawn().expect("curl");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    (child, stdout)
}

#[test]
fn the_stream_begins_with_the_past_and_goes_on_each_second_and_after_a_gap() {
    let live = common::new_live();
    let server = serve(Users::default(), None, sources(Some(live.clone()), None));
    let _ticking = Ticking::start(&live);
    eventually("seconds", || live.seconds(0).len() > 3);
    let (mut child, mut stream) = follow(&server, None);
    let (name, _, past) = event(&mut stream).expect("an event");
    assert_eq!(name, "seconds");
    assert!(past.as_array().is_some_and(|past| past.len() > 3), "{past}");
    let mut last = (0, String::new());
    for _ in 0..5 {
        let (name, id, view) = event(&mut stream).expect("an event");
        assert_eq!(name, "view");
        assert_eq!(view["second"]["packets"], 100, "{view}");
        assert_eq!(view["second"]["ts"].to_string(), id);
        let version = view["version"].as_u64().expect("a number");
        assert!(
            version > last.0 || last.0 == 0,
            "{version} after {}",
            last.0
        );
        last = (version, id);
    }
    let _ = child.kill();
    let _ = child.wait();
    let before = live.seconds(0).len();
    eventually("a gap", || live.seconds(0).len() > before + 5);
    let (mut child, mut stream) = follow(&server, Some(&last.1));
    let (name, _, gap) = event(&mut stream).expect("an event");
    let first = gap[0]["ts"].as_i64().expect("a time");
    assert_eq!(
        (name.as_str(), first),
        ("seconds", last.1.parse::<i64>().expect("a time") + 1000)
    );
    // The end of the server ends the stream in order: curl sees an end, not a broken connection.
    drop(server);
    while event(&mut stream).is_some() {}
    assert!(child.wait().expect("its end").success());
}

#[test]
fn places_for_streams_are_bounded_and_come_back() {
    let live = common::new_live();
    let server = serve(Users::default(), None, sources(Some(live.clone()), None));
    let follow = || {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("set");
        stream
            .write_all(b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("written");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        (stream, String::from_utf8_lossy(&head[9..]).into_owned())
    };
    let mut open: Vec<_> = (0..64).map(|_| follow()).collect();
    assert!(open.iter().all(|(_, status)| status == "200"));
    assert_eq!(follow().1, "503");
    open.truncate(10);
    // Who went is noticed when something is sent to him.
    let _ticking = Ticking::start(&live);
    eventually("a place", || follow().1 == "200");
}

#[test]
fn metrics_pass_promtool_and_say_what_the_ledger_says() {
    let live = common::new_live();
    live.set_alerts(vec![portreeve_live::Alert {
        name: "link_down".into(),
        object: Some("eth9".into()),
        severity: "critical".into(),
        ..portreeve_live::Alert::default()
    }]);
    let server = serve(Users::default(), None, sources(Some(live), None));
    let page = get(&server, "/metrics");
    assert!(
        page.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain"))
    );
    for line in [
        "portreeve_packets_received_total{source=\"eth9\"} 100",
        "portreeve_packets_delivered_total{source=\"eth9\"} 100",
        "portreeve_packets_dropped_total{source=\"eth9\",stage=\"kernel\",reason=\"ring_full\"} 0",
        "portreeve_queue_packets_delivered_total{source=\"eth9\",queue=\"1\"} 40",
        "portreeve_queue_packets_dropped_total{source=\"eth9\",queue=\"0\"} 3",
        "portreeve_records_written_total{output=\"stdout\"} 7",
        "portreeve_worker_packets_total{worker=\"worker-0\",cpu=\"0\"} 100",
        "portreeve_alert_active{name=\"link_down\",object=\"eth9\",severity=\"critical\"} 1",
    ] {
        assert!(
            page.body.lines().any(|known| known == line),
            "{line}\n{}",
            page.body
        );
    }
    // Unknown is not 0.
    assert!(!page.body.contains("stage=\"nic\""), "{}", page.body);
    let dropped = "portreeve_queue_packets_dropped_total{source=\"eth9\",queue=\"1\"}";
    assert!(!page.body.contains(dropped), "{}", page.body);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool (the package prometheus; scripts/setup test)");
    promtool
        .stdin
        .take()
        .expect("piped")
        .write_all(page.body.as_bytes())
        .expect("written");
    let output = promtool.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn without_a_history_answers_say_that_they_are_of_the_run_itself() {
    let live = common::new_live();
    let server = serve(Users::default(), None, sources(Some(live.clone()), None));
    let _ticking = Ticking::start(&live);
    eventually("seconds", || live.seconds(0).len() > 3);
    for path in [
        "rates",
        "flows",
        "top?kind=host",
        "hosts/10.0.0.1",
        "applications",
        "tcp",
        "dns",
        "tls",
    ] {
        let answer = get(&server, &format!("/api/v1/{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json()["from"], "live", "{path}");
    }
    let now = live.now().second.ts;
    let rates = get(
        &server,
        &format!("/api/v1/rates?from={}&to={}&points=10", now - 10_000, now),
    )
    .json();
    let points = rates["series"][0]["points"]
        .as_array()
        .expect("points")
        .len();
    assert!((3..=11).contains(&points), "{rates}");
    for path in ["tables", "flows/C1a2b3c4d5e6f"] {
        assert_eq!(
            get(&server, &format!("/api/v1/{path}")).status,
            404,
            "{path}"
        );
    }
    assert_eq!(
        get(&server, "/api/v1/sensor").json()["workers"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        get(&server, "/api/v1/seconds?since=0").json()[1]["packets"],
        100
    );
    assert_eq!(get(&server, "/readyz").status, 200);
    assert_eq!(get(&server, "/api/v1/status").json()["live"], json!(true));
}

#[test]
fn wrong_questions_are_told_what_is_wrong_with_them() {
    let server = serve(
        Users::default(),
        None,
        sources(Some(common::new_live()), None),
    );
    for (path, code) in [
        ("flows?from=5&to=5", "range"),
        ("flows?from=x", "parameter"),
        ("flows?filter=port:http", "filter"),
        ("flows?order=sideways", "parameter"),
        ("top?kind=nothing", "parameter"),
        ("hosts/nobody", "address"),
        ("flows/not-a-uid'", "uid"),
    ] {
        let answer = get(&server, &format!("/api/v1/{path}"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, code),
            "{path}"
        );
        assert!(
            answer.json()["error"]["message"]
                .as_str()
                .is_some_and(|text| text.len() > 8),
            "{path}"
        );
    }
    let check = get(&server, "/api/v1/filter/check?text=port:http").json();
    assert_eq!(
        (&check["ok"], &check["position"]),
        (&json!(false), &json!(5))
    );
    assert_eq!(
        get(&server, "/api/v1/filter/check?text=port:443").json(),
        json!({ "ok": true })
    );
    assert!(get(&server, "/api/v1/filter/fields").json()[0]["name"].is_string());
}
