//! What went on, asked over HTTP: a store with known content, and the sums that it must give.

mod common;

use std::collections::BTreeSet;

use common::filled::{CONNS, NOON, conn, fill};
use common::{curl, get, post, serve, sources};
use portreeve_output::Output;
use portreeve_record::{Conn, Record, RecordContext};
use portreeve_store::{Store, StoreConfig};
use portreeve_web::Server;
use portreeve_web::access::Users;
use serde_json::{Value, json};

/// A server over a filled store, without a run. The folder goes with it.
fn filled() -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    let server = serve(Users::default(), None, sources(None, Some(folder.path())));
    (server, folder)
}

fn api(server: &Server, path: &str) -> Value {
    let answer = get(server, &format!("/api/v1/{path}"));
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

fn range() -> String {
    format!("from={}&to={}", NOON, NOON + 3_600_000)
}

#[test]
fn flows_are_found_page_by_page_each_once() {
    let (server, _folder) = filled();
    for (order, first) in [("-ts", CONNS - 1), ("ts", 0)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api(
                &server,
                &format!("flows?{}&order={order}&limit=300{cursor}", range()),
            );
            assert_eq!(page["from"], "store");
            let rows = page["rows"].as_array().expect("rows");
            seen.extend(rows.iter().map(|row| row["ts"].as_i64().expect("a time")));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(seen.len() <= CONNS as usize, "it goes round");
        }
        assert_eq!(seen.len(), CONNS as usize, "{order}");
        assert_eq!(seen[0], NOON + i64::from(first) * 1000);
        assert!(
            seen.is_sorted_by(|a, b| if order == "ts" { a < b } else { a > b }),
            "{order}"
        );
    }
    let row = &api(&server, &format!("flows?{}&limit=1", range()))["rows"][0];
    let newest = conn(CONNS - 1);
    for (name, value) in [
        ("uid", json!(newest.uid.to_string())),
        ("id.orig_h", json!("10.0.0.19")),
        ("id.resp_p", json!(53)),
        ("proto", json!("udp")),
        ("resp_ip_bytes", json!(999)),
        ("duration", json!(999_000_000)),
    ] {
        assert_eq!(row[name], value, "{row}");
    }
}

#[test]
fn the_last_moment_of_a_store_is_that_of_its_open_segment() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    // Another program goes on to write, and has not made Parquet of it yet.
    let mut config = StoreConfig::new(folder.path().to_owned());
    config.flush_every = std::time::Duration::ZERO;
    let mut store = Store::open(config).expect("a store");
    let context = RecordContext::new("lab", vec!["eth9".into()]);
    let late = NOON + 7_200_000;
    let server = serve(Users::default(), None, sources(None, Some(folder.path())));
    for i in 0..3 {
        let mut conn = conn(i);
        conn.ts = (late + i64::from(i)) * 1_000_000;
        store.write(&Record::Conn(conn), &context);
        store.flush();
        // Asked each time, since it grows.
        let row = &api(&server, "flows?limit=1")["rows"][0];
        assert_eq!(row["ts"], late + i64::from(i));
    }
    store.finish();
}

