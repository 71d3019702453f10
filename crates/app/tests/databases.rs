//! Databases in real captures, against Zeek's rows.

mod common;
mod rows;

#[test]
fn zeeks_own_rows_of_redis() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    // Zeek's tables double what stands before a quote; long replies are cut at another place.
    let also = |_: &str, ours: &str, theirs: &str| {
        theirs == "(empty)" && ours.is_empty()
            || ours.replace('\\', "\\\\") == theirs
            || theirs.len() > 1000 && ours.starts_with(&theirs[..1000])
    };
    // One is Zeek with room for five commands only.
    let without = ["excessive-pipelining"];
    assert_eq!(
        rows::compare_tests(&corpus, "redis", &without, &[], also),
        187
    );
}

#[test]
fn zeeks_own_rows_of_mysql() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let also = |field: &str, ours: &str, theirs: &str| {
        field == "arg" && ours.is_empty() && theirs == "(empty)"
    };
    assert_eq!(rows::compare(&corpus, "mysql", &[], also), 42);
}

/// Zeek's captures of PostgreSQL; what tshark finds in each: queries, errors, rows.
const POSTGRESQL: [(&str, usize, usize, u64); 5] = [
    ("greenhouse-app", 84, 0, 22),
    ("psql-insert-fail-drop-fail", 5, 2, 0),
    ("psql-login-wrong", 0, 1, 0),
    ("psql-login-no-role", 0, 1, 0),
    ("psql-aws-ssl-disable-15432", 1, 0, 1),
];

#[test]
fn queries_errors_and_rows_are_tsharks() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    for (name, queries, errors, rows) in POSTGRESQL {
        let capture = corpus.join(format!("zeek/pcap/postgresql__{name}.pcap"));
        let ours = rows::ours(&capture, "postgresql");
        let count = |field: &str, value: &str| {
            let is = |row: &&rows::Row| row.get(field).is_some_and(|v| v == value);
            ours.iter().filter(is).count()
        };
        assert_eq!(count("frontend", "simple_query"), queries, "{name}");
        let failed = ours.iter().filter(|row| {
            let backend = row.get("backend").and_then(|value| value.as_str());
            backend.is_some_and(|backend| backend.ends_with("error"))
        });
        assert_eq!(failed.count(), errors, "{name}");
        let came = ours.iter().filter_map(|row| row.get("rows")?.as_u64());
        assert_eq!(came.sum::<u64>(), rows, "{name}");
    }
}

#[test]
fn a_login_and_its_queries_as_zeek_tells_them() {
    let Some(corpus) = common::corpus() else {
        return;
    };
    let capture = corpus.join("zeek/pcap/postgresql__psql-insert-fail-drop-fail.pcap");
    let ours = rows::ours(&capture, "postgresql");
    let told: Vec<Vec<String>> = ours
        .iter()
        .map(|row| {
            let fields = [
                "user",
                "application_name",
                "frontend",
                "backend",
                "success",
                "rows",
            ];
            let text = |field| {
                row.get(field)
                    .map_or_else(|| "-".into(), ToString::to_string)
            };
            fields.into_iter().map(text).collect()
        })
        .collect();
    let lines = [
        r#""postgres" "psql" "startup" "auth_ok" true -"#,
        r#""postgres" "psql" "simple_query" - true 0"#,
        r#""postgres" "psql" "simple_query" - true 0"#,
        r#""postgres" "psql" "simple_query" "error" false -"#,
        r#""postgres" "psql" "simple_query" - true 0"#,
        r#""postgres" "psql" "simple_query" "error" false -"#,
        r#""postgres" "psql" "terminate" - - -"#,
    ];
    let told: Vec<String> = told.iter().map(|fields| fields.join(" ")).collect();
    assert_eq!(told, lines);
    assert_eq!(ours[0]["backend_arg"], "SASL,SASLContinue,SASLFinal");
    assert_eq!(
        ours[3]["frontend_arg"],
        "INSERT INTO t VALUES (now(), now(), now());"
    );
}
