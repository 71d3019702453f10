//! Zeek's own expected connection logs, and comparing ours with them field by field.

use std::collections::BTreeMap;
use std::path::Path;

use crate::binary::Run;
use crate::conn::Line;
use crate::corpus::Corpus;

/// One row of a Zeek log: its fields by name, as text.
pub type Row = BTreeMap<String, String>;

/// What becomes of one expected log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Its path under `zeek/expected/`.
    pub log: String,
    /// Its capture, in the set `zeek`; `-` if the corpus has none.
    pub capture: String,
    /// Whether it is compared.
    pub used: bool,
    /// Arguments for `portreeve` that answer to how Zeek was run.
    pub options: Vec<String>,
    /// Why it is not compared, or what is known of it.
    pub note: String,
}

/// A difference that is known and explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The log; `*` is every one.
    pub log: String,
    /// `field`, `row` (Zeek has a row that we do not), or `extra` (we have one that Zeek does not).
    pub kind: String,
    /// The field; for rows, what their text must contain.
    pub what: String,
    /// Zeek's value; `*` is any.
    pub expected: String,
    /// Ours; `*` is any.
    pub got: String,
    /// The explanation.
    pub why: String,
}

/// The list of expected logs that comes with the tests.
///
/// # Panics
/// If a line has not the columns it should.
#[must_use]
pub fn baselines() -> Vec<Baseline> {
    table(include_str!("../data/zeek-baselines.tsv"), 5)
        .into_iter()
        .map(|columns| Baseline {
            log: columns[0].to_owned(),
            capture: columns[1].to_owned(),
            used: columns[2] == "use",
            options: match columns[3] {
                "-" => Vec::new(),
                options => options.split(';').map(str::to_owned).collect(),
            },
            note: columns[4].to_owned(),
        })
        .collect()
}

/// The differences that are known and explained.
///
/// # Panics
/// If a line has not the columns it should.
#[must_use]
pub fn known_differences() -> Vec<Known> {
    table(include_str!("../data/zeek-known-differences.tsv"), 6)
        .into_iter()
        .map(|columns| Known {
            log: columns[0].to_owned(),
            kind: columns[1].to_owned(),
            what: columns[2].to_owned(),
            expected: columns[3].to_owned(),
            got: columns[4].to_owned(),
            why: columns[5].to_owned(),
        })
        .collect()
}

pub(crate) fn table(text: &'static str, width: usize) -> Vec<Vec<&'static str>> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), width, "{line}");
            columns
        })
        .collect()
}

/// Reads an expected log: Zeek's TSV with its header lines, or `zeek-cut`'s output with one line of names.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn read(path: &Path) -> Vec<Row> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with("###") && !line.is_empty())
    {
        if let Some(fields) = line.strip_prefix("#fields\t") {
            names = Some(fields.split('\t').map(str::to_owned).collect());
        } else if line.starts_with('#') {
            // Other header lines.
        } else if let Some(names) = &names {
            rows.push(
                names
                    .iter()
                    .cloned()
                    .zip(line.split('\t').map(str::to_owned))
                    .collect(),
            );
        } else if line
            .split('\t')
            .all(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            names = Some(line.split('\t').map(str::to_owned).collect());
        } else {
            // `zeek-cut` without names: this one baseline (community-id-logging-flipped) has these.
            let fields = [
                "id.orig_h",
                "id.orig_p",
                "id.resp_h",
                "id.resp_p",
                "proto",
                "service",
                "community_id",
            ];
            rows.push(
                fields
                    .map(str::to_owned)
                    .into_iter()
                    .zip(line.split('\t').map(str::to_owned))
                    .collect(),
            );
        }
    }
    rows
}

/// Fields that cannot be compared: Zeek's test suite masks times, draws its own uids, and knows services and local networks by its scripts.
const NOT_COMPARED: &[&str] = &["ts", "uid", "service", "local_orig", "local_resp"];

