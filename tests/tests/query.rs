//! `portreeve query`, by the whole program: over a store filled from captures, with DuckDB's answers beside it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use portreeve_tests::binary::{Run, portreeve};
use portreeve_tests::corpus::Corpus;
use portreeve_tests::python::python;
use serde_json::{Value, json};

/// Captures with a bit of everything.
const CAPTURES: &str = "
zeek/wikipedia.pcap
zeek/krb__kinit.pcap
zeek/smb__smb2_100_small_files.pcap
zeek/tls__google-cert-repeat.pcap
ndpi/default__pcap__dns_exfiltration.pcap
ndpi/default__pcap__443-firefox.pcap
ndpi/default__pcap__WebattackSQLinj.pcap
suricata-verify/tests__http-range-multiflows__input.pcap
";

/// A store filled once for all tests; `None` without the corpus.
fn store() -> Option<&'static Path> {
    static STORE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = STORE.get_or_init(|| {
        let corpus = Corpus::find()?;
        let store = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("queried");
        let _ = std::fs::remove_dir_all(&store);
        let set = format!("store.path={}", store.display());
        for capture in corpus.select(CAPTURES) {
            let output = Run::file(&corpus.path(&capture))
                .args(["--set", &set])
                .output();
            assert_eq!(output.code(), 0, "{}: {}", capture.id(), output.stderr);
        }
        Some(store)
    });
    made.as_deref()
}

fn query(store: &Path, arguments: &[&str]) -> Output {
    Command::new(portreeve())
        .args(["query", "--store"])
        .arg(store)
        .args(arguments)
        .output()
        .unwrap()
}

