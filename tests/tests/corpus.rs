//! A fixed sample of the corpus scored against other tools, Zeek's expected logs, and every capture for damage.

use std::time::Duration;

use portreeve_tests::agreement::Agreement;
use portreeve_tests::binary::Run;
use portreeve_tests::corpus::Corpus;
use portreeve_tests::ledger::Ledger;
use portreeve_tests::truth::Truth;
use portreeve_tests::{items, parallel, score, zeek};

#[test]
fn the_sample_agrees_with_other_tools() {
    let Some(corpus) = Corpus::find() else { return };
    let captures = corpus.select(include_str!("../data/sample.txt"));
    assert!(captures.len() >= 55);
    let found = parallel::map(&captures, |capture| {
        let path = corpus.path(capture);
        let records = Run::file(&path).output().records();
        (score::flows(&records), items::of(&path))
    });
    let mut agreement = Agreement::default();
    for (capture, (flows, items)) in captures.iter().zip(&found) {
        let truth = Truth::of(&corpus, capture).expect("its truth");
        agreement.add(capture, flows, &truth);
        agreement.add_items(capture, items, &truth);
    }
    let misses: Vec<String> = agreement
        .scores
        .iter()
        .flat_map(|(id, score)| score.misses.iter().map(move |miss| format!("{id}: {miss}")))
        .collect();
    for kind in items::KINDS {
        let (recall, precision) = agreement.item_ratios(kind);
        let misses: Vec<_> = agreement.items[kind]
            .iter()
            .flat_map(|(id, score)| score.misses.iter().map(move |miss| format!("{id}: {miss}")))
            .collect();
        assert!(
            recall.share() >= Some(0.99) && precision.share() >= Some(0.99),
            "{kind}: {recall:?}, {precision:?}\n{}",
            misses.join("\n")
        );
    }
    for (name, mean, _) in &agreement.means()[..3] {
        assert!(
            *mean >= 0.995,
            "{name}: {:.2} %\n{}",
            100.0 * mean,
            misses.join("\n")
        );
    }
}

