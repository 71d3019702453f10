//! What conversations are about, against what other tools say: Zeek's expected logs, nDPI's flows, tshark's fields, Suricata's checks.

use portreeve_tests::corpus::Corpus;
use portreeve_tests::{ndpi, suricata, tshark, zeek_logs};

#[test]
fn zeeks_logs_of_applications_differ_only_as_explained() {
    let Some(corpus) = Corpus::find() else { return };
    let plan = zeek_logs::plan(&corpus);
    let summary = zeek_logs::summary(&plan, &zeek_logs::compare_all(&corpus, &plan));
    assert!(summary.faults.is_empty(), "{}", summary.faults.join("\n"));
    assert!(
        summary.idle.is_empty(),
        "no longer there: {}",
        summary.idle.join("\n")
    );
    let (rows, fields) = summary.logs.values().fold((0, 0), |(rows, fields), log| {
        (rows + log.matched, fields + log.fields)
    });
    assert!(rows >= 480 && fields > 8000, "{rows}, {fields}");
    // Every class has a reason, and every reason is needed.
    let classes: Vec<&str> = zeek_logs::classes()
        .iter()
        .map(|(class, _)| *class)
        .collect();
    for class in summary.classes.keys() {
        assert!(classes.contains(class), "{class} has no reason");
    }
    for class in classes {
        assert!(summary.classes.contains_key(class), "{class} is nowhere");
    }
}

#[test]
fn ndpis_protocols_and_products_are_ours_or_it_is_said_why_not() {
    let Some(corpus) = Corpus::find() else { return };
    let agreement = ndpi::compare(&corpus, |_| true);
    assert!(
        agreement.faults.is_empty(),
        "{}",
        agreement.faults.join("\n")
    );
    let (same, of) = agreement.same();
    assert!(of > 900 && same * 100 >= of * 98, "{same} of {of}");
}

/// Of the captures that `make agree` asks tshark of, every so many.
const EVERY: usize = 4;

#[test]
fn tsharks_fields_are_ours_or_it_is_said_why_not() {
    let Some(corpus) = Corpus::find() else { return };
    if !tshark::is_there() {
        eprintln!("tshark is not there: NOT compared with its fields");
        return;
    }
    let captures: Vec<_> = tshark::captures(&corpus)
        .into_iter()
        .step_by(EVERY)
        .collect();
    let agreement = tshark::compare(&corpus, &captures);
    assert!(
        agreement.faults.is_empty(),
        "{}",
        agreement.faults.join("\n")
    );
    let items: u64 = agreement.sums.values().map(|sum| sum.found.of).sum();
    assert!(items > 50, "{items}");
}

#[test]
fn suricatas_checks_are_met_or_it_is_said_why_not() {
    let Some(corpus) = Corpus::find() else { return };
    let agreement = suricata::compare(&corpus);
    assert!(
        agreement.faults.is_empty(),
        "{}",
        agreement.faults.join("\n")
    );
    let met: u64 = agreement
        .events
        .values()
        .map(|sum| sum.met + sum.otherwise)
        .sum();
    assert!(met > 400, "{met}");
}
