//! `make agree`: every capture of the corpus through `portreeve`, scored against what other tools found.
//!
//! Prints the tables that `docs/agreement.md` keeps; exits with 1 if a score is below 99.5 % or a difference is not explained.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use portreeve_tests::agreement::Agreement;
use portreeve_tests::binary::Run;
use portreeve_tests::corpus::{Capture, Corpus};
use portreeve_tests::truth::Truth;
use portreeve_tests::{items, ndpi, parallel, score, suricata, tshark, zeek, zeek_logs};

const USAGE: &str = "\
usage: agree [--all | --sample | --applications | SET/CAPTURE…] [--misses N] [--write FILE]
  --all         every capture of the corpus that PORTREEVE_CORPUS names
  --applications
                what Zeek's logs, nDPI's flows, tshark's fields and Suricata's checks say of applications, alone (--all has it too)
  --sample      those that `cargo test` takes
  --misses N    show up to N examples of each kind of difference
  --write FILE  put the tables between FILE's agree:begin and agree:end, and agree-applications:begin and agree-applications:end lines";

/// The least mean share per capture that conversations, packets and Community IDs must reach.
const LEAST: f64 = 0.995;

/// The least recall and precision of each kind of items. Below 99 % is what docs/agreement.md explains.
fn least(kind: &str) -> (f64, f64) {
    match kind {
        "ja3s" => (0.99, 0.97),
        "ja4" => (0.99, 0.88),
        _ => (0.99, 0.99),
    }
}

#[derive(Default)]
struct Options {
    captures: Vec<Capture>,
    all: bool,
    applications: bool,
    misses: usize,
    write: Option<PathBuf>,
}

fn options(corpus: &Corpus) -> Option<Options> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--all" => {
                options.captures = corpus.captures();
                options.all = true;
                options.applications = true;
            }
            "--applications" => options.applications = true,
            "--sample" => options.captures = corpus.select(include_str!("../../data/sample.txt")),
            "--misses" => options.misses = arguments.next()?.parse().ok()?,
            "--write" => options.write = Some(arguments.next()?.into()),
            id if !id.starts_with('-') => options.captures.extend(corpus.select(id)),
            _ => return None,
        }
    }
    (!options.captures.is_empty() || options.applications).then_some(options)
}

