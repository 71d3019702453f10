//! Zeek's own expected logs of applications, over all captures that the corpus has of them, and ours: field by field, as tables.
//!
//! Both sides are Zeek's tab-separated logs, so that the form of each value is compared too. What differs is explained by a class with a
//! reason (`tests/data/zeek-log-classes.tsv`, `tests/data/zeek-log-differences.tsv`), or it is a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Deserialize;

use crate::binary::Run;
use crate::corpus::Corpus;
use crate::zeek::{Row, read, table};
use crate::{parallel, percent};

/// A log that one of Zeek's tests expects.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Zeek's name of the test, and of the file in it.
    pub test: String,
    /// The log: `dns`, `http` …
    pub log: String,
    /// The capture, in the set `zeek`, and arguments for `portreeve` behind it.
    pub capture: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Test {
    test: String,
    #[serde(default)]
    traces: Vec<String>,
    #[serde(default)]
    logs: BTreeMap<String, Rows>,
}

#[derive(Deserialize)]
struct Rows {
    path: String,
    rows: Vec<Row>,
}

/// What becomes of a log, or of one file of one test: the name of its capture, or `skip` with a class.
#[derive(Clone, Debug)]
struct Verdict {
    test: &'static str,
    file: &'static str,
    verdict: &'static str,
    class: &'static str,
}

fn verdicts() -> Vec<Verdict> {
    table(include_str!("../data/zeek-log-files.tsv"), 4)
        .into_iter()
        .map(|columns| Verdict {
            test: columns[0],
            file: columns[1],
            verdict: columns[2],
            class: columns[3],
        })
        .collect()
}

/// Classes of differences, each with its reason, in the order of the table.
///
/// # Panics
/// If a line has not the columns it should.
#[must_use]
pub fn classes() -> Vec<(&'static str, &'static str)> {
    table(include_str!("../data/zeek-log-classes.tsv"), 2)
        .into_iter()
        .map(|columns| (columns[0], columns[1]))
        .collect()
}

/// What one rule of the list covers.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its class.
    pub class: &'static str,
    log: &'static str,
    test: &'static str,
    kind: &'static str,
    what: &'static str,
    zeek: &'static str,
    ours: &'static str,
}

/// The list of rules.
///
/// # Panics
/// If a line has not the columns it should.
#[must_use]
pub fn rules() -> Vec<Rule> {
    table(include_str!("../data/zeek-log-differences.tsv"), 7)
        .into_iter()
        .map(|columns| Rule {
            class: columns[0],
            log: columns[1],
            test: columns[2],
            kind: columns[3],
            what: columns[4],
            zeek: columns[5],
            ours: columns[6],
        })
        .collect()
}

impl Rule {
    /// Whether it covers a difference.
    #[must_use]
    pub fn covers(&self, expected: &Expected, difference: &Difference) -> bool {
        let any = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        any(self.log, &expected.log)
            && (self.test == "*" || expected.test.ends_with(self.test))
            && self.kind == difference.kind
            && match difference.kind {
                "field" => {
                    any(self.what, &difference.what)
                        && any(self.zeek, &difference.zeek)
                        && value(self.ours, &difference.zeek, &difference.ours)
                }
                _ => self.what == "*" || difference.what.contains(self.what),
            }
    }
}

/// Whether our value is what a pattern says: `*`, a text, or a relation to Zeek's.
fn value(pattern: &str, zeek: &str, ours: &str) -> bool {
    match pattern {
        "*" => true,
        "~longer" => ours.len() > zeek.len() && ours.starts_with(zeek),
        "~beginning" => zeek.len() > ours.len() && zeek.starts_with(ours),
        "~percent" => percent::decoded(ours) == percent::unescaped(zeek),
        text => text == ours,
    }
}

/// Numbers with six decimals that differ by at most two of the last one: Zeek has them in floating point and rounds, here what is below is cut off.
fn last_digit(zeek: &str, ours: &str) -> bool {
    let parts = |text: &str| -> Option<i128> {
        let (whole, fraction) = text.split_once('.')?;
        let whole: i128 = whole.parse().ok()?;
        let fraction: i128 = (fraction.len() == 6).then(|| fraction.parse().ok())??;
        Some(whole * 1_000_000 + fraction)
    };
    match (parts(zeek), parts(ours)) {
        (Some(zeek), Some(ours)) => (zeek - ours).abs() <= 2,
        _ => false,
    }
}

/// A difference between an expected log and ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `field`, `row` (Zeek's alone), or `extra` (ours alone).
    pub kind: &'static str,
    /// The field, or the row as text.
    pub what: String,
    /// Zeek's value.
    pub zeek: String,
    /// Ours.
    pub ours: String,
}

/// How one expected log and ours compare.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Rows that Zeek expects and we have.
    pub matched: u64,
    /// Fields compared in them.
    pub fields: u64,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// What is compared, and what is not with its class.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Compared.
    pub compared: Vec<Expected>,
    /// Left out: log, class, rows.
    pub left_out: Vec<(String, &'static str, u64)>,
}

