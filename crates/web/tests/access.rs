//! Who may look, and who may not.

mod common;

use std::process::Command;

use common::{JSON, curl, get, post, serve, sources};
use portreeve_web::access::{Users, hash_password, new_token};
use portreeve_web::{Listener, Server, WebSettings};
use serde_json::json;

/// A server with a user, `ann`, and the token of a program.
fn guarded() -> (Server, String) {
    let (token, hash) = new_token();
    let lines = [
        format!("ann:{}", hash_password("correct horse").expect("a hash")),
        format!("scraper:{hash}"),
    ];
    let users = Users::parse(lines.iter().map(String::as_str)).expect("two entries");
    (
        serve(users, None, sources(Some(common::new_live()), None)),
        token,
    )
}

const CLOSED: &[&str] = &[
    "/api/v1/status",
    "/api/v1/ledger",
    "/api/v1/workers",
    "/api/v1/live",
    "/api/v1/seconds",
    "/api/v1/alerts",
    "/api/v1/sensor",
    "/api/v1/rates",
    "/api/v1/top?kind=host",
    "/api/v1/flows",
    "/api/v1/flows/C123",
    "/api/v1/hosts/10.0.0.1",
    "/api/v1/applications",
    "/api/v1/tcp",
    "/api/v1/dns",
    "/api/v1/tls",
    "/api/v1/tables",
    "/api/v1/filter/fields",
    "/api/v1/filter/check",
    "/metrics",
];
const OPEN: &[&str] = &[
    "/",
    "/flows",
    "/api/v1/session",
    "/api/v1/openapi.json",
    "/healthz",
    "/readyz",
];

/// Begins a session: its cookie and its CSRF token.
fn login(server: &Server) -> (String, String) {
    let answer = post(
        server,
        "/api/v1/login",
        &json!({ "user": "ann", "password": "correct horse" }),
        &[],
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let csrf = answer.json()["csrf"].as_str().expect("a token").to_owned();
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    (format!("cookie: {pair}"), csrf)
}

#[test]
fn with_users_nobody_else_looks() {
    let (server, token) = guarded();
    for path in CLOSED {
        let answer = get(&server, path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "login"),
            "{path}"
        );
        let wrong = curl(&server, path, &["-H", "authorization: Bearer portreeve_00"]);
        assert_eq!(wrong.status, 401, "{path}");
    }
    for path in OPEN {
        assert_eq!(get(&server, path).status, 200, "{path}");
    }
    let bearer = format!("authorization: Bearer {token}");
    assert_eq!(curl(&server, "/metrics", &["-H", &bearer]).status, 200);
    let status = curl(&server, "/api/v1/status", &["-H", &bearer]).json();
    assert_eq!(
        (&status["user"], &status["auth"]),
        (&json!("scraper"), &json!(true))
    );
    let (cookie, _) = login(&server);
    let session = curl(&server, "/api/v1/session", &["-H", &cookie]).json();
    assert_eq!(
        (&session["user"], &session["authenticated"]),
        (&json!("ann"), &json!(true))
    );
    assert_eq!(
        curl(&server, "/api/v1/ledger", &["-H", &cookie]).status,
        200
    );
    // Every path that the API describes is in one of the two lists above.
    let described: serde_json::Value =
        serde_json::from_str(&portreeve_web::openapi()).expect("JSON");
    let listed: Vec<&str> = CLOSED
        .iter()
        .chain(OPEN)
        .map(|path| path.split('?').next().expect("a path"))
        .collect();
    for (path, methods) in described["paths"].as_object().expect("paths") {
        let path = path
            .replace("{uid}", "C123")
            .replace("{address}", "10.0.0.1");
        assert!(
            methods.get("get").is_none() || listed.contains(&path.as_str()),
            "{path}"
        );
    }
}

#[test]
fn a_session_posts_with_its_csrf_token_and_ends_with_logout() {
    let (server, token) = guarded();
    let (cookie, csrf) = login(&server);
    let (_, other) = login(&server);
    let query = json!({ "sql": "SELECT 1" });
    let header = |csrf: &str| format!("x-csrf-token: {csrf}");
    for (what, extra) in [
        ("none", vec![]),
        ("another session's", vec!["-H".to_owned(), header(&other)]),
        (
            "another site",
            vec![
                "-H".to_owned(),
                header(&csrf),
                "-H".to_owned(),
                "origin: https://evil.example".to_owned(),
            ],
        ),
    ] {
        let mut arguments = vec!["-H", cookie.as_str()];
        arguments.extend(extra.iter().map(String::as_str));
        assert_eq!(
            post(&server, "/api/v1/query", &query, &arguments).status,
            403,
            "{what}"
        );
    }
    // Let through, and told that there is no store.
    let mine = header(&csrf);
    let answer = post(
        &server,
        "/api/v1/query",
        &query,
        &["-H", &cookie, "-H", &mine],
    );
    assert_eq!((answer.status, answer.code().as_str()), (404, "no_store"));
    let bearer = format!("authorization: Bearer {token}");
    assert_eq!(
        post(&server, "/api/v1/query", &query, &["-H", &bearer]).status,
        404
    );
    let out = post(
        &server,
        "/api/v1/logout",
        &json!({}),
        &["-H", &cookie, "-H", &mine],
    );
    assert!(
        out.header("set-cookie")
            .is_some_and(|cookie| cookie.contains("Max-Age=0")),
        "{out:?}"
    );
    assert_eq!(
        curl(&server, "/api/v1/status", &["-H", &cookie]).status,
        401
    );
}

