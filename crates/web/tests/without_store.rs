//! What is answered without a store is what a store answers for the same records.

mod common;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::filled::{NOON, each};
use common::{get, new_live, serve, snapshot, sources};
use portreeve_output::Output;
use portreeve_record::app::Head;
use portreeve_record::app::ssl::Ssl;
use portreeve_record::app::x509::{Certificate, X509};
use portreeve_record::{Ascii, Conn, ConnState, Record, RecordContext, Uid};
use portreeve_store::{Store, StoreConfig};
use portreeve_web::Server;
use portreeve_web::access::Users;
use serde_json::{Value, json};

/// Records beside those of [`each`]: of what does not go well.
fn bad(begin: i64, mut put: impl FnMut(&Record, &RecordContext)) {
    let context = RecordContext::new("lab", vec!["eth9".into()]);
    let states = [
        ConnState::REJ,
        ConnState::RSTR,
        ConnState::RSTO,
        ConnState::RSTR,
    ];
    for (number, state) in (0..).zip(states) {
        let mut conn = Conn {
            ts: begin * 1_000_000,
            uid: Uid([9, 9, number]),
            orig_h: [10, 0, 0, 77].into(),
            resp_h: [192, 0, 2, number as u8 % 2].into(),
            resp_p: 8080,
            ip_proto: 6,
            app: (number == 1).then_some("example"),
            conn_state: state,
            syn_rtt: Some(40_000_000),
            ..Conn::default()
        };
        conn.orig.pkts = 9;
        conn.orig.ip_bytes = 900;
        conn.orig.zero_windows = number;
        conn.resp.pkts = 7;
        conn.resp.ip_bytes = 70;
        conn.resp.retransmits = 3;
        conn.resp.zero_windows = 2;
        conn.resp.missed_bytes = u64::from(number) * 1000;
        let head = Head {
            ts: conn.ts,
            uid: conn.uid,
            orig_h: conn.orig_h,
            resp_h: conn.resp_h,
            resp_p: conn.resp_p,
            ip_proto: 6,
            ..Head::default()
        };
        put(&Record::Conn(conn), &context);
        let issuer = if number == 2 { "CN=other" } else { "CN=own" };
        let certificate = Certificate {
            subject: "CN=own".into(),
            issuer: issuer.into(),
            not_valid_after: (begin + 86_400_000 * i64::from(number)) * 1_000_000,
            ..Certificate::default()
        };
        let x509 = X509 {
            head,
            certificate: certificate.into(),
            ..X509::default()
        };
        put(&Record::App(x509.into()), &context);
        let ssl = Ssl {
            head,
            ja4: Some(Ascii::new(*b"t13d1516h2_8daaf6152771_02713d6af862")),
            last_alert: Some(48),
            ..Ssl::default()
        };
        put(&Record::App(ssl.into()), &context);
    }
}

struct Asked {
    server: Server,
    range: String,
}

impl Asked {
    fn ask(&self, path: &str) -> Value {
        let sign = if path.contains('?') { '&' } else { '?' };
        let answer = get(&self.server, &format!("/api/v1/{path}{sign}{}", self.range));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }
}

fn stored(folder: &Path) -> Asked {
    let mut store = Store::open(StoreConfig::new(folder.to_owned())).expect("a store");
    each(NOON, |record, context| store.write(record, context));
    bad(NOON, |record, context| store.write(record, context));
    store.finish();
    Asked {
        server: serve(Users::default(), None, sources(None, Some(folder))),
        range: format!("from={}&to={}", NOON - 600_000, NOON + 3_000_000),
    }
}

/// The same records, as they come in during a run: a minute of the clock from `now` on.
fn live(now: i64) -> Asked {
    let live = new_live();
    let server = serve(Users::default(), None, sources(Some(live.clone()), None));
    let at = |ms: i64| UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs());
    live.take(&snapshot(1), at(now - 1000));
    let mut output = live.output();
    each(now - 1_000_000, |record, context| {
        output.write(record, context);
    });
    bad(now - 1_000_000, |record, context| {
        output.write(record, context);
    });
    live.take(&snapshot(2), at(now));
    Asked {
        server,
        range: format!("from={}&to={}", now - 1_200_000, now + 60_000),
    }
}

/// A minute of now.
fn minute() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
    i64::try_from(since.as_secs() / 60).expect("small") * 60_000
}