/// Whether a field of an expected log is compared.
#[must_use]
pub fn is_compared(field: &str) -> bool {
    !NOT_COMPARED.contains(&field)
        && !field.ends_with("_l2_addr")
        && !field.starts_with("id.ctx.")
        && field != "id.inits"
}

/// One of our records as a row with the fields of an expected one.
#[must_use]
pub fn row_like(line: &Line, expected: &Row) -> Row {
    expected
        .keys()
        .map(|field| {
            (
                field.clone(),
                if field == "tunnel_parents" {
                    parents(line)
                } else {
                    line.zeek(field)
                },
            )
        })
        .collect()
}

fn parents(line: &Line) -> String {
    if line.has("tunnel_parents") {
        "yes"
    } else {
        "-"
    }
    .to_owned()
}

/// A difference between an expected log and ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `field`, `row` or `extra`, as in [`Known::kind`].
    pub kind: &'static str,
    /// The field, or the row as text.
    pub what: String,
    /// Zeek's value.
    pub expected: String,
    /// Ours.
    pub got: String,
    /// The row the field is in.
    pub row: String,
}

/// How one expected log and ours compare.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Rows expected.
    pub rows: u64,
    /// Fields compared.
    pub fields: u64,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// Runs `portreeve` over a baseline's capture as Zeek was run, and compares.
///
/// # Panics
/// If the corpus lacks the capture or the log.
#[must_use]
pub fn run(corpus: &Corpus, baseline: &Baseline) -> Comparison {
    let expected = read(&corpus.root().join("zeek/expected").join(&baseline.log));
    let mut run = Run::file(&corpus.root().join("zeek/pcap").join(&baseline.capture));
    for option in &baseline.options {
        run = run.arg(option);
    }
    compare(&expected, &run.output().records(), true)
}

/// Compares the rows that Zeek expects with our records: rows are paired so that the fewest fields differ.
///
/// `complete`: whether Zeek's rows are all the connections there are (no filter was used that we did not).
#[must_use]
pub fn compare(expected: &[Row], lines: &[Line], complete: bool) -> Comparison {
    let mut comparison = Comparison {
        rows: expected.len() as u64,
        ..Comparison::default()
    };
    let mut ours: Vec<&Line> = lines.iter().filter(|line| line.path() == "conn").collect();
    let mut waiting: Vec<Row> = expected.iter().map(normal).collect();
    // The closest pairs first.
    while !waiting.is_empty() && !ours.is_empty() {
        let mut best: Option<(usize, usize, usize)> = None;
        for (i, row) in waiting.iter().enumerate() {
            for (j, line) in ours.iter().enumerate() {
                let got = row_like(line, row);
                if !same_conversation(row, &got) {
                    continue;
                }
                let differing = row
                    .keys()
                    .filter(|f| is_compared(f) && row[*f] != got[*f])
                    .count();
                if best.is_none_or(|(least, ..)| differing < least) {
                    best = Some((differing, i, j));
                }
            }
        }
        let Some((_, i, j)) = best else { break };
        let (row, line) = (waiting.remove(i), ours.remove(j));
        let got = row_like(line, &row);
        for (field, value) in row.iter().filter(|(field, _)| is_compared(field)) {
            comparison.fields += 1;
            if *value != got[field] {
                comparison.differences.push(Difference {
                    kind: "field",
                    what: field.clone(),
                    expected: value.clone(),
                    got: got[field].clone(),
                    row: describe(line),
                });
            }
        }
    }
    for row in waiting {
        let text: Vec<&str> = row.values().map(String::as_str).collect();
        let text = text.join(" ");
        comparison.differences.push(Difference {
            kind: "row",
            what: text.clone(),
            expected: text.clone(),
            got: "-".to_owned(),
            row: text,
        });
    }
    for line in ours.into_iter().filter(|_| complete) {
        comparison.differences.push(Difference {
            kind: "extra",
            what: describe(line),
            expected: "-".to_owned(),
            got: describe(line),
            row: describe(line),
        });
    }
    comparison
}