#[test]
fn guessing_is_slowed_down() {
    let (server, _) = guarded();
    let guess = |password: &str| {
        post(
            &server,
            "/api/v1/login",
            &json!({ "user": "ann", "password": password }),
            &[],
        )
    };
    for at in 0..5 {
        assert_eq!(guess("wrong").status, 401, "{at}");
    }
    let refused = guess("correct horse");
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many"));
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|value| value.parse().ok())
        .expect("seconds");
    assert!((1..=16).contains(&wait), "{wait}");
}

#[test]
fn without_users_only_this_host_by_an_address_looks() {
    let server = serve(
        Users::default(),
        None,
        sources(Some(common::new_live()), None),
    );
    for host in ["127.0.0.1:1", "localhost", "[::1]:7678"] {
        let host = format!("host: {host}");
        assert_eq!(
            curl(&server, "/api/v1/status", &["-H", &host]).status,
            200,
            "{host}"
        );
    }
    // A name that somebody lets point to 127.0.0.1.
    let rebound = curl(
        &server,
        "/api/v1/status",
        &["-H", "host: evil.example:7678"],
    );
    assert_eq!((rebound.status, rebound.code().as_str()), (403, "host"));
    let foreign = post(
        &server,
        "/api/v1/query",
        &json!({ "sql": "SELECT 1" }),
        &["-H", "origin: https://evil.example"],
    );
    assert_eq!((foreign.status, foreign.code().as_str()), (403, "origin"));
    // What a form of another site can send without asking is no JSON.
    let form = curl(&server, "/api/v1/query", &["-d", "{\"sql\":\"SELECT 1\"}"]);
    assert_eq!(form.status, 415);
    let status = get(&server, "/api/v1/status").json();
    assert_eq!(
        (&status["auth"], &status["sensor"]),
        (&json!(false), &json!("lab"))
    );
}

#[test]
fn everybody_is_not_served_everything() {
    let settings = WebSettings {
        listen: "0.0.0.0:0".parse().expect("an address"),
        ..WebSettings::default()
    };
    let error = Listener::open(settings).expect_err("there are no users");
    let text = error.to_string();
    assert!(
        error.is_usage() && text.contains("portreeve web password"),
        "{text}"
    );
}

#[test]
fn users_are_changed_while_it_runs_and_their_sessions_end() {
    let (server, token) = guarded();
    let (cookie, _) = login(&server);
    let line = format!("bob:{}", hash_password("battery staple").expect("a hash"));
    let settings = WebSettings {
        users: Users::parse([line.as_str()]).expect("an entry"),
        ..WebSettings::default()
    };
    server.change(&settings).expect("it may");
    assert_eq!(
        curl(&server, "/api/v1/status", &["-H", &cookie]).status,
        401
    );
    let bearer = format!("authorization: Bearer {token}");
    assert_eq!(
        curl(&server, "/api/v1/status", &["-H", &bearer]).status,
        401
    );
    let answer = post(
        &server,
        "/api/v1/login",
        &json!({ "password": "battery staple" }),
        &[],
    );
    assert_eq!(answer.json()["user"], "bob");
}

#[test]
fn every_answer_has_the_headers_that_keep_pages_apart() {
    let (server, _) = guarded();
    for path in [
        "/",
        "/api/v1/session",
        "/api/v1/status",
        "/metrics",
        "/nothing.js",
    ] {
        let answer = get(&server, path);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
    assert_eq!(get(&server, "/api/v1/nothing").status, 404);
    assert_eq!(get(&server, "/nothing.js").status, 404);
    assert_eq!(curl(&server, "/api/v1/session", &["-X", "PUT"]).status, 405);
    let large = format!("{{\"user\":\"{}\"}}", "a".repeat(300_000));
    let large_file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(large_file.path(), large).expect("written");
    let data = format!("@{}", large_file.path().display());
    assert_eq!(
        curl(
            &server,
            "/api/v1/login",
            &["-H", JSON, "--data-binary", &data]
        )
        .status,
        413
    );
}

#[test]
fn tls_is_spoken_with_the_certificate_that_was_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let line = format!("ann:{}", hash_password("correct horse").expect("a hash"));
    let users = Users::parse([line.as_str()]).expect("an entry");
    let server = serve(
        users,
        Some((certificate.clone(), key.clone())),
        sources(None, None),
    );
    assert!(
        server.url().starts_with("https://127.0.0.1:"),
        "{}",
        server.url()
    );
    let authority = certificate.to_str().expect("UTF-8");
    for version in ["--http1.1", "--http2"] {
        let answer = curl(
            &server,
            "/api/v1/session",
            &["--cacert", authority, version],
        );
        assert_eq!(answer.status, 200, "{version}");
        assert!(answer.header("strict-transport-security").is_some());
    }
    let answer = post(
        &server,
        "/api/v1/login",
        &json!({ "password": "correct horse" }),
        &["--cacert", authority],
    );
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure"),
        "{cookie}"
    );
    // Nobody else's authority signed it.
    let unknown = Command::new("curl")
        .args(["-sS", "--max-time", "20", server.url()])
        .output()
        .expect("curl");
    assert_eq!(
        unknown.status.code(),
        Some(60),
        "{}",
        String::from_utf8_lossy(&unknown.stderr)
    );
    let old = Command::new("curl")
        .args([
            "-sS",
            "--max-time",
            "20",
            "--tls-max",
            "1.1",
            "--cacert",
            authority,
            server.url(),
        ])
        .output()
        .expect("curl");
    assert!(!old.status.success());
    // A key of another certificate is refused, and what there was goes on.
    std::fs::write(&key, "nothing").expect("written");
    let settings = WebSettings {
        tls: Some((certificate.clone(), key)),
        users: Users::parse([line.as_str()]).expect("an entry"),
        ..WebSettings::default()
    };
    assert!(server.change(&settings).is_err());
    assert_eq!(
        curl(&server, "/healthz", &["--cacert", authority]).status,
        200
    );
}