#[test]
fn what_goes_on_has_its_places_among_what_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    let live = common::new_live();
    let mut output = live.output();
    let context = RecordContext::new("lab", vec!["eth9".into()]);
    let going_on = [0, 450, CONNS - 1].map(|number| Conn {
        uid: portreeve_record::Uid([7, 7, number]),
        ..conn(number)
    });
    // Of one that has ended, the end did not come here.
    for conn in going_on.into_iter().chain([conn(70)]) {
        output.write(&Record::ConnUpdate(conn), &context);
    }
    let server = serve(
        Users::default(),
        None,
        sources(Some(live), Some(folder.path())),
    );
    let wanted: BTreeSet<String> = going_on.iter().map(|conn| conn.uid.to_string()).collect();
    for (order, by) in [
        ("-ts", "ts"),
        ("ts", "ts"),
        ("-bytes", "resp_ip_bytes"),
        ("-duration", "duration"),
    ] {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api(
                &server,
                &format!("flows?{}&order={order}&limit=300{cursor}", range()),
            );
            rows.extend(page["rows"].as_array().expect("rows").clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(rows.len() <= CONNS as usize + 3, "it goes round");
        }
        let uids: BTreeSet<&str> = rows.iter().filter_map(|row| row["uid"].as_str()).collect();
        assert_eq!((rows.len(), uids.len()), (1003, 1003), "{order}");
        let open = rows.iter().filter(|row| row["open"] == true);
        let open: BTreeSet<String> = open
            .filter_map(|row| row["uid"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(open, wanted, "{order}");
        let values: Vec<i64> = rows.iter().filter_map(|row| row[by].as_i64()).collect();
        let is_sorted = values.is_sorted_by(|a, b| if order == "ts" { a <= b } else { a >= b });
        assert!(is_sorted, "{order}");
    }
    let found = api(
        &server,
        &format!("flows?{}&filter=port:53&columns=proto", range()),
    );
    let open = found["rows"].as_array().expect("rows").iter();
    let open: Vec<&Value> = open.filter(|row| row["open"] == true).collect();
    let newest = going_on[2].uid.to_string();
    assert_eq!(
        open,
        [&json!({ "ts": NOON + 999_000, "uid": newest, "proto": "udp", "open": true })]
    );
}

#[test]
fn a_filter_an_order_and_columns_are_what_was_asked_for() {
    let (server, _folder) = filled();
    let ask = |more: &str| api(&server, &format!("flows?{}&{more}", range()));
    let found = ask("filter=service:dns%20src:10.0.0.13&limit=1000");
    let expected = (0..CONNS)
        .filter(|number| number.is_multiple_of(3) && number % 10 == 3)
        .count();
    assert_eq!(found["rows"].as_array().map(Vec::len), Some(expected));
    assert!(found["complete"] == true && found["next"].is_null());
    let largest = ask("order=-bytes&limit=2&columns=resp_ip_bytes");
    assert_eq!(largest["rows"][0]["resp_ip_bytes"], 999);
    assert!(largest["rows"][0].get("proto").is_none(), "{largest}");
    let next = largest["next"].as_str().expect("there are more");
    assert_eq!(
        ask(&format!(
            "order=-bytes&limit=2&columns=resp_ip_bytes&cursor={next}"
        ))["rows"][0]["resp_ip_bytes"],
        997
    );
    assert_eq!(
        ask("order=-duration&limit=1")["rows"][0]["duration"],
        999_000_000
    );
    let nothing = ask("filter=port:1");
    assert_eq!(
        (&nothing["rows"], &nothing["searched_to"]),
        (&json!([]), &json!(NOON))
    );
    assert_eq!(
        get(&server, "/api/v1/flows?cursor=nonsense").code(),
        "cursor"
    );
    assert_eq!(
        get(&server, "/api/v1/flows?columns=nonsense").code(),
        "columns"
    );
}

#[test]
fn one_flow_is_told_with_what_it_was_about() {
    let (server, _folder) = filled();
    let uid = conn(300).uid.to_string();
    for path in [
        format!("flows/{uid}"),
        format!("flows/{uid}?ts={}", NOON + 300_000),
    ] {
        let flow = api(&server, &path);
        assert_eq!(
            (&flow["conn"]["uid"], &flow["conn"]["ts"]),
            (&json!(uid), &json!(NOON + 300_000))
        );
        assert_eq!(flow["records"].as_array().map(Vec::len), Some(1), "{flow}");
        assert_eq!(
            (&flow["records"][0]["log"], &flow["records"][0]["query"]),
            (&json!("dns"), &json!("www.example"))
        );
        assert_eq!(flow["updates"], json!([]));
    }
    assert_eq!(get(&server, "/api/v1/flows/C1a2b3c4d5e6f").status, 404);
}

#[test]
fn rates_add_up_to_what_was_stored_however_they_are_told_apart() {
    let (server, _folder) = filled();
    let bytes: f64 = (0..CONNS).map(|number| f64::from(100 + number)).sum();
    for by in ["none", "proto", "service", "source"] {
        let rates = api(&server, &format!("rates?{}&points=60&by={by}", range()));
        let step = rates["step_ms"].as_f64().expect("a number") / 1000.0;
        let names: BTreeSet<&str> = rates["series"]
            .as_array()
            .expect("series")
            .iter()
            .filter_map(|s| s["name"].as_str())
            .collect();
        let expected: &[&str] = match by {
            "proto" => &["tcp", "udp"],
            "service" => &["dns", "ssl"],
            "source" => &["eth9"],
            _ => &[""],
        };
        assert_eq!(names, expected.iter().copied().collect(), "{by}");
        let points = || {
            rates["series"]
                .as_array()
                .expect("series")
                .iter()
                .flat_map(|s| s["points"].as_array().expect("points"))
        };
        let sum = |at: usize| -> f64 {
            points().filter_map(|point| point[at].as_f64()).sum::<f64>() * step
        };
        assert!(
            (sum(1) / 8.0 - bytes).abs() < 1.0,
            "{by}: {} bytes, not {bytes}",
            sum(1) / 8.0
        );
        assert!(
            (sum(2) - 5000.0).abs() < 0.1 && (sum(3) - 1000.0).abs() < 0.1,
            "{by}"
        );
    }
    // Of weeks, from sums of hours and minutes.
    let long = api(
        &server,
        &format!(
            "rates?from={}&to={}&points=30&by=none",
            NOON - 30 * 86_400_000,
            NOON + 86_400_000
        ),
    );
    let step = long["step_ms"].as_f64().expect("a number") / 1000.0;
    assert!(step >= 3600.0);
    let sum: f64 = long["series"][0]["points"]
        .as_array()
        .expect("points")
        .iter()
        .filter_map(|point| point[3].as_f64())
        .sum::<f64>()
        * step;
    assert!((sum - 1000.0).abs() < 0.1, "{long}");
}

#[test]
fn tops_rank_every_kind() {
    let (server, _folder) = filled();
    let dns_bytes: u64 = (0..CONNS)
        .filter(|number| number.is_multiple_of(3))
        .map(|number| u64::from(number) + 100)
        .sum();
    for range in [range(), format!("from={}&to={}", NOON, NOON + 10 * 60_000)] {
        for (kind, name) in [
            ("host", "10.0.0.200"),
            ("service", "ssl"),
            ("app", "ssl"),
            ("proto", "tcp"),
            ("port", "tcp/443"),
            ("conn_state", "SF"),
        ] {
            let top = api(&server, &format!("top?{range}&kind={kind}"));
            assert_eq!(top["rows"][0]["name"], name, "{kind} {range}: {top}");
            assert!(top["complete"] == true && top["from"] == "store", "{kind}");
        }
        assert!(
            api(&server, &format!("top?{range}&kind=conversation&limit=3"))["rows"][0]["name"]
                .as_str()
                .is_some_and(|name| name.contains(" > 10.0.0.200:443 tcp"))
        );
        assert_eq!(
            api(&server, &format!("top?{range}&kind=country"))["rows"],
            json!([])
        );
    }
    let filtered = api(
        &server,
        &format!("top?{}&kind=host&filter=service:dns", range()),
    );
    let first = &filtered["rows"][0];
    assert_eq!(
        (&first["name"], &first["bytes"]),
        (&json!("10.0.0.53"), &json!(dns_bytes))
    );
    let unfiltered = api(&server, &format!("top?{}&kind=service", range()));
    let dns = unfiltered["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["name"] == "dns")
        .expect("dns");
    assert_eq!(
        (&dns["bytes"], &dns["conns"]),
        (&json!(dns_bytes), &json!(334))
    );
}

/// A store that is being written, its sums by minute not yet.
fn writing(folder: &std::path::Path, records: &[Record]) -> Store {
    let mut config = StoreConfig::new(folder.to_owned());
    config.flush_every = std::time::Duration::ZERO;
    let mut store = Store::open(config).expect("a store");
    let context = RecordContext::new("lab", vec!["eth9".into()]);
    for record in records {
        store.write(record, &context);
    }
    store.flush();
    store
}

#[test]
fn a_hosts_history_has_what_the_sums_do_not_have_yet() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |number, sent| {
        let mut conn = Conn {
            orig_h: [10, 0, 0, 9].into(),
            ..conn(number)
        };
        conn.orig.ip_bytes = sent;
        conn
    };
    // One goes on; of another that ended, an update has told a part.
    let _store = writing(
        folder.path(),
        &[
            Record::ConnUpdate(of(1, 100)),
            Record::ConnUpdate(of(2, 300)),
            Record::Conn(of(2, 1000)),
            Record::Conn(of(70, 20)),
        ],
    );
    let server = serve(Users::default(), None, sources(None, Some(folder.path())));
    let to = NOON + 120_000;
    let path = format!("hosts/10.0.0.9?from={}&to={to}", NOON - 60_000);
    let host = api(&server, &path);
    let received = |number| conn(number).resp.ip_bytes;
    assert_eq!(
        (&host["step_ms"], &host["history"]),
        (
            &json!(60_000),
            &json!([
                [NOON, 1100, received(1) + received(2)],
                [NOON + 60_000, 20, received(70)]
            ])
        )
    );
    // Of days, the same by the hour.
    let path = format!("hosts/10.0.0.9?from={}&to={to}", to - 4 * 86_400_000);
    assert_eq!(
        api(&server, &path)["history"],
        json!([[NOON, 1120, received(1) + received(2) + received(70)]])
    );
}

#[test]
fn a_host_has_its_services_peers_and_history() {
    let (server, _folder) = filled();
    let host = api(&server, &format!("hosts/10.0.0.53?{}", range()));
    assert_eq!(
        (&host["totals"]["conns"], &host["first_seen"]),
        (&json!(334), &json!(NOON))
    );
    assert_eq!(host["services"][0]["service"], "dns");
    assert_eq!(host["peers"].as_array().map(Vec::len), Some(10));
    let received: u64 = host["history"]
        .as_array()
        .expect("history")
        .iter()
        .filter_map(|point| point[2].as_u64())
        .sum();
    assert_eq!(
        (&host["totals"]["received"], received),
        (&json!(33_400), 33_400)
    );
    let client = api(&server, &format!("hosts/10.0.0.10?{}", range()));
    assert_eq!(client["totals"]["sent"], 10_000);
    assert_eq!(client["services"], json!([]));
    assert_eq!(
        api(&server, &format!("hosts/2001:db8::1?{}", range()))["totals"]["conns"],
        0
    );
}

#[test]
fn pages_have_their_tables() {
    let (server, _folder) = filled();
    let page = |name: &str| api(&server, &format!("{name}?{}", range()));
    let cell = |page: &Value, table: &str, column: &str| {
        let table = &page[table];
        let at = table["columns"]
            .as_array()
            .expect("columns")
            .iter()
            .position(|known| known["name"] == column);
        table["rows"][0][at.unwrap_or_else(|| panic!("no {column}: {table}"))].clone()
    };
    let dns = page("dns");
    assert_eq!(
        (
            cell(&dns, "queries", "query"),
            cell(&dns, "queries", "count")
        ),
        (json!("www.example"), json!(334))
    );
    assert_eq!(
        (
            cell(&dns, "servers", "p95"),
            cell(&dns, "failures", "rcode")
        ),
        (json!(5_000_000), json!("NXDOMAIN"))
    );
    let tls = page("tls");
    assert_eq!(cell(&tls, "ciphers", "weak"), json!(true));
    assert_eq!(
        (
            cell(&tls, "names", "server_name"),
            cell(&tls, "names", "conns")
        ),
        (json!("secure.example"), json!(666))
    );
    assert!(
        tls["versions"]["rows"]
            .as_array()
            .is_some_and(|rows| rows.len() == 2),
        "{tls}"
    );
    let tcp = page("tcp");
    assert_eq!(
        (
            cell(&tcp, "rtt_by_host", "p50"),
            cell(&tcp, "rtt_by_network", "network")
        ),
        (json!(20_000_000), json!("10.0.0.0/24"))
    );
    assert_eq!(cell(&tcp, "retransmissions", "to_it"), json!(666));
    assert_eq!(cell(&tcp, "refused", "conn_state"), json!("S0"));
    let applications = page("applications");
    assert_eq!(
        (
            cell(&applications, "services", "service"),
            cell(&applications, "services", "conns")
        ),
        (json!("ssl"), json!(666))
    );
}

#[test]
fn one_table_alone_is_what_it_is_among_all() {
    let (server, _folder) = filled();
    let mut tables = 0;
    for page in ["applications", "tcp", "dns", "tls"] {
        let all = api(&server, &format!("{page}?{}", range()));
        let all = all.as_object().expect("an object");
        for (name, table) in all.iter().filter(|(_, value)| value.is_object()) {
            let alone = api(&server, &format!("{page}?{}&table={name}", range()));
            let mut expected = json!({ name: table });
            for extent in ["from", "complete", "since"] {
                expected[extent] = all[extent].clone();
            }
            // Rows that rank the same come in any order.
            let sorted = |mut answer: Value| {
                let rows = answer[name]["rows"].as_array_mut().expect("rows");
                rows.sort_by_cached_key(Value::to_string);
                answer
            };
            assert_eq!(sorted(alone), sorted(expected), "{page} {name}");
            tables += 1;
        }
    }
    assert_eq!(tables, 23);
    for wrong in ["nothing", "rtt_by_host", ""] {
        let answer = get(&server, &format!("/api/v1/dns?{}&table={wrong}", range()));
        assert_eq!((answer.status, answer.code()), (400, "table".into()));
        let hint = "its tables: queries, rcodes, types, servers, failures, clients";
        assert_eq!(answer.json()["error"]["hint"], hint);
    }
}

#[test]
fn sql_is_answered_whole_as_csv_and_as_a_stream() {
    let (server, _folder) = filled();
    let sql = "SELECT service, count(*) AS conns FROM conn GROUP BY 1 ORDER BY 1";
    let whole = post(&server, "/api/v1/query", &json!({ "sql": sql }), &[]).json();
    assert_eq!(whole["rows"], json!([["dns", 334], ["ssl", 666]]));
    assert_eq!(whole["columns"][1]["name"], "conns");
    let csv = post(
        &server,
        "/api/v1/query",
        &json!({ "sql": sql, "format": "csv" }),
        &[],
    );
    assert_eq!(csv.body, "service,conns\r\ndns,334\r\nssl,666\r\n");
    let cut = post(
        &server,
        "/api/v1/query",
        &json!({ "sql": "SELECT uid FROM conn", "max_rows": 5 }),
        &[],
    )
    .json();
    assert_eq!(
        (cut["rows"].as_array().map(Vec::len), &cut["truncated"]),
        (Some(5), &json!(true))
    );
    let stream = post(
        &server,
        "/api/v1/query?stream=1",
        &json!({ "sql": sql }),
        &[],
    );
    let events: Vec<Value> = stream
        .body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(events[0]["event"], "schema");
    assert!(
        events
            .iter()
            .any(|event| event["rows"] == json!([["dns", 334], ["ssl", 666]])),
        "{events:?}"
    );
    assert_eq!(
        events.last().map(|event| &event["event"]),
        Some(&json!("done"))
    );
    for (sql, status, code) in [
        ("SELECT nothing FROM conn", 400, "sql"),
        ("DROP TABLE conn", 400, "refused"),
        ("COPY conn TO 'x.parquet'", 400, "refused"),
    ] {
        let answer = post(&server, "/api/v1/query", &json!({ "sql": sql }), &[]);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{sql}: {answer:?}"
        );
    }
    let stream = post(
        &server,
        "/api/v1/query?stream=1",
        &json!({ "sql": "SELECT nothing FROM conn" }),
        &[],
    );
    assert!(
        stream.body.contains("\"event\":\"error\"") && stream.body.contains("\"code\":\"sql\""),
        "{}",
        stream.body
    );
}