#[test]
fn zeeks_own_expected_logs_differ_only_as_explained() {
    let Some(corpus) = Corpus::find() else { return };
    let known = zeek::known_differences();
    let baselines: Vec<_> = zeek::baselines().into_iter().filter(|b| b.used).collect();
    let comparisons = parallel::map(&baselines, |baseline| zeek::run(&corpus, baseline));
    let mut unexplained = Vec::new();
    let mut fields = 0;
    for (baseline, comparison) in baselines.iter().zip(comparisons) {
        fields += comparison.fields;
        for difference in comparison.differences {
            if !known
                .iter()
                .any(|known| known.explains(&baseline.log, &difference))
            {
                unexplained.push(format!("{}: {difference:?}", baseline.log));
            }
        }
    }
    assert!(fields > 2000, "{fields}");
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

#[test]
fn every_known_difference_is_explained_and_still_there() {
    let Some(corpus) = Corpus::find() else { return };
    let baselines: Vec<_> = zeek::baselines().into_iter().filter(|b| b.used).collect();
    let comparisons = parallel::map(&baselines, |baseline| zeek::run(&corpus, baseline));
    for known in zeek::known_differences() {
        assert!(known.why.len() > 10, "{known:?}");
        let used = baselines
            .iter()
            .zip(&comparisons)
            .any(|(baseline, comparison)| {
                comparison
                    .differences
                    .iter()
                    .any(|d| known.explains(&baseline.log, d))
            });
        assert!(used, "no longer there: {known:?}");
    }
}

/// Every capture, sound, damaged and hostile: an exit code that is documented, bounded time and memory, and a ledger that adds up.
#[test]
fn every_capture_is_read_and_accounted_for() {
    let Some(corpus) = Corpus::find() else { return };
    let captures = corpus.captures();
    assert!(captures.len() > 2000);
    let faults: Vec<String> = parallel::map(&captures, |capture| {
        let run = Run::file(&corpus.path(capture)).limit(Duration::from_secs(20));
        let output = run.output();
        let fault = |what: String| Some(format!("{}: {what}\n{}", capture.id(), output.stderr));
        match output.status.code() {
            None => return fault(format!("{}", output.status)),
            Some(0 | 1) => {}
            Some(code) => return fault(format!("exit code {code}")),
        }
        if output.status.code() == Some(1) && output.stderr.trim().is_empty() {
            return fault("failed without a word".to_owned());
        }
        let Some(ledger) = Ledger::read(&output.stderr) else {
            // A file that could not be opened at all has no books.
            let opened = output.status.code() == Some(0) || !output.stdout.is_empty();
            return opened.then(|| format!("{}: no ledger", capture.id()));
        };
        if !ledger.faults().is_empty() {
            return fault(ledger.faults().join(", "));
        }
        // What the file structure holds is what was delivered, where the structure is sound.
        let delivered = ledger.total("delivered");
        if capture.status == "ok" && delivered != capture.packets {
            return fault(format!(
                "{delivered} packets delivered of {}",
                capture.packets
            ));
        }
        None
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The pcapng conformance set: its block counts say how many packets there are.
#[test]
fn pcapng_files_hold_the_packets_their_generator_says() {
    let Some(corpus) = Corpus::find() else { return };
    let mut checked = 0;
    for capture in corpus
        .captures()
        .iter()
        .filter(|capture| capture.set == "pcapng-gen")
    {
        let expected = corpus
            .root()
            .join("pcapng-gen/expected")
            .join(capture.name.replace(".pcapng", ".txt"));
        let Ok(text) = std::fs::read_to_string(&expected) else {
            continue;
        };
        let packets: u64 = text
            .lines()
            .filter_map(|line| line.trim().split_once(':'))
            .filter(|(block, _)| ["EPB", "SPB", "PB"].contains(block))
            .map(|(_, count)| count.trim().parse::<u64>().expect("a count"))
            .sum();
        let output = Run::file(&corpus.path(capture)).output();
        assert_eq!(output.code(), 0, "{}: {}", capture.id(), output.stderr);
        assert_eq!(
            output.ledger().total("delivered"),
            packets,
            "{}",
            capture.id()
        );
        checked += 1;
    }
    assert!(checked >= 25, "{checked}");
}

/// Captures whose records depend on the number of workers, and why (docs/agreement.md, "One worker and many").
const NOT_THE_SAME_WITH_MANY: &[&str] = &[
    // One conversation inside of two tunnels.
    "zeek/tunnels__Teredo.pcap",
    "ndpi/default__pcap__teredo.pcap",
    // Time runs back by minutes.
    "ipfixprobe/tls.pcap",
];

/// Captures with facts that one of several conversations tells: a name that another worker heard, who spoke first, a certificate that two servers sent.
const FACTS_OF_SEVERAL: &[&str] = &[
    "ndpi/pcap/default__pcap__weibo.pcap",
    "tcpdump/pcap/tests__resp_1_benchmark.pcap",
    "zeek/pcap/tls__google-cert-repeat.pcap",
];

#[test]
fn what_is_joined_of_several_conversations_is_the_same_with_one_worker_and_three() {
    let Some(corpus) = Corpus::find() else { return };
    for capture in FACTS_OF_SEVERAL {
        let records = |workers: &str| {
            let run = Run::file(&corpus.root().join(capture)).args(["--workers", workers]);
            let lines = run.output().records().into_iter();
            // That each worker measures for itself.
            let mut lines: Vec<String> = lines
                .filter(|line| line.path() != "capture_loss")
                .map(|line| serde_json::to_string(&line.0).expect("JSON"))
                .collect();
            lines.sort();
            lines
        };
        let alone = records("1");
        assert!(alone.len() > 10, "{capture}");
        for turn in 0..3 {
            let shared = records("3");
            let first = alone.iter().zip(&shared).find(|(one, three)| one != three);
            assert!(alone == shared, "{capture}, run {turn}: {first:?}");
        }
    }
}

#[test]
fn one_worker_and_four_give_the_same_conversations() {
    let Some(corpus) = Corpus::find() else { return };
    let captures = corpus.select(include_str!("../data/sample.txt"));
    let differing = parallel::map(&captures, |capture| {
        if NOT_THE_SAME_WITH_MANY.contains(&capture.id().as_str()) {
            return None;
        }
        let records = |workers: &str| {
            let run = Run::file(&corpus.path(capture)).args(["--workers", workers]);
            let mut lines: Vec<String> = run
                .output()
                .records()
                .into_iter()
                .filter(|line| line.path().starts_with("conn"))
                .map(|mut line| {
                    // A flow that is due at the very end ends by either.
                    line.0.remove("end_reason");
                    serde_json::to_string(&line.0).expect("JSON")
                })
                .collect();
            lines.sort();
            lines
        };
        let (one, four) = (records("1"), records("4"));
        let first = one.iter().zip(&four).find(|(one, four)| one != four);
        (one != four).then(|| {
            format!(
                "{}: {} and {}\n{first:?}",
                capture.id(),
                one.len(),
                four.len()
            )
        })
    });
    let differing: Vec<String> = differing.into_iter().flatten().collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