fn main() -> ExitCode {
    let Some(corpus) = Corpus::find() else {
        return ExitCode::from(2);
    };
    let Some(options) = options(&corpus) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut good = true;
    if options.applications {
        let (tables, faults) = applications(&corpus);
        good &= faults == 0;
        println!("{tables}");
        write(&options, "agree-applications", &tables);
    }
    if !options.captures.is_empty() {
        good &= conversations(&corpus, &options);
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn write(options: &Options, marker: &str, tables: &str) {
    if let Some(file) = &options.write {
        let text = std::fs::read_to_string(file).expect("the file to write the tables into");
        let text = replace_tables(&text, marker, tables);
        std::fs::write(file, text).expect("the same file");
    }
}

/// Conversations and items of the captures; whether all is as good as it should be.
fn conversations(corpus: &Corpus, options: &Options) -> bool {
    let results = tempfile::tempdir().expect("a temporary folder");
    let found = parallel::map(&options.captures, |capture| {
        let output = Run::file(&corpus.path(capture)).output();
        (
            score::flows(&output.records()),
            items::of(&corpus.path(capture)),
        )
    });
    let mut agreement = Agreement::default();
    for (capture, (flows, items)) in options.captures.iter().zip(&found) {
        score::write_result(results.path(), capture, flows, items).expect("the results folder");
        if let Some(truth) = Truth::of(corpus, capture) {
            agreement.add(capture, flows, &truth);
            agreement.add_items(capture, items, &truth);
        }
    }
    let mut tables = agreement.markdown();
    let mut good = true;
    for (name, mean, _) in &agreement.means()[..3] {
        if *mean < LEAST {
            println!(
                "{name}: {:.2} % is less than {:.1} %",
                100.0 * mean,
                100.0 * LEAST
            );
            good = false;
        }
    }
    for kind in items::KINDS.into_iter().filter(|_| options.all) {
        let (recall, precision) = agreement.item_ratios(kind);
        let (least_recall, least_precision) = least(kind);
        if recall.share() < Some(least_recall) || precision.share() < Some(least_precision) {
            println!("{kind}: {recall:?}, {precision:?} is less than it was");
            good = false;
        }
    }
    show_misses(&agreement, options.misses);
    if options.all {
        let (table, unexplained) = compare_with_zeek(corpus);
        tables.push('\n');
        tables.push_str(&table);
        good &= unexplained == 0;
        println!("The corpus's own score:");
        let status = Command::new("python3")
            .arg(corpus.root().join("bin/score.py"))
            .arg(results.path())
            .status();
        good &= status.is_ok_and(|status| status.success());
        println!();
    }
    println!("{tables}");
    write(options, "agree", &tables);
    good
}

fn show_misses(agreement: &Agreement, most: usize) {
    if most == 0 {
        return;
    }
    for (capture, score) in &agreement.scores {
        for miss in score.misses.iter().take(most) {
            println!("score\t{capture}\t{miss}");
        }
    }
    for (kind, captures) in &agreement.items {
        for (capture, score) in captures {
            for miss in score.misses.iter().take(most) {
                println!("{kind}\t{capture}\t{miss}");
            }
        }
    }
    for (name, question) in &agreement.questions {
        for (class, examples) in &question.examples {
            for example in examples.iter().take(most) {
                println!("{name}\t{class}\t{example}");
            }
        }
    }
}

/// Compares with every expected log of Zeek's that is used: a table, and the number of differences that nothing explains.
fn compare_with_zeek(corpus: &Corpus) -> (String, usize) {
    let known = zeek::known_differences();
    let baselines: Vec<_> = zeek::baselines().into_iter().filter(|b| b.used).collect();
    let comparisons = parallel::map(&baselines, |baseline| zeek::run(corpus, baseline));
    let (mut rows, mut fields, mut explained, mut unexplained) = (0, 0, 0, 0);
    for (baseline, comparison) in baselines.iter().zip(&comparisons) {
        rows += comparison.rows;
        fields += comparison.fields;
        for difference in &comparison.differences {
            if known
                .iter()
                .any(|known| known.explains(&baseline.log, difference))
            {
                explained += 1;
                continue;
            }
            unexplained += 1;
            println!(
                "zeek\t{}\t{}\t{}\tZeek {}\there {}\t{}",
                baseline.log,
                difference.kind,
                difference.what,
                difference.expected,
                difference.got,
                difference.row
            );
        }
    }
    let table = format!(
        "| Zeek's expected logs | rows | fields compared | explained differences | others |\n\
         | ---: | ---: | ---: | ---: | ---: |\n\
         | {} | {rows} | {fields} | {explained} | {unexplained} |\n",
        baselines.len()
    );
    (table, unexplained)
}

/// Compares what is said of applications: tables, and the number of differences that nothing explains.
fn applications(corpus: &Corpus) -> (String, usize) {
    let plan = zeek_logs::plan(corpus);
    let zeek = zeek_logs::summary(&plan, &zeek_logs::compare_all(corpus, &plan));
    let ndpi = ndpi::compare(corpus, |_| true);
    let suricata = suricata::compare(corpus);
    let mut tables = vec![zeek.markdown(), ndpi.markdown()];
    let mut faults = vec![
        ("zeek", &zeek.faults),
        ("ndpi", &ndpi.faults),
        ("suricata", &suricata.faults),
    ];
    let fields = tshark::is_there().then(|| tshark::compare(corpus, &tshark::captures(corpus)));
    match &fields {
        Some(fields) => {
            tables.push(fields.markdown());
            faults.push(("tshark", &fields.faults));
        }
        None => println!("tshark is not there: its fields are not compared"),
    }
    tables.push(suricata.markdown());
    let mut all = 0;
    for (tool, faults) in faults {
        all += faults.len();
        for fault in faults {
            println!("{tool}\t{fault}");
        }
    }
    (tables.join("\n"), all)
}

fn replace_tables(text: &str, marker: &str, tables: &str) -> String {
    let (begin, end) = (format!("{marker}:begin"), format!("{marker}:end"));
    let mut out = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.contains(&end) {
            out.push_str(tables);
            inside = false;
        }
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        inside |= line.contains(&begin);
    }
    out
}