/// Reads Zeek's expectations. Connection logs are compared elsewhere ([`crate::zeek`]).
///
/// # Panics
/// If the corpus' file is not what it should be.
#[must_use]
pub fn plan(corpus: &Corpus) -> Plan {
    let path = corpus.root().join("zeek/expected.jsonl");
    let text = std::fs::read_to_string(&path).expect("zeek/expected.jsonl");
    let verdicts = verdicts();
    let mut plan = Plan::default();
    for line in text.lines() {
        let test: Test = serde_json::from_str(line).expect("a test");
        for (file, rows) in test.logs {
            if rows.path.starts_with("conn") {
                continue;
            }
            let name = format!("{}/{file}", test.test);
            let verdict = verdicts.iter().find(|verdict| {
                let own = name.ends_with(&format!("{}/{}", verdict.test, verdict.file));
                own || (verdict.test == "*" && verdict.file == rows.path)
            });
            let capture = match verdict.map(|verdict| verdict.verdict) {
                Some("skip") => {
                    let class = verdict.map(|verdict| verdict.class).unwrap_or_default();
                    plan.left_out
                        .push((rows.path, class, rows.rows.len() as u64));
                    continue;
                }
                None => test.traces[0].replacen("zeek/", "", 1),
                Some(other) => other.to_owned(),
            };
            plan.compared.push(Expected {
                test: name,
                log: rows.path,
                capture,
                rows: rows.rows,
            });
        }
    }
    plan
}

/// What a test suite draws anew each time, and files, which are found by their identifiers.
fn is_compared(field: &str) -> bool {
    !["ts", "uid", "uids"].contains(&field) && !field.ends_with("fuid") && !field.ends_with("fuids")
}

/// Runs `portreeve` over each capture once and compares all that is expected of it.
///
/// # Panics
/// If a run fails.
#[must_use]
pub fn compare_all(corpus: &Corpus, plan: &Plan) -> Vec<Comparison> {
    let captures: Vec<&str> = plan
        .compared
        .iter()
        .map(|expected| expected.capture.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let logs = parallel::map(&captures, |capture| logs(corpus, capture));
    let by_capture: BTreeMap<&str, _> = captures.iter().copied().zip(&logs).collect();
    plan.compared
        .iter()
        .map(|expected| {
            let none = Vec::new();
            let ours = by_capture[expected.capture.as_str()].get(&expected.log);
            compare(&expected.rows, ours.unwrap_or(&none))
        })
        .collect()
}

/// Our logs of a capture, as they stand in a folder. Checksums are not verified: in many of these captures cards were to fill them in.
fn logs(corpus: &Corpus, capture: &str) -> BTreeMap<String, Vec<Row>> {
    let mut arguments = capture.split(' ');
    let capture = arguments.next().unwrap_or_default();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Run::new(["--tsv", "--memory", "64MiB", "--no-checksums", "--log-dir"])
        .arg(folder.path())
        .arg("-r")
        .arg(corpus.root().join("zeek/pcap").join(capture))
        .args(arguments)
        .output();
    assert!(output.status.success(), "{capture}: {}", output.stderr);
    let mut logs = BTreeMap::new();
    for entry in std::fs::read_dir(folder.path()).expect("the folder of logs") {
        let path = entry.expect("a log").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if let Some((log, _)) = name.split_once('.') {
            logs.entry(log.to_owned())
                .or_insert_with(Vec::new)
                .extend(read(&path));
        }
    }
    logs
}

fn ends(row: &Row) -> Option<[(&str, &str); 2]> {
    let end = |address: &str, port: &str| {
        let port = row.get(port).map_or("", String::as_str);
        Some((row.get(address)?.as_str(), port))
    };
    let mut ends = [
        end("id.orig_h", "id.orig_p")?,
        end("id.resp_h", "id.resp_p")?,
    ];
    ends.sort_unstable();
    Some(ends)
}

/// Compares rows of one log: those of the same ends are paired so that the fewest fields differ.
#[must_use]
pub fn compare(expected: &[Row], ours: &[Row]) -> Comparison {
    let mut pairs = Vec::new();
    for (i, row) in expected.iter().enumerate() {
        for (j, our) in ours.iter().enumerate() {
            if ends(row).is_some() && ends(row) != ends(our) {
                continue;
            }
            pairs.push((differing(row, our).count(), i.abs_diff(j), i, j));
        }
    }
    pairs.sort_unstable();
    let (mut waiting, mut left): (BTreeSet<usize>, BTreeSet<usize>) =
        ((0..expected.len()).collect(), (0..ours.len()).collect());
    let mut comparison = Comparison::default();
    for (_, _, i, j) in pairs {
        if !waiting.contains(&i) || !left.contains(&j) {
            continue;
        }
        waiting.remove(&i);
        left.remove(&j);
        let row = &expected[i];
        comparison.matched += 1;
        comparison.fields += row.keys().filter(|field| is_compared(field)).count() as u64;
        let found = differing(row, &ours[j]).map(|(field, zeek, ours)| Difference {
            kind: "field",
            what: field.to_owned(),
            zeek: zeek.to_owned(),
            ours: ours.to_owned(),
        });
        comparison.differences.extend(found);
    }
    let alone = |kind, row: &Row| Difference {
        kind,
        what: describe(row),
        zeek: String::new(),
        ours: String::new(),
    };
    let rows = waiting.iter().map(|i| alone("row", &expected[*i]));
    comparison.differences.extend(rows);
    let extra = left.iter().map(|j| alone("extra", &ours[*j]));
    comparison.differences.extend(extra);
    comparison
}

fn differing<'a>(row: &'a Row, ours: &'a Row) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    row.iter().filter_map(|(field, zeek)| {
        let our = ours.get(field).map_or("-", String::as_str);
        let other = is_compared(field) && zeek != our && !last_digit(zeek, our);
        other.then_some((field.as_str(), zeek.as_str(), our))
    })
}