fn normal(row: &Row) -> Row {
    let mut row = row.clone();
    if let Some(parents) = row
        .get_mut("tunnel_parents")
        .filter(|parents| *parents != "-")
    {
        "yes".clone_into(parents);
    }
    row
}

/// Whether two rows can be the same conversation: the same ends, either way round, where the row says which.
fn same_conversation(a: &Row, b: &Row) -> bool {
    let ends = |row: &Row| {
        let end = |who: &str| {
            let address = row.get(&format!("id.{who}_h")).cloned().unwrap_or_default();
            let port = row.get(&format!("id.{who}_p")).cloned();
            (address, port)
        };
        (end("orig"), end("resp"), row.get("proto").cloned())
    };
    let ((a1, a2, ap), (b1, b2, bp)) = (ends(a), ends(b));
    let same = |x: &(String, Option<String>), y: &(String, Option<String>)| x == y;
    let other_transport = |p: &Option<String>| p.as_deref() == Some("unknown_transport");
    if other_transport(&ap) {
        // Zeek knows no ports of these.
        return (a1.0 == b1.0 && a2.0 == b2.0) || (a1.0 == b2.0 && a2.0 == b1.0);
    }
    ap == bp && ((same(&a1, &b1) && same(&a2, &b2)) || (same(&a1, &b2) && same(&a2, &b1)))
}

/// A record in short, for a person to read.
#[must_use]
pub fn describe(line: &Line) -> String {
    let fields = [
        "proto",
        "id.orig_h",
        "id.orig_p",
        "id.resp_h",
        "id.resp_p",
        "conn_state",
        "history",
        "duration",
        "orig_bytes",
        "resp_bytes",
        "orig_pkts",
        "resp_pkts",
        "ip_proto",
        "vlan",
    ];
    fields.map(|field| line.zeek(field)).join(" ")
}

impl Known {
    /// Whether this explains the difference, in this log.
    #[must_use]
    pub fn explains(&self, log: &str, difference: &Difference) -> bool {
        let any = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        any(&self.log, log)
            && self.kind == difference.kind
            && match difference.kind {
                "field" => {
                    any(&self.what, &difference.what)
                        && any(&self.expected, &difference.expected)
                        && any(&self.got, &difference.got)
                }
                _ => self.what == "*" || difference.what.contains(&self.what),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn;

    #[test]
    fn rows_pair_by_their_ends_and_differ_by_field() {
        let expected: Vec<Row> = [("S0", "1"), ("SF", "2")]
            .iter()
            .map(|(state, pkts)| {
                [
                    ("id.orig_h", "1.1.1.1"),
                    ("id.orig_p", "5"),
                    ("id.resp_h", "2.2.2.2"),
                    ("id.resp_p", "80"),
                    ("proto", "tcp"),
                    ("conn_state", state),
                    ("orig_pkts", pkts),
                ]
                .iter()
                .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
                .collect()
            })
            .collect();
        let lines = conn::read(
            r#"{"_path":"conn","id.orig_h":"1.1.1.1","id.orig_p":5,"id.resp_h":"2.2.2.2","id.resp_p":80,"proto":"tcp","conn_state":"SF","orig_pkts":3}
               {"_path":"conn","id.orig_h":"1.1.1.1","id.orig_p":5,"id.resp_h":"2.2.2.2","id.resp_p":80,"proto":"tcp","conn_state":"S0","orig_pkts":1}
               {"_path":"conn","id.orig_h":"3.3.3.3","id.orig_p":5,"id.resp_h":"2.2.2.2","id.resp_p":80,"proto":"tcp","conn_state":"S0","orig_pkts":1}"#,
        );
        let comparison = compare(&expected, &lines, true);
        assert_eq!(comparison.rows, 2);
        assert_eq!(comparison.fields, 14);
        let kinds: Vec<_> = comparison
            .differences
            .iter()
            .map(|d| (d.kind, d.expected.as_str(), d.got.as_str()))
            .collect();
        assert_eq!(kinds[0], ("field", "2", "3"));
        assert_eq!(kinds[1].0, "extra");
        assert_eq!(kinds.len(), 2);
    }
}