#[test]
fn a_server_without_a_run_says_so() {
    let (server, folder) = filled();
    let status = api(&server, "status");
    assert_eq!(status["live"], json!(false));
    assert_eq!(status["store"]["path"], json!(folder.path().to_str()));
    assert!(
        status["store"]["bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1000)
    );
    for path in ["live", "seconds", "ledger", "workers", "sensor", "alerts"] {
        let answer = get(&server, &format!("/api/v1/{path}"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "no_run"),
            "{path}"
        );
    }
    assert_eq!(get(&server, "/readyz").status, 200);
    // The last hour is the last hour of what there is.
    assert_eq!(
        api(&server, "flows?limit=1")["rows"][0]["ts"],
        NOON + 999_000
    );
    assert!(
        api(&server, "tables")
            .as_array()
            .is_some_and(|tables| tables.len() > 20)
    );
}

/// A query that would take for ever.
const ENDLESS: &str = "SELECT count(*) FROM conn a, conn b, conn c, conn d WHERE a.uid || b.uid || c.uid || d.uid LIKE '%nothing%'";

#[test]
fn a_client_that_goes_away_ends_its_query() {
    let (server, _folder) = filled();
    let body = json!({ "sql": ENDLESS }).to_string();
    for _ in 0..3 {
        let ended = std::process::Command::new("curl")
            .args(["-sS", "--max-time", "1", "-H", common::JSON, "-d", &body])
            .arg(format!("{}api/v1/query", server.url()))
            .output()
            .expect("curl");
        assert_eq!(ended.status.code(), Some(28), "curl gave up");
    }
    // All three places are free again before long.
    let answer = curl(
        &server,
        "/api/v1/query",
        &["-H", common::JSON, "-d", "{\"sql\":\"SELECT 1 AS one\"}"],
    );
    assert_eq!(answer.json()["rows"], json!([[1]]));
}