/// The same but for quantiles, which are about the same in both.
fn assert_same(name: &str, live: &Value, stored: &Value) {
    assert_eq!(live["columns"], stored["columns"], "{name}");
    let columns = stored["columns"].as_array().expect("columns");
    let about: Vec<bool> = columns
        .iter()
        .map(|column| column["kind"] == "interval")
        .collect();
    let rows = |table: &Value| {
        let mut rows: Vec<Vec<Value>> =
            serde_json::from_value(table["rows"].clone()).expect("rows");
        rows.sort_by_cached_key(|row| {
            let exact = row.iter().zip(&about).filter(|(_, about)| !**about);
            exact.map(|(cell, _)| cell.to_string()).collect::<Vec<_>>()
        });
        rows
    };
    let (live, stored) = (rows(live), rows(stored));
    assert_eq!(live.len(), stored.len(), "{name}: {live:?} {stored:?}");
    for (own, other) in live.iter().zip(&stored) {
        for ((own, other), about) in own.iter().zip(other).zip(&about) {
            let is_same = match (own.as_f64(), other.as_f64()) {
                (Some(own), Some(other)) if *about => (own / other - 1.0).abs() < 0.07,
                (Some(own), Some(other)) => (own - other).abs() < 1e-9,
                _ => own == other,
            };
            assert!(is_same, "{name}: {live:?} {stored:?}");
        }
    }
}

#[test]
fn every_table_is_as_a_store_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (now, stored) = (minute(), stored(folder.path()));
    let live = live(now);
    let mut tables = 0;
    for page in ["applications", "tcp", "dns", "tls"] {
        let (own, other) = (live.ask(page), stored.ask(page));
        assert_eq!(
            (&own["from"], &own["since"]),
            (&json!("live"), &json!(now - 2000))
        );
        assert_eq!(own["complete"], false);
        let names = |answer: &Value| -> Vec<String> {
            answer
                .as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(names(&own), names(&other));
        for (name, table) in other.as_object().expect("an object") {
            if !table.is_object() {
                continue;
            }
            // Until when certificates are good moves with the clock of this test.
            let (mut own, mut other) = (own[name].clone(), table.clone());
            for table in [&mut own, &mut other] {
                let columns = table["columns"].as_array().expect("columns");
                let until = columns.iter().position(|column| column["kind"] == "time");
                for row in table["rows"].as_array_mut().expect("rows") {
                    if let Some(at) = until {
                        assert_eq!(row[at].as_str().map(str::len), Some(30), "{row}");
                        row[at] = Value::Null;
                    }
                }
            }
            assert_ne!(other["rows"], json!([]), "{name} shows nothing");
            assert_same(name, &own, &other);
            tables += 1;
        }
    }
    assert_eq!(tables, 23);
}

#[test]
fn one_table_alone_is_what_it_is_among_all() {
    let live = live(minute());
    for page in ["applications", "tcp", "dns", "tls"] {
        let all = live.ask(page);
        let all = all.as_object().expect("an object");
        for (name, table) in all.iter().filter(|(_, value)| value.is_object()) {
            let alone = live.ask(&format!("{page}?table={name}"));
            assert_eq!(alone.as_object().map(serde_json::Map::len), Some(4));
            for extent in ["from", "complete", "since"] {
                assert_eq!(alone[extent], all[extent], "{page} {name}");
            }
            assert_same(name, &alone[name], table);
        }
        let answer = get(&live.server, &format!("/api/v1/{page}?table=nothing"));
        assert_eq!((answer.status, answer.code()), (400, "table".into()));
    }
}

#[test]
fn every_ranking_is_as_a_store_has_it_and_rates_add_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (now, stored) = (minute(), stored(folder.path()));
    let live = live(now);
    for kind in [
        "host",
        "service",
        "app",
        "conversation",
        "proto",
        "port",
        "conn_state",
    ] {
        for filter in ["", "&filter=-service:dns"] {
            let path = format!("top?kind={kind}&limit=100{filter}");
            let rows = |asked: &Asked| -> Vec<Value> {
                let answer = asked.ask(&path);
                let rows = answer["rows"].as_array().expect("rows").iter();
                rows.map(|row| {
                    json!([
                        row["name"],
                        row["bytes"],
                        row["sent"],
                        row["received"],
                        row["packets"],
                        row["conns"]
                    ])
                })
                .collect()
            };
            let own = rows(&live);
            assert!(!own.is_empty(), "{path}");
            assert_eq!(own, rows(&stored), "{path}");
        }
    }
    for by in ["service", "proto"] {
        let sums = |asked: &Asked| -> Vec<(String, u64)> {
            let answer = asked.ask(&format!("rates?points=21&by={by}"));
            let step = answer["step_ms"].as_f64().expect("a step");
            let series = answer["series"].as_array().expect("series").iter();
            let mut sums: Vec<(String, u64)> = series
                .map(|series| {
                    let points = series["points"].as_array().expect("points").iter();
                    let bits: f64 = points.map(|point| point[1].as_f64().expect("bits")).sum();
                    let name = series["name"].as_str().expect("a name");
                    (name.to_owned(), (bits * step / 8000.0).round() as u64)
                })
                .collect();
            sums.sort();
            sums
        };
        assert_eq!(sums(&live), sums(&stored), "{by}");
    }
}
