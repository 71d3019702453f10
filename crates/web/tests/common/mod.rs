//! A real server, and curl as its client: somebody else's reading of HTTP, TLS and cookies.
#![allow(dead_code, reason = "each test file needs some of it")]

pub mod filled;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portreeve_engine::Snapshot;
use portreeve_live::{Live, LiveSettings};
use portreeve_query::{History, QueryConfig};
use portreeve_web::access::Users;
use portreeve_web::{About, Listener, Server, Sources, Watched, WebSettings};
use serde_json::{Value, json};

/// A run that shows always the same.
pub struct Still(pub Snapshot);

impl Watched for Still {
    fn snapshot(&self) -> Option<Snapshot> {
        Some(self.0.clone())
    }

    fn outputs(&self) -> Value {
        json!([{ "name": "stdout", "state": "ok", "written": 7, "dropped": 1, "bytes": 512, "errors": 0 }])
    }
}

/// What a server shows that watches nothing much.
pub fn sources(live: Option<Live>, store: Option<&Path>) -> Sources {
    Sources {
        about: About {
            version: "1.2.3".into(),
            sensor: "lab".into(),
            started: SystemTime::now(),
            sources: vec!["eth9".into()],
            local_nets: vec!["10.0.0.0/8".into()],
            geo: false,
        },
        watched: live
            .as_ref()
            .map(|_| Arc::new(Still(snapshot(1))) as Arc<dyn Watched>),
        live,
        history: store.map(|path| {
            let config = QueryConfig {
                threads: 1,
                ..QueryConfig::default()
            };
            History::open(path, config).expect("a store")
        }),
    }
}

/// A snapshot of the so-manieth second.
pub fn snapshot(second: u64) -> Snapshot {
    let mut snapshot = Snapshot {
        uptime_ns: second * 1_000_000_000,
        ..Snapshot::default()
    };
    snapshot.ledger.frames.delivered = second * 100;
    snapshot.ledger.frames.analysed = second * 100;
    snapshot
        .ledger
        .capture
        .push(portreeve_engine::ledger::CaptureAccount {
            source: "eth9".into(),
            wire: Some(second * 100),
            kernel_drops: Some(0),
            delivered: second * 100,
            unaccounted: Some(0),
            ..Default::default()
        });
    snapshot
        .workers
        .push(portreeve_engine::snapshot::WorkerState {
            name: "worker-0".into(),
            frames: second * 100,
            ..Default::default()
        });
    snapshot.queues = [(0, 60), (1, 40)]
        .map(|(queue, share)| portreeve_engine::queues::QueueState {
            source: "eth9".into(),
            queue,
            delivered: second * share,
            dropped: (queue == 0).then_some(3),
            ..Default::default()
        })
        .into();
    snapshot
}

pub fn new_live() -> Live {
    Live::new(LiveSettings::default())
}

/// A server on a port of loopback that is free.
pub fn serve(users: Users, tls: Option<(PathBuf, PathBuf)>, sources: Sources) -> Server {
    let settings = WebSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls,
        users,
    };
    let listener = Listener::open(settings).expect("a port of loopback");
    listener.serve(sources).expect("threads")
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Asks with curl; `arguments` come before the address.
pub fn curl(server: &Server, path: &str, arguments: &[&str]) -> Answer {
    let output = Command::new("curl")
        .args(["-sS", "-i", "--max-time", "20", "--globoff"])
        .args(arguments)
        .arg(format!("{}{}", server.url(), path.trim_start_matches('/')))
        .output()
        .expect("curl");
    assert!(
        output.status.success(),
        "{path}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    answer(&String::from_utf8_lossy(&output.stdout))
}

pub fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    Answer {
        status: status.expect("a status"),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}

pub fn get(server: &Server, path: &str) -> Answer {
    curl(server, path, &[])
}

pub const JSON: &str = "content-type: application/json";

pub fn post(server: &Server, path: &str, body: &Value, arguments: &[&str]) -> Answer {
    let body = body.to_string();
    let mut all = vec!["-H", JSON, "-d", body.as_str()];
    all.extend_from_slice(arguments);
    curl(server, path, &all)
}

/// Waits until `is_so`, for ten seconds at most.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within ten seconds");
}
