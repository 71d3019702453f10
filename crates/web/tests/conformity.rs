//! What the running server answers is what its OpenAPI document says, by somebody else's reading of both.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use common::filled::{NOON, conn, each, fill};
use common::{get, serve, snapshot, sources};
use portreeve_output::Output;
use portreeve_tests::python::python;
use portreeve_web::access::Users;

#[test]
fn every_answer_is_as_it_is_described() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    let live = common::new_live();
    let now = SystemTime::now();
    for second in 1..5 {
        live.take(
            &snapshot(second),
            now + std::time::Duration::from_secs(second),
        );
    }
    let server = serve(
        Users::default(),
        None,
        sources(Some(live), Some(folder.path())),
    );
    assert!(get(&server, "/api/v1/openapi.json").body == portreeve_web::openapi());
    let range = format!("from={}&to={}", NOON, NOON + 3_600_000);
    let uid = conn(300).uid;
    // Method, described path, what is asked.
    let mut asked: Vec<(&str, &str, String)> = vec![
        ("get", "/flows/{uid}", format!("/flows/{uid}")),
        ("get", "/flows/{uid}", "/flows/C1a2b3c4d5e6f".into()),
        (
            "get",
            "/hosts/{address}",
            format!("/hosts/10.0.0.53?{range}"),
        ),
        ("get", "/hosts/{address}", "/hosts/nobody".into()),
        (
            "get",
            "/filter/check",
            "/filter/check?text=port:http".into(),
        ),
        ("get", "/flows", "/flows?order=sideways".into()),
        ("get", "/rates", format!("/rates?{range}&by=service")),
        ("get", "/rates", "/rates?from=5&to=4".into()),
        ("get", "/tcp", format!("/tcp?{range}&table=refused")),
        ("get", "/dns", "/dns?table=nothing".into()),
        (
            "post",
            "/query",
            r#"/query {"sql": "SELECT ts, uid, answers, rtt FROM dns LIMIT 3"}"#.into(),
        ),
        ("post", "/query", r#"/query {"sql": "nothing"}"#.into()),
        (
            "post",
            "/query",
            r#"/query {"sql": "SELECT 1", "format": "csv"}"#.into(),
        ),
        (
            "post",
            "/query",
            r#"/query?stream=1 {"sql": "SELECT 1"}"#.into(),
        ),
        ("post", "/logout", "/logout {}".into()),
    ];
    for kind in [
        "host",
        "service",
        "app",
        "conversation",
        "country",
        "proto",
        "port",
        "conn_state",
    ] {
        asked.push(("get", "/top", format!("/top?{range}&kind={kind}")));
    }
    for path in [
        "/session",
        "/status",
        "/ledger",
        "/workers",
        "/live",
        "/seconds",
        "/alerts",
        "/sensor",
        "/rates",
        "/flows",
        "/applications",
        "/tcp",
        "/dns",
        "/tls",
        "/tables",
        "/filter/fields",
        "/filter/check",
    ] {
        asked.push(("get", path, format!("{path}?{range}")));
    }
    check(&server, &asked, true);
}

#[test]
fn every_answer_without_a_store_is_as_it_is_described() {
    let live = common::new_live();
    let server = serve(Users::default(), None, sources(Some(live.clone()), None));
    let mut output = live.output();
    let now = SystemTime::now();
    live.take(&snapshot(1), now);
    let begin = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("later")
        .as_millis() as i64;
    each(begin - 1_000_000, |record, context| {
        output.write(record, context);
    });
    live.take(&snapshot(2), now + std::time::Duration::from_secs(1));
    let mut asked: Vec<(&str, &str, String)> = vec![
        ("get", "/hosts/{address}", "/hosts/10.0.0.53".into()),
        ("get", "/rates", "/rates?by=service".into()),
        ("get", "/top", "/top?kind=host&filter=port:53".into()),
    ];
    for kind in ["host", "service", "app", "conversation", "country", "port"] {
        asked.push(("get", "/top", format!("/top?kind={kind}")));
    }
    for path in ["/applications", "/tcp", "/dns", "/tls", "/flows"] {
        asked.push(("get", path, path.into()));
    }
    check(&server, &asked, false);
}

/// Asks all that, `whole`: which has to be all that there is.
fn check(server: &portreeve_web::Server, asked: &[(&str, &str, String)], whole: bool) {
    let lines: Vec<String> = asked
        .iter()
        .map(|(method, described, asked)| format!("{method} /api/v1{described} /api/v1{asked}"))
        .collect();
    let mut child = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformity.py"))
        .arg(server.url())
        .args((!whole).then_some("part"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(lines.join("\n").as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