/// The rows of an answer.
fn ask(store: &Path, sql: &str) -> Vec<Value> {
    let output = query(store, &["--format", "json", sql]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

/// DuckDB's answers to the same questions, everything as text.
fn duckdb(store: &Path, questions: &[&str]) -> Vec<Vec<Vec<Option<String>>>> {
    let mut child = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/store/readers.py"))
        .arg(store)
        .arg("ask")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(questions.join("\n").as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn answers_are_those_of_duckdb() {
    let Some(store) = store() else { return };
    let questions = [
        "SELECT count(*), sum(orig_ip_bytes), sum(resp_ip_bytes), count(DISTINCT \"id.orig_h\") FROM conn",
        "SELECT proto, replace(service, ',', '+'), conn_state, count(*) AS n FROM conn GROUP BY 1, 2, 3 ORDER BY 4, 1, 2, 3",
        "SELECT query, rcode_name, count(*) AS n FROM dns GROUP BY 1, 2 ORDER BY 3, 1, 2",
        "SELECT \"id.orig_h\", \"id.resp_p\", uid FROM conn WHERE proto = 'tcp' AND duration > 100000000 ORDER BY ts DESC, uid LIMIT 50",
        "SELECT count(*) FROM conn WHERE ts < TIMESTAMP '2012-01-01 00:00:00Z'",
        "SELECT sum(conns), sum(orig_ip_bytes + resp_ip_bytes) FROM rollup_1h",
        "SELECT method, status_code, count(*) AS n FROM http GROUP BY 1, 2 ORDER BY 3, 1, 2",
        "SELECT replace(c.service, ',', '+'), count(*) AS n FROM conn c JOIN ssl s ON c.uid = s.uid GROUP BY 1 ORDER BY 1",
    ];
    let theirs = duckdb(store, &questions);
    for (question, theirs) in questions.iter().zip(theirs) {
        let output = query(store, &["--format", "csv", question]);
        let text = String::from_utf8(output.stdout).unwrap();
        // None of these values has a comma or quotes, or is an empty text.
        let cell = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
        let row = |line: &str| line.split(',').map(cell).collect();
        let ours: Vec<Vec<Option<String>>> = text.lines().skip(1).map(row).collect();
        // Neither orders what is equal, nor unknown values, as the other does.
        let sorted = |mut rows: Vec<Vec<Option<String>>>| {
            rows.sort();
            rows
        };
        assert_eq!(sorted(ours), sorted(theirs), "{question}");
    }
}

/// The questions of docs/queries.md.
fn documented() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/queries.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sql\n").skip(1);
    let questions = blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned());
    questions.collect()
}

#[test]
fn every_documented_question_is_answered() {
    let Some(store) = store() else { return };
    let questions = documented();
    assert!(questions.len() >= 40);
    // One process for all: a question that ends in a semicolon is answered before the next is read.
    let mut child = Command::new(portreeve())
        .args(["query", "--shell", "--format", "json", "--store"])
        .arg(store)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (number, question) in questions.iter().enumerate() {
        writeln!(stdin, "{};\nSELECT {number} AS answered;", question.trim()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    let answered = text
        .lines()
        .filter(|line| line.starts_with("{\"answered\":"));
    let answered = answered.count();
    assert!(
        output.status.success(),
        "{said}\n{}",
        questions.get(answered).map_or("", String::as_str)
    );
    assert_eq!(answered, questions.len());
    // Most of them find something in these captures.
    assert!(text.lines().count() > 3 * questions.len(), "{text}");
}

#[test]
fn a_filter_finds_flows() {
    let Some(store) = store() else { return };
    let find = |filter: &str| {
        let output = query(
            store,
            &["--find", filter, "--limit", "100000", "--format", "json"],
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{filter}: {said}");
        output.stdout.iter().filter(|byte| **byte == b'\n').count()
    };
    let counted = |condition: &str| {
        let rows = ask(
            store,
            &format!("SELECT count(*) AS n FROM conn WHERE {condition}"),
        );
        usize::try_from(rows[0]["n"].as_u64().unwrap()).unwrap()
    };
    for (filter, condition) in [
        ("", "true"),
        ("service:dns", "service = 'dns'"),
        (
            "port:443 -proto:udp",
            "(id.orig_p = 443 OR id.resp_p = 443) AND proto <> 'udp'",
        ),
        (
            "bytes>10kB or state:S0",
            "orig_ip_bytes + resp_ip_bytes > 10000 OR conn_state = 'S0'",
        ),
        (
            "net:192.168.0.0/16",
            "in_net(id.orig_h, '192.168.0.0/16') OR in_net(id.resp_h, '192.168.0.0/16')",
        ),
        (
            "192.168.",
            "id.orig_h LIKE '192.168.%' OR id.resp_h LIKE '192.168.%'",
        ),
        (
            "duration>100ms service:any",
            "duration > 100000000 AND service IS NOT NULL",
        ),
    ] {
        let found = find(filter);
        assert!(found > 0, "{filter}");
        assert_eq!(found, counted(condition), "{filter}");
    }
}

#[test]
fn formats_hold_the_same_rows() {
    let Some(store) = store() else { return };
    let folder = tempfile::tempdir().unwrap();
    let sql = "SELECT ts, uid, \"id.resp_p\" AS port, duration FROM conn ORDER BY uid";
    let json = ask(store, sql);
    let csv = folder.path().join("flows.csv");
    let output = query(store, &[sql, "-o", csv.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty());
    let csv = std::fs::read_to_string(csv).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("ts,uid,port,duration"));
    for (line, row) in lines.zip(&json) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(json!(cells[0]), row["ts"]);
        assert_eq!(json!(cells[1]), row["uid"]);
        assert_eq!(cells[2], row["port"].to_string());
    }
    let parquet = folder.path().join("flows.parquet");
    let output = query(store, &[sql, "-o", parquet.to_str().unwrap()]);
    assert!(output.status.success());
    let count = format!(
        "SELECT count(*), sum(port) FROM read_parquet('{}')",
        parquet.display()
    );
    let theirs = duckdb(store, &[&count]);
    let ports: u64 = json.iter().map(|row| row["port"].as_u64().unwrap()).sum();
    let expected = [json.len().to_string(), ports.to_string()].map(Some);
    assert_eq!(theirs[0][0], expected);
}

#[test]
fn wrong_questions_are_refused_with_a_reason() {
    let Some(store) = store() else { return };
    for (arguments, code, reason) in [
        (&["SELECT nothing FROM conn"][..], 2, "nothing"),
        (&["SELEC 1"][..], 2, "SELEC"),
        (&["SELECT 1 FROM no_table"][..], 2, "no_table"),
        (&["DROP TABLE conn"][..], 2, "only queries that read"),
        (
            &["COPY conn TO 'stolen.csv'"][..],
            2,
            "only queries that read",
        ),
        (
            &["CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'"][..],
            2,
            "only queries that read",
        ),
        (
            &["SET datafusion.execution.batch_size = 1"][..],
            2,
            "only queries that read",
        ),
        (&["SELECT * FROM '/etc/passwd'"][..], 2, "/etc/passwd"),
        (&["--find", "port:http"][..], 2, "port"),
        (&["--tables", "nothing"][..], 2, "nothing"),
        (&[][..], 2, "ask something"),
    ] {
        let output = query(store, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("DataFusion"),
            "{said}"
        );
    }
    let output = query(Path::new("/nonexistent"), &["SELECT 1"]);
    assert_eq!(output.status.code(), Some(1));
    let output = query(&std::env::temp_dir(), &["SELECT 1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no store"));
}

/// What takes SQL apart calls itself for every level: a full stack would end the process without a word.
#[test]
fn deep_questions_are_answered_or_refused() {
    let Some(store) = store() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep.sql");
    let ask = |sql: String| {
        std::fs::write(&file, sql).unwrap();
        let output = query(store, &["-f", file.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let many = |count: usize, one: &str, between: &str| vec![one; count].join(between);
    type Kind<'a> = (&'a str, usize, &'a dyn Fn(usize) -> String);
    let kinds: [Kind<'_>; 7] = [
        ("OR", 990, &|n| {
            let terms = many(n, "id.resp_p = 80", " OR ");
            format!("SELECT count(*) FROM conn WHERE {terms}")
        }),
        ("+", 700, &|n| {
            format!("SELECT {} FROM conn LIMIT 1", many(n, "duration", " + "))
        }),
        ("constants", 700, &|n| {
            format!("SELECT {}", many(n, "1", "+"))
        }),
        ("||", 700, &|n| {
            format!("SELECT length({}) FROM conn LIMIT 1", many(n, "uid", "||"))
        }),
        ("UNION ALL", 480, &|n| many(n, "SELECT 1", " UNION ALL ")),
        ("casts", 990, &|n| {
            format!("SELECT 1{}", "::bigint::text".repeat(n))
        }),
        ("lists", 20_000, &|n| {
            let list = many(n, "'192.0.2.1'", ", ");
            format!("SELECT count(*) FROM conn WHERE id.orig_h IN ({list})")
        }),
    ];
    for (name, count, make) in kinds {
        let (code, said) = ask(make(count));
        assert_eq!(code, Some(0), "{name}: {said}");
        let (code, said) = ask(make(count * 10));
        let expected = if name == "lists" { 0 } else { 2 };
        assert_eq!(code, Some(expected), "{name}: {said}");
        assert!(
            expected == 0 || said.contains("and may have"),
            "{name}: {said}"
        );
    }
    // Parentheses are the parser's to bound.
    let (code, said) = ask(format!("SELECT {}1{}", "(".repeat(9000), ")".repeat(9000)));
    assert_eq!(code, Some(2), "{said}");
}

/// An answer that lacks rows would be a lie, so the query fails; but who asks learns what to do, and it helps.
#[test]
fn a_damaged_file_is_named_and_can_be_moved_away_as_it_says() {
    let Some(store) = store() else { return };
    let folder = tempfile::tempdir().unwrap();
    // A name that a shell would take for three.
    let copy = &folder.path().join("the sensor's; store");
    copy_whole(store, copy);
    let store = copy;
    let files = parquet_of(&store.join("conn"));
    assert!(files.len() > 2, "{} files", files.len());
    let mut before = ask(store, "SELECT * FROM conn").len();
    // Its first pages, and what tells where they are.
    for (damaged, is_footer) in files.iter().zip([false, true]) {
        let mut bytes = std::fs::read(damaged).unwrap();
        let end = bytes.len() - 8;
        let range = if is_footer { end - 400..end } else { 4..200 };
        bytes[range].fill(0xff);
        std::fs::write(damaged, bytes).unwrap();

        let output = query(store, &["SELECT * FROM conn"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        let named = format!("{}: damaged: ", damaged.display());
        assert!(said.contains(&named), "{said}");
        // Other questions are none of its business.
        assert!(!ask(store, "SELECT * FROM dns").is_empty());
        let command = said.split_once("moved away: ").unwrap().1.trim();
        let command = command.lines().next().unwrap();
        assert!(command.starts_with("mv "), "{command}");
        let moved = Command::new("sh").args(["-c", command]).status();
        assert!(moved.unwrap().success(), "{command}");
        let left = ask(store, "SELECT * FROM conn").len();
        assert!((1..before).contains(&left), "{left} of {before}");
        before = left;
    }
}

/// One flipped bit, anywhere, is found, whether or not a query would; and the command that is told moves it away.
#[test]
fn a_store_is_checked_to_the_last_bit() {
    let Some(store) = store() else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = &folder.path().join("store");
    copy_whole(store, copy);
    let check = |args: &[&str]| {
        let mut command = Command::new(portreeve());
        let command = command.args(["store", "check", "--store"]).arg(copy);
        let output = command.args(args).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    };
    let report = |expected| -> serde_json::Value {
        let (code, said) = check(&["--json"]);
        assert_eq!(code, Some(expected), "{said}");
        serde_json::from_str(&said).unwrap()
    };
    let conn = parquet_of(&copy.join("conn"));
    let all = report(0);
    assert_eq!(all["files"], all["as_written"]);
    assert!(all["files"].as_u64().unwrap() > conn.len() as u64, "{all}");
    assert_eq!(all["damaged"].as_array().unwrap().len(), 0);

    let file = &conn[0];
    let whole = std::fs::read(file).unwrap();
    let len = whole.len();
    // Its magic, pages, and what stands at its end: its maker's name, and how long its footer is.
    for at in [0, 4, len / 3, len / 2, len - 60, len - 12, len - 8, len - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(file, bytes).unwrap();
        let damaged = &report(1)["damaged"];
        assert_eq!(damaged.as_array().unwrap().len(), 1, "{at}: {damaged}");
        assert_eq!(damaged[0]["path"], file.to_str().unwrap());
    }
    let (code, said) = check(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("not as they were written"), "{said}");
    let command = said.split_once("to move it away: ").unwrap().1;
    let command = command.lines().next().unwrap();
    let moved = Command::new("sh").args(["-c", command]).status();
    assert!(moved.unwrap().success(), "{command}");
    let (code, said) = check(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" 0 damaged"), "{said}");
    assert!(!file.exists());
}

fn copy_whole(store: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([store, to]).status();
    assert!(copied.unwrap().success());
}

/// Parquet files below a folder.
fn parquet_of(folder: &Path) -> Vec<PathBuf> {
    let days = std::fs::read_dir(folder).unwrap();
    let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn what_is_being_written_is_found_at_once() {
    use portreeve_netlab::{Lab, Packet as Frame, Sender, may_run_privileged};
    use std::time::{Duration, Instant};

    if !may_run_privileged() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let set = format!("store.path={}", store.display());
    let lab = Lab::new();
    lab.run(|| {
        let mut run = Run::interface(Lab::RX)
            .args([
                "--set",
                &set,
                "--set",
                "flow.udp_idle=1s",
                "--set",
                "store.flush_every=100ms",
            ])
            .start();
        run.wait_until_open();
        let frames: Vec<Vec<u8>> = (0..100)
            .map(|n| Frame::udp4([10, 0, 0, 1], [10, 0, 0, 2], 10_000 + n, 2000).build(100))
            .collect();
        Sender::open(Lab::TX).send(&frames, 100);
        let found = || {
            let rows = ask(
                &store,
                "SELECT count(*) AS n FROM conn WHERE id.resp_p = 2000",
            );
            rows[0]["n"].as_u64()
        };
        let begun = Instant::now();
        while found() != Some(100) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", run.said());
        }
        run.signal("INT");
        assert_eq!(run.wait().code(), 0);
        assert_eq!(found(), Some(100));
    });
}