fn describe(row: &Row) -> String {
    row.iter()
        .filter(|(_, value)| *value != "-")
        .map(|(field, value)| format!("{field}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// One line of the table.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Rows expected.
    pub rows: u64,
    /// Of them found.
    pub matched: u64,
    /// Fields compared.
    pub fields: u64,
    /// Fields that differ.
    pub differing: u64,
    /// Of them explained.
    pub explained: u64,
    /// Rows of one side alone, as explained.
    pub explained_rows: u64,
    /// What nothing explains.
    pub others: u64,
}

/// All comparisons, summed up.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By log.
    pub logs: BTreeMap<String, Sum>,
    /// How many differences each class explains.
    pub classes: BTreeMap<&'static str, u64>,
    /// Differences that nothing explains, for a person to read.
    pub faults: Vec<String>,
    /// Rules that cover nothing any more.
    pub idle: Vec<String>,
}

/// Sums up.
#[must_use]
pub fn summary(plan: &Plan, comparisons: &[Comparison]) -> Summary {
    let rules = rules();
    let mut used = vec![false; rules.len()];
    let mut summary = Summary::default();
    for (_, class, rows) in &plan.left_out {
        *summary.classes.entry(class).or_default() += rows;
    }
    for (expected, comparison) in plan.compared.iter().zip(comparisons) {
        let sum = summary.logs.entry(expected.log.clone()).or_default();
        sum.rows += expected.rows.len() as u64;
        sum.matched += comparison.matched;
        sum.fields += comparison.fields;
        for difference in &comparison.differences {
            sum.differing += u64::from(difference.kind == "field");
            let covering = rules
                .iter()
                .position(|rule| rule.covers(expected, difference));
            let Some(at) = covering else {
                sum.others += 1;
                summary
                    .faults
                    .push(format!("{}: {difference:?}", expected.test));
                continue;
            };
            used[at] = true;
            *summary.classes.entry(rules[at].class).or_default() += 1;
            if difference.kind == "field" {
                sum.explained += 1;
            } else {
                sum.explained_rows += 1;
            }
        }
    }
    let idle = rules.iter().zip(&used).filter(|(_, used)| !**used);
    summary.idle = idle.map(|(rule, _)| format!("{rule:?}")).collect();
    summary
}

impl Summary {
    /// The tables in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| Zeek's log | rows | found | fields compared | same | | explained: fields, rows | others |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for (log, sum) in &self.logs {
            let same = sum.fields - sum.differing;
            let _ = writeln!(
                text,
                "| {log} | {} | {} | {} | {same} | {:.2} % | {}, {} | {} |",
                sum.rows,
                sum.matched,
                sum.fields,
                100.0 * same as f64 / sum.fields.max(1) as f64,
                sum.explained,
                sum.explained_rows,
                sum.others
            );
        }
        text.push_str("\n| class | differences or rows | reason |\n| --- | ---: | --- |\n");
        for (class, reason) in classes() {
            let count = self.classes.get(class).copied().unwrap_or(0);
            let _ = writeln!(text, "| {class} | {count} | {reason} |");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digit_is_the_last_digit() {
        assert!(last_digit("1476535656.467835", "1476535656.467834"));
        assert!(last_digit("1.000000", "0.999999"));
        assert!(!last_digit("0.000200", "0.000203"));
        assert!(!last_digit("2", "1"));
    }

    #[test]
    fn rows_without_a_partner_are_told_from_fields() {
        let row = |pairs: &[(&str, &str)]| -> Row {
            pairs
                .iter()
                .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
                .collect()
        };
        let ends = [("id.orig_h", "a"), ("id.resp_h", "b")];
        let one = |query| row(&[ends[0], ends[1], ("query", query), ("ts", "1")]);
        let comparison = compare(&[one("x"), one("y")], &[one("y"), one("z"), one("w")]);
        let kinds: Vec<_> = comparison.differences.iter().map(|d| d.kind).collect();
        assert_eq!((comparison.matched, comparison.fields), (2, 6));
        assert_eq!(kinds, ["field", "extra"]);
    }
}
